//! Saturation: the rules, again and again, until nothing is new or a limit is met.

use std::time::Duration;

use egg::{Runner, SimpleScheduler, StopReason};

use super::analysis::{Fault, Graph, Unsound};
use super::rules::Rule;
use crate::options::number;

/// Levels of unequal terms that an error shows.
const WRITTEN_LEVELS: usize = 3;

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
    pub const ITERATIONS: &str = "30";
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
    /// The limit that was met; none if no rule makes anything new.
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

/// Applies the rules to a graph.
///
/// # Errors
/// If a rule is unsound as far as shapes and layouts tell, with both terms.
pub fn saturate(graph: Graph, rules: &[Rule], bounds: Bounds) -> Result<(Graph, Report), SaturationError> {
    let rewrites = rules.iter().map(Rule::rewrite).collect::<Result<Vec<_>, _>>();
    let rewrites = rewrites.map_err(SaturationError::Rule)?;
    let runner = Runner::<_, _, ()>::new(Default::default())
        .with_egraph(graph)
        .with_scheduler(SimpleScheduler)
        .with_iter_limit(bounds.iterations)
        .with_node_limit(bounds.nodes)
        .with_time_limit(Duration::from_secs(1 << 40))
        .with_hook(|runner| match &runner.egraph.analysis.fault {
            None => Ok(()),
            Some(fault) => Err(fault.rule.to_owned()),
        })
        .run(&rewrites);
    let mut graph = runner.egraph;
    graph.rebuild();
    if let Some(Fault { rule, terms, facts: [left_fact, right_fact] }) = graph.analysis.fault.take() {
        let [left, right] = terms.map(|term| term.written(&graph, WRITTEN_LEVELS));
        let unsound = Unsound { rule: rule.to_owned(), left, left_fact, right, right_fact };
        return Err(SaturationError::Unsound(Box::new(unsound)));
    }
    let limit = match runner.stop_reason {
        Some(StopReason::Saturated) | None => None,
        Some(StopReason::IterationLimit(count)) => Some(format!("{count} iterations")),
        Some(StopReason::NodeLimit(count)) => Some(format!("{count} nodes")),
        Some(StopReason::TimeLimit(seconds)) => Some(format!("{seconds} seconds")),
        Some(StopReason::Other(reason)) => Some(reason),
    };
    let report = Report { iterations: runner.iterations.len(), nodes: graph.total_number_of_nodes(), limit };
    Ok((graph, report))
}
