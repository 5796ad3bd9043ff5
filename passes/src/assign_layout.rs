//! `ait-assign-layout`: one physical order for every rank-4 tensor.
//!
//! Results of ops that work on any strides get the layout as their encoding; those of pruned convolutions are in CNHW,
//! and what follows them up to the next dense convolution. Arguments and
//! results of the function, and ops defined by logical row-major order (`reshape`, `transpose`,
//! `matmul`), stay NCHW; `ait.convert_layout` stands between, once per value. Constants keep no
//! encoding: their data is row-major in the logical shape and is read by strides.

use std::{collections::HashMap, str::FromStr};

use ait_dialects::{
    Layout,
    attributes::{self, Attributes},
    nm::Columns,
    types,
};
use melior::ir::{
    Module, Value, ValueLike,
    operation::{OperationLike, OperationRef},
};

use crate::{
    Options, PassError,
    rewrite::{Rewriter, constant, layout, name, operand, result, shape},
};

/// Runs the pass; `ait.layout` on the module records the choice for tensors of other ranks.
pub fn run(module: &Module, options: &Options) -> Result<(), PassError> {
    let rewriter = Rewriter::new(module);
    let module = rewriter.module();
    let wanted = options.word("layout");
    let target = Layout::from_str(wanted).map_err(|message| PassError::at(&module, message))?;
    rewriter.set_attribute(module, "ait.layout", attributes::string(rewriter.context(), wanted));
    let mut conversions = Conversions::new(&rewriter);
    for op in rewriter.ops() {
        let kind = name(op);
        if matches!(kind.as_str(), "ait.constant" | "ait.convert_layout") {
            continue;
        }
        let target = layout_of_op(op, &kind, target)?;
        conversions.operands(op, &kind, target)?;
        if is_capable(op, &kind) {
            let value = result(op)?;
            rewriter.set_type(value, types::tensor(rewriter.context(), &shape(op, value)?, target));
        }
    }
    Ok(())
}

/// The layout that an op computes in. XNNPACK packs filter and bias when the model is created, all of it: a convolution
/// whose weights are pruned, or which the network computes, needs a generated kernel, which works in CNHW. A dense
/// convolution gets the layout wanted; all else has kernels in every layout and stays in CNHW after such a convolution.
fn layout_of_op(op: OperationRef, kind: &str, target: Layout) -> Result<Layout, PassError> {
    if !is_capable(op, kind) {
        return Ok(Layout::Nchw);
    }
    if kind == "ait.conv2d" {
        let (filter, bias) = (operand(op, 1)?, operand(op, 2)?);
        if is_pruned(filter) || constant(filter).is_none() || constant(bias).is_none() {
            return Ok(Layout::Cnhw);
        }
        if !is_depthwise(op, filter) {
            return Ok(target);
        }
    }
    let follows = op.operands().any(|value| is_rank4(value) && layout(value) == Layout::Cnhw);
    Ok(if follows { Layout::Cnhw } else { target })
}

fn is_depthwise(op: OperationRef, filter: Value) -> bool {
    let one_channel = types::shape(filter.r#type()).is_ok_and(|shape| shape.get(1) == Some(&1));
    one_channel && op.i64("groups").is_ok_and(|groups| groups > 1)
}

fn is_pruned(filter: Value) -> bool {
    Columns::of_encoding(filter.r#type()).is_ok_and(|pattern| pattern.is_some())
}

/// Whether the op's result may be in any layout.
fn is_capable(op: OperationRef, kind: &str) -> bool {
    let by_logical_order = matches!(kind, "ait.reshape" | "ait.transpose" | "ait.matmul");
    kind.starts_with("ait.") && !by_logical_order && result(op).is_ok_and(is_rank4)
}

fn is_rank4(value: Value) -> bool {
    types::shape(value.r#type()).is_ok_and(|shape| shape.len() == 4)
}

/// The conversions made so far, by value and layout.
struct Conversions<'c, 'a, 'm> {
    rewriter: &'a Rewriter<'c, 'm>,
    made: HashMap<(usize, Layout), Value<'c, 'a>>,
}

impl<'c, 'a, 'm> Conversions<'c, 'a, 'm> {
    fn new(rewriter: &'a Rewriter<'c, 'm>) -> Self {
        Self { rewriter, made: HashMap::new() }
    }

    /// Converts the operands of `op` that are in another layout; a filter has none.
    fn operands(
        &mut self,
        op: OperationRef<'c, 'a>,
        kind: &str,
        layout_of_op: Layout,
    ) -> Result<(), PassError> {
        for index in 0..op.operand_count() {
            let value = operand(op, index)?;
            let wanted = if (kind, index) == ("ait.conv2d", 1) { Layout::Nchw } else { layout_of_op };
            if is_rank4(value) && layout(value) != wanted && constant(value).is_none() {
                let converted = self.convert(op, value, wanted)?;
                self.rewriter.set_operand(op, index, converted);
            }
        }
        Ok(())
    }

    fn convert(
        &mut self,
        op: OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        wanted: Layout,
    ) -> Result<Value<'c, 'a>, PassError> {
        let key = (value.to_raw().ptr as usize, wanted);
        if let Some(&converted) = self.made.get(&key) {
            return Ok(converted);
        }
        let build = self.rewriter.before(op)?;
        let converted = build.convert_layout(value, wanted).map_err(|message| PassError::at(&op, message))?;
        self.made.insert(key, converted);
        Ok(converted)
    }
}
