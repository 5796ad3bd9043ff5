//! The verifier: MLIR's own, the IRDL's, then shapes, element types and layouts by [`crate::infer`].

mod sparse;

use crate::infer::{self, Inferred};
use crate::{Layout, access, types};
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
    if matches!(name.as_str(), "rvv.view" | "rvv.constant") {
        return Ok(());
    }
    let operands: Vec<Value<'_, '_>> = op.operands().collect();
    let shapes = operands.iter().map(|value| types::shape(value.r#type())).collect::<Result<Vec<_>, _>>()?;
    elements(op, &name)?;
    let inferred = infer::infer(&name, &shapes.iter().map(Vec::as_slice).collect::<Vec<_>>(), op)?;
    let written = written(op, &name)?;
    match inferred {
        Inferred::Shape(shape) if shape == written => {}
        Inferred::Shape(shape) => {
            return Err(format!("has result shape {written:?} where its rule gives {shape:?}"));
        }
        Inferred::Elements(count) if types::elements(&written)? == count => {}
        Inferred::Elements(count) => {
            return Err(format!("must keep its {count} elements, but the result shape is {written:?}"));
        }
    }
    layouts(op, &name)?;
    sparse::check(op, &name)
}

/// Data is of `f32`; the columns of packed weights are integers, and so are constants for them.
fn elements(op: &OperationRef<'_, '_>, name: &str) -> Result<(), String> {
    for (index, operand) in op.operands().enumerate() {
        let (r#type, bits) = (operand.r#type(), types::integer_bits(operand.r#type()));
        let fits = match (name, index) {
            ("nm.conv2d" | "nm.matmul", 2) => bits.is_some(),
            ("nm.conv2d", 3) => bits == Some(32),
            _ => types::is_f32(r#type),
        };
        match (fits, name, index) {
            (true, ..) => {}
            (_, "nm.conv2d" | "nm.matmul", 2) => {
                return Err(format!("needs columns of i8, i16 or i32, not {type}"));
            }
            (_, "nm.conv2d", 3) => return Err(format!("needs starts of i32, not {type}")),
            _ => return Err(format!("works on f32, not on {type}")),
        }
    }
    for result in op.results() {
        match name {
            "ait.constant" => types::element_bytes(result.r#type()).map(drop)?,
            _ if types::is_f32(result.r#type()) => {}
            _ => return Err(format!("works on f32, not on {}", result.r#type())),
        }
    }
    Ok(())
}

/// The shape an op computes: its result's, or its `init`'s at the buffer level.
fn written(op: &OperationRef<'_, '_>, name: &str) -> Result<Vec<i64>, String> {
    if let Some(result) = access::result(op) {
        return types::shape(result.r#type());
    }
    let init = infer::init_index(name).ok_or("has no result")?;
    types::shape(access::operand(op, init).ok_or("has no init")?.r#type())
}

/// Data operands of rank 4 have the result's layout; constants have none and fit every layout.
fn layouts(op: &OperationRef<'_, '_>, name: &str) -> Result<(), String> {
    let Some(result) = access::result(op) else { return Ok(()) };
    let layout = types::layout(result.r#type())?;
    for (index, operand) in op.operands().enumerate() {
        let own = types::layout(operand.r#type())?;
        match name {
            "ait.convert_layout" => {}
            "ait.reshape" | "ait.transpose" | "ait.matmul"
                if own != Layout::Nchw || layout != Layout::Nchw =>
            {
                return Err(format!("needs NCHW operands and results, not {own} and {layout}"));
            }
            // Filters are in an order of their own.
            "ait.conv2d" | "xnn.conv2d" | "rvv.conv2d" if index == 1 => {}
            _ if types::shape(operand.r#type())?.len() != 4 || types::shape(result.r#type())?.len() != 4 => {}
            _ if is_constant(operand) => {}
            _ if own != layout => {
                return Err(format!("has operand {index} in {own} and its result in {layout}"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_constant(value: Value<'_, '_>) -> bool {
    access::definition(value).is_some_and(|op| op.name().as_string_ref() == StringRef::new("ait.constant"))
}
