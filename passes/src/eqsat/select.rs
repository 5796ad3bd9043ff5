//! From a saturated graph to the terms that are kept: the problem of extraction, and its answer as terms.

use std::collections::{BTreeMap, BTreeSet};

use egg::{Id, Language};

use super::analysis::{Graph, is_constant_expression, leaf, tensor};
use super::cost::Cost;
use super::extract::{Choice, Extracted, Limits, Problem, extract};
use super::term::{Leaf, Term};

/// The term of each class that is needed.
#[derive(Clone, Debug)]
pub struct Selection {
    /// By class.
    pub terms: BTreeMap<Id, Term>,
    /// How good it is.
    pub extracted: Extracted,
}

/// The cheapest terms that make `roots`.
///
/// # Errors
/// If no kernels make them: the first class that none makes though its operands are there.
pub fn select(graph: &Graph, roots: &[Id], cost: &Cost, limits: Limits) -> Result<Selection, Id> {
    let mut ids: Vec<Id> = graph.classes().map(|class| class.id).collect();
    ids.sort_unstable();
    ids.retain(|&id| tensor(graph, id).is_some());
    let number: BTreeMap<Id, usize> = ids.iter().enumerate().map(|(number, &id)| (id, number)).collect();
    let roots: BTreeSet<usize> =
        roots.iter().filter_map(|&root| number.get(&graph.find(root)).copied()).collect();
    let mut terms: Vec<Vec<&Term>> = vec![];
    let mut problem = Problem { classes: vec![], roots: roots.into_iter().collect() };
    for &id in &ids {
        let mut choices = vec![];
        let mut of_class = vec![];
        // Who demands a constant finds one: a class that is constant is made of constants only, which costs nothing.
        let is_constant = tensor(graph, id).is_some_and(|tensor| tensor.is_constant);
        for term in &graph[id].nodes {
            if is_constant && !is_constant_expression(graph, term) {
                continue;
            }
            let cycles = cost.of(graph, term).cycles;
            if cycles.is_possible() {
                let needs =
                    term.children().iter().filter_map(|&child| number.get(&graph.find(child)).copied());
                let needs: BTreeSet<_> = needs.collect();
                choices.push(Choice { cost: cycles.get(), needs: needs.into_iter().collect() });
                of_class.push(term);
            }
        }
        problem.classes.push(choices);
        terms.push(of_class);
    }
    let Some(extracted) = extract(&problem, limits) else {
        return Err(blocked(graph, &problem, &ids, &number).unwrap_or_default());
    };
    let chosen = extracted.plan.chosen.iter().enumerate().filter_map(|(class, choice)| {
        let term = *terms.get(class)?.get((*choice)?)?;
        Some((*ids.get(class)?, term.clone()))
    });
    Ok(Selection { terms: chosen.collect(), extracted })
}

/// The class at which making the roots ends: none of its terms has a kernel, and all that one of them needs can be made. Of
/// several the first in the module.
fn blocked(graph: &Graph, problem: &Problem, ids: &[Id], number: &BTreeMap<Id, usize>) -> Option<Id> {
    let made = problem.possible();
    let needs = |term: &Term| -> Vec<usize> {
        term.children().iter().filter_map(|&child| number.get(&graph.find(child)).copied()).collect()
    };
    let (mut seen, mut stack) = (BTreeSet::new(), problem.roots.clone());
    let mut found = None;
    while let Some(class) = stack.pop() {
        if made.get(class) != Some(&false) || !seen.insert(class) {
            continue;
        }
        for term in &graph[ids[class]].nodes {
            let needs = needs(term);
            if let Some(place) = site(graph, term).filter(|_| needs.iter().all(|&need| made[need])) {
                found = found.into_iter().chain([(place, ids[class])]).min();
            }
            stack.extend(needs);
        }
    }
    found.map(|(_, id)| id)
}

/// The number of the op that a term comes from; none for a conversion or a constant.
pub fn site(graph: &Graph, term: &Term) -> Option<u32> {
    let last = term.children().last()?;
    if let Some(Leaf::Site(site)) = leaf(graph, *last) { Some(*site) } else { None }
}

/// Classes in an order in which they can be made: as in the module, what is no op there just before its first user.
pub fn order(graph: &Graph, terms: &BTreeMap<Id, Term>) -> Vec<Id> {
    let needs = |term: &Term| {
        let children: BTreeSet<_> = term.children().iter().map(|&child| graph.find(child)).collect();
        children.into_iter().filter(|child| terms.contains_key(child)).collect::<Vec<_>>()
    };
    let mut users: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
    let mut missing: BTreeMap<Id, usize> = BTreeMap::new();
    for (&id, term) in terms {
        let needs = needs(term);
        missing.insert(id, needs.len());
        needs.into_iter().for_each(|need| users.entry(need).or_default().push(id));
    }
    let mut places: BTreeMap<Id, u32> = BTreeMap::new();
    // Chains of conversions are short: the place of a user's user is soon found.
    for _ in 0..4 {
        for (&id, term) in terms {
            let of_users =
                users.get(&id).into_iter().flatten().filter_map(|user| places.get(user).copied()).min();
            if let Some(place) = site(graph, term).or(of_users) {
                places.insert(id, place);
            }
        }
    }
    let place = |id: Id| (places.get(&id).copied().unwrap_or(u32::MAX), id);
    let mut ready: BTreeSet<(u32, Id)> =
        missing.iter().filter(|(_, count)| **count == 0).map(|(&id, _)| place(id)).collect();
    let mut ordered = vec![];
    while let Some((_, id)) = ready.pop_first() {
        ordered.push(id);
        for user in users.get(&id).into_iter().flatten() {
            if let Some(count) = missing.get_mut(user) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(place(*user));
                }
            }
        }
    }
    ordered
}

/// The op whose place each class of `ordered` gets: its own, or its first user's.
pub fn places(graph: &Graph, terms: &BTreeMap<Id, Term>, ordered: &[Id]) -> BTreeMap<Id, Option<u32>> {
    let mut places: BTreeMap<Id, Option<u32>> = BTreeMap::new();
    for id in ordered.iter().rev() {
        let Some(term) = terms.get(id) else { continue };
        let own = site(graph, term).or(places.get(id).copied().flatten());
        places.insert(*id, own);
        for &child in term.children() {
            places.insert(graph.find(child), own);
        }
    }
    places
}
