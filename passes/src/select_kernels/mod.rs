//! `ait-select-kernels`: the implementation of each op, with its weights packed.
//!
//! An op on NHWC tensors becomes an XNNPACK operator where there is one (`xnn`), everything else
//! a generated kernel (`rvv`; `nm` if its weights are pruned). Ops that only rearrange elements stay for `ait-plan-buffers`.
//! Tensors without a layout follow the module's `ait.layout`.

mod convolution;
mod nm;
mod pack;
mod rvv;
mod xnn;

use ait_cores::Core;
use ait_dialects::{
    Activation, Builder, Epilogue, Layout, Nan, access,
    attributes::{self, Attributes},
    nm::Columns,
    types,
};
use ait_ops::Operand;
use std::{borrow::Cow, path::Path};

use melior::ir::{
    Attribute, Module, Value, ValueLike,
    operation::{OperationLike, OperationRef},
};

use crate::{
    Options, PassError,
    canonicalize::erase_dead,
    cost::{Chooser, Target},
    diagnostic::say_once,
    rewrite::{MAX_ELEMENTS, Rewriter, constant_slice, layout, name, operand, result, shape},
};
use pack::FilterShape;
pub(crate) use pack::{balanced_tile, cost};

/// Runs the pass.
pub fn run(module: &Module, options: &Options) -> Result<(), PassError> {
    let rewriter = Rewriter::new(module);
    let given = |number: i64| (number > 0).then_some(number);
    let chooser = chooser(module, options)?;
    let wanted = rewriter.module().string("ait.layout").unwrap_or_default();
    let channels_last = wanted == "nhwc";
    let is_auto = wanted == "auto";
    let nan = options.word("nan").parse::<Nan>();
    let nan = nan.map_err(|message| PassError::at(&rewriter.module(), message))?;
    for op in rewriter.ops() {
        let kind = name(op);
        let Some(kind) = kind.strip_prefix("ait.") else { continue };
        if is_rearranging(kind) {
            continue;
        }
        let site = Site {
            op,
            build: rewriter.before(op)?,
            output: shape(op, result(op)?)?,
            layout: layout(result(op)?),
            channels_last,
            is_auto,
            nan,
            lmul: options.word("lmul").parse().ok(),
            unroll: options.word("unroll").parse().ok(),
            algorithm: options.word("algorithm"),
            tile: given(options.int("tile")),
            chooser: &chooser,
        };
        let made = match site.pattern()? {
            Some(pattern) => nm::select(&site, kind, pattern)?,
            None => match xnn::select(&site, kind)? {
                Some(value) => value,
                None => rvv::select(&site, kind)?,
            },
        };
        rewriter.replace(op, made);
    }
    erase_dead(&rewriter);
    Ok(())
}

/// What the options `core`, `vlen`, `threads` and `tuning-log` say.
///
/// # Errors
/// If there is no such core, or the log cannot be read.
pub(crate) fn chooser(module: &Module, options: &Options) -> Result<Chooser, PassError> {
    let fail = |message: String| PassError::new(module.as_operation().location(), message);
    let core = Core::named_or_file(options.word("core")).map_err(|error| fail(error.to_string()))?;
    let vlen = u32::try_from(options.int("vlen")).ok().filter(|&vlen| vlen > 0).unwrap_or(core.vlen);
    let target = Target { core, vlen, threads: u32::try_from(options.int("threads")).unwrap_or(1) };
    match options.word("tuning-log") {
        "" => Ok(Chooser::new(target)),
        log => {
            let (chooser, notices) =
                Chooser::with_log(target, Path::new(log)).map_err(|error| fail(error.to_string()))?;
            notices.iter().for_each(|notice| say_once(format!("warning: {notice}")));
            Ok(chooser)
        }
    }
}

/// Ops without arithmetic: the planner makes views or copies of them.
fn is_rearranging(kind: &str) -> bool {
    matches!(kind, "constant" | "reshape" | "transpose" | "slice" | "concat" | "pad" | "convert_layout")
}

/// An op to implement, and what is known where it stands.
struct Site<'c, 'a> {
    op: OperationRef<'c, 'a>,
    build: Builder<'c, 'a>,
    output: Vec<i64>,
    layout: Layout,
    /// Whether the module's layout is NHWC.
    channels_last: bool,
    /// Whether there is none: each layer was given its own.
    is_auto: bool,
    /// What becomes of NaN.
    nan: Nan,
    /// Register group size, if that is given.
    lmul: Option<i64>,
    /// Reduction steps of an iteration of a convolution, if that is given.
    unroll: Option<i64>,
    /// How convolutions read their input: "auto", "packed" or "direct".
    algorithm: &'a str,
    /// Rows of a tile, if that is given.
    tile: Option<i64>,
    /// For what is not given of a convolution.
    chooser: &'a Chooser,
}

/// The elements of a constant; none of what is computed.
type Data<'c> = Option<Cow<'c, [f32]>>;

/// Register group size of kernels other than convolutions, if none is given.
const LMUL: i64 = 4;

