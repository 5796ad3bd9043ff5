//! `--times`: what a board measured with the programs of `--emit`.

use super::emit::{Group, Manifest, Run};
use super::report::{geometric_mean, percent};
use ait_runtime::table::Table;
use ait_runtime::text::visible;
use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// What the program prints of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
struct Time {
    ns: u64,
    least_ns: u64,
    repeats: u64,
    vlen: u32,
    threads: u32,
}

#[derive(Deserialize)]
struct Line {
    group: usize,
    run: String,
    #[serde(flatten)]
    time: Time,
}

/// What a device measured of one network or convolution.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The network or convolution.
    pub model: String,
    /// What the times are.
    pub unit: &'static str,
    /// Bits of a vector register of the device.
    pub vlen: u32,
    /// Threads.
    pub threads: u32,
    /// Inferences that were timed.
    pub repeats: u64,
    /// Options given to the pipeline besides the layout.
    pub options: String,
    /// In the order of the runs.
    pub rows: Vec<Row>,
    /// Geometric means of the convolutions' speed-ups by sparsity, each convolution once.
    pub geometric_means: Vec<(f64, f64)>,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What of.
    pub subject: String,
    /// How often the network has it.
    pub count: usize,
    /// What of it.
    #[serde(flatten)]
    pub run: Run,
    /// Median time of an inference.
    pub ns: u64,
    /// Shortest time of an inference.
    pub least_ns: u64,
    /// Billions of multiply-accumulates of the dense convolution in a second.
    pub gmacs: Option<f64>,
    /// Time of the first run of the same subject in parts of this.
    pub speedup: f64,
}

impl Report {
    /// Reads what `run.sh` printed: one report for each model.
    ///
    /// # Errors
    /// When the file cannot be read, is not of `run.sh`, or lacks a time or has one twice; when VLEN or threads change
    /// on the way.
    pub fn read(path: &Path) -> Result<Vec<Self>> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Vec<Self>> {
        let mut lines = text.lines();
        let first = lines.next().context("it is empty")?;
        let manifest: Manifest = serde_json::from_str(first).context("line 1 is not of run.sh")?;
        let times = times(&manifest, lines)?;
        let Some((_, any)) = times.first_key_value() else { bail!("it has no times") };
        let alike =
            |time: &Time| (time.vlen, time.threads, time.repeats) == (any.vlen, any.threads, any.repeats);
        ensure!(times.values().all(alike), "it has times of different VLENs, threads or repeats");
        let mut reports: Vec<Self> = Vec::new();
        for (index, group) in manifest.groups.iter().enumerate() {
            if reports.last().is_none_or(|report| report.model != group.model) {
                reports.push(Self::new(group.model.clone(), *any, manifest.options.clone()));
            }
            for run in &group.runs {
                let time = times.get(&(index, run.name.as_str()));
                let time = time.with_context(|| format!("{} of group {index} has no time", run.name))?;
                reports.last_mut().into_iter().for_each(|report| report.add(group, run, time));
            }
        }
        reports.iter_mut().for_each(Self::sum_up);
        Ok(reports)
    }

    fn new(model: String, Time { vlen, threads, repeats, .. }: Time, options: String) -> Self {
        let unit = "ns (device)";
        Self { model, unit, vlen, threads, repeats, options, rows: Vec::new(), geometric_means: Vec::new() }
    }

    fn add(&mut self, group: &Group, run: &Run, time: &Time) {
        let ns = time.ns.max(1) as f64;
        let first = self.rows.iter().find(|row| row.subject == group.subject);
        let speedup = first.map_or(1.0, |first| first.ns as f64 / ns);
        let gmacs = group.macs.map(|macs| macs as f64 / ns);
        let (subject, count, run) = (group.subject.clone(), group.count, run.clone());
        self.rows.push(Row { subject, count, run, ns: time.ns, least_ns: time.least_ns, gmacs, speedup });
    }

    fn sum_up(&mut self) {
        let ours: Vec<&Row> =
            self.rows.iter().filter(|row| row.gmacs.is_some() && row.run.way != "XNNPACK").collect();
        let mut sparsities: Vec<f64> = ours.iter().map(|row| row.run.sparsity).collect();
        sparsities.dedup();
        sparsities.sort_by(f64::total_cmp);
        sparsities.dedup();
        let mean = |sparsity: f64| {
            let of = ours.iter().filter(|row| row.run.sparsity == sparsity);
            Some((sparsity, geometric_mean(&of.map(|row| row.speedup).collect::<Vec<_>>())?))
        };
        self.geometric_means = sparsities.into_iter().filter_map(mean).collect();
    }

