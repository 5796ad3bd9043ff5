use super::Conv2d;
use crate::kernels::name::Strided;
use crate::kernels::rvv::Lmul;
use crate::kernels::{Family, Kernel, testing};
use ait_dialects::Activation;
use ait_runtime::kernel_test::{Arg, Case};
use rand::Rng;
use rand::seq::IndexedRandom;

/// Memory of N x C x H x W in CNHW or NCHW order, dense, with gaps between channels and images, or between rows.
fn memory(rng: &mut impl Rng, shape: [i64; 4]) -> Strided {
    let [n, c, h, w] = shape;
    let mut gap = |p| if rng.random_bool(p) { rng.random_range(1..9) } else { 0 };
    let row = w + gap(0.1);
    let image = row * h + gap(0.1);
    let (cnhw, ncwh) = (n * image + gap(0.3), c * image + gap(0.3));
    let strides = if rng.random_bool(0.7) { [image, cnhw, row, 1] } else { [ncwh, image, row, 1] };
    Strided { shape: shape.to_vec(), strides: strides.to_vec() }
}

fn random(rng: &mut impl Rng) -> Conv2d {
    let direct = rng.random_bool(0.2);
    let mut pair = |high, plain: i64| [0; 2].map(|_| if direct { plain } else { rng.random_range(1..=high) });
    let (kernel, strides, dilations) = (pair(4, 1), pair(3, 1), pair(2, 1));
    let pads = [0; 4].map(|_| if direct || rng.random_bool(0.3) { 0 } else { rng.random_range(0..4) });
    let groups = *[1, 1, 1, 2, 3].choose(rng).unwrap();
    let (n, channels, rows) = (rng.random_range(1..4), rng.random_range(1..18), rng.random_range(1..20));
    let span = |dim: usize| (kernel[dim] - 1) * dilations[dim] + 1 - pads[dim] - pads[dim + 2];
    let size = [0, 1].map(|dim| span(dim).max(1) + rng.random_range(0..[9, 40][dim]));
    let out = [0, 1].map(|dim: usize| {
        (size[dim] + pads[dim] + pads[dim + 2] - (kernel[dim] - 1) * dilations[dim] - 1) / strides[dim] + 1
    });
    let init = [n, groups * rows, out[0], out[1]];
    let lmul = *Lmul::ALL.choose(rng).unwrap();
    Conv2d {
        input: memory(rng, [n, groups * channels, size[0], size[1]]),
        init: memory(rng, init),
        residual: rng.random_bool(0.4).then(|| memory(rng, init)),
        kernel,
        strides,
        pads,
        dilations,
        groups,
        epilogue: *testing::ACTIVATIONS.choose(rng).unwrap(),
        direct,
        tile: rng.random_range(1..32 / lmul.registers()),
        lmul,
    }
}

/// The documented packing of a filter K x KH x KW x C/groups.
fn pack(conv: &Conv2d, filter: &[f32]) -> Vec<f32> {
    let dims = conv.dims().unwrap();
    let mut packed = vec![];
    for (group, tile) in (0..conv.groups).flat_map(|g| (0..dims.tiles).map(move |t| (g, t))) {
        for (step, row) in (0..dims.steps).flat_map(|s| (0..conv.tile).map(move |r| (s, r))) {
            let row = tile * conv.tile + row;
            let at = (group * dims.rows + row) * dims.steps + step;
            packed.push(if row < dims.rows { filter[usize::try_from(at).unwrap()] } else { 0.0 });
        }
    }
    packed
}

fn case(rng: &mut impl Rng, conv: &Conv2d) -> Case {
    let dims = conv.dims().unwrap();
    let channels = conv.groups * dims.rows;
    let [input, residual] = [Some(&conv.input), conv.residual.as_ref()]
        .map(|buffer| buffer.map(|buffer| testing::data(rng, testing::span(buffer))));
    let (input, bias) = (input.unwrap(), testing::data(rng, channels));
    let filter = testing::data(rng, channels * dims.steps);
    let taps: Vec<[i64; 3]> = testing::indices(&[conv.kernel[0], conv.kernel[1], dims.channels])
        .map(|tap| tap.try_into().unwrap())
        .collect();
    let expected = testing::expected(&conv.init, |index| {
        let [n, k, oh, ow] = index[..] else { unreachable!() };
        let mut sum = f64::from(bias[usize::try_from(k).unwrap()]);
        let first = k / dims.rows * dims.channels;
        let weights = &filter[usize::try_from(k * dims.steps).unwrap()..];
        for ([kh, kw, c], weight) in taps.iter().zip(weights) {
            let h = oh * conv.strides[0] - conv.pads[0] + kh * conv.dilations[0];
            let w = ow * conv.strides[1] - conv.pads[1] + kw * conv.dilations[1];
            if (0..dims.height).contains(&h) && (0..dims.width).contains(&w) {
                let [n_step, c_step, h_step, w_step] = dims.input;
                let at = n * n_step + (first + c) * c_step + h * h_step + w * w_step;
                sum += f64::from(weight * input[usize::try_from(at).unwrap()]);
            }
        }
        if let (Some(buffer), Some(data)) = (&conv.residual, &residual) {
            sum += f64::from(data[testing::position(buffer, index)]);
        }
        #[expect(clippy::cast_possible_truncation, reason = "the oracle rounds once")]
        testing::activate(&conv.epilogue, sum as f32)
    });
    let mut case = testing::case(&conv.clone().into())
        .arg(Arg::input(input))
        .arg(Arg::input(pack(conv, &filter)))
        .arg(Arg::input(bias))
        .arg(Arg::output(expected));
    case.args.extend(residual.map(Arg::input));
    case
}

