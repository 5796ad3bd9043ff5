//! What does nothing, and what is another op at heart.

use super::{Leaf, Make, Match, Rule};
use crate::eqsat::term::Term;
use egg::Id;

/// The input is what the op makes of it, as far as shape and layout go.
fn keeps_shape(found: &Match) -> bool {
    let (input, result) = (found.tensor("x"), found.result());
    input
        .zip(result)
        .is_some_and(|(input, result)| input.shape == result.shape && input.layout == result.layout)
}

fn is_splat(found: &Match, value: f32) -> bool {
    keeps_shape(found) && found.tensor("c").and_then(|tensor| tensor.splat).is_some_and(|it| it.0 == value)
}

fn is_in_order(found: &Match) -> bool {
    matches!(found.leaf("d"), Some(Leaf::Dims(dims)) if dims.is_sorted())
}

fn slices_all(found: &Match) -> bool {
    let Some(Leaf::Slice([starts, _, steps])) = found.leaf("d") else { return false };
    keeps_shape(found) && starts.iter().all(|&start| start == 0) && steps.iter().all(|&step| step == 1)
}

fn is_one_tap(found: &Match) -> bool {
    let one = found.window("p").is_some_and(|window| window.kernel == [1, 1] && window.pads == [0; 4]);
    one && keeps_shape(found)
}

fn is_one_pixel(found: &Match) -> bool {
    keeps_shape(found)
}

/// One window over the whole image, without padding.
fn is_global(found: &Match) -> bool {
    let (Some(window), Some(input)) = (found.window("p"), found.tensor("x")) else { return false };
    input.shape.get(2..) == Some(&window.kernel[..])
        && window.dilations == [1, 1]
        && window.pads == [0; 4]
        && found.result().is_some_and(|result| result.shape.get(2..) == Some(&[1, 1]))
}

fn compose(found: &mut Match) -> Option<Vec<Id>> {
    let (Leaf::Dims(first), Leaf::Dims(second)) = (found.leaf("d")?, found.leaf("e")?) else { return None };
    let composed: Option<_> =
        second.iter().map(|&dim| usize::try_from(dim).ok().and_then(|dim| first.get(dim).copied())).collect();
    let is_link =
        found.is_link("x", |_, term| if let Term::Transpose([x, ..]) = term { Some(*x) } else { None });
    if !is_link {
        return None;
    }
    let (x, site) = (found.id("x"), found.id("s"));
    let dims = found.add_leaf(Leaf::Dims(composed?));
    Some(vec![found.add(Term::Transpose([x, dims, site]))])
}

fn is_reshape_of_reshape(found: &Match) -> bool {
    found.is_link("x", |_, term| if let Term::Reshape([x, ..]) = term { Some(*x) } else { None })
}

/// Row-major order is that of the dimensions with more than one element.
fn transpose_as_reshape(found: &mut Match) -> Option<Vec<Id>> {
    let Leaf::Dims(permutation) = found.leaf("d")? else { return None };
    let from = &found.tensor("x")?.shape;
    let size = |dim: &&i64| usize::try_from(**dim).ok().and_then(|dim| from.get(dim)) != Some(&1);
    if !permutation.iter().filter(size).is_sorted() {
        return None;
    }
    let (x, site, shape) = (found.id("x"), found.id("s"), found.result()?.shape.clone());
    let dims = found.add_leaf(Leaf::Dims(shape));
    Some(vec![found.add(Term::Reshape([x, dims, site]))])
}

macro_rules! rule {
    ($name:literal, $equation:literal, $find:literal, $make:expr) => {
        Rule { name: $name, topic: "identity", equation: $equation, find: $find, make: $make }
    };
}

#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    rule!("activation-identity", "identity(x) = x", "(activation ?x identity ?s)", Make::Always("?x")),
    rule!("reshape-same", "reshape(x) = x, of the same shape", "(reshape ?x ?d ?s)", Make::If("?x", keeps_shape)),
    rule!("reshape-of-reshape", "reshape(reshape(x)) = reshape(x)",
        "(reshape (reshape ?x ?d ?s) ?e ?t)", Make::If("(reshape ?x ?e ?t)", is_reshape_of_reshape)),
    rule!("transpose-in-order", "transpose{0, 1, ...}(x) = x", "(transpose ?x ?d ?s)", Make::If("?x", is_in_order)),
    rule!("transpose-of-transpose", "transpose{q}(transpose{p}(x)) = transpose{p[q]}(x)",
        "(transpose (transpose ?x ?d ?s) ?e ?t)", Make::Terms(compose)),
    rule!("transpose-as-reshape", "transpose(x) = reshape(x), where it moves dimensions of size 1 only",
        "(transpose ?x ?d ?s)", Make::Terms(transpose_as_reshape)),
    rule!("slice-all", "slice(x) = x, of all elements", "(slice ?x ?d ?s)", Make::If("?x", slices_all)),
    rule!("pad-nothing", "pad{0, 0}(x) = x", "(pad ?x ?d ?s)", Make::If("?x", keeps_shape)),
    rule!("add-zero", "x + 0 = x", "(add ?x ?c identity ?s)", Make::If("?x", |found| is_splat(found, 0.0))),
    rule!("zero-add", "0 + x = x", "(add ?c ?x identity ?s)", Make::If("?x", |found| is_splat(found, 0.0))),
    rule!("sub-zero", "x - 0 = x", "(sub ?x ?c identity ?s)", Make::If("?x", |found| is_splat(found, 0.0))),
    rule!("mul-one", "x 1 = x", "(mul ?x ?c identity ?s)", Make::If("?x", |found| is_splat(found, 1.0))),
    rule!("one-mul", "1 x = x", "(mul ?c ?x identity ?s)", Make::If("?x", |found| is_splat(found, 1.0))),
    rule!("div-one", "x / 1 = x", "(div ?x ?c identity ?s)", Make::If("?x", |found| is_splat(found, 1.0))),
    rule!("max-pool-one-tap", "max_pool{1x1}(x) = x", "(max-pool ?x ?p ?s)", Make::If("?x", is_one_tap)),
    rule!("avg-pool-one-tap", "avg_pool{1x1}(x) = x", "(avg-pool ?x ?p ?s)", Make::If("?x", is_one_tap)),
    rule!("global-avg-pool-one-pixel", "global_avg_pool(x) = x, of one pixel",
        "(global-avg-pool ?x ?s)", Make::If("?x", is_one_pixel)),
    rule!("global-max-pool-one-pixel", "global_max_pool(x) = x, of one pixel",
        "(global-max-pool ?x ?s)", Make::If("?x", is_one_pixel)),
    rule!("avg-pool-is-global", "avg_pool{HxW}(x) = global_avg_pool(x)",
        "(avg-pool ?x ?p ?s)", Make::If("(global-avg-pool ?x ?s)", is_global)),
    rule!("max-pool-is-global", "max_pool{HxW}(x) = global_max_pool(x)",
        "(max-pool ?x ?p ?s)", Make::If("(global-max-pool ?x ?s)", is_global)),
];
