//! The JSON that `ait compile` writes beside a model, and that `ait run` and `ait inspect` show.

use ait_lowering::Program;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A compiled model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// C identifier.
    pub model: String,
    /// Name of the file that it was made from; empty where an older ait made it.
    #[serde(default)]
    pub source: String,
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
    /// What is left of pruned weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparsity: Option<SparsityDescription>,
    /// Where the activations that it reads start: `input0+0`, `arena+4096`, in bytes.
    pub reads: Vec<String>,
    /// Where its result starts.
    pub writes: String,
}

/// Column-wise sparsity: of every `m` columns `n` are kept, the same in `tile` rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparsityDescription {
    /// Columns kept of a group.
    pub n: i64,
    /// Columns of a group.
    pub m: i64,
    /// Rows that keep the same columns.
    pub tile: i64,
    /// Columns of the dense weights.
    pub columns: u64,
    /// Columns kept.
    pub kept: u64,
}

impl From<ait_lowering::Sparsity> for SparsityDescription {
    fn from(sparsity: ait_lowering::Sparsity) -> Self {
        let ait_dialects::nm::Columns { n, m, tile } = sparsity.columns;
        Self { n, m, tile, columns: sparsity.k, kept: sparsity.kept }
    }
}

impl SparsityDescription {
    /// `2:4 tile 7`.
    pub fn pattern(&self) -> String {
        format!("{}:{} tile {}", self.n, self.m, self.tile)
    }

    /// `50.0%` of the columns.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn share(&self) -> String {
        format!("{:.1}%", 100.0 * self.kept as f64 / self.columns.max(1) as f64)
    }
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

impl Description {
    /// Of a program that was compiled from the file `source`.
    pub fn of(program: &Program, source: &Path) -> Self {
        let tensor = |tensor: &ait_lowering::Tensor| TensorDescription {
            name: tensor.name.clone(),
            shape: tensor.shape.iter().map(|dim| usize::try_from(*dim).unwrap_or_default()).collect(),
        };
        let layer = |layer: &ait_lowering::Layer| LayerDescription {
            name: layer.node.clone(),
            op: layer.op.clone(),
            kernel: layer.kernel(),
            layout: layer.layout.map(|layout| layout.name().to_owned()).unwrap_or_default(),
            shape: layer.shape.clone(),
            macs: layer.macs,
            weight_bytes: layer.weight_bytes,
            sparsity: layer.sparsity.map(Into::into),
            reads: layer.reads.iter().map(ToString::to_string).collect(),
            writes: layer.writes.to_string(),
        };
        let report = &program.report;
        Self {
            model: program.name.clone(),
            source: source.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            inputs: program.inputs.iter().map(tensor).collect(),
            outputs: program.outputs.iter().map(tensor).collect(),
            layers: program.layers.iter().map(layer).collect(),
            memory: MemoryDescription {
                arena: report.arena,
                arena_lower_bound: report.arena_lower_bound,
                scratch_per_thread: report.scratch,
                weights: report.weights,
                object: report.object.unwrap_or_default(),
            },
        }
    }

    /// Reads `NAME.json` beside the executable `NAME`.
    ///
    /// # Errors
    /// If there is none, or it is no description.
    pub fn read_beside(executable: &Path) -> Result<Self> {
        let path = executable.with_extension("json");
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!("cannot read {}, which ait compile writes beside an executable", path.display())
        })?;
        serde_json::from_str(&text).with_context(|| format!("{} does not describe a model", path.display()))
    }

    /// Multiply-accumulates of one inference.
    pub fn macs(&self) -> u64 {
        self.layers.iter().map(|layer| layer.macs).sum()
    }

    /// Multiply-accumulates that the same network takes with all its weights.
    pub fn dense_macs(&self) -> u64 {
        let dense = |layer: &LayerDescription| match layer.sparsity {
            Some(SparsityDescription { columns, kept, .. }) if kept > 0 => {
                (layer.macs / kept).saturating_mul(columns)
            }
            _ => layer.macs,
        };
        self.layers.iter().map(dense).sum()
    }
}

/// `1x3x224x224`; `scalar` where there are no dimensions.
pub fn shape_text<T: ToString>(shape: &[T]) -> String {
    if shape.is_empty() {
        return "scalar".to_owned();
    }
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

#[cfg(test)]
mod tests {
    use super::shape_text;

    #[test]
    fn a_scalar_has_a_shape() {
        assert_eq!(shape_text(&[1, 3, 224]), "1x3x224");
        assert_eq!(shape_text::<i64>(&[]), "scalar");
    }
}
