//! The walk-through of `docs/add-a-rule.md`: its code is this file's, and it works.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use ait_passes::eqsat::analysis::{Facts, Graph, Tensor};
use ait_passes::eqsat::rules::{Make, Match, Rule};
use ait_passes::eqsat::saturate::{Bounds, saturate};

/// Element by element: it does not matter which part an element is in.
const OVER_CONCAT: Rule = Rule {
    name: "activation-over-concat",
    topic: "fusion",
    equation: "a(concat(x, y)) = concat(a(x), a(y))",
    find: "(activation (concat ?x ?y ?d ?s) ?a ?t)",
    make: Make::If("(concat (activation ?x ?a ?t) (activation ?y ?a ?t) ?d ?s)", is_image),
};

fn is_image(found: &Match) -> bool {
    found.tensor("x").is_some_and(|tensor| tensor.shape.len() == 4)
}

fn graph() -> (Graph, egg::Id) {
    let values = vec![Tensor::new(vec![1, 2, 4, 4]), Tensor::new(vec![1, 3, 4, 4])];
    let mut graph = Graph::new(Facts { values, ..Facts::default() });
    let term = "(activation (concat %0 %1 #1 @0) relu @1)".parse().unwrap();
    let root = graph.add_expr(&term);
    graph.rebuild();
    (graph, root)
}

#[test]
fn it_fires() {
    let (graph, root) = graph();
    let (graph, _) = saturate(graph, &[OVER_CONCAT], Bounds::default()).unwrap();
    let wanted = "(concat (activation %0 relu @1) (activation %1 relu @1) #1 @0)".parse().unwrap();
    assert_eq!(graph.lookup_expr(&wanted), Some(graph.find(root)));
}

#[test]
fn a_wrong_one_is_caught() {
    let wrong = Rule { make: Make::Always("(activation ?x ?a ?t)"), ..OVER_CONCAT };
    let error = saturate(graph().0, &[wrong], Bounds::default()).unwrap_err().to_string();
    assert!(error.starts_with("unsound rule 'activation-over-concat': (activation "), "{error}");
    assert!(error.contains("1x5x4x4 in NCHW") && error.contains("1x2x4x4 in NCHW"), "{error}");
}

#[test]
fn the_walk_through_is_this_code() {
    let page = include_str!("../../docs/add-a-rule.md");
    let blocks: Vec<_> =
        page.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 3, "{} blocks", blocks.len());
    for block in blocks {
        assert!(include_str!("add_a_rule.rs").contains(block.trim()), "not in add_a_rule.rs:\n{block}");
    }
    for file in page.split('`').filter(|word| word.starts_with("passes/")) {
        assert!(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file).exists(), "{file}");
    }
}
