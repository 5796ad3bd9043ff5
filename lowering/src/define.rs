//! `define`: a kernel in a module, as fast as LLVM's register allocator allows.

use crate::kernels::Kernel;
use crate::kernels::rvv::Pressure;
use crate::{Target, emit_object, spills};
use inkwell::context::Context;
use inkwell::module::Module;

/// Defines a kernel with external linkage, unless the module has it. A kernel that would take all vector registers is
/// compiled by itself before: if LLVM's allocator spills, it leaves one group free. So the code of a kernel depends on
/// its name alone.
///
/// # Errors
/// If the kernel cannot be made, or what LLVM reports.
pub fn define(kernel: &Kernel, module: &Module<'_>) -> Result<(), String> {
    kernel.emit(module, pressure(kernel)?).map(|_| ())
}

fn pressure(kernel: &Kernel) -> Result<Pressure, String> {
    let context = Context::create();
    let module = context.create_module("probe");
    if !kernel.emit(&module, Pressure::Full)? {
        return Ok(Pressure::Full);
    }
    let target = Target::new()?;
    target.optimize(&module)?;
    let functions = spills::functions(&emit_object(&target, &module)?)?;
    let spilled = functions.get(&kernel.symbol_name()).copied().unwrap_or(false);
    Ok(if spilled { Pressure::Spare } else { Pressure::Full })
}