impl<'c: 'a, 'a> Site<'c, 'a> {
    fn error(&self, message: impl std::fmt::Display) -> PassError {
        PassError::at(&self.op, message)
    }

    /// Register group size of a kernel other than a convolution.
    fn lmul(&self) -> i64 {
        self.lmul.unwrap_or(LMUL)
    }

    /// Largest tile of a product that option and register file allow.
    fn most_tile(&self) -> i64 {
        let most = 32 / self.lmul().max(1) - 1;
        self.tile.map_or(most, |tile| tile.min(most))
    }

    fn input(&self, index: usize) -> Result<Value<'c, 'a>, PassError> {
        operand(self.op, index)
    }

    /// The pattern of its weights, operand 1, if they are pruned.
    fn pattern(&self) -> Result<Option<Columns>, PassError> {
        let Some(weights) = access::operand(&self.op, 1) else { return Ok(None) };
        types::columns(weights.r#type()).map_err(|message| self.error(message))
    }

    /// Operand 3 of a convolution or gemm.
    fn residual(&self) -> Option<Value<'c, 'a>> {
        access::operand(&self.op, 3)
    }

    /// An attribute of the op, as it is.
    fn attribute(&self, name: &'static str) -> Result<(&'static str, Attribute<'c>), PassError> {
        let value = self.op.attribute(name).map_err(|_| self.error(format!("has no attribute '{name}'")))?;
        Ok((name, value))
    }

    fn activation(&self) -> Result<Activation, PassError> {
        self.op.epilogue().map_err(|message| self.error(message))
    }

    /// The epilogue of a generated kernel.
    fn kernel_epilogue(&self, activation: Activation) -> (&'static str, Attribute<'c>) {
        ("epilogue", attributes::of(self.build.context(), &Epilogue { activation, nan: self.nan }))
    }

    fn attributes(&self, names: &[&'static str]) -> Result<Vec<(&'static str, Attribute<'c>)>, PassError> {
        names.iter().map(|name| self.attribute(name)).collect()
    }

    fn i64(&self, value: i64) -> Attribute<'c> {
        attributes::i64(self.build.context(), value)
    }

    fn string(&self, value: &str) -> Attribute<'c> {
        attributes::string(self.build.context(), value)
    }

    /// The op `name` in destination-passing style, its `init` a fresh `tensor.empty` put where
    /// `name` wants it.
    fn emit(
        &self,
        name: &str,
        operands: &[Value<'c, 'a>],
        attributes: &[(&str, Attribute<'c>)],
    ) -> Result<Value<'c, 'a>, PassError> {
        self.emit_shape(name, &self.output, operands, attributes)
    }

    /// As [`Site::emit`], with a result of another shape than the op's.
    fn emit_shape(
        &self,
        name: &str,
        shape: &[i64],
        operands: &[Value<'c, 'a>],
        attributes: &[(&str, Attribute<'c>)],
    ) -> Result<Value<'c, 'a>, PassError> {
        let fail = |message| self.error(message);
        let init = self.build.empty(shape, self.layout).map_err(fail)?;
        let mut operands = operands.to_vec();
        let at = ait_ops::position(name, Operand::Init).unwrap_or(operands.len()).min(operands.len());
        operands.insert(at, init);
        self.build.named(self.layout, name, &operands, attributes).map_err(fail)
    }

    /// The constant bias of a product that has none.
    fn zero_bias(&self, count: i64) -> Result<Value<'c, 'a>, PassError> {
        match usize::try_from(count) {
            Ok(elements) if count <= MAX_ELEMENTS => self.constant(&[elements], &vec![0.0; elements]),
            _ => Err(self.error(format!("has {count} columns, more than {MAX_ELEMENTS}"))),
        }
    }

    /// A constant of weights.
    fn constant(&self, shape: &[usize], data: &[f32]) -> Result<Value<'c, 'a>, PassError> {
        let shape: Vec<_> = shape.iter().map(|&dim| dim as i64).collect();
        self.build.constant(&shape, data).map_err(|message| self.error(message))
    }

    /// The shape of operand 1 of a convolution, and its data if it is a constant.
    fn filter(&self) -> Result<(FilterShape, Data<'c>), PassError> {
        let value = self.input(1)?;
        let dims = shape(self.op, value)?;
        let dims: Vec<_> = dims.iter().filter_map(|&dim| usize::try_from(dim).ok()).collect();
        let groups = self.op.i64("groups").ok().and_then(|groups| usize::try_from(groups).ok());
        match (dims.as_slice(), groups) {
            (&[k, c, kh, kw], Some(groups)) if groups > 0 => {
                Ok((FilterShape { groups, k, c, kh, kw }, constant_slice(value)))
            }
            _ => Err(self.error("needs a filter of rank 4 and groups")),
        }
    }

    /// Whether each output channel sees one input channel of several.
    fn is_depthwise(&self) -> Result<bool, PassError> {
        let channels = types::shape(self.input(1)?.r#type()).map_err(|message| self.error(message))?;
        Ok(channels.get(1) == Some(&1) && self.op.i64("groups").is_ok_and(|groups| groups > 1))
    }
}
