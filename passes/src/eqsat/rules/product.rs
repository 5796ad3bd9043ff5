//! Fully connected layers and convolutions of one pixel are the same product.

use super::{Leaf, Make, Match, Rule};
use crate::eqsat::analysis::tensor;
use crate::eqsat::term::{Term, Window};
use egg::Id;

fn reshape(found: &mut Match, id: Id, shape: Vec<i64>, site: Id) -> Id {
    let dims = found.add_leaf(Leaf::Dims(shape));
    found.add(Term::Reshape([id, dims, site]))
}

/// The pattern of pruned weights is one of their shape.
fn is_dense(found: &Match) -> bool {
    found.tensor("w").is_some_and(|weights| weights.pattern.is_none())
}

const ONE: Window = Window {
    kernel: [1, 1],
    strides: [1, 1],
    pads: [0; 4],
    dilations: [1, 1],
    groups: 1,
    ceil_mode: false,
    count_include_pad: false,
};

/// Of one pixel, one tap and one group.
fn conv_as_gemm(found: &mut Match) -> Option<Vec<Id>> {
    let window = found.window("p")?;
    let (input, result) = (found.tensor("x")?.clone(), found.result()?.clone());
    let &[n, c, 1, 1] = input.shape.as_slice() else { return None };
    let &[_, k, 1, 1] = result.shape.as_slice() else { return None };
    let fits = Window { strides: [1, 1], dilations: [1, 1], ..window } == ONE;
    if !fits || input.layout != Default::default() || !is_dense(found) {
        return None;
    }
    let [x, w, b, a, s] = ["x", "w", "b", "a", "s"].map(|name| found.id(name));
    let (rows, filter) = (reshape(found, x, vec![n, c], s), reshape(found, w, vec![k, c], s));
    let product = found.add(Term::Gemm([rows, filter, b, a, s]));
    Some(vec![reshape(found, product, vec![n, k, 1, 1], s)])
}

fn gemm_as_conv(found: &mut Match) -> Option<Vec<Id>> {
    let [x, w, b, a, s] = ["x", "w", "b", "a", "s"].map(|name| found.id(name));
    let &[m, k] = tensor(found.graph, x)?.shape.as_slice() else { return None };
    let &[n, _] = found.tensor("w")?.shape.as_slice() else { return None };
    if !is_dense(found) {
        return None;
    }
    let image = reshape(found, x, vec![m, k, 1, 1], s);
    let filter = reshape(found, w, vec![n, k, 1, 1], s);
    let p = found.add_leaf(Leaf::Window(ONE));
    let product = found.add(Term::Conv([image, filter, b, p, a, s]));
    Some(vec![reshape(found, product, vec![m, n], s)])
}

pub const RULES: &[Rule] = &[
    Rule {
        name: "conv-as-gemm",
        topic: "product",
        equation: "conv{1x1}(x) = gemm(x), of one pixel and dense weights",
        find: "(conv ?x ?w ?b ?p ?a ?s)",
        make: Make::Terms(conv_as_gemm),
    },
    Rule {
        name: "gemm-as-conv",
        topic: "product",
        equation: "gemm(x) = conv{1x1}(x), each row an image of one pixel",
        find: "(gemm ?x ?w ?b ?a ?s)",
        make: Make::Terms(gemm_as_conv),
    },
];
