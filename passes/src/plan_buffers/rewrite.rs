//! From the plan to MLIR: `@main` on memrefs, with views of the arena and of the arguments.

use super::Fault;
use super::alias::{Aliasing, Place, Root, Step};
use super::offsets::{ALIGNMENT, Assignment};
use super::read::{Source, name_of};
use super::strides::View;
use ait_dialects::attributes::{f32, i64};
use ait_dialects::{Builder, access, types};
use ait_ops::{Operand, position};
use melior::Context;
use melior::ir::attribute::{ArrayAttribute, DictionaryAttribute, StringAttribute, TypeAttribute};
use melior::ir::block::BlockLike;
use melior::ir::operation::{OperationLike, OperationMutLike, OperationRefMut};
use melior::ir::r#type::{FunctionType, IntegerType, MemRefType};
use melior::ir::{
    Attribute, AttributeLike, Block, BlockRef, Identifier, Location, Module, Region, RegionLike, Type, Value,
    ValueLike,
};
use petgraph::graph::NodeIndex;
use std::collections::BTreeMap;

/// Register group of copies and fills: they are bound by memory, and 8 has the fewest instructions.
const COPY_LMUL: i64 = 8;

/// Replaces `@main`; returns the size of the weights in bytes.
pub fn rewrite<'c>(
    context: &'c Context,
    module: &Module<'c>,
    source: Source<'c, '_>,
    aliasing: &Aliasing,
    arena: &Assignment,
    lower_bound: u64,
) -> Result<u64, Fault<'c>> {
    let location = source.function.location();
    let fault = |message: String| Fault::new(location, message);
    let types = argument_types(context, &source, arena.bytes).map_err(fault)?;
    let block = Block::new(&types.iter().map(|&r#type| (r#type, location)).collect::<Vec<_>>());
    let region = Region::new();
    let block = region.append_block(block);
    let mut writer = Writer {
        context,
        source: &source,
        aliasing,
        arena,
        block,
        views: BTreeMap::new(),
        constants: BTreeMap::new(),
        weights: 0,
    };
    for step in &aliasing.steps {
        writer.step(step)?;
    }
    let weights = writer.weights;
    let built = Builder::at_end(context, block, location).insert("func.return", &[], &[], &[]);
    built.map_err(fault)?;
    let attributes = function_attributes(context, &source, &types);
    let function = melior::ir::operation::OperationBuilder::new("func.func", location)
        .add_attributes(&attributes)
        .add_regions([region])
        .build()
        .map_err(|error| fault(error.to_string()))?;
    let old = source.function.to_raw();
    module.body().insert_operation_before(source.function, function);
    // SAFETY: `@main` is in the module, nothing refers to it or to anything in it any more (`source` was moved
    // here), and the module op outlives the block. Taking ownership through `remove` destroys it.
    unsafe {
        mlir_sys::mlirOperationDestroy(old);
        let mut whole = OperationRefMut::from_raw(module.as_operation().to_raw());
        for (name, value) in [
            ("ait.arena_bytes", arena.bytes),
            ("ait.arena_lower_bound", lower_bound),
            ("ait.weights_bytes", weights),
        ] {
            whole.set_attribute(name, i64(context, value.cast_signed()));
        }
    }
    Ok(weights)
}

/// Inputs, outputs, arena.
fn argument_types<'c>(
    context: &'c Context,
    source: &Source<'c, '_>,
    arena: u64,
) -> Result<Vec<Type<'c>>, String> {
    let body = source.body;
    let inputs = (0..body.argument_count()).filter_map(|number| body.argument(number).ok());
    let outputs =
        body.terminator().into_iter().flat_map(|terminator| terminator.operands().collect::<Vec<_>>());
    let tensors = inputs.map(|argument| argument.r#type()).chain(outputs.map(|value| value.r#type()));
    let mut all = Vec::new();
    for tensor in tensors {
        all.push(memref(context, &View::row_major(&types::shape(tensor)?), Type::float32(context))?);
    }
    let bytes = arena.cast_signed();
    all.push(MemRefType::new(IntegerType::new(context, 8).into(), &[bytes], None, None).into());
    Ok(all)
}

fn memref<'c>(context: &'c Context, view: &View, element: Type<'c>) -> Result<Type<'c>, String> {
    types::memref_of(context, &view.shape, &view.strides, element)
        .ok_or_else(|| format!("no memref of shape {:?} and strides {:?}", view.shape, view.strides))
}

