//! `ait-plan-buffers`: from tensors to strided views of one arena.
//!
//! | module | step |
//! |---|---|
//! | `read` | MLIR to the value graph |
//! | `alias` | which values share memory (`accepts`: what each kernel allows), which copies remain |
//! | `liveness` | between which steps a buffer holds data |
//! | `offsets` | where in the arena each buffer is (`timeline`: what is there at the same time) |
//! | `rewrite` | the graph to MLIR on memrefs |
//!
//! All but `read` and `rewrite` work on plain data.

mod accepts;
mod alias;
mod graph;
mod liveness;
mod offsets;
mod read;
mod rewrite;
mod strides;
#[cfg(test)]
mod tests;
mod timeline;

pub use read::{entry, name_of};
pub use strides::View;

use melior::Context;
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{Location, Module};

/// Why a module cannot be planned, and where.
#[derive(Debug, Clone)]
pub struct Fault<'c> {
    /// Of the op at fault.
    pub location: Location<'c>,
    /// What is wrong.
    pub message: String,
}

impl<'c> Fault<'c> {
    /// A fault at a location.
    pub fn new(location: Location<'c>, message: impl Into<String>) -> Self {
        Self { location, message: message.into() }
    }

    /// A fault of an op, named first as in MLIR's own messages.
    pub fn at<'a>(op: &OperationRef<'c, 'a>, message: impl std::fmt::Display) -> Self
    where
        'c: 'a,
    {
        Self::new(op.location(), format!("'{}' op {message}", read::name_of(op)))
    }
}

/// The arena that the module's buffers need, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arena {
    /// Size of the arena.
    pub bytes: u64,
    /// The largest sum of sizes of buffers live at one time.
    pub lower_bound: u64,
    /// Size of the constants' data.
    pub weights: u64,
    /// Copies that planning could not remove.
    pub copies: usize,
}

/// Rewrites `@main` from the implementation level to the buffer level.
///
/// # Errors
/// If an op is not of the implementation level, or a kernel cannot access the strides its operand must have.
pub fn plan_buffers<'c>(context: &'c Context, module: &Module<'c>) -> Result<Arena, Fault<'c>> {
    let source = read::read(module)?;
    let aliasing = alias::alias(&source.graph).map_err(|refused| {
        let operand = refused.operand.map_or("init".to_string(), |index| format!("operand {index}"));
        let message = format!(
            "cannot access its {operand} of shape {:?} with strides {:?}",
            refused.view.shape, refused.view.strides
        );
        match source.ops.get(refused.node.index()).copied().flatten() {
            Some(op) => Fault::at(&op, message),
            None => Fault::new(source.function.location(), message),
        }
    })?;
    let intervals = liveness::intervals(&source.graph, &aliasing);
    let assignment = offsets::assign(&intervals);
    let copies = aliasing.steps.iter().filter(|step| matches!(step, alias::Step::Copy { .. })).count();
    let weights =
        rewrite::rewrite(context, module, source, &aliasing, &assignment, offsets::lower_bound(&intervals))?;
    Ok(Arena { bytes: assignment.bytes, lower_bound: offsets::lower_bound(&intervals), weights, copies })
}
