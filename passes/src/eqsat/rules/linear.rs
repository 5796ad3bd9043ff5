//! Linear maps: two after each other are one, and those of channels change places with those of positions.

use super::{Leaf, Make, Match, Rule, Window};
use crate::eqsat::analysis::{tensor, window};
use crate::eqsat::term::Term;
use egg::Id;

/// A convolution of one tap after any other: the product of the weights. Whether that pays depends on the numbers of
/// channels; the cost says.
fn compose(found: &mut Match) -> Option<Vec<Id>> {
    let (inner, outer) = (found.window("p")?, found.window("q")?);
    let is_linear = outer.kernel == [1, 1] && outer.pads == [0; 4] && outer.groups == 1 && inner.groups == 1;
    if !is_linear || !found.are_plain(&["w", "b", "v", "c"]) || !found.is_logical_image() {
        return None;
    }
    if !found.is_link("x", convolved) {
        return None;
    }
    // The outer steps leave out whole windows of the inner one.
    let [h, w] = inner.strides;
    let strides = [h.checked_mul(outer.strides[0])?, w.checked_mul(outer.strides[1])?];
    let [x, w, b, v, c, a, t] = ["x", "w", "b", "v", "c", "a", "t"].map(|name| found.id(name));
    let filter = found.add(Term::Compose([v, w]));
    let bias = found.add(Term::ComposeBias([v, b, c]));
    let window = found.add_leaf(Leaf::Window(Window { strides, ..inner }));
    found.add_root(Term::Conv([x, filter, bias, window, a, t])).map(|id| vec![id])
}

/// What a convolution in one group convolves.
fn convolved(found: &Match, term: &Term) -> Option<Id> {
    let Term::Conv([x, w, b, p, ..]) = *term else { return None };
    let is_constant = |id| tensor(found.graph, id).is_some_and(|tensor| tensor.is_constant);
    let is_dense = window(found.graph, p).is_some_and(|window| window.groups == 1);
    (is_dense && is_constant(w) && is_constant(b)).then_some(x)
}

/// Weights that mix the channels of each position, all of them finite: infinite ones make NaN of sums of both signs.
fn is_of_channels(found: &Match) -> bool {
    let is_pointwise = found.window("p").is_some_and(|window| window.is_pointwise());
    is_pointwise && is_finite(found, ["w", "b"]) && found.is_logical_image()
}

fn is_finite(found: &Match, names: [&str; 2]) -> bool {
    let is_finite = |name| found.tensor(name).is_some_and(|it| it.is_constant && it.is_finite());
    names.into_iter().all(is_finite)
}

/// A mean of elements, no padding among them, and not of means: a chain of means and maps would have a tensor for each pair
/// of both.
fn is_mean(found: &Match) -> bool {
    let is_unpadded = |window: Window| window.pads == [0; 4] && !window.ceil_mode;
    let is_of_elements =
        found.window("q").is_some_and(|window| !window.count_include_pad || is_unpadded(window));
    is_of_elements && !found.has("x", |term| matches!(term, Term::AvgPool(_)))
}

macro_rules! rule {
    ($name:literal, $equation:literal, $find:literal, $make:expr) => {
        Rule { name: $name, topic: "linear", equation: $equation, find: $find, make: $make }
    };
}

#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    rule!("conv-of-conv", "a(V (W x + b) + c) = a((V W) x + (V b + c)), V of one tap, both dense and in one group",
        "(conv (conv ?x ?w ?b ?p identity ?s) ?v ?c ?q ?a ?t)", Make::Terms(compose)),
    rule!("avg-pool-before-conv", "avg_pool(W x + b) = W avg_pool(x) + b, W of one tap, padding not counted, x no avg_pool",
        "(avg-pool (conv ?x ?w ?b ?p identity ?s) ?q ?t)",
        Make::If("(conv (avg-pool ?x ?q ?t) ?w ?b ?p identity ?s)",
            |found| is_of_channels(found) && is_mean(found))),
    rule!("global-avg-pool-before-conv", "global_avg_pool(W x + b) = W global_avg_pool(x) + b, W of one tap",
        "(global-avg-pool (conv ?x ?w ?b ?p identity ?s) ?t)",
        Make::If("(conv (global-avg-pool ?x ?t) ?w ?b ?p identity ?s)", is_of_channels)),
    rule!("avg-pool-before-scale-bias", "avg_pool(s x + t) = s avg_pool(x) + t, padding not counted, x no avg_pool",
        "(avg-pool (scale-bias ?x ?w ?b identity ?s) ?q ?t)",
        Make::If("(scale-bias (avg-pool ?x ?q ?t) ?w ?b identity ?s)",
            |found| is_finite(found, ["w", "b"]) && found.is_logical_image() && is_mean(found))),
    rule!("global-avg-pool-before-scale-bias", "global_avg_pool(s x + t) = s global_avg_pool(x) + t",
        "(global-avg-pool (scale-bias ?x ?w ?b identity ?s) ?t)",
        Make::If("(scale-bias (global-avg-pool ?x ?t) ?w ?b identity ?s)",
            |found| is_finite(found, ["w", "b"]) && found.is_logical_image())),
];
