//! The buffer level as plain data: what the object, the header, the weights file and `ait inspect` are made of.

use super::buffer::Buffer;
use super::work::{elements, reduction};
use super::xnn::{self, XnnCall};
use crate::Fault;
use crate::kernels::Kernel;
use crate::names::is_identifier;
use ait_dialects::attributes::Attributes;
use ait_dialects::infer::{self, Reduction};
use ait_dialects::nm::Columns;
use ait_dialects::{Layout, access, types};
use ait_ops::{Op, Operand, position};
use ait_passes::diagnostic::SourceLocation;
use ait_passes::plan_buffers::{entry, name_of};
use melior::ir::attribute::{ArrayAttribute, DictionaryAttribute};
use melior::ir::block::BlockLike;
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{Attribute, AttributeLike, BlockRef, Module, RegionLike, Value, ValueLike};
use std::collections::BTreeMap;

/// `AIT_MAX_RANK`.
pub const MAX_RANK: usize = 8;

/// An input or output of the model; f32, dense row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// ONNX name.
    pub name: String,
    /// Dimensions; rank 4 is N x C x H x W.
    pub shape: Vec<i64>,
}

/// What an address counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// Input buffer by number.
    Input(usize),
    /// Output buffer by number.
    Output(usize),
    /// The arena.
    Arena,
    /// The weights file.
    Weights,
}

/// A byte address at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// What it counts from.
    pub base: Base,
    /// Bytes from there.
    pub offset: i64,
}

impl std::fmt::Display for Address {
    /// `arena+4096`; inputs, outputs and weights alike.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.base {
            Base::Input(number) => write!(f, "input{number}+{}", self.offset),
            Base::Output(number) => write!(f, "output{number}+{}", self.offset),
            Base::Arena => write!(f, "arena+{}", self.offset),
            Base::Weights => write!(f, "weights+{}", self.offset),
        }
    }
}

/// What a layer calls.
#[derive(Debug, Clone)]
pub enum Call {
    /// A generated kernel.
    Kernel(Kernel),
    /// An XNNPACK operator.
    Xnn(XnnCall),
}

/// The column-wise sparsity of a layer's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sparsity {
    /// The pattern.
    pub columns: Columns,
    /// Columns of the dense weights: the length of the reduction.
    pub k: u64,
    /// Columns that every tile keeps.
    pub kept: u64,
}

/// One call at run time.
#[derive(Debug, Clone)]
pub struct Layer {
    /// ONNX node name.
    pub node: String,
    /// Op name, such as `rvv.conv2d`.
    pub op: String,
    /// Physical order of the result, `None` for ranks other than 4.
    pub layout: Option<Layout>,
    /// Shape of the result.
    pub shape: Vec<i64>,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes of its constant operands.
    pub weight_bytes: u64,
    /// Of pruned weights.
    pub sparsity: Option<Sparsity>,
    /// What is called.
    pub call: Call,
    /// Operands in the order of the call.
    pub arguments: Vec<Address>,
    /// First elements of the activations that it reads.
    pub reads: Vec<Address>,
    /// First element of its result.
    pub writes: Address,
}

impl Layer {
    /// Symbol of the kernel, or name of the XNNPACK operator.
    pub fn kernel(&self) -> String {
        match &self.call {
            Call::Kernel(kernel) => kernel.symbol_name(),
            Call::Xnn(call) => call.operator.to_string(),
        }
    }
}

/// A constant in the weights file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constant<'c> {
    /// First byte in the file.
    pub offset: u64,
    /// Dense elements in logical row-major order.
    pub value: Attribute<'c>,
    /// Elements between neighbours in the file, per dimension.
    pub strides: Vec<i64>,
}

/// A planned model.
#[derive(Debug, Clone)]
pub struct Model<'c> {
    /// C identifier.
    pub name: String,
    /// In the order of the ONNX graph.
    pub inputs: Vec<Tensor>,
    /// In the order of the ONNX graph.
    pub outputs: Vec<Tensor>,
    /// Size of the arena in bytes.
    pub arena_bytes: u64,
    /// The largest live set in bytes.
    pub arena_lower_bound: u64,
    /// Size of the weights file in bytes.
    pub weights_bytes: u64,
    /// In order of execution.
    pub layers: Vec<Layer>,
    /// By offset, each once.
    pub constants: Vec<Constant<'c>>,
}

impl Model<'_> {
    /// Private memory of a thread in bytes: the largest scratch of any kernel.
    pub fn scratch_bytes(&self) -> u64 {
        let scratch = self.layers.iter().map(|layer| match &layer.call {
            Call::Kernel(kernel) => kernel.scratch_bytes().unsigned_abs(),
            Call::Xnn(_) => 0,
        });
        scratch.max().unwrap_or(0)
    }
}

