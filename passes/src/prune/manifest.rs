//! Masks in a file, so that weights can be trained further inside them: `docs/pruning.md` has the format.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use ait_runtime::output::write_bytes;
use melior::ir::{Module, operation::OperationLike};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use super::{
    Amount, Kind, LayerMask, fingerprint, layers,
    layers::{Site, sites},
};
use crate::{
    PassError,
    nm::{Columns, Mask},
    rewrite::Rewriter,
};

const FORMAT: &str = "ait-masks";
const VERSION: u32 = 1;

/// The masks of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// [`fingerprint`] of the network's layers before pruning.
    pub fingerprint: String,
    /// In graph order.
    pub layers: Vec<LayerMask>,
}

/// The JSON file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    fingerprint: String,
    layers: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    op: Kind,
    groups: usize,
    /// Of a group.
    rows: usize,
    #[serde(rename = "K")]
    k: usize,
    n: i64,
    m: i64,
    tile: i64,
    /// Kept columns over all columns.
    kept: f64,
    asked: Amount,
}

impl Entry {
    fn of(layer: &LayerMask) -> Self {
        let LayerMask { name, kind, asked, mask } = layer;
        let Columns { n, m, tile } = mask.columns;
        let kept = mask.kept_columns() as f64 / mask.k.max(1) as f64;
        let (groups, rows, k) = (mask.groups, mask.rows, mask.k);
        Self { name: name.clone(), op: *kind, groups, rows, k, n, m, tile, kept, asked: *asked }
    }

    fn layer(self, tensors: &SafeTensors) -> Result<LayerMask, String> {
        let named = |text: String| format!("layer '{}': {text}", self.name);
        let tensor = tensors.tensor(&self.name).map_err(|_| named("has no mask".into()))?;
        let columns = Columns::new(self.n, self.m, self.tile).map_err(named)?;
        let kept = kept(&tensor, self.k).map_err(named)?;
        let mask = Mask::new(columns, [self.groups, self.rows, self.k], kept).map_err(named)?;
        Ok(LayerMask { name: self.name, kind: self.op, asked: self.asked, mask })
    }
}

/// Rows of zeros and ones as ascending columns.
fn kept(tensor: &TensorView, k: usize) -> Result<Vec<Vec<u32>>, String> {
    let (shape, dtype) = (tensor.shape(), tensor.dtype());
    if dtype != Dtype::U8 || shape.len() != 2 || shape.get(1) != Some(&k) || k == 0 {
        return Err(format!("the mask is {dtype:?} of shape {shape:?}, not U8 of tiles x {k}"));
    }
    let row = |(tile, flags): (usize, &[u8])| {
        if let Some(column) = flags.iter().position(|&flag| flag > 1) {
            return Err(format!("tile {tile} has {} in column {column}, neither 0 nor 1", flags[column]));
        }
        Ok((0..).zip(flags).filter(|(_, flag)| **flag == 1).map(|(column, _)| column).collect())
    };
    tensor.data().chunks_exact(k).enumerate().map(row).collect()
}

/// Tiles x K, 1 where kept.
fn flags(mask: &Mask) -> Vec<u8> {
    let mut flags = vec![0; mask.kept.len() * mask.k];
    for (row, kept) in flags.chunks_exact_mut(mask.k.max(1)).zip(&mask.kept) {
        kept.iter().filter_map(|&column| usize::try_from(column).ok()).for_each(|column| row[column] = 1);
    }
    flags
}

impl Manifest {
    /// The masks of a module that [`super::plan`] made, before [`super::apply`] changes it.
    ///
    /// # Errors
    /// As [`layers`].
    pub fn new(module: &Module, masks: Vec<LayerMask>) -> Result<Self, PassError> {
        Ok(Self { fingerprint: fingerprint(&layers(module)?), layers: masks })
    }

    /// The JSON file beside a mask file: the same name with `.json`.
    pub fn header_path(path: &Path) -> PathBuf {
        path.with_extension("json")
    }

