//! Makes ops with the result types that the shape rules give.

use crate::infer::infer;
use crate::{Activation, Layout, access, attributes, types};
use ait_ops::{BinaryFn, Op, PoolFn, ait};
use melior::Context;
use melior::ir::block::BlockLike;
use melior::ir::operation::{OperationBuilder, OperationLike, OperationRef};
use melior::ir::{Attribute, AttributeLike, BlockRef, Identifier, Location, Type, Value, ValueLike};

/// Inserts ops into a block, at its end or before an op.
///
/// Every method that makes an op returns its result, or the message of the shape rule it breaks.
#[derive(Clone, Copy)]
pub struct Builder<'c, 'a> {
    context: &'c Context,
    block: BlockRef<'c, 'a>,
    before: Option<OperationRef<'c, 'a>>,
    location: Location<'c>,
}

/// The result of an op, or what its shape rule says against it.
pub type Built<'c, 'a> = Result<Value<'c, 'a>, String>;

impl<'c: 'a, 'a> Builder<'c, 'a> {
    /// Appends to a block.
    pub fn at_end(context: &'c Context, block: BlockRef<'c, 'a>, location: Location<'c>) -> Self {
        Self { context, block, before: None, location }
    }

    /// Inserts before an op of the block, at the op's location.
    pub fn before(context: &'c Context, block: BlockRef<'c, 'a>, op: OperationRef<'c, 'a>) -> Self {
        Self { context, block, before: Some(op), location: op.location() }
    }

    /// The same place, with another location for the ops made.
    pub fn at(self, location: Location<'c>) -> Self {
        Self { location, ..self }
    }

    /// The context.
    pub fn context(&self) -> &'c Context {
        self.context
    }

    /// Inserts an op with given result types.
    ///
    /// # Errors
    /// If MLIR cannot make the op.
    pub fn insert(
        &self,
        name: &str,
        operands: &[Value<'c, 'a>],
        attributes: &[(&str, Attribute<'c>)],
        results: &[Type<'c>],
    ) -> Result<OperationRef<'c, 'a>, String> {
        let attributes: Vec<_> =
            attributes.iter().map(|(key, value)| (Identifier::new(self.context, key), *value)).collect();
        let op = OperationBuilder::new(name, self.location)
            .add_operands(operands)
            .add_attributes(&attributes)
            .add_results(results)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(match self.before {
            Some(before) => self.block.insert_operation_before(before, op),
            None => self.block.append_operation(op),
        })
    }

    /// Inserts an op whose one result has the inferred shape and a layout.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn op_in(&self, layout: Layout, op: &Op, operands: &[Value<'c, 'a>]) -> Built<'c, 'a> {
        let shapes =
            operands.iter().map(|value| types::shape(value.r#type())).collect::<Result<Vec<_>, _>>()?;
        let shape = infer(op, &shapes.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        let attributes: Vec<_> = op
            .attributes()
            .iter()
            .map(|(name, value)| (*name, attributes::write(self.context, value)))
            .collect();
        self.result(op.name(), operands, &attributes, types::tensor(self.context, &shape, layout))
    }

    /// Inserts an op whose result has the inferred shape and the first operand's layout.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn op(&self, op: &Op, operands: &[Value<'c, 'a>]) -> Built<'c, 'a> {
        let first = operands.first().ok_or_else(|| format!("{} needs an operand", op.name()))?;
        self.op_in(types::layout(first.r#type())?, op, operands)
    }

    /// As [`Builder::op_in`], of an op that is given by name and attributes.
    ///
    /// # Errors
    /// If there is no such op, an attribute is missing or malformed, or the shape rule's message.
    pub fn named(
        &self,
        layout: Layout,
        name: &str,
        operands: &[Value<'c, 'a>],
        attributes: &[(&str, Attribute<'c>)],
    ) -> Built<'c, 'a> {
        self.op_in(layout, &crate::read::listed(name, attributes)?, operands)
    }

    fn ait(&self, op: ait::Op, operands: &[Value<'c, 'a>]) -> Built<'c, 'a> {
        self.op(&Op::Ait(op), operands)
    }

    fn result(
        &self,
        name: &str,
        operands: &[Value<'c, 'a>],
        attributes: &[(&str, Attribute<'c>)],
        r#type: Type<'c>,
    ) -> Built<'c, 'a> {
        let op = self.insert(name, operands, attributes, &[r#type])?;
        access::result(&op).ok_or_else(|| format!("{name} has no result"))
    }

    /// `ait.constant` of row-major data.
    ///
    /// # Errors
    /// If the number of elements is not the shape's.
    pub fn constant(&self, shape: &[i64], data: &[f32]) -> Built<'c, 'a> {
        if usize::try_from(types::elements(shape)?) != Ok(data.len()) {
            return Err(format!("a constant of shape {shape:?} cannot have {} elements", data.len()));
        }
        self.constant_attribute(types::elements_attribute(self.context, shape, data))
    }

    /// `ait.constant` of an elements attribute.
    ///
    /// # Errors
    /// If MLIR cannot make the op.
    pub fn constant_attribute(&self, value: Attribute<'c>) -> Built<'c, 'a> {
        self.result("ait.constant", &[], &[("value", value)], value.r#type())
    }

    /// `ait.conv2d`; `strides` and `dilations` are `[h, w]`, `pads` is `[top, left, bottom, right]`.
    ///
    /// # Errors
    /// The shape rule's message.
    #[expect(clippy::too_many_arguments, reason = "they are the op's operands and attributes")]
    pub fn conv2d(
        &self,
        [input, filter, bias]: [Value<'c, 'a>; 3],
        residual: Option<Value<'c, 'a>>,
        strides: [i64; 2],
        pads: [i64; 4],
        dilations: [i64; 2],
        groups: i64,
        epilogue: Activation,
    ) -> Built<'c, 'a> {
        let operands: Vec<_> = [input, filter, bias].into_iter().chain(residual).collect();
        self.ait(ait::Op::Conv2d(ait::Conv2d { strides, pads, dilations, groups, epilogue }), &operands)
    }

    /// `ait.gemm`: `epilogue(input * transpose(filter) + bias [+ residual])`.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn gemm(
        &self,
        [input, filter, bias]: [Value<'c, 'a>; 3],
        residual: Option<Value<'c, 'a>>,
        epilogue: Activation,
    ) -> Built<'c, 'a> {
        let operands: Vec<_> = [input, filter, bias].into_iter().chain(residual).collect();
        self.ait(ait::Op::Gemm(ait::Gemm { epilogue }), &operands)
    }

    /// `ait.batch_norm`.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn batch_norm(&self, operands: [Value<'c, 'a>; 5], epsilon: f32) -> Built<'c, 'a> {
        self.ait(ait::Op::BatchNorm(ait::BatchNorm { epsilon }), &operands)
    }

    /// `ait.scale_bias`.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn scale_bias(&self, operands: [Value<'c, 'a>; 3], epilogue: Activation) -> Built<'c, 'a> {
        self.ait(ait::Op::ScaleBias(ait::ScaleBias { epilogue }), &operands)
    }

    /// `ait.activation`.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn activation(&self, input: Value<'c, 'a>, epilogue: Activation) -> Built<'c, 'a> {
        self.ait(ait::Op::Activation(ait::Activation { epilogue }), &[input])
    }

    /// `ait.add`, `sub`, `mul`, `div` or `prelu`; the last has no epilogue.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn binary(
        &self,
        function: BinaryFn,
        lhs: Value<'c, 'a>,
        rhs: Value<'c, 'a>,
        epilogue: Activation,
    ) -> Built<'c, 'a> {
        // A lower-rank or constant side has no layout of its own; the result takes the other's.
        let layout = types::layout(lhs.r#type())?.max(types::layout(rhs.r#type())?);
        let op = match function {
            BinaryFn::Add => ait::Op::Add(ait::Add { epilogue }),
            BinaryFn::Sub => ait::Op::Sub(ait::Sub { epilogue }),
            BinaryFn::Mul => ait::Op::Mul(ait::Mul { epilogue }),
            BinaryFn::Div => ait::Op::Div(ait::Div { epilogue }),
            BinaryFn::Prelu if epilogue == Activation::Identity => ait::Op::Prelu(ait::Prelu),
            BinaryFn::Prelu => return Err(format!("ait.prelu has no epilogue for {}", epilogue.name())),
        };
        self.op_in(layout, &Op::Ait(op), &[lhs, rhs])
    }

    /// `ait.matmul`.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn matmul(&self, lhs: Value<'c, 'a>, rhs: Value<'c, 'a>) -> Built<'c, 'a> {
        self.ait(ait::Op::Matmul(ait::Matmul), &[lhs, rhs])
    }

    /// `ait.max_pool2d`, or `ait.avg_pool2d` if `count_include_pad` is given.
    ///
    /// # Errors
    /// The shape rule's message.
    #[expect(clippy::too_many_arguments, reason = "they are the op's attributes")]
    pub fn pool2d(
        &self,
        input: Value<'c, 'a>,
        kernel: [i64; 2],
        strides: [i64; 2],
        pads: [i64; 4],
        dilations: [i64; 2],
        ceil_mode: bool,
        count_include_pad: Option<bool>,
    ) -> Built<'c, 'a> {
        let op = match count_include_pad {
            None => ait::Op::MaxPool2d(ait::MaxPool2d { kernel, strides, pads, dilations, ceil_mode }),
            Some(count_include_pad) => ait::Op::AvgPool2d(ait::AvgPool2d {
                kernel,
                strides,
                pads,
                dilations,
                ceil_mode,
                count_include_pad,
            }),
        };
        self.ait(op, &[input])
    }

    /// `ait.global_max_pool` or `ait.global_avg_pool`.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn global_pool(&self, function: PoolFn, input: Value<'c, 'a>) -> Built<'c, 'a> {
        let op = match function {
            PoolFn::Max => ait::Op::GlobalMaxPool(ait::GlobalMaxPool),
            PoolFn::Avg => ait::Op::GlobalAvgPool(ait::GlobalAvgPool),
            PoolFn::MaxNum => return Err("no op of ait is a maximum of numbers".to_owned()),
        };
        self.ait(op, &[input])
    }

    /// `ait.softmax` along a dimension.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn softmax(&self, input: Value<'c, 'a>, axis: i64) -> Built<'c, 'a> {
        self.ait(ait::Op::Softmax(ait::Softmax { axis }), &[input])
    }

    /// `ait.concat` of two values along a dimension.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn concat(&self, lhs: Value<'c, 'a>, rhs: Value<'c, 'a>, axis: i64) -> Built<'c, 'a> {
        self.ait(ait::Op::Concat(ait::Concat { axis }), &[lhs, rhs])
    }

    /// `ait.slice`.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn slice(&self, input: Value<'c, 'a>, starts: &[i64], sizes: &[i64], steps: &[i64]) -> Built<'c, 'a> {
        let [starts, sizes, steps] = [starts, sizes, steps].map(<[i64]>::to_vec);
        self.ait(ait::Op::Slice(ait::Slice { starts, sizes, steps }), &[input])
    }

    /// `ait.pad`.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn pad(&self, input: Value<'c, 'a>, low: &[i64], high: &[i64], value: f32) -> Built<'c, 'a> {
        self.ait(ait::Op::Pad(ait::Pad { low: low.to_vec(), high: high.to_vec(), value }), &[input])
    }

    /// `ait.transpose`; the result is NCHW.
    ///
    /// # Errors
    /// The shape rule's message.
    pub fn transpose(&self, input: Value<'c, 'a>, permutation: &[i64]) -> Built<'c, 'a> {
        self.ait(ait::Op::Transpose(ait::Transpose { permutation: permutation.to_vec() }), &[input])
    }

    /// `ait.reshape` to a shape of as many elements.
    ///
    /// # Errors
    /// If the numbers of elements differ.
    pub fn reshape(&self, input: Value<'c, 'a>, shape: &[i64]) -> Built<'c, 'a> {
        let op = Op::Ait(ait::Op::Reshape(ait::Reshape { shape: shape.to_vec() }));
        self.op_in(Layout::Nchw, &op, &[input])
    }

    /// `ait.convert_layout`; the value itself if it is in this layout already.
    ///
    /// # Errors
    /// If the value has no shape.
    pub fn convert_layout(&self, input: Value<'c, 'a>, layout: Layout) -> Built<'c, 'a> {
        let shape = types::shape(input.r#type())?;
        if types::layout(input.r#type())? == layout || shape.len() != 4 {
            return Ok(input);
        }
        self.op_in(layout, &Op::Ait(ait::Op::ConvertLayout(ait::ConvertLayout { layout })), &[input])
    }

    /// `tensor.empty` of a shape and layout: the `init` of an op in destination-passing style.
    ///
    /// # Errors
    /// If MLIR cannot make the op.
    pub fn empty(&self, shape: &[i64], layout: Layout) -> Built<'c, 'a> {
        self.result("tensor.empty", &[], &[], types::tensor(self.context, shape, layout))
    }
}
