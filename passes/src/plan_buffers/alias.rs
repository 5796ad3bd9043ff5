//! Aliasing: which values share memory, and which copies remain.
//!
//! Two sweeps. Backwards, a user that can have its operand written straight into its own memory demands it: a
//! result its output argument, a concatenation or padding its slice, an element-wise kernel the buffer of its
//! own result. Forwards, views take the place of what they look at, and what no demand reached is copied.

use super::accepts::{Operand, accepts};
use super::graph::{Graph, Kind, Node, Role, Use};
use super::strides::View;
use ait_dialects::Layout;
use petgraph::graph::NodeIndex;
use std::collections::BTreeSet;

/// A buffer that views point into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// Arena buffer by number.
    Arena(usize),
    /// Entry argument by number.
    Input(usize),
    /// Output argument by number.
    Output(usize),
    /// The constant that a node defines.
    Constant(NodeIndex),
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The buffer.
    pub root: Root,
    /// The value's elements in it.
    pub view: View,
}

/// One action at run time, in order; `at` is the node whose location it has.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The kernel of a node, with all operands in their places.
    Kernel(NodeIndex),
    /// An element-wise copy.
    Copy { at: NodeIndex, from: Place, to: Place },
    /// One value everywhere.
    Fill { at: NodeIndex, to: Place, value: f32 },
}

/// Places of all values, sizes of the arena's buffers in bytes, and what is to be done.
#[derive(Debug, Default)]
pub struct Aliasing {
    /// Per node, `None` for the return.
    pub places: Vec<Option<Place>>,
    /// Bytes of `Root::Arena(i)`.
    pub arena: Vec<u64>,
    /// In order of execution.
    pub steps: Vec<Step>,
}

/// A kernel whose operand (`None`: `init`) has strides that it cannot access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The kernel's node.
    pub node: NodeIndex,
    /// Operand position, `None` for `init`.
    pub operand: Option<usize>,
    /// The strides it does not take.
    pub view: View,
}

/// Decides the place of every value.
pub fn alias(graph: &Graph) -> Result<Aliasing, Refused> {
    let mut planner = Planner {
        graph,
        places: vec![None; graph.nodes().count()],
        views: summarise(graph),
        reads: Vec::new(),
        aliased: BTreeSet::new(),
        arena: Vec::new(),
        steps: Vec::new(),
    };
    planner.reads = graph.nodes().map(|node| planner.reads_of(node)).collect();
    planner.backward();
    planner.forward();
    planner.check()?;
    Ok(Aliasing { places: planner.places, arena: planner.arena, steps: planner.steps })
}

struct Planner<'g> {
    graph: &'g Graph,
    places: Vec<Option<Place>>,
    /// What is known of views, per node.
    views: Vec<Summary>,
    /// Who reads a value or its views, per node.
    reads: Vec<Reads>,
    /// Edges (user, operand) whose operand already is where the user wants it.
    aliased: BTreeSet<Edge>,
    arena: Vec<u64>,
    steps: Vec<Step>,
}

/// How the memory that a view looks at is used through it.
#[derive(Debug, Clone, Copy, Default)]
struct Summary {
    /// The last node that reads it.
    last_use: usize,
    /// A concatenation, padding or result wants to move it.
    is_moved: bool,
}

/// An operand's use: the user and the operand's position.
type Edge = (NodeIndex, usize);

/// Who reads a value or its views. The last two uses answer for all of them: a question leaves out one at most.
#[derive(Debug, Clone, Copy, Default)]
struct Reads {
    /// The last node that reads it, and through which use.
    last: Option<(usize, Edge)>,
    /// The last one through another use.
    before: Option<(usize, Edge)>,
    /// A concatenation, padding or result wants to move it.
    is_moved: bool,
}

/// One summary per node; users come after what they use.
fn summarise(graph: &Graph) -> Vec<Summary> {
    let mut views = vec![Summary::default(); graph.nodes().count()];
    for node in graph.nodes().rev().filter(|&node| is_view(&graph.node(node).kind)) {
        let mut own = Summary::default();
        for &(user, _) in graph.users(node) {
            let through = views[user.index()];
            let moves = matches!(graph.node(user).kind, Kind::Concat(_) | Kind::Pad(..) | Kind::Return);
            own.last_use = own.last_use.max(user.index()).max(through.last_use);
            own.is_moved |= moves || through.is_moved;
        }
        views[node.index()] = own;
    }
    views
}

fn is_view(kind: &Kind) -> bool {
    matches!(kind, Kind::Reshape | Kind::Transpose(_) | Kind::Slice(..) | Kind::ConvertLayout)
}

