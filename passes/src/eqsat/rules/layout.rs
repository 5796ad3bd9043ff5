//! Conversions of the layout, moved through every op that has kernels in several: layouts are assigned by what is
//! extracted.

use super::{Make, Match, Rule};
use crate::eqsat::term::{Term, operand_count};
use ait_dialects::Layout;
use egg::{Id, Language};

/// The op found, computed in another layout: its operands converted, but for constants and filters, which have none.
pub fn in_layout(found: &mut Match, layout: Layout) -> Option<Id> {
    let term = found.term()?;
    let count = operand_count(&term)?;
    let is_conv = matches!(term, Term::Conv(_) | Term::ConvAdd(_));
    let mut children = term.children().to_vec();
    for (index, child) in children.iter_mut().enumerate().take(count) {
        let has_layout = super::tensor(found.graph, *child).is_some_and(|tensor| tensor.has_layout());
        if has_layout && !(is_conv && index == 1) {
            *child = found.convert(*child, layout);
        }
    }
    let mut converted = children.into_iter();
    let id = found.add(term.map_children(|child| converted.next().unwrap_or(child)));
    Some(found.convert(id, Layout::Nchw))
}

/// Whether the op found is on rank 4 in NCHW, and on more than constants.
pub fn is_convertible(found: &Match) -> bool {
    let Some(term) = found.term() else { return false };
    let operands = term.children().iter().take(operand_count(&term).unwrap_or(0));
    let mut tensors = operands.filter_map(|&id| super::tensor(found.graph, id));
    found.result().is_some_and(|result| result.shape.len() == 4 && result.layout == Layout::Nchw)
        && tensors.any(|tensor| tensor.has_layout() && tensor.layout == Layout::Nchw)
}

/// f(x) = convert{NCHW}(f(convert{L}(x))) for each layout L that may be used.
fn through(found: &mut Match) -> Option<Vec<Id>> {
    if !is_convertible(found) {
        return None;
    }
    let layouts = found.graph.analysis.layouts.clone();
    layouts.into_iter().map(|layout| in_layout(found, layout)).collect()
}

fn is_there(found: &Match) -> bool {
    let (Some(input), Some(result)) = (found.tensor("x"), found.result()) else { return false };
    input.layout == result.layout || input.is_constant
}

macro_rules! through {
    ($name:literal, $find:literal) => {
        Rule {
            name: concat!("layout-through-", $name),
            topic: "layout",
            equation: "f(x) = convert{NCHW}(f(convert{L}(x)))",
            find: $find,
            make: Make::Terms(through),
        }
    };
}

#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    Rule {
        name: "convert-of-convert",
        topic: "layout",
        equation: "convert{L}(convert{K}(x)) = convert{L}(x)",
        find: "(convert (convert ?x ?k) ?l)",
        make: Make::Always("(convert ?x ?l)"),
    },
    Rule {
        name: "convert-to-same",
        topic: "layout",
        equation: "convert{L}(x) = x, if x is in L",
        find: "(convert ?x ?l)",
        make: Make::If("?x", is_there),
    },
    through!("batch-norm", "(batch-norm ?x ?g ?b ?m ?v ?e ?s)"),
    through!("scale-bias", "(scale-bias ?x ?w ?b ?a ?s)"),
    through!("activation", "(activation ?x ?a ?s)"),
    through!("prelu", "(prelu ?x ?y ?s)"),
    through!("add", "(add ?x ?y ?a ?s)"),
    through!("sub", "(sub ?x ?y ?a ?s)"),
    through!("mul", "(mul ?x ?y ?a ?s)"),
    through!("div", "(div ?x ?y ?a ?s)"),
    through!("max-pool", "(max-pool ?x ?p ?s)"),
    through!("avg-pool", "(avg-pool ?x ?p ?s)"),
    through!("global-avg-pool", "(global-avg-pool ?x ?s)"),
    through!("global-max-pool", "(global-max-pool ?x ?s)"),
    through!("softmax", "(softmax ?x ?d ?s)"),
    through!("concat", "(concat ?x ?y ?d ?s)"),
    through!("slice", "(slice ?x ?d ?s)"),
    through!("pad", "(pad ?x ?d ?s)"),
];
