//! Evaluates ops whose operands are all constant, with the scalar reference of the runtime.

use super::constant::{Constant, Data};
use ait_dialects::{access, types};
use ait_ops::{Op, ait};
use ait_runtime::{Tensor, reference};
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
            let Op::Ait(own) = ait_dialects::read(&op)? else {
                return Err("only ops of ait are evaluated".to_owned());
            };
            if work.take(cost(&op, &own, &shape)?).is_none() {
                return Ok(None);
            }
            let tensor = evaluate(&op, &own, &shape, &tensors)?;
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

/// Multiply-adds of an op, or elements where it has none.
fn cost(op: &OperationRef<'_, '_>, own: &ait::Op, result: &[i64]) -> Result<u64, String> {
    use ait::Op;
    let operand = |index| types::shape(access::operand(op, index).ok_or("an op lacks an operand")?.r#type());
    let each = match own {
        Op::Conv2d(_) => types::elements(operand(1)?.get(1..).unwrap_or_default())?,
        Op::Gemm(_) | Op::Matmul(_) => operand(0)?.last().copied().unwrap_or(1),
        Op::MaxPool2d(ait::MaxPool2d { kernel, .. }) | Op::AvgPool2d(ait::AvgPool2d { kernel, .. }) => {
            types::elements(kernel)?
        }
        Op::GlobalAvgPool(_) | Op::GlobalMaxPool(_) => {
            types::elements(operand(0)?.get(2..).unwrap_or_default())?
        }
        Op::Constant(_)
        | Op::BatchNorm(_)
        | Op::ScaleBias(_)
        | Op::Activation(_)
        | Op::Prelu(_)
        | Op::Add(_)
        | Op::Sub(_)
        | Op::Mul(_)
        | Op::Div(_)
        | Op::Softmax(_)
        | Op::Reshape(_)
        | Op::Transpose(_)
        | Op::Concat(_)
        | Op::Slice(_)
        | Op::Pad(_)
        | Op::ConvertLayout(_) => 1,
    };
    Ok(types::elements(result)?.unsigned_abs().saturating_mul(each.unsigned_abs()))
}

fn list(values: &[i64]) -> Result<Vec<usize>, String> {
    values.iter().map(|&value| usize::try_from(value).map_err(|error| error.to_string())).collect()
}

/// One op on tensors.
fn evaluate(
    op: &OperationRef<'_, '_>,
    own: &ait::Op,
    shape: &[i64],
    tensors: &Tensors,
) -> Result<Tensor, String> {
    if let ait::Op::Constant(_) = own {
        let value = op.attribute("value").map_err(|error| error.to_string())?;
        return Tensor::new(list(shape)?, types::f32_data(value)?).map_err(|error| error.to_string());
    }
    let operands = (0..op.operand_count())
        .map(|index| access::operand(op, index).and_then(|value| tensors.get(&key(value))))
        .collect::<Option<Vec<_>>>()
        .ok_or("an operand was not evaluated")?;
    reference::evaluate(own, &operands).map_err(|error| error.to_string())
}
