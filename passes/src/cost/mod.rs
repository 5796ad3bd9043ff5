//! What an implementation of an op costs, without MLIR: the shapes of convolutions, the ways to compute them, and the
//! static model of their cycles.
//!
//! A result is always *model cycles* of a core (`ait-cores`), never time.

mod bounds;
mod choice;
mod chooser;
mod code;
mod convolution;
mod generated;
mod geometry;
mod model;
mod ops;
mod record;
mod traffic;
mod walk;
mod xnnpack;

pub use choice::{Algorithm, Choice, Given, algorithms, candidates};
pub use chooser::{Chooser, Picked};
pub use convolution::{Convolution, ShapeError, Sparsity};
pub use generated::Taps;
pub use model::Model;
pub use ops::{Estimates, Op, residual, streamed};
pub use record::{COMPILER, Key, Oracle, Outcome, Record};

use ait_cores::Core;

/// What is compiled for.
#[derive(Clone, Debug)]
pub struct Target {
    /// The core's timing and caches.
    pub core: Core,
    /// Bits of a vector register.
    pub vlen: u32,
    /// Threads that share a layer.
    pub threads: u32,
}

impl Target {
    /// One thread of a core that is built in, at its own vector length.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn named(core: &str) -> Result<Self, String> {
        let core = Core::named(core).map_err(|error| error.to_string())?;
        Ok(Self { vlen: core.vlen, core, threads: 1 })
    }
}

/// Model cycles of a generated convolution, all that it calls included.
///
/// # Errors
/// If the convolution does not exist.
pub fn cycles(
    target: &Target,
    conv: &Convolution,
    sparsity: Sparsity,
    choice: &Choice,
) -> Result<f64, ShapeError> {
    Model::new(target, conv, sparsity).cycles(choice)
}
