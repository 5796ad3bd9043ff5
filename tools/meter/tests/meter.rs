//! The meter on a small program in QEMU, against exact counts and against itself.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ait_cores::{Cause, Class, Core, Measure, Reading};
use ait_runtime::exec::{Job, Qemu};
use ait_runtime::target::Toolchain;
use tempfile::TempDir;

/// `program.c`, built once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, program) = PROGRAM.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let (object, program) = (directory.path().join("program.o"), directory.path().join("program"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program.c");
        let toolchain = Toolchain::find().unwrap();
        toolchain.compile(&source, &object).unwrap();
        toolchain.link(&[&object], &program).unwrap();
        (directory, program)
    });
    program
}

fn meter(core: &str, vlen: u32, arguments: &[&str]) -> Vec<Reading> {
    let mut job = Job::new(program());
    job.args = arguments.iter().map(Into::into).collect();
    Qemu::new(vlen).unwrap().meter(&job, &Core::named(core).unwrap()).unwrap()
}

#[test]
fn instructions_are_those_that_qemu_logs() {
    let counted = Qemu::new(512).unwrap().count(&Job::new(program())).unwrap();
    let metered = meter("sifive-x280", 512, &[]);
    assert_eq!((counted.len(), metered.len()), (2, 2));
    for (counted, metered) in counted.iter().zip(&metered) {
        let total = metered.total();
        assert_eq!(total.retired(), counted.retired());
        assert_eq!(total.instructions[&Class::VectorFma], counted.by_mnemonic()["vfmacc.vf"]);
        for (symbol, retired) in counted.by_function() {
            assert_eq!(metered.by_symbol()[symbol].retired(), retired, "{symbol}");
        }
    }
}

#[test]
fn figures_add_up() {
    let readings = meter("spacemit-x60", 256, &[]);
    let product = |region: usize| readings[region].by_symbol()["product"].clone();
    assert_eq!(product(0), product(1), "regions begin alike");
    let total = readings[0].total();
    let layers = readings[0].by_layer();
    assert_eq!(layers.keys().copied().collect::<Vec<_>>(), [0, 1]);
    let fmas = |measure: &Measure| measure.instructions[&Class::VectorFma];
    assert_eq!(fmas(&layers[&1]), 2 * fmas(&layers[&0]));
    // 12 rows of 96 columns and 40 steps; with 16 lanes the columns come out even.
    assert_eq!(fmas(&total), 12 * 96 / 16 * 40);
    assert_eq!(total.lane_utilisation(), Some(1.0));
    // A load of 4 bytes and one of 64 for each of them.
    assert!(total.bytes_read > fmas(&total) * 68 && total.bytes_read < fmas(&total) * 70);
    // 40 x 96 + 8 x 40 + 8 x 96 floats are 308 lines, give or take the ends and the stack.
    assert!((306..320).contains(&total.l1_misses), "{}", total.l1_misses);
    assert_eq!(total.l1_misses, total.l2_misses);
    assert_eq!(total.stalls.values().sum::<u64>(), total.cycles);
    assert!(total.stalls[&Cause::Dependency] > 0 && total.stalls[&Cause::Memory] > 0);
    assert!(total.cycles > 2 * fmas(&total), "two cycles each");
}

#[test]
fn part_of_the_lanes_is_idle_at_the_end_of_a_row() {
    // 96 columns are three times 32 lanes at VLEN 512, and once and a half 64 at VLEN 1024.
    let used = |vlen| meter("generic", vlen, &[])[0].total().lane_utilisation().unwrap();
    assert_eq!((used(512), used(1024)), (1.0, 0.75));
}

#[test]
fn figures_repeat_wherever_the_program_is() {
    let here = meter("spacemit-x60", 256, &[]);
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = directory.path().join("a-program-with-a-much-longer-name");
    std::fs::copy(program(), &elsewhere).unwrap();
    let core = Core::named("spacemit-x60").unwrap();
    assert_eq!(Qemu::new(256).unwrap().meter(&Job::new(elsewhere), &core).unwrap(), here);
}

#[test]
fn on_the_generic_core_cycles_are_instructions() {
    let total = meter("generic", 256, &[])[0].total();
    assert_eq!(total.cycles, total.retired());
    assert_eq!(total.l1_misses, 0);
}

#[test]
fn threads_are_told_apart() {
    let reading = &meter("spacemit-x60", 256, &["threads"])[0];
    let product = |thread| {
        reading.entries.iter().find(|entry| entry.symbol == "product" && entry.thread == thread).unwrap()
    };
    assert_eq!(product(0).measure.retired(), product(1).measure.retired());
    let all: u64 = reading.entries.iter().map(|entry| entry.measure.cycles).sum();
    assert!(reading.total().cycles < all);
}
