//! Passes keep what a function computes: the modules of their FileCheck tests are evaluated by the
//! scalar reference before and after, on the same input.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::{collections::HashMap, path::Path};

use ait_dialects::{access, attributes::Attributes, types};
use ait_passes::{
    Pipeline, reference_activation,
    rewrite::{Rewriter, name},
};
use ait_runtime::{
    Tensor,
    reference::{self, BinaryFn, Conv2d, Pool2d},
};
use melior::ir::{
    Module, RegionLike, Value, ValueLike,
    block::BlockLike,
    operation::{OperationLike, OperationRef},
};

fn activation(op: &OperationRef) -> reference::Activation {
    reference_activation(op.epilogue().unwrap())
}

fn sizes(op: &OperationRef, name: &str) -> Vec<usize> {
    op.i64_array(name).unwrap().into_iter().map(|value| usize::try_from(value).unwrap()).collect()
}

fn array<const N: usize>(op: &OperationRef, name: &str) -> [usize; N] {
    sizes(op, name).try_into().unwrap()
}

fn shape(value: Value) -> Vec<usize> {
    types::shape(value.r#type()).unwrap().into_iter().map(|dim| usize::try_from(dim).unwrap()).collect()
}

fn pool(op: &OperationRef) -> Pool2d {
    Pool2d {
        kernel: array(op, "kernel"),
        strides: array(op, "strides"),
        pads: array(op, "pads"),
        dilations: array(op, "dilations"),
        ceil_mode: op.bool("ceil_mode").unwrap(),
    }
}

fn apply(op: &OperationRef, x: &[&Tensor]) -> Tensor {
    let axis = || usize::try_from(op.i64("axis").unwrap()).unwrap();
    let binary = |function| reference::binary(function, x[0], x[1], activation(op));
    let computed = match name(*op).as_str() {
        "ait.constant" => {
            let data = types::f32_data(op.attribute("value").unwrap()).unwrap();
            return Tensor::new(shape(access::result(op).unwrap()), data).unwrap();
        }
        "ait.conv2d" => {
            let conv = Conv2d {
                strides: array(op, "strides"),
                pads: array(op, "pads"),
                dilations: array(op, "dilations"),
                groups: usize::try_from(op.i64("groups").unwrap()).unwrap(),
            };
            reference::conv2d(x[0], x[1], x[2], x.get(3).copied(), &conv, activation(op))
        }
        "ait.gemm" => reference::gemm(x[0], x[1], x[2], x.get(3).copied(), activation(op)),
        "ait.matmul" => reference::matmul(x[0], x[1]),
        "ait.batch_norm" => reference::batch_norm(x[0], x[1], x[2], x[3], x[4], op.f32("epsilon").unwrap()),
        "ait.scale_bias" => reference::scale_bias(x[0], x[1], x[2], activation(op)),
        "ait.activation" => return reference::activation(x[0].clone(), activation(op)),
        "ait.add" => binary(BinaryFn::Add),
        "ait.sub" => binary(BinaryFn::Sub),
        "ait.mul" => binary(BinaryFn::Mul),
        "ait.div" => binary(BinaryFn::Div),
        "ait.max_pool2d" => reference::max_pool2d(x[0], &pool(op)),
        "ait.avg_pool2d" => reference::avg_pool2d(x[0], &pool(op), op.bool("count_include_pad").unwrap()),
        "ait.global_max_pool" => reference::global_max_pool(x[0]),
        "ait.softmax" => reference::softmax(x[0], axis()),
        "ait.transpose" => reference::transpose(x[0], &sizes(op, "permutation")),
        "ait.concat" => reference::concat(x[0], x[1], axis()),
        "ait.slice" => {
            let (starts, steps) = (op.i64_array("starts").unwrap(), op.i64_array("steps").unwrap());
            reference::slice(x[0], &starts, &sizes(op, "sizes"), &steps)
        }
        "ait.pad" => {
            let value = op.f32("value").unwrap();
            reference::pad(x[0], &sizes(op, "low"), &sizes(op, "high"), value)
        }
        "ait.reshape" | "ait.convert_layout" => {
            return Tensor::new(shape(access::result(op).unwrap()), x[0].data().to_vec()).unwrap();
        }
        other => panic!("no reference for {other}"),
    };
    computed.unwrap()
}

/// Deterministic values of both signs around 0.
fn input(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let data = (0..count).map(|index| ((index * 37 + 11) % 29) as f32 / 7.0 - 2.0).collect();
    Tensor::new(shape.to_vec(), data).unwrap()
}

/// What each function of a module returns.
fn evaluate(module: &Module) -> Vec<Tensor> {
    let rewriter = Rewriter::new(module);
    let mut values: HashMap<usize, Tensor> = HashMap::new();
    let mut returned = vec![];
    let key = |value: Value| value.to_raw().ptr as usize;
    for op in rewriter.ops() {
        match name(op).as_str() {
            "func.func" => {
                let block = op.region(0).unwrap().first_block().unwrap();
                for index in 0..block.argument_count() {
                    let argument: Value = block.argument(index).unwrap().into();
                    values.insert(key(argument), input(&shape(argument)));
                }
            }
            "func.return" => returned.extend(op.operands().map(|value| values[&key(value)].clone())),
            _ => {
                let operands: Vec<_> = op.operands().map(|value| &values[&key(value)]).collect();
                let result = apply(&op, &operands);
                values.insert(key(access::result(&op).unwrap()), result);
            }
        }
    }
    returned
}

fn check(directory: &str, pipeline: &str) {
    let context = ait_dialects::context();
    let pipeline = Pipeline::parse(&context, pipeline).unwrap();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test/passes").join(directory);
    let mut compared = 0;
    for entry in directory.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        if text.contains("verify-diagnostics") {
            continue;
        }
        for part in text.split("// -----") {
            let module = Module::parse(&context, part).unwrap();
            let before = evaluate(&module);
            pipeline.run(&module).unwrap();
            let after = evaluate(&module);
            assert_eq!(before.len(), after.len());
            for (want, got) in before.iter().zip(&after) {
                assert_eq!(want.shape(), got.shape());
                for (want, got) in want.data().iter().zip(got.data()) {
                    let bound = 1e-5 * want.abs().max(1.0);
                    assert!((want - got).abs() <= bound, "{}: {want} became {got}", path.display());
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 2, "{compared} results in {}", directory.display());
}

#[test]
fn canonicalize() {
    check("canonicalize", "ait-canonicalize");
}

#[test]
fn fold_batch_norm() {
    check("fold-batch-norm", "ait-fold-batch-norm");
}

#[test]
fn eqsat() {
    check("eqsat", "ait-eqsat");
    check("eqsat", "ait-eqsat{layout=nhwc},ait-canonicalize");
    check("eqsat", "ait-eqsat{rules=fusion,pad,identity,product,batch-norm}");
}

#[test]
fn detect_sparsity() {
    check("detect-sparsity", "ait-detect-sparsity");
}

#[test]
fn all_passes_on_all_modules() {
    for directory in ["canonicalize", "fold-batch-norm", "eqsat"] {
        check(directory, "ait-canonicalize,ait-fold-batch-norm,ait-eqsat,ait-canonicalize");
    }
}
