//! What is extracted can be written: random graphs of ops that share, scale and rearrange constants end in modules that the
//! verifier and kernel selection accept, in every layout.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fmt::Write;

use ait_passes::Pipeline;
use melior::ir::Module;
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

const IMAGE: &str = "tensor<2x4x6x6xf32>";
const TURNED: &str = "tensor<2x6x6x4xf32>";

/// A function of random ops on one shape of image.
fn graph(rng: &mut ChaCha8Rng) -> String {
    let mut text = format!("func.func @main(%x: {IMAGE}) -> ({IMAGE}, {IMAGE}) {{\n");
    let mut values = vec!["%x".to_owned()];
    let mut constants: Vec<(String, &str)> = vec![];
    for number in 0..rng.random_range(4..14) {
        let mut constant = |rng: &mut ChaCha8Rng, text: &mut String, shape: &'static str| {
            let known: Vec<_> = constants.iter().filter(|(_, of)| *of == shape).collect();
            if let Some((name, _)) = known.choose(rng).filter(|_| rng.random_bool(0.3)) {
                return name.clone();
            }
            let name = format!("%c{}", constants.len());
            let value: f32 = *[0.5, 1.0, -2.0, 1e-30, 1e30].choose(rng).unwrap();
            let r#type = format!("tensor<{shape}xf32>");
            writeln!(
                text,
                "{name} = \"ait.constant\"() {{value = dense<{value:.1e}> : {type}}} : () -> {type}"
            )
            .unwrap();
            constants.push((name.clone(), shape));
            name
        };
        let last = if rng.random_bool(0.7) { values.len() - 1 } else { rng.random_range(0..values.len()) };
        let x = values[last].clone();
        let name = format!("%v{number}");
        let act = ["identity", "identity", "relu"].choose(rng).unwrap();
        let epilogue = format!("epilogue = {{act = \"{act}\"}}");
        match rng.random_range(0..9) {
            kind @ 0..3 => {
                let (shape, taps, groups) = [("4x4x1x1", 0, 1), ("4x1x1x1", 0, 4), ("4x1x3x3", 1, 4)][kind];
                let (w, b) = (constant(rng, &mut text, shape), constant(rng, &mut text, "4"));
                writeln!(
                    text,
                    "{name} = \"ait.conv2d\"({x}, {w}, {b}) {{strides = array<i64: 1, 1>, pads = array<i64: {taps}, {taps}, {taps}, {taps}>, \
                     dilations = array<i64: 1, 1>, groups = {groups} : i64, {epilogue}}} : ({IMAGE}, tensor<{shape}xf32>, tensor<4xf32>) -> {IMAGE}"
                )
            }
            3 | 4 => {
                let c: Vec<_> = (0..4).map(|_| constant(rng, &mut text, "4")).collect();
                let v = "tensor<4xf32>";
                writeln!(
                    text,
                    "{name} = \"ait.batch_norm\"({x}, {}) {{epsilon = 3.0 : f32}} : ({IMAGE}, {v}, {v}, {v}, {v}) -> {IMAGE}",
                    c.join(", ")
                )
            }
            5 => {
                let (s, t) = (constant(rng, &mut text, "4"), constant(rng, &mut text, "4"));
                writeln!(
                    text,
                    "{name} = \"ait.scale_bias\"({x}, {s}, {t}) {{{epilogue}}} : ({IMAGE}, tensor<4xf32>, tensor<4xf32>) -> {IMAGE}"
                )
            }
            6 => {
                let y = values.choose(rng).unwrap();
                writeln!(text, "{name} = \"ait.add\"({x}, {y}) {{{epilogue}}} : ({IMAGE}, {IMAGE}) -> {IMAGE}")
            }
            7 => {
                let c = constant(rng, &mut text, "4x1x1");
                let r#type = "tensor<4x1x1xf32>";
                writeln!(text, "{name} = \"ait.mul\"({x}, {c}) {{{epilogue}}} : ({IMAGE}, {type}) -> {IMAGE}")
            }
            _ => writeln!(
                text,
                "%t{number} = \"ait.transpose\"({x}) {{permutation = array<i64: 0, 2, 3, 1>}} : ({IMAGE}) -> {TURNED}\n\
                 {name} = \"ait.reshape\"(%t{number}) : ({TURNED}) -> {IMAGE}"
            ),
        }
        .unwrap();
        values.push(name);
    }
    let (first, last) = (values.choose(rng).unwrap(), values.last().unwrap());
    writeln!(text, "return {first}, {last} : {IMAGE}, {IMAGE}\n}}").unwrap();
    text
}

#[test]
fn what_is_extracted_can_be_written() {
    let context = ait_dialects::context();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for number in 0..200 {
        let text = graph(&mut rng);
        let layout = ["auto", "nhwc", "cnhw"][number % 3];
        // With and without what folds batch norms before the e-graph sees them.
        let before = if number % 2 == 0 { "ait-fold-batch-norm," } else { "" };
        let passes = format!("{before}ait-eqsat{{layout={layout}}},ait-canonicalize,ait-select-kernels");
        let module = Module::parse(&context, &text).unwrap();
        assert!(ait_dialects::verify(&module), "{text}");
        let done = Pipeline::parse(&context, &passes).unwrap().run(&module);
        done.unwrap_or_else(|error| panic!("{passes}: {error}\n{text}"));
        assert!(ait_dialects::verify(&module), "{passes}\n{text}");
    }
}
