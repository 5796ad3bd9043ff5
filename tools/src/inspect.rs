//! `ait inspect`: what a network becomes.

use crate::cli::Network;
use crate::compile;
use crate::description::{Description, shape_text};
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
    let description = Description::of(&ait_lowering::compile(&context, &module)?);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&description)?);
    } else {
        print!("{}", text(&description));
    }
    Ok(ExitCode::SUCCESS)
}

/// The description for people.
pub fn text(description: &Description) -> String {
    let mut out = String::new();
    for (what, tensors) in [("input", &description.inputs), ("output", &description.outputs)] {
        for tensor in tensors {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{what:<7} {}  {}", shape_text(&tensor.shape), tensor.name);
        }
    }
    let rows = description.layers.iter().map(|layer| {
        let parameters = (layer.weight_bytes / 4).to_string();
        let (op, layout) = (layer.op.clone(), layer.layout.clone());
        let plan = format!("{} -> {}", layer.reads.join(", "), layer.writes);
        [op, layout, shape_text(&layer.shape), layer.macs.to_string(), parameters, plan, layer.name.clone()]
    });
    out += "\n";
    out += &table(
        ["op", "layout", "result", "MACs", "parameters", "memory (bytes)", "ONNX node"],
        rows.collect(),
    );
    let memory = &description.memory;
    let _ = writeln!(out, "\n{} layers, {} MACs", description.layers.len(), description.macs());
    let _ = writeln!(
        out,
        "arena {} bytes (no plan can need less than {}), scratch {} bytes a thread, weights {} bytes, object {} bytes",
        memory.arena, memory.arena_lower_bound, memory.scratch_per_thread, memory.weights, memory.object
    );
    out
}

/// Aligned columns; numbers to the right.
fn table<const N: usize>(heads: [&str; N], rows: Vec<[String; N]>) -> String {
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).chain([heads[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let numeric: [bool; N] =
        std::array::from_fn(|column| rows.iter().all(|row| row[column].parse::<u64>().is_ok()));
    let line = |cells: [&str; N]| {
        let cells = cells.iter().zip(widths).zip(numeric).map(|((cell, width), right)| {
            if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let body = rows.iter().map(|row| line(std::array::from_fn(|column| row[column].as_str())));
    line(heads) + &body.collect::<String>()
}