fn check(rng: &mut impl Rng, convs: Vec<Conv2d>) {
    let cases: Vec<Case> = convs.iter().map(|conv| case(rng, conv)).collect();
    testing::check(&convs.into_iter().map(Kernel::from).collect::<Vec<_>>(), &cases);
}

#[test]
fn random_convolutions() {
    let mut rng = testing::rng(2);
    let convs = (0..200).map(|_| random(&mut rng)).collect();
    check(&mut rng, convs);
}

/// A convolution on dense CNHW buffers with "same" padding.
fn plain(shape: [i64; 4], rows: i64, kernel: i64, stride: i64) -> Conv2d {
    let [n, _, h, w] = shape;
    let pad = (kernel - 1) / 2;
    let out = |size: i64| (size + 2 * pad - kernel) / stride + 1;
    let dense =
        |[n, c, h, w]: [i64; 4]| Strided { shape: vec![n, c, h, w], strides: vec![h * w, n * h * w, w, 1] };
    Conv2d {
        input: dense(shape),
        init: dense([n, rows, out(h), out(w)]),
        kernel: [kernel; 2],
        strides: [stride; 2],
        pads: [pad; 4],
        epilogue: Activation::Relu,
        direct: kernel == 1 && stride == 1,
        tile: 7,
        lmul: Lmul::M4,
        ..Conv2d::default()
    }
}

/// Layers of residual networks, small images: several chunks, blocks of positions and of row tiles.
#[test]
fn layers() {
    let mut rng = testing::rng(3);
    let mut convs = vec![
        plain([1, 3, 32, 32], 64, 7, 2),
        plain([2, 64, 12, 12], 64, 3, 1),
        plain([1, 32, 20, 20], 200, 3, 2),
        plain([2, 96, 7, 7], 230, 1, 1),
        plain([1, 96, 14, 14], 50, 1, 2),
    ];
    let mut odd = plain([1, 47, 6, 9], 20, 3, 1);
    odd.residual = Some(odd.init.clone());
    convs.push(odd);
    for (lmul, tile) in [(Lmul::M8, 3), (Lmul::M2, 15), (Lmul::M1, 31)] {
        convs.push(Conv2d { lmul, tile, epilogue: Activation::Silu, ..plain([1, 40, 9, 30], 33, 3, 1) });
    }
    check(&mut rng, convs);
}

/// The residual may be the very buffer that is written.
#[test]
fn residual_in_place() {
    let mut rng = testing::rng(4);
    let mut conv = plain([1, 30, 8, 8], 10, 3, 1);
    conv.residual = Some(conv.init.clone());
    let mut case = case(&mut rng, &conv);
    let (Some(Arg::Input(initial)), Arg::Output { expected }) = (case.args.pop(), case.args[3].clone())
    else {
        unreachable!()
    };
    case.args[3] = Arg::InOut { initial, expected };
    case.args.push(Arg::Alias { arg: 3, offset: 0 });
    testing::check(&[conv.into()], &[case]);
}

/// Every tile and register group, with all that wants registers: chunks of odd length, a residual, a short last
/// tile, an activation.
#[test]
fn no_variant_spills() {
    let mut kernels = vec![];
    for (index, (lmul, tile)) in testing::variants().enumerate() {
        let mut conv = plain([1, 47, 6, 9], 2 * tile + 1, 3, 1);
        conv.residual = Some(conv.init.clone());
        let epilogue = testing::ACTIVATIONS[index % testing::ACTIVATIONS.len()];
        kernels.push(Conv2d { lmul, tile, epilogue, ..conv }.into());
    }
    testing::audit(&kernels);
}

#[test]
fn limits() {
    let conv = plain([1, 8, 8, 8], 8, 3, 1);
    let message = |conv: Conv2d| conv.check().unwrap_err();
    assert_eq!(message(Conv2d { tile: 8, ..conv.clone() }), "tile 8 at lmul 4 is outside 1 to 7");
    assert!(message(Conv2d { direct: true, ..conv.clone() }).contains("1x1"));
    assert!(message(Conv2d { groups: 3, ..conv.clone() }).contains("3 groups"));
    assert!(message(Conv2d { pads: [0; 4], ..conv.clone() }).contains("does not fit"));
    let mut transposed = conv;
    transposed.input.strides = vec![64, 64, 1, 8];
    assert!(message(transposed).contains("stride 1 along W"));
}

#[test]
fn assembly() {
    insta::assert_snapshot!("direct", testing::assembly(&plain([1, 64, 14, 14], 70, 1, 1).into()));
}
