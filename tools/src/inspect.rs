//! `ait inspect`: what a network becomes.

use crate::cli::Network;
use crate::description::{Description, SparsityDescription, shape_text};
use crate::{compile, print_json};
use ait_runtime::output::print;
use ait_runtime::table::Table;
use ait_runtime::text::visible;
use anyhow::Result;
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `ait inspect`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The network: .onnx, or .mlir/.mlirbc at the ait level
    model: PathBuf,
    #[command(flatten)]
    network: Network,
    /// The description as JSON, with every kernel's full name
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn main(arguments: &Arguments) -> Result<ExitCode> {
    let context = ait_dialects::context();
    let module = compile::buffers(&context, &arguments.model, &arguments.network)?;
    let program = ait_lowering::compile(&context, &module, &mut std::io::sink())?;
    let description = Description::of(&program, &arguments.model);
    if arguments.json {
        print_json(&description)?;
    } else {
        print(&text(&description))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The description for people.
pub fn text(description: &Description) -> String {
    let mut out = String::new();
    for (what, tensors) in [("input", &description.inputs), ("output", &description.outputs)] {
        for tensor in tensors {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{what:<7} {}  {}", shape_text(&tensor.shape), visible(&tensor.name));
        }
    }
    let titles = [
        "op",
        "layout",
        "result",
        "MACs",
        "sparsity",
        "kept",
        "weights (bytes)",
        "memory (bytes)",
        "ONNX node",
    ];
    let mut table = Table::new(titles);
    for layer in &description.layers {
        let pattern = layer.sparsity.as_ref().map(SparsityDescription::pattern).unwrap_or_default();
        let kept = layer.sparsity.as_ref().map(SparsityDescription::share).unwrap_or_default();
        let plan = format!("{} -> {}", layer.reads.join(", "), layer.writes);
        let (shape, macs) = (shape_text(&layer.shape), layer.macs.to_string());
        let (op, layout, weights) = (layer.op.clone(), layer.layout.clone(), layer.weight_bytes.to_string());
        table.row([op, layout, shape, macs, pattern, kept, weights, plan, layer.name.clone()]);
    }
    let _ = write!(out, "\n{table}");
    let memory = &description.memory;
    let _ = writeln!(out, "\n{} layers, {} MACs", description.layers.len(), description.macs());
    let sparse = description.layers.iter().filter(|layer| layer.sparsity.is_some()).count();
    if sparse > 0 {
        let dense = description.dense_macs();
        let _ = writeln!(out, "{sparse} layers are sparse; dense they would make it {dense} MACs");
    }
    let _ = writeln!(
        out,
        "arena {} bytes (no plan can need less than {}), scratch {} bytes a thread, weights {} bytes, object {} bytes",
        memory.arena, memory.arena_lower_bound, memory.scratch_per_thread, memory.weights, memory.object
    );
    out
}
