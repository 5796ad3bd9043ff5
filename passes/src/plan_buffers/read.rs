//! From the implementation level in MLIR to the value graph.

use super::Fault;
use super::graph::{Graph, Kernel, Kind, Node, Role};
use super::strides::View;
use ait_dialects::attributes::Attributes;
use ait_dialects::{Layout, access, types};
use ait_ops::{Operand, position};
use melior::StringRef;
use melior::ir::block::BlockLike;
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{BlockRef, Module, RegionLike, Value, ValueLike};
use petgraph::graph::NodeIndex;
use std::collections::BTreeMap;

/// The entry function as a graph, with the op of each node.
pub struct Source<'c, 'a> {
    /// `func.func @main`.
    pub function: OperationRef<'c, 'a>,
    /// Its body.
    pub body: BlockRef<'c, 'a>,
    /// Its values.
    pub graph: Graph,
    /// The defining op per node, `None` for arguments.
    pub ops: Vec<Option<OperationRef<'c, 'a>>>,
}

/// Name of an op.
pub fn name_of<'c: 'a, 'a>(op: &OperationRef<'c, 'a>) -> String {
    op.name().as_string_ref().as_str().unwrap_or_default().to_string()
}

/// `func.func @main` of a module.
pub fn entry<'c, 'a>(module: &'a Module<'c>) -> Option<OperationRef<'c, 'a>> {
    let mut next = module.body().first_operation();
    while let Some(op) = next {
        if op.name().as_string_ref() == StringRef::new("func.func")
            && (&op as &dyn Attributes).string("sym_name").as_deref() == Ok("main")
        {
            return Some(op);
        }
        next = op.next_in_block();
    }
    None
}

/// Reads `@main`; an op that is not of the implementation level is a fault at its location.
pub fn read<'c, 'a>(module: &'a Module<'c>) -> Result<Source<'c, 'a>, Fault<'c>> {
    let missing = |message: &str| Fault::new(module.as_operation().location(), message);
    let function = entry(module).ok_or_else(|| missing("has no func.func @main"))?;
    let body = function.region(0).ok().and_then(|region| region.first_block());
    let body = body.ok_or_else(|| missing("@main has no body"))?;
    let mut reader = Reader { graph: Graph::default(), ops: Vec::new(), nodes: BTreeMap::new() };
    for number in 0..body.argument_count() {
        let argument = body.argument(number).map_err(|error| missing(&error.to_string()))?;
        let natural =
            natural(argument.r#type(), false).map_err(|message| Fault::new(function.location(), message))?;
        reader.add(argument.into(), Node { kind: Kind::Argument(number), natural }, &[], None);
    }
    let mut next = body.first_operation();
    while let Some(op) = next {
        reader.read(op).map_err(|message| Fault::at(&op, message))?;
        next = op.next_in_block();
    }
    Ok(Source { function, body, graph: reader.graph, ops: reader.ops })
}

