//! Extraction: of every class that is needed one choice, without cycles, so that the sum of the costs is least; a class
//! that several choices need is counted once.
//!
//! Nothing here knows terms: a [`Problem`] is classes of choices. [`extract`] solves it exactly (`exact`, branch and
//! bound over linear programs) up to a limit of work, above it greedily, and says how far from the optimum that may be.

mod exact;
mod greedy;
mod reduce;

use std::collections::{BTreeMap, BTreeSet};

use crate::options::number;

/// One way to make a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Model cycles.
    pub cost: u64,
    /// The classes that it needs, ascending.
    pub needs: Vec<usize>,
}

/// Classes of choices.
#[derive(Clone, Debug, Default)]
pub struct Problem {
    /// The choices of each class. A class without any cannot be made.
    pub classes: Vec<Vec<Choice>>,
    /// What is wanted.
    pub roots: Vec<usize>,
}

/// The choice of each class that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// By class: the number of its choice; none if it is not needed.
    pub chosen: Vec<Option<usize>>,
    /// The sum of the costs.
    pub cost: u64,
}

/// A plan and how good it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extracted {
    /// The plan.
    pub plan: Plan,
    /// No plan costs less than this; the plan's own cost if it is proven to be the best.
    pub bound: u64,
    /// Linear programs that were solved.
    pub programs: usize,
}

impl Extracted {
    /// Whether no plan is cheaper.
    pub fn is_exact(&self) -> bool {
        self.bound >= self.plan.cost
    }

    /// How much cheaper a plan might be at most, as a fraction of this one's cost.
    pub fn gap(&self) -> f64 {
        (self.plan.cost.saturating_sub(self.bound)) as f64 / self.plan.cost.max(1) as f64
    }
}

/// How much work to do for an exact answer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most choices of a problem, after reduction, that is solved exactly.
    pub choices: usize,
    /// Most linear programs.
    pub programs: usize,
}

impl Limits {
    /// Most choices where nothing else is asked for, as options write it.
    pub const CHOICES: &str = "6000";
}

impl Default for Limits {
    fn default() -> Self {
        Self { choices: number(Self::CHOICES), programs: 2000 }
    }
}

impl Problem {
    /// The plan that takes these choices where they are needed; none if they have a cycle or a class has no choice.
    pub fn plan(&self, choose: impl Fn(usize) -> Option<usize>) -> Option<Plan> {
        let mut chosen = vec![None; self.classes.len()];
        let (mut stack, mut open) = (vec![], BTreeSet::new());
        let mut cost = 0u64;
        for &root in &self.roots {
            stack.push((root, false));
            while let Some((class, is_done)) = stack.pop() {
                if is_done {
                    open.remove(&class);
                    continue;
                }
                if chosen.get(class)?.is_some() {
                    if open.contains(&class) {
                        return None;
                    }
                    continue;
                }
                let number = choose(class)?;
                let choice = self.classes.get(class)?.get(number)?;
                cost = cost.saturating_add(choice.cost);
                *chosen.get_mut(class)? = Some(number);
                open.insert(class);
                stack.push((class, true));
                stack.extend(choice.needs.iter().rev().map(|&need| (need, false)));
            }
        }
        Some(Plan { chosen, cost })
    }

    /// The classes that can be made at all.
    pub fn possible(&self) -> Vec<bool> {
        let mut possible = vec![false; self.classes.len()];
        let users = self.users();
        let mut pending: Vec<usize> = (0..self.classes.len()).collect();
        while let Some(class) = pending.pop() {
            let makes = |choice: &Choice| choice.needs.iter().all(|&need| possible.get(need) == Some(&true));
            if !possible[class] && self.classes[class].iter().any(makes) {
                possible[class] = true;
                pending.extend(&users[class]);
            }
        }
        possible
    }

    /// The classes that need each class.
    fn users(&self) -> Vec<BTreeSet<usize>> {
        let mut users = vec![BTreeSet::new(); self.classes.len()];
        for (class, choices) in self.classes.iter().enumerate() {
            for &need in choices.iter().flat_map(|choice| &choice.needs) {
                if let Some(users) = users.get_mut(need) {
                    users.insert(class);
                }
            }
        }
        users
    }

    /// The classes, those that a class needs before it wherever that is possible.
    fn ordered(&self) -> Vec<usize> {
        let (mut ordered, mut seen) = (vec![], vec![false; self.classes.len()]);
        for start in 0..self.classes.len() {
            let mut stack = vec![(start, false)];
            while let Some((class, is_done)) = stack.pop() {
                if is_done {
                    ordered.push(class);
                } else if !std::mem::replace(&mut seen[class], true) {
                    stack.push((class, true));
                    let needs = self.classes[class].iter().rev().flat_map(|choice| choice.needs.iter().rev());
                    stack.extend(needs.filter(|&&need| !seen[need]).map(|&need| (need, false)));
                }
            }
        }
        ordered
    }

