//! The scalar reference agrees with ONNX Runtime on random cases of every op.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, outside #[test]

use std::path::Path;
use std::process::Command;

use ait_ops::Activation;
use ait_ops::ait::{self, Op};
use ait_runtime::Tensor;
use ait_runtime::npy;
use ait_runtime::paths::cache_dir;
use ait_runtime::reference::{self as r, evaluate};
use serde::Deserialize;

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
struct Case {
    name: String,
    op: String,
    inputs: usize,
    strides: [i64; 2],
    pads: [i64; 4],
    dilations: [i64; 2],
    kernel: [i64; 2],
    groups: i64,
    ceil_mode: bool,
    count_include_pad: bool,
    epsilon: f32,
    axis: i64,
    permutation: Vec<i64>,
    starts: Vec<i64>,
    sizes: Vec<i64>,
    steps: Vec<i64>,
    low: Vec<i64>,
    high: Vec<i64>,
    value: f32,
    act: String,
    alpha: f32,
    beta: f32,
    min: f32,
    max: f32,
}

impl Case {
    fn activation(&self) -> Activation {
        if self.act.is_empty() {
            return Activation::Identity;
        }
        let &Self { alpha, beta, min, max, .. } = self;
        let parameters = [("alpha", alpha), ("beta", beta), ("min", min), ("max", max)];
        let parameter = |name: &str| parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        Activation::new(&self.act, parameter).unwrap()
    }

    fn op(&self) -> Op {
        let epilogue = self.activation();
        let &Self { kernel, strides, pads, dilations, groups, ceil_mode, count_include_pad, axis, .. } = self;
        match self.op.as_str() {
            "conv2d" => Op::Conv2d(ait::Conv2d { strides, pads, dilations, groups, epilogue }),
            "gemm" => Op::Gemm(ait::Gemm { epilogue }),
            "matmul" => Op::Matmul(ait::Matmul),
            "batch_norm" => Op::BatchNorm(ait::BatchNorm { epsilon: self.epsilon }),
            "activation" => Op::Activation(ait::Activation { epilogue }),
            "prelu" => Op::Prelu(ait::Prelu),
            "add" => Op::Add(ait::Add { epilogue }),
            "sub" => Op::Sub(ait::Sub { epilogue }),
            "mul" => Op::Mul(ait::Mul { epilogue }),
            "div" => Op::Div(ait::Div { epilogue }),
            "max_pool2d" => Op::MaxPool2d(ait::MaxPool2d { kernel, strides, pads, dilations, ceil_mode }),
            "avg_pool2d" => Op::AvgPool2d(ait::AvgPool2d {
                kernel,
                strides,
                pads,
                dilations,
                ceil_mode,
                count_include_pad,
            }),
            "global_avg_pool" => Op::GlobalAvgPool(ait::GlobalAvgPool),
            "global_max_pool" => Op::GlobalMaxPool(ait::GlobalMaxPool),
            "softmax" => Op::Softmax(ait::Softmax { axis }),
            "transpose" => Op::Transpose(ait::Transpose { permutation: self.permutation.clone() }),
            "concat" => Op::Concat(ait::Concat { axis }),
            "slice" => {
                let (starts, sizes, steps) = (self.starts.clone(), self.sizes.clone(), self.steps.clone());
                Op::Slice(ait::Slice { starts, sizes, steps })
            }
            "pad" => Op::Pad(ait::Pad { low: self.low.clone(), high: self.high.clone(), value: self.value }),
            other => panic!("{other}"),
        }
    }

    fn run(&self, x: &[Tensor]) -> r::Result<Tensor> {
        evaluate(&self.op(), &x.iter().collect::<Vec<_>>())
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
