//! Random splits in QEMU against the formula of `rvv.td`.

use super::SplitPhases;
use crate::kernels::name::Strided;
use crate::kernels::rvv::Lmul;
use crate::kernels::{Kernel, testing};
use ait_dialects::Layout;
use ait_dialects::infer::Window;
use ait_runtime::kernel_test::{Arg, Case};
use rand::Rng;
use rand::seq::IndexedRandom;

/// CNHW, NCHW, or scattered with W stride 1.
fn layout(rng: &mut impl Rng, shape: &[i64; 4]) -> Strided {
    match rng.random_range(0..4) {
        0 => Strided::dense(shape),
        1 => Strided { shape: shape.to_vec(), strides: Layout::Cnhw.strides(shape) },
        _ => testing::scattered(rng, shape, true),
    }
}

fn random(rng: &mut impl Rng) -> SplitPhases {
    loop {
        let mut pick = |values: &[i64]| [0; 2].map(|_| *values.choose(rng).unwrap());
        let kernel = pick(&[1, 2, 3, 3, 5, 7]);
        let strides = pick(&[1, 1, 2, 2, 2, 3, 4, 5]);
        let dilations = pick(&[1, 1, 1, 2, 3]);
        let [height, width] = [pick(&[1, 2, 5, 7, 8, 14])[0], pick(&[1, 2, 3, 7, 8, 14, 29, 56, 75, 200])[1]];
        let pads = [0, 1, 0, 1].map(|dim| rng.random_range(0..=kernel[dim] * dilations[dim]));
        let window = Window { kernel, strides, pads, dilations };
        let shape = [rng.random_range(1..4), *[1, 2, 5, 17].choose(rng).unwrap(), height, width];
        let Ok(split) = window.split_shape(shape) else { continue };
        let input = layout(rng, &shape);
        let init = layout(rng, &split.try_into().unwrap());
        let lmul = *Lmul::ALL.choose(rng).unwrap();
        return SplitPhases { input, init, kernel, strides, pads, dilations, lmul };
    }
}

/// Phases that some tap reads, from the definition.
fn used(split: &SplitPhases, dim: usize) -> Vec<i64> {
    let (stride, dilation) = (split.strides[dim], split.dilations[dim]);
    (0..stride).filter(|phase| (0..split.kernel[dim]).any(|tap| tap * dilation % stride == *phase)).collect()
}

fn case(rng: &mut impl Rng, split: &SplitPhases) -> Case {
    let data = testing::data(rng, testing::span(&split.input));
    let [rows, columns] = [0, 1].map(|dim| used(split, dim));
    let at = |phases: &[i64], index: i64| phases[usize::try_from(index).unwrap()];
    let count = |phases: &[i64]| i64::try_from(phases.len()).unwrap();
    let expected = testing::expected(&split.init, |index| {
        let (phase, j) = (index[1] / count(&columns), index[1] % count(&columns));
        let (c, i) = (phase / count(&rows), phase % count(&rows));
        let y = index[2] * split.strides[0] + at(&rows, i) - split.pads[0];
        let x = index[3] * split.strides[1] + at(&columns, j) - split.pads[1];
        let inside = (0..split.input.shape[2]).contains(&y) && (0..split.input.shape[3]).contains(&x);
        if inside { data[testing::position(&split.input, &[index[0], c, y, x])] } else { 0.0 }
    });
    testing::case(&split.clone().into()).arg(Arg::input(data)).arg(Arg::output(expected))
}

#[test]
fn random_splits() {
    let mut rng = testing::rng(8);
    let splits: Vec<_> = (0..200).map(|_| random(&mut rng)).collect();
    let cases: Vec<Case> = splits.iter().map(|split| case(&mut rng, split)).collect();
    testing::check(&splits.into_iter().map(Kernel::from).collect::<Vec<_>>(), &cases);
}

/// CNHW on both sides.
fn plain(shape: [i64; 4], kernel: i64, stride: i64, pad: i64) -> SplitPhases {
    let (kernel, strides, pads, dilations) = ([kernel; 2], [stride; 2], [pad; 4], [1; 2]);
    let split = Window { kernel, strides, pads, dilations }.split_shape(shape).unwrap();
    let [input, init] = [shape.to_vec(), split].map(|shape| {
        let strides = Layout::Cnhw.strides(&<[i64; 4]>::try_from(shape.as_slice()).unwrap());
        Strided { shape, strides }
    });
    SplitPhases { input, init, kernel, strides, pads, dilations, lmul: Lmul::M4 }
}

/// The layers of ResNet-50 and a patch embedding.
#[test]
fn layers() {
    let mut rng = testing::rng(9);
    let splits = [
        plain([1, 3, 224, 224], 7, 2, 3),
        plain([2, 4, 56, 56], 3, 1, 1),
        plain([1, 4, 56, 56], 1, 2, 0),
        plain([2, 40, 14, 14], 3, 2, 1),
        plain([1, 64, 7, 7], 3, 1, 1),
        plain([1, 3, 64, 64], 16, 16, 0),
    ];
    let cases: Vec<Case> = splits.iter().map(|split| case(&mut rng, split)).collect();
    testing::check(&splits.map(Kernel::from), &cases);
}

#[test]
fn limits_are_errors() {
    let good = plain([1, 3, 64, 64], 3, 2, 1);
    let error = |split: SplitPhases| crate::kernels::Family::check(&split).unwrap_err();
    assert!(error(SplitPhases { pads: [1, 0, 1, 0], ..good.clone() }).contains("init must have shape"));
    assert!(error(SplitPhases { strides: [0, 2], ..good.clone() }).contains("out of range"));
    assert_eq!(error(plain([1, 1, 200, 200], 80, 80, 0)), "80 phases of columns are more than 64");
    let mut strided = good;
    strided.input.strides[3] = 2;
    assert!(error(strided).contains("stride 1 along W"));
}

#[test]
fn assembly() {
    insta::assert_snapshot!(testing::assembly(&plain([1, 64, 56, 56], 3, 2, 1).into()));
}
