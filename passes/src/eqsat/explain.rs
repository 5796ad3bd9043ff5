//! Why: for each layer the implementation and layout that were chosen, what else was possible and what it costs, and the
//! rules that led there; as text, as a picture coloured by layout, or as JSON for other programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;
use std::path::Path;

use ait_dialects::Layout;
use ait_runtime::output::write_bytes;
use ait_runtime::text::{visible, xml};
use egg::{Id, Language};
use serde::{Deserialize, Serialize};

use super::analysis::{Graph, tensor};
use super::cost::Cost;
use super::proof::Proofs;
use super::rules::Rule;
use super::saturate::Report;
use super::select::{Selection, order, places, site};
use super::term::{Term, operand_count};

/// Most alternatives of a layer that the text lists.
const MOST_OTHERS: usize = 6;

/// The op that a layer comes from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The ONNX node's name, or the place in the text.
    pub name: String,
    /// The op.
    pub kind: String,
}

/// A way to compute a layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// Model cycles.
    pub cycles: u64,
    /// Who computes it.
    pub implementation: &'static str,
    /// In which layout.
    pub layout: Layout,
}

/// What a layer costs by the cost model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Name of the ONNX node; a conversion has that of the first node that reads it.
    pub node: String,
    /// The op of the `ait` dialect.
    pub op: String,
    /// Who computes it.
    pub implementation: String,
    /// In which layout.
    pub layout: String,
    /// Model cycles.
    pub cycles: u64,
}

/// A layer.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Where it comes from.
    pub source: Source,
    /// What was chosen.
    pub way: Way,
    /// What was not, cheapest first.
    pub others: Vec<Way>,
    /// The rules that made it of the ops of the module, as egg proves it; none if there is no proof of a few ops.
    pub rules: Option<Vec<&'static str>>,
    /// The layers that it reads, by index.
    pub reads: Vec<usize>,
}

/// A function.
#[derive(Clone, Debug)]
struct Function {
    layers: Vec<Layer>,
    summary: String,
}

/// Everything that was chosen.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// Of which core the cycles are.
    pub target: String,
    functions: Vec<Function>,
}

impl Explanation {
    /// Of nothing yet; `target` says of which core the cycles are.
    pub fn new(target: String) -> Self {
        Self { target, functions: vec![] }
    }

    /// Adds a function: what was chosen of a graph by rules; `origins` are the ops of the module in it, by site.
    pub fn add(
        &mut self,
        (graph, selection, rules): (&Graph, &Selection, &[Rule]),
        cost: &Cost,
        report: &Report,
        origins: &[Id],
        source: impl Fn(u32) -> Source,
    ) {
        let siblings = Siblings::new(graph);
        let proofs = Proofs::new(graph, selection, rules, &siblings, origins);
        let ordered = order(graph, &selection.terms);
        let places = places(graph, &selection.terms, &ordered);
        let mut layers: Vec<Layer> = vec![];
        let mut numbers: BTreeMap<Id, Vec<usize>> = BTreeMap::new();
        for id in ordered {
            let Some(term) = selection.terms.get(&id) else { continue };
            let children = term.children().iter().map(|&child| graph.find(child));
            let reads: BTreeSet<usize> =
                children.flat_map(|child| numbers.get(&child).cloned().unwrap_or_default()).collect();
            let way = way(graph, id, term, cost);
            if operand_count(term).is_none() || way.cycles == 0 {
                // Views and constants are no layers; who reads them reads what they look at.
                numbers.insert(id, reads.into_iter().collect());
                continue;
            }
            let source = match site(graph, term) {
                Some(site) => source(site),
                None => {
                    let user = places.get(&id).copied().flatten().map(&source);
                    let name = user.map_or_else(String::new, |user| user.name);
                    Source { name, kind: "ait.convert_layout".to_owned() }
                }
            };
            let others = siblings.others(graph, id, term, cost);
            numbers.insert(id, vec![layers.len()]);
            // A conversion is where one layout ends and another begins.
            let rules = if site(graph, term).is_some() { proofs.rules_of(id) } else { Some(vec![]) };
            layers.push(Layer { source, way, others, rules, reads: reads.into_iter().collect() });
        }
        let extracted = &selection.extracted;
        let proof = match extracted.is_exact() {
            true => "exact".to_owned(),
            false => format!("at most {:.2} % from the optimum", 100.0 * extracted.gap()),
        };
        let summary = format!(
            "{} layers, {} model cycles ({proof}; {} terms in {} iterations, {} linear programs)",
            layers.len(),
            extracted.plan.cost,
            report.nodes,
            report.iterations,
            extracted.programs
        );
        self.functions.push(Function { layers, summary });
    }

