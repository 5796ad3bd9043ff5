//! Activations, residuals and gates into the op next to them.

use super::{Leaf, Make, Match, Rule};
use crate::eqsat::analysis::activation;
use crate::eqsat::term::{Act, Term};
use ait_dialects::Activation;
use egg::Id;

/// A residual has the result's shape, and a layout of its own, which a constant has not.
fn is_residual(found: &Match) -> bool {
    let (Some(residual), Some(result)) = (found.tensor("r"), found.result()) else { return false };
    residual.shape == result.shape && !residual.is_constant
}

/// A clamp's bounds, none of them NaN and not crossed.
fn bounds(activation: Activation) -> Option<(f32, f32)> {
    activation.clamp().filter(|(min, max)| min <= max)
}

/// Whether it grows with its argument: it then changes places with a maximum.
fn is_monotone(found: &Match) -> bool {
    found.activation("a").and_then(bounds).is_some()
}

/// The same, and every window holds an element of the image: the maximum of padding alone is minus infinity, which a clip
/// moves. Padding is less than what a window spans, so that only taps apart from each other can all miss the image.
fn is_monotone_of_elements(found: &Match) -> bool {
    is_monotone(found) && found.window("p").is_some_and(|window| window.dilations == [1, 1])
}

/// What a clamp clamps.
fn clamped(found: &Match, term: &Term) -> Option<Id> {
    let Term::Activation([x, a, _]) = *term else { return None };
    activation(found.graph, a).and_then(bounds).map(|_| x)
}

/// As `is_monotone_of_elements`, past one pool: a chain of pools and clips would have a tensor for each pair of both.
fn passes_pool(found: &Match) -> bool {
    is_monotone_of_elements(found) && !found.has("x", |term| matches!(term, Term::MaxPool(_)))
}

fn clamp_of_clamp(found: &mut Match) -> Option<Vec<Id>> {
    let ((low, high), (min, max)) = (bounds(found.activation("a")?)?, bounds(found.activation("c")?)?);
    let both = match (low.clamp(min, max), high.clamp(min, max)) {
        (0.0, f32::INFINITY) => Activation::Relu,
        (f32::NEG_INFINITY, f32::INFINITY) => Activation::Identity,
        (min, max) => Activation::Clip { min, max },
    };
    if !found.is_link("x", clamped) {
        return None;
    }
    let (x, site) = (found.id("x"), found.id("s"));
    let act = found.add_leaf(Leaf::Act(Act(both)));
    Some(vec![found.add(Term::Activation([x, act, site]))])
}

macro_rules! fused {
    ($name:literal, $equation:literal, $find:literal, $make:literal) => {
        Rule { name: $name, topic: "fusion", equation: $equation, find: $find, make: Make::Always($make) }
    };
}

macro_rules! residual {
    ($name:literal, $equation:literal, $find:literal, $make:literal) => {
        Rule {
            name: $name,
            topic: "fusion",
            equation: $equation,
            find: $find,
            make: Make::If($make, is_residual),
        }
    };
}

