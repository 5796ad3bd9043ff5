//! Fully connected layers and convolutions of one pixel are the same product.

use super::{Leaf, Make, Match, Rule};
use crate::eqsat::analysis::tensor;
use crate::eqsat::term::{Term, Window};
use ait_dialects::Layout;
use egg::Id;

/// The pattern of pruned weights is one of their shape.
fn is_dense(found: &Match) -> bool {
    found.tensor("w").is_some_and(|weights| weights.pattern.is_none())
}

/// A convolution that the product of its flattened operands is: of one pixel, whose taps are the whole image. The
/// residual, if it has one, is `r`.
fn as_gemm(found: &mut Match, residual: Option<Id>) -> Option<Vec<Id>> {
    let window = found.window("p")?;
    let (input, result) = (found.tensor("x")?.clone(), found.result()?.clone());
    let &[n, c, h, width] = input.shape.as_slice() else { return None };
    let &[_, k, 1, 1] = result.shape.as_slice() else { return None };
    let is_whole = window.kernel == [h, width] && window.pads == [0; 4] && window.groups == 1;
    if !is_whole || input.layout != Layout::Nchw || !is_dense(found) {
        return None;
    }
    let columns = c.checked_mul(h)?.checked_mul(width)?;
    let [x, w, b, a, s] = ["x", "w", "b", "a", "s"].map(|name| found.id(name));
    let (rows, filter) = (found.reshape(x, vec![n, columns], s), found.reshape(w, vec![k, columns], s));
    let product = match residual {
        None => Term::Gemm([rows, filter, b, a, s]),
        Some(residual) => {
            let residual = found.reshape(residual, vec![n, k], s);
            Term::GemmAdd([rows, filter, b, residual, a, s])
        }
    };
    let product = found.add(product);
    Some(vec![found.reshape(product, vec![n, k, 1, 1], s)])
}

fn conv_as_gemm(found: &mut Match) -> Option<Vec<Id>> {
    as_gemm(found, None)
}

fn conv_add_as_gemm(found: &mut Match) -> Option<Vec<Id>> {
    let residual = found.id("r");
    let is_logical = found.tensor("r")?.layout == Layout::Nchw;
    if is_logical { as_gemm(found, Some(residual)) } else { None }
}

/// A product as a convolution of `image`, which has the same elements as its rows.
fn as_conv(found: &mut Match, image: [i64; 4], x: Id, residual: Option<Id>) -> Option<Vec<Id>> {
    let [w, b, a, s] = ["w", "b", "a", "s"].map(|name| found.id(name));
    let &[n, _] = found.tensor("w")?.shape.as_slice() else { return None };
    let [m, c, height, width] = image;
    if !is_dense(found) {
        return None;
    }
    let image = found.reshape(x, image.to_vec(), s);
    let filter = found.reshape(w, vec![n, c, height, width], s);
    let p = found.add_leaf(Leaf::Window(Window { kernel: [height, width], ..Window::POINT }));
    let product = match residual {
        None => Term::Conv([image, filter, b, p, a, s]),
        Some(residual) => {
            let residual = found.reshape(residual, vec![m, n, 1, 1], s);
            Term::ConvAdd([image, filter, b, residual, p, a, s])
        }
    };
    let product = found.add(product);
    Some(vec![found.reshape(product, vec![m, n], s)])
}

fn gemm_as_conv(found: &mut Match) -> Option<Vec<Id>> {
    let x = found.id("x");
    let &[m, k] = tensor(found.graph, x)?.shape.as_slice() else { return None };
    as_conv(found, [m, k, 1, 1], x, None)
}

fn gemm_add_as_conv(found: &mut Match) -> Option<Vec<Id>> {
    let (x, r) = (found.id("x"), found.id("r"));
    let &[m, k] = tensor(found.graph, x)?.shape.as_slice() else { return None };
    as_conv(found, [m, k, 1, 1], x, Some(r))
}

/// Each row of the product is an image, not flattened.
fn gemm_of_image(found: &mut Match) -> Option<Vec<Id>> {
    let x = found.id("x");
    let (Leaf::Dims(rows), image) = (found.leaf("d")?, tensor(found.graph, x)?) else { return None };
    let &[n, c, height, width] = image.shape.as_slice() else { return None };
    let columns = c.checked_mul(height)?.checked_mul(width)?;
    if rows.as_slice() != [n, columns] || image.layout != Layout::Nchw || (height, width) == (1, 1) {
        return None;
    }
    as_conv(found, [n, c, height, width], x, None)
}

macro_rules! rule {
    ($name:literal, $equation:literal, $find:literal, $make:expr) => {
        Rule { name: $name, topic: "product", equation: $equation, find: $find, make: Make::Terms($make) }
    };
}

#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    rule!("conv-as-gemm", "conv{HxW}(x) = gemm(x), of an image of HxW without padding, and dense weights",
        "(conv ?x ?w ?b ?p ?a ?s)", conv_as_gemm),
    rule!("conv-add-as-gemm", "conv{HxW}(x, r) = gemm(x, r), of an image of HxW without padding, and dense weights",
        "(conv-add ?x ?w ?b ?r ?p ?a ?s)", conv_add_as_gemm),
    rule!("gemm-as-conv", "gemm(x) = conv{1x1}(x), each row an image of one pixel",
        "(gemm ?x ?w ?b ?a ?s)", gemm_as_conv),
    rule!("gemm-add-as-conv", "gemm(x, r) = conv{1x1}(x, r), each row an image of one pixel",
        "(gemm-add ?x ?w ?b ?r ?a ?s)", gemm_add_as_conv),
    rule!("gemm-of-image-as-conv", "gemm(reshape(x)) = conv{HxW}(x), each row an image of HxW",
        "(gemm (reshape ?x ?d ?r) ?w ?b ?a ?s)", gemm_of_image),
];