/// The dense order that a type means; kernels compute `f32`, constants may be of integers too.
fn natural(r#type: melior::ir::Type<'_>, is_constant: bool) -> Result<View, String> {
    let shape = types::shape(r#type)?;
    match is_constant {
        true => types::element_bytes(r#type).map(drop)?,
        false if types::is_f32(r#type) => {}
        false => return Err(format!("buffers hold f32, not {type}")),
    }
    let layout = types::layout(r#type)?;
    Ok(View::new(0, &shape, &layout.strides(&shape)))
}

struct Reader<'c, 'a> {
    graph: Graph,
    ops: Vec<Option<OperationRef<'c, 'a>>>,
    /// By the address of the value.
    nodes: BTreeMap<usize, NodeIndex>,
}

impl<'c: 'a, 'a> Reader<'c, 'a> {
    fn add(
        &mut self,
        value: Value<'c, 'a>,
        node: Node,
        operands: &[(NodeIndex, Role)],
        op: Option<OperationRef<'c, 'a>>,
    ) {
        let index = self.graph.add(node, operands);
        self.nodes.insert(value.to_raw().ptr as usize, index);
        self.ops.push(op);
    }

    fn node_of(&self, value: Value<'c, 'a>) -> Result<NodeIndex, String> {
        let found = self.nodes.get(&(value.to_raw().ptr as usize));
        found.copied().ok_or_else(|| "reads a tensor.empty".to_string())
    }

    fn read(&mut self, op: OperationRef<'c, 'a>) -> Result<(), String> {
        let name = name_of(&op);
        let init = position(&name, Operand::Init);
        if name == "tensor.empty" {
            return Ok(());
        }
        let mut operands = Vec::new();
        for (index, value) in op.operands().enumerate() {
            match init {
                Some(init) if init == index => require_empty(value)?,
                _ => operands.push((self.node_of(value)?, checked_role(&name, index, value)?)),
            }
        }
        let kind = kind(&name, &op, init)?;
        if kind == Kind::Return {
            self.graph.add(Node { kind, natural: View::row_major(&[]) }, &operands);
            self.ops.push(Some(op));
            return Ok(());
        }
        let result: Value<'c, 'a> = access::result(&op).ok_or("has no result: it is planned already")?;
        let natural = natural(result.r#type(), kind == Kind::Constant)?;
        let natural = if name == "rvv.split_phases" { natural.spread() } else { natural };
        self.add(result, Node { kind, natural }, &operands, Some(op));
        Ok(())
    }
}

fn require_empty(value: Value<'_, '_>) -> Result<(), String> {
    match access::definition(value) {
        Some(op) if op.name().as_string_ref() == StringRef::new("tensor.empty") => Ok(()),
        _ => Err("needs a tensor.empty as init".to_string()),
    }
}

fn kind(name: &str, op: &OperationRef<'_, '_>, init: Option<usize>) -> Result<Kind, String> {
    if init.is_some() {
        let algorithm = op.get("algorithm").map_or(Ok(String::new()), |_| op.string("algorithm"))?;
        let pointwise = op.i64_array("kernel").is_ok_and(|kernel| kernel == [1, 1]);
        let result = access::result(op).ok_or("has no result: it is planned already")?;
        let channels_last = types::layout(result.r#type())? == Layout::Nhwc;
        return Ok(Kind::Kernel(Kernel { name: name.to_string(), algorithm, pointwise, channels_last }));
    }
    Ok(match name {
        "ait.constant" => Kind::Constant,
        "ait.reshape" => Kind::Reshape,
        "ait.transpose" => Kind::Transpose(op.i64_array("permutation")?),
        "ait.slice" => Kind::Slice(op.i64_array("starts")?, op.i64_array("steps")?),
        "ait.concat" => Kind::Concat(usize::try_from(op.i64("axis")?).map_err(|_| "has a negative axis")?),
        "ait.pad" => Kind::Pad(op.i64_array("low")?, op.f32("value")?),
        "ait.convert_layout" => Kind::ConvertLayout,
        "func.return" => Kind::Return,
        _ => return Err("is not of the implementation level: run ait-select-kernels first".to_string()),
    })
}

/// Integers are parameters of kernels: the planner moves `f32` only.
fn checked_role(name: &str, operand: usize, value: Value<'_, '_>) -> Result<Role, String> {
    match role(name, operand) {
        role if role == Role::Parameter || types::is_f32(value.r#type()) => Ok(role),
        _ => Err(format!("works on f32, not on {}", value.r#type())),
    }
}

fn role(name: &str, operand: usize) -> Role {
    match (name, operand) {
        (
            "xnn.conv2d" | "xnn.fully_connected" | "rvv.conv2d" | "rvv.depthwise_conv2d" | "rvv.scale_bias",
            1 | 2,
        ) => Role::Parameter,
        ("rvv.matmul", 1) => Role::Rows,
        ("rvv.matmul", 2) => Role::Parameter,
        ("rvv.conv2d" | "rvv.depthwise_conv2d" | "rvv.matmul", 4) => Role::Elementwise,
        ("nm.conv2d", 1..=4) | ("nm.matmul", 1..=3) => Role::Parameter,
        ("nm.conv2d", 6) | ("nm.matmul", 5) => Role::Elementwise,
        ("xnn.unary" | "xnn.binary" | "rvv.unary" | "rvv.binary" | "rvv.scale_bias", _) => Role::Elementwise,
        _ => Role::Data,
    }
}
