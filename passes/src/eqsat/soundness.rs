//! Every rule is sound: all terms of a class, computed by the scalar reference of `ait-runtime` on random tensors, agree.
//! And every rule fires: the golden file says in which sample.

use std::collections::{BTreeMap, BTreeSet};

use ait_dialects::Layout;
use ait_dialects::nm::Columns;
use ait_runtime::Tensor as Data;
use ait_runtime::reference::{self, Activation as To};
use egg::{Id, Language, RecExpr};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::analysis::{Facts, Graph, Tensor, leaf};
use super::cost::{Cost, Cycles};
use super::explain::Siblings;
use super::extract::Limits;
use super::proof::Proofs;
use super::range::Range;
use super::rules::{self, Make, Rule};
use super::saturate::{Bounds, SaturationError, saturate};
use super::select::{Selection, select};
use super::term::{Leaf, Number, Term, operand_count};
use crate::cost::{Chooser, Target};

/// A term over `%0`, `%1`, ... and `c0`, `c1`, ... of these shapes.
pub struct Sample {
    pub values: &'static [&'static [i64]],
    pub constants: &'static [Constant],
    pub term: &'static str,
}

/// A constant of a sample.
pub struct Constant {
    shape: &'static [i64],
    fill: Fill,
}

#[derive(Clone, Copy, PartialEq)]
enum Fill {
    Random,
    Positive,
    All(f32),
    /// Random, of a type with a pattern.
    Pruned,
}

const fn random(shape: &'static [i64]) -> Constant {
    Constant { shape, fill: Fill::Random }
}

const IMAGE: &[i64] = &[2, 4, 5, 6];
const ONE: &[i64] = &[2, 4, 1, 1];
/// Filter, bias, and two more vectors.
const CONV: &[Constant] = &[random(&[4, 4, 3, 3]), random(&[4]), random(&[4]), random(&[4])];
const POINTWISE: &[Constant] = &[random(&[4, 4, 1, 1]), random(&[4])];
const PRUNED: &[Constant] = &[Constant { shape: &[4, 4, 1, 1], fill: Fill::Pruned }, random(&[4])];
const GEMM: &[Constant] = &[random(&[3, 4]), random(&[3]), random(&[3]), random(&[3])];
const NORM: &[Constant] =
    &[random(&[4]), random(&[4]), random(&[4]), Constant { shape: &[4], fill: Fill::Positive }];

/// A filter and bias, and those of one tap after it.
const CHAIN: &[Constant] = &[random(&[3, 4, 3, 3]), random(&[3]), random(&[5, 3, 1, 1]), random(&[5])];
const BOTTLENECK: &[Constant] =
    &[random(&[32, 4, 1, 1]), random(&[32]), random(&[4, 32, 1, 1]), random(&[4])];
/// Two products of which the one of both is larger.
const WIDE: &[Constant] = &[random(&[2, 32, 1, 1]), random(&[2]), random(&[32, 2, 1, 1]), random(&[32])];
const NARROW: &[Constant] = &[random(&[8, 16, 1, 1]), random(&[8])];
/// Two filters of the same inputs, and their biases.
const SIBLINGS: &[Constant] = &[random(&[3, 4, 3, 3]), random(&[3]), random(&[5, 4, 3, 3]), random(&[5])];
const GROUPED: &[Constant] = &[random(&[6, 2, 3, 3]), random(&[6]), random(&[6]), random(&[6])];
const GROUPED_POINTS: &[Constant] = &[random(&[6, 2, 1, 1]), random(&[6])];
const GROUPS: &[Constant] = &[random(&[3, 2, 1, 1]), random(&[3]), random(&[3, 2, 1, 1]), random(&[3])];

macro_rules! samples {
    ($($values:expr, $constants:expr, $term:literal;)*) => {
        &[$(Sample { values: &$values, constants: $constants, term: $term }),*]
    };
}

const ZERO: &[Constant] = &[Constant { shape: &[1, 4, 1, 1], fill: Fill::All(0.0) }];
const UNIT: &[Constant] = &[Constant { shape: &[1], fill: Fill::All(1.0) }];

