//! What an implementation of an op costs, without MLIR: the shapes of convolutions, the ways to compute them, and the
//! static model of their cycles.
//!
//! A result is always *model cycles* of a core (`ait-cores`), never time.

mod choice;
mod convolution;

pub use choice::{Algorithm, Choice, Given, algorithms, candidates};
pub use convolution::{Convolution, ShapeError, Sparsity};
