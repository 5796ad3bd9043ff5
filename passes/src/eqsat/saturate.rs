//! Saturation: the rules, again and again, until nothing is new or a limit is met.
//!
//! Rules are applied only where something has changed within their reach, so that a chain whose terms are found one after
//! the other costs as much work as its length. Terms that say nothing are dropped.

use std::collections::HashSet;

use egg::{Id, Language};

use super::analysis::{Fault, Graph, Unsound, leaf};
use super::rules::{Compiled, Rule};
use super::term::Leaf;
use crate::options::number;

/// Levels of unequal terms that an error shows.
const WRITTEN_LEVELS: usize = 3;

/// Rules that a limit names.
const NAMED_RULES: usize = 3;

/// Limits of saturation: never time, which would make results differ.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most iterations.
    pub iterations: usize,
    /// Most terms.
    pub nodes: usize,
}

impl Bounds {
    /// Most iterations where nothing else is asked for, as options write it.
    pub const ITERATIONS: &str = "300";
    /// Most terms where nothing else is asked for.
    pub const NODES: &str = "200000";
}

impl Default for Bounds {
    fn default() -> Self {
        Self { iterations: number(Self::ITERATIONS), nodes: number(Self::NODES) }
    }
}

/// How saturation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Iterations.
    pub iterations: usize,
    /// Terms.
    pub nodes: usize,
    /// Places at which rules were applied.
    pub matches: usize,
    /// The limit that was met, and the rules that spent it; none if no rule makes anything new.
    pub limit: Option<String>,
}

/// Why saturation failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SaturationError {
    /// A rule made two terms equal that are not.
    #[error(transparent)]
    Unsound(Box<Unsound>),
    /// A rule whose pattern is malformed.
    #[error("{0}")]
    Rule(String),
}

/// Applies the rules to a graph, again and again where something has changed.
///
/// # Errors
/// If a rule is unsound as far as shapes and layouts tell, with both terms.
pub fn saturate(
    mut graph: Graph,
    rules: &[Rule],
    bounds: Bounds,
) -> Result<(Graph, Report), SaturationError> {
    let rules = rules.iter().map(Rule::compiled).collect::<Result<Vec<_>, _>>();
    let rules = rules.map_err(SaturationError::Rule)?;
    graph.rebuild();
    graph.analysis.changed.clear();
    let mut work = Work { rules: &rules, bounds, terms: vec![0; rules.len()], iterations: 0, matches: 0 };
    let limit = work.run(&mut graph);
    if let Some(Fault { rule, terms, facts: [left_fact, right_fact] }) = graph.analysis.fault.take() {
        let [left, right] = terms.map(|term| term.written(&graph, WRITTEN_LEVELS));
        let unsound = Unsound { rule: rule.to_owned(), left, left_fact, right, right_fact };
        return Err(SaturationError::Unsound(Box::new(unsound)));
    }
    let report = Report {
        iterations: work.iterations,
        nodes: graph.total_number_of_nodes(),
        matches: work.matches,
        limit: limit.map(|limit| format!("{limit}{}", work.spent())),
    };
    Ok((graph, report))
}

/// What was done.
struct Work<'r> {
    rules: &'r [Compiled],
    bounds: Bounds,
    /// Made by each rule.
    terms: Vec<usize>,
    iterations: usize,
    matches: usize,
}

impl Work<'_> {
    /// The limit that was met.
    fn run(&mut self, graph: &mut Graph) -> Option<String> {
        let mut changed = None;
        while self.iterations < self.bounds.iterations {
            self.iterations += 1;
            let is_full = self.iteration(graph, changed.as_deref());
            graph.rebuild();
            let mut ids = std::mem::take(&mut graph.analysis.changed);
            ids.iter_mut().for_each(|id| *id = graph.find(*id));
            ids.sort_unstable();
            ids.dedup();
            ids.iter().for_each(|&id| prune(graph, id));
            if graph.analysis.fault.is_some() || (ids.is_empty() && !is_full) {
                return None;
            }
            if is_full {
                return Some(format!("{} nodes", self.bounds.nodes));
            }
            changed = Some(ids);
        }
        Some(format!("{} iterations", self.bounds.iterations))
    }

    /// Finds the places of all rules, then applies them; whether the limit of terms was met. Only classes from which a
    /// changed one is in reach of the rule are looked at.
    fn iteration(&mut self, graph: &mut Graph, changed: Option<&[Id]>) -> bool {
        let most = self.rules.iter().map(|rule| rule.levels).max().unwrap_or(0);
        let near = changed.map(|changed| within(graph, changed, most));
        let mut left = self.bounds.nodes;
        let mut found = vec![];
        for rule in self.rules {
            let near = near.as_ref().and_then(|near| near.get(rule.levels));
            let places = rule.search(graph, left, |id| near.is_none_or(|near| near.contains(&id)));
            let count: usize = places.iter().map(|(_, matches)| matches.len()).sum();
            self.matches += count;
            left -= count;
            found.push(places);
        }
        for ((rule, places), terms) in self.rules.iter().zip(found).zip(&mut self.terms) {
            let before = graph.total_size();
            for (class, matches) in places {
                for subst in matches {
                    rule.apply(graph, class, &subst);
                }
                if graph.total_size() > self.bounds.nodes {
                    break;
                }
            }
            *terms += graph.total_size() - before;
            if graph.total_size() > self.bounds.nodes {
                return true;
            }
        }
        left == 0
    }

    /// The rules that made most terms, in words.
    fn spent(&self) -> String {
        let mut rules: Vec<_> = self.terms.iter().zip(self.rules).filter(|(terms, _)| **terms > 0).collect();
        rules.sort_by_key(|(terms, _)| std::cmp::Reverse(**terms));
        let rules = rules.iter().take(NAMED_RULES);
        let rules: Vec<_> = rules.map(|(terms, rule)| format!("{terms} by '{}'", rule.rule.name)).collect();
        if rules.is_empty() { String::new() } else { format!(" (terms made: {})", rules.join(", ")) }
    }
}

/// For each number of steps up to `most`: the classes from which a changed one is so many steps down.
fn within(graph: &Graph, changed: &[Id], most: usize) -> Vec<HashSet<Id>> {
    let mut near: HashSet<Id> = changed.iter().copied().collect();
    let (mut last, mut all) = (changed.to_vec(), vec![near.clone()]);
    for _ in 0..most {
        let parents = last.iter().flat_map(|&id| graph[id].parents()).map(|id| graph.find(id));
        last = parents.filter(|&id| near.insert(id)).collect();
        all.push(near.clone());
    }
    all
}

/// Drops terms that say nothing: a class that is made of itself, and the same term at another site.
fn prune(graph: &mut Graph, class: Id) {
    let mut nodes = std::mem::take(&mut graph[class].nodes);
    nodes.retain(|term| !term.children().iter().any(|&child| graph.find(child) == class));
    // Terms are sorted by their children, of which the site is the last.
    nodes.dedup_by(|next, first| {
        let [left, right] = [&*first, &*next].map(|term| term.children().split_last());
        let (Some((&left, lefts)), Some((&right, rights))) = (left, right) else { return false };
        let is_site = |id| matches!(leaf(graph, id), Some(Leaf::Site(_)));
        first.matches(next) && lefts == rights && is_site(left) && is_site(right)
    });
    graph[class].nodes = nodes;
}