#[rustfmt::skip]
pub const SAMPLES: &[Sample] = samples![
    // Batch norms.
    [IMAGE], NORM, "(batch-norm %0 c0 c1 c2 c3 =0.001 @0)";
    [IMAGE], CONV, "(scale-bias (conv %0 c0 c1 3x3/s1,1/p1,1,1,1/d1,1/g1 identity @0) c2 c3 relu @1)";
    [&[5, 4]], GEMM, "(scale-bias (gemm %0 c0 c1 identity @0) c2 c3 tanh @1)";
    [IMAGE], NORM, "(scale-bias (scale-bias %0 c0 c1 identity @0) c2 c3 relu @1)";
    // Fusion.
    [IMAGE], CONV, "(activation (conv %0 c0 c1 3x3/s2,2/p1,1,1,1/d1,1/g1 identity @0) relu @1)";
    [IMAGE, IMAGE], CONV, "(activation (add (conv %0 c0 c1 3x3/s1,1/p1,1,1,1/d1,1/g1 identity @0) %1 identity @1) relu @2)";
    [IMAGE, IMAGE], CONV, "(add %1 (conv %0 c0 c1 3x3/s1,1/p1,1,1,1/d1,1/g1 identity @0) relu @1)";
    [IMAGE, IMAGE], CONV, "(add (conv %0 c0 c1 3x3/s1,1/p1,1,1,1/d1,1/g1 relu @0) %1 identity @1)";
    [&[5, 4], &[5, 3]], GEMM, "(activation (add (gemm %0 c0 c1 identity @0) %1 identity @1) sigmoid @2)";
    [&[5, 4], &[5, 3]], GEMM, "(add %1 (gemm %0 c0 c1 identity @0) relu @1)";
    [&[5, 4]], GEMM, "(activation (gemm %0 c0 c1 identity @0) elu:0.5 @1)";
    [IMAGE], NORM, "(activation (scale-bias %0 c0 c1 identity @0) leaky_relu:0.1 @1)";
    [IMAGE, IMAGE], &[], "(activation (add %0 %1 identity @0) relu @1)";
    [IMAGE, IMAGE], &[], "(activation (sub %0 %1 identity @0) tanh @1)";
    [IMAGE, &[2, 4, 1, 1]], &[], "(activation (mul %0 %1 identity @0) relu @1)";
    [IMAGE], &[Constant { shape: &[4, 1, 1], fill: Fill::Positive }], "(activation (div %0 c0 identity @0) relu @1)";
    [IMAGE], &[], "(mul %0 (activation %0 sigmoid @0) identity @1)";
    [IMAGE], &[], "(mul (activation %0 sigmoid @0) %0 identity @1)";
    [IMAGE], &[], "(mul %0 (activation %0 hard_sigmoid:0.16666667,0.5 @0) identity @1)";
    [IMAGE], &[], "(mul (activation %0 hard_sigmoid:0.16666667,0.5 @0) %0 identity @1)";
    [IMAGE], &[], "(activation (activation %0 clip:0.5,-1 @0) relu @1)";
    [IMAGE], &[], "(activation (activation %0 relu @0) tanh @1)";
    [IMAGE], &[], "(activation (max-pool %0 3x3/s2,2/p1,1,1,1/d1,1/g1 @0) relu @1)";
    [IMAGE], &[], "(max-pool (activation %0 clip:0.5,-1 @0) 2x2/s2,2/p0,0,0,0/d1,1/g1/ceil @1)";
    // A window of padding alone.
    [&[1, 4, 2, 2]], &[], "(activation (max-pool %0 2x2/s1,1/p1,1,1,1/d3,3/g1 @0) relu @1)";
    [&[1, 4, 2, 2]], &[], "(max-pool (activation %0 clip:0.5,1 @0) 2x2/s1,1/p1,1,1,1/d3,3/g1 @1)";
    // Groups and dilations.
    [IMAGE], GROUPED, "(scale-bias (conv %0 c0 c1 3x3/s1,2/p2,1,0,2/d2,1/g2 identity @0) c2 c3 relu @1)";
    [IMAGE], GROUPED, "(activation (conv %0 c0 c1 3x3/s1,2/p2,1,0,2/d2,1/g2 identity @0) relu @1)";
    [IMAGE], GROUPED, "(conv (pad %0 [0,0,1,0]|[0,0,0,2]=0 @0) c0 c1 3x3/s1,1/p1,0,1,2/d1,2/g2 identity @1)";
    [IMAGE], GROUPED_POINTS, "(avg-pool (conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g2 identity @0) 3x3/s2,2/p1,1,1,1/d1,1/g1 @1)";
    // Pads.
    [IMAGE], CONV, "(conv (pad %0 [0,0,1,0]|[0,0,0,2]=0 @0) c0 c1 3x3/s1,1/p1,1,1,1/d1,1/g1 identity @1)";
    [IMAGE], CONV, "(conv (pad %0 [0,0,1,1]|[0,0,1,1]=1 @0) c0 c1 3x3/s1,1/p0,0,0,0/d1,1/g1 identity @1)";
    [IMAGE], &[], "(max-pool (pad %0 [0,0,1,0]|[0,0,0,1]=-inf @0) 2x2/s1,1/p0,0,0,0/d1,1/g1 @1)";
    [IMAGE], &[], "(max-pool (pad %0 [0,0,2,0]|[0,0,0,0]=-inf @0) 2x2/s1,1/p0,0,0,0/d1,1/g1 @1)";
    [IMAGE], &[], "(avg-pool (pad %0 [0,0,1,0]|[0,0,0,1]=0 @0) 2x2/s1,1/p0,0,0,0/d1,1/g1 @1)";
    [IMAGE], &[], "(avg-pool (pad %0 [0,0,1,1]|[0,0,1,1]=0 @0) 3x3/s1,1/p1,1,1,1/d1,1/g1 @1)";
    // Identities.
    [IMAGE], &[], "(activation %0 identity @0)";
    [IMAGE], &[], "(reshape (reshape %0 [8,30] @0) [2,4,5,6] @1)";
    [IMAGE], &[], "(transpose (transpose %0 [0,2,3,1] @0) [0,3,1,2] @1)";
    [ONE], &[], "(transpose %0 [0,2,3,1] @0)";
    [IMAGE], &[], "(slice %0 [0,0,0,0]+[2,4,5,6]*[1,1,1,1] @0)";
    [IMAGE], &[], "(slice %0 [0,1,0,0]+[2,2,5,6]*[1,1,1,1] @0)";
    [IMAGE], &[], "(pad %0 [0,0,0,0]|[0,0,0,0]=3 @0)";
    [IMAGE], ZERO, "(sub (add c0 (add %0 c0 identity @0) identity @1) c0 identity @2)";
    [IMAGE], UNIT, "(div (mul c0 (mul %0 c0 identity @0) identity @1) c0 identity @2)";
    [IMAGE], &[], "(max-pool (avg-pool %0 1x1/s1,1/p0,0,0,0/d1,1/g1 @0) 1x1/s1,1/p0,0,0,0/d1,1/g1 @1)";
    [ONE], &[], "(global-max-pool (global-avg-pool %0 @0) @1)";
    [IMAGE], &[], "(avg-pool %0 5x6/s1,1/p0,0,0,0/d1,1/g1 @0)";
    [IMAGE], &[], "(max-pool %0 5x6/s7,7/p0,0,0,0/d1,1/g1 @0)";
    // Products.
    [ONE], POINTWISE, "(conv %0 c0 c1 1x1/s2,2/p0,0,0,0/d1,1/g1 relu @0)";
    [&[5, 4]], GEMM, "(gemm %0 c0 c1 relu @0)";
    [&[3, 2, 4, 5]], &[random(&[3, 2, 4, 5]), random(&[3])], "(conv %0 c0 c1 4x5/s1,1/p0,0,0,0/d1,1/g1 relu @0)";
    [&[3, 2, 4, 5]], &[random(&[3, 40]), random(&[3])], "(gemm (reshape %0 [3,40] @0) c0 c1 relu @1)";
    [&[2, 3, 1, 1], &[2, 4, 1, 1]], &[random(&[4, 3, 1, 1]), random(&[4])], "(conv-add %0 c0 c1 %1 1x1/s1,1/p0,0,0,0/d1,1/g1 relu @0)";
    [&[5, 4], &[5, 3]], GEMM, "(gemm-add %0 c0 c1 %1 relu @0)";
    // Linear maps.
    [IMAGE], CHAIN, "(conv (conv %0 c0 c1 3x3/s1,2/p1,1,1,1/d1,1/g1 identity @0) c2 c3 1x1/s2,1/p0,0,0,0/d1,1/g1 relu @1)";
    [IMAGE], CHAIN, "(conv (conv %0 c0 c1 3x3/s1,2/p1,1,1,1/d1,1/g1 relu @0) c2 c3 1x1/s2,1/p0,0,0,0/d1,1/g1 relu @1)";
    [IMAGE], BOTTLENECK, "(conv (conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @0) c2 c3 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @1)";
    [&[1, 32, 16, 16]], WIDE, "(conv (conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @0) c2 c3 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @1)";
    [&[1, 16, 8, 8]], NARROW, "(avg-pool (conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @0) 2x2/s2,2/p0,0,0,0/d1,1/g1 @1)";
    [IMAGE], POINTWISE, "(avg-pool (conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @0) 3x3/s2,2/p1,1,1,1/d1,1/g1/ceil @1)";
    [IMAGE], POINTWISE, "(avg-pool (conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @0) 3x3/s2,2/p1,1,1,1/d1,1/g1/counted @1)";
    [IMAGE], PRUNED, "(global-avg-pool (conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @0) @1)";
    [IMAGE], NORM, "(avg-pool (scale-bias %0 c0 c1 identity @0) 2x2/s2,2/p0,0,0,0/d1,1/g1/counted @1)";
    [IMAGE], NORM, "(global-avg-pool (scale-bias %0 c0 c1 identity @0) @1)";
    [IMAGE], NORM, "(global-avg-pool (scale-bias %0 c0 c1 relu @0) @1)";
    [IMAGE], &[], "(global-max-pool (activation %0 relu @0) @1)";
    // Groups.
    [IMAGE], SIBLINGS, "(concat (conv %0 c0 c1 3x3/s1,1/p1,1,1,1/d1,1/g1 relu @0) (conv %0 c2 c3 3x3/s1,1/p1,1,1,1/d1,1/g1 relu @1) #1 @2)";
    [IMAGE], SIBLINGS, "(concat (concat %0 (conv %0 c0 c1 3x3/s1,1/p1,1,1,1/d1,1/g1 relu @0) #1 @1) (conv %0 c2 c3 3x3/s1,1/p1,1,1,1/d1,1/g1 relu @2) #1 @3)";
    [IMAGE], SIBLINGS, "(concat (conv %0 c0 c1 3x3/s1,1/p1,1,1,1/d1,1/g1 relu @0) (conv %0 c2 c3 3x3/s1,1/p1,1,1,1/d1,1/g1 identity @1) #1 @2)";
    [&[2, 6, 5, 6]], GROUPS, "(concat (concat (conv (slice %0 [0,0,0,0]+[2,2,5,6]*[1,1,1,1] @0) c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 relu @1) (conv (slice %0 [0,2,0,0]+[2,2,5,6]*[1,1,1,1] @2) c2 c3 1x1/s1,1/p0,0,0,0/d1,1/g1 relu @3) #1 @4) (conv (slice %0 [0,4,0,0]+[2,2,5,6]*[1,1,1,1] @5) c0 c3 1x1/s1,1/p0,0,0,0/d1,1/g1 relu @6) #1 @7)";
    [IMAGE], &[random(&[4, 1, 1, 1]), random(&[4])], "(conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g4 relu @0)";
    // Implementations and layouts.
    [IMAGE], PRUNED, "(conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 relu @0)";
    [IMAGE, IMAGE], PRUNED, "(conv-add %0 c0 c1 %1 1x1/s1,1/p0,0,0,0/d1,1/g1 relu @0)";
    [IMAGE, IMAGE], POINTWISE, "(conv-add %0 c0 c1 %1 1x1/s1,1/p0,0,0,0/d1,1/g1 relu @0)";
    [IMAGE, IMAGE], &[random(&[4, 1, 3, 3]), random(&[4])], "(conv-add %0 c0 c1 (conv %1 c0 c1 3x3/s1,1/p1,1,1,1/d1,1/g4 relu @0) 3x3/s1,1/p1,1,1,1/d1,1/g4 relu @1)";
    [IMAGE, &[4, 4, 1, 1]], &[random(&[4])], "(conv %0 %1 c0 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @0)";
    [IMAGE, IMAGE], &[], "(sub (concat %0 %1 #1 @0) (softmax (concat %1 %0 #1 @1) #1 @2) identity @3)";
    [IMAGE], &[random(&[4, 1, 1])], "(prelu (div %0 c0 identity @0) c0 @1)";
    [IMAGE], &[], "(global-avg-pool (pad %0 [0,0,1,1]|[0,0,0,0]=2 @0) @1)";
    [IMAGE], &[], "(convert (convert %0 nhwc) cnhw)";
];

