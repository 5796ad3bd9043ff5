//! Random element-wise kernels in QEMU against scalar loops.

use super::{Binary, Copy, Fill, Function, ScaleBias, Unary};
use crate::kernels::name::Strided;
use crate::kernels::rvv::Lmul;
use crate::kernels::{Kernel, testing};
use ait_dialects::{Activation, Epilogue};
use ait_runtime::kernel_test::{Arg, Case};
use rand::Rng;
use rand::seq::IndexedRandom;

/// A shape of rank 1 to 4 with sizes of 1, odd ones, and now and then a long dimension.
fn shape(rng: &mut impl Rng) -> Vec<i64> {
    let mut shape: Vec<i64> = (0..rng.random_range(1..=4)).map(|_| rng.random_range(1..10)).collect();
    if rng.random_bool(0.4) {
        let long = rng.random_range(0..shape.len());
        shape[long] = rng.random_range(10..700);
    }
    shape
}

fn lmul(rng: &mut impl Rng) -> Lmul {
    *Lmul::ALL.choose(rng).unwrap()
}

/// Dense or scattered, the last dimension contiguous or not.
fn layout(rng: &mut impl Rng, shape: &[i64]) -> Strided {
    match rng.random_range(0..3) {
        0 => Strided::dense(shape),
        1 => testing::scattered(rng, shape, true),
        _ => testing::scattered(rng, shape, false),
    }
}

fn input(rng: &mut impl Rng, buffer: &Strided) -> Vec<f32> {
    testing::data(rng, testing::span(buffer))
}

fn compute(function: Function, x: f32, y: f32) -> f32 {
    match function {
        Function::Add => x + y,
        Function::Sub => x - y,
        Function::Mul => x * y,
        Function::Div => x / y,
        Function::Prelu if x >= 0.0 => x,
        Function::Prelu => x * y,
    }
}

/// A shape that broadcasts to `to`.
fn smaller(rng: &mut impl Rng, to: &[i64]) -> Vec<i64> {
    let some: Vec<i64> = to.iter().map(|&size| if rng.random_bool(0.3) { 1 } else { size }).collect();
    let skipped = if rng.random_bool(0.3) { rng.random_range(0..to.len()) } else { 0 };
    some[skipped..].to_vec()
}

fn binary(rng: &mut impl Rng) -> (Kernel, Case) {
    let shape = shape(rng);
    let (lhs, rhs) = (smaller(rng, &shape), smaller(rng, &shape));
    let kernel = Binary {
        lhs: layout(rng, &lhs),
        rhs: layout(rng, &rhs),
        init: layout(rng, &shape),
        function: Function::ALL.choose(rng).unwrap().1,
        epilogue: testing::epilogue(rng),
        lmul: lmul(rng),
    };
    let mut rhs = input(rng, &kernel.rhs);
    if kernel.function == Function::Div {
        rhs.iter_mut().for_each(|y| *y = y.signum() * (y.abs() + 0.5));
    }
    let lhs = input(rng, &kernel.lhs);
    let [lhs, rhs] = [lhs, rhs].map(|data| testing::with_nan(rng, data, kernel.epilogue.nan));
    let value = |index: &[i64]| {
        let x = lhs[testing::position(&kernel.lhs, index)];
        let y = rhs[testing::position(&kernel.rhs, index)];
        testing::activate(&kernel.epilogue, compute(kernel.function, x, y))
    };
    let expected = testing::expected(&kernel.init, value);
    let kernel = Kernel::from(kernel);
    let case = testing::case(&kernel).arg(Arg::input(lhs)).arg(Arg::input(rhs)).arg(Arg::output(expected));
    (kernel, case)
}

fn scale_bias(rng: &mut impl Rng) -> (Kernel, Case) {
    let shape = [3, 40, 12, 25].map(|most: i64| rng.random_range(1..most));
    let channels = Strided { shape: vec![shape[1]], strides: vec![rng.random_range(1..3)] };
    let kernel = ScaleBias {
        input: layout(rng, &shape),
        scale: channels.clone(),
        bias: channels,
        init: layout(rng, &shape),
        epilogue: testing::epilogue(rng),
        lmul: lmul(rng),
    };
    let [x, scale, bias] = [&kernel.input, &kernel.scale, &kernel.bias].map(|buffer| input(rng, buffer));
    let x = testing::with_nan(rng, x, kernel.epilogue.nan);
    let value = |index: &[i64]| {
        let channel = [index[1]];
        let (s, t) = (
            scale[testing::position(&kernel.scale, &channel)],
            bias[testing::position(&kernel.bias, &channel)],
        );
        testing::activate(&kernel.epilogue, x[testing::position(&kernel.input, index)] * s + t)
    };
    let expected = testing::expected(&kernel.init, value);
    let kernel = Kernel::from(kernel);
    let case =
        [x, scale, bias].into_iter().fold(testing::case(&kernel), |case, data| case.arg(Arg::input(data)));
    (kernel, case.arg(Arg::output(expected)))
}

