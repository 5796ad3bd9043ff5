//! Padding into the windows after it.

use super::{Leaf, Make, Match, Rule, Window};
use crate::eqsat::term::Term;
use egg::Id;

/// The window with the padding of the pad `?q` before it; none if that pads other dimensions or with another value.
fn padded(found: &Match, value: f32) -> Option<Window> {
    let Leaf::Pad([low, high], number) = found.leaf("q")? else { return None };
    let (&[0, 0, top, left], &[0, 0, bottom, right]) = (low.as_slice(), high.as_slice()) else { return None };
    let window = found.window("p").filter(|_| number.0 == value)?;
    let [t, l, b, r] = window.pads;
    Some(Window { pads: [t + top, l + left, b + bottom, r + right], ..window })
}

fn conv(found: &mut Match) -> Option<Vec<Id>> {
    let window = padded(found, 0.0)?;
    let [x, w, b, a, s] = ["x", "w", "b", "a", "s"].map(|name| found.id(name));
    let p = found.add_leaf(Leaf::Window(window));
    Some(vec![found.add(Term::Conv([x, w, b, p, a, s]))])
}

fn max_pool(found: &mut Match) -> Option<Vec<Id>> {
    let window = padded(found, f32::NEG_INFINITY).filter(|window| !window.ceil_mode)?;
    let [x, s] = ["x", "s"].map(|name| found.id(name));
    let p = found.add_leaf(Leaf::Window(window));
    Some(vec![found.add(Term::MaxPool([x, p, s]))])
}

/// A mean over padded zeros counts them, and must have counted padding of its own.
fn avg_pool(found: &mut Match) -> Option<Vec<Id>> {
    let own = found.window("p")?;
    let counted = own.count_include_pad || own.pads == [0; 4];
    let window = padded(found, 0.0).filter(|window| !window.ceil_mode && counted)?;
    let [x, s] = ["x", "s"].map(|name| found.id(name));
    let p = found.add_leaf(Leaf::Window(Window { count_include_pad: true, ..window }));
    Some(vec![found.add(Term::AvgPool([x, p, s]))])
}

pub const RULES: &[Rule] = &[
    Rule {
        name: "pad-into-conv",
        topic: "pad",
        equation: "conv{p}(pad{q, 0}(x)) = conv{p + q}(x)",
        find: "(conv (pad ?x ?q ?t) ?w ?b ?p ?a ?s)",
        make: Make::Terms(conv),
    },
    Rule {
        name: "pad-into-max-pool",
        topic: "pad",
        equation: "max_pool{p}(pad{q, -inf}(x)) = max_pool{p + q}(x), sizes rounded down",
        find: "(max-pool (pad ?x ?q ?t) ?p ?s)",
        make: Make::Terms(max_pool),
    },
    Rule {
        name: "pad-into-avg-pool",
        topic: "pad",
        equation: "avg_pool{p}(pad{q, 0}(x)) = avg_pool{p + q, count_include_pad}(x), where p is 0 or counted",
        find: "(avg-pool (pad ?x ?q ?t) ?p ?s)",
        make: Make::Terms(avg_pool),
    },
];