/// What is known of a constant before its data is.
pub fn tensor_of(constant: &Constant) -> Tensor {
    let pattern = (constant.fill == Fill::Pruned).then_some(Columns { n: 2, m: 4, tile: 4 });
    let splat = if let Fill::All(value) = constant.fill { Some(Number(value)) } else { None };
    let range = Range::splat(splat.map_or(0.5, |splat| splat.0));
    Tensor { is_constant: true, range, pattern, splat, ..Tensor::new(constant.shape.to_vec()) }
}

/// The graph of a sample, and the data of its leaves.
fn start(sample: &Sample, seed: u64) -> (Graph, Id, Vec<Data>, Vec<Data>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut data = |shape: &[i64], fill: Fill| {
        let dims: Vec<usize> = shape.iter().map(|&dim| usize::try_from(dim).unwrap()).collect();
        let value = |rng: &mut ChaCha8Rng| match fill {
            Fill::All(value) => value,
            Fill::Positive => rng.random_range(0.5..2.0),
            Fill::Random | Fill::Pruned => rng.random_range(-2.0..2.0),
        };
        let count = dims.iter().product();
        Data::new(dims, (0..count).map(|_| value(&mut rng)).collect()).unwrap()
    };
    let mut facts = Facts { layouts: vec![Layout::Cnhw, Layout::Nhwc], ..Facts::default() };
    facts.dense.clone_from(&facts.layouts);
    let (mut values, mut constants) = (vec![], vec![]);
    for shape in sample.values {
        facts.values.push(Tensor::new(shape.to_vec()));
        values.push(data(shape, Fill::Random));
    }
    for constant in sample.constants {
        let filled = data(constant.shape, constant.fill);
        let range = Range::of(filled.data(), filled.shape().first().copied().unwrap_or(1));
        facts.constants.push(Tensor { range, ..tensor_of(constant) });
        constants.push(filled);
    }
    let mut graph = Graph::new(facts);
    let root = graph.add_expr(&sample.term.parse::<RecExpr<Term>>().unwrap());
    graph.rebuild();
    (graph, root, values, constants)
}

