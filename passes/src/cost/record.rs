//! What was measured of a way to compute a convolution, as the tuning log keeps it.

use super::{Choice, Convolution, Sparsity};
use ait_runtime::tuning;
use serde::{Deserialize, Serialize};

/// The kernels' sources and LLVM's version: measurements of other kernels do not count.
pub const COMPILER: &str = env!("AIT_COMPILER");

/// Who measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oracle {
    /// The static model: no run at all.
    Model,
    /// The program's instructions through the core's model, in QEMU.
    Meter,
    /// A board's clock.
    Device,
}

impl Oracle {
    /// The name in logs and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Meter => "meter",
            Self::Device => "device",
        }
    }
}

/// What was measured, and under which circumstances.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// What was computed.
    pub convolution: Convolution,
    /// With which weights.
    pub sparsity: Sparsity,
    /// How.
    pub choice: Choice,
    /// Name of the core.
    pub core: String,
    /// Bits of a vector register.
    pub vlen: u32,
    /// Threads.
    pub threads: u32,
    /// Who measured.
    pub oracle: Oracle,
    /// [`COMPILER`] of the program that measured.
    pub compiler: String,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Right, in so many cycles.
    Cycles(u64),
    /// Its output differs from the reference.
    Wrong(String),
    /// It did not run to its end.
    Crashed(String),
    /// It was killed.
    TimedOut(String),
    /// It could not be compiled.
    Refused(String),
}

impl Outcome {
    /// The cycles of what is right.
    pub fn cycles(&self) -> Option<u64> {
        if let Self::Cycles(cycles) = self { Some(*cycles) } else { None }
    }
}

/// A line of the tuning log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What.
    pub key: Key,
    /// How it went.
    pub outcome: Outcome,
}

impl tuning::Record for Record {
    type Key = Key;

    fn key(&self) -> Key {
        self.key.clone()
    }
}
