//! The layers that have weights: convolutions and matrix products, in graph order.

use std::collections::{BTreeMap, BTreeSet};

use ait_dialects::{access, attributes::Attributes};
use melior::ir::{
    Module, Value,
    operation::{OperationLike, OperationRef},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    PassError,
    diagnostic::SourceLocation,
    nm::Weights,
    rewrite::{Rewriter, constant_slice, definition, name, operand, shape},
};

/// What a layer computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `ait.conv2d`.
    Conv2d,
    /// `ait.conv2d` whose groups have one input channel each.
    DepthwiseConv2d,
    /// `ait.gemm`.
    Gemm,
    /// `ait.matmul` by a constant matrix.
    Matmul,
}

impl Kind {
    /// Whether rows are vectors of the kernel, not accumulators.
    pub fn is_product(self) -> bool {
        matches!(self, Self::Gemm | Self::Matmul)
    }
}

/// A convolution or matrix product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The ONNX node's name; `ait.conv2d#3` of one that has none (the index counts layers), `name#2` of a second one.
    pub name: String,
    /// What it computes.
    pub kind: Kind,
    /// Of the weights: `K x C/groups x KH x KW`, `N x K` of a gemm, `K x N` of a matmul.
    pub shape: Vec<i64>,
    /// `[h, w]`; `[1, 1]` of a product.
    pub strides: [i64; 2],
    /// Convolution groups.
    pub groups: i64,
    /// A convolution without another one before it: it reads the network's input.
    pub is_stem: bool,
    /// Whether the weights are known.
    pub is_constant: bool,
    /// The initializer's name, where the constant still has it.
    pub weight: Option<String>,
}

impl Layer {
    /// Elements in the order of [`Layer::shape`] as the matrix of `nm.td`.
    ///
    /// # Errors
    /// If their number is wrong, or the groups do not divide the rows.
    pub fn matrix(&self, data: &[f32]) -> Result<Weights, String> {
        match (self.kind, self.shape.as_slice()) {
            (Kind::Matmul, &[k, n]) => Weights::from_filter(&[n, k], 1, &transposed(data, n)),
            _ => Weights::from_filter(&self.shape, self.groups, data),
        }
    }

    /// The shape of the weights as a filter: [`Layer::shape`], `N x K` for a matmul.
    pub(super) fn filter_shape(&self) -> Vec<i64> {
        match (self.kind, self.shape.as_slice()) {
            (Kind::Matmul, &[k, n]) => vec![n, k],
            _ => self.shape.clone(),
        }
    }

    /// Groups, rows of a group, columns.
    pub(super) fn extents(&self) -> [i64; 3] {
        let shape = self.filter_shape();
        let rows = shape.first().copied().unwrap_or(0);
        [self.groups, rows / self.groups.max(1), shape.iter().skip(1).product()]
    }

    /// Why this layer is not pruned unless a rule says so; none if it is.
    pub fn exemption(&self) -> Option<&'static str> {
        match self.kind {
            _ if !self.is_constant => Some("its weights are not constant"),
            Kind::DepthwiseConv2d => Some("depthwise"),
            Kind::Conv2d if self.is_stem => Some("stem"),
            Kind::Conv2d => None,
            Kind::Gemm | Kind::Matmul => Some("fully connected"),
        }
    }
}

/// The transpose of a row-major matrix of `columns` columns.
fn transposed(data: &[f32], columns: i64) -> Vec<f32> {
    let columns = usize::try_from(columns).unwrap_or(0).max(1);
    (0..columns).flat_map(|column| data.iter().skip(column).step_by(columns).copied()).collect()
}

/// A layer and its op.
pub(super) struct Site<'c, 'a> {
    pub layer: Layer,
    pub op: OperationRef<'c, 'a>,
}

impl<'c: 'a, 'a> Site<'c, 'a> {
    pub fn error(&self, message: impl std::fmt::Display) -> PassError {
        PassError::at(&self.op, message)
    }

    pub fn filter(&self) -> Result<Value<'c, 'a>, PassError> {
        operand(self.op, 1)
    }

    /// The weights, an error if they are not constant.
    pub fn weights(&self) -> Result<Weights, PassError> {
        let data = constant_slice(self.filter()?);
        let data = data.ok_or_else(|| self.error("cannot be pruned: its weights are not constant"))?;
        self.layer.matrix(&data).map_err(|message| self.error(message))
    }
}

