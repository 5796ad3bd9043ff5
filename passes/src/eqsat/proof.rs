//! Why the terms that were chosen are equal to the ops of the module: egg's explanations, one for each layer.
//!
//! The ops of a layer and what was chosen for them, with everything before them as values, are saturated once more in a
//! graph of their own that keeps explanations. In the graph of a whole network they would keep every spelling of every
//! term, order the classes differently (asking why would change what is chosen among equals), and prove each layer from
//! the network's inputs on. Layers that differ in their numbers only share a proof.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use ait_dialects::Layout;
use egg::{FlatTerm, Id, Language, RecExpr};

use super::analysis::{Facts, Graph, leaf, tensor};
use super::explain::Siblings;
use super::rules::Rule;
use super::saturate::{Bounds, saturate};
use super::select::Selection;
use super::term::{Leaf, Term, is_folded};

/// Most ops and terms of a layer's proof. Rules look at a few ops at a time.
const MOST_TERMS: usize = 64;

/// What proofs are about.
pub struct Proofs<'a> {
    /// The saturated graph.
    pub graph: &'a Graph,
    /// What was chosen of it.
    pub selection: &'a Selection,
    /// By which rules.
    pub rules: &'a [Rule],
    siblings: &'a Siblings,
    /// By logical tensor: the op of the module that makes it.
    origins: BTreeMap<Id, Id>,
    /// By chosen class: one that it is needed for.
    users: BTreeMap<Id, Id>,
    /// Proofs that were made, by what they prove.
    known: RefCell<BTreeMap<String, Option<Vec<&'static str>>>>,
}

impl<'a> Proofs<'a> {
    /// Of a selection; `origins` are the ops of the module, as they were added to the graph.
    pub fn new(
        graph: &'a Graph,
        selection: &'a Selection,
        rules: &'a [Rule],
        siblings: &'a Siblings,
        origins: &[Id],
    ) -> Self {
        // Of several ops that make one tensor the last: it is the one that others read.
        let origins = origins.iter().map(|&id| (siblings.of(graph.find(id)), id)).collect();
        let terms = selection.terms.iter();
        let users = terms.flat_map(|(&user, term)| term.children().iter().map(move |&id| (id, user)));
        let users = users.map(|(id, user)| (graph.find(id), user)).collect();
        Self { graph, selection, rules, siblings, origins, users, known: RefCell::default() }
    }

    /// The rules, in the order of egg's proof, that make the ops of the module the term chosen for a class, each once;
    /// none if there is no proof of a few ops.
    pub fn rules_of(&self, class: Id) -> Option<Vec<&'static str>> {
        let class = self.top(class)?;
        let origin = *self.origins.get(&self.siblings.of(class))?;
        let mut case = Case { proofs: self, facts: self.facts(), numbers: BTreeMap::new(), left: MOST_TERMS };
        let mut chosen = Side::default();
        let root = case.chosen(&mut chosen, class, true)?;
        let layout = tensor(self.graph, origin)?.layout;
        if tensor(self.graph, class)?.layout != layout {
            chosen.convert(root, layout);
        }
        let mut original = Side::default();
        case.original(&mut original, origin, true)?;
        let (original, chosen, facts) = (original.terms, chosen.terms, case.facts);
        let key = format!("{original} = {chosen} {:?} {:?}", facts.values, facts.constants);
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let proven = prove(&original, &chosen, facts, self.rules);
        self.known.borrow_mut().insert(key, proven.clone());
        proven
    }

    /// The class itself if it is a tensor of the module, else the first such that is made of it.
    fn top(&self, mut class: Id) -> Option<Id> {
        while !self.origins.contains_key(&self.siblings.of(class)) {
            class = *self.users.get(&class)?;
        }
        Some(class)
    }

    fn facts(&self) -> Facts {
        let Facts { layouts, dense, .. } = &self.graph.analysis;
        Facts { layouts: layouts.clone(), dense: dense.clone(), ..Facts::default() }
    }
}

/// One side of an equation.
#[derive(Default)]
struct Side {
    terms: RecExpr<Term>,
    /// By class, or by number of an op of the module.
    made: BTreeMap<Id, Id>,
}

impl Side {
    fn convert(&mut self, id: Id, layout: Layout) -> Id {
        let layout = self.terms.add(Term::Leaf(Leaf::Layout(layout)));
        self.terms.add(Term::Convert([id, layout]))
    }
}

/// A leaf that has a number: of a value, a constant or a site.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Numbered {
    /// A logical tensor.
    Value(Id),
    Constant(u32),
    Site(u32),
}

/// A layer, its leaves numbered in the order in which they appear.
struct Case<'a, 'p> {
    proofs: &'a Proofs<'p>,
    facts: Facts,
    numbers: BTreeMap<Numbered, u32>,
    left: usize,
}

impl Case<'_, '_> {
    /// The number of a leaf, and whether it is new.
    fn number(&mut self, leaf: Numbered) -> (u32, bool) {
        let kind = std::mem::discriminant(&leaf);
        let next = self.numbers.keys().filter(|other| std::mem::discriminant(*other) == kind).count();
        let next = u32::try_from(next).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(leaf).or_insert(next);
        (number, number == next)
    }

