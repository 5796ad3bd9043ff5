//! What a term costs: model cycles on a target, from the tuning log where measured and the static model elsewhere.
//!
//! The same [`Chooser`] serves `ait-select-kernels`, so that what is extracted is what is then chosen, unless that pass is
//! told a tile, a register group or an algorithm: those are for comparing kernels, not for choosing layouts.

use std::collections::BTreeMap;

use ait_dialects::{Activation, Layout, Nan};
use egg::Id;
use egg::Language;

use super::analysis::{Graph, Tensor, activation, is_refused, leaf, tensor, window};
use super::select::site;
use super::term::{Leaf, Term, Window, is_folded, operand_count};
use crate::activation::xnnpack_clamp;
use crate::cost::{Chooser, Convolution, Given, Op, Sparsity, Taps, residual, streamed};

/// Model cycles; [`Cycles::NEVER`] for what no kernel computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cycles(u64);

impl Cycles {
    /// What no kernel computes.
    pub const NEVER: Self = Self(u64::MAX);
    /// Nothing to do at run time.
    pub const NONE: Self = Self(0);

    /// Of a model, rounded up.
    pub fn new(cycles: f64) -> Self {
        // A cast saturates; a sum of many stays far below `NEVER`.
        if cycles.is_finite() { Self((cycles.max(0.0).ceil() as u64).min(1 << 52)) } else { Self::NEVER }
    }

    /// Both; never more than [`Cycles::NEVER`].
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// As a number of model cycles.
    pub fn get(self) -> u64 {
        self.0
    }

    /// Whether a kernel computes it.
    pub fn is_possible(self) -> bool {
        self != Self::NEVER
    }
}

/// How a term is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Implementation {
    /// Name for reports.
    pub name: &'static str,
    /// Model cycles.
    pub cycles: Cycles,
}

/// The cost of terms on a target.
pub struct Cost<'a> {
    chooser: &'a Chooser,
    /// The layout that was asked for; none: any.
    wanted: Option<Layout>,
    /// What becomes of NaN.
    nan: Nan,
    /// The layouts of layers that are pinned, by the number of their op.
    pins: BTreeMap<u32, Layout>,
}

const IMPOSSIBLE: Implementation = Implementation { name: "none", cycles: Cycles::NEVER };
const FREE: Implementation = Implementation { name: "view", cycles: Cycles::NONE };

impl<'a> Cost<'a> {
    /// By a chooser, of kernels that propagate NaN. Where a layout is wanted, tensors of rank 4 do not stay in NCHW.
    pub fn new(chooser: &'a Chooser, wanted: Option<Layout>) -> Self {
        Self { chooser, wanted, nan: Nan::Propagate, pins: BTreeMap::new() }
    }

    /// Of kernels that do with NaN as the user wants.
    #[must_use]
    pub fn with_nan(self, nan: Nan) -> Self {
        Self { nan, ..self }
    }

    /// With the layouts of some layers given, by the number of their op.
    #[must_use]
    pub fn with_pins(self, pins: BTreeMap<u32, Layout>) -> Self {
        Self { pins, ..self }
    }

    /// Whether the user wants a term's layer in another layout.
    fn is_pinned_elsewhere(&self, graph: &Graph, term: &Term) -> bool {
        let Some(pin) = site(graph, term).and_then(|site| self.pins.get(&site)) else { return false };
        if matches!(term, Term::Reshape(_) | Term::Transpose(_)) {
            return false;
        }
        let operands = operand_count(term).unwrap_or(0);
        let inputs = term.children().iter().take(operands).filter_map(|&id| tensor(graph, id));
        // The operands of an op are in one layout; filters are constants.
        let mut others = inputs.filter(|input| input.has_layout());
        others.any(|input| !is_same_memory(&input.shape, input.layout, *pin))
    }

    fn allows_nchw(&self) -> bool {
        self.wanted.is_none()
    }