/// Every layer of a module, in graph order.
///
/// # Errors
/// At an op whose attributes or operands are malformed.
pub fn layers(module: &Module) -> Result<Vec<Layer>, PassError> {
    let rewriter = Rewriter::new(module);
    Ok(sites(&rewriter)?.into_iter().map(|site| site.layer).collect())
}

/// Every layer of the rewriter's module, in graph order.
pub(super) fn sites<'c, 'a>(rewriter: &'a Rewriter<'c, '_>) -> Result<Vec<Site<'c, 'a>>, PassError> {
    let (mut sites, mut names) = (vec![], Names::default());
    // The ops with a convolution among them and what they are computed from.
    let mut behind_convolution = BTreeSet::new();
    for op in rewriter.ops() {
        let key = |op: OperationRef| op.to_raw().ptr as usize;
        let behind = |value: Value| definition(value).is_some_and(|op| behind_convolution.contains(&key(op)));
        let (is_stem, any) = (!access::operand(&op, 0).is_some_and(behind), op.operands().any(behind));
        let kind = name(op);
        if any || kind == "ait.conv2d" {
            behind_convolution.insert(key(op));
        }
        if let Some(mut layer) = layer(op, &kind, is_stem)? {
            layer.name = names.unique(layer.name, &kind, sites.len());
            sites.push(Site { layer, op });
        }
    }
    Ok(sites)
}

/// The layer of an op, its name empty where it has none; none of an op without weights.
fn layer(op: OperationRef, kind: &str, is_stem: bool) -> Result<Option<Layer>, PassError> {
    if !matches!(kind, "ait.conv2d" | "ait.gemm" | "ait.matmul") {
        return Ok(None);
    }
    let filter = operand(op, 1)?;
    let constant = definition(filter).filter(|maker| name(*maker) == "ait.constant");
    let shape = shape(op, filter)?;
    let fail = |message| PassError::at(&op, message);
    let (kind, groups, strides) = match kind {
        "ait.matmul" if constant.is_none() || shape.len() != 2 => return Ok(None),
        "ait.matmul" => (Kind::Matmul, 1, [1, 1]),
        "ait.gemm" => (Kind::Gemm, 1, [1, 1]),
        _ => {
            let groups = op.i64("groups").map_err(fail)?;
            let depthwise = groups > 1 && shape.get(1) == Some(&1);
            let kind = if depthwise { Kind::DepthwiseConv2d } else { Kind::Conv2d };
            (kind, groups, op.i64s("strides").map_err(fail)?)
        }
    };
    Ok(Some(Layer {
        name: SourceLocation::of(op.location()).name.unwrap_or_default(),
        kind,
        shape,
        strides,
        groups,
        is_stem: is_stem && !kind.is_product(),
        is_constant: constant.is_some(),
        weight: constant.and_then(|maker| SourceLocation::of(maker.location()).name),
    }))
}

/// Names that were given, and after each the number that the next layer of this name gets.
#[derive(Default)]
struct Names {
    taken: BTreeSet<String>,
    next: BTreeMap<String, u64>,
}

impl Names {
    fn unique(&mut self, name: String, kind: &str, index: usize) -> String {
        let base = if name.is_empty() { format!("{kind}#{index}") } else { name };
        if self.taken.insert(base.clone()) {
            return base;
        }
        let number = self.next.entry(base.clone()).or_insert(2);
        loop {
            let name = format!("{base}#{number}");
            *number += 1;
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

/// Identifies a network whatever its weights' values: SHA-256 over name, kind, weight shape, strides and groups of every
/// layer in graph order, in hexadecimal.
pub fn fingerprint(layers: &[Layer]) -> String {
    let mut hash = Sha256::new();
    for Layer { name, kind, shape, strides, groups, .. } in layers {
        hash.update(format!("{name:?} {kind:?} {shape:?} {strides:?} {groups}\n"));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
