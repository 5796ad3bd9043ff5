//! The best plan by integer programming: a variable for each choice, branch and bound over linear programs.
//!
//! ```text
//! minimise  sum cost[n] x[n]                          x[n] in {0, 1}
//!   sum of x over a root's choices                    >= 1
//!   sum of x over a class's choices that need d       <= sum of x over d's choices
//! of every set K of classes that need one another:
//!   sum of x over the choices of a class of K         <= sum of x over K's choices that need nothing of K
//! of every set of choices of which each plan takes one (see `covers`):
//!   sum of x over the set                             >= 1
//!   sum of x over a cycle's choices                   <= its length - 1       where one was found
//! ```

use super::{Extracted, Plan, Problem};
use microlp::{ComparisonOp, OptimizationDirection, Solution, Variable};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::{BTreeMap, BTreeSet};

/// Values this close to an integer are it.
const EPSILON: f64 = 1e-6;

/// Improves `first` until it is proven to be the best, or `programs` linear programs were solved.
pub fn exact(problem: &Problem, first: Plan, programs: usize) -> Extracted {
    // Costs in the solver are near 1, whatever they count.
    let scale = first.cost.max(1) as f64 / 1000.0;
    let mut search = Search { problem, scale, variables: vec![], best: first, programs: 0, most: programs };
    let cuts = cycles_of_two(problem);
    let bound = search.run(cuts);
    Extracted { bound: bound.min(search.best.cost), plan: search.best, programs: search.programs }
}

struct Search<'a> {
    problem: &'a Problem,
    scale: f64,
    /// By class and choice.
    variables: Vec<Vec<Variable>>,
    best: Plan,
    programs: usize,
    most: usize,
}

/// Choices of which not all may be taken.
type Cut = Vec<(usize, usize)>;

