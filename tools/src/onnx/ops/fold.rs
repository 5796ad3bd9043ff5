//! Operators that are evaluated at import: constants, and what graphs compute from shapes.

use crate::onnx::arithmetic::Binary;
use crate::onnx::constant::{Constant, Data};
use crate::onnx::node::{Node, Operand, Outputs};
use crate::onnx::tensor;
use ait_dialects::{Activation, infer};

pub fn constant<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let attributes = &node.attributes;
    let vector = |data: Data| Constant::new(vec![data.len() as i64], data);
    let value = if let Some(tensor) = attributes.tensor("value")? {
        node.session.decode(tensor).map_err(|error| format!("value {error}"))?
    } else if attributes.has("value_float") {
        Constant::new(vec![], Data::F32(vec![attributes.float("value_float", 0.0)?]))?
    } else if let Some(values) = attributes.floats("value_floats")? {
        vector(Data::F32(values.to_vec()))?
    } else if let Some(value) = attributes.int("value_int")? {
        Constant::from_int(value)
    } else if let Some(values) = attributes.ints("value_ints")? {
        vector(Data::I64(values.to_vec()))?
    } else {
        return Err("has no value of a supported kind".into());
    };
    let name = node.proto.output.first().map_or(node.label, String::as_str);
    Ok(vec![Operand::constant(value, name)])
}

/// Operand 0, which must be constant.
fn operand<'n>(node: &'n Node<'_, '_, '_>) -> Result<&'n Constant, String> {
    node.input(0)?.as_constant().ok_or_else(|| "is supported on constants only".to_string())
}

pub fn shape<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let shape = node.input(0)?.shape()?;
    let rank = shape.len() as i64;
    let clamp =
        |index: i64| (if index < 0 { index.saturating_add(rank) } else { index }).clamp(0, rank) as usize;
    let (start, end) = if node.opset < 15 {
        (0, shape.len())
    } else {
        (
            clamp(node.attributes.int("start")?.unwrap_or(0)),
            clamp(node.attributes.int("end")?.unwrap_or(rank)),
        )
    };
    let dims = shape.get(start..end).unwrap_or_default();
    Ok(vec![node.constant(Constant::from_ints(dims.to_vec()))])
}

pub fn size<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let shape = node.input(0)?.shape()?;
    Ok(vec![node.constant(Constant::from_int(crate::onnx::node::product(&shape)?))])
}

pub fn cast<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let to = node.attributes.int("to")?.ok_or("attribute 'to' is missing")?;
    // They only matter for types that are refused.
    if node.opset >= 19 {
        node.attributes.int("saturate")?;
    }
    if node.opset >= 25 {
        node.attributes.string("round_mode", "up")?;
    }
    match node.input(0)?.as_constant() {
        Some(constant) => Ok(vec![node.constant(constant.cast(to, &node.session.budget)?)]),
        None if to == i64::from(tensor::FLOAT) => super::elementwise::identity(node),
        None => Err(format!("a tensor cannot be cast to {}", tensor::dtype_name(to))),
    }
}

pub fn constant_of_shape<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let shape = operand(node)?.ints()?;
    let value = match node.attributes.tensor("value")? {
        Some(tensor) => node.session.decode(tensor).map_err(|error| format!("value {error}"))?,
        None => Constant::new(vec![1], Data::F32(vec![0.0]))?,
    };
    if value.data().len() != 1 {
        return Err("value must have one element".into());
    }
    let budget = &node.session.budget;
    Ok(vec![node.constant(value.reshape(&[], budget)?.expand(&shape, budget)?)])
}

pub fn expand<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let input = node.input(0)?;
    let wanted = node.known(1, "shape")?.ok_or("input 1 is missing")?.ints()?;
    let shape = infer::broadcast(&input.shape()?, &wanted)?;
    match input.as_constant() {
        Some(constant) => Ok(vec![node.constant(constant.expand(&shape, &node.session.budget)?)]),
        None if input.shape()? == shape => super::elementwise::identity(node),
        None => Err(format!("a tensor cannot be expanded to {shape:?}")),
    }
}

pub fn range<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let bound = |index, what| match node.known(index, what)?.ok_or(what)?.ints()?[..] {
        [value] => Ok(value),
        _ => Err(format!("{what} must be a scalar")),
    };
    let (start, limit, delta) = (bound(0, "start")?, bound(1, "limit")?, bound(2, "delta")?);
    if node.opset >= 27 {
        node.attributes.int("stash_type")?;
    }
    let way = i128::from(limit) - i128::from(start);
    let steps = if delta == 0 {
        None
    } else {
        Some((way + i128::from(delta) - i128::from(delta.signum())) / i128::from(delta))
    };
    let count = i64::try_from(steps.ok_or("delta is 0")?.max(0)).map_err(|error| error.to_string())?;
    node.session.budget.take(&[count])?;
    let values = (0..count).map(|index| start.wrapping_add(index.wrapping_mul(delta))).collect();
    let dtype = if matches!(operand(node)?.data(), Data::I32(_)) { 6 } else { 7 };
    Ok(vec![node.constant(Constant::from_ints(values).cast(dtype, &node.session.budget)?)])
}

