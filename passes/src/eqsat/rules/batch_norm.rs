//! Batch norms: per-channel affine maps, into the weights before them where nothing is between.

use super::{Make, Match, Rule};
use crate::eqsat::analysis::activation;
use crate::eqsat::term::Term;
use ait_dialects::Activation;

/// Constants all. What their products lose makes the terms refused, by the analysis.
fn folds(found: &Match) -> bool {
    found.are_constant(&["w", "b", "s", "t"])
}

/// As `folds`; a convolution that is such a map itself is folded as one.
fn folds_conv(found: &Match) -> bool {
    let (Some(window), Some(filter)) = (found.window("p"), found.tensor("w")) else { return false };
    let is_map =
        window.is_pointwise() && filter.shape == [window.groups, 1, 1, 1] && filter.pattern.is_none();
    folds(found) && !is_map
}

/// As `folds`, of a chain of maps.
fn folds_map(found: &Match) -> bool {
    let is_linear = |a| activation(found.graph, a) == Some(Activation::Identity);
    let operand = |_: &Match, term: &Term| match *term {
        // The last of a chain may have an epilogue, which is `?a`.
        Term::ScaleBias([x, _, _, a, _]) if is_linear(a) || found.is("a", a) => Some(x),
        _ => None,
    };
    folds(found) && found.is_link("x", operand)
}

pub const RULES: &[Rule] = &[
    Rule {
        name: "batch-norm-as-scale-bias",
        topic: "batch-norm",
        equation: "batch_norm(x; g, b, m, v, e) = scale_bias(x; s, b - m s), s = g / sqrt(v + e)",
        find: "(batch-norm ?x ?g ?b ?m ?v ?e ?s)",
        make: Make::If(
            "(scale-bias ?x (bn-scale ?g ?v ?e) (bn-shift ?b ?m (bn-scale ?g ?v ?e)) identity ?s)",
            |found| found.are_constant(&["g", "b", "m", "v"]),
        ),
    },
    Rule {
        name: "scale-bias-into-conv",
        topic: "batch-norm",
        equation: "a(s (W x + b) + t) = a((s W) x + (s b + t)); an activation in between (a ReLU) stops it",
        find: "(scale-bias (conv ?x ?w ?b ?p identity ?n) ?s ?t ?a ?m)",
        make: Make::If("(conv ?x (scale-rows ?w ?s) (scale-shift ?b ?s ?t) ?p ?a ?n)", folds_conv),
    },
    Rule {
        name: "scale-bias-into-gemm",
        topic: "batch-norm",
        equation: "a(s (W x + b) + t) = a((s W) x + (s b + t))",
        find: "(scale-bias (gemm ?x ?w ?b identity ?n) ?s ?t ?a ?m)",
        make: Make::If("(gemm ?x (scale-rows ?w ?s) (scale-shift ?b ?s ?t) ?a ?n)", folds),
    },
    Rule {
        name: "scale-bias-into-scale-bias",
        topic: "batch-norm",
        equation: "a(s (w x + b) + t) = a((s w) x + (s b + t))",
        find: "(scale-bias (scale-bias ?x ?w ?b identity ?n) ?s ?t ?a ?m)",
        make: Make::If("(scale-bias ?x (scale-rows ?w ?s) (scale-shift ?b ?s ?t) ?a ?n)", folds_map),
    },
];