    /// How a term of a graph is computed, its operands aside.
    pub fn of(&self, graph: &Graph, term: &Term) -> Implementation {
        if is_refused(graph, term) || self.is_pinned_elsewhere(graph, term) {
            return IMPOSSIBLE;
        }
        Site { cost: self, graph, term }.implementation().unwrap_or(IMPOSSIBLE)
    }

    fn stream(&self, read: f64, written: f64, vectors: i64, strided: bool) -> f64 {
        streamed(self.chooser.target(), read, written, vectors, strided)
    }

    fn generated(&self, conv: &Convolution, sparsity: Sparsity, tile: Option<i64>) -> Option<f64> {
        // A mask fixes the tile.
        let picked = self.chooser.choose(conv, sparsity, &Given { tile, ..Given::default() }).ok()??;
        Some(picked.cycles)
    }
}

/// A term with its graph.
struct Site<'a> {
    cost: &'a Cost<'a>,
    graph: &'a Graph,
    term: &'a Term,
}

/// Vector instructions of an activation on a vector (`lowering/src/kernels/epilogue.rs`).
fn vectors(activation: Activation, nan: Nan) -> i64 {
    // Those that keep a NaN below an upper bound.
    let kept = if nan == Nan::Propagate { 2 } else { 0 };
    match activation {
        Activation::Identity => 0,
        Activation::Relu => 1,
        Activation::LeakyRelu { .. } => 2,
        Activation::Clip { .. } => 2 + kept,
        Activation::HardSigmoid { .. } => 4 + kept,
        Activation::HardSwish => 5,
        Activation::Sigmoid | Activation::Tanh | Activation::Silu | Activation::Elu { .. } => 24,
    }
}

/// Whether a tensor has the same memory in two layouts: they order the dimensions of several elements alike.
pub fn is_same_memory(shape: &[i64], from: Layout, to: Layout) -> bool {
    let order = |layout: Layout| {
        let dims = layout.order().into_iter();
        dims.filter(|&dim| shape.get(dim).is_some_and(|&size| size > 1)).collect::<Vec<_>>()
    };
    order(from) == order(to)
}

/// The matrices that a conversion transposes: how many, rows, columns. None where channels only move among images.
fn transposition(shape: &[i64], from: Layout, to: Layout) -> Option<[i64; 3]> {
    let &[images, channels, height, width] = shape else { return None };
    let pixels = height.saturating_mul(width);
    match (from, to) {
        (Layout::Nchw, Layout::Nhwc) => Some([images, channels, pixels]),
        (Layout::Nhwc, Layout::Nchw) => Some([images, pixels, channels]),
        (Layout::Cnhw, Layout::Nhwc) => Some([1, channels, images.saturating_mul(pixels)]),
        (Layout::Nhwc, Layout::Cnhw) => Some([1, images.saturating_mul(pixels), channels]),
        _ => None,
    }
}

/// How a product with dense weights is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gemm {
    /// By XNNPACK, or by a generated kernel.
    pub is_xnnpack: bool,
    /// Model cycles.
    pub cycles: f64,
}

/// A product of `rows` x `depth` and `depth` x `columns`. XNNPACK has it in NHWC and, where it is the faster, where the
/// layout is chosen; it packs weights when a model is created, so they must be constant.
pub fn gemm(chooser: &Chooser, wanted: Option<Layout>, sizes: [i64; 3], is_constant: bool) -> Option<Gemm> {
    let by = |is_xnnpack| {
        let op = if is_xnnpack { Op::XnnFullyConnected(sizes) } else { Op::Matmul(sizes) };
        chooser.estimate(op).map(|cycles| Gemm { is_xnnpack, cycles })
    };
    match wanted {
        Some(Layout::Nhwc) if is_constant => by(true),
        None if is_constant => {
            [by(true)?, by(false)?].into_iter().min_by(|a, b| a.cycles.total_cmp(&b.cycles))
        }
        _ => by(false),
    }
}