/// Where the input of a view-like node must be for its result to be at `view`; `None` if the node is not such, or
/// its input is more than its result.
fn seen_through(node: &Node, input: &Node, view: &View) -> Option<View> {
    match &node.kind {
        Kind::Reshape => view.reshape(input.shape()),
        Kind::Transpose(permutation) => Some(view.transpose(&inverse(permutation))),
        Kind::ConvertLayout => Some(view.clone()),
        _ => None,
    }
}

/// What a user offers to an operand.
#[derive(Clone, Copy)]
struct Demand<'p> {
    place: &'p Place,
    /// The demanding edge; it does not count as a use of the memory by others.
    by: Edge,
    /// The last node that may read the operand: afterwards the memory holds something else.
    expiry: usize,
}

/// What of an operand appears in a concatenation or padding.
struct Part {
    /// Its first index in the operand.
    from: Vec<i64>,
    /// Where it appears.
    to: Place,
}

/// Memory that is never overwritten by another value.
const NEVER: usize = usize::MAX;

impl Planner<'_> {
    fn place(&self, node: NodeIndex) -> Option<&Place> {
        self.places.get(node.index())?.as_ref()
    }

    fn settle(&mut self, node: NodeIndex, place: Place) {
        if let Some(slot) = self.places.get_mut(node.index()) {
            *slot = Some(place);
        }
    }

    fn new_root(&mut self, bytes: u64) -> Root {
        self.arena.push(bytes);
        Root::Arena(self.arena.len() - 1)
    }

    fn own_place(&mut self, node: NodeIndex) -> Place {
        let root = self.new_root(self.graph.node(node).bytes());
        Place { root, view: self.graph.node(node).natural.clone() }
    }

    // Backwards: demands.

    fn backward(&mut self) {
        let mut expiry = vec![NEVER; self.places.len()];
        for node in self.graph.nodes().rev() {
            match &self.graph.node(node).kind {
                Kind::Return => self.demand_outputs(node, &mut expiry),
                Kind::Concat(_) | Kind::Pad(..) => self.demand_parts(node, &mut expiry),
                Kind::Kernel(_) => self.demand_in_place(node, &mut expiry),
                _ => {}
            }
        }
    }

    fn demand_outputs(&mut self, node: NodeIndex, expiry: &mut [usize]) {
        for &(value, usage) in self.graph.operands(node) {
            let place = self.output(value, usage);
            self.try_demand(value, Demand { place: &place, by: (node, usage.index), expiry: NEVER }, expiry);
        }
    }

    fn output(&self, value: NodeIndex, usage: Use) -> Place {
        Place { root: Root::Output(usage.index), view: View::row_major(self.graph.node(value).shape()) }
    }

    fn demand_parts(&mut self, node: NodeIndex, expiry: &mut [usize]) {
        let whole = match self.place(node) {
            Some(place) => place.clone(),
            None => self.own_place(node),
        };
        self.settle(node, whole.clone());
        for &(value, usage) in self.graph.operands(node) {
            // A crop is not the whole operand: it has to be copied.
            let part = self.part(node, usage.index, &whole);
            if let Some(part) = part.filter(|part| part.to.view.shape == self.graph.node(value).shape()) {
                let demand =
                    Demand { place: &part.to, by: (node, usage.index), expiry: expiry[node.index()] };
                self.try_demand(value, demand, expiry);
            }
        }
    }

    /// The part of operand `index` that appears in the concatenation or padding `node`, whose place is `whole`;
    /// `None` if nothing of it appears.
    fn part(&self, node: NodeIndex, index: usize, whole: &Place) -> Option<Part> {
        let (value, _) = *self.graph.operands(node).get(index)?;
        let shape = self.graph.node(value).shape().to_vec();
        let low: Vec<i64> = match &self.graph.node(node).kind {
            Kind::Concat(axis) => {
                let before: i64 = self.graph.operands(node)[..index]
                    .iter()
                    .map(|(v, _)| self.graph.node(*v).shape()[*axis])
                    .sum();
                (0..shape.len()).map(|d| if d == *axis { before } else { 0 }).collect()
            }
            Kind::Pad(low, _) => low.clone(),
            _ => return None,
        };
        let from: Vec<i64> = low.iter().map(|&l| l.saturating_neg().max(0)).collect();
        let to: Vec<i64> = low.iter().map(|&l| l.max(0)).collect();
        let sizes: Vec<i64> =
            (0..shape.len()).map(|d| (shape[d] - from[d]).min(whole.view.shape[d] - to[d])).collect();
        if sizes.iter().any(|&size| size <= 0) {
            return None;
        }
        let view = whole.view.window(&to, &sizes);
        Some(Part { from, to: Place { root: whole.root, view } })
    }

    fn demand_in_place(&mut self, node: NodeIndex, expiry: &mut [usize]) {
        let place = match self.place(node) {
            Some(place) => place.clone(),
            None => self.own_place(node),
        };
        self.settle(node, place.clone());
        let Some(before) = node.index().checked_sub(1) else { return };
        for &(value, usage) in self.graph.operands(node) {
            let fits = usage.role == Role::Elementwise
                && self.graph.node(value).shape() == self.graph.node(node).shape()
                && !self.is_moved_elsewhere(value);
            let demand = Demand { place: &place, by: (node, usage.index), expiry: before };
            if fits && self.try_demand(value, demand, expiry) {
                return;
            }
        }
    }

    /// What is known of the views of a node; nothing if it is no view itself.
    fn summary(&self, node: NodeIndex) -> Summary {
        self.views.get(node.index()).copied().unwrap_or_default()
    }

    fn reads_of(&self, value: NodeIndex) -> Reads {
        let mut reads = Reads::default();
        for &(user, usage) in self.graph.users(value) {
            let read = Some((user.index().max(self.summary(user).last_use), (user, usage.index)));
            if read > reads.last {
                (reads.last, reads.before) = (read, reads.last);
            } else {
                reads.before = reads.before.max(read);
            }
            reads.is_moved |= match self.graph.node(user).kind {
                Kind::Concat(_) | Kind::Pad(..) | Kind::Return => true,
                _ => self.summary(user).is_moved,
            };
        }
        reads
    }

    /// True if a concatenation, padding or result wants this memory too: leave it to them.
    fn is_moved_elsewhere(&self, value: NodeIndex) -> bool {
        self.reads.get(value.index()).is_some_and(|reads| reads.is_moved)
    }

    /// Puts `value` into the demanded place if its definition can write there and everyone can read it there.
    /// The definition may be behind views: then all of them move with it.
    fn try_demand(&mut self, value: NodeIndex, demand: Demand<'_>, expiry: &mut [usize]) -> bool {
        let mut moved = vec![(value, demand.place.clone())];
        let mut by = demand.by;
        while let Some((value, place)) = moved.last() {
            let free = self.place(*value).is_none()
                && self.last_use(*value, by).is_none_or(|last| last <= demand.expiry)
                && self.users_accept(*value, &place.view);
            let node = self.graph.node(*value);
            match &node.kind {
                _ if !free => return false,
                Kind::Kernel(kernel) if accepts(kernel, Operand::Init, &place.view) => break,
                Kind::Concat(_) | Kind::Pad(..) => break,
                _ => {}
            }
            let Some(&(input, usage)) = self.graph.operands(*value).first() else { return false };
            let Some(view) = seen_through(node, self.graph.node(input), &place.view) else { return false };
            by = (*value, usage.index);
            moved.push((input, Place { root: place.root, view }));
        }
        for (value, place) in moved {
            self.settle(value, place);
            expiry[value.index()] = demand.expiry;
        }
        self.aliased.insert(demand.by);
        true
    }

    /// The last node that reads `value` or a view of it, the edge `except` aside.
    fn last_use(&self, value: NodeIndex, except: Edge) -> Option<usize> {
        let reads = self.reads.get(value.index())?;
        let uses = [reads.last, reads.before].into_iter().flatten();
        uses.filter(|(_, edge)| *edge != except).map(|(last, _)| last).max()
    }

    fn users_accept(&self, value: NodeIndex, view: &View) -> bool {
        self.graph.users(value).iter().all(|(user, usage)| match &self.graph.node(*user).kind {
            Kind::Kernel(kernel) => accepts(kernel, Operand::Input(usage.role), view),
            _ => true,
        })
    }

    // Forwards: views, and the copies that remain.

    fn forward(&mut self) {
        for node in self.graph.nodes() {
            let natural = self.graph.node(node).natural.clone();
            match self.graph.node(node).kind {
                Kind::Argument(number) => {
                    self.settle(node, Place { root: Root::Input(number), view: natural })
                }
                Kind::Constant => self.store(node),
                Kind::Kernel(_) => self.steps.push(Step::Kernel(node)),
                Kind::Concat(_) => self.copy_parts(node),
                Kind::Pad(..) => {
                    self.fill_border(node);
                    self.copy_parts(node);
                }
                Kind::Return => self.copy_outputs(node),
                Kind::Reshape | Kind::Transpose(_) | Kind::Slice(..) | Kind::ConvertLayout => self.look(node),
            }
        }
    }

    /// A constant is stored in the first layout that all of its users take.
    fn store(&mut self, node: NodeIndex) {
        let natural = &self.graph.node(node).natural;
        let stored = |layout: Layout| View::new(0, &natural.shape, &layout.strides(&natural.shape));
        let taken = Layout::ALL.into_iter().map(stored).find(|view| self.users_accept(node, view));
        let view = taken.unwrap_or_else(|| natural.clone());
        self.settle(node, Place { root: Root::Constant(node), view });
    }

    /// A view-like op takes the place of its input, or a copy of it where its users need other strides.
    fn look(&mut self, node: NodeIndex) {
        let Some(&(input, _)) = self.graph.operands(node).first() else { return };
        let Some(source) = self.place(input).cloned() else { return };
        if self.place(node).is_some() {
            return; // demanded: the input was written there already
        }
        let shape = self.graph.node(node).shape().to_vec();
        let view = match &self.graph.node(node).kind {
            Kind::Reshape => source.view.reshape(&shape),
            Kind::Transpose(permutation) => Some(source.view.transpose(permutation)),
            Kind::Slice(starts, steps) => Some(source.view.slice(starts, &shape, steps)),
            _ => Some(source.view.clone()),
        };
        let seen = match view {
            Some(view) => Place { root: source.root, view },
            None => self.reshaped_copy(node, input, source),
        };
        if self.users_accept(node, &seen.view) {
            self.settle(node, seen);
        } else {
            let own = self.own_place(node);
            self.steps.push(Step::Copy { at: node, from: seen, to: own.clone() });
            self.settle(node, own);
        }
    }

    /// A row-major copy of `input`, seen under the shape of `node`: always possible.
    fn reshaped_copy(&mut self, node: NodeIndex, input: NodeIndex, source: Place) -> Place {
        let dense = View::row_major(self.graph.node(input).shape());
        let root = self.new_root(self.graph.node(input).bytes());
        self.steps.push(Step::Copy { at: node, from: source, to: Place { root, view: dense } });
        Place { root, view: View::row_major(self.graph.node(node).shape()) }
    }

    fn copy_parts(&mut self, node: NodeIndex) {
        let Some(whole) = self.place(node).cloned() else { return };
        for &(value, usage) in self.graph.operands(node) {
            if self.aliased.contains(&(node, usage.index)) {
                continue;
            }
            let (Some(part), Some(source)) = (self.part(node, usage.index, &whole), self.place(value)) else {
                continue;
            };
            let from = Place { root: source.root, view: source.view.window(&part.from, &part.to.view.shape) };
            self.steps.push(Step::Copy { at: node, from, to: part.to });
        }
    }

    /// Fills what the operand does not cover: two slabs per dimension, disjoint, so that their order relative to
    /// the operand's writer is free.
    fn fill_border(&mut self, node: NodeIndex) {
        let (Kind::Pad(_, value), Some(whole)) = (&self.graph.node(node).kind, self.place(node).cloned())
        else {
            return;
        };
        let shape = whole.view.shape.clone();
        let (mut low, mut size) = (vec![0; shape.len()], shape.clone());
        let Some(part) = self.part(node, 0, &whole) else {
            self.steps.push(Step::Fill { at: node, to: whole, value: *value });
            return;
        };
        let Kind::Pad(pads, _) = &self.graph.node(node).kind else { return };
        for d in 0..shape.len() {
            let (start, covered) = (pads[d].max(0), part.to.view.shape[d]);
            for (first, count) in [(0, start), (start + covered, shape[d] - start - covered)] {
                if count > 0 {
                    (low[d], size[d]) = (first, count);
                    let to = Place { root: whole.root, view: whole.view.window(&low, &size) };
                    self.steps.push(Step::Fill { at: node, to, value: *value });
                }
            }
            (low[d], size[d]) = (start, covered);
        }
    }

    fn copy_outputs(&mut self, node: NodeIndex) {
        for &(value, usage) in self.graph.operands(node) {
            if let (false, Some(from)) = (self.aliased.contains(&(node, usage.index)), self.place(value)) {
                let (from, to) = (from.clone(), self.output(value, usage));
                self.steps.push(Step::Copy { at: value, from, to });
            }
        }
    }

    /// Every kernel must be able to access all of its operands.
    fn check(&self) -> Result<(), Refused> {
        for node in self.graph.nodes() {
            let Kind::Kernel(kernel) = &self.graph.node(node).kind else { continue };
            let operands = self.graph.operands(node).iter();
            let reads =
                operands.map(|&(value, usage)| (value, Some(usage.index), Operand::Input(usage.role)));
            for (value, operand, access) in reads.chain([(node, None, Operand::Init)]) {
                if let Some(place) = self.place(value).filter(|place| !accepts(kernel, access, &place.view)) {
                    return Err(Refused { node, operand, view: place.view.clone() });
                }
            }
        }
        Ok(())
    }
}

fn inverse(permutation: &[i64]) -> Vec<i64> {
    let mut inverse = vec![0; permutation.len()];
    for (to, &from) in (0i64..).zip(permutation) {
        if let Some(slot) = usize::try_from(from).ok().and_then(|from| inverse.get_mut(from)) {
            *slot = to;
        }
    }
    inverse
}
