//! Greedy extraction over the DAG: for each class the choice whose whole set of classes costs least, shared ones counted
//! once.

use super::{Plan, Problem};
use std::collections::{BTreeMap, BTreeSet};

/// Classes, ascending, and the choice of each.
type Set = Vec<(usize, usize)>;

/// What making a class takes: the cost, the last classes of what is made, and what the others cost that are not told apart
/// any more.
#[derive(Clone)]
struct Taken {
    cost: u64,
    set: Set,
    before: u64,
}

/// A plan, not always the best; none if the roots cannot be made. Of what a class needs the last `window` classes are told
/// apart: a problem with more of them has its classes in an order in which they can be made.
pub fn greedy(problem: &Problem, window: usize) -> Option<Plan> {
    let users = problem.users();
    let mut best: Vec<Option<Taken>> = vec![None; problem.classes.len()];
    let mut pending: BTreeSet<usize> = (0..problem.classes.len()).collect();
    // From the leaves, which mostly have the lower numbers; each step makes a class cheaper, so it ends.
    while let Some(class) = pending.pop_first() {
        let found = cheapest(problem, class, &best, window);
        let is_cheaper = match (&found, &best[class]) {
            (Some(found), Some(known)) => found.cost < known.cost,
            (found, _) => found.is_some(),
        };
        if is_cheaper {
            best[class] = found;
            pending.extend(&users[class]);
        }
    }
    // A class may have become cheaper after a user took its set: what is chosen last is a plan if it has no cycle.
    let last = |class: usize| own(class, &best.get(class)?.as_ref()?.set);
    let mut sets: BTreeMap<usize, usize> = BTreeMap::new();
    for root in &problem.roots {
        for &(class, number) in &best.get(*root)?.as_ref()?.set {
            sets.entry(class).or_insert(number);
        }
    }
    let merged = problem.plan(|class| sets.get(&class).copied());
    let plans = [problem.plan(last), merged, singly(problem, &best)];
    plans.into_iter().flatten().min_by_key(|plan| plan.cost)
}

/// The choice of a class in a set.
fn own(class: usize, set: &Set) -> Option<usize> {
    set.binary_search_by_key(&class, |(class, _)| *class).ok().map(|at| set[at].1)
}

/// Both sets; the first one's choices where both have one.
fn union(a: &Set, b: &Set) -> Set {
    let mut both = Set::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(&&left), Some(&&right)) = (a.peek(), b.peek()) {
        if left.0 == right.0 {
            b.next();
        }
        both.extend(if left.0 <= right.0 { a.next() } else { b.next() });
    }
    both.extend(a.chain(b));
    both
}

fn cheapest(problem: &Problem, class: usize, best: &[Option<Taken>], window: usize) -> Option<Taken> {
    let sets = problem.classes[class].iter().enumerate().filter_map(|(number, choice)| {
        let (mut set, mut before) = (Set::new(), 0);
        for &need in &choice.needs {
            let taken = best[need].as_ref()?;
            set = union(&set, &taken.set);
            before = before.max(taken.before);
        }
        let at = set.binary_search_by_key(&class, |(class, _)| *class).err()?;
        set.insert(at, (class, number));
        let cost = |set: &[(usize, usize)]| {
            let costs = set.iter().map(|&(class, number)| problem.classes[class][number].cost);
            costs.fold(0, u64::saturating_add)
        };
        let forgotten: Set = set.drain(..set.len().saturating_sub(window)).collect();
        // The class itself is never forgotten.
        if let Some(&own) = forgotten.iter().find(|(other, _)| *other == class) {
            set.insert(0, own);
        }
        let before = cost(&forgotten).saturating_add(before);
        Some(Taken { cost: cost(&set).saturating_add(before), set, before })
    });
    sets.min_by_key(|taken| taken.cost)
}

/// In the order in which classes can be made with least cost, shared ones counted for each user: never a cycle.
fn singly(problem: &Problem, best: &[Option<Taken>]) -> Option<Plan> {
    let mut made: BTreeMap<usize, usize> = BTreeMap::new();
    let mut changed = true;
    while changed {
        changed = false;
        for (class, choices) in problem.classes.iter().enumerate() {
            if made.contains_key(&class) {
                continue;
            }
            let choices = choices.iter().enumerate();
            let ready = choices.filter(|(_, choice)| choice.needs.iter().all(|need| made.contains_key(need)));
            let wanted = best[class].as_ref().and_then(|taken| own(class, &taken.set));
            if let Some((number, _)) =
                ready.min_by_key(|(number, choice)| (Some(*number) != wanted, choice.cost))
            {
                made.insert(class, number);
                changed = true;
            }
        }
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
