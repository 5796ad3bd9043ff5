//! The profile: what was found for each convolution. It tells the next pruning the rows of a tile, and the designer of
//! the network from which sparsity on pruning pays.

use super::{Item, unit};
use crate::measure::layer::LeftOut;
use crate::measure::threads;
use crate::set::Directory;
use ait_passes::cost::{Chooser, Given, Oracle, Picked, Record, Target};
use ait_runtime::output::write_bytes;
use ait_runtime::table::Table;
use ait_runtime::text::{visible, xml};
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// What was found for a convolution at one sparsity.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// ONNX nodes that are such a convolution.
    pub names: Vec<String>,
    /// Its shape, as text.
    pub convolution: String,
    /// Part of the columns that is pruned.
    pub sparsity: f64,
    /// The fastest, as `split t6 m4 u8`; none if nothing was right.
    pub choice: Option<String>,
    /// Output channels at once.
    pub tile: Option<i64>,
    /// Its cycles.
    pub cycles: Option<u64>,
    /// The second fastest that differs in more than its unrolling, and its cycles.
    pub runner_up: Option<(String, u64)>,
    /// Cycles of the static model's first choice, in parts of the fastest's.
    pub model_pick: Option<f64>,
    /// Candidates that were right, and that were not.
    pub right: usize,
    /// Candidates that were wrong, crashed, took too long or could not be compiled.
    pub failed: usize,
    /// Part of the columns from which on pruning is faster than the dense kernel, by the line through the two
    /// measured sparsities around it, or the first two.
    pub cross_over: Option<f64>,
}

/// The whole profile.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The network's file, without its directory.
    pub model: String,
    /// What the cycles are.
    pub unit: String,
    /// Bits of a vector register.
    pub vlen: u32,
    /// Threads.
    pub threads: u32,
    /// Part of the items of which the static model's first choice is within 15 % of the fastest.
    pub model_within_15: Option<f64>,
    /// By convolution, then sparsity.
    pub rows: Vec<Row>,
    /// Convolutions that nothing is said of.
    pub left_out: Vec<LeftOut>,
}

