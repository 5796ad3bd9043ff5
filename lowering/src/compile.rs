//! `compile`: a planned module becomes everything that is deployed.

use crate::translate::{Call, Layer, Tensor};
use crate::{Fault, Report, Target, emit_object, header, read, spills, translate, write_weights};
use ait_passes::PassError;
use melior::Context;
use melior::ir::operation::OperationLike;
use melior::ir::{Location, Module};
use std::io::Write;

/// A compiled model, in memory but for its weights.
#[derive(Debug, Clone)]
pub struct Program {
    /// C identifier.
    pub name: String,
    /// In the order of the ONNX graph.
    pub inputs: Vec<Tensor>,
    /// In the order of the ONNX graph.
    pub outputs: Vec<Tensor>,
    /// In order of execution.
    pub layers: Vec<Layer>,
    /// Sizes.
    pub report: Report,
    /// `<model>.o`.
    pub object: Vec<u8>,
    /// `<model>.h`.
    pub header: String,
    /// Whether to link XNNPACK.
    pub uses_xnnpack: bool,
}

/// Compiles a module at the buffer level and writes `<model>.weights` into a sink.
///
/// # Errors
/// At the op that is of another level or that cannot be done; what LLVM or the sink report.
pub fn compile<'c>(
    context: &'c Context,
    module: &Module<'c>,
    weights: &mut dyn Write,
) -> Result<Program, PassError> {
    compile_in(context, module, weights).map_err(|fault| PassError::new(fault.location, fault.message))
}

fn compile_in<'c>(
    context: &'c Context,
    module: &Module<'c>,
    weights: &mut dyn Write,
) -> Result<Program, Fault<'c>> {
    let fault = |message: String| Fault::new(module.as_operation().location(), message);
    let model = read(module)?;
    let checksum = write_weights(&model, weights)
        .map_err(|error| Fault::new(Location::unknown(context), format!("the weights file: {error}")))?;
    let llvm = inkwell::context::Context::create();
    let lowered = translate(context, &model, checksum, &llvm)?;
    let target = Target::new().map_err(fault)?;
    target.optimize(&lowered).map_err(fault)?;
    let object = emit_object(&target, &lowered).map_err(fault)?;
    let kernels = model.layers.iter().filter_map(|layer| match &layer.call {
        Call::Kernel(kernel) => Some(kernel),
        Call::Xnn(_) => None,
    });
    spills::check(&object, kernels).map_err(fault)?;
    Ok(Program {
        report: Report::new(&model, Some(object.len() as u64)),
        header: header(&model),
        uses_xnnpack: model.layers.iter().any(|layer| matches!(layer.call, Call::Xnn(_))),
        object,
        name: model.name,
        inputs: model.inputs,
        outputs: model.outputs,
        layers: model.layers,
    })
}
