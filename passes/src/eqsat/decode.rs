//! From the terms that were chosen to ops.

use std::collections::BTreeMap;

use ait_dialects::{Builder, types};
use ait_ops::Op;
use egg::{Id, Language};
use melior::ir::{Value, operation::OperationLike};

use super::analysis::{Tensor, leaf, tensor};
use super::convert;
use super::encode::Encoded;
use super::range::within_f32;
use super::select::{Selection, order, places};
use super::term::{Leaf, Term, is_folded, operand_count};
use crate::{
    PassError,
    rewrite::{MOST_COPIED, Rewriter, constant_slice, reshaped_constant},
};

/// Makes the ops of a selection and gives them to the ops that use them.
///
/// # Errors
/// At the op that a term comes from, if it cannot be made.
pub fn decode<'c: 'a, 'a>(
    rewriter: &'a Rewriter<'c, '_>,
    encoded: &Encoded<'c, 'a>,
    selection: &Selection,
) -> Result<(), PassError> {
    let readers = readers(encoded, selection);
    let mut decoder = Decoder { encoded, values: BTreeMap::new(), data: BTreeMap::new(), readers };
    let ordered = order(&encoded.graph, &selection.terms);
    let places = places(&encoded.graph, &selection.terms, &ordered);
    let groups = by_first_use(encoded, selection, ordered);
    for (&(user, index, class), group) in encoded.uses.iter().zip(groups) {
        let class = encoded.graph.find(class);
        let build = rewriter.before(user)?;
        for id in group {
            if let Some(term) = selection.terms.get(&id) {
                decoder.term(build, id, term, places.get(&id).copied().flatten())?;
            }
        }
        if let Some(&value) = decoder.values.get(&class) {
            rewriter.set_operand(user, index, value);
        }
    }
    Ok(())
}

/// How many terms of constants, reshaped ones among them, read each class.
fn readers(encoded: &Encoded, selection: &Selection) -> BTreeMap<Id, usize> {
    let mut readers = BTreeMap::new();
    for term in selection.terms.values().filter(|term| is_folded(term) || matches!(term, Term::Reshape(_))) {
        for &child in term.children() {
            *readers.entry(encoded.graph.find(child)).or_default() += 1;
        }
    }
    readers
}

/// For each use the classes that it is made of and no use before it, in order.
fn by_first_use(encoded: &Encoded, selection: &Selection, ordered: Vec<Id>) -> Vec<Vec<Id>> {
    let mut first: BTreeMap<Id, usize> = BTreeMap::new();
    for (number, (_, _, class)) in encoded.uses.iter().enumerate() {
        let mut stack = vec![encoded.graph.find(*class)];
        while let Some(id) = stack.pop() {
            let Some(term) = selection.terms.get(&id).filter(|_| !first.contains_key(&id)) else { continue };
            first.insert(id, number);
            stack.extend(term.children().iter().map(|&child| encoded.graph.find(child)));
        }
    }
    let mut groups = vec![vec![]; encoded.uses.len()];
    for id in ordered {
        if let Some(group) = first.get(&id).and_then(|&number| groups.get_mut(number)) {
            group.push(id);
        }
    }
    groups
}

struct Decoder<'c, 'a, 'e> {
    encoded: &'e Encoded<'c, 'a>,
    values: BTreeMap<Id, Value<'c, 'a>>,
    /// Of terms of constants, wide: they are rounded once. Kept while there are readers.
    data: BTreeMap<Id, Vec<f64>>,
    /// Terms of constants that have not read a class yet.
    readers: BTreeMap<Id, usize>,
}

impl<'c: 'a, 'a> Decoder<'c, 'a, '_> {
    fn term(
        &mut self,
        build: Builder<'c, 'a>,
        id: Id,
        term: &Term,
        place: Option<u32>,
    ) -> Result<(), PassError> {
        let graph = &self.encoded.graph;
        let get = |index: u32| usize::try_from(index).unwrap_or(usize::MAX);
        let value = match term {
            Term::Leaf(Leaf::Value(index)) => self.encoded.values.get(get(*index)).copied(),
            Term::Leaf(Leaf::Constant(index)) => self.encoded.constants.get(get(*index)).copied(),
            _ => {
                let origin = place.and_then(|index| self.encoded.sites.get(get(index)));
                let build = origin.map_or(build, |op| build.at(op.location()));
                let fail = |message: String| match origin {
                    Some(op) => PassError::at(op, message),
                    None => PassError::new(melior::ir::Location::unknown(build.context()), message),
                };
                let known = tensor(graph, id).ok_or_else(|| fail(format!("{term} is no tensor")))?;
                let made = match *term {
                    Term::Reshape([x, ..]) if known.is_constant => self.reshaped(build, id, x, known),
                    _ if is_folded(term) => self.folded(build, id, term, known),
                    _ => self.op(build, term, known),
                };
                Some(made.map_err(fail)?)
            }
        };
        if let Some(value) = value {
            self.values.insert(id, value);
        }
        Ok(())
    }

    fn operand(&self, id: Id) -> Result<Value<'c, 'a>, String> {
        let value = self.values.get(&self.encoded.graph.find(id)).copied();
        value.ok_or_else(|| format!("class {id} is used before it is made"))
    }

