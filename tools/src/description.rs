//! The JSON that `ait compile` writes beside a model, and that `ait run` and `ait inspect` show.

use ait_lowering::Program;
use anyhow::{Context as _, Result};
use melior::ir::Module;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A compiled model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// C identifier.
    pub model: String,
    /// Inputs in order.
    pub inputs: Vec<TensorDescription>,
    /// Outputs in order.
    pub outputs: Vec<TensorDescription>,
    /// What runs, in order.
    pub layers: Vec<LayerDescription>,
    /// Sizes in bytes.
    pub memory: MemoryDescription,
}

/// An input or output: dense, row-major, `f32`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TensorDescription {
    /// ONNX name.
    pub name: String,
    /// Dimensions.
    pub shape: Vec<usize>,
}

/// One op at the buffer level.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LayerDescription {
    /// ONNX node.
    pub name: String,
    /// Op of the dialects.
    pub op: String,
    /// Kernel symbol or XNNPACK operator.
    pub kernel: String,
    /// Memory order of the result; empty where rank 4 has no meaning.
    pub layout: String,
    /// Logical shape of the result.
    pub shape: Vec<i64>,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes of constant operands.
    pub weight_bytes: u64,
}

/// Memory of a model in bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MemoryDescription {
    /// One arena for all activations.
    pub arena: u64,
    /// The largest set of activations that are live at once; no plan can need less.
    pub arena_lower_bound: u64,
    /// Scratch of one thread.
    pub scratch_per_thread: u64,
    /// Weights file.
    pub weights: u64,
    /// Object file.
    pub object: u64,
}
