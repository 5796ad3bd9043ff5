//! `translate`: a program as an LLVM module, by way of MLIR's `llvm` dialect.

mod buffer;
mod dialect;
mod entry;
mod initial;
mod model;
mod work;
mod xnn;

use crate::kernels::Kernel;
use crate::{Fault, define};
use melior::Context;
use melior::ir::Location;
use melior::ir::operation::OperationLike;
pub use model::{Address, Base, Call, Constant, Layer, Model, Sparsity, Tensor, read};
use std::collections::BTreeMap;
pub use xnn::XnnCall;

/// The LLVM module of a program: tables, entry code and every kernel once, not optimised.
/// It exports `<model>_program`, `_create`, `_input`, `_output`, `_run` and `_destroy`. `checksum` is that of the weights file.
///
/// # Errors
/// If the program has a constant that is not dense, or a kernel that cannot be made.
pub fn translate<'c, 'l>(
    context: &'c Context,
    model: &Model<'c>,
    checksum: u64,
    llvm: &'l inkwell::context::Context,
) -> Result<inkwell::module::Module<'l>, Fault<'c>> {
    let location = Location::unknown(context);
    let fault = |message: String| Fault::new(location, message);
    let (entry, tables) = entry::entry(context, model, checksum).map_err(fault)?;
    if !entry.as_operation().verify() {
        return Err(fault("the entry code does not verify".to_string()));
    }
    // SAFETY: the module is in the llvm dialect and its translations are registered (`ait_dialects::context`);
    // the result is owned by the LLVM context, which outlives it.
    let module = unsafe {
        let raw = mlir_sys::mlirTranslateModuleToLLVMIR(entry.as_operation().to_raw(), llvm.raw().cast());
        if raw.is_null() {
            return Err(fault("the entry code has no LLVM translation".to_string()));
        }
        inkwell::module::Module::new(raw.cast())
    };
    module.set_name(&model.name);
    initial::set(&module, &tables).map_err(fault)?;
    emit_kernels(model, &module).map_err(fault)?;
    module.verify().map_err(|error| fault(format!("the LLVM module does not verify: {error}")))?;
    Ok(module)
}

/// Defines every kernel once, in place of its declaration.
fn emit_kernels(model: &Model<'_>, module: &inkwell::module::Module<'_>) -> Result<(), String> {
    let specs: BTreeMap<String, &Kernel> = model
        .layers
        .iter()
        .filter_map(|layer| match &layer.call {
            Call::Kernel(spec) => Some((spec.symbol_name(), spec)),
            Call::Xnn(_) => None,
        })
        .collect();
    for (name, spec) in specs {
        let declared = module.get_function(&name);
        if let Some(declared) = declared {
            declared.as_global_value().set_name("");
        }
        define(spec, module)?;
        let kernel = module.get_function(&name).ok_or_else(|| format!("{name} was not emitted"))?;
        kernel.set_linkage(inkwell::module::Linkage::Internal);
        if let Some(declared) = declared {
            declared.replace_all_uses_with(kernel);
            // SAFETY: nothing uses it any more.
            unsafe { declared.delete() };
        }
    }
    Ok(())
}
