//! Random masks in QEMU against the product with the dense matrix.

use super::NmMatmul;
use crate::kernels::name::Strided;
use crate::kernels::rvv::{Lmul, Width};
use crate::kernels::{Family, Kernel, testing};
use ait_dialects::Activation;
use ait_dialects::infer::Order;
use ait_passes::nm::{Columns, Mask, Weights, pack};
use ait_runtime::kernel_test::{Arg, Case};
use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};

/// A kernel for the pattern, and the dense weights N x K.
struct Problem {
    kernel: NmMatmul,
    sparsity: Columns,
    k: i64,
}

fn size(value: i64) -> usize {
    usize::try_from(value).unwrap()
}

fn random(rng: &mut impl Rng) -> Problem {
    let batch: Vec<i64> = (0..rng.random_range(0..3)).map(|_| rng.random_range(1..3)).collect();
    let (m, n) = (*[1, 1, 2, 7, 65, 140].choose(rng).unwrap(), rng.random_range(1..150));
    let k = *[1, 2, 5, 32, 100, 333].choose(rng).unwrap();
    problem(rng, &batch, [m, k, n])
}

fn problem(rng: &mut impl Rng, batch: &[i64], [m, k, n]: [i64; 3]) -> Problem {
    let group = if rng.random_bool(0.5) { k } else { rng.random_range(1..=k.min(16)) };
    let tile = *[1, 4, 7, 32, 33, 200].choose(rng).unwrap();
    let sparsity = Columns::new(rng.random_range(1..=group), group, tile).unwrap();
    let lmul = *Lmul::ALL.choose(rng).unwrap();
    let [lhs, out] = [k, n].map(|last| [batch, &[m, last]].concat());
    let kernel = NmMatmul {
        lhs: testing::scattered(rng, &lhs, false),
        init: testing::scattered(rng, &out, true),
        residual: rng.random_bool(0.5).then(|| testing::scattered(rng, &out, true)),
        epilogue: testing::epilogue(rng),
        tile,
        kept: sparsity.kept_of(k),
        index: Width::default(),
        rows: rng.random_range(1..32 / lmul.registers()),
        lmul,
    };
    Problem { kernel, sparsity, k }
}

/// Random columns of every group of every tile.
fn mask(rng: &mut impl Rng, Columns { n, m, tile }: Columns, rows: i64, k: i64) -> Mask {
    let pattern = Columns { n, m, tile };
    let mut tile_of = || {
        let group = |first: i64| -> Vec<u32> {
            let mut columns: Vec<_> = (first..k.min(first + m)).map(|k| u32::try_from(k).unwrap()).collect();
            let count = i64::try_from(columns.len()).unwrap();
            columns.shuffle(rng);
            columns.truncate(size(pattern.kept(count)));
            columns.sort_unstable();
            columns
        };
        (0..k).step_by(size(m)).flat_map(group).collect()
    };
    let kept = (0..rows).step_by(size(tile)).map(|_| tile_of()).collect();
    Mask::new(pattern, [1, size(rows), size(k)], kept).unwrap()
}

/// The problem's case with random weights; the kernel gets the width of the indices, at least `least`.
fn case(rng: &mut impl Rng, Problem { mut kernel, sparsity, k }: Problem, least: Width) -> (Kernel, Case) {
    let n = *kernel.init.shape.last().unwrap();
    let mut weights = Weights { groups: 1, rows: size(n), k: size(k), data: testing::data(rng, n * k) };
    let mask = mask(rng, sparsity, n, k);
    mask.apply(&mut weights).unwrap();
    let packed = pack(&weights, &mask, &Order::whole(k)).unwrap();
    let needed = Width::try_from(i64::from(packed.column_bits() / 8)).unwrap();
    kernel.index = if needed.bytes() > least.bytes() { needed } else { least };
    let bytes =
        packed.columns.iter().flat_map(|column| column.to_le_bytes()[..size(kernel.index.bytes())].to_vec());
    let indices = testing::words(&bytes.collect::<Vec<_>>());
    let (lhs, bias) = (testing::data(rng, testing::span(&kernel.lhs)), testing::data(rng, n));
    let residual = kernel.residual.as_ref().map(|buffer| testing::data(rng, testing::span(buffer)));
    // Of the left side, columns that are not kept are not read.
    let residual = residual.map(|data| testing::with_nan(rng, data, kernel.epilogue.nan));
    let expected = testing::expected(&kernel.init, |index| {
        let (column, item) = index.split_last().unwrap();
        let at = |k: i64| lhs[testing::position(&kernel.lhs, &[item, &[k]].concat())];
        let row = &weights.data[size(column * k)..size((column + 1) * k)];
        let sum: f32 = (0..).zip(row).map(|(k, weight)| at(k) * weight).sum();
        let buffer = kernel.residual.as_ref().zip(residual.as_ref());
        let added = buffer.map_or(0.0, |(buffer, data)| data[testing::position(buffer, index)]);
        testing::activate(&kernel.epilogue, bias[size(*column)] + sum + added)
    });
    let kernel = Kernel::from(kernel);
    let mut case = testing::case(&kernel)
        .arg(Arg::input(lhs))
        .arg(Arg::input(packed.values))
        .arg(Arg::input(indices))
        .arg(Arg::input(bias))
        .arg(Arg::output(expected));
    case.args.extend(residual.map(Arg::input));
    (kernel, case)
}

