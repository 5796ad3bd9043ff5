//! `ait-opt` on mutated modules: an error or a result, never a panic, a crash, a hang or a memory blow-up.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

/// A number from the environment: `AIT_MUTANTS` of each module, `AIT_SEED`.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// What integers in attributes and shapes are replaced with.
const NUMBERS: [&str; 9] =
    ["0", "1", "-1", "3", "65536", "4294967296", "9223372036854775807", "-9223372036854775808", "1e999"];

fn modules(directory: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            modules(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "mlir") {
            found.push(path);
        }
    }
}

/// The byte ranges of the numbers in `text`.
fn numbers(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = vec![];
    for (at, _) in text.iter().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
        match ranges.last_mut() {
            Some(range) if range.end == at => range.end += 1,
            _ => ranges.push(at..at + 1),
        }
    }
    ranges
}

fn mutate(text: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..rng.random_range(1..=3) {
        if text.is_empty() {
            return text;
        }
        let at = rng.random_range(0..text.len());
        let to = (at + rng.random_range(1..20)).min(text.len());
        match rng.random_range(0..6) {
            0 => text[at] = rng.random(),
            1 => drop(text.drain(at..to)),
            2 => {
                let copy = text[at..to].to_vec();
                text.splice(at..at, copy);
            }
            _ => {
                if let Some(range) = numbers(&text).choose(rng) {
                    text.splice(range.clone(), NUMBERS.choose(rng).unwrap().bytes());
                }
            }
        }
    }
    text
}

fn ait(arguments: &[&str], input: &[u8]) -> Output {
    // 6 GiB of address space and 100 s are far more than any of these modules needs.
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -v 6291456; exec timeout 100 \"$@\"", "sh", env!("CARGO_BIN_EXE_ait")])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // The process may end before it has read everything.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn opt(input: &[u8]) -> Output {
    ait(&["opt", "--split-input-file", "--ait-pipeline", "-"], input)
}

/// What upstream's reader does not survive are single bits; longer damage it mostly sees.
fn damage(bytes: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.random_range(1..=2) {
        let at = rng.random_range(4..bytes.len());
        if rng.random() { bytes[at] ^= 1 << rng.random_range(0..8) } else { bytes[at] = rng.random() }
    }
    bytes
}

#[test]
fn damaged_bytecode_is_processed_or_refused() {
    let text =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../test/lowering/translate/entry.mlir")).unwrap();
    let bytecode = ait(&["opt", "--emit-bytecode", "-"], &text).stdout;
    assert!(bytecode.starts_with(b"ML\xefR"));
    let again = ait(&["opt", "--emit-bytecode", "-"], &bytecode);
    assert!(again.status.success() && again.stdout == bytecode, "{again:?}");
    let mut rng = ChaCha8Rng::seed_from_u64(setting("AIT_SEED", 2026));
    let mut died = 0;
    for _ in 0..setting("AIT_MUTANTS", 60) {
        let mutant = damage(&bytecode, &mut rng);
        let output = ait(&["opt", "-"], &mutant);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}\n{stderr}\n{mutant:?}", output.status);
        died += u32::from(stderr.contains("MLIR's reader died of signal"));
        assert!(output.status.success() || !stderr.is_empty());
    }
    println!("the reader died of {died}");
}

#[test]
fn mutants_are_processed_or_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test");
    let mut files = vec![];
    modules(&root.join("passes"), &mut files);
    assert!(files.len() > 5);
    let mut rng = ChaCha8Rng::seed_from_u64(setting("AIT_SEED", 2026));
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mutants: Vec<_> = text
            .split("// -----")
            .flat_map(|module| {
                (0..setting("AIT_MUTANTS", 60))
                    .map(|_| mutate(module.as_bytes(), &mut rng))
                    .collect::<Vec<_>>()
            })
            .collect();
        let output = opt(&mutants.join(&b"\n// -----\n"[..]));
        if matches!(output.status.code(), Some(0 | 1)) {
            // Errors are about the modules, not about how they were given.
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(stderr.contains("<stdin>:"), "{}: {stderr}", file.display());
            continue;
        }
        for mutant in mutants {
            let output = opt(&mutant);
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                matches!(output.status.code(), Some(0 | 1)),
                "{}: {:?}\n{stderr}\n{}",
                file.display(),
                output.status,
                String::from_utf8_lossy(&mutant)
            );
        }
        panic!("{}: {:?} on all mutants together only", file.display(), output.status);
    }
}