fn saturated(sample: &Sample, rules: &[Rule]) -> (Graph, Id, Vec<Data>, Vec<Data>) {
    let (graph, root, values, constants) = start(sample, 7);
    let (graph, report) = saturate(graph, rules, Bounds::default()).unwrap();
    assert_eq!(report.limit, None, "{}", sample.term);
    (graph, root, values, constants)
}

/// Computes a term from its tensors and leaves, in this order.
fn apply(term: &Term, x: &[&Data], leaves: &[&Leaf]) -> Data {
    if let Some(op) = super::convert::op(term, leaves).unwrap() {
        return reference::evaluate(&op, x).unwrap();
    }
    let number = || match leaves {
        [Leaf::Number(number), ..] => number.0,
        _ => panic!("{term} has no number"),
    };
    let vector = |with: &dyn Fn(usize) -> f32| {
        Ok(Data::new(x[0].shape().to_vec(), (0..x[0].data().len()).map(with).collect()).unwrap())
    };
    let computed = match term {
        Term::Dense(_) => return x[0].clone(),
        Term::ScaleRows(_) => {
            let row = x[0].data().len() / x[1].data().len();
            vector(&|index| x[0].data()[index] * x[1].data()[index / row])
        }
        Term::ScaleShift(_) => vector(&|index| x[0].data()[index] * x[1].data()[index] + x[2].data()[index]),
        Term::BnScale(_) => vector(&|index| x[0].data()[index] / (x[1].data()[index] + number()).sqrt()),
        Term::BnShift(_) => vector(&|index| x[0].data()[index] - x[1].data()[index] * x[2].data()[index]),
        Term::Compose(_) => {
            // The convolution of the inner filter, its inputs as images.
            let (zeros, outer) =
                (Data::new(vec![x[0].shape()[0]], vec![0.0; x[0].shape()[0]]).unwrap(), x[0]);
            let turned = reference::transpose(x[1], &[1, 0, 2, 3]).unwrap();
            let product = reference::conv2d(
                &turned,
                outer,
                &zeros,
                None,
                &reference::Conv2d { strides: [1, 1], pads: [0; 4], dilations: [1, 1], groups: 1 },
                To::Identity,
            );
            reference::transpose(&product.unwrap(), &[1, 0, 2, 3])
        }
        Term::ComposeBias(_) => {
            let rows = Data::new(x[0].shape()[..2].to_vec(), x[0].data().to_vec()).unwrap();
            let bias = Data::new(vec![1, x[1].data().len()], x[1].data().to_vec()).unwrap();
            let sum = reference::gemm(&bias, &rows, x[2], None, To::Identity).unwrap();
            Ok(Data::new(x[2].shape().to_vec(), sum.data().to_vec()).unwrap())
        }
        Term::Stack(_) => reference::concat(x[0], x[1], 0),
        other => panic!("{other} is not computed"),
    };
    computed.unwrap()
}