#[test]
fn random_products() {
    let mut rng = testing::rng(11);
    let mut one = |_| {
        let (problem, least) = (random(&mut rng), *Width::ALL.choose(&mut rng).unwrap());
        case(&mut rng, problem, least)
    };
    let (kernels, cases): (Vec<_>, Vec<_>) = (0..150).map(&mut one).unzip();
    testing::check(&kernels, &cases);
}

/// Thousands of columns, few of them kept, so that distances need two and four bytes.
#[test]
fn wide_products() {
    let mut rng = testing::rng(12);
    let mut one = |(k, n, tile): (i64, i64, i64)| {
        let sparsity = Columns::new(n, k, tile).unwrap();
        let base = problem(&mut rng, &[], [3, k, 40]);
        let kernel = NmMatmul { tile, kept: n, ..base.kernel };
        case(&mut rng, Problem { kernel, sparsity, k }, Width::W1)
    };
    let shapes = [(5000, 1250, 32), (4096, 2048, 7), (5000, 9, 32), (200_000, 3, 16)];
    let (kernels, cases): (Vec<_>, Vec<_>) = shapes.map(&mut one).into_iter().unzip();
    let widths: Vec<_> = kernels.iter().map(|kernel| kernel.symbol_name().contains("_i4_")).collect();
    assert_eq!(widths, [false, false, false, true]);
    testing::check(&kernels, &cases);
}

fn plain([m, k, n]: [i64; 3], kept: i64, rows: i64, lmul: Lmul) -> NmMatmul {
    let [lhs, init] = [[m, k], [m, n]].map(|shape| Strided::dense(&shape));
    let (epilogue, index) = (Activation::Relu.into(), Width::W1);
    NmMatmul { lhs, init, residual: None, epilogue, tile: 32, kept, index, rows, lmul }
}

#[test]
fn no_variant_spills() {
    let variant = |(index, (lmul, rows)): (usize, (Lmul, i64))| {
        let epilogue = testing::ACTIVATIONS[index % testing::ACTIVATIONS.len()].into();
        let plain = plain([2 * rows + 1, 777, 100], 333, rows, lmul);
        let residual = Some(plain.init.clone());
        NmMatmul { residual, epilogue, index: Width::ALL[index % 3], ..plain }.into()
    };
    testing::audit(&testing::variants().enumerate().map(variant).collect::<Vec<_>>());
}

#[test]
fn limits_are_errors() {
    let good = plain([4, 64, 100], 32, 7, Lmul::M4);
    assert_eq!(good.check(), Ok(()));
    let error = |kernel: NmMatmul| kernel.check().unwrap_err();
    assert_eq!(error(NmMatmul { kept: 65, ..good.clone() }), "a tile cannot keep 65 of 64 columns");
    assert_eq!(error(NmMatmul { rows: 8, ..good.clone() }), "tile 8 at lmul 4 is outside 1 to 7");
    assert!(error(NmMatmul { tile: 0, ..good.clone() }).contains("out of range"));
    assert!(error(NmMatmul { lhs: Strided::dense(&[5, 64]), ..good.clone() }).contains("do not fit"));
    let mut strided = good;
    strided.init.strides[1] = 2;
    assert_eq!(error(strided), "init and residual need stride 1 along N");
}

#[test]
fn assembly() {
    insta::assert_snapshot!(testing::assembly(&plain([8, 2048, 1000], 1024, 4, Lmul::M4).into()));
}
