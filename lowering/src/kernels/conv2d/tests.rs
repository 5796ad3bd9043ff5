use super::{Algorithm, Conv2d, NmConv2d, Sparse};
use crate::kernels::name::Strided;
use crate::kernels::rvv::{Lmul, Width};
use crate::kernels::{Family, Kernel, testing};
use ait_dialects::Activation;
use ait_dialects::infer::{Window, plane_stride};
use ait_runtime::kernel_test::{Arg, Case};
use rand::Rng;
use rand::seq::IndexedRandom;

/// Memory of N x C x H x W in CNHW or NCHW order, dense, with gaps between channels and images, or between rows.
fn memory(rng: &mut impl Rng, shape: [i64; 4], has_dense_rows: bool) -> Strided {
    let [n, c, h, w] = shape;
    let mut gap = |p| if rng.random_bool(p) { rng.random_range(1..9) } else { 0 };
    let row = w + if has_dense_rows { 0 } else { gap(0.1) };
    let image = row * h + gap(0.1);
    let (cnhw, ncwh) = (n * image + gap(0.3), c * image + gap(0.3));
    let strides = if rng.random_bool(0.7) { [image, cnhw, row, 1] } else { [ncwh, image, row, 1] };
    Strided { shape: shape.to_vec(), strides: strides.to_vec() }
}

/// A kernel and the [H, W] of the convolution's own input, of which the kernel may see a split one.
#[derive(Clone)]
struct Problem {
    conv: Conv2d,
    size: [i64; 2],
}

impl From<Conv2d> for Problem {
    fn from(conv: Conv2d) -> Self {
        let size = [conv.input.shape[2], conv.input.shape[3]];
        Self { conv, size }
    }
}

impl Problem {
    fn kernel(&self) -> Kernel {
        let conv = self.conv.clone();
        if conv.sparse.is_some() { NmConv2d(conv).into() } else { conv.into() }
    }
}

fn random(rng: &mut impl Rng) -> Problem {
    let algorithm = *[Algorithm::Packed, Algorithm::Direct, Algorithm::Split].choose(rng).unwrap();
    let direct = algorithm == Algorithm::Direct;
    let one = rng.random_bool(0.2);
    let mut pair = |high, plain| [0; 2].map(|_| if plain { 1 } else { rng.random_range(1..=high) });
    let (kernel, strides, dilations) = (pair(4, one), pair(3, direct), pair(2, false));
    let pads = [0; 4].map(|_| if direct || rng.random_bool(0.3) { 0 } else { rng.random_range(0..4) });
    let groups = *[1, 1, 1, 2, 3].choose(rng).unwrap();
    let (n, rows) = (rng.random_range(1..4), rng.random_range(1..20));
    // Some in several chunks.
    let channels = match rng.random_range(0..10) {
        0..3 if one => 32 * rng.random_range(5..11),
        0..3 => 8 * rng.random_range(2..7),
        _ => rng.random_range(1..18),
    };
    let span = |dim: usize| (kernel[dim] - 1) * dilations[dim] + 1 - pads[dim] - pads[dim + 2];
    let size = [0, 1].map(|dim| span(dim).max(1) + rng.random_range(0..[9, 40][dim]));
    let out = [0, 1].map(|dim: usize| {
        (size[dim] + pads[dim] + pads[dim + 2] - (kernel[dim] - 1) * dilations[dim] - 1) / strides[dim] + 1
    });
    let window = Window { kernel, strides, pads, dilations };
    let (planes, seen) = if algorithm == Algorithm::Split {
        let planes = window.phases(0).len() * window.phases(1).len();
        (i64::try_from(planes).unwrap(), [0, 1].map(|dim| window.split_size(dim, out[dim])))
    } else {
        (1, size)
    };
    let dense = algorithm != Algorithm::Packed && seen != out;
    let init = [n, groups * rows, out[0], out[1]];
    let lmul = *Lmul::ALL.choose(rng).unwrap();
    let steps = kernel[0] * kernel[1] * channels;
    let index = *Width::ALL.choose(rng).unwrap();
    let conv = Conv2d {
        input: memory(rng, [n, groups * channels * planes, seen[0], seen[1]], dense),
        init: memory(rng, init, dense),
        residual: rng.random_bool(0.4).then(|| memory(rng, init, dense)),
        kernel,
        strides,
        pads,
        dilations,
        groups,
        epilogue: testing::epilogue(rng),
        algorithm,
        tile: rng.random_range(1..32 / lmul.registers()),
        lmul,
        unroll: *[1, 2, 4, 8].choose(rng).unwrap(),
        sparse: rng.random_bool(0.7).then(|| Sparse { kept: rng.random_range(0..=steps), index }),
    };
    Problem { conv, size }
}

