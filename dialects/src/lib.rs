//! The dialects of `ait` in MLIR. What an op is, [`ait_ops`] says; both are declared once, in `td/*.td`.
//!
//! | module | what |
//! |---|---|
//! | [`context()`] | an MLIR context with upstream's dialects and ours (loaded as IRDL) |
//! | [`read()`] | the [`ait_ops::Op`] that an op of MLIR is |
//! | [`Builder`] | makes ops with inferred result types |
//! | [`verify()`] | MLIR's verifier, the IRDL's, then the shape, element and layout rules |
//! | [`access`], [`attributes`], [`types`] | operands and results, attributes, shapes and constant data |
//! | [`nm`] | pruned weights |

pub mod access;
pub mod attributes;
mod builder;
mod context;
pub mod nm;
mod read;
pub mod types;
mod verify;

pub use ait_ops::{Activation, Algorithm, Epilogue, Layout, Nan, infer};
pub use builder::Builder;
pub use context::{IRDL, context, context_of};
pub use read::read;
pub use verify::{emit_error, verify};