/// Reads a module at the buffer level.
///
/// # Errors
/// At the op that is of another level, or that no kernel or XNNPACK operator can do.
pub fn read<'c>(module: &Module<'c>) -> Result<Model<'c>, Fault<'c>> {
    let whole = module.as_operation();
    let other_level = |location| {
        Fault::new(location, "this is not at the buffer level: run ait-opt with ait-pipeline first")
    };
    let function = entry(module).ok_or_else(|| other_level(whole.location()))?;
    let other_level = || other_level(function.location());
    let body = function.region(0).ok().and_then(|region| region.first_block()).ok_or_else(other_level)?;
    let bytes = |name: &str| {
        let bytes = whole.i64(name).ok().and_then(|bytes| u64::try_from(bytes).ok());
        bytes.ok_or_else(other_level)
    };
    let (arena, lower_bound, weights) =
        (bytes("ait.arena_bytes")?, bytes("ait.arena_lower_bound")?, bytes("ait.weights_bytes")?);
    let mut reader = Reader { model: signature(&function, body)?, addresses: BTreeMap::new() };
    reader.model.name = whole.string("sym_name").unwrap_or_else(|_| "model".to_string());
    if !is_identifier(&reader.model.name) {
        let message = format!("has the name {:?}, which is not a C identifier", reader.model.name);
        return Err(Fault::new(whole.location(), message));
    }
    reader.model.arena_bytes = arena;
    reader.model.arena_lower_bound = lower_bound;
    reader.model.weights_bytes = weights;
    reader.bind_arguments(body).map_err(|message| Fault::new(function.location(), message))?;
    let mut next = body.first_operation();
    while let Some(op) = next {
        reader.read(op).map_err(|message| Fault::at(&op, message))?;
        next = op.next_in_block();
    }
    reader.model.constants.sort_by_key(|constant| constant.offset);
    reader.model.constants.dedup_by_key(|constant| constant.offset);
    Ok(reader.model)
}

/// Inputs and outputs; all but the last argument, which is the arena.
fn signature<'c>(function: &OperationRef<'c, '_>, body: BlockRef<'c, '_>) -> Result<Model<'c>, Fault<'c>> {
    let fault = |message: String| Fault::new(function.location(), message);
    let mut model = Model {
        name: String::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        arena_bytes: 0,
        arena_lower_bound: 0,
        weights_bytes: 0,
        layers: Vec::new(),
        constants: Vec::new(),
    };
    let attributes =
        function.attribute("arg_attrs").ok().and_then(|list| ArrayAttribute::try_from(list).ok());
    let tensors = body.argument_count().checked_sub(1).ok_or_else(|| fault("has no arena".to_string()))?;
    for number in 0..tensors {
        let argument = body.argument(number).map_err(|error| fault(error.to_string()))?;
        let buffer = Buffer::of(argument.into()).map_err(fault)?;
        if !types::is_f32(argument.r#type()) || !buffer.view.is_row_major() {
            return Err(fault(format!("argument {number} is not dense row-major f32")));
        }
        let shape = buffer.view.shape;
        let attributes = attributes
            .and_then(|list| list.element(number).ok())
            .and_then(|one| DictionaryAttribute::try_from(one).ok());
        let get = |key: &str| attributes.and_then(|dictionary| dictionary.element_by_name(key));
        let is_output = get("ait.output").is_some();
        let list = if is_output { &mut model.outputs } else { &mut model.inputs };
        let kind = if is_output { "output" } else { "input" };
        let name = get("ait.name").and_then(ait_dialects::attributes::string_value);
        let name = name.unwrap_or_else(|| format!("{kind}{}", list.len()));
        if shape.len() > MAX_RANK {
            let place = format!("{kind} {name:?} has {} dimensions", shape.len());
            return Err(fault(format!(
                "{place}; a compiled model has inputs and outputs of at most {MAX_RANK}"
            )));
        }
        list.push(Tensor { name, shape });
    }
    Ok(model)
}

struct Reader<'c> {
    model: Model<'c>,
    /// By the address of the MLIR value.
    addresses: BTreeMap<usize, Address>,
}

impl<'c> Reader<'c> {
    fn bind_arguments(&mut self, body: BlockRef<'c, '_>) -> Result<(), String> {
        let inputs = (0..self.model.inputs.len()).map(Base::Input);
        let outputs = (0..self.model.outputs.len()).map(Base::Output);
        for (number, base) in inputs.chain(outputs).chain([Base::Arena]).enumerate() {
            let argument = body.argument(number).map_err(|error| error.to_string())?;
            self.bind(argument.into(), Address { base, offset: 0 });
        }
        Ok(())
    }

    fn bind(&mut self, value: Value<'c, '_>, address: Address) {
        self.addresses.insert(value.to_raw().ptr as usize, address);
    }

    fn address(&self, value: Value<'c, '_>) -> Result<Address, String> {
        let found = self.addresses.get(&(value.to_raw().ptr as usize));
        found.copied().ok_or_else(|| "reads something that is no buffer".to_string())
    }

