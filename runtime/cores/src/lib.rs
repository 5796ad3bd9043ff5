//! The cycle model: cores as tables, and an in-order pipeline that is fed instructions one by one.
//!
//! Whoever feeds it decides what is measured: the meter (`tools/meter`) issues the instructions that a program
//! executes, the compiler's static model those of a kernel's inner loop. There is one model for both, in integers, so
//! the same instructions always take the same cycles. `docs/measuring.md` tells how well it fits hardware.

mod cache;
mod class;
mod core;
mod decode;
mod instruction;
mod pipeline;
mod reading;
mod threads;
mod timing;

pub use cache::{Caches, Level, MemoryEvent};
pub use class::Class;
pub use core::{Cache, Core, CoreError, DEFAULT, Memory, Prefetch};
pub use decode::decode;
pub use instruction::{Instruction, Register, VectorType};
pub use pipeline::{Cause, Pipeline, Stalls};
pub use reading::{Entry, Measure, Reading, Report};
pub use threads::Threads;
pub use timing::{Cost, Timing, Timings};