    /// The same problem, its classes numbered in an order.
    fn renumbered(&self, order: &[usize]) -> Self {
        let mut number = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, &old)| number[old] = new);
        let renumbered = |classes: &[usize]| {
            let numbers: BTreeSet<_> = classes.iter().map(|&class| number[class]).collect();
            numbers.into_iter().collect::<Vec<_>>()
        };
        let choice = |choice: &Choice| Choice { cost: choice.cost, needs: renumbered(&choice.needs) };
        let classes = order.iter().map(|&class| self.classes[class].iter().map(choice).collect());
        Self { classes: classes.collect(), roots: renumbered(&self.roots) }
    }
}

/// The best plan, as far as the limits allow; none if the roots cannot be made.
pub fn extract(problem: &Problem, limits: Limits) -> Option<Extracted> {
    let reduce::Reduced { problem: small, picks } = reduce::reduce(problem);
    let size: usize = small.classes.iter().map(Vec::len).sum();
    let best = match size <= limits.choices {
        true => exact::exact(&small, greedy::greedy(&small, usize::MAX)?, limits.programs),
        false => Extracted { bound: greedy::bound(&small), plan: greedy_of_many(&small)?, programs: 0 },
    };
    let chosen = best.plan.chosen.iter().zip(&picks);
    let picked = chosen.filter_map(|(number, picks)| picks.get((*number)?)).flatten().copied();
    let picked: BTreeMap<usize, usize> = picked.collect();
    let plan = problem.plan(|class| picked.get(&class).copied())?;
    Some(Extracted { plan, ..best })
}

/// Classes that greedy extraction keeps in mind where there are many: what is shared further away counts as shared by all.
const WINDOW: usize = 256;

/// A greedy plan of a large problem, in time about linear in its classes.
fn greedy_of_many(problem: &Problem) -> Option<Plan> {
    let order = problem.ordered();
    let plan = greedy::greedy(&problem.renumbered(&order), WINDOW)?;
    let chosen: BTreeMap<usize, usize> =
        order.iter().zip(&plan.chosen).filter_map(|(&class, choice)| Some((class, (*choice)?))).collect();
    problem.plan(|class| chosen.get(&class).copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Every assignment of choices to classes.
    fn brute_force(problem: &Problem) -> Option<u64> {
        let mut counter = vec![0; problem.classes.len()];
        let mut best = None;
        loop {
            if let Some(plan) = problem.plan(|class| Some(counter[class])) {
                best = Some(best.map_or(plan.cost, |least: u64| least.min(plan.cost)));
            }
            let Some(at) = (0..counter.len()).find(|&at| counter[at] + 1 < problem.classes[at].len()) else {
                return best;
            };
            counter[at] += 1;
            counter[..at].fill(0);
        }
    }

    /// Up to 7 classes of up to 3 choices, with cycles.
    fn random(seed: u64) -> Problem {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count = rng.random_range(2..8);
        let class = |rng: &mut ChaCha8Rng, index: usize| {
            let choice = |rng: &mut ChaCha8Rng| {
                // Mostly towards the leaves, sometimes back.
                let from = if rng.random_bool(0.2) { 0 } else { (index + 1).min(count) };
                let needs = (from..count).filter(|&need| need != index && rng.random_bool(0.4)).collect();
                Choice { cost: rng.random_range(0..20), needs }
            };
            (0..rng.random_range(1..4)).map(|_| choice(rng)).collect()
        };
        Problem {
            classes: (0..count).map(|index| class(&mut rng, index)).collect(),
            roots: vec![0, count / 2],
        }
    }

    #[test]
    fn exact_is_brute_force_and_greedy_not_better() {
        let (mut solved, mut improved) = (0, 0);
        for seed in 0..2000 {
            let problem = random(seed);
            let want = brute_force(&problem);
            let exact = extract(&problem, Limits { choices: 1000, programs: 10_000 });
            assert_eq!(exact.as_ref().map(|it| it.plan.cost), want, "{seed}: {problem:?}");
            let greedy = extract(&problem, Limits { choices: 0, programs: 0 });
            assert_eq!(greedy.is_some(), want.is_some(), "{seed}");
            let (Some(exact), Some(greedy), Some(want)) = (exact, greedy, want) else { continue };
            assert!(
                exact.is_exact() && greedy.plan.cost >= want && greedy.bound <= want,
                "{seed}: {problem:?}"
            );
            solved += 1;
            improved += usize::from(greedy.plan.cost > want);
        }
        assert!(solved > 1000 && improved > 10, "{solved} solved, {improved} better than greedy");
    }

    #[test]
    fn shared_work_counts_once() {
        let choice = |cost, needs: &[usize]| Choice { cost, needs: needs.to_vec() };
        // Two users of class 3, each with a cheaper way of its own.
        let problem = Problem {
            classes: vec![
                vec![choice(0, &[1, 2])],
                vec![choice(0, &[3]), choice(6, &[])],
                vec![choice(0, &[3]), choice(6, &[])],
                vec![choice(10, &[])],
            ],
            roots: vec![0],
        };
        let best = extract(&problem, Limits::default()).unwrap();
        assert_eq!((best.plan.cost, best.is_exact()), (10, true));
        assert_eq!(best.plan.chosen[3], Some(0));
    }

    #[test]
    fn what_cannot_be_made_is_none() {
        let problem =
            Problem { classes: vec![vec![Choice { cost: 1, needs: vec![1] }], vec![]], roots: vec![0] };
        assert_eq!(extract(&problem, Limits::default()), None);
    }
}