fn one_input(rng: &mut impl Rng) -> (Kernel, Case) {
    let shape = shape(rng);
    let (from, init) = (layout(rng, &shape), layout(rng, &shape));
    let epilogue = testing::epilogue(rng);
    let data = input(rng, &from);
    let data = testing::with_nan(rng, data, epilogue.nan);
    let x = |index: &[i64]| data[testing::position(&from, index)];
    let (kernel, expected): (Kernel, _) = if rng.random_bool(0.5) {
        let expected = testing::expected(&init, |index| testing::activate(&epilogue, x(index)));
        (Unary { input: from.clone(), init, epilogue, lmul: lmul(rng) }.into(), expected)
    } else {
        let expected = testing::expected(&init, x);
        (Copy { input: from.clone(), init, lmul: lmul(rng) }.into(), expected)
    };
    let case = testing::case(&kernel).arg(Arg::input(data)).arg(Arg::output(expected));
    (kernel, case)
}

fn fill(rng: &mut impl Rng) -> (Kernel, Case) {
    let shape = shape(rng);
    let kernel = Fill { init: layout(rng, &shape), value: rng.random_range(-1.0..1.0), lmul: lmul(rng) };
    let expected = testing::expected(&kernel.init, |_| kernel.value);
    let kernel = Kernel::from(kernel);
    let case = testing::case(&kernel).arg(Arg::output(expected));
    (kernel, case)
}

#[test]
fn binary_kernels() {
    let mut rng = testing::rng(1);
    let (kernels, cases): (Vec<_>, Vec<_>) = (0..100).map(|_| binary(&mut rng)).unzip();
    testing::check(&kernels, &cases);
}

#[test]
fn scale_bias_kernels() {
    let mut rng = testing::rng(2);
    let (kernels, cases): (Vec<_>, Vec<_>) = (0..60).map(|_| scale_bias(&mut rng)).unzip();
    testing::check(&kernels, &cases);
}

#[test]
fn unary_copy_and_fill_kernels() {
    let mut rng = testing::rng(3);
    let (mut kernels, mut cases): (Vec<_>, Vec<_>) = (0..120).map(|_| one_input(&mut rng)).unzip();
    let (fills, fill_cases): (Vec<_>, Vec<_>) = (0..50).map(|_| fill(&mut rng)).unzip();
    kernels.extend(fills);
    cases.extend(fill_cases);
    testing::check(&kernels, &cases);
}

/// Where the length of a vector is known, LLVM may keep what a loop does not change in vector registers.
#[test]
fn tensors_of_few_elements_do_not_spill() {
    let mut kernels = Vec::new();
    for size in 1..=8 {
        let dense = Strided::dense(&[1, size]);
        for (epilogue, lmul) in
            testing::ACTIVATIONS.into_iter().flat_map(|it| Lmul::ALL.map(|lmul| (Epilogue::from(it), lmul)))
        {
            kernels.push(Unary { input: dense.clone(), init: dense.clone(), epilogue, lmul }.into());
        }
    }
    testing::audit(&kernels);
}

#[test]
fn assembly() {
    let dense = Strided::dense(&[1, 64, 56, 56]);
    let add = Binary {
        lhs: dense.clone(),
        rhs: dense.clone(),
        init: dense,
        function: Function::Add,
        epilogue: Activation::Relu.into(),
        lmul: Lmul::M8,
    };
    insta::assert_snapshot!(testing::assembly(&add.into()));
}

#[test]
fn assembly_of_the_other_families() {
    let shape = [2, 8, 5, 5];
    let nchw = Strided::dense(&shape);
    let cnhw = Strided { shape: shape.to_vec(), strides: ait_dialects::Layout::Cnhw.strides(&shape) };
    let channels = Strided::dense(&[8]);
    let lmul = Lmul::M4;
    let kernels: [(&str, Kernel); 4] = [
        (
            "scale_bias",
            ScaleBias {
                input: cnhw.clone(),
                scale: channels.clone(),
                bias: channels,
                init: cnhw.clone(),
                epilogue: Activation::Relu.into(),
                lmul,
            }
            .into(),
        ),
        (
            "unary",
            Unary { input: nchw.clone(), init: nchw.clone(), epilogue: Activation::HardSwish.into(), lmul }
                .into(),
        ),
        ("copy", Copy { input: nchw.clone(), init: cnhw, lmul }.into()),
        ("fill", Fill { init: nchw, value: 1.0, lmul }.into()),
    ];
    for (name, kernel) in kernels {
        insta::assert_snapshot!(name, testing::assembly(&kernel));
    }
}
