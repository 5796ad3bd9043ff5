//! Random poolings in QEMU against scalar loops.

use super::{Function, Pool2d};
use crate::kernels::global_pool::GlobalPool;
use crate::kernels::name::Strided;
use crate::kernels::rvv::Lmul;
use crate::kernels::{Kernel, testing};
use ait_dialects::Nan;
use ait_runtime::kernel_test::{Arg, Case};
use rand::Rng;
use rand::seq::IndexedRandom;

/// Memory orders of N x C x H x W: NCHW, CNHW, NHWC, and anything with gaps.
fn layout(rng: &mut impl Rng, shape: &[i64]) -> Strided {
    let orders = [[0, 1, 2, 3], [1, 0, 2, 3], [0, 2, 3, 1]];
    let Some(order) = orders.get(rng.random_range(0..5)) else {
        let unit = rng.random_bool(0.5);
        return testing::scattered(rng, shape, unit);
    };
    let mut strides = vec![0; 4];
    let mut step = 1;
    for &dim in order.iter().rev() {
        strides[dim] = step;
        step *= shape[dim];
    }
    Strided { shape: shape.to_vec(), strides }
}

/// Elements of the output along an axis as in ONNX.
fn output(size: i64, reach: i64, stride: i64, pads: [i64; 2], ceil_mode: bool) -> i64 {
    let span = size + pads[0] + pads[1] - reach;
    if span < 0 {
        return 0;
    }
    let count = if ceil_mode { (span + stride - 1) / stride } else { span / stride } + 1;
    if (count - 1) * stride >= size + pads[0] { count - 1 } else { count }
}

fn random(rng: &mut impl Rng) -> Pool2d {
    loop {
        let kernel: [i64; 2] = *[[2, 2], [3, 3], [3, 3], [1, 2], [5, 3], [7, 7]].choose(rng).unwrap();
        let strides = *[[1, 1], [2, 2], [2, 2], [3, 1], [1, 3]].choose(rng).unwrap();
        let dilations = *[[1, 1], [1, 1], [1, 1], [2, 3]].choose(rng).unwrap();
        let pads =
            if rng.random_bool(0.3) { [0; 4] } else { [0, 1, 0, 1].map(|a| rng.random_range(0..kernel[a])) };
        let ceil_mode = rng.random_bool(0.4);
        let size = [0; 2].map(|_: i64| *[3, 6, 7, 13, 14, 28, 61, 112].choose(rng).unwrap());
        let out = [0, 1].map(|a| {
            let reach = (kernel[a] - 1) * dilations[a] + 1;
            output(size[a], reach, strides[a], [pads[a], pads[a + 2]], ceil_mode)
        });
        let (n, c) = (rng.random_range(1..3), *[1, 2, 3, 8, 33].choose(rng).unwrap());
        let pool = Pool2d {
            input: layout(rng, &[n, c, size[0], size[1]]),
            init: layout(rng, &[n, c, out[0], out[1]]),
            function: *[Function::Max, Function::MaxNum, Function::Avg].choose(rng).unwrap(),
            kernel,
            strides,
            pads,
            dilations,
            count_include_pad: rng.random_bool(0.5),
            lmul: *Lmul::ALL.choose(rng).unwrap(),
        };
        // A window without any tap has no mean.
        let counted = |index: &[i64]| pool.function != Function::Avg || window(&pool, index).1 > 0;
        if out[0] > 0 && out[1] > 0 && testing::indices(&[1, 1, out[0], out[1]]).all(|index| counted(&index))
        {
            return pool;
        }
    }
}

/// Positions of the taps inside the input, and the number of taps that count.
fn window(pool: &Pool2d, index: &[i64]) -> (Vec<[i64; 2]>, u16) {
    let [kh, kw] = pool.kernel;
    let mut inside = vec![];
    let mut count = 0;
    for (y, x) in (0..kh).flat_map(|y| (0..kw).map(move |x| (y, x))) {
        let h = index[2] * pool.strides[0] + y * pool.dilations[0] - pool.pads[0];
        let w = index[3] * pool.strides[1] + x * pool.dilations[1] - pool.pads[1];
        let (height, width) = (pool.input.shape[2], pool.input.shape[3]);
        let is_inside = (0..height).contains(&h) && (0..width).contains(&w);
        // The upper left padding is in every window's reach.
        let is_padded = h < height + pool.pads[2] && w < width + pool.pads[3];
        if is_inside {
            inside.push([h, w]);
        }
        count += u16::from(if pool.count_include_pad { is_padded } else { is_inside });
    }
    (inside, count)
}

