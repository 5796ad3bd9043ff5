//! Activations, arithmetic, batch norm, softmax.

use crate::onnx::arithmetic::Binary;
use crate::onnx::constant::Constant;
use crate::onnx::node::{Node, Outputs, dimension, product};
use ait_dialects::Activation;
use ait_ops::BinaryFn;

fn activation<'c, 'a>(node: &Node<'_, 'c, 'a>, activation: Activation) -> Outputs<'c, 'a> {
    Ok(vec![node.activation(node.input(0)?, activation)?])
}

pub fn relu<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    activation(node, Activation::Relu)
}

pub fn sigmoid<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    activation(node, Activation::Sigmoid)
}

pub fn tanh<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    activation(node, Activation::Tanh)
}

pub fn hard_swish<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    activation(node, Activation::HardSwish)
}

pub fn leaky_relu<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    activation(node, Activation::LeakyRelu { alpha: node.attributes.float("alpha", 0.01)? })
}

pub fn elu<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    activation(node, Activation::Elu { alpha: node.attributes.float("alpha", 1.0)? })
}

pub fn hard_sigmoid<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let (alpha, beta) = (node.attributes.float("alpha", 0.2)?, node.attributes.float("beta", 0.5)?);
    activation(node, Activation::HardSigmoid { alpha, beta })
}

pub fn swish<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let alpha = node.attributes.float("alpha", 1.0)?;
    if alpha.to_bits() != 1f32.to_bits() {
        return Err(format!("alpha {alpha} is not supported, only 1"));
    }
    activation(node, Activation::Silu)
}

/// Bounds are attributes before opset 11 (the largest floats stand for none), then operands.
pub fn clip<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let (min, max) = if node.opset < 11 {
        (node.attributes.float("min", f32::MIN)?, node.attributes.float("max", f32::MAX)?)
    } else {
        let bound = |index, what| {
            let constant = node.known(index, what)?;
            constant.map(Constant::scalar).transpose().map_err(|error| format!("{what} {error}"))
        };
        (bound(1, "min")?.unwrap_or(f32::MIN), bound(2, "max")?.unwrap_or(f32::MAX))
    };
    let min = if min <= f32::MIN { f32::NEG_INFINITY } else { min };
    let max = if max >= f32::MAX { f32::INFINITY } else { max };
    if min.is_nan() || max.is_nan() {
        return Err("a bound is NaN".into());
    }
    if min == f32::NEG_INFINITY && max == f32::INFINITY {
        return identity(node);
    }
    activation(node, Activation::Clip { min, max })
}

pub fn prelu<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let (input, slope) = (node.tensor(0)?, node.tensor(1)?);
    let result = node.builder.binary(BinaryFn::Prelu, input, slope, Activation::Identity)?;
    Ok(vec![super::Operand::Tensor(result)])
}

pub fn identity<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    Ok(vec![node.input(0)?.clone()])
}

pub fn dropout<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    // They only matter in training.
    if node.opset < 12 {
        node.attributes.float("ratio", 0.5)?;
    } else {
        node.attributes.int("seed")?;
    }
    if let Some(training) = node.known(2, "training_mode")?
        && training.cast(7, &node.session.budget)?.ints()? != [0]
    {
        return Err("training_mode is set; only inference is supported".into());
    }
    node.unused(1, "mask")?;
    identity(node)
}

fn binary<'c, 'a>(node: &Node<'_, 'c, 'a>, operation: Binary) -> Outputs<'c, 'a> {
    Ok(vec![node.binary(operation, node.input(0)?, node.input(1)?)?])
}

pub fn add<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    binary(node, Binary::Add)
}

pub fn sub<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    binary(node, Binary::Sub)
}

pub fn mul<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    binary(node, Binary::Mul)
}

pub fn div<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    binary(node, Binary::Div)
}

pub fn sum<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let mut chain = node.input(0)?.clone();
    for index in 1..node.inputs.len() {
        chain = node.binary(Binary::Add, &chain, node.input(index)?)?;
    }
    Ok(vec![chain])
}

pub fn batch_norm<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let epsilon = node.attributes.float("epsilon", 1e-5)?;
    node.attributes.float("momentum", 0.9)?;
    if node.opset >= 14 && node.attributes.flag("training_mode", false)? {
        return Err("training_mode is set; only inference is supported".into());
    }
    for (index, name) in [(1, "mean"), (2, "var"), (3, "saved_mean"), (4, "saved_var")] {
        node.unused(index, name)?;
    }
    for (index, name) in [(1, "scale"), (2, "B"), (3, "input_mean"), (4, "input_var")] {
        node.known(index, name)?;
    }
    let operands = [node.tensor(0)?, node.tensor(1)?, node.tensor(2)?, node.tensor(3)?, node.tensor(4)?];
    Ok(vec![super::Operand::Tensor(node.builder.batch_norm(operands, epsilon)?)])
}

/// Before opset 13, softmax runs over all dimensions from `axis` on, taken as one.
pub fn softmax<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let input = node.input(0)?;
    let shape = input.shape()?;
    let axis = node.attributes.int("axis")?;
    let softmax = |operand: &super::Operand<'c, 'a>, axis: usize| {
        let axis = i64::try_from(axis).map_err(|error| error.to_string())?;
        Ok::<_, String>(super::Operand::Tensor(node.builder.softmax(node.value(operand)?, axis)?))
    };
    if node.opset >= 13 {
        return Ok(vec![softmax(input, dimension(axis.unwrap_or(-1), shape.len(), false)?)?]);
    }
    let axis = dimension(axis.unwrap_or(1), shape.len(), false)?;
    let inner = product(&shape[axis + 1..])?;
    if inner == 1 {
        return Ok(vec![softmax(input, axis)?]);
    }
    let matrix = node.reshape(input, &[product(&shape[..axis])?, product(&shape[axis..])?])?;
    Ok(vec![node.reshape(&softmax(&matrix, 1)?, &shape)?])
}
