//! From the buffer level to object code.
//!
//! ```text
//! read -> Model -> translate -> LLVM module -> Target::optimize -> emit_object, emit_assembly
//!           |-> write_weights
//!           '-> header
//! ```
//! [`compile`] does all of it; [`kernels`] are the functions that `translate` puts into the module.

mod compile;
mod define;
mod emit;
mod header;
pub mod kernels;
mod names;
mod report;
mod spills;
mod translate;
mod weights;

pub use ait_passes::plan_buffers::Fault;
pub use compile::{Program, compile};
pub use define::define;
pub use emit::{Target, emit_assembly, emit_object};
pub use header::header;
pub use inkwell::context::Context as LlvmContext;
pub use inkwell::module::Module as LlvmModule;
pub use names::check_name;
pub use report::Report;
pub use translate::{
    Address, Base, Call, Constant, Layer, Model, Sparsity, Tensor, XnnCall, read, translate,
};
pub use weights::{weights_checksum, write_weights};
