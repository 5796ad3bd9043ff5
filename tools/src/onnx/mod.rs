//! ONNX import: a model file becomes a module of the `ait` dialect.
//!
//! | module | what |
//! |---|---|
//! | [`proto`] | the protobuf messages |
//! | `tensor` | initialisers, sizes checked before anything is allocated |
//! | `inputs` | types of graph inputs, symbolic dimensions bound |
//! | `plan` | opset, names, liveness: what is known before the nodes are imported |
//! | `graph` | nodes one after another, and the module around them |
//! | `attributes`, `node` | what an operator sees of its node |
//! | `constant`, `arithmetic` | values known at import, folded |
//! | `evaluate` | ops of constants, by the runtime's scalar reference |
//! | `ops` | the operators, one table; `docs/onnx.md` is made from it |
//! | `wire`, [`zero`] | the file's bytes: pruned weights set to zero in place |
//! | `relocate` | tensors in other files moved to a new one |
//!
//! Nodes must be in topological order, as ONNX demands. Nodes that no output depends on are skipped.

mod arithmetic;
mod attributes;
mod constant;
pub mod docs;
mod error;
mod evaluate;
mod graph;
mod inputs;
mod node;
mod ops;
mod plan;
#[expect(missing_docs, reason = "the fields are those of onnx.proto")]
pub mod proto;
mod relocate;
mod tensor;
mod wire;
pub mod zero;

pub use error::ImportError;
pub use ops::{NEWEST_OPSET, OLDEST_OPSET};

use bytes::Bytes;
use melior::Context;
use melior::ir::Module;
use prost::Message;
use std::collections::BTreeMap;
use std::path::Path;

/// Sizes that the model leaves open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Dimension 0 of every input that leaves it open (`--batch`); an error if there is none and none has this size.
    pub batch: Option<u64>,
    /// Symbolic dimensions by name (`--dim name=value`).
    pub dims: BTreeMap<String, u64>,
    /// Whether dimension 0 is 1 where nothing says what it is: for work on weights, which no batch changes.
    pub any_batch: bool,
}

impl ImportOptions {
    /// Checks that nothing is bound, for a file whose sizes are all fixed.
    ///
    /// # Errors
    /// Names the file and the flags.
    pub fn none(&self, file: &Path) -> anyhow::Result<()> {
        let is_none = self.batch.is_none() && self.dims.is_empty();
        anyhow::ensure!(
            is_none,
            "{}: --batch and --dim are for ONNX models, whose sizes may be open",
            file.display()
        );
        Ok(())
    }
}

/// Imports a model file; external data lies beside it.
///
/// The module is called like the file (made a C identifier). Its function `main` takes and returns
/// `f32` tensors that carry their ONNX names as `ait.name`. Every op's location is its node's name.
///
/// # Errors
/// See [`ImportError`].
pub fn import<'c>(
    context: &'c Context,
    path: &Path,
    options: &ImportOptions,
) -> Result<Module<'c>, ImportError> {
    let bytes = std::fs::read(path).map_err(|error| ImportError::Read { path: path.to_path_buf(), error })?;
    let file = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    // A bare file name has the parent "".
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    import_bytes(context, &file, bytes.into(), Some(parent.unwrap_or(Path::new("."))), options)
}

/// Imports a model in memory, called `file` in messages; external data lies in `directory`.
///
/// # Errors
/// See [`ImportError`].
pub fn import_bytes<'c>(
    context: &'c Context,
    file: &str,
    bytes: Bytes,
    directory: Option<&Path>,
    options: &ImportOptions,
) -> Result<Module<'c>, ImportError> {
    let size = bytes.len();
    let model = proto::ModelProto::decode(bytes).map_err(|error| ImportError::Model {
        file: file.into(),
        reason: format!("is no ONNX model: {error}"),
    })?;
    let session =
        node::Session { budget: constant::Budget::new(size), work: evaluate::Work::new(), directory };
    graph::Importer { context, file, model: &model, session: &session, options }.module()
}
