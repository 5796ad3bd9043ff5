//! What can be wrong with a model, said with file, node, operator and opset.

use ait_passes::diagnostic::legible;
use std::path::PathBuf;

/// Why a model cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The model file cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says; no source, which would be said again.
        error: std::io::Error,
    },
    /// The file is no ONNX model, or the model as a whole cannot be used.
    #[error("{}: {}", legible(file), legible(reason))]
    Model {
        /// Name of the file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A node cannot be imported.
    #[error(
        "{}: node '{}' ({}, opset {opset}): {}",
        legible(file),
        legible(node),
        legible(operator),
        legible(reason)
    )]
    Node {
        /// Name of the file.
        file: String,
        /// Name of the node, or operator and index where it has none.
        node: String,
        /// Operator, with its domain if it is not ONNX's own.
        operator: String,
        /// Version of the operator set.
        opset: i64,
        /// What is wrong.
        reason: String,
    },
}