/// Computes every term of every class, and the first two of a class that differ.
fn disagreement(graph: &Graph, values: &[Data], constants: &[Data]) -> Option<(String, String)> {
    let mut known: BTreeMap<Id, (Data, String)> = BTreeMap::new();
    let mut done: BTreeSet<Term> = BTreeSet::new();
    loop {
        let before = done.len();
        for class in graph.classes() {
            for term in class.nodes.iter().filter(|term| {
                !matches!(class.data.fact, super::analysis::Fact::Refused(_)) && !is_attribute(term)
            }) {
                let children: Vec<Id> = term.children().iter().map(|&child| graph.find(child)).collect();
                let leaves: Vec<&Leaf> = children.iter().filter_map(|&child| leaf(graph, child)).collect();
                let tensors: Vec<_> = children.iter().filter_map(|child| known.get(child)).collect();
                if done.contains(term) || leaves.len() + tensors.len() < children.len() {
                    continue;
                }
                let tensors: Vec<&Data> = tensors.into_iter().map(|(data, _)| data).collect();
                let data = match term {
                    Term::Leaf(Leaf::Value(index)) => values[*index as usize].clone(),
                    Term::Leaf(Leaf::Constant(index)) => constants[*index as usize].clone(),
                    _ => apply(term, &tensors, &leaves),
                };
                done.insert(term.clone());
                let text = term.written(graph, 3);
                let Some((want, first)) = known.get(&class.id) else {
                    known.insert(class.id, (data, text));
                    continue;
                };
                let is_close = |(want, got): (&f32, &f32)| {
                    let both_nan = want.is_nan() && got.is_nan();
                    both_nan || want == got || (want - got).abs() <= 1e-4 * want.abs().max(1.0)
                };
                if want.shape() != data.shape() || !want.data().iter().zip(data.data()).all(is_close) {
                    return Some((first.clone(), text));
                }
            }
        }
        if done.len() == before {
            return None;
        }
    }
}

fn is_attribute(term: &Term) -> bool {
    matches!(term, Term::Leaf(leaf) if !matches!(leaf, Leaf::Value(_) | Leaf::Constant(_)))
}