/// The documented packing of a filter K x KH x KW x C/groups.
fn pack(conv: &Conv2d, filter: &[f32]) -> Vec<f32> {
    let dims = conv.dims().unwrap();
    let mut packed = vec![];
    for (group, tile) in (0..conv.groups).flat_map(|g| (0..dims.tiles).map(move |t| (g, t))) {
        for (position, row) in (0..dims.steps).flat_map(|s| (0..conv.tile).map(move |r| (s, r))) {
            let row = tile * conv.tile + row;
            let at = (group * dims.rows + row) * dims.steps + dims.order.column(position);
            packed.push(if row < dims.rows { filter[usize::try_from(at).unwrap()] } else { 0.0 });
        }
    }
    packed
}

/// Words of memory that hold these bytes, the last filled up.
fn words(bytes: &[u8]) -> Vec<f32> {
    let word = |chunk: &[u8]| {
        let mut word = [0xff; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        f32::from_le_bytes(word)
    };
    bytes.chunks(4).map(word).collect()
}

/// Keeps random columns of every tile, zeroes the others, and packs as `nm.td` says: values, columns, starts.
fn prune(rng: &mut impl Rng, conv: &Conv2d, sparse: Sparse, filter: &mut [f32]) -> [Vec<f32>; 3] {
    let dims = conv.dims().unwrap();
    let dense = pack(conv, filter);
    let (mut values, mut columns, mut starts) = (vec![], vec![], vec![]);
    for tile in 0..conv.groups * dims.tiles {
        let steps = usize::try_from(dims.steps).unwrap();
        let mut kept = rand::seq::index::sample(rng, steps, usize::try_from(sparse.kept).unwrap()).into_vec();
        kept.sort_unstable();
        let kept: Vec<i64> = kept.into_iter().map(|k| i64::try_from(k).unwrap()).collect();
        let mut before = 0;
        for segment in 0..dims.order.segments() {
            starts.extend(u32::try_from(before).unwrap().to_le_bytes());
            let first = segment * dims.order.segment;
            let mut last = first;
            for &k in kept.iter().filter(|k| (first..first + dims.order.segment).contains(k)) {
                let width = usize::try_from(sparse.index.bytes()).unwrap();
                columns.extend(&(k - last).to_le_bytes()[..width]);
                let from = usize::try_from((tile * dims.steps + k) * conv.tile).unwrap();
                values.extend(&dense[from..from + usize::try_from(conv.tile).unwrap()]);
                (last, before) = (k, before + 1);
            }
        }
        starts.extend(u32::try_from(before).unwrap().to_le_bytes());
        let (group, tile) = (tile / dims.tiles, tile % dims.tiles);
        for row in tile * conv.tile..((tile + 1) * conv.tile).min(dims.rows) {
            for k in (0..dims.steps).filter(|k| !kept.contains(k)).map(|k| dims.order.column(k)) {
                filter[usize::try_from((group * dims.rows + row) * dims.steps + k).unwrap()] = 0.0;
            }
        }
    }
    [values, words(&columns), words(&starts)]
}

/// The memory that the kernel reads for an input N x C x H x W in row-major order, gaps poisoned.
fn seen(problem: &Problem, input: &[f32], source: &Strided) -> Vec<f32> {
    let Problem { conv, size } = problem;
    let window = conv.window();
    testing::expected(&conv.input, |index| {
        let [n, channel, y, x] = index[..] else { unreachable!() };
        if conv.algorithm != Algorithm::Split {
            return input[testing::position(source, index)];
        }
        let phases = [0, 1].map(|dim| window.phases(dim));
        let counts = phases.each_ref().map(|list| i64::try_from(list.len()).unwrap());
        let (c, i, j) =
            (channel / (counts[0] * counts[1]), channel / counts[1] % counts[0], channel % counts[1]);
        let phase = |dim: usize, number| phases[dim][usize::try_from(number).unwrap()];
        let h = y * conv.strides[0] + phase(0, i) - conv.pads[0];
        let w = x * conv.strides[1] + phase(1, j) - conv.pads[1];
        let inside = (0..size[0]).contains(&h) && (0..size[1]).contains(&w);
        if inside { input[testing::position(source, &[n, c, h, w])] } else { 0.0 }
    })
}

fn case(rng: &mut impl Rng, problem: &Problem) -> Case {
    let Problem { conv, size: [height, width] } = problem;
    let dims = conv.dims().unwrap();
    let channels = conv.groups * dims.rows;
    let source = Strided::dense(&[dims.batch, conv.groups * dims.channels, *height, *width]);
    let input = testing::data(rng, source.elements());
    // What is multiplied by pruned weights is not read.
    let input = if conv.sparse.is_none() { testing::with_nan(rng, input, conv.epilogue.nan) } else { input };
    let residual = conv.residual.as_ref().map(|buffer| testing::data(rng, testing::span(buffer)));
    let residual = residual.map(|data| testing::with_nan(rng, data, conv.epilogue.nan));
    let bias = testing::data(rng, channels);
    let mut filter = testing::data(rng, channels * dims.steps);
    let weights = match conv.sparse {
        Some(sparse) => prune(rng, conv, sparse, &mut filter).to_vec(),
        None => vec![pack(conv, &filter)],
    };
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
            if (0..*height).contains(&h) && (0..*width).contains(&w) {
                sum += f64::from(weight * input[testing::position(&source, &[n, first + c, h, w])]);
            }
        }
        if let (Some(buffer), Some(data)) = (&conv.residual, &residual) {
            sum += f64::from(data[testing::position(buffer, index)]);
        }
        #[expect(clippy::cast_possible_truncation, reason = "the oracle rounds once")]
        testing::activate(&conv.epilogue, sum as f32)
    });
    let mut case = testing::case(&problem.kernel()).arg(Arg::input(seen(problem, &input, &source)));
    case.args.extend(weights.into_iter().map(Arg::input));
    case = case.arg(Arg::input(bias)).arg(Arg::output(expected));
    case.args.extend(residual.map(Arg::input));
    case
}

