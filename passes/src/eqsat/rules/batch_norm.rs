//! Batch norms: per-channel affine maps, into the weights before them where nothing is between.

use super::{Make, Match, Rule};

/// Constants all, and a finite factor: an infinite one would turn sums that it leaves infinite into NaN.
fn folds(found: &Match) -> bool {
    found.are_constant(&["w", "b", "s", "t"]) && found.tensor("s").is_some_and(|scale| scale.is_finite())
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
        make: Make::If("(conv ?x (scale-rows ?w ?s) (scale-shift ?b ?s ?t) ?p ?a ?n)", folds),
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
        make: Make::If("(scale-bias ?x (scale-rows ?w ?s) (scale-shift ?b ?s ?t) ?a ?n)", folds),
    },
];