/// NaN of NaN.
fn maximum(a: f32, b: f32) -> f32 {
    if a.is_nan() || a > b { a } else { b }
}

fn case(rng: &mut impl Rng, pool: &Pool2d) -> Case {
    let data = testing::data(rng, testing::span(&pool.input));
    let data = testing::with_nan(rng, data, Nan::Propagate);
    let expected = testing::expected(&pool.init, |index| {
        let (inside, count) = window(pool, index);
        let values =
            inside.iter().map(|[h, w]| data[testing::position(&pool.input, &[index[0], index[1], *h, *w])]);
        match pool.function {
            Function::Max => values.fold(f32::NEG_INFINITY, maximum),
            Function::MaxNum => values.fold(f32::NEG_INFINITY, f32::max),
            Function::Avg => values.sum::<f32>() / f32::from(count),
        }
    });
    testing::case(&pool.clone().into()).arg(Arg::input(data)).arg(Arg::output(expected))
}

fn global(rng: &mut impl Rng) -> (Kernel, Case) {
    let mut shape = [1, 1, 1, 1].map(|low: i64| rng.random_range(low..20));
    shape[1] = *[1, 5, 33, 300].choose(rng).unwrap();
    let out = [shape[0], shape[1], 1, 1];
    let pool = GlobalPool {
        input: layout(rng, &shape),
        init: layout(rng, &out),
        function: *[Function::Max, Function::MaxNum, Function::Avg].choose(rng).unwrap(),
        lmul: *Lmul::ALL.choose(rng).unwrap(),
    };
    let data = testing::data(rng, testing::span(&pool.input));
    let data = testing::with_nan(rng, data, Nan::Propagate);
    let expected = testing::expected(&pool.init, |index| {
        let values = testing::indices(&shape[2..])
            .map(|at| data[testing::position(&pool.input, &[index[0], index[1], at[0], at[1]])]);
        match pool.function {
            Function::Max => values.fold(f32::NEG_INFINITY, maximum),
            Function::MaxNum => values.fold(f32::NEG_INFINITY, f32::max),
            Function::Avg => (values.map(f64::from).sum::<f64>() / (shape[2] * shape[3]) as f64) as f32,
        }
    });
    let kernel = Kernel::from(pool);
    let case = testing::case(&kernel).arg(Arg::input(data)).arg(Arg::output(expected));
    (kernel, case)
}

#[test]
fn random_kernels() {
    let mut rng = testing::rng(21);
    let kernels: Vec<Pool2d> = (0..120).map(|_| random(&mut rng)).collect();
    let cases: Vec<Case> = kernels.iter().map(|pool| case(&mut rng, pool)).collect();
    testing::check(&kernels.into_iter().map(Kernel::from).collect::<Vec<_>>(), &cases);
}

#[test]
fn global_kernels() {
    let mut rng = testing::rng(22);
    let (kernels, cases): (Vec<_>, Vec<_>) = (0..100).map(|_| global(&mut rng)).unzip();
    testing::check(&kernels, &cases);
}

#[test]
fn assembly() {
    let pool = Pool2d {
        input: Strided::dense(&[1, 64, 112, 112]),
        init: Strided::dense(&[1, 64, 56, 56]),
        function: Function::Max,
        kernel: [3, 3],
        strides: [2; 2],
        pads: [1; 4],
        dilations: [1; 2],
        count_include_pad: false,
        lmul: Lmul::M4,
    };
    insta::assert_snapshot!(testing::assembly(&pool.into()));
}

#[test]
fn global_assembly() {
    let pool = GlobalPool {
        input: Strided::dense(&[1, 512, 7, 7]),
        init: Strided::dense(&[1, 512, 1, 1]),
        function: Function::Avg,
        lmul: Lmul::M4,
    };
    insta::assert_snapshot!(testing::assembly(&pool.into()));
}
