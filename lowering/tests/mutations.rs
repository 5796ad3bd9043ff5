//! Mutated modules of the buffer level: an error or an object, never a panic or a crash.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ait_lowering::{LlvmContext, Target, emit_object, read, translate, write_weights};
use ait_passes::Pipeline;
use melior::Context;
use melior::ir::Module;

/// A linear congruential generator.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

const NUMBERS: [&str; 10] = [
    "0",
    "1",
    "-1",
    "3",
    "64",
    "65536",
    "4294967296",
    "1099511627776",
    "9223372036854775807",
    "-9223372036854775808",
];

/// Modules that the planner's tests lead to, and the one of the translation's test.
fn corpus(context: &Context) -> Vec<String> {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/../test/");
    let mut names: Vec<_> = std::fs::read_dir(format!("{tests}/passes/plan_buffers"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("errors.mlir"))
        .collect();
    names.sort();
    let planned = names.iter().flat_map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.split("// -----").map(|text| plan(context, text)).collect::<Vec<_>>()
    });
    let entry = std::fs::read_to_string(format!("{tests}/lowering/translate/entry.mlir")).unwrap();
    planned.chain([entry]).collect()
}

fn plan(context: &Context, text: &str) -> String {
    let module = Module::parse(context, text).unwrap();
    Pipeline::parse(context, "ait-plan-buffers").unwrap().run(&module).unwrap();
    module.as_operation().to_string()
}

fn mutate(text: &str, random: &mut Random) -> String {
    let mut text = text.to_string();
    for _ in 0..=random.below(2) {
        let digits: Vec<usize> = text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
        let at = digits[random.below(digits.len())];
        let end = text[at..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |length| at + length);
        text.replace_range(at..end, NUMBERS[random.below(NUMBERS.len())]);
    }
    text
}

/// Whether an object came out.
fn compiles(context: &Context, target: &Target, text: &str) -> bool {
    let Some(module) = Module::parse(context, text).filter(ait_dialects::verify) else { return false };
    let Ok(model) = read(&module) else { return false };
    let llvm = LlvmContext::create();
    let Ok(checksum) = write_weights(&model, &mut std::io::sink()) else { return false };
    let Ok(lowered) = translate(context, &model, checksum, &llvm) else { return false };
    emit_object(target, &lowered).is_ok()
}

#[test]
fn mutants_are_refused_or_compile() {
    let context = ait_dialects::context();
    context.attach_diagnostic_handler(|_| true);
    let target = Target::new().unwrap();
    let corpus = corpus(&context);
    let mut random = Random(11);
    let mut good = 0;
    let rounds = std::env::var("AIT_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(400);
    for round in 0..rounds {
        let text = mutate(&corpus[round % corpus.len()], &mut random);
        good += usize::from(compiles(&context, &target, &text));
    }
    assert!(good > 0 && good < rounds);
}