    /// As text, a paragraph per layer.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for function in &self.functions {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} [{}]", function.summary, self.target);
            let _ = writeln!(
                text,
                "A layer's cycles are its own: what changes layouts around it is a layer itself."
            );
            for layer in &function.layers {
                let Layer { source, way, .. } = layer;
                let _ = writeln!(text, "{} {}: {way}", source.kind, visible(&source.name));
                for other in layer.others.iter().take(MOST_OTHERS) {
                    let _ = writeln!(text, "    not {other}");
                }
                if let Some(more) = layer.others.len().checked_sub(MOST_OTHERS).filter(|&more| more > 0) {
                    let _ = writeln!(text, "    nor {more} more");
                }
                let _ = match layer.rules.as_deref() {
                    Some([]) => Ok(()),
                    Some(rules) => writeln!(text, "    by {}", rules.join(", ")),
                    None => writeln!(text, "    by rules over too many ops for a proof"),
                };
            }
        }
        text
    }

    /// As a picture: a box for each layer, coloured by layout, as long as its cycles; lines to what it reads.
    pub fn svg(&self) -> String {
        let layers: Vec<&Layer> = self.functions.iter().flat_map(|function| &function.layers).collect();
        let most = layers.iter().map(|layer| layer.way.cycles).max().unwrap_or(1).max(1);
        let height = 18 * layers.len() + 40;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1100\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n"
        );
        for (index, layout) in Layout::ALL.into_iter().enumerate() {
            let (x, fill) = (200 + 90 * index, colour(layout));
            let _ = writeln!(svg, "<rect x=\"{x}\" y=\"8\" width=\"12\" height=\"12\" fill=\"{fill}\"/>");
            let _ = writeln!(svg, "<text x=\"{}\" y=\"18\">{layout}</text>", x + 18);
        }
        for (index, layer) in layers.iter().enumerate() {
            let y = 30 + 18 * index;
            let width = 4 + 400 * layer.way.cycles / most;
            let fill = colour(layer.way.layout);
            let _ =
                writeln!(svg, "<rect x=\"200\" y=\"{y}\" width=\"{width}\" height=\"14\" fill=\"{fill}\"/>");
            let label = xml(&format!("{} {}: {}", layer.source.kind, layer.source.name, layer.way));
            let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{label}</text>", 210 + width, y + 11);
            for &from in &layer.reads {
                let (top, depth) = (37 + 18 * from, 6 * (index.saturating_sub(from)).min(30));
                let _ = writeln!(
                    svg,
                    "<path d=\"M200 {top} C{x} {top} {x} {bottom} 200 {bottom}\" fill=\"none\" stroke=\"#888\"/>",
                    x = 190 - depth,
                    bottom = y + 7
                );
            }
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// What each layer costs by the model, in the order of the layers.
    pub fn estimates(&self) -> Vec<Estimate> {
        let layers = self.functions.iter().flat_map(|function| &function.layers);
        let estimate = |layer: &Layer| Estimate {
            node: layer.source.name.clone(),
            op: layer.source.kind.clone(),
            implementation: layer.way.implementation.to_owned(),
            layout: layer.way.layout.to_string(),
            cycles: layer.way.cycles,
        };
        layers.map(estimate).collect()
    }

    /// Writes the picture where the name ends in `.svg`, JSON ([`Estimate`]) where it ends in `.json`, else the text.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text = match path.extension().and_then(|extension| extension.to_str()) {
            Some("svg") => self.svg(),
            Some("json") => serde_json::to_string_pretty(&self.estimates())?,
            _ => self.text(),
        };
        write_bytes(path, text.as_bytes())
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.implementation, self.layout, self.cycles)
    }
}

fn colour(layout: Layout) -> &'static str {
    match layout {
        Layout::Nchw => "#999999",
        Layout::Nhwc => "#e69f00",
        Layout::Cnhw => "#56b4e9",
    }
}

fn way(graph: &Graph, id: Id, term: &Term, cost: &Cost) -> Way {
    let implementation = cost.of(graph, term);
    let layout = tensor(graph, id).map_or(Layout::Nchw, |tensor| tensor.layout);
    Way { cycles: implementation.cycles.get(), implementation: implementation.name, layout }
}

/// Classes that are one logical tensor in several layouts.
pub struct Siblings {
    /// By class: the least one that it is converted from or to.
    group: BTreeMap<Id, Id>,
    members: BTreeMap<Id, BTreeSet<Id>>,
}

impl Siblings {
    /// Of all classes of a graph.
    pub fn new(graph: &Graph) -> Self {
        let mut group: BTreeMap<Id, Id> = BTreeMap::new();
        let find = |group: &BTreeMap<Id, Id>, mut id: Id| {
            while let Some(&up) = group.get(&id).filter(|&&up| up != id) {
                id = up;
            }
            id
        };
        for class in graph.classes() {
            for term in &class.nodes {
                if let Term::Convert([from, _]) = term {
                    let (a, b) = (find(&group, class.id), find(&group, graph.find(*from)));
                    group.insert(a.max(b), a.min(b));
                }
            }
        }
        let mut members: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
        for class in graph.classes() {
            members.entry(find(&group, class.id)).or_default().insert(class.id);
        }
        let group = graph.classes().map(|class| (class.id, find(&group, class.id))).collect();
        Self { group, members }
    }

    /// The least class of those that are the same logical tensor.
    pub fn of(&self, class: Id) -> Id {
        self.group.get(&class).copied().unwrap_or(class)
    }

    /// The other ways to compute what a term does: of the same op of the module, in any layout.
    fn others(&self, graph: &Graph, id: Id, term: &Term, cost: &Cost) -> Vec<Way> {
        let Some(place) = site(graph, term) else { return vec![] };
        let members = self.group.get(&id).and_then(|group| self.members.get(group));
        let mut ways = BTreeSet::new();
        for &member in members.into_iter().flatten() {
            let terms = graph[member].nodes.iter().filter(|other| site(graph, other) == Some(place));
            ways.extend(terms.map(|other| way(graph, member, other, cost)));
        }
        ways.remove(&way(graph, id, term, cost));
        ways.into_iter().filter(|way| way.cycles != u64::MAX).collect()
    }
}