    fn leaf(&mut self, side: &mut Side, leaf: &Leaf) -> Option<Id> {
        let graph = self.proofs.graph;
        let renumbered = match leaf {
            Leaf::Site(site) => Leaf::Site(self.number(Numbered::Site(*site)).0),
            Leaf::Constant(index) => {
                let (number, is_new) = self.number(Numbered::Constant(*index));
                if is_new {
                    let constant = graph.analysis.constants.get(usize::try_from(*index).ok()?)?;
                    self.facts.constants.push(constant.clone());
                }
                Leaf::Constant(number)
            }
            other => other.clone(),
        };
        Some(side.terms.add(Term::Leaf(renumbered)))
    }

    /// A tensor that other layers make: a value, converted to the layout of the class.
    fn value(&mut self, side: &mut Side, class: Id) -> Option<Id> {
        let known = tensor(self.proofs.graph, class)?;
        let (number, is_new) = self.number(Numbered::Value(self.proofs.siblings.of(class)));
        if is_new {
            self.facts.values.push(super::analysis::Tensor::new(known.shape.clone()));
        }
        let value = side.terms.add(Term::Leaf(Leaf::Value(number)));
        Some(if known.layout == Layout::Nchw { value } else { side.convert(value, known.layout) })
    }

    fn take(&mut self) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        Some(())
    }

    fn all(
        &mut self,
        side: &mut Side,
        term: &Term,
        each: fn(&mut Self, &mut Side, Id, bool) -> Option<Id>,
    ) -> Option<Id> {
        self.take()?;
        let children = term.children().iter().map(|&child| each(self, side, child, false));
        let children: Vec<Id> = children.collect::<Option<_>>()?;
        let mut children = children.into_iter();
        Some(side.terms.add(term.clone().map_children(|child| children.next().unwrap_or(child))))
    }

    /// What was chosen for a class, down to the tensors of the module.
    fn chosen(&mut self, side: &mut Side, class: Id, is_root: bool) -> Option<Id> {
        let proofs = self.proofs;
        let class = proofs.graph.find(class);
        if let Some(&made) = side.made.get(&class) {
            return Some(made);
        }
        let made = if let Some(attribute) = leaf(proofs.graph, class) {
            self.leaf(side, attribute)
        } else {
            let known = tensor(proofs.graph, class)?;
            let term = proofs.selection.terms.get(&class)?;
            let is_made = proofs.origins.contains_key(&proofs.siblings.of(class));
            match term {
                Term::Leaf(constant @ Leaf::Constant(_)) => self.leaf(side, constant),
                Term::Leaf(_) => self.value(side, class),
                // The same tensor in another layout: how that is made is what is to be proven.
                Term::Convert([from, layout]) if is_root => {
                    let ends = [self.chosen(side, *from, true)?, self.chosen(side, *layout, false)?];
                    Some(side.terms.add(Term::Convert(ends)))
                }
                _ if is_made && !is_root && !known.is_constant && !is_folded(term) => self.value(side, class),
                _ => self.all(side, term, Self::chosen),
            }
        }?;
        side.made.insert(class, made);
        Some(made)
    }

    /// An op of the module, down to the values that the other side has.
    fn original(&mut self, side: &mut Side, op: Id, is_root: bool) -> Option<Id> {
        let proofs = self.proofs;
        if let Some(&made) = side.made.get(&op) {
            return Some(made);
        }
        let term = proofs.graph.id_to_node(op);
        let class = proofs.graph.find(op);
        let is_value = self.numbers.contains_key(&Numbered::Value(proofs.siblings.of(class)));
        let made = match term {
            Term::Leaf(Leaf::Value(_)) => self.value(side, class),
            Term::Leaf(attribute) => self.leaf(side, attribute),
            _ if is_value && !is_root => self.value(side, class),
            _ => self.all(side, term, Self::original),
        }?;
        side.made.insert(op, made);
        Some(made)
    }
}

/// The rules of egg's proof that two terms are equal; none if the rules do not make them so.
fn prove(
    original: &RecExpr<Term>,
    chosen: &RecExpr<Term>,
    facts: Facts,
    rules: &[Rule],
) -> Option<Vec<&'static str>> {
    let mut graph = Graph::new(facts).with_explanations_enabled();
    let ends = [original, chosen].map(|side| graph.add_expr_uncanonical(side));
    graph.rebuild();
    let (mut graph, _) = saturate(graph, rules, Bounds::default()).ok()?;
    if graph.find(ends[0]) != graph.find(ends[1]) {
        return None;
    }
    let mut proof = graph.explain_id_equivalence(ends[0], ends[1]);
    let (mut rules, mut seen) = (vec![], BTreeSet::new());
    for step in proof.make_flat_explanation() {
        rules.extend(applied(step).filter(|rule| seen.insert(*rule)));
    }
    Some(rules)
}

/// The rule of a step of a proof: every step but the first has one, at the term or in it.
fn applied(step: &FlatTerm<Term>) -> Option<&'static str> {
    let own = step.forward_rule.or(step.backward_rule).map(|rule| rule.as_str());
    own.or_else(|| step.children.iter().find_map(applied))
}