/// Those of the old function, with its results' attributes on the outputs, which are marked `ait.output`.
fn function_attributes<'c>(
    context: &'c Context,
    source: &Source<'c, '_>,
    types: &[Type<'c>],
) -> Vec<(Identifier<'c>, Attribute<'c>)> {
    let inputs = source.body.argument_count();
    let listed = |list: &str, index: usize| -> Vec<(Identifier<'c>, Attribute<'c>)> {
        let list = source.function.attribute(list).ok().and_then(|list| ArrayAttribute::try_from(list).ok());
        // melior's error has the whole list as text: it is not asked for what is not there.
        let one = list.filter(|list| index < list.len()).and_then(|list| list.element(index).ok());
        let Some(one) = one.and_then(|one| DictionaryAttribute::try_from(one).ok()) else {
            return Vec::new();
        };
        (0..one.len()).filter_map(|index| one.element(index).ok()).collect()
    };
    let dictionaries: Vec<Attribute<'c>> = (0..types.len())
        .map(|index| {
            let mut attributes = match index.checked_sub(inputs) {
                None => listed("arg_attrs", index),
                Some(output) => listed("res_attrs", output),
            };
            if index >= inputs && index + 1 < types.len() {
                attributes.push((Identifier::new(context, "ait.output"), Attribute::unit(context)));
            }
            DictionaryAttribute::new(context, &attributes).into()
        })
        .collect();
    let kept = source.function.attributes().filter(|(name, _)| {
        let name = name.as_string_ref();
        !matches!(name.as_str(), Ok("arg_attrs" | "res_attrs" | "function_type" | "sym_name"))
    });
    let r#type = TypeAttribute::new(FunctionType::new(context, types, &[]).into());
    let mut attributes: Vec<_> = kept.collect();
    attributes.extend([
        (Identifier::new(context, "sym_name"), StringAttribute::new(context, "main").into()),
        (Identifier::new(context, "function_type"), r#type.into()),
        (Identifier::new(context, "arg_attrs"), ArrayAttribute::new(context, &dictionaries).into()),
    ]);
    attributes
}

/// A view, or an address in the arena, identifies its value.
type ViewKey = (Root, i64, Vec<i64>, Vec<i64>);

struct Writer<'p, 'c, 'a, 'b> {
    context: &'c Context,
    source: &'p Source<'c, 'a>,
    aliasing: &'p Aliasing,
    arena: &'p Assignment,
    block: BlockRef<'c, 'b>,
    views: BTreeMap<ViewKey, Value<'c, 'b>>,
    /// Weights offsets by address of the (uniqued) attribute and strides.
    constants: BTreeMap<(usize, Vec<i64>), u64>,
    weights: u64,
}

impl<'c: 'b, 'b> Writer<'_, 'c, '_, 'b> {
    fn location(&self, node: NodeIndex) -> Location<'c> {
        let op = self.source.ops.get(node.index()).copied().flatten();
        op.map_or(self.source.function.location(), |op| op.location())
    }

    fn step(&mut self, step: &Step) -> Result<(), Fault<'c>> {
        let (Step::Kernel(at) | Step::Copy { at, .. } | Step::Fill { at, .. }) = step;
        let location = self.location(*at);
        let done = match step {
            Step::Kernel(node) => self.kernel(*node, location),
            Step::Copy { from, to, .. } => self.copy(from, to, location),
            Step::Fill { to, value, .. } => self.fill(to, *value, location),
        };
        done.map_err(|message| Fault::new(location, message))
    }

    fn kernel(&mut self, node: NodeIndex, location: Location<'c>) -> Result<(), String> {
        let op = self.source.ops.get(node.index()).copied().flatten().ok_or("a kernel without an op")?;
        let name = name_of(&op);
        let mut values: Vec<NodeIndex> =
            self.source.graph.operands(node).iter().map(|&(value, _)| value).collect();
        values.insert(position(&name, Operand::Init).unwrap_or(0).min(values.len()), node);
        let mut operands = Vec::new();
        for value in values {
            let place = self.aliasing.places.get(value.index()).and_then(Option::as_ref);
            operands.push(self.buffer(place.ok_or("an operand without a place")?, location)?);
        }
        let attributes: Vec<_> = op.attributes().collect();
        let built = melior::ir::operation::OperationBuilder::new(&name, location)
            .add_operands(&operands)
            .add_attributes(&attributes)
            .build();
        self.block.append_operation(built.map_err(|error| error.to_string())?);
        Ok(())
    }

    fn copy(&mut self, from: &Place, to: &Place, location: Location<'c>) -> Result<(), String> {
        let operands = [self.buffer(from, location)?, self.buffer(to, location)?];
        let lmul = [("lmul", i64(self.context, COPY_LMUL))];
        self.builder(location).insert("rvv.copy", &operands, &lmul, &[]).map(drop)
    }

    fn fill(&mut self, to: &Place, value: f32, location: Location<'c>) -> Result<(), String> {
        let operands = [self.buffer(to, location)?];
        let attributes = [("value", f32(self.context, value)), ("lmul", i64(self.context, COPY_LMUL))];
        self.builder(location).insert("rvv.fill", &operands, &attributes, &[]).map(drop)
    }

    fn builder(&self, location: Location<'c>) -> Builder<'c, 'b> {
        Builder::at_end(self.context, self.block, location)
    }

    /// The memref of a place: an argument, a constant, or a view made at its first use.
    fn buffer(&mut self, place: &Place, location: Location<'c>) -> Result<Value<'c, 'b>, String> {
        let key = (place.root, place.view.offset, place.view.shape.clone(), place.view.strides.clone());
        if let Some(&value) = self.views.get(&key) {
            return Ok(value);
        }
        let r#type = memref(self.context, &place.view, self.element(place.root))?;
        let (base, offset) = self.base(place.root, location)?;
        let offset = i64::try_from(offset).map_err(|_| "the arena is too large")? + place.view.offset * 4;
        let value = if base.r#type() == r#type && offset == 0 {
            base
        } else {
            let offset = [("offset", i64(self.context, offset))];
            let view = self.builder(location).insert("rvv.view", &[base], &offset, &[r#type])?;
            access::result(&view).ok_or("a view without a result")?
        };
        self.views.insert(key, value);
        Ok(value)
    }

    /// What a buffer holds: `f32`, but for constants of integers.
    fn element(&self, root: Root) -> Type<'c> {
        let constant = match root {
            Root::Constant(node) => self.source.ops.get(node.index()).copied().flatten(),
            _ => None,
        };
        let element = constant.and_then(|op| types::element(access::result(&op)?.r#type()));
        element.unwrap_or_else(|| Type::float32(self.context))
    }

    /// The value that a root is a part of, and the root's byte offset in it.
    fn base(&mut self, root: Root, location: Location<'c>) -> Result<(Value<'c, 'b>, u64), String> {
        let inputs = self.source.body.argument_count();
        let argument = |number: usize| {
            let argument = self.block.argument(number).map_err(|error| error.to_string());
            argument.map(Value::from)
        };
        Ok(match root {
            Root::Input(number) => (argument(number)?, 0),
            Root::Output(number) => (argument(inputs + number)?, 0),
            Root::Arena(number) => {
                let last = self.block.argument_count() - 1;
                (argument(last)?, *self.arena.offsets.get(number).ok_or("a buffer without an offset")?)
            }
            Root::Constant(node) => (self.constant(node, location)?, 0),
        })
    }

    /// `rvv.constant`, once per constant; equal constants share their data.
    fn constant(&mut self, node: NodeIndex, location: Location<'c>) -> Result<Value<'c, 'b>, String> {
        let place = self
            .aliasing
            .places
            .get(node.index())
            .and_then(Option::as_ref)
            .ok_or("a constant without a place")?;
        let key = (place.root, i64::MIN, place.view.shape.clone(), place.view.strides.clone());
        if let Some(&value) = self.views.get(&key) {
            return Ok(value);
        }
        let op = self.source.ops.get(node.index()).copied().flatten().ok_or("a constant without an op")?;
        let data = op.attribute("value").map_err(|error| error.to_string())?;
        let next = self.weights;
        let offset =
            *self.constants.entry((data.to_raw().ptr as usize, place.view.strides.clone())).or_insert(next);
        if offset == next {
            let count = self.source.graph.node(node).natural.shape.iter().product::<i64>().unsigned_abs();
            let width = types::element_bytes(data.r#type())? as u64;
            self.weights = (next + count * width).next_multiple_of(ALIGNMENT);
        }
        let attributes = [("value", data), ("offset", i64(self.context, offset.cast_signed()))];
        let r#type = memref(self.context, &place.view, self.element(place.root))?;
        let op = self.builder(location).insert("rvv.constant", &[], &attributes, &[r#type])?;
        let value = access::result(&op).ok_or("a constant without a result")?;
        self.views.insert(key, value);
        Ok(value)
    }
}