#[test]
fn rules_are_sound() {
    let rules = rules::all();
    for sample in SAMPLES {
        let (graph, _, values, constants) = saturated(sample, &rules);
        assert_eq!(disagreement(&graph, &values, &constants), None, "{}", sample.term);
        let values: Vec<Data> = values.into_iter().map(with_nan).collect();
        assert_eq!(disagreement(&graph, &values, &constants), None, "{}, with NaN", sample.term);
    }
}

/// One of the elements made NaN.
fn with_nan(mut data: Data) -> Data {
    let middle = data.data().len() / 2;
    data.data_mut()[middle] = f32::NAN;
    data
}

/// The term of a class, as a text.
fn text(selection: &Selection, graph: &Graph, id: Id) -> String {
    let term = match selection.terms.get(&graph.find(id)) {
        Some(term) => term.clone(),
        None => return leaf(graph, id).map_or_else(String::new, ToString::to_string),
    };
    let children: String =
        term.children().iter().map(|&child| format!(" {}", text(selection, graph, child))).collect();
    if children.is_empty() { term.to_string() } else { format!("({term}{children})") }
}

/// `INSTA_UPDATE=always cargo test -p ait-passes` rewrites the golden file.
#[test]
fn every_rule_fires() {
    let rules = rules::all();
    let chooser = Chooser::new(Target::named("spacemit-x60").unwrap());
    let cost = Cost::new(&chooser, None);
    let (mut golden, mut fired) = (String::new(), BTreeSet::new());
    for sample in SAMPLES {
        let (graph, root, ..) = saturated(sample, &rules);
        let selection = select(&graph, &[root], &cost, Limits::default()).unwrap();
        assert!(selection.extracted.is_exact());
        fired.extend(graph.analysis.fired.iter().copied());
        let names: Vec<_> = graph.analysis.fired.iter().copied().collect();
        golden +=
            &format!("{}\n  = {}\n  {}\n", sample.term, text(&selection, &graph, root), names.join(", "));
    }
    let silent: Vec<_> = rules.iter().map(|rule| rule.name).filter(|name| !fired.contains(name)).collect();
    assert!(silent.is_empty(), "no sample for {silent:?}");
    insta::assert_snapshot!(golden);
}

/// What is chosen is proven by egg to be what was asked for, by the rules of that sample and no others.
#[test]
fn every_choice_has_a_proof() {
    let rules = rules::all();
    let chooser = Chooser::new(Target::named("spacemit-x60").unwrap());
    let cost = Cost::new(&chooser, None);
    let mut proven = BTreeSet::new();
    for sample in SAMPLES {
        let (graph, ..) = start(sample, 7);
        let origins: Vec<Id> = (0..graph.nodes().len())
            .map(Id::from)
            .filter(|&id| operand_count(graph.id_to_node(id)).is_some())
            .collect();
        let (graph, root, ..) = saturated(sample, &rules);
        let selection = select(&graph, &[root], &cost, Limits::default()).unwrap();
        let siblings = Siblings::new(&graph);
        let proofs = Proofs::new(&graph, &selection, &rules, &siblings, &origins);
        // Views are no layers.
        let is_layer =
            |term: &Term| operand_count(term).is_some() && cost.of(&graph, term).cycles > Cycles::NONE;
        for (&class, term) in selection.terms.iter().filter(|(_, term)| is_layer(term)) {
            let found = proofs.rules_of(class);
            let found = found.unwrap_or_else(|| panic!("{}: no proof of {term:?}", sample.term));
            assert!(
                found.iter().all(|rule| graph.analysis.fired.contains(rule)),
                "{}: {found:?}",
                sample.term
            );
            proven.extend(found);
        }
    }
    for rule in ["scale-bias-into-conv", "residual-into-conv", "conv-of-conv", "avg-pool-before-conv"] {
        assert!(proven.contains(rule), "{rule} is in no proof");
    }
}

/// Weights, inputs and factors from 1e-38 to 1e38, subnormal ones and zeros among them.
fn extreme(rng: &mut ChaCha8Rng, count: usize, spread: i32) -> Vec<f32> {
    let centre = rng.random_range(-38..=38);
    let value = |rng: &mut ChaCha8Rng| {
        let exponent = (centre + rng.random_range(-spread..=spread)).clamp(-42, 38);
        // Positive, so that sums do not cancel.
        let digits: f64 = rng.random_range(1.0..3.0);
        if rng.random_bool(0.03) { 0.0 } else { (digits * 10f64.powi(exponent)) as f32 }
    };
    (0..count).map(|_| value(rng)).collect()
}

