//! Types of graph inputs and outputs, and the symbolic dimensions in them.

use super::ImportOptions;
use super::proto::{Dimension, ValueInfoProto};
use super::tensor::{FLOAT, dtype_name};
use std::collections::BTreeSet;

/// Checks that a graph input or output is a `float` tensor.
///
/// # Errors
/// Says what it is instead.
pub fn check_float(info: &ValueInfoProto) -> Result<(), String> {
    let tensor = info.r#type.as_ref().and_then(|r#type| r#type.tensor_type.as_ref());
    let Some(tensor) = tensor else { return Err("is not a tensor".into()) };
    match tensor.elem_type.unwrap_or_default() {
        FLOAT => Ok(()),
        other => Err(format!("is {}, but only float is supported", dtype_name(other.into()))),
    }
}

/// Shape of a graph input with its symbolic dimensions bound.
///
/// # Errors
/// If a dimension is open, or contradicts the options; the message names the flag that binds it.
pub fn shape(info: &ValueInfoProto, options: &ImportOptions) -> Result<Vec<i64>, String> {
    check_float(info)?;
    let tensor = info.r#type.as_ref().and_then(|r#type| r#type.tensor_type.as_ref());
    let shape = tensor.and_then(|tensor| tensor.shape.as_ref()).ok_or("has no shape")?;
    let dims = shape
        .dim
        .iter()
        .enumerate()
        .map(|(index, dim)| bind(index, dim, options))
        .collect::<Result<Vec<_>, _>>()?;
    ait_dialects::types::elements(&dims)?;
    Ok(dims)
}

/// The size that the model itself gives; some exporters write -1 for an unknown one.
fn fixed(dim: &Dimension) -> Option<i64> {
    dim.dim_value.filter(|&value| value != -1)
}

fn bind(index: usize, dim: &Dimension, options: &ImportOptions) -> Result<i64, String> {
    let name = dim.dim_param.as_deref().filter(|name| !name.is_empty());
    let batch = options.batch.filter(|_| index == 0);
    let named = name.and_then(|name| options.dims.get(name)).copied();
    let bound = match (fixed(dim), batch, named) {
        (Some(fixed), ..) => fixed,
        (None, Some(batch), Some(named)) if batch != named => {
            return Err(format!("has dimension 0 bound to --batch {batch} and --dim {named}"));
        }
        (None, Some(value), _) | (None, None, Some(value)) => {
            i64::try_from(value).map_err(|_| format!("has dimension {index} of size {value}"))?
        }
        (None, None, None) if index == 0 && options.any_batch => 1,
        (None, None, None) => return Err(open(index, name)),
    };
    if bound < 1 {
        return Err(format!("has dimension {index} of size {bound}"));
    }
    Ok(bound)
}

fn open(index: usize, name: Option<&str>) -> String {
    match (index, name) {
        (0, Some(name)) => format!("has symbolic dimension 0 ('{name}'): give --batch or --dim {name}=..."),
        (0, None) => "has no size for dimension 0: give --batch".into(),
        (_, Some(name)) => format!("has symbolic dimension {index} ('{name}'): give --dim {name}=..."),
        (_, None) => format!("has dimension {index} with neither size nor name, which cannot be bound"),
    }
}

fn dims(info: &ValueInfoProto) -> &[Dimension] {
    let tensor = info.r#type.as_ref().and_then(|r#type| r#type.tensor_type.as_ref());
    tensor.and_then(|tensor| tensor.shape.as_ref()).map_or(&[], |shape| &shape.dim)
}

/// A `--batch` that binds nothing: every input fixes dimension 0, and not all to this size.
///
/// # Errors
/// Names the inputs and their sizes.
pub fn check_batch(inputs: &[&ValueInfoProto], options: &ImportOptions) -> Result<(), String> {
    let Some(batch) = options.batch else { return Ok(()) };
    let first = inputs.iter().filter_map(|info| Some((info.name(), dims(info).first()?)));
    let sizes: Option<Vec<_>> = first.map(|(name, dim)| Some((name, fixed(dim)?))).collect();
    let Some(sizes) = sizes else { return Ok(()) };
    if !sizes.is_empty() && sizes.iter().all(|&(_, size)| u64::try_from(size) == Ok(batch)) {
        return Ok(());
    }
    let sizes: Vec<_> = sizes.iter().map(|(name, size)| format!("'{name}' has {size}")).collect();
    Err(format!("--batch {batch} binds nothing: no input leaves dimension 0 open ({})", sizes.join(", ")))
}

/// A `--dim` that no input has.
///
/// # Errors
/// Names it and the ones there are.
pub fn check_names(inputs: &[&ValueInfoProto], options: &ImportOptions) -> Result<(), String> {
    let dims = inputs.iter().flat_map(|info| dims(info));
    let known: BTreeSet<&str> = dims.filter_map(|dim| dim.dim_param.as_deref()).collect();
    match options.dims.keys().find(|name| !known.contains(name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let known: Vec<_> = known.into_iter().collect();
            Err(format!(
                "--dim {name}: no input has a dimension of this name (there are: {})",
                known.join(", ")
            ))
        }
    }
}
