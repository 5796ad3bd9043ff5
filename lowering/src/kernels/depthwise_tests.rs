//! Random depthwise convolutions in QEMU against a scalar loop.

use super::DepthwiseConv2d;
use crate::kernels::name::Strided;
use crate::kernels::rvv::Lmul;
use crate::kernels::{Kernel, testing};
use ait_dialects::Activation;
use ait_runtime::kernel_test::{Arg, Case};
use rand::Rng;
use rand::seq::IndexedRandom;

/// Elements along an axis of the output, or none.
fn output(size: i64, kernel: i64, stride: i64, pads: i64, dilation: i64) -> i64 {
    (size + pads - (kernel - 1) * dilation - 1).div_euclid(stride) + 1
}

fn random(rng: &mut impl Rng) -> DepthwiseConv2d {
    let (n, c, multiplier) =
        (rng.random_range(1..3), rng.random_range(1..6), *[1, 1, 1, 2].choose(rng).unwrap());
    let kernel: [i64; 2] =
        *[[3, 3], [3, 3], [5, 5], [1, 1], [2, 3], [7, 7], [1, 4], [6, 5]].choose(rng).unwrap();
    let strides = *[[1, 1], [1, 1], [2, 2], [2, 1], [1, 3], [3, 3]].choose(rng).unwrap();
    let dilations = *[[1, 1], [1, 1], [2, 2], [1, 3]].choose(rng).unwrap();
    let pads: [i64; 4] = if rng.random_bool(0.2) { [0; 4] } else { kernel_pads(rng, kernel) };
    loop {
        let size = [0; 2].map(|_: i64| *[5, 7, 8, 14, 15, 28, 33, 56, 70, 150].choose(rng).unwrap());
        let out = [0, 1].map(|a| output(size[a], kernel[a], strides[a], pads[a] + pads[a + 2], dilations[a]));
        if out.iter().any(|size| *size < 1) {
            continue;
        }
        let result = [n, c * multiplier, out[0], out[1]];
        return DepthwiseConv2d {
            input: testing::scattered(rng, &[n, c, size[0], size[1]], true),
            init: testing::scattered(rng, &result, true),
            residual: rng.random_bool(0.3).then(|| testing::scattered(rng, &result, false)),
            kernel,
            strides,
            pads,
            dilations,
            epilogue: testing::epilogue(rng),
            lmul: *Lmul::ALL.choose(rng).unwrap(),
        };
    }
}

fn kernel_pads(rng: &mut impl Rng, [kh, kw]: [i64; 2]) -> [i64; 4] {
    [kh, kw, kh, kw].map(|size| rng.random_range(0..=size / 2 + 1))
}

fn case(rng: &mut impl Rng, conv: &DepthwiseConv2d) -> Case {
    let [kh, kw] = conv.kernel;
    let k = conv.init.shape[1];
    let filter = testing::data(rng, k * kh * kw);
    let bias = testing::data(rng, k);
    let input = testing::data(rng, testing::span(&conv.input));
    let residual = conv.residual.as_ref().map(|residual| testing::data(rng, testing::span(residual)));
    let input = testing::with_nan(rng, input, conv.epilogue.nan);
    let residual = residual.map(|data| testing::with_nan(rng, data, conv.epilogue.nan));
    let at = |i: i64| usize::try_from(i).unwrap();
    let expected = testing::expected(&conv.init, |index| {
        let mut sum = f64::from(bias[at(index[1])]);
        for (y, x) in (0..kh).flat_map(|y| (0..kw).map(move |x| (y, x))) {
            let h = index[2] * conv.strides[0] + y * conv.dilations[0] - conv.pads[0];
            let w = index[3] * conv.strides[1] + x * conv.dilations[1] - conv.pads[1];
            if (0..conv.input.shape[2]).contains(&h) && (0..conv.input.shape[3]).contains(&w) {
                let channel = index[1] / (k / conv.input.shape[1]);
                let value = input[testing::position(&conv.input, &[index[0], channel, h, w])];
                sum += f64::from(value) * f64::from(filter[at((index[1] * kh + y) * kw + x)]);
            }
        }
        if let (Some(data), Some(residual)) = (&residual, &conv.residual) {
            sum += f64::from(data[testing::position(residual, index)]);
        }
        testing::activate(&conv.epilogue, sum as f32)
    });
    let case = testing::case(&conv.clone().into());
    let case = [input, filter, bias].into_iter().fold(case, |case, data| case.arg(Arg::input(data)));
    let case = case.arg(Arg::output(expected));
    residual.into_iter().fold(case, |case, data| case.arg(Arg::input(data)))
}

fn mobilenet(c: i64, size: i64, stride: i64) -> DepthwiseConv2d {
    DepthwiseConv2d {
        input: Strided::dense(&[1, c, size, size]),
        init: Strided::dense(&[1, c, size / stride, size / stride]),
        residual: None,
        kernel: [3, 3],
        strides: [stride; 2],
        pads: [1; 4],
        dilations: [1; 2],
        epilogue: Activation::Clip { min: 0.0, max: 6.0 }.into(),
        lmul: Lmul::M4,
    }
}

#[test]
fn random_kernels() {
    let mut rng = testing::rng(11);
    let mut kernels: Vec<DepthwiseConv2d> = (0..100).map(|_| random(&mut rng)).collect();
    kernels.extend([mobilenet(3, 112, 1), mobilenet(2, 112, 2), mobilenet(5, 14, 1), mobilenet(100, 14, 2)]);
    let cases: Vec<Case> = kernels.iter().map(|conv| case(&mut rng, conv)).collect();
    testing::check(&kernels.into_iter().map(Kernel::from).collect::<Vec<_>>(), &cases);
}

#[test]
fn what_cannot_be_is_an_error() {
    let mut nhwc = mobilenet(8, 14, 1);
    nhwc.input.strides = vec![8 * 14 * 14, 1, 14 * 8, 8];
    let error = Kernel::from(nhwc).checked().unwrap_err();
    assert!(error.contains("stride 1 along W"), "{error}");
}

#[test]
fn assembly() {
    insta::assert_snapshot!(testing::assembly(&mobilenet(64, 112, 1).into()));
}
