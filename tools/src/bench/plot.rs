//! The picture of a result: a bar of cycles for every way to compute something.

use super::report::{self, Row, percent};
use super::whole;
use ait_runtime::text::xml;
use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
/// Where the bars begin, and how long the longest is.
const LEFT: f64 = 210.0;
const LONGEST: f64 = 560.0;
const BAR: f64 = 9.0;
/// Above the first group of a panel: its title and the legend.
const HEAD: f64 = 58.0;
/// Between two groups, and below the last.
const GAP: f64 = 9.0;
/// XNNPACK's colour, then ours: the fewer columns are left, the darker.
const XNNPACK: &str = "#b8bcc4";
const OURS: [&str; 5] = ["#9ecae1", "#4f9bd0", "#1f5fa8", "#123a73", "#0a2147"];
/// Of ways to compile a network: XNNPACK's layout, ours, what was chosen, a plan.
const WAYS: [&str; 4] = [XNNPACK, "#4f9bd0", "#123a73", "#e0a458"];

/// Groups of bars of one scale.
pub struct Panel {
    title: String,
    legend: Vec<(String, &'static str)>,
    groups: Vec<(String, Vec<Bar>)>,
}

struct Bar {
    cycles: u64,
    /// Times as fast as the first.
    speedup: Option<f64>,
    colour: &'static str,
}

/// Convolutions, each on XNNPACK and on ours at every sparsity.
impl From<&report::Report> for Panel {
    fn from(report: &report::Report) -> Self {
        let mut legend = vec![("XNNPACK, dense, NHWC".to_owned(), XNNPACK)];
        legend.extend(report.summary.iter().enumerate().map(|(index, summary)| {
            let name = format!("ours, {}: {:.2}x", percent(summary.sparsity), summary.geometric_mean);
            (name, colour(&OURS, index))
        }));
        let group = |row: &Row| {
            let xnnpack = Bar { cycles: row.measurement.xnnpack.cycles, speedup: None, colour: XNNPACK };
            let ours = row.measurement.variants.iter().enumerate().map(|(index, variant)| Bar {
                cycles: variant.count.cycles,
                speedup: Some(variant.speedup),
                colour: colour(&OURS, index),
            });
            let name = format!("{} (x{})", row.layer.shape, row.layer.count());
            (name, std::iter::once(xnnpack).chain(ours).collect())
        };
        Self { title: report.title(), legend, groups: report.layers.iter().map(group).collect() }
    }
}

/// A network at every sparsity, in each layout.
impl From<&whole::Report> for Panel {
    fn from(report: &whole::Report) -> Self {
        let sparsities: Vec<_> = report.sparsities().collect();
        let ways = sparsities.first().map_or(&[][..], |(_, inferences)| *inferences).iter().enumerate();
        let legend = ways.map(|(index, it)| (it.layout.to_owned(), colour(&WAYS, index))).collect();
        let bar = |(index, it): (usize, &whole::Inference)| Bar {
            cycles: it.cycles,
            speedup: Some(it.speedup),
            colour: colour(&WAYS, index),
        };
        let group = |&(sparsity, inferences): &(f64, &[whole::Inference])| {
            (percent(sparsity), inferences.iter().enumerate().map(bar).collect())
        };
        Self { title: report.title(), legend, groups: sparsities.iter().map(group).collect() }
    }
}

/// One panel below the other.
pub fn svg<'a, R: 'a>(reports: &'a [R]) -> String
where
    Panel: From<&'a R>,
{
    let panels: Vec<Panel> = reports.iter().map(Panel::from).collect();
    let height: f64 = panels.iter().map(Panel::height).sum();
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let mut top = 0.0;
    for panel in &panels {
        panel.draw(&mut text, top);
        top += panel.height();
    }
    text + "</svg>\n"
}

impl Panel {
    fn height(&self) -> f64 {
        HEAD + self.groups.iter().map(|(_, bars)| BAR * bars.len() as f64 + GAP).sum::<f64>() + GAP
    }

    fn draw(&self, text: &mut String, top: f64) {
        label(text, 12.0, top + 20.0, " font-size=\"14\" font-weight=\"bold\"", &self.title);
        for (index, (name, colour)) in self.legend.iter().enumerate() {
            let x = 12.0 + 190.0 * index as f64;
            rectangle(text, [x, top + 32.0, 12.0, BAR], colour);
            label(text, x + 17.0, top + 40.5, "", name);
        }
        let cycles = self.groups.iter().flat_map(|(_, bars)| bars.iter().map(|bar| bar.cycles));
        let most = cycles.max().unwrap_or(1).max(1) as f64;
        let mut y = top + HEAD;
        for (name, bars) in &self.groups {
            let middle = y + BAR * bars.len() as f64 / 2.0 + 4.0;
            label(text, LEFT - 8.0, middle, " text-anchor=\"end\"", name);
            for bar in bars {
                bar.draw(text, y, most);
                y += BAR;
            }
            y += GAP;
        }
    }
}

impl Bar {
    fn draw(&self, text: &mut String, y: f64, most: f64) {
        let length = LONGEST * self.cycles as f64 / most;
        rectangle(text, [LEFT, y, length, BAR - 1.0], self.colour);
        let millions = self.cycles as f64 / 1e6;
        let speedup = self.speedup.map(|speedup| format!(", {speedup:.2}x")).unwrap_or_default();
        let at = LEFT + length + 4.0;
        label(
            text,
            at,
            y + BAR - 1.5,
            " font-size=\"8.5\" fill=\"#444\"",
            &format!("{millions:.2} M{speedup}"),
        );
    }
}

fn label(text: &mut String, x: f64, y: f64, more: &str, label: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "<text x=\"{x}\" y=\"{y:.1}\"{more}>{}</text>", xml(label));
}

/// The last one from there on.
fn colour(of: &[&'static str], index: usize) -> &'static str {
    of.get(index).or(of.last()).copied().unwrap_or(XNNPACK)
}

fn rectangle(text: &mut String, [x, y, width, height]: [f64; 4], colour: &str) {
    let _ = writeln!(
        text,
        "<rect x=\"{x}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{colour}\"/>"
    );
}
