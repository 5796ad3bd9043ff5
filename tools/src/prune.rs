//! `ait prune`: an ONNX file again, with the pruned columns of its weights set to zero.

use crate::cli::{Sizes, parse_ratio};
use crate::onnx;
use crate::onnx::zero::{Outside, Pruned, Relocated, zero};
use crate::print_json;
use ait_dialects::access;
use ait_passes::Pipeline;
use ait_passes::diagnostic::SourceLocation;
use ait_passes::nm::{Columns, Mask};
use ait_passes::prune::{self, Amount, Config, LayerMask, Manifest, Norm, Score, Settings};
use ait_passes::rewrite::{Rewriter, constant_data};
use ait_runtime::output::{print, write, write_bytes};
use ait_runtime::table::Table;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use bytes::Bytes;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use melior::Context;
use melior::ir::Module;
use melior::ir::operation::OperationLike;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `ait-pipeline` runs before `ait-prune`: masks are of weights that batch norms are folded into.
const BEFORE_PRUNING: &str = "ait-canonicalize,ait-fold-batch-norm,ait-canonicalize";

/// Arguments of `ait prune`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The network: .onnx
    model: PathBuf,
    /// The pruned network: dense, with zeros
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    asked: Asked,
    /// Rows that keep the same columns (default: as many as the layer's kernel computes at once)
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(i64).range(1..=1 << 20))]
    tile: Option<i64>,
    /// What a column is worth: the sum of its weights' magnitudes (l1, the default), or of their squares
    #[arg(long, value_parser = PossibleValuesParser::new(["l1", "l2"]).map(norm))]
    score: Option<Norm>,
    /// Scores of your own, one per weight (for example |weight * gradient|): .safetensors or .npy
    #[arg(long, value_name = "FILE", conflicts_with = "score")]
    scores: Option<PathBuf>,
    /// Write what is kept as a manifest, which `ait compile --masks` takes; a .json file is written beside it
    #[arg(long, value_name = "FILE.safetensors")]
    masks: Option<PathBuf>,
    #[command(flatten)]
    sizes: Sizes,
    /// The table as JSON
    #[arg(long)]
    json: bool,
}

/// How much is pruned.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Asked {
    /// Prune this share of the columns of every convolution's weights, 0 to 1
    #[arg(long, value_name = "RATIO", value_parser = parse_ratio)]
    sparsity: Option<f64>,
    /// Keep N of every M columns
    #[arg(long, value_name = "N:M", value_parser = Amount::parse_nm)]
    nm: Option<Amount>,
    /// Prune layer by layer as a TOML file says (docs/pruning.md)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What happened to a layer.
#[derive(Debug, Serialize)]
struct Row {
    /// ONNX node.
    layer: String,
    /// Rows of all groups.
    rows: usize,
    /// Columns.
    columns: usize,
    /// The pattern.
    n: i64,
    m: i64,
    tile: i64,
    /// Columns that every tile keeps.
    kept: usize,
    /// Sums of the weights' magnitudes, batch norms folded in.
    magnitude: f64,
    magnitude_kept: f64,
}

