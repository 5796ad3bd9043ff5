//! `--emit`: the programs that are measured, for a board.
//!
//! A directory has a program for each group of runs that are compared with each other, the files that they read, what
//! they are to compute, and `run.sh`. That prints what the runs are (`bench.json`, one line), then a line for each with
//! its time: all that `--times` needs.

use super::subject::subjects;
use super::{Arguments, Incomparable, Plan, measure, whole, whole_plan};
use crate::cli::joined;
use crate::measure::Choice;
use crate::measure::layer::LeftOut;
use crate::set::Directory;
use ait_runtime::output::{print, write_bytes};
use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::ExitCode;

/// What is on the first line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of ait.
    pub version: String,
    /// Options given to the pipeline besides the layout.
    pub options: String,
    /// Programs, each in a directory named by its position.
    pub groups: Vec<Group>,
}

/// Runs of one program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The network or convolution that was asked for.
    pub model: String,
    /// The convolution, or `whole network`. Runs of groups that are alike in both are compared with the first of them.
    pub subject: String,
    /// How often the network has it.
    pub count: usize,
    /// Multiply-accumulates of the dense convolution.
    pub macs: Option<u64>,
    /// In the order of the program.
    pub runs: Vec<Run>,
}

/// One model of a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Its name in the program.
    pub name: String,
    /// Part of the columns that is pruned.
    pub sparsity: f64,
    /// `XNNPACK`, an algorithm with its tile, LMUL and unrolling, or a layout.
    pub way: String,
}

impl Run {
    /// A convolution: the first is XNNPACK's.
    pub fn convolution(name: String, choice: &Choice, sparsity: Option<f64>) -> Self {
        let Choice { op, algorithm, tile, lmul, unroll } = choice;
        let way = match (sparsity, algorithm.as_str()) {
            (None, _) => "XNNPACK".to_owned(),
            (_, "") => op.clone(),
            (_, algorithm) => format!("{algorithm} t{tile} m{lmul} u{unroll}"),
        };
        Self { name, sparsity: sparsity.unwrap_or(0.0), way }
    }
}

impl Manifest {
    /// Completes the directory, in which every group has its own already.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<()> {
        write_bytes(&directory.join("bench.json"), (serde_json::to_string(self)? + "\n").as_bytes())?;
        let groups: Vec<String> = (0..self.groups.len()).map(|group| group.to_string()).collect();
        write_bytes(&directory.join("run.sh"), SCRIPT.replace("GROUPS", &groups.join(" ")).as_bytes())?;
        Ok(())
    }
}

const SCRIPT: &str = "#!/bin/sh
# On the board: sh run.sh [REPEATS] > times.jsonl; then, where ait is: ait bench --times times.jsonl
# RUNNER is put before each program, such as `taskset -c 0-3`.
set -e
cd \"$(dirname \"$0\")\"
cat bench.json
for group in GROUPS; do
  (cd \"$group\" && $RUNNER ./bench \"${1:-10}\" \"$group\")
done
";

/// `--emit`.
///
/// # Errors
/// As a measurement; when the directory exists or cannot be written.
pub fn emit(arguments: &Arguments, plan: &Plan, directory: &Path) -> Result<ExitCode> {
    ensure!(!directory.exists(), "{} exists already", directory.display());
    let beside = directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let around = Directory::new(beside)?;
    let stage = around.stage()?;
    let made = stage.path().join("made");
    let groups = match arguments.whole {
        true => emit_whole(arguments, plan, &made)?,
        false => emit_layers(arguments, plan, &made)?,
    };
    let (version, options) = (env!("CARGO_PKG_VERSION").to_owned(), joined(&plan.options));
    let programs = groups.len();
    Manifest { version, options, groups }.write(&made)?;
    std::fs::rename(&made, directory).with_context(|| format!("cannot make {}", directory.display()))?;
    print(&format!("{}: {programs} programs; on the board: sh run.sh > times.jsonl\n", directory.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn emit_layers(arguments: &Arguments, plan: &Plan, directory: &Path) -> Result<Vec<Group>> {
    let mut groups = Vec::new();
    for (model, _, layers) in subjects(arguments)? {
        let (before, mut left_out) = (groups.len(), Vec::new());
        for layer in layers {
            let place = directory.join(groups.len().to_string());
            let choices = match measure::emit(&layer.shape, plan, &place)? {
                Ok(choices) => choices,
                Err(Incomparable(reason)) => {
                    left_out.push(layer.left_out(reason));
                    continue;
                }
            };
            let sparsities = std::iter::once(None).chain(plan.sparsities.iter().copied().map(Some));
            let run =
                |((name, choice), sparsity): ((String, _), _)| Run::convolution(name, &choice, sparsity);
            groups.push(Group {
                model: model.clone(),
                subject: layer.shape.to_string(),
                count: layer.count(),
                macs: Some(layer.shape.macs()? as u64),
                runs: choices.into_iter().zip(sparsities).map(run).collect(),
            });
        }
        LeftOut::ensure_some(&model, groups.len() - before, &left_out)?;
        print(&left_out.iter().map(|one| one.sentence() + "\n").collect::<String>())?;
    }
    Ok(groups)
}

fn emit_whole(arguments: &Arguments, plan: &Plan, directory: &Path) -> Result<Vec<Group>> {
    let mut groups = Vec::new();
    for model in &arguments.models {
        let whole = whole_plan(arguments, plan, model)?;
        for &sparsity in &plan.sparsities {
            whole::timed(&whole, sparsity)?.copy_to(&directory.join(groups.len().to_string()))?;
            let run = |layout: &str| Run { name: whole::name(layout), sparsity, way: layout.to_owned() };
            groups.push(Group {
                model: whole.model(),
                subject: "whole network".to_owned(),
                count: 1,
                macs: None,
                runs: whole.ways().map(run).collect(),
            });
        }
    }
    Ok(groups)
}
