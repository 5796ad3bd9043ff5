//! Convolutions to measure: found in a network, or given; their data, and networks of one of them.

use ait_dialects::{Layout, access};
use ait_passes::convolutions::convolution;
pub use ait_passes::cost::Convolution as Shape;
use ait_passes::diagnostic::SourceLocation;
use ait_passes::rewrite::{self, Rewriter};
use ait_passes::{PassError, Pipeline};
use ait_runtime::reference::{self, Activation, Conv2d};
use ait_runtime::{Tensor, npy};
use anyhow::{Result, anyhow, ensure};
use melior::Context;
use melior::ir::Module;
use melior::ir::operation::{OperationLike, OperationRef};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::fmt::{self, Write as _};

/// A distinct convolution of a network.
#[derive(Clone, Debug, Serialize)]
pub struct Layer {
    /// ONNX nodes of the convolutions that are like this one.
    pub names: Vec<String>,
    /// Whether it reads an input of the network: a stem, which is not pruned by default.
    pub stem: bool,
    /// What it is.
    pub shape: Shape,
}

/// The distinct convolutions of a network at the `ait` level, in the order of their first occurrence; its batch norms
/// and pads are folded first, in place.
///
/// # Errors
/// What a pass reports.
pub fn distinct<'c>(context: &'c Context, module: &Module<'c>) -> Result<Vec<Layer>> {
    Pipeline::parse(
        context,
        "ait-canonicalize,ait-fold-batch-norm,ait-eqsat{rules=fusion,pad,identity},ait-canonicalize",
    )?
    .run(module)?;
    let rewriter = Rewriter::new(module);
    let mut layers: Vec<Layer> = Vec::new();
    for op in rewriter.ops().into_iter().filter(|op| rewrite::name(*op) == "ait.conv2d") {
        let shape = convolution(op).map_err(|message| PassError::new(op.location(), message))?;
        match layers.iter_mut().find(|layer| layer.shape == shape) {
            Some(layer) => layer.names.push(node(op)),
            None => layers.push(Layer { names: vec![node(op)], stem: is_stem(op), shape }),
        }
    }
    Ok(layers)
}

impl Layer {
    /// It is not measured.
    pub fn left_out(self, reason: String) -> LeftOut {
        LeftOut { names: self.names, shape: self.shape, reason }
    }

    /// How many of the network's convolutions are like this one.
    pub fn count(&self) -> usize {
        self.names.len()
    }
}

/// A convolution that is not measured.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// ONNX nodes of the convolutions that are like this one.
    pub names: Vec<String>,
    /// What it is.
    pub shape: Shape,
    /// Why.
    pub reason: String,
}

impl LeftOut {
    /// For people.
    pub fn sentence(&self) -> String {
        format!("not measured: {self}")
    }

    /// Checks that something of a network was measured.
    ///
    /// # Errors
    /// Names the network, and why each of its convolutions is left out.
    pub fn ensure_some(network: &str, measured: usize, left_out: &[Self]) -> Result<()> {
        let reasons = || left_out.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        ensure!(measured > 0, "{network} has no convolution to measure: {}", reasons());
        Ok(())
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.shape, self.names.join(", "), self.reason)
    }
}

/// Whether no op stands between an input of the network and the convolution.
fn is_stem(op: OperationRef<'_, '_>) -> bool {
    access::operand(&op, 0).is_some_and(|input| rewrite::definition(input).is_none())
}

/// The ONNX node, or the location where it names none.
fn node(op: OperationRef<'_, '_>) -> String {
    let location = SourceLocation::of(op.location());
    location.name.clone().unwrap_or_else(|| location.to_string())
}

/// Seeded data of a convolution.
pub struct Data {
    /// N x C x H x W
    pub input: Tensor,
    /// K x C/groups x KH x KW
    pub filter: Tensor,
    /// K
    pub bias: Tensor,
}

impl Data {
    /// Random numbers that the shape determines; outputs are of order 1.
    ///
    /// # Errors
    /// When the tensors do not fit memory.
    pub fn new(shape: &Shape) -> Result<Self> {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let terms = shape.filter[1..].iter().product::<usize>().max(1);
        let scale = (3.0 / terms as f32).sqrt();
        let mut tensor = |dims: &[usize], scale: f32| -> Result<Tensor> {
            let mut tensor = Tensor::zeros(dims)?;
            tensor.data_mut().iter_mut().for_each(|x| *x = random.random_range(-scale..scale));
            Ok(tensor)
        };
        Ok(Self {
            input: tensor(&shape.input, 1.0)?,
            filter: tensor(&shape.filter, scale)?,
            bias: tensor(&shape.filter[..1], 0.5)?,
        })
    }