#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    fused!("activation-into-conv", "a(W x + b) = conv(x) {epilogue = a}",
        "(activation (conv ?x ?w ?b ?p identity ?s) ?a ?t)", "(conv ?x ?w ?b ?p ?a ?s)"),
    fused!("activation-into-conv-add", "a(W x + b + r) = conv(x, r) {epilogue = a}",
        "(activation (conv-add ?x ?w ?b ?r ?p identity ?s) ?a ?t)", "(conv-add ?x ?w ?b ?r ?p ?a ?s)"),
    fused!("activation-into-gemm", "a(x W' + b) = gemm(x) {epilogue = a}",
        "(activation (gemm ?x ?w ?b identity ?s) ?a ?t)", "(gemm ?x ?w ?b ?a ?s)"),
    fused!("activation-into-gemm-add", "a(x W' + b + r) = gemm(x, r) {epilogue = a}",
        "(activation (gemm-add ?x ?w ?b ?r identity ?s) ?a ?t)", "(gemm-add ?x ?w ?b ?r ?a ?s)"),
    fused!("activation-into-scale-bias", "a(s x + t) = scale_bias(x) {epilogue = a}",
        "(activation (scale-bias ?x ?w ?b identity ?s) ?a ?t)", "(scale-bias ?x ?w ?b ?a ?s)"),
    fused!("activation-into-add", "a(x + y) = add(x, y) {epilogue = a}",
        "(activation (add ?x ?y identity ?s) ?a ?t)", "(add ?x ?y ?a ?s)"),
    fused!("activation-into-sub", "a(x - y) = sub(x, y) {epilogue = a}",
        "(activation (sub ?x ?y identity ?s) ?a ?t)", "(sub ?x ?y ?a ?s)"),
    fused!("activation-into-mul", "a(x y) = mul(x, y) {epilogue = a}",
        "(activation (mul ?x ?y identity ?s) ?a ?t)", "(mul ?x ?y ?a ?s)"),
    fused!("activation-into-div", "a(x / y) = div(x, y) {epilogue = a}",
        "(activation (div ?x ?y identity ?s) ?a ?t)", "(div ?x ?y ?a ?s)"),
    residual!("residual-into-conv", "a((W x + b) + r) = conv(x, r) {epilogue = a}; not a relu(W x + b) + r",
        "(add (conv ?x ?w ?b ?p identity ?s) ?r ?a ?t)", "(conv-add ?x ?w ?b ?r ?p ?a ?s)"),
    residual!("residual-before-conv", "a(r + (W x + b)) = conv(x, r) {epilogue = a}",
        "(add ?r (conv ?x ?w ?b ?p identity ?s) ?a ?t)", "(conv-add ?x ?w ?b ?r ?p ?a ?s)"),
    residual!("residual-into-gemm", "a((x W' + b) + r) = gemm(x, r) {epilogue = a}",
        "(add (gemm ?x ?w ?b identity ?s) ?r ?a ?t)", "(gemm-add ?x ?w ?b ?r ?a ?s)"),
    residual!("residual-before-gemm", "a(r + (x W' + b)) = gemm(x, r) {epilogue = a}",
        "(add ?r (gemm ?x ?w ?b identity ?s) ?a ?t)", "(gemm-add ?x ?w ?b ?r ?a ?s)"),
    fused!("silu", "x sigmoid(x) = silu(x)",
        "(mul ?x (activation ?x sigmoid ?s) identity ?t)", "(activation ?x silu ?s)"),
    fused!("silu-swapped", "sigmoid(x) x = silu(x)",
        "(mul (activation ?x sigmoid ?s) ?x identity ?t)", "(activation ?x silu ?s)"),
    fused!("hard-swish", "x hard_sigmoid{1/6, 1/2}(x) = hard_swish(x)",
        "(mul ?x (activation ?x hard_sigmoid:0.16666667,0.5 ?s) identity ?t)", "(activation ?x hard_swish ?s)"),
    fused!("hard-swish-swapped", "hard_sigmoid{1/6, 1/2}(x) x = hard_swish(x)",
        "(mul (activation ?x hard_sigmoid:0.16666667,0.5 ?s) ?x identity ?t)", "(activation ?x hard_swish ?s)"),
    Rule {
        name: "clamp-of-clamp",
        topic: "fusion",
        equation: "clip(clip(x; a, b); c, d) = clip(x; clip(a; c, d), clip(b; c, d)), a ReLU being a clip",
        find: "(activation (activation ?x ?a ?s) ?c ?t)",
        make: Make::Terms(clamp_of_clamp),
    },
    Rule {
        name: "clamp-before-max-pool",
        topic: "fusion",
        equation: "clip(max_pool(x)) = max_pool(clip(x)), windows without dilation, x no max pool: a clip is monotone",
        find: "(activation (max-pool ?x ?p ?s) ?a ?t)",
        make: Make::If("(max-pool (activation ?x ?a ?t) ?p ?s)", passes_pool),
    },
    Rule {
        name: "clamp-after-max-pool",
        topic: "fusion",
        equation: "max_pool(clip(x)) = clip(max_pool(x)), windows without dilation, x no max pool",
        find: "(max-pool (activation ?x ?a ?t) ?p ?s)",
        make: Make::If("(activation (max-pool ?x ?p ?s) ?a ?t)", passes_pool),
    },
    Rule {
        name: "clamp-after-global-max-pool",
        topic: "fusion",
        equation: "global_max_pool(clip(x)) = clip(global_max_pool(x))",
        find: "(global-max-pool (activation ?x ?a ?t) ?s)",
        make: Make::If("(activation (global-max-pool ?x ?s) ?a ?t)", is_monotone),
    },
];
