//! The picture of a result: a bar of cycles for every convolution and each way to compute it.

use super::report::{Report, Row, percent};
use ait_runtime::svg::escaped;
use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
/// Where the bars begin, and how long the longest is.
const LEFT: f64 = 210.0;
const LONGEST: f64 = 560.0;
const BAR: f64 = 9.0;
/// Above the first convolution of a panel: its title and the legend.
const HEAD: f64 = 58.0;
/// Between two convolutions, and below the last.
const GAP: f64 = 9.0;
/// XNNPACK's colour, then ours: the fewer columns are left, the darker.
const XNNPACK: &str = "#b8bcc4";
const OURS: [&str; 5] = ["#9ecae1", "#4f9bd0", "#1f5fa8", "#123a73", "#0a2147"];

/// One panel for each report, one below the other.
pub fn svg(reports: &[Report]) -> String {
    let height: f64 = reports.iter().map(height).sum();
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let mut top = 0.0;
    for report in reports {
        panel(&mut text, report, top);
        top += self::height(report);
    }
    text + "</svg>\n"
}

fn height(report: &Report) -> f64 {
    HEAD + report.layers.iter().map(|row| bars(row) + GAP).sum::<f64>() + GAP
}

fn bars(row: &Row) -> f64 {
    BAR * (row.measurement.variants.len() + 1) as f64
}

fn panel(text: &mut String, report: &Report, top: f64) {
    let labelled = |text: &mut String, x: f64, y: f64, more: &str, label: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "<text x=\"{x}\" y=\"{y:.1}\"{more}>{}</text>", escaped(label));
    };
    labelled(text, 12.0, top + 20.0, " font-size=\"14\" font-weight=\"bold\"", &report.title());
    let mut names = vec![("XNNPACK, dense, NHWC".to_owned(), XNNPACK)];
    names.extend(report.summary.iter().enumerate().map(|(index, summary)| {
        let name = format!("ours, {}: {:.2}x", percent(summary.sparsity), summary.geometric_mean);
        (name, colour(index))
    }));
    for (index, (name, colour)) in names.iter().enumerate() {
        let x = 12.0 + 190.0 * index as f64;
        rectangle(text, [x, top + 32.0, 12.0, BAR], colour);
        labelled(text, x + 17.0, top + 40.5, "", name);
    }
    let cycles = |row: &Row| {
        let variants = row.measurement.variants.iter().map(|variant| variant.count.cycles);
        std::iter::once(row.measurement.xnnpack.cycles).chain(variants).collect::<Vec<_>>()
    };
    let most = report.layers.iter().flat_map(cycles).max().unwrap_or(1).max(1) as f64;
    let mut y = top + HEAD;
    for row in &report.layers {
        let name = format!("{} (x{})", row.layer.shape, row.layer.count());
        labelled(text, LEFT - 8.0, y + bars(row) / 2.0 + 4.0, " text-anchor=\"end\"", &name);
        for (index, cycles) in cycles(row).into_iter().enumerate() {
            let length = LONGEST * cycles as f64 / most;
            let colour = index.checked_sub(1).map_or(XNNPACK, colour);
            rectangle(text, [LEFT, y, length, BAR - 1.0], colour);
            let speedup = index.checked_sub(1).and_then(|index| row.measurement.variants.get(index));
            let millions = cycles as f64 / 1e6;
            let label = match speedup {
                Some(variant) => format!("{millions:.2} M, {:.2}x", variant.speedup),
                None => format!("{millions:.2} M"),
            };
            labelled(text, LEFT + length + 4.0, y + BAR - 1.5, " font-size=\"8.5\" fill=\"#444\"", &label);
            y += BAR;
        }
        y += GAP;
    }
}

fn colour(index: usize) -> &'static str {
    OURS.get(index).or(OURS.last()).copied().unwrap_or(XNNPACK)
}

fn rectangle(text: &mut String, [x, y, width, height]: [f64; 4], colour: &str) {
    let _ = writeln!(
        text,
        "<rect x=\"{x}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{colour}\"/>"
    );
}
