//! Operands, results and definitions that may not be there.
//!
//! melior's own accessors answer with an error that has the whole op (or value) as text, with its constants and with names
//! for all values of the function. Where absence is ordinary, asking them for every op takes time quadratic in the ops and
//! minutes for large weights: `clippy.toml` forbids them.

#![allow(clippy::disallowed_methods, reason = "this is where their index is checked first")]

use melior::ir::operation::{OperationLike, OperationRef, OperationResult};
use melior::ir::{Value, ValueLike};

/// Operand `index`, if there are so many.
pub fn operand<'c: 'a, 'a>(op: &impl OperationLike<'c, 'a>, index: usize) -> Option<Value<'c, 'a>> {
    if index < op.operand_count() { op.operand(index).ok() } else { None }
}

/// The first result, if there is one.
pub fn result<'c: 'a, 'a>(op: &impl OperationLike<'c, 'a>) -> Option<Value<'c, 'a>> {
    if op.result_count() > 0 { op.result(0).ok().map(Value::from) } else { None }
}

/// The op that makes `value`; none for an argument.
pub fn definition<'c, 'a>(value: Value<'c, 'a>) -> Option<OperationRef<'c, 'a>> {
    let result = if value.is_operation_result() { OperationResult::try_from(value).ok() } else { None };
    // SAFETY: the op that owns a result lives as long as it.
    result.map(|result| unsafe { OperationRef::from_raw(result.owner().to_raw()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use melior::ir::{BlockLike, Module, RegionLike};

    #[test]
    fn what_is_absent_is_none() {
        let context = crate::context();
        let text = "func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> { return %x : tensor<2xf32> }";
        let module = Module::parse(&context, text).unwrap();
        let function = module.body().first_operation().unwrap();
        let body = function.regions().next().unwrap().first_block().unwrap();
        let end = body.terminator().unwrap();
        let argument = operand(&end, 0).unwrap();
        assert_eq!(argument, body.argument(0).unwrap().into());
        assert!(definition(argument).is_none() && operand(&end, 1).is_none() && result(&end).is_none());
    }
}
