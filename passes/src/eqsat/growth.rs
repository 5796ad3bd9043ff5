//! No rule makes the graph explode: for chains and siblings of every kind, terms and iterations grow at most as n log n, the
//! places at which rules are found as n log^2 n (an op of a chain has log n terms, and so have those before it).

use std::collections::BTreeSet;

use ait_dialects::Layout;
use egg::{Id, Pattern, Subst, Var};

use super::analysis::{Facts, Graph, Tensor, tensor};
use super::range::Range;
use super::rules;
use super::saturate::{Bounds, Report, saturate};
use super::soundness::{SAMPLES, Sample, tensor_of};
use super::term::Term;

/// How many of a kind there are.
const SIZES: [usize; 4] = [4, 8, 16, 32];

/// A kind of chain. `?p` is what there is so far, at first `%0`; `{4,4,1,1}` is a new constant, `@` a new site, `#n` and `#m`
/// are the number of the step and twice it.
struct Chain {
    name: &'static str,
    input: &'static [i64],
    step: &'static str,
}

const fn chain(name: &'static str, input: &'static [i64], step: &'static str) -> Chain {
    Chain { name, input, step }
}

const IMAGE: &[i64] = &[2, 4, 6, 6];

#[rustfmt::skip]
const CHAINS: &[Chain] = &[
    chain("one activation", IMAGE, "(activation ?p relu @)"),
    chain("clips", IMAGE, "(activation ?p clip:$n,-$n @)"),
    chain("scales", IMAGE, "(scale-bias ?p {4} {4} identity @)"),
    chain("scales and activations", IMAGE, "(activation (scale-bias ?p {4} {4} identity @) relu @)"),
    chain("batch norms", IMAGE, "(batch-norm ?p {4} {4} {4} {4} =0.001 @)"),
    chain("linear convolutions", IMAGE, "(conv ?p {4,4,1,1} {4} 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @)"),
    chain("scaled convolutions", IMAGE,
        "(scale-bias (conv ?p {4,4,1,1} {4} 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @) {4} {4} identity @)"),
    chain("layers", IMAGE, "(activation (conv ?p {4,4,3,3} {4} 3x3/s1,1/p1,1,1,1/d1,1/g1 identity @) relu @)"),
    chain("residual layers", IMAGE,
        "(add (conv ?p {4,4,3,3} {4} 3x3/s1,1/p1,1,1,1/d1,1/g1 identity @) ?p relu @)"),
    chain("depthwise layers", IMAGE, "(conv ?p {4,1,1,1} {4} 1x1/s1,1/p0,0,0,0/d1,1/g4 identity @)"),
    chain("products", &[5, 4], "(gemm ?p {4,4} {4} identity @)"),
    chain("products and residuals", &[5, 4], "(add (gemm ?p {4,4} {4} identity @) ?p relu @)"),
    chain("one pixel", &[2, 4, 1, 1], "(conv ?p {4,4,1,1} {4} 1x1/s1,1/p0,0,0,0/d1,1/g1 relu @)"),
    chain("transposes", IMAGE, "(transpose ?p [0,2,3,1] @)"),
    chain("reshapes", IMAGE, "(reshape (reshape ?p [8,36] @) [2,4,6,6] @)"),
    chain("other reshapes", &[4294967296], "(reshape ?p $shape @)"),
    chain("slices", &[2, 4, 6, 100], "(slice ?p [0,0,0,1]+[2,4,6,$left]*[1,1,1,1] @)"),
    chain("pads", IMAGE, "(pad ?p [0,0,1,0]|[0,0,0,0]=0 @)"),
    chain("padded layers", IMAGE,
        "(conv (pad ?p [0,0,1,1]|[0,0,1,1]=0 @) {4,4,3,3} {4} 3x3/s1,1/p0,0,0,0/d1,1/g1 identity @)"),
    chain("pools", IMAGE, "(max-pool ?p 3x3/s1,1/p1,1,1,1/d1,1/g1 @)"),
    chain("pools and clips", IMAGE, "(activation (max-pool ?p 3x3/s1,1/p1,1,1,1/d1,1/g1 @) clip:$n,-$n @)"),
    chain("clips and pools", IMAGE, "(max-pool (activation ?p clip:$n,-$n @) 3x3/s1,1/p1,1,1,1/d1,1/g1 @)"),
    chain("means and maps", IMAGE,
        "(avg-pool (conv ?p {4,4,1,1} {4} 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @) 3x3/s1,1/p1,1,1,1/d1,1/g1 @)"),
    chain("means and scales", IMAGE,
        "(avg-pool (scale-bias ?p {4} {4} identity @) 3x3/s1,1/p1,1,1,1/d1,1/g1 @)"),
    chain("gates", IMAGE, "(mul ?p (activation ?p sigmoid @) identity @)"),
    chain("sums", IMAGE, "(add ?p %0 identity @)"),
    chain("conversions", IMAGE, "(convert (convert ?p nhwc) cnhw)"),
    chain("concatenations", IMAGE, "(concat ?p %0 #1 @)"),
    chain("siblings", IMAGE, "(concat ?p (conv %0 {3,4,1,1} {3} 1x1/s1,1/p0,0,0,0/d1,1/g1 relu @) #1 @)"),
    chain("siblings and their scales", IMAGE,
        "(concat ?p (scale-bias (conv %0 {3,4,1,1} {3} 1x1/s1,1/p0,0,0,0/d1,1/g1 identity @) {3} {3} relu @) #1 @)"),
    chain("siblings to the left", IMAGE, "(concat (conv %0 {3,4,1,1} {3} 1x1/s1,1/p0,0,0,0/d1,1/g1 relu @) ?p #1 @)"),
    chain("paths", &[2, 100, 6, 6],
        "(concat ?p (conv (slice %0 [0,$m,0,0]+[2,2,6,6]*[1,1,1,1] @) {3,2,1,1} {3} 1x1/s1,1/p0,0,0,0/d1,1/g1 relu @) #1 @)"),
];

