//! The verifier: MLIR's own, the IRDL's, then shapes, element types and layouts by [`crate::infer`].

mod sparse;

use crate::{Layout, access, infer, read, types};
use ait_ops::{Op, Operand, ait, rvv};
use melior::StringRef;
use melior::ir::operation::{OperationLike, OperationRef, WalkOrder, WalkResult};
use melior::ir::{Location, Module, Value, ValueLike};

/// Verifies a module; every fault is reported through the context's diagnostics at its op.
/// Returns whether there was none.
pub fn verify(module: &Module<'_>) -> bool {
    if !module.as_operation().verify() {
        return false;
    }
    let mut valid = true;
    module.as_operation().walk(WalkOrder::PreOrder, |op| {
        if let Err(message) = check(&op) {
            emit_error(op.location(), &format!("'{}' op {message}", name(&op)));
            valid = false;
        }
        WalkResult::Advance
    });
    valid
}

/// Reports an error at a location through the context's diagnostic handlers.
pub fn emit_error(location: Location<'_>, message: &str) {
    // MLIR takes a C string.
    let message = std::ffi::CString::new(message.replace('\0', "?")).unwrap_or_default();
    // SAFETY: both arguments are valid for the call.
    unsafe { mlir_sys::mlirEmitError(location.to_raw(), message.as_ptr()) }
}

fn name(op: &OperationRef<'_, '_>) -> String {
    op.name().as_string_ref().as_str().unwrap_or("?").to_string()
}

fn check(op: &OperationRef<'_, '_>) -> Result<(), String> {
    let name = name(op);
    if !["ait.", "xnn.", "rvv.", "nm."].iter().any(|dialect| name.starts_with(dialect)) {
        return Ok(());
    }
    let own = read(op)?;
    if matches!(own, Op::Rvv(rvv::Op::View(_) | rvv::Op::Constant(_))) {
        return Ok(());
    }
    let operands: Vec<Value<'_, '_>> = op.operands().collect();
    let shapes = operands.iter().map(|value| types::shape(value.r#type())).collect::<Result<Vec<_>, _>>()?;
    elements(op, &own)?;
    let inferred = infer::infer(&own, &shapes.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    let written = written(op, &own)?;
    if inferred != written {
        return Err(format!("has result shape {written:?} where its rule gives {inferred:?}"));
    }
    layouts(op, &own)?;
    sparse::check(op, &own)
}

/// Data is of `f32`; the columns of packed weights are integers, and so are constants for them.
fn elements(op: &OperationRef<'_, '_>, own: &Op) -> Result<(), String> {
    for (operand, kind) in op.operands().zip(own.operands()) {
        let (r#type, bits) = (operand.r#type(), types::integer_bits(operand.r#type()));
        match kind {
            Operand::Columns if bits.is_some() => {}
            Operand::Columns => return Err(format!("needs columns of i8, i16 or i32, not {type}")),
            Operand::Starts if bits == Some(32) => {}
            Operand::Starts => return Err(format!("needs starts of i32, not {type}")),
            _ if types::is_f32(r#type) => {}
            _ => return Err(format!("works on f32, not on {type}")),
        }
    }
    for result in op.results() {
        match own {
            Op::Ait(ait::Op::Constant(_)) => types::element_bytes(result.r#type()).map(drop)?,
            _ if types::is_f32(result.r#type()) => {}
            _ => return Err(format!("works on f32, not on {}", result.r#type())),
        }
    }
    Ok(())
}

/// The shape an op computes: its result's, or its `init`'s at the buffer level.
fn written(op: &OperationRef<'_, '_>, own: &Op) -> Result<Vec<i64>, String> {
    if let Some(result) = access::result(op) {
        return types::shape(result.r#type());
    }
    let init = own.position(Operand::Init).ok_or("has no result")?;
    types::shape(access::operand(op, init).ok_or("has no init")?.r#type())
}

/// Data operands of rank 4 have the result's layout; constants have none and fit every layout.
fn layouts(op: &OperationRef<'_, '_>, own: &Op) -> Result<(), String> {
    let Some(result) = access::result(op) else { return Ok(()) };
    let layout = types::layout(result.r#type())?;
    for (index, (operand, &kind)) in op.operands().zip(own.operands()).enumerate() {
        let own_layout = types::layout(operand.r#type())?;
        if own.is_row_major() && (own_layout != Layout::Nchw || layout != Layout::Nchw) {
            return Err(format!("needs NCHW operands and results, not {own_layout} and {layout}"));
        }
        let has_layout =
            types::shape(operand.r#type())?.len() == 4 && types::shape(result.r#type())?.len() == 4;
        // Filters are in an order of their own.
        if own.changes_layout() || kind == Operand::Filter || !has_layout || is_constant(operand) {
            continue;
        }
        if own_layout != layout {
            return Err(format!("has operand {index} in {own_layout} and its result in {layout}"));
        }
    }
    Ok(())
}

fn is_constant(value: Value<'_, '_>) -> bool {
    access::definition(value).is_some_and(|op| op.name().as_string_ref() == StringRef::new("ait.constant"))
}
