//! Passes keep what a function computes: the modules of their FileCheck tests are evaluated by the
//! scalar reference before and after, on the same input.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::{collections::HashMap, path::Path};

use ait_dialects::{access, types};
use ait_ops::{Op, ait};
use ait_passes::{
    Pipeline,
    rewrite::{Rewriter, name},
};
use ait_runtime::{Tensor, reference};
use melior::ir::{
    Module, RegionLike, Value, ValueLike,
    block::BlockLike,
    operation::{OperationLike, OperationRef},
};

fn shape(value: Value) -> Vec<usize> {
    types::shape(value.r#type()).unwrap().into_iter().map(|dim| usize::try_from(dim).unwrap()).collect()
}

fn apply(op: &OperationRef, x: &[&Tensor]) -> Tensor {
    match ait_dialects::read(op).unwrap() {
        Op::Ait(ait::Op::Constant(_)) => {
            let data = types::f32_data(op.attribute("value").unwrap()).unwrap();
            Tensor::new(shape(access::result(op).unwrap()), data).unwrap()
        }
        Op::Ait(op) => reference::evaluate(&op, x).unwrap(),
        other => panic!("no reference for {}", other.name()),
    }
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
                    // Extreme magnitudes overflow, before and after alike.
                    let is_close = want == got || (want - got).abs() <= bound;
                    assert!(is_close, "{}: {want} became {got}", path.display());
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