/// A graph that grows.
struct Growing {
    graph: Graph,
    sites: u32,
}

impl Growing {
    fn new(values: Vec<Tensor>) -> Self {
        let layouts = vec![Layout::Cnhw, Layout::Nhwc];
        let facts = Facts { layouts: layouts.clone(), dense: layouts, values, ..Facts::default() };
        Self { graph: Graph::new(facts), sites: 0 }
    }

    fn constant(&mut self, tensor: Tensor) -> String {
        self.graph.analysis.constants.push(tensor);
        format!("c{}", self.graph.analysis.constants.len() - 1)
    }

    /// Adds a term, in which `?p` is `last`.
    fn add(&mut self, text: &str, last: Option<Id>) -> Id {
        let pattern: Pattern<Term> = text.parse().unwrap();
        let mut subst = Subst::default();
        if let Some(last) = last {
            subst.insert("?p".parse::<Var>().unwrap(), last);
        }
        let id = self.graph.add_instantiation(&pattern.ast, &subst);
        assert!(tensor(&self.graph, id).is_some(), "{text}: {}", self.graph[id].data.fact);
        id
    }

    /// A step of a chain with its new constants and sites.
    fn step(&mut self, chain: &Chain, number: usize) -> String {
        let shape = format!("[{},{}]", 1u64 << number.min(32), 1u64 << (32 - number.min(32)));
        let template =
            chain.step.replace("$n", &(100 - number).to_string()).replace("$m", &(2 * number).to_string());
        let template = template.replace("$left", &(99 - number).to_string()).replace("$shape", &shape);
        let mut text = String::new();
        let mut rest = template.as_str();
        while let Some(at) = rest.find(['{', '@']) {
            text += &rest[..at];
            if rest[at..].starts_with('@') {
                text += &format!("@{}", self.sites);
                self.sites += 1;
                rest = &rest[at + 1..];
                continue;
            }
            let end = at + rest[at..].find('}').unwrap();
            let shape: Vec<i64> = rest[at + 1..end].split(',').map(|dim| dim.parse().unwrap()).collect();
            text +=
                &self.constant(Tensor { is_constant: true, range: Range::splat(0.5), ..Tensor::new(shape) });
            rest = &rest[end + 1..];
        }
        text + rest
    }

    fn saturated(self) -> Report {
        saturate(self.graph, &rules::all(), Bounds { iterations: 1000, ..Bounds::default() }).unwrap().1
    }
}

