//! From the ops of a block to an e-graph. With `decode`, the only place here that knows MLIR.

use std::collections::HashMap;

use ait_dialects::nm::Columns;
use ait_dialects::{attributes::Attributes, types, types::Elements};
use egg::Id;
use melior::ir::{
    BlockRef, Value, ValueLike,
    block::BlockLike,
    operation::{OperationLike, OperationRef},
};

use super::analysis::{Fact, Facts, Graph, Tensor};
use super::range::Range;
use super::term::{Act, Leaf, Number, Term, Window};
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
        let Some(build) = term(&kind, op.operand_count()) else {
            for position in 0..op.operand_count() {
                if let Some(&id) = self.classes.get(&key(operand(op, position)?)) {
                    self.uses.push((op, position, id));
                }
            }
            op.results().for_each(|result| self.value(result.into()));
            return Ok(());
        };
        let mut children = vec![];
        for position in 0..op.operand_count() {
            let value = operand(op, position)?;
            let id = self.classes.get(&key(value)).copied();
            children
                .push(id.ok_or_else(|| PassError::at(&op, format!("operand {position} is no f32 tensor")))?);
        }
        for leaf in leaves(&kind, op)? {
            children.push(self.graph.add(Term::Leaf(leaf)));
        }
        if kind != "ait.convert_layout" {
            children.push(self.graph.add(Term::Leaf(Leaf::Site(index(self.sites.len())))));
            self.sites.push(op);
        }
        let term = build(children).ok_or_else(|| PassError::at(&op, "has another number of operands"))?;
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
        let pattern = Columns::of_encoding(value.r#type()).map_err(|message| PassError::at(&op, message))?;
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

/// The term of an op, from its children.
type Build = fn(Vec<Id>) -> Option<Term>;

fn term(kind: &str, operands: usize) -> Option<Build> {
    macro_rules! terms {
        ($(($name:pat, $count:pat) => $term:ident,)*) => {
            match (kind, operands) {
                $(($name, $count) => |children| children.try_into().ok().map(Term::$term),)*
                _ => return None,
            }
        };
    }
    let build: Build = terms! {
        ("ait.conv2d", 3) => Conv,
        ("ait.conv2d", _) => ConvAdd,
        ("ait.gemm", 3) => Gemm,
        ("ait.gemm", _) => GemmAdd,
        ("ait.matmul", _) => Matmul,
        ("ait.batch_norm", _) => BatchNorm,
        ("ait.scale_bias", _) => ScaleBias,
        ("ait.activation", _) => Activation,
        ("ait.prelu", _) => Prelu,
        ("ait.add", _) => Add,
        ("ait.sub", _) => Sub,
        ("ait.mul", _) => Mul,
        ("ait.div", _) => Div,
        ("ait.max_pool2d", _) => MaxPool,
        ("ait.avg_pool2d", _) => AvgPool,
        ("ait.global_avg_pool", _) => GlobalAvgPool,
        ("ait.global_max_pool", _) => GlobalMaxPool,
        ("ait.softmax", _) => Softmax,
        ("ait.reshape", _) => Reshape,
        ("ait.transpose", _) => Transpose,
        ("ait.concat", _) => Concat,
        ("ait.slice", _) => Slice,
        ("ait.pad", _) => Pad,
        ("ait.convert_layout", _) => Convert,
    };
    Some(build)
}

/// An op's attributes as leaves, in the order of its term's children.
fn leaves(kind: &str, op: OperationRef) -> Result<Vec<Leaf>, PassError> {
    let fail = |message: String| PassError::at(&op, message);
    let act = || op.epilogue().map(|it| Leaf::Act(Act(it))).map_err(fail);
    let dims = |name| op.i64_array(name).map_err(fail);
    Ok(match kind {
        "ait.conv2d" | "ait.max_pool2d" | "ait.avg_pool2d" => {
            let mut leaves = vec![Leaf::Window(window(kind, op)?)];
            if kind == "ait.conv2d" {
                leaves.push(act()?);
            }
            leaves
        }
        "ait.gemm" | "ait.scale_bias" | "ait.activation" | "ait.add" | "ait.sub" | "ait.mul" | "ait.div" => {
            vec![act()?]
        }
        "ait.batch_norm" => vec![Leaf::Number(Number(op.f32("epsilon").map_err(fail)?))],
        "ait.softmax" | "ait.concat" => vec![Leaf::Axis(op.i64("axis").map_err(fail)?)],
        "ait.reshape" => vec![Leaf::Dims(shape(op, result(op)?)?)],
        "ait.transpose" => vec![Leaf::Dims(dims("permutation")?)],
        "ait.slice" => vec![Leaf::Slice([dims("starts")?, dims("sizes")?, dims("steps")?])],
        "ait.pad" => {
            let value = Number(op.f32("value").map_err(fail)?);
            vec![Leaf::Pad([dims("low")?, dims("high")?], value)]
        }
        "ait.convert_layout" => {
            let layout = types::layout(result(op)?.r#type()).map_err(fail)?;
            vec![Leaf::Layout(layout)]
        }
        _ => vec![],
    })
}

fn window(kind: &str, op: OperationRef) -> Result<Window, PassError> {
    let fail = |message: String| PassError::at(&op, message);
    let is_conv = kind == "ait.conv2d";
    let kernel = if is_conv {
        let filter = shape(op, operand(op, 1)?)?;
        let sizes = filter.get(2..).and_then(|sizes| sizes.try_into().ok());
        sizes.ok_or_else(|| fail("needs a filter of rank 4".to_owned()))?
    } else {
        op.i64s("kernel").map_err(fail)?
    };
    Ok(Window {
        kernel,
        strides: op.i64s("strides").map_err(fail)?,
        pads: op.i64s("pads").map_err(fail)?,
        dilations: op.i64s("dilations").map_err(fail)?,
        groups: if is_conv { op.i64("groups").map_err(fail)? } else { 1 },
        ceil_mode: !is_conv && op.bool("ceil_mode").map_err(fail)?,
        count_include_pad: kind == "ait.avg_pool2d" && op.bool("count_include_pad").map_err(fail)?,
    })
}
