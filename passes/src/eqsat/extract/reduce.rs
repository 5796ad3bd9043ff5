//! A smaller problem with the same best plans.

use super::{Choice, Problem};
use std::collections::BTreeSet;

/// A smaller problem. Classes keep their numbers; those that no plan needs any more have no choices.
#[derive(Clone, Debug)]
pub struct Reduced {
    /// The problem.
    pub problem: Problem,
    /// By class and choice: the choices of the original that it stands for, by class and number.
    pub picks: Vec<Vec<Vec<(usize, usize)>>>,
}

/// Most choices that a class may grow to.
const MOST_CHOICES: usize = 24;

/// Most rounds of merging. A round merges every other class of a chain, so that few do for chains of any length; where each
/// round merges one class at an end, what is left stays as it is.
const MOST_ROUNDS: usize = 64;

/// Drops what cannot be made, what a root never needs, and choices that another of the same class makes superfluous: it
/// costs no more and needs no more. A class that only one other class needs becomes part of that one's choices.
pub fn reduce(problem: &Problem) -> Reduced {
    let possible = problem.possible();
    let mut classes: Vec<Vec<Merged>> = vec![];
    for (class, choices) in problem.classes.iter().enumerate() {
        let fits = |choice: &Choice| {
            choice.needs.iter().all(|&need| need != class && possible.get(need) == Some(&true))
        };
        let kept = choices.iter().enumerate().filter(|(_, choice)| fits(choice));
        let merged =
            kept.map(|(number, choice)| Merged { choice: choice.clone(), picks: vec![(class, number)] });
        classes.push(without_superfluous(merged.collect()));
    }
    let mut reduction = Reduction { classes, roots: problem.roots.clone() };
    reduction.drop_unneeded();
    reduction.contract();
    let mut rounds = 0;
    while rounds < MOST_ROUNDS && reduction.eliminate() {
        reduction.drop_unneeded();
        rounds += 1;
    }
    let picks = |choices: &Vec<Merged>| choices.iter().map(|merged| merged.picks.clone()).collect();
    let choices = |choices: &Vec<Merged>| choices.iter().map(|merged| merged.choice.clone()).collect();
    Reduced {
        picks: reduction.classes.iter().map(picks).collect(),
        problem: Problem { classes: reduction.classes.iter().map(choices).collect(), roots: reduction.roots },
    }
}

/// A choice, with the choices of the original that it stands for.
#[derive(Clone, Debug)]
struct Merged {
    choice: Choice,
    picks: Vec<(usize, usize)>,
}

struct Reduction {
    classes: Vec<Vec<Merged>>,
    roots: Vec<usize>,
}

impl Reduction {
    /// Makes one class of two that are made of each other for nothing.
    fn contract(&mut self) {
        let mut users = self.users();
        for class in 0..self.classes.len() {
            // How `to` is made of `from` for nothing.
            let free = |classes: &[Vec<Merged>], to: usize, from: usize| {
                let is_free = |merged: &&Merged| merged.choice.cost == 0 && merged.choice.needs == [from];
                classes[to].iter().find(is_free).map(|merged| merged.picks.clone())
            };
            while let Some((other, of_other, of_class)) = users[class].range(class + 1..).find_map(|&other| {
                let of_other = free(&self.classes, other, class)?;
                Some((other, of_other, free(&self.classes, class, other)?))
            }) {
                let of_both = std::mem::take(&mut users[other]);
                self.unite(class, other, &of_class, &of_other, &of_both);
                users[class].extend(of_both);
                users[class].retain(|&user| user != class && user != other);
                // What the other one needed, the class needs.
                for need in self.classes[class].iter().flat_map(|merged| &merged.choice.needs) {
                    users[*need].insert(class);
                }
            }
        }
    }

    /// The classes that need each class.
    fn users(&self) -> Vec<BTreeSet<usize>> {
        let mut users = vec![BTreeSet::new(); self.classes.len()];
        for (class, choices) in self.classes.iter().enumerate() {
            for need in choices.iter().flat_map(|merged| &merged.choice.needs) {
                users[*need].insert(class);
            }
        }
        users
    }

