//! Convolutions side by side as one, and the forms of depthwise ones.
//!
//! What is concatenated of convolutions of different inputs needs no rule: the planner gives them slices of one buffer
//! where the layout allows it, and the cost of a concatenation says where that is. Nor does a convolution in one group.

use super::{Leaf, Make, Match, Rule};
use crate::eqsat::term::{Term, Window};
use ait_dialects::Layout;
use egg::Id;

/// Whether `?d` is the axis of channels of an image in NCHW, and all weights may be put together.
fn is_of_channels(found: &Match) -> bool {
    let is_channels = matches!(found.leaf("d"), Some(Leaf::Axis(1)));
    is_channels && found.is_logical_image() && found.are_plain(&["w", "b", "v", "c"])
}

/// The convolution that has the filters of two, of `x` in a window.
fn stacked(found: &mut Match, x: Id, window: Window) -> Term {
    let [w, b, v, c, a, s] = ["w", "b", "v", "c", "a", "s"].map(|name| found.id(name));
    let filter = found.add(Term::Stack([w, v]));
    let bias = found.add(Term::Stack([b, c]));
    let window = found.add_leaf(Leaf::Window(window));
    Term::Conv([x, filter, bias, window, a, s])
}

fn of_same_input(found: &mut Match) -> Option<Term> {
    let window = found.window("p").filter(|window| window.groups == 1)?;
    let x = found.id("x");
    is_of_channels(found).then(|| stacked(found, x, window))
}

fn siblings(found: &mut Match) -> Option<Vec<Id>> {
    let both = of_same_input(found)?;
    found.add_root(both).map(|id| vec![id])
}

/// What is before a sibling in a concatenation.
fn before_sibling(found: &Match, term: &Term) -> Option<Id> {
    let Term::Concat([z, y, d, _]) = *term else { return None };
    let is_sibling = |term: &Term| match *term {
        Term::Conv([x, _, _, p, a, _]) => found.is("x", x) && found.is("p", p) && found.is("a", a),
        _ => false,
    };
    let is_before = found.is("d", d) && found.graph[y].nodes.iter().any(is_sibling);
    is_before.then_some(z)
}

/// Siblings at the end of a chain of concatenations: those before the furthest operand as yet, and one of each kind.
fn later_siblings(found: &mut Match) -> Option<Vec<Id>> {
    let is_there = |term: &Term| before_sibling(found, term).is_some_and(|z| found.is("z", z));
    if !found.is_link("z", before_sibling) || found.has("", is_there) {
        return None;
    }
    let both = of_same_input(found)?;
    let both = found.add(both);
    let [z, d, u] = ["z", "d", "u"].map(|name| found.id(name));
    Some(vec![found.add(Term::Concat([z, both, d, u]))])
}

/// Convolutions of slices that follow each other, each in as many groups as its slice has groups of channels.
fn slices(found: &mut Match) -> Option<Vec<Id>> {
    let (p, q) = (found.window("p")?, found.window("q")?);
    if !is_of_channels(found) || (Window { groups: p.groups, ..q }) != p {
        return None;
    }
    let (filter, other) = (&found.tensor("w")?.shape, &found.tensor("v")?.shape);
    // As many inputs, taps and outputs in each group.
    let fits = filter.get(1..) == other.get(1..)
        && filter.first()?.checked_mul(q.groups) == other.first()?.checked_mul(p.groups);
    let (Leaf::Slice([starts, sizes, steps]), Leaf::Slice(next)) = (found.leaf("i")?, found.leaf("j")?)
    else {
        return None;
    };
    let (start, size) = (*starts.get(1)?, *sizes.get(1)?);
    let mut following = [starts.clone(), sizes.clone(), steps.clone()];
    *following[0].get_mut(1)? = start.checked_add(size)?;
    *following[1].get_mut(1)? = *next[1].get(1)?;
    if !fits || *steps.get(1)? != 1 || following != *next {
        return None;
    }
    let mut whole = [starts.clone(), sizes.clone(), steps.clone()];
    *whole[1].get_mut(1)? = size.checked_add(*next[1].get(1)?)?;
    let groups = p.groups.checked_add(q.groups)?;
    let (x, m) = (found.id("x"), found.id("m"));
    let whole = found.add_leaf(Leaf::Slice(whole));
    let input = found.add(Term::Slice([x, whole, m]));
    let both = stacked(found, input, Window { groups, ..p });
    found.add_root(both).map(|id| vec![id])
}

fn as_depthwise(found: &mut Match) -> Option<Vec<Id>> {
    let &[_, channels, _, _] = found.result()?.shape.as_slice() else { return None };
    if !found.is_logical_image() || !found.are_constant(&["w", "b"]) || channels < 2 {
        return None;
    }
    let [x, w, b, a, s] = ["x", "w", "b", "a", "s"].map(|name| found.id(name));
    let filter = found.reshape(w, vec![channels, 1, 1, 1], s);
    let window = found.add_leaf(Leaf::Window(Window { groups: channels, ..Window::POINT }));
    found.add_root(Term::Conv([x, filter, b, window, a, s])).map(|id| vec![id])
}

fn as_scale_bias(found: &mut Match) -> Option<Vec<Id>> {
    let window = found.window("p").filter(Window::is_pointwise)?;
    let filter = found.tensor("w")?.shape.as_slice();
    let is_depthwise = filter == [window.groups, 1, 1, 1];
    // A filter with a pattern has kernels of its own.
    let is_dense = found.tensor("w")?.pattern.is_none();
    let is_logical = found.tensor("x")?.layout == Layout::Nchw;
    if !is_depthwise || !is_dense || !is_logical || !found.are_constant(&["w", "b"]) {
        return None;
    }
    let [x, w, b, a, s] = ["x", "w", "b", "a", "s"].map(|name| found.id(name));
    let scale = found.reshape(w, vec![window.groups], s);
    found.add_root(Term::ScaleBias([x, scale, b, a, s])).map(|id| vec![id])
}

macro_rules! rule {
    ($name:literal, $equation:literal, $find:literal, $make:expr) => {
        Rule { name: $name, topic: "grouped", equation: $equation, find: $find, make: Make::Terms($make) }
    };
}

#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    rule!("convs-of-one-input", "concat(a(W x + b), a(V x + c)) = a([W; V] x + [b; c]), dense and in one group",
        "(concat (conv ?x ?w ?b ?p ?a ?s) (conv ?x ?v ?c ?p ?a ?t) ?d ?u)", siblings),
    rule!("later-convs-of-one-input", "concat(concat(z, a(W x + b)), a(V x + c)) = concat(z, a([W; V] x + [b; c]))",
        "(concat (concat ?z (conv ?x ?w ?b ?p ?a ?s) ?d ?m) (conv ?x ?v ?c ?p ?a ?t) ?d ?u)", later_siblings),
    rule!("convs-of-slices", "concat(conv{g}(slice(x)), conv{h}(slice(x))) = conv{g + h}(slice(x)), slices that follow each other",
        "(concat (conv (slice ?x ?i ?m) ?w ?b ?p ?a ?s) (conv (slice ?x ?j ?n) ?v ?c ?q ?a ?t) ?d ?u)", slices),
    rule!("scale-bias-as-depthwise", "a(s x + t) = conv{1x1, C groups}(x)",
        "(scale-bias ?x ?w ?b ?a ?s)", as_depthwise),
    rule!("depthwise-as-scale-bias", "conv{1x1, C groups}(x) = a(s x + t)",
        "(conv ?x ?w ?b ?p ?a ?s)", as_scale_bias),
];
