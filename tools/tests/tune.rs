//! `ait tune` as a process: killed at any time, and beside another one.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ait_passes::cost::Record;
use ait_runtime::tuning::Log;
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Two convolutions of which the second can be pruned.
const NETWORK: &str = r#"module @net { func.func @main(%x: tensor<1x8x10x10xf32> {ait.name = "x"}) -> (tensor<1x16x10x10xf32> {ait.name = "y"}) {
  %w = "ait.constant"() {value = dense<0.5> : tensor<16x8x1x1xf32>} : () -> tensor<16x8x1x1xf32>
  %v = "ait.constant"() {value = dense<0.25> : tensor<16x16x3x3xf32>} : () -> tensor<16x16x3x3xf32>
  %b = "ait.constant"() {value = dense<1.0> : tensor<16xf32>} : () -> tensor<16xf32>
  %y = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x8x10x10xf32>, tensor<16x8x1x1xf32>, tensor<16xf32>) -> tensor<1x16x10x10xf32> loc("stem")
  %z = "ait.conv2d"(%y, %v, %b) {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x16x10x10xf32>, tensor<16x16x3x3xf32>, tensor<16xf32>) -> tensor<1x16x10x10xf32> loc("body")
  return %z : tensor<1x16x10x10xf32> } }"#;

fn tune(directory: &Path, budget: u32) -> Child {
    std::fs::write(directory.join("net.mlir"), NETWORK).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ait"));
    command.args(["tune", "net.mlir", "--log", "log.jsonl", "--summary", "profile", "--budget"]);
    command.arg(budget.to_string()).current_dir(directory);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn finished(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).matches("nothing was right").count(), 0);
    stderr
}

/// Every whole line is a record, and no two have one key.
fn lines(directory: &Path) -> usize {
    let text = std::fs::read_to_string(directory.join("log.jsonl")).unwrap_or_default();
    let whole: Vec<_> = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
    let keys: BTreeSet<_> =
        whole.iter().map(|line| serde_json::from_str::<Record>(line).unwrap().key).collect();
    assert_eq!(keys.len(), whole.len(), "something was measured twice");
    whole.len()
}

#[test]
fn killed_ten_times_nothing_is_lost_or_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let mut before = 0;
    for _ in 0..10 {
        let mut child = tune(directory.path(), 20);
        std::thread::sleep(Duration::from_millis(random.random_range(20..1500)));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = lines(directory.path());
        assert!(now >= before, "records were lost");
        before = now;
    }
    finished(tune(directory.path(), 20));
    assert_eq!(lines(directory.path()), 60);
    let log = Log::<Record>::read(&directory.path().join("log.jsonl")).unwrap();
    assert!(log.records().all(|record| record.outcome.cycles().is_some()));
    // What compiles from it says nothing aloud: all records count.
    let mut compile = Command::new(env!("CARGO_BIN_EXE_ait"));
    compile.args(["compile", "net.mlir", "--layout", "cnhw", "--tuning-log", "log.jsonl", "--prune-config"]);
    let output = compile.arg("profile/prune.toml").current_dir(directory.path()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn two_processes_share_a_log() {
    let directory = tempfile::tempdir().unwrap();
    let both = [tune(directory.path(), 8), tune(directory.path(), 8)];
    both.into_iter().for_each(|child| drop(finished(child)));
    assert_eq!(lines(directory.path()), 24);
}

#[test]
fn records_of_another_compiler_are_ignored_aloud() {
    let directory = tempfile::tempdir().unwrap();
    finished(tune(directory.path(), 1));
    let path = directory.path().join("log.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"compiler\":\"", "\"compiler\":\"old-")).unwrap();
    let mut compile = Command::new(env!("CARGO_BIN_EXE_ait"));
    compile.args(["compile", "net.mlir", "--layout", "cnhw", "--tuning-log", "log.jsonl"]);
    let output = compile.current_dir(directory.path()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && stderr.contains("3 of 3 records are of another"), "{stderr}");
}