/// Runs every kernel on `times` sets of data and masks.
fn check(rng: &mut impl Rng, problems: Vec<Problem>, times: usize) {
    let each = problems.iter().flat_map(|problem| std::iter::repeat_n(problem, times));
    let cases: Vec<Case> = each.map(|problem| case(rng, problem)).collect();
    testing::check(&problems.iter().map(Problem::kernel).collect::<Vec<_>>(), &cases);
}

#[test]
fn random_convolutions() {
    let mut rng = testing::rng(2);
    let problems = (0..320).map(|_| random(&mut rng)).collect();
    check(&mut rng, problems, 7);
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
        epilogue: Activation::Relu.into(),
        algorithm: if kernel == 1 && stride == 1 { Algorithm::Direct } else { Algorithm::Packed },
        tile: 7,
        lmul: Lmul::M4,
        unroll: 4,
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
        convs.push(Conv2d {
            lmul,
            tile,
            epilogue: Activation::Silu.into(),
            ..plain([1, 40, 9, 30], 33, 3, 1)
        });
    }
    let pruned = convs.clone().into_iter().map(|conv| pruned(conv, 2));
    convs.extend(pruned.collect::<Vec<_>>());
    check(&mut rng, convs.into_iter().map(Problem::from).collect(), 1);
}

/// Layers whose input is split, in planes of 8 x 8 and 16 x 16 with a line between them, and of others.
#[test]
fn split_layers() {
    let mut rng = testing::rng(5);
    let convs = [
        plain([1, 64, 14, 14], 40, 3, 1),
        plain([2, 48, 6, 6], 25, 3, 1),
        plain([1, 48, 14, 14], 20, 3, 2),
        plain([3, 24, 16, 16], 20, 1, 2),
        plain([1, 40, 13, 9], 20, 3, 1),
    ];
    let problem =
        |conv: Conv2d| Problem { size: [conv.input.shape[2], conv.input.shape[3]], conv: split(conv) };
    let problems = convs.into_iter().flat_map(|conv| [problem(conv.clone()), problem(pruned(conv, 2))]);
    check(&mut rng, problems.collect(), 1);
}

/// One column of `of` is kept.
fn pruned(conv: Conv2d, of: i64) -> Conv2d {
    let kept = conv.dims().unwrap().steps / of;
    Conv2d { sparse: Some(Sparse { kept, index: Width::W1 }), ..conv }
}