impl Site<'_> {
    fn tensor(&self, id: Id) -> Option<&Tensor> {
        tensor(self.graph, id)
    }

    /// Elements of the result of an element-wise op, which has the shape that broadcasting gives.
    fn widest(&self, operands: &[Id]) -> Option<(f64, Layout)> {
        let tensors = operands.iter().filter_map(|&id| self.tensor(id));
        let widest = tensors.clone().max_by(|a, b| a.bytes().total_cmp(&b.bytes()))?;
        let layout = tensors.filter(|tensor| tensor.has_layout()).map(|tensor| tensor.layout).next();
        Some((widest.bytes(), layout.unwrap_or_default()))
    }

    /// NCHW is no layout to work in where one was asked for.
    fn is_allowed(&self, tensor: &Tensor) -> bool {
        self.cost.allows_nchw() || !tensor.has_layout() || tensor.layout != Layout::Nchw
    }

    fn implementation(&self) -> Option<Implementation> {
        let of = |name, cycles: f64| Some(Implementation { name, cycles: Cycles::new(cycles) });
        match *self.term {
            Term::Leaf(_) => Some(FREE),
            // Computed when the module is written.
            _ if is_folded(self.term) => Some(FREE),
            Term::Conv([x, w, _, p, a, _]) => self.conv(x, w, None, p, a),
            Term::ConvAdd([x, w, _, r, p, a, _]) => self.conv(x, w, Some(r), p, a),
            Term::Gemm([x, w, b, a, _]) => self.gemm([x, w, b], None, a),
            Term::GemmAdd([x, w, b, r, a, _]) => self.gemm([x, w, b], Some(r), a),
            Term::Matmul([x, y, _]) => {
                let (x, y) = (self.tensor(x)?, self.tensor(y)?);
                let rows = x.shape.iter().rev().nth(1).copied().unwrap_or(1);
                of("generated", self.cost.stream(x.bytes() + y.bytes(), x.bytes(), rows, false))
            }
            // It has no kernel: `ait-fold-batch-norm` or the rules fold it.
            Term::BatchNorm(_) => None,
            Term::ScaleBias([x, _, _, a, _]) => self.scale_bias(x, self.vectors(a)?),
            Term::Activation([x, a, _]) => self.elementwise(&[x], self.vectors(a)?),
            Term::Prelu([x, y, _]) => self.elementwise(&[x, y], 3),
            Term::Add([x, y, a, _]) | Term::Sub([x, y, a, _]) | Term::Mul([x, y, a, _]) => {
                self.elementwise(&[x, y], 1 + self.vectors(a)?)
            }
            Term::Div([x, y, a, _]) => self.elementwise(&[x, y], 8 + self.vectors(a)?),
            Term::MaxPool([x, p, _]) if self.cost.nan == Nan::Propagate => self.pool(x, p, Taps::Squared),
            Term::MaxPool([x, p, _]) | Term::AvgPool([x, p, _]) => self.pool(x, p, Taps::Plain),
            Term::GlobalAvgPool([x, _]) | Term::GlobalMaxPool([x, _]) => self.global_pool(x),
            Term::Softmax([x, _, _]) => self.elementwise(&[x], 40),
            Term::Reshape(_) => Some(FREE),
            Term::Transpose([x, _, _]) => {
                let bytes = self.tensor(x)?.bytes();
                of("copy", self.cost.stream(bytes, bytes, 0, true))
            }
            Term::Concat([x, y, d, _]) => self.concat(x, y, d),
            Term::Slice([x, _, _]) => self.is_allowed(self.tensor(x)?).then_some(FREE),
            Term::Pad([x, _, _]) => {
                let bytes = self.tensor(x).filter(|tensor| self.is_allowed(tensor))?.bytes();
                // A fill, then a copy.
                of("copy", self.cost.stream(0.0, bytes, 0, false) + self.cost.stream(bytes, bytes, 0, false))
            }
            Term::Convert([x, l]) => {
                let (tensor, Leaf::Layout(to)) = (self.tensor(x)?, leaf(self.graph, l)?) else { return None };
                if is_same_memory(&tensor.shape, tensor.layout, *to) {
                    return Some(FREE);
                }
                let cycles = match transposition(&tensor.shape, tensor.layout, *to) {
                    Some(sizes) => self.cost.chooser.estimate(Op::Transpose(sizes))?,
                    None => self.cost.stream(tensor.bytes(), tensor.bytes(), 0, false),
                };
                of("convert", cycles)
            }
            _ => None,
        }
    }

    fn activation(&self, id: Id) -> Option<Activation> {
        activation(self.graph, id)
    }

    fn vectors(&self, id: Id) -> Option<i64> {
        Some(vectors(self.activation(id)?, self.cost.nan))
    }

    /// What follows a product of XNNPACK's that is to be so many bytes: where it cannot clamp, a residual or an activation
    /// is a pass of its own.
    fn after_xnnpack(&self, output: f64, is_residual: bool, activation: Activation) -> f64 {
        let stream = |read: f64, vectors| self.cost.stream(read, output, vectors, false);
        let vectors = vectors(activation, self.cost.nan);
        let clamps = xnnpack_clamp(activation, self.cost.nan).is_some();
        match (is_residual, clamps) {
            (false, true) => 0.0,
            (false, false) => stream(output, vectors),
            (true, true) => stream(2.0 * output, 2),
            (true, false) if activation.clamp().is_some() => stream(2.0 * output, 1 + vectors),
            (true, false) => stream(2.0 * output, 2) + stream(output, vectors),
        }
    }

    fn convolution(&self, x: &Tensor, w: &Tensor, window: &Window) -> Option<Convolution> {
        let sizes = |values: &[i64]| {
            values.iter().map(|&value| usize::try_from(value).ok()).collect::<Option<Vec<_>>>()
        };
        fn array<const N: usize>(values: Vec<usize>) -> Option<[usize; N]> {
            values.try_into().ok()
        }
        Some(Convolution {
            input: array(sizes(&x.shape)?)?,
            filter: array(sizes(&w.shape)?)?,
            strides: array(sizes(&window.strides)?)?,
            pads: array(sizes(&window.pads)?)?,
            dilations: array(sizes(&window.dilations)?)?,
            groups: usize::try_from(window.groups).ok()?,
        })
    }

    /// A convolution with its epilogue.
    fn conv(&self, x: Id, w: Id, r: Option<Id>, p: Id, a: Id) -> Option<Implementation> {
        let (input, filter) = (self.tensor(x)?, self.tensor(w)?);
        let conv = self.convolution(input, filter, &window(self.graph, p)?)?;
        let activation = self.activation(a)?;
        let output = 4.0 * conv.output().ok()?.iter().map(|&dim| dim as f64).product::<f64>();
        let stream = |read: f64, vectors| self.cost.stream(read, output, vectors, false);
        let kept = filter.pattern.map_or(1.0, |pattern| {
            let columns = filter.shape.iter().skip(1).product::<i64>();
            pattern.kept_of(columns) as f64 / columns.max(1) as f64
        });
        let target = self.cost.chooser.target();
        let plain = stream(2.0 * output, 1) - stream(output, 1);
        let residual = match r {
            None => 0.0,
            // A depthwise convolution goes plane by plane.
            Some(_) if conv.is_depthwise() => plain,
            Some(_) => plain.max(residual(target, output, filter.bytes() * kept)),
        };
        let fused = stream(output, self.vectors(a)?) - stream(output, 0);
        let sparsity = Sparsity::of(filter.pattern);
        let tile = filter.pattern.map(|pattern| pattern.tile);
        let (name, cycles) = match input.layout {
            // The generated kernels, for one image after the other.
            Layout::Nchw if !self.cost.allows_nchw() => return None,
            Layout::Nchw => {
                let [images, rest @ ..] = conv.input;
                let one = Convolution { input: [&[1][..], &rest].concat().try_into().ok()?, ..conv.clone() };
                let of_one = match filter.pattern.is_none() && one.is_depthwise() {
                    true => self.cost.chooser.estimate(Op::Depthwise(one))?,
                    false => self.cost.generated(&one, sparsity, tile)?,
                };
                ("generated", of_one * images as f64 + residual + fused + 1.0)
            }
            Layout::Cnhw if filter.pattern.is_none() && conv.is_depthwise() => {
                ("depthwise", self.cost.chooser.estimate(Op::Depthwise(conv))? + residual + fused)
            }
            Layout::Cnhw => {
                let name = if filter.pattern.is_some() { "sparse" } else { "dense" };
                (name, self.cost.generated(&conv, sparsity, tile)? + residual + fused)
            }
            Layout::Nhwc if filter.pattern.is_some() => return None,
            Layout::Nhwc => {
                let product = self.cost.chooser.estimate(Op::XnnConvolution(conv))?;
                ("xnnpack", product + self.after_xnnpack(output, r.is_some(), activation))
            }
        };
        Some(Implementation { name, cycles: Cycles::new(cycles) })
    }

    /// By XNNPACK where it can and is the faster, as `ait-select-kernels` decides it.
    fn gemm(&self, [x, w, b]: [Id; 3], r: Option<Id>, a: Id) -> Option<Implementation> {
        let (input, weights, bias) = (self.tensor(x)?, self.tensor(w)?, self.tensor(b)?);
        let &[rows, depth] = input.shape.as_slice() else { return None };
        let columns = *weights.shape.first()?;
        let output = 4.0 * rows as f64 * columns as f64;
        let stream = |read: f64, vectors| self.cost.stream(read, output, vectors, false);
        let activation = self.activation(a)?;
        if let Some(pattern) = weights.pattern {
            // Bound by its weights, which are read once for a few rows.
            let kept = weights.bytes() * pattern.kept_of(depth) as f64 / depth.max(1) as f64;
            let product = self.cost.stream(kept, kept / 2.0, rows, false);
            let extra = stream(output, self.vectors(a)?) - stream(output, 0);
            let residual = r.map_or(0.0, |_| output / 4.0);
            let cycles = Cycles::new(product + extra + residual);
            return Some(Implementation { name: "gemm", cycles });
        }
        let is_plain = weights.is_constant && bias.is_constant;
        let product = gemm(self.cost.chooser, self.cost.wanted, [rows, depth, columns], is_plain)?;
        let fused = match product.is_xnnpack {
            true => self.after_xnnpack(output, r.is_some(), activation),
            false => {
                let residual = r.map_or(0.0, |_| stream(2.0 * output, 1) - stream(output, 1));
                residual + stream(output, self.vectors(a)?) - stream(output, 0)
            }
        };
        let name = if product.is_xnnpack { "xnnpack" } else { "gemm" };
        Some(Implementation { name, cycles: Cycles::new(product.cycles + fused) })
    }

    /// A scale and a bias for each channel.
    fn scale_bias(&self, x: Id, vectors: i64) -> Option<Implementation> {
        let input = self.tensor(x)?;
        let &[images, channels, height, width] = input.shape.as_slice() else {
            return self.elementwise(&[x], 1 + vectors);
        };
        if !self.is_allowed(input) {
            return None;
        }
        let pixels = height.saturating_mul(width);
        let (sizes, along) = match input.layout {
            Layout::Nhwc => ([images.saturating_mul(pixels), channels], true),
            Layout::Cnhw => ([channels, images.saturating_mul(pixels)], false),
            Layout::Nchw => ([images.saturating_mul(channels), pixels], false),
        };
        let cycles = self.cost.chooser.estimate(Op::ScaleBias(sizes, along, vectors))?;
        Some(Implementation { name: "elementwise", cycles: Cycles::new(cycles) })
    }

    /// Constants are read in logical order: in NHWC, by strides.
    fn elementwise(&self, operands: &[Id], vectors: i64) -> Option<Implementation> {
        let (bytes, layout) = self.widest(operands)?;
        let tensors = || operands.iter().filter_map(|&id| self.tensor(id));
        let is_image = tensors().map(|tensor| tensor.shape.len()).max() == Some(4);
        if is_image && !tensors().all(|tensor| self.is_allowed(tensor)) {
            return None;
        }
        let is_strided = layout == Layout::Nhwc
            && (matches!(self.term, Term::ScaleBias(_) | Term::Softmax(_))
                || tensors().any(|tensor| tensor.is_constant));
        let read: f64 = tensors().map(Tensor::bytes).sum();
        let cycles = Cycles::new(self.cost.stream(read, bytes, vectors, is_strided));
        Some(Implementation { name: "elementwise", cycles })
    }

    fn pool(&self, x: Id, p: Id, taps: Taps) -> Option<Implementation> {
        let input = self.tensor(x).filter(|tensor| self.is_allowed(tensor))?;
        let window = window(self.graph, p)?;
        let channels = *input.shape.get(1)?;
        let [kh, kw] = window.kernel;
        // A window over each channel, as of a depthwise convolution.
        let filter = Tensor::new(vec![channels, 1, kh, kw]);
        let window = self.convolution(input, &filter, &Window { groups: channels, ..window })?;
        let op = match (input.layout, taps) {
            (Layout::Nhwc, Taps::Squared) => Op::ChannelPool(window, taps),
            (Layout::Nhwc, Taps::Plain | Taps::Weighted) => Op::XnnPool(window),
            (Layout::Nchw | Layout::Cnhw, _) => Op::Pool(window, taps),
        };
        Some(Implementation { name: "pool", cycles: Cycles::new(self.cost.chooser.estimate(op)?) })
    }

    fn global_pool(&self, x: Id) -> Option<Implementation> {
        let input = self.tensor(x).filter(|tensor| self.is_allowed(tensor))?;
        let &[images, channels, height, width] = input.shape.as_slice() else { return None };
        let pixels = height.saturating_mul(width);
        let op = match input.layout {
            Layout::Nhwc => Op::XnnGlobalPool([images, pixels, channels]),
            _ => Op::GlobalPool([images.saturating_mul(channels), pixels]),
        };
        Some(Implementation { name: "pool", cycles: Cycles::new(self.cost.chooser.estimate(op)?) })
    }

    /// Nothing where the parts are runs of the result, which the planner then has written in place; XNNPACK's element-wise
    /// operators want dense tensors, so in NHWC the new part is copied.
    fn concat(&self, x: Id, y: Id, d: Id) -> Option<Implementation> {
        let (left, right) = (self.tensor(x)?, self.tensor(y)?);
        if !self.is_allowed(left) || !self.is_allowed(right) {
            return None;
        }
        let Leaf::Axis(axis) = leaf(self.graph, d)? else { return None };
        let slowest =
            left.layout.order().into_iter().find(|&dim| left.shape.get(dim).is_some_and(|&size| size > 1));
        let is_run = left.shape.len() != 4 || slowest.is_none() || usize::try_from(*axis).ok() == slowest;
        if is_run {
            return Some(Implementation { name: "in place", cycles: Cycles::NONE });
        }
        let cycles = self.cost.stream(right.bytes(), right.bytes(), 0, false);
        Some(Implementation { name: "copy", cycles: Cycles::new(cycles) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_saturate() {
        assert_eq!(Cycles::new(f64::INFINITY), Cycles::NEVER);
        assert_eq!(Cycles::NEVER.plus(Cycles::new(1.0)), Cycles::NEVER);
        assert_eq!(Cycles::new(1.2).plus(Cycles::new(3.0)).get(), 5);
    }

    #[test]
    fn memory_of_one_image_is_the_same_in_nchw_and_cnhw() {
        assert!(is_same_memory(&[1, 8, 4, 4], Layout::Nchw, Layout::Cnhw));
        assert!(!is_same_memory(&[2, 8, 4, 4], Layout::Nchw, Layout::Cnhw));
        assert!(is_same_memory(&[2, 8, 1, 1], Layout::Nchw, Layout::Nhwc));
        assert!(!is_same_memory(&[1, 8, 4, 4], Layout::Nhwc, Layout::Cnhw));
    }
}
