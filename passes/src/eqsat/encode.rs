//! From the ops of a block to an e-graph. With `decode`, the only place here that knows MLIR.

use std::collections::HashMap;

use ait_dialects::{types, types::Elements};
use ait_ops::{Op, ait};
use egg::Id;
use melior::ir::{
    BlockRef, Value, ValueLike,
    block::BlockLike,
    operation::{OperationLike, OperationRef},
};

use super::analysis::{Fact, Facts, Graph, Tensor};
use super::convert;
use super::range::Range;
use super::term::{Leaf, Number, Term, Window};
use crate::{
    PassError,
    rewrite::{constant, name, operand, result, shape},
};

/// A block as an e-graph.
pub struct Encoded<'c, 'a> {
    /// Its terms.
    pub graph: Graph,
    /// Of `Leaf::Value`.
    pub values: Vec<Value<'c, 'a>>,
    /// Of `Leaf::Constant`.
    pub constants: Vec<Value<'c, 'a>>,
    /// Of `Leaf::Site`.
    pub sites: Vec<OperationRef<'c, 'a>>,
    /// The terms of `sites`, as they were added.
    pub origins: Vec<Id>,
    /// What ops that are no terms use, in program order: the op, the operand's index, its class.
    pub uses: Vec<(OperationRef<'c, 'a>, usize, Id)>,
    /// The classes of ops, by their value's address. Looked up only, never walked.
    classes: HashMap<usize, Id>,
}

/// Encodes the tensors of a block.
///
/// # Errors
/// At an op whose attributes or operands its shape rule refuses.
pub fn encode<'c: 'a, 'a>(
    block: BlockRef<'c, 'a>,
    ops: &[OperationRef<'c, 'a>],
    facts: Facts,
) -> Result<Encoded<'c, 'a>, PassError> {
    let mut encoded = Encoded {
        graph: Graph::new(facts),
        values: vec![],
        constants: vec![],
        sites: vec![],
        origins: vec![],
        uses: vec![],
        classes: HashMap::new(),
    };
    for index in 0..block.argument_count() {
        if let Ok(argument) = block.argument(index) {
            encoded.value(argument.into());
        }
    }
    for &op in ops {
        encoded.op(op)?;
    }
    encoded.graph.rebuild();
    Ok(encoded)
}

fn key(value: Value) -> usize {
    value.to_raw().ptr as usize
}

fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// What a value's type says.
fn described(value: Value) -> Option<Tensor> {
    let shape = types::shape(value.r#type()).ok().filter(|_| types::is_f32(value.r#type()))?;
    let layout = types::layout(value.r#type()).ok()?;
    Some(Tensor { layout, ..Tensor::new(shape) })
}

impl<'c: 'a, 'a> Encoded<'c, 'a> {
    /// A value that is no term; none if it is no tensor of f32.
    fn value(&mut self, value: Value<'c, 'a>) {
        let Some(tensor) = described(value) else { return };
        self.graph.analysis.values.push(tensor);
        let id = self.graph.add(Term::Leaf(Leaf::Value(index(self.values.len()))));
        self.values.push(value);
        self.classes.insert(key(value), id);
    }

    fn op(&mut self, op: OperationRef<'c, 'a>) -> Result<(), PassError> {
        let kind = name(op);
        if kind == "ait.constant" || (kind == "ait.reshape" && constant(result(op)?).is_some()) {
            return self.constant(op);
        }
        if !kind.starts_with("ait.") {
            for position in 0..op.operand_count() {
                if let Some(&id) = self.classes.get(&key(operand(op, position)?)) {
                    self.uses.push((op, position, id));
                }
            }
            op.results().for_each(|result| self.value(result.into()));
            return Ok(());
        }
        let own = match ait_dialects::read(&op).map_err(|message| PassError::at(&op, message))? {
            Op::Ait(own) => own,
            Op::Xnn(_) | Op::Rvv(_) | Op::Nm(_) => {
                return Err(PassError::at(&op, "is an implementation already"));
            }
        };
        let mut children = vec![];
        for position in 0..op.operand_count() {
            let value = operand(op, position)?;
            let id = self.classes.get(&key(value)).copied();
            children
                .push(id.ok_or_else(|| PassError::at(&op, format!("operand {position} is no f32 tensor")))?);
        }
        for leaf in leaves(&own, op)? {
            children.push(self.graph.add(Term::Leaf(leaf)));
        }
        if !Op::Ait(own.clone()).changes_layout() {
            children.push(self.graph.add(Term::Leaf(Leaf::Site(index(self.sites.len())))));
            self.sites.push(op);
        }
        let term = term(&own, op.operand_count(), children)
            .ok_or_else(|| PassError::at(&op, "has another number of operands"))?;
        let id = self.graph.add(term);
        if self.origins.len() < self.sites.len() {
            self.origins.push(id);
        }
        let value = result(op)?;
        match &self.graph[id].data.fact {
            Fact::Tensor(known)
                if described(value)
                    .is_some_and(|it| it.layout == known.layout && it.shape == known.shape) => {}
            Fact::Refused(message) => return Err(PassError::at(&op, message)),
            _ => return Err(PassError::at(&op, "has a result in another layout than its operands")),
        }
        self.classes.insert(key(value), id);
        Ok(())
    }

    fn constant(&mut self, op: OperationRef<'c, 'a>) -> Result<(), PassError> {
        let value = result(op)?;
        let Some(tensor) = described(value) else { return Ok(()) };
        let pattern = types::columns(value.r#type()).map_err(|message| PassError::at(&op, message))?;
        let rows = tensor.shape.first().and_then(|&rows| usize::try_from(rows).ok());
        let (splat, range) = match constant(value).map(types::f32_elements) {
            Some(Ok(Elements::Splat(value))) => (Some(value), Range::splat(value)),
            Some(Ok(Elements::All(data))) => (splat(data), Range::of(data, rows.unwrap_or(1))),
            Some(Err(_)) | None => (None, None),
        };
        let constant = Tensor { is_constant: true, pattern, splat: splat.map(Number), range, ..tensor };
        self.graph.analysis.constants.push(constant);
        let id = self.graph.add(Term::Leaf(Leaf::Constant(index(self.constants.len()))));
        self.constants.push(value);
        self.classes.insert(key(value), id);
        Ok(())
    }
}

/// The value of all elements, if it is one.
fn splat(data: &[f32]) -> Option<f32> {
    data.first().copied().filter(|first| data.iter().all(|it| it.to_bits() == first.to_bits()))
}

/// The term of an op, from its children; none if they are too few or too many.
fn term(own: &ait::Op, operands: usize, children: Vec<Id>) -> Option<Term> {
    use ait::Op;
    macro_rules! made {
        ($term:ident) => {
            children.try_into().ok().map(Term::$term)
        };
    }
    match own {
        Op::Conv2d(_) if operands == 3 => made!(Conv),
        Op::Conv2d(_) => made!(ConvAdd),
        Op::Gemm(_) if operands == 3 => made!(Gemm),
        Op::Gemm(_) => made!(GemmAdd),
        Op::Matmul(_) => made!(Matmul),
        Op::BatchNorm(_) => made!(BatchNorm),
        Op::ScaleBias(_) => made!(ScaleBias),
        Op::Activation(_) => made!(Activation),
        Op::Prelu(_) => made!(Prelu),
        Op::Add(_) => made!(Add),
        Op::Sub(_) => made!(Sub),
        Op::Mul(_) => made!(Mul),
        Op::Div(_) => made!(Div),
        Op::MaxPool2d(_) => made!(MaxPool),
        Op::AvgPool2d(_) => made!(AvgPool),
        Op::GlobalAvgPool(_) => made!(GlobalAvgPool),
        Op::GlobalMaxPool(_) => made!(GlobalMaxPool),
        Op::Softmax(_) => made!(Softmax),
        Op::Reshape(_) => made!(Reshape),
        Op::Transpose(_) => made!(Transpose),
        Op::Concat(_) => made!(Concat),
        Op::Slice(_) => made!(Slice),
        Op::Pad(_) => made!(Pad),
        Op::ConvertLayout(_) => made!(Convert),
        // A leaf.
        Op::Constant(_) => None,
    }
}

/// An op's attributes as leaves, in the order of its term's children.
fn leaves(own: &ait::Op, op: OperationRef) -> Result<Vec<Leaf>, PassError> {
    let mut kernel = Window::POINT.kernel;
    if let ait::Op::Conv2d(_) = own {
        let filter = shape(op, operand(op, 1)?)?;
        let sizes = filter.get(2..).and_then(|sizes| sizes.try_into().ok());
        kernel = sizes.ok_or_else(|| PassError::at(&op, "needs a filter of rank 4"))?;
    }
    Ok(convert::leaves(own, kernel))
}