impl Summary {
    /// Of the records that are about these items.
    pub fn new<'r>(
        model: &Path,
        target: &Target,
        items: &[Item],
        records: impl Iterator<Item = &'r Record>,
    ) -> Self {
        let chooser = Chooser::new(target.clone());
        let mut sorted: BTreeMap<_, Vec<&Record>> = BTreeMap::new();
        let mut oracle = Oracle::Model;
        for record in records.filter(|record| chooser.concerns(record)) {
            oracle = oracle.max(record.key.oracle);
            let key = (record.key.convolution.clone(), record.key.sparsity);
            sorted.entry(key).or_default().push(record);
        }
        let found = |item: &Item| sorted.get(&(item.convolution.clone(), item.sparsity));
        let row = |item: &Item| {
            let records = found(item).map_or(&[][..], Vec::as_slice);
            Row::new(
                item,
                records,
                chooser.choose(&item.convolution, item.sparsity, &Given::default()).ok().flatten(),
            )
        };
        let mut rows: Vec<Row> = items.iter().map(row).collect();
        cross_over(&mut rows);
        let picks: Vec<f64> = rows.iter().filter_map(|row| row.model_pick).collect();
        let within = picks.iter().filter(|&&pick| pick <= 1.15).count() as f64 / picks.len().max(1) as f64;
        Self {
            model: model.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            unit: unit(oracle, &target.core.name),
            vlen: target.vlen,
            threads: target.threads,
            model_within_15: (!picks.is_empty()).then_some(within),
            rows,
            left_out: Vec::new(),
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new(HEADER);
        for row in &self.rows {
            table.row(row.cells());
        }
        table
    }

    /// For people.
    pub fn text(&self) -> String {
        format!("{}\n\n{}\n{}", self.title(), self.table(), self.sentences())
    }

    fn title(&self) -> String {
        let threads = threads(self.threads);
        format!("{}, {}, VLEN {}, {threads}", visible(&self.model), self.unit, self.vlen)
    }

    fn sentences(&self) -> String {
        let within = self.model_within_15.map(|within| {
            format!(
                "the static model's first choice is within 15 % of the fastest for {:.0} %",
                100.0 * within
            )
        });
        within.into_iter().chain(self.left_out.iter().map(LeftOut::sentence)).fold(
            String::new(),
            |mut text, sentence| {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{sentence}");
                text
            },
        )
    }

    /// Writes the profile into a directory, which is made.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let results = Directory::new(directory)?;
        let stage = results.stage()?;
        let files = [
            ("summary.md", self.markdown()),
            ("summary.json", serde_json::to_string_pretty(self)? + "\n"),
            ("summary.svg", self.svg()),
            ("prune.toml", self.config()),
        ];
        for (name, text) in &files {
            write_bytes(&stage.path().join(name), text.as_bytes())?;
        }
        results.publish(&stage, &files.map(|(name, _)| name.to_owned()))?;
        Ok(())
    }

    fn markdown(&self) -> String {
        format!("# {}\n\n{}\n{}", self.title(), self.sentences(), self.table().markdown())
    }

    /// A pruning configuration (docs/pruning.md): how much, and for each layer the tile of its fastest kernel, at
    /// the largest sparsity that was measured.
    fn config(&self) -> String {
        let most = self.rows.iter().map(|row| row.sparsity).fold(0.0, f64::max);
        let mut text = format!("# Made by ait tune: {}.\n", self.title());
        if most > 0.0 {
            let _ = writeln!(text, "sparsity = {most}");
        }
        for row in self.rows.iter().filter(|row| row.sparsity == most) {
            let Some(tile) = row.tile else { continue };
            for name in &row.names {
                let name = toml::Value::String(escaped(name));
                let _ = writeln!(text, "\n[[layer]]\nname = {name}\ntile = {tile}");
            }
        }
        text
    }

    fn svg(&self) -> String {
        const BAR: f64 = 12.0;
        let height = 50.0 + BAR * self.rows.len() as f64;
        let most = self.rows.iter().filter_map(|row| row.cycles).max().unwrap_or(1).max(1) as f64;
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"{height}\" font-family=\"sans-serif\" \
             font-size=\"10\">\n<rect width=\"900\" height=\"{height}\" fill=\"white\"/>\n\
             <text x=\"12\" y=\"22\" font-size=\"14\" font-weight=\"bold\">{}</text>\n",
            xml(&self.title())
        );
        for (index, row) in self.rows.iter().enumerate() {
            let y = 40.0 + BAR * index as f64;
            let length = 460.0 * row.cycles.unwrap_or(0) as f64 / most;
            let colour = if row.sparsity == 0.0 { "#9ecae1" } else { "#1f5fa8" };
            let label = xml(&row.label());
            let choice = xml(row.choice.as_deref().unwrap_or("nothing was right"));
            let _ = writeln!(
                text,
                "<text x=\"232\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n\
                 <rect x=\"240\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{}\" fill=\"{colour}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#444\">{:.2} M, {choice}</text>",
                y + BAR - 3.0,
                BAR - 2.0,
                246.0 + length,
                y + BAR - 3.0,
                row.cycles.unwrap_or(0) as f64 / 1e6
            );
        }
        text + "</svg>\n"
    }
}

/// A name that a pattern matches as it is.
fn escaped(name: &str) -> String {
    let special = |letter: char| "*?[]{}\\".contains(letter);
    name.chars().flat_map(|letter| special(letter).then_some('\\').into_iter().chain([letter])).collect()
}

const HEADER: [&str; 9] = [
    "convolution",
    "n",
    "pruned",
    "choice",
    "cycles",
    "runner-up",
    "its cycles",
    "model's pick",
    "pays from",
];

