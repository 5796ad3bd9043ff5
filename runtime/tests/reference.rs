//! The scalar reference agrees with ONNX Runtime on random cases of every op.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, outside #[test]

use std::path::Path;
use std::process::Command;

use ait_runtime::Tensor;
use ait_runtime::npy;
use ait_runtime::paths::cache_dir;
use ait_runtime::reference::{self as r, Activation, BinaryFn};
use serde::Deserialize;

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
struct Case {
    name: String,
    op: String,
    inputs: usize,
    strides: [usize; 2],
    pads: [usize; 4],
    dilations: [usize; 2],
    kernel: [usize; 2],
    groups: usize,
    ceil_mode: bool,
    count_include_pad: bool,
    epsilon: f32,
    axis: usize,
    permutation: Vec<usize>,
    starts: Vec<i64>,
    sizes: Vec<usize>,
    steps: Vec<i64>,
    low: Vec<usize>,
    high: Vec<usize>,
    value: f32,
    act: String,
    alpha: f32,
    beta: f32,
    min: f32,
    max: f32,
}

impl Case {
    fn activation(&self) -> Activation {
        let &Self { alpha, beta, min, max, .. } = self;
        match self.act.as_str() {
            "" => Activation::Identity,
            "relu" => Activation::Relu,
            "leaky_relu" => Activation::LeakyRelu { alpha },
            "clip" => Activation::Clip { min, max },
            "sigmoid" => Activation::Sigmoid,
            "hard_sigmoid" => Activation::HardSigmoid { alpha, beta },
            "hard_swish" => Activation::HardSwish,
            "tanh" => Activation::Tanh,
            "silu" => Activation::Silu,
            "elu" => Activation::Elu { alpha },
            other => panic!("{other}"),
        }
    }

    fn pool(&self) -> r::Pool2d {
        let &Self { kernel, strides, pads, dilations, ceil_mode, .. } = self;
        r::Pool2d { kernel, strides, pads, dilations, ceil_mode }
    }

    fn conv(&self) -> r::Conv2d {
        let &Self { strides, pads, dilations, groups, .. } = self;
        r::Conv2d { strides, pads, dilations, groups }
    }

    fn run(&self, x: &[Tensor]) -> r::Result<Tensor> {
        let act = self.activation();
        match self.op.as_str() {
            "conv2d" => r::conv2d(&x[0], &x[1], &x[2], None, &self.conv(), act),
            "gemm" => r::gemm(&x[0], &x[1], &x[2], None, act),
            "matmul" => r::matmul(&x[0], &x[1]),
            "batch_norm" => r::batch_norm(&x[0], &x[1], &x[2], &x[3], &x[4], self.epsilon),
            "activation" => Ok(r::activation(x[0].clone(), act)),
            "prelu" => r::prelu(&x[0], &x[1]),
            "add" => r::binary(BinaryFn::Add, &x[0], &x[1], act),
            "sub" => r::binary(BinaryFn::Sub, &x[0], &x[1], act),
            "mul" => r::binary(BinaryFn::Mul, &x[0], &x[1], act),
            "div" => r::binary(BinaryFn::Div, &x[0], &x[1], act),
            "max_pool2d" => r::max_pool2d(&x[0], &self.pool()),
            "avg_pool2d" => r::avg_pool2d(&x[0], &self.pool(), self.count_include_pad),
            "global_avg_pool" => r::global_avg_pool(&x[0]),
            "global_max_pool" => r::global_max_pool(&x[0]),
            "softmax" => r::softmax(&x[0], self.axis),
            "transpose" => r::transpose(&x[0], &self.permutation),
            "concat" => r::concat(&x[0], &x[1], self.axis),
            "slice" => r::slice(&x[0], &self.starts, &self.sizes, &self.steps),
            "pad" => r::pad(&x[0], &self.low, &self.high, self.value),
            other => panic!("{other}"),
        }
    }
}

fn generate(directory: &Path) -> Vec<Case> {
    let python = cache_dir().join("venv/bin/python");
    assert!(python.exists(), "there is no {}: run `make setup`", python.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference_cases.py");
    let output = Command::new(python).arg(script).arg(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(directory.join("cases.json")).unwrap()).unwrap()
}

fn close(got: f32, expected: f32) -> bool {
    got == expected
        || got.is_nan() && expected.is_nan()
        || (got - expected).abs() <= 2e-5 + 2e-5 * expected.abs()
}

fn difference(case: &Case, directory: &Path) -> Option<String> {
    let read = |file: String| npy::read(&directory.join(file)).unwrap();
    let inputs: Vec<Tensor> = (0..case.inputs).map(|i| read(format!("{}.{i}.npy", case.name))).collect();
    let expected = read(format!("{}.out.npy", case.name));
    let got = match case.run(&inputs) {
        Ok(got) if got.shape() == expected.shape() => got,
        other => return Some(format!("{case:?}: {other:?}, expected shape {:?}", expected.shape())),
    };
    let bad = got.data().iter().zip(expected.data()).position(|(a, b)| !close(*a, *b))?;
    Some(format!("{case:?}: element {bad} is {}, not {}", got.data()[bad], expected.data()[bad]))
}

#[test]
fn every_op_agrees_with_onnx_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let cases = generate(directory.path());
    assert!(cases.len() > 100, "{}", cases.len());
    let differences: Vec<String> =
        cases.iter().filter_map(|case| difference(case, directory.path())).collect();
    assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), cases.len(), differences.join("\n"));
}