/// Computes the terms of a graph that nothing was found in, and whether all of it is ordinary: no number is infinite or
/// subnormal, and none vanished.
fn computed(graph: &Graph, values: &[Data], constants: &[Data]) -> (BTreeMap<Id, Data>, bool) {
    let mut known: BTreeMap<Id, Data> = BTreeMap::new();
    let mut is_ordinary = true;
    for (index, term) in graph.nodes().iter().enumerate() {
        let leaves: Vec<&Leaf> = term.children().iter().filter_map(|&child| leaf(graph, child)).collect();
        let tensors: Vec<&Data> = term.children().iter().filter_map(|child| known.get(child)).collect();
        let data = match term {
            Term::Leaf(Leaf::Value(index)) => values[*index as usize].clone(),
            Term::Leaf(Leaf::Constant(index)) => constants[*index as usize].clone(),
            Term::Leaf(_) => continue,
            _ => apply(term, &tensors, &leaves),
        };
        is_ordinary &= data.data().iter().all(|value| value.is_normal() || *value == 0.0);
        known.insert(Id::from(index), data);
    }
    (known, is_ordinary)
}

/// What is folded is what the module says wherever that is ordinary, whatever the magnitudes.
#[test]
fn extreme_magnitudes_are_sound() {
    const AFFINE: &[Constant] = &[random(&[3, 4, 1, 1]), random(&[3]), random(&[3]), random(&[3])];
    const LINEAR: &[Constant] = &[
        random(&[3, 4, 1, 1]),
        random(&[3]),
        random(&[2, 3, 1, 1]),
        random(&[2]),
        random(&[2]),
        random(&[2]),
    ];
    const BATCH_NORM: &[Constant] =
        &[random(&[3, 4, 1, 1]), random(&[3]), random(&[3]), random(&[3]), random(&[3]), random(&[3])];
    const SMALL: &[i64] = &[1, 4, 1, 2];
    let samples: &[Sample] = samples![
        [SMALL], AFFINE, "(scale-bias (conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @0) c2 c3 identity @1)";
        [&[2, 4]], GEMM, "(scale-bias (gemm %0 c0 c1 identity @0) c2 c3 identity @1)";
        [SMALL], NORM, "(scale-bias (scale-bias %0 c0 c1 identity @0) c2 c3 identity @1)";
        [SMALL], BATCH_NORM, "(scale-bias (conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @0) (bn-scale c2 c3 =0.000000000000000000000000000001) (bn-shift c4 c5 (bn-scale c2 c3 =0.000000000000000000000000000001)) relu @1)";
        [SMALL], LINEAR, "(conv (conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @0) c2 c3 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @1)";
        [SMALL], LINEAR, "(scale-bias (conv (conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @0) c2 c3 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @1) c4 c5 identity @2)";
    ];
    let rules = rules::named("batch-norm,linear").unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let (mut ordinary, mut folded, mut kept) = (0, 0, 0);
    for round in 0..3000 {
        let sample = &samples[round % samples.len()];
        let (mut graph, root, mut values, mut constants) = start(sample, 7);
        let spread = [0, 2, 20][round / samples.len() % 3];
        for data in values.iter_mut().chain(&mut constants) {
            let filled = extreme(&mut rng, data.data().len(), spread);
            *data = Data::new(data.shape().to_vec(), filled).unwrap();
        }
        let is_norm = sample.term.contains("bn-scale");
        if is_norm && round % 4 == 0 {
            // A variance may be anything: what is not a number is not folded.
            constants[3] = Data::new(vec![3], vec![-1.0, 0.0, 1e-40]).unwrap();
        }
        let ranges = constants.iter().map(|data| Range::of(data.data(), data.shape()[0]));
        let known: Vec<_> =
            ranges.zip(sample.constants).map(|(range, it)| Tensor { range, ..tensor_of(it) }).collect();
        graph = Graph::new(Facts { constants: known, ..graph.analysis });
        assert_eq!(graph.add_expr(&sample.term.parse::<RecExpr<Term>>().unwrap()), root);
        let (want, is_ordinary) = computed(&graph, &values, &constants);
        let (graph, _) = saturate(graph, &rules, Bounds::default()).unwrap();
        assert!(!is_norm || round % 4 != 0 || graph[root].len() == 1, "folds what is not a number");
        if !is_ordinary {
            continue;
        }
        ordinary += 1;
        let terms = graph[root].len();
        (folded, kept) = (folded + usize::from(terms > 1), kept + usize::from(terms == 1));
        for got in of_class(&graph, root, &values, &constants) {
            for (want, got) in want[&root].data().iter().zip(got.data()) {
                assert!((want - got).abs() <= 1e-3 * want.abs(), "{}: {want} {got}", sample.term);
            }
        }
    }
    assert!(ordinary > 100 && folded > 50 && kept > 20, "{ordinary} ordinary, {folded} folded, {kept} kept");
}