/// What of it grows more than it may, but for a few.
fn faults(name: &str, reports: &[Report]) -> Vec<String> {
    type Count = fn(&Report) -> usize;
    let counts: [(&str, i32, Count); 3] =
        [("terms", 1, |it| it.nodes), ("places", 2, |it| it.matches), ("iterations", 1, |it| it.iterations)];
    let mut faults = vec![];
    for (what, power, count) in counts {
        let counted: Vec<usize> = reports.iter().map(count).collect();
        let is_slow = |(pair, sizes): (&[usize], &[usize])| {
            let [less, more] =
                [sizes[0], sizes[1]].map(|size| size as f64 * (size as f64).log2().powi(power));
            pair[1] as f64 <= 1.1 * pair[0] as f64 * more / less + 40.0
        };
        if !counted.windows(2).zip(SIZES.windows(2)).all(is_slow) {
            faults.push(format!("{name}: {what} {counted:?}"));
        }
    }
    let limits = reports.iter().filter_map(|report| report.limit.as_ref());
    faults.extend(limits.map(|limit| format!("{name}: {limit}")));
    faults
}

#[test]
fn chains_and_siblings() {
    let mut found = vec![];
    for chain in CHAINS {
        let reports = SIZES.map(|size| {
            let mut growing = Growing::new(vec![Tensor::new(chain.input.to_vec())]);
            let mut last = growing.add("%0", None);
            for number in 0..size {
                let step = growing.step(chain, number);
                last = growing.add(&step, Some(last));
            }
            growing.saturated()
        });
        found.extend(faults(chain.name, &reports));
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// A sample's term with the numbers of its constants and sites moved.
fn moved(sample: &Sample, constants: usize, sites: usize) -> String {
    let word = |word: &str| {
        let numbered = |prefix: char, by: usize| {
            let number: usize = word.strip_prefix(prefix)?.parse().ok()?;
            Some(format!("{prefix}{}", number + by))
        };
        numbered('c', constants).or_else(|| numbered('@', sites)).unwrap_or_else(|| word.to_owned())
    };
    let spaced = sample.term.replace('(', "( ").replace(')', " )");
    spaced.split(' ').map(word).collect::<Vec<_>>().join(" ").replace("( ", "(").replace(" )", ")")
}

/// The left side of every rule, many times over one input; and after each other where the shape allows it.
#[test]
fn every_rule() {
    let (mut fired, mut found) = (BTreeSet::new(), vec![]);
    for sample in SAMPLES {
        for is_chain in [false, true] {
            let reports = SIZES.map(|size| {
                let values = sample.values.iter().map(|shape| Tensor::new(shape.to_vec())).collect();
                let mut growing = Growing::new(values);
                let first = growing.add("%0", None);
                let mut last = first;
                for number in 0..size {
                    let known = growing.graph.analysis.constants.len();
                    for constant in sample.constants {
                        growing.constant(tensor_of(constant));
                    }
                    let text = moved(sample, known, number * 16);
                    let is_next = is_chain && growing.graph[last].data.fact == growing.graph[first].data.fact;
                    let text = if is_next { text.replace("%0", "?p") } else { text };
                    last = growing.add(&text, Some(last));
                }
                let (graph, report) =
                    saturate(growing.graph, &rules::all(), Bounds { iterations: 1000, ..Bounds::default() })
                        .unwrap();
                fired.extend(graph.analysis.fired.iter().copied());
                report
            });
            let kind = if is_chain { "a chain of" } else { "many of" };
            found.extend(faults(&format!("{kind} {}", sample.term), &reports));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(fired.len(), rules::all().len());
}

/// What a limit says, and that what was found by then is there.
#[test]
fn a_limit_names_the_rules() {
    let mut growing = Growing::new(vec![Tensor::new(IMAGE.to_vec())]);
    let mut last = growing.add("%0", None);
    for number in 0..8 {
        let step = growing.step(&CHAINS[2], number);
        last = growing.add(&step, Some(last));
    }
    let bounds = Bounds { nodes: growing.graph.total_size() + 40, ..Bounds::default() };
    let (graph, report) = saturate(growing.graph, &rules::all(), bounds).unwrap();
    let limit = report.limit.unwrap();
    assert!(limit.contains(" nodes (terms made: ") && limit.contains(" by 'scale-bias"), "{limit}");
    assert!(graph.total_size() > 60 && graph[last].len() > 1, "{} terms", graph[last].len());
}