pub fn reduce_prod<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let constant = operand(node)?;
    let keep = node.attributes.flag("keepdims", true)?;
    let noop = node.opset >= 18 && node.attributes.flag("noop_with_empty_axes", false)?;
    let axes = node.ints("axes", 1, 18)?.unwrap_or_default();
    if axes.is_empty() && noop {
        return super::elementwise::identity(node);
    }
    let rank = constant.shape().len();
    if !axes.is_empty() && axes.len() != rank {
        return Err(format!("axes {axes:?} are not all of {rank} dimensions"));
    }
    let product = constant.ints()?.iter().try_fold(1i64, |product, &value| product.checked_mul(value));
    let product = Constant::from_int(product.ok_or("the product overflows")?);
    let shape = if keep { vec![1; rank] } else { vec![] };
    Ok(vec![node.constant(product.reshape(&shape, &node.session.budget)?)])
}

fn fold<'c, 'a>(node: &Node<'_, 'c, 'a>, operation: Binary) -> Outputs<'c, 'a> {
    let mut chain = operand(node)?.clone();
    for index in 1..node.inputs.len() {
        let next =
            node.known(index, "is supported on constants only; an input")?.ok_or("an input is missing")?;
        chain = operation.fold(&chain, next, &node.session.budget)?;
    }
    Ok(vec![node.constant(chain)])
}

/// On constants any number; of a tensor and constant scalars an activation that clips.
fn bound<'c, 'a>(node: &Node<'_, 'c, 'a>, operation: Binary) -> Outputs<'c, 'a> {
    let operands = (0..node.inputs.len()).map(|index| node.input(index)).collect::<Result<Vec<_>, _>>()?;
    let (constants, tensors): (Vec<_>, Vec<_>) =
        operands.into_iter().partition(|operand| operand.as_constant().is_some());
    let tensor = match tensors[..] {
        [] => return fold(node, operation),
        [tensor] => tensor,
        _ => return Err("is supported on one tensor and constants only".into()),
    };
    let (mut min, mut max) = (f32::NEG_INFINITY, f32::INFINITY);
    for constant in constants.iter().filter_map(|operand| operand.as_constant()) {
        let scalar = constant.scalar()?;
        // An element may not add dimensions, and a clip cannot pass NaN on.
        if constant.shape().len() > tensor.shape()?.len() || scalar.is_nan() {
            return Err(format!("bound {scalar} of shape {:?} is not supported", constant.shape()));
        }
        match operation {
            Binary::Min => max = max.min(scalar),
            _ => min = min.max(scalar),
        }
    }
    if min == f32::NEG_INFINITY && max == f32::INFINITY {
        return Ok(vec![tensor.clone()]);
    }
    Ok(vec![node.activation(tensor, Activation::Clip { min, max })?])
}

pub fn min<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    bound(node, Binary::Min)
}

pub fn max<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    bound(node, Binary::Max)
}

pub fn equal<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    fold(node, Binary::Equal)
}

pub fn greater<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    fold(node, Binary::Greater)
}

pub fn less<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    fold(node, Binary::Less)
}

fn unary<'c, 'a>(node: &Node<'_, 'c, 'a>, function: fn(f64) -> f64) -> Outputs<'c, 'a> {
    let constant = operand(node)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "f64 holds the exact result before it is rounded once"
    )]
    let data = match constant.data() {
        Data::F32(values) => Data::F32(values.iter().map(|&value| function(value.into()) as f32).collect()),
        Data::F64(values) => Data::F64(values.iter().map(|&value| function(value)).collect()),
        other => return Err(format!("cannot compute with {}", other.dtype())),
    };
    node.session.budget.take(constant.shape())?;
    Ok(vec![node.constant(Constant::new(constant.shape().to_vec(), data)?)])
}

pub fn floor<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    unary(node, f64::floor)
}

pub fn ceil<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    unary(node, f64::ceil)
}

pub fn sqrt<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    unary(node, f64::sqrt)
}

/// Times -1, of the operand's own type.
pub fn neg<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let input = node.input(0)?;
    let dtype = match input.as_constant().map(Constant::data) {
        None | Some(Data::F32(_)) => 1,
        Some(Data::F64(_)) => 11,
        Some(Data::I32(_)) => 6,
        Some(Data::I64(_)) => 7,
        Some(Data::Bool(_)) => return Err("cannot compute with bool".into()),
    };
    let minus = Constant::from_int(-1).cast(dtype, &node.session.budget)?;
    Ok(vec![node.binary(Binary::Mul, input, &node.constant(minus))?])
}

pub fn not<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let constant = operand(node)?;
    let Data::Bool(values) = constant.data() else { return Err("needs bool".into()) };
    node.session.budget.take(constant.shape())?;
    let values = values.iter().map(|value| !value).collect();
    Ok(vec![node.constant(Constant::new(constant.shape().to_vec(), Data::Bool(values))?)])
}

pub fn r#where<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let budget = &node.session.budget;
    let condition = operand(node)?;
    let only = "is supported on constants only; an input";
    let (yes, no) = (node.known(1, only)?.ok_or(only)?, node.known(2, only)?.ok_or(only)?);
    let shape = infer::broadcast(condition.shape(), &infer::broadcast(yes.shape(), no.shape())?)?;
    let (condition, yes, no) =
        (condition.expand(&shape, budget)?, yes.expand(&shape, budget)?, no.expand(&shape, budget)?);
    let Data::Bool(condition) = condition.data() else { return Err("needs a bool condition".into()) };
    // Both sides one after another; then pick.
    let count = condition.len();
    let flat = [count as i64];
    let both = Constant::concat(&[&yes.reshape(&flat, budget)?, &no.reshape(&flat, budget)?], 0, budget)?;
    let picked: Vec<usize> =
        condition.iter().enumerate().map(|(at, &yes)| if yes { at } else { at + count }).collect();
    Ok(vec![node.constant(both.gather(0, &picked, budget)?.reshape(&shape, budget)?)])
}
