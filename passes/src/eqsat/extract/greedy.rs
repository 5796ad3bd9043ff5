//! Greedy extraction over the DAG: for each class the choice whose whole set of classes costs least, shared ones counted
//! once.

use super::{Plan, Problem};
use std::collections::{BTreeMap, BTreeSet};

/// Classes and the choice of each.
type Set = BTreeMap<usize, usize>;

/// A plan, not always the best; none if the roots cannot be made.
pub fn greedy(problem: &Problem) -> Option<Plan> {
    let users = users(problem);
    let mut best: Vec<Option<(u64, Set)>> = vec![None; problem.classes.len()];
    let mut pending: BTreeSet<usize> = (0..problem.classes.len()).collect();
    // From the leaves, which mostly have the lower numbers; each step makes a class cheaper, so it ends.
    while let Some(class) = pending.pop_first() {
        let found = cheapest(problem, class, &best);
        let is_cheaper = match (&found, &best[class]) {
            (Some((cost, _)), Some((before, _))) => cost < before,
            (found, _) => found.is_some(),
        };
        if is_cheaper {
            best[class] = found;
            pending.extend(&users[class]);
        }
    }
    // A class may have become cheaper after a user took its set: what is chosen last is a plan if it has no cycle.
    let last = |class: usize| best.get(class)?.as_ref()?.1.get(&class).copied();
    let mut sets = Set::new();
    for root in &problem.roots {
        for (&class, &number) in &best.get(*root)?.as_ref()?.1 {
            sets.entry(class).or_insert(number);
        }
    }
    let merged = problem.plan(|class| sets.get(&class).copied());
    let plans = [problem.plan(last), merged, singly(problem, &best)];
    plans.into_iter().flatten().min_by_key(|plan| plan.cost)
}

fn users(problem: &Problem) -> Vec<BTreeSet<usize>> {
    let mut users = vec![BTreeSet::new(); problem.classes.len()];
    for (class, choices) in problem.classes.iter().enumerate() {
        for need in choices.iter().flat_map(|choice| &choice.needs) {
            users[*need].insert(class);
        }
    }
    users
}

fn cheapest(problem: &Problem, class: usize, best: &[Option<(u64, Set)>]) -> Option<(u64, Set)> {
    let sets = problem.classes[class].iter().enumerate().filter_map(|(number, choice)| {
        let mut set = Set::new();
        for &need in &choice.needs {
            let (_, of_need) = best[need].as_ref()?;
            of_need.iter().for_each(|(&class, &number)| {
                set.entry(class).or_insert(number);
            });
        }
        if set.insert(class, number).is_some() {
            return None;
        }
        let costs = set.iter().map(|(&class, &number)| problem.classes[class][number].cost);
        Some((costs.fold(0, u64::saturating_add), set))
    });
    sets.min_by_key(|(cost, _)| *cost)
}

/// In the order in which classes can be made with least cost, shared ones counted for each user: never a cycle.
fn singly(problem: &Problem, best: &[Option<(u64, Set)>]) -> Option<Plan> {
    let mut made: BTreeMap<usize, usize> = BTreeMap::new();
    loop {
        let next = (0..problem.classes.len()).filter(|class| !made.contains_key(class)).find_map(|class| {
            let choices = problem.classes[class].iter().enumerate();
            let ready = choices.filter(|(_, choice)| choice.needs.iter().all(|need| made.contains_key(need)));
            let wanted = best[class].as_ref().and_then(|(_, set)| set.get(&class).copied());
            let number = ready.min_by_key(|(number, choice)| (Some(*number) != wanted, choice.cost))?.0;
            Some((class, number))
        });
        let Some((class, number)) = next else { break };
        made.insert(class, number);
    }
    problem.plan(|class| made.get(&class).copied())
}

/// What no plan undercuts: the cheapest choice of every class that all plans need.
pub fn bound(problem: &Problem) -> u64 {
    let mut needed = BTreeSet::new();
    let mut stack = problem.roots.clone();
    while let Some(class) = stack.pop() {
        if needed.insert(class) {
            let mut choices = problem.classes[class].iter();
            let Some(first) = choices.next() else { continue };
            let mut all = first.needs.clone();
            choices.for_each(|choice| all.retain(|need| choice.needs.contains(need)));
            stack.extend(all);
        }
    }
    let least = |class: usize| problem.classes[class].iter().map(|choice| choice.cost).min().unwrap_or(0);
    needed.into_iter().map(least).fold(0, u64::saturating_add)
}
