//! How a convolution can be computed: generated kernels in CNHW, XNNPACK's in NHWC. Which one is cheaper is not asked
//! here.

use super::layout::{in_layout, is_convertible};
use super::{Make, Match, Rule};
use ait_dialects::Layout;
use egg::Id;

/// What of a convolution decides who can compute it.
struct Weights {
    is_pruned: bool,
    is_constant: bool,
    is_depthwise: bool,
}

fn weights(found: &Match) -> Option<Weights> {
    let filter = found.tensor("w")?;
    let is_depthwise = filter.shape.get(1) == Some(&1) && found.window("p")?.groups > 1;
    let is_constant = found.are_constant(&["w", "b"]);
    Some(Weights { is_pruned: filter.pattern.is_some(), is_constant, is_depthwise })
}

fn implement(found: &mut Match, layout: Layout, fits: impl Fn(&Weights) -> bool) -> Option<Vec<Id>> {
    let weights = weights(found)?;
    // A layout that is asked for binds dense convolutions; a depthwise one goes where its neighbours are.
    let facts = &found.graph.analysis;
    let is_free = weights.is_pruned || !weights.is_constant || weights.is_depthwise;
    let is_allowed = if is_free { facts.layouts.contains(&layout) } else { facts.dense.contains(&layout) };
    if !is_convertible(found) || !is_allowed || !fits(&weights) {
        return None;
    }
    in_layout(found, layout).map(|id| vec![id])
}

fn sparse(found: &mut Match) -> Option<Vec<Id>> {
    implement(found, Layout::Cnhw, |weights| weights.is_pruned && weights.is_constant)
}

fn dense(found: &mut Match) -> Option<Vec<Id>> {
    implement(found, Layout::Cnhw, |weights| !weights.is_pruned && !weights.is_depthwise)
}

fn depthwise(found: &mut Match) -> Option<Vec<Id>> {
    implement(found, Layout::Cnhw, |weights| !weights.is_pruned && weights.is_depthwise)
}

/// XNNPACK packs filter and bias when the model is created, all of it.
fn xnnpack(found: &mut Match) -> Option<Vec<Id>> {
    implement(found, Layout::Nhwc, |weights| !weights.is_pruned && weights.is_constant)
}

fn is_pruned(found: &Match) -> bool {
    weights(found).is_some_and(|weights| weights.is_pruned && weights.is_constant)
}

macro_rules! rules {
    ($name:literal, $added:literal, $equation:literal, $make:expr) => {
        [
            Rule {
                name: $name,
                topic: "implementation",
                equation: $equation,
                find: "(conv ?x ?w ?b ?p ?a ?s)",
                make: Make::Terms($make),
            },
            Rule {
                name: $added,
                topic: "implementation",
                equation: concat!($equation, "; with a residual"),
                find: "(conv-add ?x ?w ?b ?r ?p ?a ?s)",
                make: Make::Terms($make),
            },
        ]
    };
}

const SPARSE: [Rule; 2] = rules!(
    "sparse-cnhw",
    "sparse-add-cnhw",
    "conv(x) = the sparse kernel in CNHW, of pruned constant weights",
    sparse
);
const DENSE: [Rule; 2] = rules!("dense-cnhw", "dense-add-cnhw", "conv(x) = the dense kernel in CNHW", dense);
const DEPTHWISE: [Rule; 2] =
    rules!("depthwise-cnhw", "depthwise-add-cnhw", "conv(x) = the depthwise kernel in CNHW", depthwise);
const XNNPACK: [Rule; 2] = rules!(
    "xnnpack-nhwc",
    "xnnpack-add-nhwc",
    "conv(x) = XNNPACK's operator in NHWC, of dense constant weights",
    xnnpack
);

pub const RULES: &[Rule] = &[
    SPARSE[0],
    SPARSE[1],
    DENSE[0],
    DENSE[1],
    DEPTHWISE[0],
    DEPTHWISE[1],
    XNNPACK[0],
    XNNPACK[1],
    Rule {
        name: "pruned-as-dense",
        topic: "implementation",
        equation: "conv(x, W) = conv(x, dense(W)): zeros may be multiplied",
        find: "(conv ?x ?w ?b ?p ?a ?s)",
        make: Make::If("(conv ?x (dense ?w) ?b ?p ?a ?s)", is_pruned),
    },
    Rule {
        name: "pruned-as-dense-add",
        topic: "implementation",
        equation: "conv(x, W) + r = conv(x, dense(W)) + r",
        find: "(conv-add ?x ?w ?b ?r ?p ?a ?s)",
        make: Make::If("(conv-add ?x (dense ?w) ?b ?r ?p ?a ?s)", is_pruned),
    },
];