    /// Bytes of the memory that addresses of a base are in.
    fn size(&self, base: Base) -> u64 {
        let bytes = |tensor: Option<&Tensor>| {
            tensor.map_or(0, |t| t.shape.iter().product::<i64>().unsigned_abs() * 4)
        };
        match base {
            Base::Input(number) => bytes(self.model.inputs.get(number)),
            Base::Output(number) => bytes(self.model.outputs.get(number)),
            Base::Arena => self.model.arena_bytes,
            Base::Weights => self.model.weights_bytes,
        }
    }

    fn read<'a>(&mut self, op: OperationRef<'c, 'a>) -> Result<(), String>
    where
        'c: 'a,
    {
        let name = name_of(&op);
        match name.as_str() {
            "func.return" => Ok(()),
            "rvv.view" => {
                let source = self.address(access::operand(&op, 0).ok_or("has no operand")?)?;
                let offset =
                    source.offset.checked_add(op.i64("offset")?).ok_or("has an offset beyond its buffer")?;
                let address = Address { offset, ..source };
                self.bind(access::result(&op).ok_or("has no result")?, address);
                Ok(())
            }
            "rvv.constant" => self.constant(op),
            _ => match (position(&name, Operand::Init), op.result_count()) {
                (Some(init), 0) => self.layer(op, name, init),
                _ => Err("is not at the buffer level: run ait-opt with ait-pipeline first".to_string()),
            },
        }
    }

    fn constant<'a>(&mut self, op: OperationRef<'c, 'a>) -> Result<(), String>
    where
        'c: 'a,
    {
        let result: Value<'c, 'a> = access::result(&op).ok_or("has no result")?;
        let buffer = Buffer::of(result)?;
        let offset = op.i64("offset")?;
        let value = op.attribute("value").map_err(|error| error.to_string())?;
        if types::shape(value.r#type())? != buffer.view.shape {
            return Err("has another shape than its value".to_string());
        }
        if types::element(value.r#type()) != types::element(result.r#type()) {
            return Err("has other elements than its value".to_string());
        }
        types::check_splat(value)?;
        let offset_in_file = u64::try_from(offset).map_err(|_| "has a negative offset")?;
        self.model.constants.push(Constant { offset: offset_in_file, value, strides: buffer.view.strides });
        self.bind(result, Address { base: Base::Weights, offset });
        Ok(())
    }

    fn layer<'a>(&mut self, op: OperationRef<'c, 'a>, name: String, init: usize) -> Result<(), String>
    where
        'c: 'a,
    {
        let operands: Vec<Value<'c, 'a>> = op.operands().collect();
        let addresses = operands.iter().map(|&value| self.address(value)).collect::<Result<Vec<_>, _>>()?;
        let buffers = operands.iter().map(|&value| Buffer::of(value)).collect::<Result<Vec<_>, _>>()?;
        for (index, (buffer, address)) in buffers.iter().zip(&addresses).enumerate() {
            let (low, high) = buffer.range(address.offset);
            if low < 0 || high > i128::from(self.size(address.base)) {
                return Err(format!("reaches beyond its buffer with operand {index}"));
            }
        }
        let result = buffers.get(init).ok_or("has no init")?.clone();
        let writes = *addresses.get(init).ok_or("has no init")?;
        let reads =
            addresses.iter().enumerate().filter(|(index, at)| *index != init && at.base != Base::Weights);
        let reads = reads.map(|(_, at)| *at).collect();
        let own = ait_dialects::read(&op)?;
        let sparsity = sparsity(&own, &buffers)?;
        let reduction = sparsity.map_or_else(|| reduction(&own, &buffers), |sparsity| sparsity.kept);
        let macs = reduction.saturating_mul(elements(&result.view.shape));
        let weights = buffers.iter().zip(&addresses).filter(|(_, address)| address.base == Base::Weights);
        let weight_bytes = weights.map(|(buffer, _)| buffer.bytes()).sum();
        let (call, arguments) = if name.starts_with("xnn.") {
            let (call, arguments) = xnn::call(&name, &op, &buffers, &addresses)?;
            (Call::Xnn(call), arguments)
        } else {
            (Call::Kernel(Kernel::from_op(op)?), addresses)
        };
        let node = SourceLocation::of(op.location()).name;
        let node = node.unwrap_or_else(|| format!("{name}.{}", self.model.layers.len()));
        let layout = result.layout(&name);
        self.model.layers.push(Layer {
            node,
            op: name,
            layout,
            shape: result.view.shape,
            macs,
            weight_bytes,
            sparsity,
            call,
            arguments,
            reads,
            writes,
        });
        Ok(())
    }
}

/// The sparsity of an op with packed weights.
fn sparsity(op: &Op, buffers: &[Buffer]) -> Result<Option<Sparsity>, String> {
    let Op::Nm(own) = op else { return Ok(None) };
    let shapes: Vec<&[i64]> = buffers.iter().map(|buffer| buffer.view.shape.as_slice()).collect();
    let Reduction { pattern, order } = infer::reduction(own, &shapes)?;
    let k = order.columns();
    Ok(Some(Sparsity { columns: pattern, k: k.unsigned_abs(), kept: pattern.kept_of(k).unsigned_abs() }))
}
