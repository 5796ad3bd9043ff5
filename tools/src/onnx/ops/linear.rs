//! Matrix products.

use crate::onnx::arithmetic::Binary;
use crate::onnx::constant::{Constant, Data};
use crate::onnx::node::{Node, Operand, Output, Outputs};
use ait_dialects::Activation;
use ait_dialects::infer;
use ait_passes::eqsat::range::keeps;

/// `alpha * A' * B' + beta * C`: one `ait.gemm` where B is constant and C is constant or absent,
/// with `alpha` and `beta` multiplied into the weights where no product is infinite or vanishes.
pub fn gemm<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let attributes = &node.attributes;
    let (alpha, beta) = (attributes.float("alpha", 1.0)?, attributes.float("beta", 1.0)?);
    let (trans_a, trans_b) = (attributes.flag("transA", false)?, attributes.flag("transB", false)?);
    let transposed = |operand: &Operand<'c, 'a>, transpose| match (operand.shape()?.len(), transpose) {
        (2, true) => node.transpose(operand, &[1, 0]),
        (2, false) => Ok(operand.clone()),
        (rank, _) => Err(format!("needs matrices, not rank {rank}")),
    };
    let lhs = transposed(node.input(0)?, trans_a)?;
    let rhs = node.input(1)?;
    let addend = node.optional(2).map(|c| scale(node, c, beta)).transpose()?;
    let product = if rhs.as_constant().is_some() {
        let filter = transposed(rhs, !trans_b)?;
        let is_folded = keeps_all(&filter, alpha);
        let filter = if is_folded { scale(node, &filter, alpha)? } else { filter };
        let outputs = filter.shape()?[0];
        let row = addend.as_ref().filter(|_| is_folded).and_then(|addend| row_of(addend, outputs));
        let bias = row.transpose()?;
        let product = fully_connected(node, &lhs, &filter, bias.as_ref())?;
        if bias.is_some() {
            return Ok(vec![product]);
        }
        if is_folded { product } else { scale(node, &product, alpha)? }
    } else {
        let rhs = transposed(rhs, trans_b)?;
        let product = node.builder.matmul(node.value(&lhs)?, node.value(&rhs)?)?;
        scale(node, &Operand::Tensor(product), alpha)?
    };
    let Some(addend) = addend else { return Ok(vec![product]) };
    let shape = product.shape()?;
    if infer::broadcast(&shape, &addend.shape()?)? != shape {
        return Err(format!("cannot broadcast C {:?} into {shape:?}", addend.shape()?));
    }
    Ok(vec![node.binary(Binary::Add, &product, &addend)?])
}

/// Whether the weights times a factor are as good as both (see [`keeps`]).
fn keeps_all(weights: &Operand<'_, '_>, factor: f32) -> bool {
    let values = weights.as_constant().and_then(|constant| constant.f32s().ok());
    let is_kept = |&value: &f32| keeps(value.into(), factor.into());
    factor.to_bits() == 1f32.to_bits() || values.is_some_and(|values| values.iter().all(is_kept))
}

/// A constant that is one row of `outputs` elements, or broadcasts to one, as the bias.
fn row_of(addend: &Operand<'_, '_>, outputs: i64) -> Option<Result<Constant, String>> {
    let constant = addend.as_constant()?;
    let values = constant.f32s().ok()?;
    let row = match constant.shape() {
        [] | [1] | [1, 1] if outputs < 1 << 24 => vec![*values.first()?; usize::try_from(outputs).ok()?],
        [n] | [1, n] if *n == outputs => values.to_vec(),
        _ => return None,
    };
    Some(Constant::new(vec![outputs], Data::F32(row)))
}

fn scale<'c, 'a>(node: &Node<'_, 'c, 'a>, operand: &Operand<'c, 'a>, factor: f32) -> Output<'c, 'a> {
    if factor.to_bits() == 1f32.to_bits() {
        return Ok(operand.clone());
    }
    let factor = node.constant(Constant::new(vec![], Data::F32(vec![factor]))?);
    node.binary(Binary::Mul, operand, &factor)
}

/// `ait.gemm` with a filter N x K and a bias of N, zero if absent.
fn fully_connected<'c, 'a>(
    node: &Node<'_, 'c, 'a>,
    lhs: &Operand<'c, 'a>,
    filter: &Operand<'c, 'a>,
    bias: Option<&Constant>,
) -> Output<'c, 'a> {
    let bias = match bias {
        Some(bias) => node.value(&node.constant(bias.clone()))?,
        None => node.zeros(filter.shape()?[0])?,
    };
    let operands = [node.value(lhs)?, node.value(filter)?, bias];
    Ok(Operand::Tensor(node.builder.gemm(operands, None, Activation::Identity)?))
}

/// numpy's `matmul`: a vector counts as a row on the left and as a column on the right.
pub fn matmul<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let (lhs, rhs) = (node.input(0)?, node.input(1)?);
    let (left, right) = (lhs.shape()?, rhs.shape()?);
    if left.is_empty() || right.is_empty() {
        return Err("cannot multiply scalars".into());
    }
    let lhs = if let [k] = left[..] { node.reshape(lhs, &[1, k])? } else { lhs.clone() };
    let rhs = if let [k] = right[..] { node.reshape(rhs, &[k, 1])? } else { rhs.clone() };
    let product = if rhs.as_constant().is_some() && lhs.shape()?.len() == 2 && rhs.shape()?.len() == 2 {
        fully_connected(node, &lhs, &node.transpose(&rhs, &[1, 0])?, None)?
    } else {
        Operand::Tensor(node.builder.matmul(node.value(&lhs)?, node.value(&rhs)?)?)
    };
    let mut shape = product.shape()?;
    if right.len() == 1 {
        shape.pop();
    }
    if left.len() == 1 {
        // The row that the vector became: last, or before the columns.
        shape.remove(shape.len() - if right.len() == 1 { 1 } else { 2 });
    }
    Ok(vec![node.reshape(&product, &shape)?])
}
