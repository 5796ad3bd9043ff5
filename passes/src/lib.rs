//! Passes over `ait` modules, and pipelines that mix them with MLIR's own.
//!
//! | module | what |
//! |---|---|
//! | [`table`] | the one table of passes and named pipelines |
//! | [`Pipeline`] | parses a pipeline's text, runs it |
//! | [`Options`] | typed options of a pass |
//! | [`PassError`], [`diagnostic`] | what went wrong, and where |
//! | [`rewrite`] | reading and changing ops without unsafe code in the passes |
//! | [`convolutions`] | the shapes of convolutions in a module |
//! | [`cost`] | what an implementation of an op costs |
//! | [`eqsat`] | equality saturation: fusion, layouts and implementations by cost |
//! | [`prune`] | which columns of which weights are kept |
//! | [`plan_buffers`] | from tensors to views of one arena |
//! | [`nm`] | sparse weights: masks and the packed form |

mod activation;
mod canonicalize;
pub mod convolutions;
pub mod cost;
pub mod diagnostic;
pub mod eqsat;
mod equality_saturation;
mod fold_batch_norm;
pub mod nm;
mod options;
mod pipeline;
pub mod plan_buffers;
pub mod prune;
pub mod rewrite;
mod select_kernels;
pub mod table;

pub use diagnostic::PassError;
pub use options::{OptionKind, OptionSpec, Options};
pub use pipeline::{Pipeline, PipelineError, Step};
