//! What `ait bench` was asked to measure.

use super::Arguments;
use crate::compile;
use crate::measure::layer::{self, Layer, Shape};
use ait_runtime::paths::cache_dir;
use anyhow::{Result, bail, ensure};
use std::path::{Path, PathBuf};

/// What is measured: what to call it, the network's file, and its convolutions.
pub(super) type Subject = (String, Option<PathBuf>, Vec<Layer>);

/// Networks and their convolutions, or the one convolution of the options.
pub(super) fn subjects(arguments: &Arguments) -> Result<Vec<Subject>> {
    if let Some(input) = arguments.input {
        let shape = shape(arguments, input)?;
        let layer = Layer { names: vec!["convolution".into()], stem: false, shape };
        return Ok(vec![(layer.shape.to_string(), None, vec![layer])]);
    }
    let subject = |model: &String| {
        let path = path(model)?;
        let context = ait_dialects::context();
        let module = compile::read(&context, &path, &arguments.sizes.or_one())?;
        let stem = Path::new(model).file_stem().map_or(model.into(), |stem| stem.to_string_lossy());
        let layers = layer::distinct(&context, &module)?;
        ensure!(!layers.is_empty(), "{stem} has no convolutions");
        Ok((stem.into_owned(), Some(path), layers))
    };
    arguments.models.iter().map(subject).collect()
}

/// The convolution that the options describe.
fn shape(arguments: &Arguments, [channels, height, width]: [usize; 3]) -> Result<Shape> {
    let (groups, filters) = (arguments.groups, arguments.filters);
    ensure!(
        groups > 0 && channels.is_multiple_of(groups) && filters.is_multiple_of(groups) && filters > 0,
        "{channels} channels and {filters} filters are no {groups} groups"
    );
    let ([kh, kw], [top, left]) = (arguments.kernel, arguments.pad);
    let shape = Shape {
        input: [usize::try_from(arguments.sizes.batch.unwrap_or(1))?, channels, height, width],
        filter: [filters, channels / groups, kh, kw],
        strides: arguments.stride,
        pads: [top, left, top, left],
        dilations: arguments.dilation,
        groups,
    };
    shape.output()?;
    Ok(shape)
}

/// The file of a network.
pub(super) fn path(model: &str) -> Result<PathBuf> {
    if Path::new(model).extension().is_some() {
        return Ok(model.into());
    }
    let path = cache_dir().join(format!("models/{model}-224.onnx"));
    if !path.is_file() {
        bail!("there is no {}; make it with test/oracle/models.py {model}@224", path.display());
    }
    Ok(path)
}
