//! Machine code for riscv64 with RVV 1.0.

use crate::kernels;
use inkwell::OptimizationLevel;
use inkwell::memory_buffer::MemoryBuffer;
use inkwell::module::Module;
use inkwell::targets::{
    CodeModel, FileType, InitializationConfig, RelocMode, TargetMachine, TargetMachineOptions, TargetTriple,
};

/// `-march=rv64gcv`, the only target.
const TRIPLE: &str = "riscv64-unknown-linux-gnu";
const FEATURES: &str = "+m,+a,+f,+d,+c,+v";

/// The code generator.
pub struct Target {
    machine: TargetMachine,
}

impl Target {
    /// riscv64, ABI lp64d, position independent, code model medany.
    ///
    /// # Errors
    /// If LLVM was built without the RISC-V target.
    pub fn new() -> Result<Self, String> {
        inkwell::targets::Target::initialize_riscv(&InitializationConfig::default());
        let triple = TargetTriple::create(TRIPLE);
        let target = inkwell::targets::Target::from_triple(&triple).map_err(|error| error.to_string())?;
        let options = TargetMachineOptions::new()
            .set_cpu("generic-rv64")
            .set_features(FEATURES)
            .set_abi("lp64d")
            .set_level(OptimizationLevel::Default)
            .set_reloc_mode(RelocMode::PIC)
            .set_code_model(CodeModel::Medium);
        let machine = target.create_target_machine_from_options(&triple, options);
        Ok(Self { machine: machine.ok_or("LLVM has no machine for rv64gcv")? })
    }

    /// Makes a module this target's.
    pub fn prepare(&self, module: &Module<'_>) {
        module.set_triple(&self.machine.get_triple());
        module.set_data_layout(&self.machine.get_target_data().get_data_layout());
    }

    /// Makes a module this target's and optimises it.
    ///
    /// # Errors
    /// What LLVM's pass pipeline reports.
    pub fn optimize(&self, module: &Module<'_>) -> Result<(), String> {
        self.prepare(module);
        kernels::optimize(module, &self.machine)
    }

    fn emit(&self, module: &Module<'_>, kind: FileType) -> Result<MemoryBuffer<'_>, String> {
        self.machine.write_to_memory_buffer(module, kind).map_err(|error| error.to_string())
    }
}

/// An ELF object. Equal modules give equal bytes.
///
/// # Errors
/// What LLVM's code generator reports.
pub fn emit_object(target: &Target, module: &Module<'_>) -> Result<Vec<u8>, String> {
    Ok(target.emit(module, FileType::Object)?.as_slice().to_vec())
}

/// Assembly text.
///
/// # Errors
/// What LLVM's code generator reports.
pub fn emit_assembly(target: &Target, module: &Module<'_>) -> Result<String, String> {
    let buffer = target.emit(module, FileType::Assembly)?;
    let bytes = buffer.as_slice();
    let text = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    Ok(String::from_utf8_lossy(text).into_owned())
}