/// `conv` on the split form of its input, its planes as the buffers' plan has them.
fn split(conv: Conv2d) -> Conv2d {
    let window = conv.window();
    let [n, c, ..] = conv.input.shape[..] else { unreachable!() };
    let planes = i64::try_from(window.phases(0).len() * window.phases(1).len()).unwrap();
    let size = [0, 1].map(|dim| window.split_size(dim, conv.init.shape[dim + 2]));
    let plane = size[0] * size[1];
    let strides = vec![plane, plane_stride(n * plane), size[1], 1];
    let input = Strided { shape: vec![n, c * planes, size[0], size[1]], strides };
    Conv2d { input, algorithm: Algorithm::Split, ..conv }
}

/// The residual may be the very buffer that is written.
#[test]
fn residual_in_place() {
    let mut rng = testing::rng(4);
    let mut conv = plain([1, 30, 8, 8], 10, 3, 1);
    conv.residual = Some(conv.init.clone());
    let mut case = case(&mut rng, &conv.clone().into());
    let (Some(Arg::Input(initial)), Arg::Output { expected }) = (case.args.pop(), case.args[3].clone())
    else {
        unreachable!()
    };
    case.args[3] = Arg::InOut { initial, expected };
    case.args.push(Arg::Alias { arg: 3, offset: 0 });
    testing::check(&[conv.into()], &[case]);
}

/// Every tile and register group, with all that wants registers: chunks of odd length, a residual, a short last
/// tile, an activation; dense and sparse, packed and in place.
#[test]
fn no_variant_spills() {
    let mut kernels = vec![];
    for (index, (lmul, tile)) in testing::variants().enumerate() {
        let epilogue = testing::ACTIVATIONS[index % testing::ACTIVATIONS.len()].into();
        let variant = |channels, kernel, unroll| {
            let conv = plain([1, channels, 6, 9], 2 * tile + 1, kernel, 1);
            Conv2d { lmul, tile, epilogue, unroll, residual: Some(conv.init.clone()), ..conv }
        };
        let packed = variant(47, 3, [1, 2, 4, 8][index % 4]);
        let direct = |unroll| Conv2d { algorithm: Algorithm::Direct, ..variant(256, 1, unroll) };
        // 48 and 256 channels are several chunks.
        let chunks = split(variant(48, 3, [8, 1, 2, 4][index % 4]));
        for dense in [packed.clone(), split(packed), chunks, direct(4), direct(8)] {
            kernels.push(NmConv2d(pruned(dense.clone(), 2)).into());
            kernels.push(dense.into());
        }
    }
    testing::audit(&kernels);
}

/// The zeros of a pad of one column are a register too, beside those of a tile that fills the register file.
#[test]
fn pads_beside_a_full_tile_do_not_spill() {
    let name = "rvv_nm.conv2d_packed_t7_m4_u2_n1_i1_k1x3_s1x1_p0x1x0x1_d1x1_g1_in1x1x1x28.28x28x28x1_\
                out1x10x1x28.280x28x28x1_res_act.identity";
    testing::audit(&[name.parse().unwrap()]);
}

#[test]
fn limits() {
    let conv = plain([1, 8, 8, 8], 8, 3, 1);
    let message = |conv: Conv2d| conv.check().unwrap_err();
    assert_eq!(message(Conv2d { tile: 8, ..conv.clone() }), "tile 8 at lmul 4 is outside 1 to 7");
    let direct = Conv2d { algorithm: Algorithm::Direct, ..conv.clone() };
    assert!(message(direct).contains("no padding"));
    assert_eq!(message(Conv2d { unroll: 3, ..conv.clone() }), "unroll must be 1, 2, 4 or 8, not 3");
    assert!(message(Conv2d { groups: 3, ..conv.clone() }).contains("3 groups"));
    assert!(message(Conv2d { pads: [0; 4], ..conv.clone() }).contains("does not fit"));
    let mut transposed = conv;
    transposed.input.strides = vec![64, 64, 1, 8];
    assert!(message(transposed).contains("stride 1 along W"));
}

#[test]
fn assembly() {
    let direct = plain([1, 64, 14, 14], 70, 1, 1);
    insta::assert_snapshot!("direct", testing::assembly(&direct.clone().into()));
    insta::assert_snapshot!("sparse", testing::assembly(&NmConv2d(pruned(direct, 2)).into()));
}