/// Every term of a class, computed; what it is made of by any term.
fn of_class(graph: &Graph, class: Id, values: &[Data], constants: &[Data]) -> Vec<Data> {
    let compute = |term: &Term| {
        let parts = term.children().iter().filter(|&&child| {
            leaf(graph, child).is_none_or(|leaf| matches!(leaf, Leaf::Value(_) | Leaf::Constant(_)))
        });
        let parts = parts.filter(|&&child| super::analysis::tensor(graph, child).is_some());
        let tensors: Vec<Data> =
            parts.filter_map(|&child| of_class(graph, child, values, constants).into_iter().next()).collect();
        let leaves: Vec<&Leaf> = term.children().iter().filter_map(|&child| leaf(graph, child)).collect();
        match term {
            Term::Leaf(Leaf::Value(index)) => values[*index as usize].clone(),
            Term::Leaf(Leaf::Constant(index)) => constants[*index as usize].clone(),
            _ => apply(term, &tensors.iter().collect::<Vec<_>>(), &leaves),
        }
    };
    graph[class].nodes.iter().map(compute).collect()
}

/// An infinite factor would make NaN of sums that it leaves infinite: it stays where it is.
#[test]
fn an_infinite_batch_norm_is_not_folded() {
    const CONSTANTS: &[Constant] =
        &[random(&[3, 4, 1, 1]), random(&[3]), Constant { shape: &[3], fill: Fill::All(0.0) }];
    let folded = |term| {
        let sample = Sample { values: &[IMAGE], constants: CONSTANTS, term };
        saturated(&sample, &rules::all()).0.analysis.fired.contains("scale-bias-into-conv")
    };
    assert!(folded(
        "(scale-bias (conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @0) (bn-scale c1 c2 =0.5) c1 relu @1)"
    ));
    assert!(!folded(
        "(scale-bias (conv %0 c0 c1 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @0) (bn-scale c1 c2 =0) c1 relu @1)"
    ));
}

fn wrong(make: &'static str) -> Rule {
    let find = "(global-avg-pool ?x ?s)";
    Rule { name: "wrong", topic: "test", equation: "", find, make: Make::Always(make) }
}

const POOL: Sample = Sample { values: &[IMAGE], constants: &[], term: "(global-avg-pool %0 @0)" };

#[test]
fn a_rule_that_changes_the_shape_is_caught() {
    let error = saturate(start(&POOL, 1).0, &[wrong("?x")], Bounds::default()).unwrap_err();
    let SaturationError::Unsound(unsound) = &error else { panic!("{error}") };
    assert_eq!(unsound.rule, "wrong");
    let sides = [&unsound.left, &unsound.right];
    assert!(sides.iter().any(|side| side.contains("global-avg-pool")), "{error}");
    assert!(sides.iter().any(|side| side.contains("%0")), "{error}");
}

#[test]
fn a_rule_that_changes_the_layout_is_caught() {
    let rules = [wrong("(convert (global-avg-pool ?x ?s) nhwc)")];
    let error = saturate(start(&POOL, 1).0, &rules, Bounds::default()).unwrap_err().to_string();
    assert!(
        error.contains("unsound rule 'wrong'") && error.contains("(convert ") && error.contains("in NHWC"),
        "{error}"
    );
}

#[test]
fn a_rule_that_changes_values_is_caught() {
    let (graph, _, values, constants) = saturated(&POOL, &[wrong("(global-max-pool ?x ?s)")]);
    let (left, right) = disagreement(&graph, &values, &constants).unwrap();
    let names = format!("{left} {right}");
    assert!(names.contains("global-avg-pool") && names.contains("global-max-pool"), "{names}");
}

/// Terms, rules, costs and extraction do not know MLIR.
#[test]
fn mlir_stays_in_the_bridge() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/eqsat");
    let mut pending = vec![root];
    let mut seen = 0;
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if ["encode.rs", "decode.rs", "soundness.rs", "growth.rs"].contains(&name.as_str())
            || !name.ends_with(".rs")
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for word in ["melior", "mlir_sys", "rewrite::", "inkwell"] {
            assert!(!text.contains(word), "{} uses {word}", path.display());
        }
        seen += 1;
    }
    assert!(seen > 12, "{seen} files");
}

/// Shapes and patterns decide, in every crate that computes: no code names a network.
#[test]
fn no_op_or_rule_knows_a_model() {
    let models = [
        "resnet",
        "densenet",
        "mobilenet",
        "efficientnet",
        "nsfw",
        "inception",
        "googlenet",
        "squeezenet",
        "vgg",
    ];
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let places = ["passes/src", "dialects/src", "lowering/src"];
    let mut pending: Vec<_> = places.iter().map(|place| root.join(place)).collect();
    let mut seen = 0;
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".rs") || name.ends_with("tests.rs") || name == "soundness.rs" {
            continue;
        }
        // Tests stand at the end; comments may say who profits.
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap().lines();
        let code: String = code.filter_map(|line| line.split("//").next()).collect::<String>().to_lowercase();
        for model in models {
            assert!(!code.contains(model), "{} names {model}", path.display());
        }
        seen += 1;
    }
    assert!(seen > 100, "{seen} files");
}