    /// The scalar reference's result.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub fn expected(&self, shape: &Shape, filter: &Tensor) -> Result<Tensor> {
        let conv = Conv2d {
            strides: shape.strides,
            pads: shape.pads,
            dilations: shape.dilations,
            groups: shape.groups,
        };
        Ok(reference::conv2d(&self.input, filter, &self.bias, None, &conv, Activation::Relu)?)
    }
}

/// The transpose back.
fn inverse(order: [usize; 4]) -> [usize; 4] {
    let mut result = [0; 4];
    for (position, dim) in order.into_iter().enumerate() {
        result[dim] = position;
    }
    result
}

/// A module at the `ait` level of the convolution with ReLU. Its input and output are in the memory order of `layout`,
/// as they are inside a network, so that no conversion is part of it.
///
/// # Errors
/// When the shape is impossible.
pub fn module<'c>(
    context: &'c Context,
    name: &str,
    shape: &Shape,
    data: &Data,
    layout: Layout,
) -> Result<Module<'c>> {
    let (order, output) = (layout.order(), shape.output()?);
    let permuted = |dims: [usize; 4]| tensor_type(&order.map(|dim| dims[dim]));
    let (from, to) = (permuted(shape.input), permuted(output));
    let (input, result) = (tensor_type(&shape.input), tensor_type(&output));
    let (filter, bias) = (tensor_type(&shape.filter), tensor_type(&shape.filter[..1]));
    let text = format!(
        r#"module @{name} {{ func.func @main(%arg: {from} {{ait.name = "x"}}) -> ({to} {{ait.name = "y"}}) {{
          %w = "ait.constant"() {{value = {w}}} : () -> {filter}
          %b = "ait.constant"() {{value = {b}}} : () -> {bias}
          %x = "ait.transpose"(%arg) {{permutation = array<i64: {back}>}} : ({from}) -> {input}
          %y = "ait.conv2d"(%x, %w, %b) {{strides = array<i64: {strides}>, pads = array<i64: {pads}>,
            dilations = array<i64: {dilations}>, groups = {groups} : i64, epilogue = {{act = "relu"}}}}
            : ({input}, {filter}, {bias}) -> {result} loc("conv")
          %r = "ait.transpose"(%y) {{permutation = array<i64: {forth}>}} : ({result}) -> {to}
          return %r : {to} }} }}"#,
        w = dense(&data.filter),
        b = dense(&data.bias),
        back = list(&inverse(order)),
        forth = list(&order),
        strides = list(&shape.strides),
        pads = list(&shape.pads),
        dilations = list(&shape.dilations),
        groups = shape.groups,
    );
    Module::parse(context, &text).ok_or_else(|| anyhow!("{shape}: no module can be made of this convolution"))
}

/// The values in the memory order of `layout`, as the module's input or output has them.
///
/// # Errors
/// When the tensor is not of rank 4.
pub fn in_memory_order(tensor: &Tensor, layout: Layout) -> Result<Tensor> {
    Ok(reference::transpose(tensor, &layout.order())?)
}

/// The N x C x H x W tensor of a file in the memory order of `layout`.
///
/// # Errors
/// When it cannot be read.
pub fn read_output(path: &std::path::Path, layout: Layout) -> Result<Tensor> {
    Ok(reference::transpose(&npy::read(path)?, &inverse(layout.order()))?)
}

fn list(values: &[usize]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn tensor_type(dims: &[usize]) -> String {
    format!("tensor<{}f32>", dims.iter().map(|dim| format!("{dim}x")).collect::<String>())
}

/// `dense<"0x...">`, the exact bytes.
fn dense(tensor: &Tensor) -> String {
    let mut text = String::with_capacity(tensor.len() * 8 + 64);
    text += "dense<\"0x";
    for byte in tensor.data().iter().flat_map(|value| value.to_le_bytes()) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
    text + "\"> : " + &tensor_type(tensor.shape())
}