    /// Gives `other`'s choices to `class`, and its users. Whatever makes one of the two makes both.
    fn unite(
        &mut self,
        class: usize,
        other: usize,
        of_class: &[(usize, usize)],
        of_other: &[(usize, usize)],
        users: &BTreeSet<usize>,
    ) {
        let mut all = vec![];
        for (own, free) in [(class, of_other), (other, of_class)] {
            for mut merged in std::mem::take(&mut self.classes[own]) {
                merged.picks.extend(free);
                all.push(merged);
            }
        }
        self.classes[class] = all;
        for &index in users.iter().chain([&class]) {
            let choices = &mut self.classes[index];
            for merged in choices.iter_mut().filter(|merged| merged.choice.needs.contains(&other)) {
                let needs: BTreeSet<_> =
                    merged.choice.needs.iter().map(|&it| if it == other { class } else { it }).collect();
                merged.choice.needs = needs.into_iter().collect();
            }
            choices.retain(|merged| !merged.choice.needs.contains(&index));
        }
        let choices = std::mem::take(&mut self.classes[class]);
        self.classes[class] = without_superfluous(choices);
        if self.roots.contains(&other) {
            let roots = self.roots.iter().map(|&root| if root == other { class } else { root });
            self.roots = roots.collect::<BTreeSet<_>>().into_iter().collect();
        }
    }

    fn drop_unneeded(&mut self) {
        let mut needed = vec![false; self.classes.len()];
        let mut stack = self.roots.clone();
        while let Some(class) = stack.pop() {
            if needed.get(class) == Some(&false) {
                needed[class] = true;
                stack.extend(self.classes[class].iter().flat_map(|merged| merged.choice.needs.iter()));
            }
        }
        for (choices, _) in self.classes.iter_mut().zip(needed).filter(|(_, needed)| !needed) {
            choices.clear();
        }
    }

    /// Merges classes into the only class that needs them; whether there was one.
    fn eliminate(&mut self) -> bool {
        let users = self.users();
        let roots: BTreeSet<usize> = self.roots.iter().copied().collect();
        let mut changed = BTreeSet::new();
        for (class, users) in users.iter().enumerate() {
            let Some(&user) = users.first().filter(|_| users.len() == 1) else { continue };
            // A class that was merged into in this round has other users than were counted.
            let is_stale = changed.contains(&user) || changed.contains(&class);
            if roots.contains(&class) || is_stale || !self.merge(class, user) {
                continue;
            }
            changed.extend([class, user]);
        }
        !changed.is_empty()
    }

    fn merge(&mut self, class: usize, user: usize) -> bool {
        let inner = &self.classes[class];
        let mut merged = vec![];
        for outer in &self.classes[user] {
            if !outer.choice.needs.contains(&class) {
                merged.push(outer.clone());
                continue;
            }
            for inner in inner {
                let needs: BTreeSet<usize> = outer
                    .choice
                    .needs
                    .iter()
                    .chain(&inner.choice.needs)
                    .copied()
                    .filter(|&need| need != class)
                    .collect();
                // A cycle.
                if needs.contains(&user) || inner.choice.needs.contains(&class) {
                    continue;
                }
                let cost = outer.choice.cost.saturating_add(inner.choice.cost);
                let picks = outer.picks.iter().chain(&inner.picks).copied().collect();
                merged.push(Merged { choice: Choice { cost, needs: needs.into_iter().collect() }, picks });
            }
        }
        let merged = without_superfluous(merged);
        if merged.len() > MOST_CHOICES {
            return false;
        }
        self.classes[user] = merged;
        self.classes[class].clear();
        true
    }
}

fn without_superfluous(choices: Vec<Merged>) -> Vec<Merged> {
    let is_beaten = |number: usize| (0..choices.len()).any(|other| beats(&choices, other, number));
    let kept: Vec<_> = (0..choices.len()).filter(|&number| !is_beaten(number)).collect();
    kept.into_iter().map(|number| choices[number].clone()).collect()
}

/// Whether `other` makes `number` superfluous; of equal ones the first stays.
fn beats(choices: &[Merged], other: usize, number: usize) -> bool {
    let (a, b) = (&choices[other].choice, &choices[number].choice);
    let is_same = a.cost == b.cost && a.needs == b.needs;
    let is_no_worse = a.cost <= b.cost && a.needs.iter().all(|need| b.needs.binary_search(need).is_ok());
    other != number && is_no_worse && (!is_same || other < number)
}