    fn title(&self) -> String {
        let threads =
            if self.threads == 1 { "one thread".to_owned() } else { format!("{} threads", self.threads) };
        let Self { model, unit, vlen, repeats, .. } = self;
        format!("{}, {unit}, VLEN {vlen}, {threads}, median of {repeats}", visible(model))
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
        let sentence = |(sparsity, mean): &(f64, f64)| {
            let name = percent(*sparsity);
            format!(
                "{name}: {mean:.2}x as fast as XNNPACK (device), geometric mean over distinct convolutions\n"
            )
        };
        let sentences: String = self.geometric_means.iter().map(sentence).collect();
        format!("{}\n\n{}\n{sentences}", self.title(), self.table())
    }

    /// A section of a page.
    pub fn section(&self) -> String {
        format!("\n## {}\n\n{}", self.title(), self.table().markdown())
    }
}

const HEADER: [&str; 8] = ["layer", "n", "pruned", "way", "ns", "least", "x", "GMAC/s"];

impl Row {
    fn cells(&self) -> [String; 8] {
        [
            self.subject.clone(),
            self.count.to_string(),
            percent(self.run.sparsity),
            self.run.way.clone(),
            self.ns.to_string(),
            self.least_ns.to_string(),
            format!("{:.2}", self.speedup),
            self.gmacs.map(|gmacs| format!("{gmacs:.2}")).unwrap_or_default(),
        ]
    }
}

/// The times by group and name of the run.
fn times<'m>(manifest: &'m Manifest, lines: std::str::Lines<'_>) -> Result<BTreeMap<(usize, &'m str), Time>> {
    let mut times = BTreeMap::new();
    for (number, line) in (2..).zip(lines) {
        let Line { group, run, time } =
            serde_json::from_str(line).with_context(|| format!("line {number} is no time"))?;
        let runs = manifest.groups.get(group).map(|group| group.runs.as_slice()).unwrap_or_default();
        let known = runs.iter().find(|known| known.name == run);
        let known = known.with_context(|| format!("line {number}: group {group} has no run {run}"))?;
        let before = times.insert((group, known.name.as_str()), time);
        ensure!(before.is_none(), "line {number}: a second time of {run} of group {group}");
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let run = |name: &str, sparsity, way: &str| Run { name: name.into(), sparsity, way: way.into() };
        let group = |subject: &str| Group {
            model: "net".into(),
            subject: subject.into(),
            count: 2,
            macs: Some(8000),
            runs: vec![run("xnnpack", 0.0, "XNNPACK"), run("ours0", 0.5, "direct t8 m2 u2")],
        };
        Manifest { version: "1".into(), options: String::new(), groups: vec![group("a"), group("b")] }
    }

    fn printed(times: &[(usize, &str, u64)]) -> String {
        let line = |(group, run, ns): &(usize, &str, u64)| {
            format!(
                "\n{{\"group\":{group},\"run\":\"{run}\",\"ns\":{ns},\"least_ns\":1,\"repeats\":9,\"vlen\":256,\"threads\":2}}"
            )
        };
        serde_json::to_string(&manifest()).unwrap() + &times.iter().map(line).collect::<String>()
    }

    const ALL: [(usize, &str, u64); 4] =
        [(0, "xnnpack", 4000), (0, "ours0", 1000), (1, "xnnpack", 900), (1, "ours0", 900)];

    #[test]
    fn times_become_speed_ups() {
        let reports = Report::parse(&printed(&ALL)).unwrap();
        let [report] = reports.as_slice() else { panic!("one model") };
        let speedups: Vec<f64> = report.rows.iter().map(|row| row.speedup).collect();
        assert_eq!(speedups, [1.0, 4.0, 1.0, 1.0]);
        assert_eq!(report.rows[1].gmacs, Some(8.0));
        assert_eq!(report.geometric_means, [(0.5, 2.0)]);
        assert_eq!(report.title(), "net, ns (device), VLEN 256, 2 threads, median of 9");
    }

    #[test]
    fn damaged_files_are_errors() {
        let error = |text: &str| format!("{:#}", Report::parse(text).unwrap_err());
        assert_eq!(error(""), "it is empty");
        assert!(error("{}").contains("line 1 is not of run.sh"));
        assert_eq!(error(&printed(&[])), "it has no times");
        assert_eq!(error(&printed(&ALL[..3])), "ours0 of group 1 has no time");
        let twice = [ALL[0], ALL[0]];
        assert_eq!(error(&printed(&twice)), "line 3: a second time of xnnpack of group 0");
        assert_eq!(error(&printed(&[(7, "xnnpack", 1)])), "line 2: group 7 has no run xnnpack");
        assert!(error(&(printed(&ALL) + "\nSegmentation fault")).contains("line 6 is no time"));
        let other = printed(&ALL).replacen("\"vlen\":256", "\"vlen\":128", 1);
        assert_eq!(error(&other), "it has times of different VLENs, threads or repeats");
    }
}