/// Runs the command.
pub fn main(arguments: &Arguments) -> Result<ExitCode> {
    let model = &arguments.model;
    let file = Bytes::from(std::fs::read(model).with_context(|| format!("cannot read {}", model.display()))?);
    let config = config(arguments)?;
    let context = ait_dialects::context();
    let module = import(&context, &file, arguments)?;
    let masks = prune::plan(&module, &config)?;
    ensure!(!masks.is_empty(), "{}: nothing is to be pruned", model.display());
    let rows = rows(&module, &masks)?;
    let lost: Vec<_> = masks.iter().map(|layer| lost(&layer.name, &layer.mask)).collect();
    let data = data_file(&arguments.output);
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    let outside = Outside { directory: model.parent(), name: &name };
    let (pruned, relocated) =
        zero(&file, outside, &lost).map_err(|error| anyhow!("{}: {error}", model.display()))?;
    if let Some(relocated) = &relocated {
        check_place(arguments, &data, relocated)?;
    }
    if let Some(path) = &arguments.masks {
        Manifest::new(&module, masks)?.write(path).map_err(anyhow::Error::msg)?;
    }
    match &relocated {
        // Neither file changes unless both could be written.
        Some(relocated) => write(&arguments.output, |sink| {
            sink.write_all(&pruned)?;
            write_bytes(&data, &relocated.data)
        })?,
        None => write_bytes(&arguments.output, &pruned)?,
    }
    if arguments.json {
        print_json(&rows)?;
    } else {
        print(&text(&rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The file for the weights of a model that has them in another one.
fn data_file(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".data");
    name.into()
}

/// Weights in a file of their own need a place that is not the one they come from.
fn check_place(arguments: &Arguments, data: &Path, relocated: &Relocated) -> Result<()> {
    let Arguments { model, output, .. } = arguments;
    let is_file = std::fs::metadata(output).is_ok_and(|existing| existing.is_file());
    ensure!(
        is_file || (output.as_os_str() != "-" && !output.exists()),
        "{}: has weights in another file, so the output must be a file",
        model.display()
    );
    let same = |one: &Path, other: &Path| {
        one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
    };
    let directory = model.parent().unwrap_or(Path::new(""));
    let is_source = relocated.sources.iter().any(|source| same(&directory.join(source), data));
    ensure!(
        !is_source || same(model, output),
        "{} has the weights of {}; give the output another name",
        data.display(),
        model.display()
    );
    Ok(())
}

/// What the file says, and the flags where it says nothing.
fn config(arguments: &Arguments) -> Result<Config> {
    let Arguments { asked: Asked { sparsity, nm, config }, tile, score, scores, .. } = arguments;
    let mut config = match (config, sparsity, nm) {
        (Some(path), ..) => Config::read(path)?,
        (None, Some(ratio), _) => Config::uniform(Amount::Sparsity(*ratio)),
        (None, None, Some(amount)) => Config::uniform(*amount),
        (None, None, None) => bail!("how much to prune is said by --sparsity, --nm or --config"),
    };
    let score = scores.clone().map(Score::File).or(score.map(Score::Weights));
    let flags = Settings { tile: *tile, score, ..Settings::default() };
    config.defaults = flags.then(&config.defaults);
    Ok(config)
}

fn norm(word: String) -> Norm {
    if word == "l2" { Norm::L2 } else { Norm::L1 }
}

/// The network as `ait-prune` sees it.
fn import<'c>(context: &'c Context, file: &Bytes, arguments: &Arguments) -> Result<Module<'c>> {
    let name = arguments.model.file_name().unwrap_or_default().to_string_lossy();
    let sizes = arguments.sizes.or_one();
    let module = onnx::import_bytes(context, &name, file.clone(), arguments.model.parent(), &sizes)?;
    Pipeline::parse(context, BEFORE_PRUNING)?.run(&module)?;
    Ok(module)
}

/// The columns that a mask takes from a node's weights.
fn lost(node: &str, mask: &Mask) -> Pruned {
    let tile = usize::try_from(mask.columns.tile).unwrap_or(usize::MAX).max(1);
    let starts = (0..mask.groups).flat_map(|group| (0..mask.rows).step_by(tile).map(move |row| (group, row)));
    let zeros = starts.zip(&mask.kept).map(|((group, row), kept)| {
        let start = group * mask.rows;
        let kept: BTreeSet<usize> = kept.iter().map(|&column| column as usize).collect();
        let columns = (0..mask.k).filter(|column| !kept.contains(column)).collect();
        (start + row..start + mask.rows.min(row.saturating_add(tile)), columns)
    });
    Pruned { node: node.into(), rows: mask.groups * mask.rows, k: mask.k, zeros: zeros.collect() }
}

/// What the masks do to the weights of the module.
fn rows(module: &Module, masks: &[LayerMask]) -> Result<Vec<Row>> {
    let rewriter = Rewriter::new(module);
    let ops = rewriter.ops();
    let row = |LayerMask { name, mask, .. }: &LayerMask, layer: &prune::Layer| -> Result<Row> {
        // Constants of a node may have its location too.
        let own = ops.iter().filter(|op| SourceLocation::of(op.location()).name.as_deref() == Some(name));
        let data = own.filter_map(|op| constant_data(access::operand(op, 1)?)).next().unwrap_or_default();
        let mut weights = layer.matrix(&data).map_err(|error| anyhow!("node '{name}': {error}"))?;
        let magnitude = |data: &[f32]| data.iter().map(|value| f64::from(value.abs())).sum();
        let all = magnitude(&weights.data);
        mask.apply(&mut weights).map_err(|error| anyhow!("node '{name}': {error}"))?;
        let Columns { n, m, tile } = mask.columns;
        Ok(Row {
            layer: name.clone(),
            rows: mask.groups * mask.rows,
            columns: mask.k,
            n,
            m,
            tile,
            kept: mask.kept_columns(),
            magnitude: all,
            magnitude_kept: magnitude(&weights.data),
        })
    };
    let layers = prune::layers(module)?;
    let pairs =
        masks.iter().filter_map(|mask| Some((mask, layers.iter().find(|layer| layer.name == mask.name)?)));
    pairs.map(|(mask, layer)| row(mask, layer)).collect()
}

/// The rows for people.
fn text(rows: &[Row]) -> String {
    let share =
        |part: f64, whole: f64| format!("{:.1}%", if whole > 0.0 { 100.0 * part / whole } else { 100.0 });
    let mut table = Table::new(["rows x K", "tile", "n:m", "kept", "magnitude", "ONNX node"]);
    let (mut weights, mut kept) = (0, 0);
    for row in rows {
        let (all, left) = (row.rows * row.columns, row.rows * row.kept);
        (weights, kept) = (weights + all, kept + left);
        table.row([
            format!("{} x {}", row.rows, row.columns),
            row.tile.to_string(),
            format!("{}:{}", row.n, row.m),
            share(left as f64, all as f64),
            share(row.magnitude_kept, row.magnitude),
            row.layer.clone(),
        ]);
    }
    let (all, left) =
        rows.iter().fold((0.0, 0.0), |(all, left), row| (all + row.magnitude, left + row.magnitude_kept));
    format!(
        "{table}\n{} layers: {kept} of {weights} weights kept ({}), with {} of their magnitude\n",
        rows.len(),
        share(kept as f64, weights as f64),
        share(left, all),
    )
}
