//! The MLIR context every tool starts from.

use melior::dialect::DialectRegistry;
use melior::ir::Module;
use melior::utility::{
    load_irdl_dialects, register_all_dialects, register_all_llvm_translations, register_all_passes,
};
use melior::{Context, ContextRef};

/// IRDL of each dialect (name, text), generated from TableGen; `mlir-opt --irdl-file` loads it too.
pub const IRDL: [(&str, &str); 4] = [
    ("ait", include_str!("../irdl/ait.mlir")),
    ("xnn", include_str!("../irdl/xnn.mlir")),
    ("rvv", include_str!("../irdl/rvv.mlir")),
    ("nm", include_str!("../irdl/nm.mlir")),
];

/// A context with all upstream dialects, passes and LLVM translations, and with `ait`, `xnn`, `rvv`, `nm`.
///
/// # Panics
/// If the committed IRDL does not load, which the tests of this crate rule out.
pub fn context() -> Context {
    let registry = DialectRegistry::new();
    register_all_dialects(&registry);
    register_all_passes();
    // One thread: diagnostics come in program order, and a network is one function anyway.
    let context = Context::new_with_registry(&registry, false);
    register_all_llvm_translations(&context);
    context.load_all_available_dialects();
    for (name, text) in IRDL {
        let loaded = Module::parse(&context, text).is_some_and(|module| load_irdl_dialects(&module));
        assert!(loaded, "the committed IRDL of dialect {name} does not load");
    }
    context
}

/// The context a module lives in, for as long as the context itself does.
///
/// melior's `ContextRef::to_ref` points at the `ContextRef`, which is usually a temporary; this one points at a
/// handle that is never freed (eight bytes a call).
pub fn context_of<'c>(module: &Module<'c>) -> &'c Context {
    let handle: &'c mut ContextRef<'c> = Box::leak(Box::new(module.context()));
    // SAFETY: the handle is never freed, and the context outlives 'c.
    unsafe { handle.to_ref() }
}