impl Row {
    fn new(item: &Item, records: &[&Record], first: Option<Picked>) -> Self {
        // Who knows best decides: a device, the meter, the model.
        let oracle = records.iter().map(|record| record.key.oracle).max();
        let of_oracle = || records.iter().filter(|record| Some(record.key.oracle) == oracle);
        let mut right: Vec<_> =
            of_oracle().filter_map(|record| Some((record.outcome.cycles()?, record.key.choice))).collect();
        right.sort();
        let best = right.first().copied();
        let other = right.iter().find(|(_, choice)| {
            best.is_some_and(|(_, best)| {
                (choice.algorithm, choice.tile, choice.lmul) != (best.algorithm, best.tile, best.lmul)
            })
        });
        let pick = first.and_then(|first| right.iter().find(|(_, choice)| *choice == first.choice));
        Self {
            names: item.names.clone(),
            convolution: item.convolution.to_string(),
            sparsity: item.ratio,
            choice: best.map(|(_, choice)| choice.to_string()),
            tile: best.map(|(_, choice)| choice.tile),
            cycles: best.map(|(cycles, _)| cycles),
            runner_up: other.map(|(cycles, choice)| (choice.to_string(), *cycles)),
            model_pick: pick.zip(best).map(|((pick, _), (best, _))| *pick as f64 / best.max(1) as f64),
            right: right.len(),
            failed: of_oracle().count() - right.len(),
            cross_over: None,
        }
    }

    fn label(&self) -> String {
        match self.sparsity {
            0.0 => self.convolution.clone(),
            ratio => format!("{} {}%", self.convolution, ratio * 100.0),
        }
    }

    fn cells(&self) -> [String; 9] {
        let number = |cycles: Option<u64>| cycles.map(|cycles| cycles.to_string()).unwrap_or_default();
        let (other, other_cycles) = self.runner_up.clone().unzip();
        [
            self.convolution.clone(),
            self.names.len().to_string(),
            if self.sparsity == 0.0 { "dense".into() } else { format!("{}%", self.sparsity * 100.0) },
            self.choice.clone().unwrap_or_else(|| "nothing was right".into()),
            number(self.cycles),
            other.unwrap_or_default(),
            number(other_cycles),
            self.model_pick.map(|pick| format!("{pick:.2}")).unwrap_or_default(),
            self.cross_over.map(|at| format!("{:.0}%", at * 100.0)).unwrap_or_default(),
        ]
    }
}

/// Fills in from which sparsity on pruning pays, for each convolution with a dense and two pruned measurements.
fn cross_over(rows: &mut [Row]) {
    let mut points: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows.iter() {
        if let Some(cycles) = row.cycles {
            points.entry(row.convolution.clone()).or_default().push((row.sparsity, cycles as f64));
        }
    }
    for row in rows.iter_mut().filter(|row| row.sparsity > 0.0) {
        let Some(points) = points.get_mut(&row.convolution) else { continue };
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        row.cross_over = crossing(points);
    }
}

/// Where the line of the pruned kernels meets the dense one, the first of the points.
fn crossing(points: &[(f64, f64)]) -> Option<f64> {
    let [(first, dense), pruned @ ..] = points else { return None };
    let pairs = || pruned.windows(2).filter_map(|pair| <[(f64, f64); 2]>::try_from(pair).ok());
    let around = pairs().find(|[a, b]| a.1 >= *dense && b.1 <= *dense);
    let [a, b] = around.or_else(|| pairs().next()).filter(|[a, b]| *first == 0.0 && a.1 > b.1)?;
    let at = a.0 + (a.1 - dense) * (b.0 - a.0) / (a.1 - b.1);
    Some(at.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings() {
        assert_eq!(crossing(&[(0.0, 100.0), (0.5, 60.0)]), None);
        assert_eq!(crossing(&[(0.0, 100.0), (0.25, 110.0), (0.75, 60.0)]), Some(0.35));
        assert_eq!(crossing(&[(0.0, 100.0), (0.5, 80.0), (0.75, 40.0)]), Some(0.375));
        assert_eq!(crossing(&[(0.5, 60.0), (0.75, 35.0)]), None);
    }

    #[test]
    fn names_are_no_patterns() {
        assert_eq!(escaped("/a/b[0]*"), "/a/b\\[0\\]\\*");
    }
}
