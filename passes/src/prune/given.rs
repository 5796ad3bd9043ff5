//! Scores from files: a tensor of the weights' shape for each layer, in `.safetensors`, or for one, in `.npy`.

use std::{collections::BTreeMap, path::Path};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::Layer;
use crate::nm::Weights;

/// Files that were read, by path as written.
#[derive(Default)]
pub struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// The scores of a layer as a matrix like its weights.
    ///
    /// # Errors
    /// Names the file, and what it lacks or has in a wrong type or shape.
    pub fn scores(&mut self, path: &Path, layer: &Layer) -> Result<Weights, String> {
        let named = |text: String| format!("{}: {text}", path.display());
        let (shape, data) = match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => {
                let tensor = ait_runtime::npy::read(path).map_err(|error| error.to_string())?;
                (tensor.shape().to_vec(), tensor.data().to_vec())
            }
            Some("safetensors") => {
                let tensors =
                    SafeTensors::deserialize(self.bytes(path)?).map_err(|error| named(error.to_string()))?;
                let (name, tensor) = find(&tensors, layer).map_err(named)?;
                (
                    tensor.shape().to_vec(),
                    elements(&tensor).map_err(|text| named(format!("tensor '{name}' {text}")))?,
                )
            }
            _ => return Err(named("scores are in .safetensors or .npy files".into())),
        };
        let wanted: Vec<_> = layer.shape.iter().filter_map(|&dim| usize::try_from(dim).ok()).collect();
        if shape != wanted {
            return Err(named(format!("scores of shape {shape:?} are not for weights of shape {wanted:?}")));
        }
        layer.matrix(&data).map_err(named)
    }

    fn bytes(&mut self, path: &Path) -> Result<&[u8], String> {
        let key = path.display().to_string();
        if !self.0.contains_key(&key) {
            let bytes = std::fs::read(path).map_err(|error| format!("{key}: {error}"))?;
            self.0.insert(key.clone(), bytes);
        }
        Ok(self.0.get(&key).map_or(&[], Vec::as_slice))
    }
}

/// The tensor of the layer's name, else of its initializer's.
fn find<'t, 'n>(tensors: &SafeTensors<'t>, layer: &'n Layer) -> Result<(&'n str, TensorView<'t>), String> {
    let names = [Some(layer.name.as_str()), layer.weight.as_deref()];
    let found = names.into_iter().flatten().find_map(|name| Some((name, tensors.tensor(name).ok()?)));
    found.ok_or_else(|| match &layer.weight {
        Some(weight) if *weight != layer.name => format!("has no tensor '{}' or '{weight}'", layer.name),
        _ => format!("has no tensor '{}'", layer.name),
    })
}

fn elements(tensor: &TensorView) -> Result<Vec<f32>, String> {
    match tensor.dtype() {
        Dtype::F32 => {
            Ok(tensor.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
        }
        Dtype::F64 => {
            Ok(tensor.data().as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes) as f32).collect())
        }
        other => Err(format!("is {other:?}; scores are F32 or F64")),
    }
}
