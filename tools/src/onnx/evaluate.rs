//! Evaluates ops whose operands are all constant, with the scalar reference of the runtime.

use super::constant::{Constant, Data};
use ait_dialects::attributes::Attributes;
use ait_dialects::{access, types};
use ait_runtime::Tensor;
use ait_runtime::reference::{self, BinaryFn, Conv2d, Pool2d};
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{BlockLike, BlockRef, Value, ValueLike};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Bounds the time that evaluation may take, in multiply-adds.
#[derive(Debug)]
pub struct Work(Cell<u64>);

impl Work {
    /// About a second.
    pub fn new() -> Self {
        Self(Cell::new(1 << 27))
    }

    fn take(&self, operations: u64) -> Option<()> {
        let left = self.0.get().checked_sub(operations)?;
        self.0.set(left);
        Some(())
    }
}

/// The tensors of a block by value.
type Tensors = BTreeMap<usize, Tensor>;

fn key(value: Value<'_, '_>) -> usize {
    value.to_raw().ptr as usize
}

/// Values of a block that depends on nothing outside of it, evaluated op by op.
pub struct Evaluated(Tensors);

impl Evaluated {
    /// Evaluates all ops of a block; nothing if they exceed the work.
    ///
    /// # Errors
    /// If the reference does not know an op or refuses its operands.
    pub fn new(block: BlockRef<'_, '_>, work: &Work) -> Result<Option<Self>, String> {
        let mut tensors = Tensors::new();
        let mut next = block.first_operation();
        while let Some(op) = next {
            let result = access::result(&op).ok_or("an op has no result")?;
            let shape = types::shape(result.r#type())?;
            if work.take(cost(&op, &shape)?).is_none() {
                return Ok(None);
            }
            let tensor = evaluate(&op, &shape, &tensors)?;
            tensors.insert(key(result), tensor);
            next = op.next_in_block();
        }
        Ok(Some(Self(tensors)))
    }

    /// One value as a constant.
    ///
    /// # Errors
    /// If it is none of the block's.
    pub fn constant(&self, value: Value<'_, '_>) -> Result<Constant, String> {
        let tensor = self.0.get(&key(value)).ok_or("a value was not evaluated")?;
        Constant::new(types::shape(value.r#type())?, Data::F32(tensor.data().to_vec()))
    }
}

fn name(op: &OperationRef<'_, '_>) -> String {
    op.name().as_string_ref().as_str().unwrap_or_default().to_string()
}

/// Multiply-adds of an op, or elements where it has none.
fn cost(op: &OperationRef<'_, '_>, result: &[i64]) -> Result<u64, String> {
    let operand = |index| types::shape(access::operand(op, index).ok_or("an op lacks an operand")?.r#type());
    let each = match name(op).as_str() {
        "ait.conv2d" => types::elements(operand(1)?.get(1..).unwrap_or_default())?,
        "ait.gemm" | "ait.matmul" => operand(0)?.last().copied().unwrap_or(1),
        "ait.max_pool2d" | "ait.avg_pool2d" => types::elements(&op.i64_array("kernel")?)?,
        "ait.global_avg_pool" | "ait.global_max_pool" => {
            types::elements(operand(0)?.get(2..).unwrap_or_default())?
        }
        _ => 1,
    };
    Ok(types::elements(result)?.unsigned_abs().saturating_mul(each.unsigned_abs()))
}

fn sizes<const N: usize>(values: [i64; N]) -> Result<[usize; N], String> {
    let mut sizes = [0; N];
    for (size, value) in sizes.iter_mut().zip(values) {
        *size = usize::try_from(value).map_err(|error| error.to_string())?;
    }
    Ok(sizes)
}

fn list(values: &[i64]) -> Result<Vec<usize>, String> {
    values.iter().map(|&value| usize::try_from(value).map_err(|error| error.to_string())).collect()
}

/// One op of the importer on tensors; it makes no residuals.
fn evaluate(op: &OperationRef<'_, '_>, shape: &[i64], tensors: &Tensors) -> Result<Tensor, String> {
    let operands = (0..op.operand_count())
        .map(|index| access::operand(op, index).and_then(|value| tensors.get(&key(value))))
        .collect::<Option<Vec<_>>>()
        .ok_or("an operand was not evaluated")?;
    let attributes = *op;
    let act = || attributes.epilogue().map(ait_passes::reference_activation);
    let binary = |function, lhs, rhs| Ok::<_, String>(reference::binary(function, lhs, rhs, act()?));
    let result = match (name(op).as_str(), &operands[..]) {
        ("ait.constant", []) => {
            let value = attributes.get("value").ok_or("a constant has no value")?;
            return Tensor::new(list(shape)?, types::f32_data(value)?).map_err(|error| error.to_string());
        }
        ("ait.reshape", [input]) => {
            return Tensor::new(list(shape)?, input.data().to_vec()).map_err(|error| error.to_string());
        }
        ("ait.activation", [input]) => Ok(reference::activation((*input).clone(), act()?)),
        ("ait.prelu", [input, slope]) => reference::prelu(input, slope),
        ("ait.add", [lhs, rhs]) => binary(BinaryFn::Add, lhs, rhs)?,
        ("ait.sub", [lhs, rhs]) => binary(BinaryFn::Sub, lhs, rhs)?,
        ("ait.mul", [lhs, rhs]) => binary(BinaryFn::Mul, lhs, rhs)?,
        ("ait.div", [lhs, rhs]) => binary(BinaryFn::Div, lhs, rhs)?,
        ("ait.batch_norm", [input, scale, bias, mean, variance]) => {
            reference::batch_norm(input, scale, bias, mean, variance, attributes.f32("epsilon")?)
        }
        ("ait.conv2d", [input, filter, bias]) => {
            let conv = Conv2d {
                strides: sizes(attributes.i64s("strides")?)?,
                pads: sizes(attributes.i64s("pads")?)?,
                dilations: sizes(attributes.i64s("dilations")?)?,
                groups: sizes([attributes.i64("groups")?])?[0],
            };
            reference::conv2d(input, filter, bias, None, &conv, act()?)
        }
        ("ait.gemm", [input, filter, bias]) => reference::gemm(input, filter, bias, None, act()?),
        ("ait.matmul", [lhs, rhs]) => reference::matmul(lhs, rhs),
        ("ait.max_pool2d", [input]) => reference::max_pool2d(input, &pool(&attributes)?),
        ("ait.avg_pool2d", [input]) => {
            reference::avg_pool2d(input, &pool(&attributes)?, attributes.bool("count_include_pad")?)
        }
        ("ait.global_max_pool", [input]) => reference::global_max_pool(input),
        ("ait.global_avg_pool", [input]) => reference::global_avg_pool(input),
        ("ait.softmax", [input]) => reference::softmax(input, sizes([attributes.i64("axis")?])?[0]),
        ("ait.pad", [input]) => {
            let (low, high) = (attributes.i64_array("low")?, attributes.i64_array("high")?);
            reference::pad(input, &list(&low)?, &list(&high)?, attributes.f32("value")?)
        }
        (other, _) => return Err(format!("'{other}' cannot be evaluated")),
    };
    result.map_err(|error| error.to_string())
}

fn pool(attributes: &impl Attributes) -> Result<Pool2d, String> {
    Ok(Pool2d {
        kernel: sizes(attributes.i64s("kernel")?)?,
        strides: sizes(attributes.i64s("strides")?)?,
        pads: sizes(attributes.i64s("pads")?)?,
        dilations: sizes(attributes.i64s("dilations")?)?,
        ceil_mode: attributes.bool("ceil_mode")?,
    })
}