    /// Writes `path`, a `.safetensors` file, and the `.json` file beside it.
    ///
    /// # Errors
    /// If a file cannot be written, or `path` is not called `.safetensors`.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let named = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        check_extension(path)?;
        let flags: Vec<_> = self.layers.iter().map(|layer| flags(&layer.mask)).collect();
        let views = self.layers.iter().zip(&flags).map(|(layer, flags)| {
            let view = TensorView::new(Dtype::U8, vec![layer.mask.kept.len(), layer.mask.k], flags);
            view.map(|view| (layer.name.as_str(), view))
        });
        let views = views.collect::<Result<Vec<_>, _>>().map_err(|error| named(path, &error))?;
        // One entry: more would be in hash order.
        let metadata = HashMap::from([("fingerprint".to_owned(), self.fingerprint.clone())]);
        let bytes = safetensors::serialize(views, Some(metadata)).map_err(|error| named(path, &error))?;
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            fingerprint: self.fingerprint.clone(),
            layers: self.layers.iter().map(Entry::of).collect(),
        };
        let beside = Self::header_path(path);
        let text = serde_json::to_string_pretty(&header).map_err(|error| named(&beside, &error))? + "\n";
        for (path, bytes) in [(path, bytes.as_slice()), (&beside, text.as_bytes())] {
            write_bytes(path, bytes).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Reads what [`Manifest::write`] wrote.
    ///
    /// # Errors
    /// Names the file, and the layer whose mask is missing, surplus, of a wrong shape, or keeps a wrong number of columns
    /// (with tile and group).
    pub fn read(path: &Path) -> Result<Self, String> {
        check_extension(path)?;
        let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        let beside = Self::header_path(path);
        let header =
            Self::header(&read(&beside)?).map_err(|error| format!("{}: {error}", beside.display()))?;
        Self::decode(header, &read(path)?).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn header(bytes: &[u8]) -> Result<Header, String> {
        let header: Header = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if (header.format.as_str(), header.version) != (FORMAT, VERSION) {
            return Err(format!(
                "format is {} version {}, expected {FORMAT} version {VERSION}",
                header.format, header.version
            ));
        }
        Ok(header)
    }

    fn decode(header: Header, bytes: &[u8]) -> Result<Self, String> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let own = metadata.metadata().as_ref().and_then(|entries| entries.get("fingerprint"));
        if own != Some(&header.fingerprint) {
            return Err(
                "these masks do not belong to the .json file beside them: the fingerprints differ".into()
            );
        }
        let mut names: Vec<_> = tensors.names();
        names.sort_unstable();
        if let Some(surplus) =
            names.iter().find(|name| !header.layers.iter().any(|entry| entry.name == **name))
        {
            return Err(format!("mask '{surplus}' is of no layer in the .json file"));
        }
        let mut layers: Vec<LayerMask> = vec![];
        for entry in header.layers {
            if layers.iter().any(|layer| layer.name == entry.name) {
                return Err(format!("layer '{}' is there twice", entry.name));
            }
            layers.push(entry.layer(&tensors)?);
        }
        Ok(Self { fingerprint: header.fingerprint, layers })
    }

    /// The masks for a module with these layers, perhaps with other weights inside the masks. What [`super::apply`] takes.
    ///
    /// # Errors
    /// If the module is another network, or at the layer of another kind or shape, or with a weight outside its mask:
    /// names the first such row and column.
    pub fn masks(&self, module: &Module) -> Result<Vec<LayerMask>, PassError> {
        let rewriter = Rewriter::new(module);
        let sites = sites(&rewriter)?;
        for layer in &self.layers {
            let site = sites.iter().find(|site| site.layer.name == layer.name).ok_or_else(|| {
                let message = format!("the masks have layer '{}', which this network lacks", layer.name);
                PassError::new(module.as_operation().location(), message)
            })?;
            check(site, layer)?;
        }
        let own = fingerprint(&sites.iter().map(|site| site.layer.clone()).collect::<Vec<_>>());
        if own != self.fingerprint {
            let short = |text: &str| text.chars().take(12).collect::<String>();
            let message = format!(
                "the masks are another network's: its layers have the fingerprint {}, these {}",
                short(&self.fingerprint),
                short(&own)
            );
            return Err(PassError::new(module.as_operation().location(), message));
        }
        Ok(self.layers.clone())
    }
}

fn check(site: &Site, LayerMask { kind, mask, .. }: &LayerMask) -> Result<(), PassError> {
    if site.layer.kind != *kind {
        return Err(site.error(format!("is {:?}, its mask is for {kind:?}", site.layer.kind)));
    }
    mask.contains_all(&site.weights()?).map_err(|message| site.error(message))
}

fn check_extension(path: &Path) -> Result<(), String> {
    match path.extension() {
        Some(extension) if extension == "safetensors" => Ok(()),
        _ => Err(format!("{}: masks are in a .safetensors file", path.display())),
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