    fn op(&self, build: Builder<'c, 'a>, term: &Term, known: &Tensor) -> Result<Value<'c, 'a>, String> {
        let count = operand_count(term).ok_or_else(|| format!("{term} is no op"))?;
        let children = term.children();
        let operands =
            children.iter().take(count).map(|&id| self.operand(id)).collect::<Result<Vec<_>, _>>()?;
        let leaves: Vec<&Leaf> =
            children.iter().skip(count).filter_map(|&id| leaf(&self.encoded.graph, id)).collect();
        let own = convert::op(term, &leaves)?.ok_or_else(|| format!("{term} is no op"))?;
        build.op_in(known.layout, &Op::Ait(own), &operands)
    }

    /// A constant in another shape, its elements as wide as they were.
    fn reshaped(
        &mut self,
        build: Builder<'c, 'a>,
        id: Id,
        from: Id,
        known: &Tensor,
    ) -> Result<Value<'c, 'a>, String> {
        if let Some(wide) = self.wide(from)
            && self.readers.get(&id).is_some_and(|&readers| readers > 0)
        {
            self.data.insert(id, wide);
        }
        let value = self.operand(from)?;
        // Large constants are read through a reshape.
        match types::elements(&known.shape)? <= MOST_COPIED {
            true => reshaped_constant(build, value, &known.shape).ok_or("needs constants")?,
            false => build.reshape(value, &known.shape),
        }
    }

    /// The elements of a class that terms of constants gave, once for each of its readers.
    fn wide(&mut self, id: Id) -> Option<Vec<f64>> {
        let id = self.encoded.graph.find(id);
        let left = self.readers.get(&id).map_or(0, |readers| readers.saturating_sub(1));
        self.readers.insert(id, left);
        if left == 0 { self.data.remove(&id) } else { self.data.get(&id).cloned() }
    }

    fn data(&mut self, id: Id) -> Result<Vec<f64>, String> {
        if let Some(data) = self.wide(id) {
            return Ok(data);
        }
        let data = constant_slice(self.operand(id)?).ok_or("needs constants")?;
        Ok(data.iter().copied().map(f64::from).collect())
    }

    /// A constant that terms say how to compute.
    fn folded(
        &mut self,
        build: Builder<'c, 'a>,
        id: Id,
        term: &Term,
        known: &Tensor,
    ) -> Result<Value<'c, 'a>, String> {
        let zip = |a: Vec<f64>, b: Vec<f64>, with: fn(f64, f64) -> f64| {
            a.into_iter().zip(b).map(|(a, b)| with(a, b)).collect::<Vec<_>>()
        };
        let data = match *term {
            Term::Dense([weights]) => self.data(weights)?,
            Term::ScaleRows([weights, scale]) => {
                let (mut weights, scale) = (self.data(weights)?, self.data(scale)?);
                let row = (weights.len() / scale.len().max(1)).max(1);
                // Plus zero: a pruned weight stays +0.0, as `ait-fold-batch-norm` has it.
                for (row, factor) in weights.chunks_mut(row).zip(&scale) {
                    row.iter_mut().for_each(|value| *value = *value * factor + 0.0);
                }
                weights
            }
            Term::ScaleShift([bias, scale, shift]) => {
                let scaled = zip(self.data(bias)?, self.data(scale)?, |bias, scale| bias * scale);
                zip(scaled, self.data(shift)?, |scaled, shift| scaled + shift)
            }
            Term::BnScale([scale, variance, epsilon]) => {
                let epsilon = leaf(&self.encoded.graph, epsilon).and_then(Leaf::number);
                let epsilon = f64::from(epsilon.ok_or("has no epsilon")?);
                let root = self.data(variance)?.into_iter().map(|it| (it + epsilon).sqrt()).collect();
                zip(self.data(scale)?, root, |scale, root| within_f32(scale / root))
            }
            Term::BnShift([bias, mean, factor]) => {
                let moved = zip(self.data(mean)?, self.data(factor)?, |mean, factor| mean * factor);
                zip(self.data(bias)?, moved, |bias, moved| bias - moved)
            }
            Term::Compose([outer, inner]) => composed(&self.data(outer)?, &self.data(inner)?, known),
            Term::ComposeBias([outer, bias, shift]) => {
                let product = composed(&self.data(outer)?, &self.data(bias)?, known);
                zip(product, self.data(shift)?, |product, shift| product + shift)
            }
            Term::Stack([first, second]) => [self.data(first)?, self.data(second)?].concat(),
            _ => return Err(format!("{term} is no constant")),
        };
        let narrow: Vec<f32> = data.iter().map(|&value| value as f32).collect();
        if self.readers.get(&id).is_some_and(|&readers| readers > 0) {
            self.data.insert(id, data);
        }
        match known.pattern {
            None => build.constant(&known.shape, &narrow),
            Some(pattern) => {
                let r#type = types::pruned(build.context(), &known.shape, pattern);
                build.constant_attribute(types::elements_of(r#type, &narrow))
            }
        }
    }
}

/// The product of two row-major matrices, of which the shape of the result tells the rows: `[rows, ...]`.
fn composed(outer: &[f64], inner: &[f64], known: &Tensor) -> Vec<f64> {
    let rows = known.shape.first().and_then(|&rows| usize::try_from(rows).ok()).unwrap_or(0).max(1);
    let between = (outer.len() / rows).max(1);
    let columns = (inner.len() / between).max(1);
    let mut product = vec![0.0; rows * columns];
    for (sums, factors) in product.chunks_exact_mut(columns).zip(outer.chunks_exact(between)) {
        for (factor, row) in factors.iter().zip(inner.chunks_exact(columns)) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += factor * value);
        }
    }
    product
}
