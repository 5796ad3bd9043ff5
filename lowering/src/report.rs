//! Sizes of a program, for `ait inspect`.

use crate::translate::Model;
use serde_json::{Value, json};

/// All in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The arena.
    pub arena: u64,
    /// The largest live set: no arena can be smaller.
    pub arena_lower_bound: u64,
    /// Private memory of each thread.
    pub scratch: u64,
    /// The weights file.
    pub weights: u64,
    /// The object file, if it was made.
    pub object: Option<u64>,
    /// Multiply-accumulates of one inference (a count, not bytes).
    pub macs: u64,
}

impl Report {
    /// Of a program, and of its object file's size if known.
    pub fn new(model: &Model<'_>, object: Option<u64>) -> Self {
        Self {
            arena: model.arena_bytes,
            arena_lower_bound: model.arena_lower_bound,
            scratch: model.scratch_bytes(),
            weights: model.weights_bytes,
            object,
            macs: model.layers.iter().map(|layer| layer.macs).sum(),
        }
    }

    /// As JSON, with the fields' names.
    pub fn json(&self) -> Value {
        json!({
            "arena": self.arena,
            "arena_lower_bound": self.arena_lower_bound,
            "scratch": self.scratch,
            "weights": self.weights,
            "object": self.object,
            "macs": self.macs,
        })
    }
}