impl Search<'_> {
    /// The bound that was proven.
    fn run(&mut self, mut cuts: Vec<Cut>) -> u64 {
        let Some(root) = self.program(&cuts) else { return 0 };
        let lower = self.cost(root.objective());
        let mut open = vec![(root, lower)];
        let mut unknown = u64::MAX;
        while let Some((solution, bound)) = open.pop() {
            if bound >= self.best.cost {
                continue;
            }
            if self.programs >= self.most {
                let open = open.iter().map(|(_, bound)| *bound);
                return open.chain([bound, unknown]).min().unwrap_or(bound).max(lower);
            }
            self.round(&solution);
            let Some((class, number)) = self.fractional(&solution) else {
                if let Some(cut) = self.cycle(&solution) {
                    // Every open program misses the cut: start again with it.
                    cuts.push(cut);
                    let Some(again) = self.program(&cuts) else { return lower };
                    let bound = self.cost(again.objective());
                    open = vec![(again, bound)];
                }
                continue;
            };
            let variable = self.variables[class][number];
            // The branch that takes the choice is tried first.
            for value in [0.0, 1.0] {
                self.programs += 1;
                match solution.clone().fix_var(variable, value) {
                    Ok(branch) => {
                        let bound = self.cost(branch.objective()).max(bound);
                        if bound < self.best.cost {
                            open.push((branch, bound));
                        }
                    }
                    Err(microlp::Error::Infeasible) => {}
                    // Nobody knows what is in there but that it costs no less.
                    Err(_) => unknown = unknown.min(bound),
                }
            }
        }
        self.best.cost.min(unknown)
    }

    /// An objective as cycles; a little less, for rounding.
    fn cost(&self, objective: f64) -> u64 {
        let cycles = objective * self.scale;
        (cycles - 1e-6 * cycles.abs() - 0.01).ceil().max(0.0) as u64
    }

    fn program(&mut self, cuts: &[Cut]) -> Option<Solution> {
        self.programs += 1;
        let mut program = microlp::Problem::new(OptimizationDirection::Minimize);
        let variable = |cost: u64| (cost as f64 / self.scale, (0.0, 1.0));
        self.variables = vec![];
        for choices in &self.problem.classes {
            let add = choices.iter().map(|choice| {
                let (cost, range) = variable(choice.cost);
                program.add_var(cost, range)
            });
            self.variables.push(add.collect());
        }
        let all = |class: usize, factor: f64| self.variables[class].iter().map(move |&it| (it, factor));
        for &root in &self.problem.roots {
            program.add_constraint(all(root, 1.0).collect::<Vec<_>>(), ComparisonOp::Ge, 1.0);
        }
        for (class, choices) in self.problem.classes.iter().enumerate() {
            let needs: BTreeSet<_> = choices.iter().flat_map(|choice| choice.needs.iter().copied()).collect();
            for need in needs {
                let with = choices.iter().zip(&self.variables[class]);
                let with = with.filter(|(choice, _)| choice.needs.contains(&need)).map(|(_, &it)| (it, 1.0));
                let row: Vec<_> = with.chain(all(need, -1.0)).collect();
                program.add_constraint(row, ComparisonOp::Le, 0.0);
            }
        }
        let components = components(self.problem);
        for cover in covers(self.problem, &components) {
            let row: Vec<_> =
                cover.iter().map(|&(class, number)| (self.variables[class][number], 1.0)).collect();
            program.add_constraint(row, ComparisonOp::Ge, 1.0);
        }
        for component in components.iter().filter(|component| component.len() > 1) {
            let entries = entries(self.problem, component);
            for &class in component {
                let own =
                    (0..self.variables[class].len()).filter(|&number| !entries.contains(&(class, number)));
                let own = own.map(|number| (self.variables[class][number], 1.0));
                let others = entries.iter().filter(|(other, _)| *other != class);
                let others = others.map(|&(other, number)| (self.variables[other][number], -1.0));
                program.add_constraint(own.chain(others).collect::<Vec<_>>(), ComparisonOp::Le, 0.0);
            }
        }
        for cut in cuts {
            let row: Vec<_> =
                cut.iter().map(|&(class, number)| (self.variables[class][number], 1.0)).collect();
            program.add_constraint(row, ComparisonOp::Le, cut.len() as f64 - 1.0);
        }
        program.solve().ok()
    }

    /// The choice that is least decided.
    fn fractional(&self, solution: &Solution) -> Option<(usize, usize)> {
        let mut found = None;
        for (class, variables) in self.variables.iter().enumerate() {
            for (number, &variable) in variables.iter().enumerate() {
                let distance = (solution[variable] - solution[variable].round()).abs();
                // Costly choices decide others.
                let weight = distance * (1.0 + self.problem.classes[class][number].cost as f64 / self.scale);
                if distance > EPSILON && found.is_none_or(|(most, _)| weight > most) {
                    found = Some((weight, (class, number)));
                }
            }
        }
        found.map(|(_, choice)| choice)
    }

    /// A plan near a solution: classes in an order in which they can be made, each by its most wanted choice.
    fn round(&mut self, solution: &Solution) {
        let value = |class: usize, number: usize| solution[self.variables[class][number]];
        let mut made: BTreeMap<usize, usize> = BTreeMap::new();
        loop {
            let mut changed = false;
            for (class, choices) in self.problem.classes.iter().enumerate() {
                if made.contains_key(&class) {
                    continue;
                }
                let ready = (0..choices.len()).filter(|&number| value(class, number) > 0.5 - EPSILON);
                let mut ready =
                    ready.filter(|&number| choices[number].needs.iter().all(|need| made.contains_key(need)));
                if let Some(number) = ready.next() {
                    made.insert(class, number);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        if let Some(plan) = self.problem.plan(|class| made.get(&class).copied())
            && plan.cost < self.best.cost
        {
            self.best = plan;
        }
    }

    /// A cycle among the choices of an integral solution, if what can be made of them is not enough.
    fn cycle(&self, solution: &Solution) -> Option<Cut> {
        let taken = |class: usize| {
            let variables = self.variables[class].iter();
            variables.enumerate().find(|(_, it)| solution[**it] > 0.5).map(|(number, _)| (class, number))
        };
        let mut graph = DiGraph::<usize, ()>::new();
        let nodes: Vec<_> = (0..self.problem.classes.len()).map(|class| graph.add_node(class)).collect();
        for (class, number) in (0..self.problem.classes.len()).filter_map(taken) {
            for &need in &self.problem.classes[class][number].needs {
                graph.add_edge(nodes[class], nodes[need], ());
            }
        }
        let cyclic = tarjan_scc(&graph).into_iter().filter(|component| component.len() > 1);
        let smallest = cyclic.min_by_key(Vec::len)?;
        Some(smallest.into_iter().filter_map(|node| taken(graph[node])).collect())
    }
}

/// Sets of classes that need one another; a class that needs no one back is a set of its own.
fn components(problem: &Problem) -> Vec<BTreeSet<usize>> {
    let mut graph = DiGraph::<usize, ()>::new();
    let nodes: Vec<NodeIndex> = (0..problem.classes.len()).map(|class| graph.add_node(class)).collect();
    for (class, choices) in problem.classes.iter().enumerate() {
        for need in choices.iter().flat_map(|choice| &choice.needs) {
            graph.add_edge(nodes[class], nodes[*need], ());
        }
    }
    let components = tarjan_scc(&graph).into_iter();
    components.map(|component| component.into_iter().map(|node| graph[node]).collect()).collect()
}

/// The choices of a set that need nothing of it: whatever of the set is made, one of them is taken.
fn entries(problem: &Problem, set: &BTreeSet<usize>) -> BTreeSet<(usize, usize)> {
    let of_class = |&class: &usize| {
        let choices = problem.classes[class].iter().enumerate();
        let entries = choices.filter(|(_, choice)| !choice.needs.iter().any(|need| set.contains(need)));
        entries.map(move |(number, _)| (class, number)).collect::<Vec<_>>()
    };
    set.iter().flat_map(of_class).collect()
}

/// Most sets of choices for each set of classes.
const MOST_COVERS: usize = 24;

/// Sets of choices of each of which every plan takes one. The entries of a set of classes that every plan needs are such;
/// and where some of a cover's choices need another set, that set's entries may stand for them.
fn covers(problem: &Problem, sets: &[BTreeSet<usize>]) -> BTreeSet<BTreeSet<(usize, usize)>> {
    let set_of: BTreeMap<usize, usize> = sets
        .iter()
        .enumerate()
        .flat_map(|(index, set)| set.iter().map(move |&class| (class, index)))
        .collect();
    let needed = needed_by_all(problem, sets, &set_of);
    let mut found = BTreeSet::new();
    for &set in &needed {
        let mut pending = vec![entries(problem, &sets[set])];
        let mut own = BTreeSet::new();
        while let Some(cover) = pending.pop().filter(|_| own.len() < MOST_COVERS) {
            let needs = |&(class, number): &(usize, usize)| {
                problem.classes[class][number].needs.iter().map(|need| set_of[need]).collect::<BTreeSet<_>>()
            };
            let others: BTreeSet<usize> =
                cover.iter().flat_map(needs).filter(|it| !needed.contains(it)).collect();
            for other in others {
                let kept = cover.iter().copied().filter(|choice| !needs(choice).contains(&other));
                let next: BTreeSet<_> = kept.chain(entries(problem, &sets[other])).collect();
                if !own.contains(&next) {
                    pending.push(next);
                }
            }
            own.insert(cover);
        }
        found.extend(own);
    }
    found
}

/// The sets of which every plan needs some class.
fn needed_by_all(
    problem: &Problem,
    sets: &[BTreeSet<usize>],
    set_of: &BTreeMap<usize, usize>,
) -> BTreeSet<usize> {
    // What making a set needs in any case; at first, unknown: everything. Sets come after those that they need.
    let mut always: Vec<BTreeSet<usize>> = vec![];
    for (index, set) in sets.iter().enumerate() {
        let of_choice = |&(class, number): &(usize, usize)| {
            let needs = problem.classes[class][number].needs.iter();
            let known = needs.filter_map(|need| always.get(set_of[need]));
            known.flatten().copied().collect::<BTreeSet<_>>()
        };
        let entries = entries(problem, set);
        let mut known = entries.iter().map(of_choice);
        let mut all = known.next().unwrap_or_default();
        known.for_each(|other| all.retain(|element| other.contains(element)));
        all.insert(index);
        always.push(all);
    }
    let roots = problem.roots.iter().filter_map(|root| always.get(set_of[root]));
    roots.flatten().copied().collect()
}

/// Pairs of choices that need each other's class.
fn cycles_of_two(problem: &Problem) -> Vec<Cut> {
    let mut found = vec![];
    for (class, choices) in problem.classes.iter().enumerate() {
        for (number, choice) in choices.iter().enumerate() {
            for &need in choice.needs.iter().filter(|&&need| need > class) {
                let back = problem.classes[need].iter().enumerate();
                let back = back.filter(|(_, other)| other.needs.contains(&class));
                found.extend(back.map(|(other, _)| vec![(class, number), (need, other)]));
            }
        }
    }
    found
}
