//! The static model of what is not a generated convolution, and a memory of what it said: networks repeat their layers.

use super::bounds::bounded;
use super::code::{Code, Stream};
use super::generated::{self, Taps};
use super::{Convolution, ShapeError, Target, xnnpack};
use ait_cores::{Class, Level};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Group size of the kernels that only stream.
const STREAM_LMUL: i64 = 4;
/// Cycles to start an operator: its task is found, a kernel called.
const OPERATOR: f64 = 400.0;

/// A kernel that is no generated convolution.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// So many matrices of so many rows and columns, transposed: a conversion of the layout.
    Transpose([i64; 3]),
    /// XNNPACK's convolution in NHWC.
    XnnConvolution(Convolution),
    /// A generated depthwise convolution.
    Depthwise(Convolution),
    /// A generated pooling of planes, as a depthwise convolution without weights.
    Pool(Convolution, Taps),
    /// A generated pooling in NHWC.
    ChannelPool(Convolution, Taps),
    /// XNNPACK's pooling in NHWC.
    XnnPool(Convolution),
    /// A generated global pooling: planes and their elements.
    GlobalPool([i64; 2]),
    /// XNNPACK's: images, pixels, channels.
    XnnGlobalPool([i64; 3]),
    /// A scale and a bias for each channel: rows and elements of them, whether channels run along the vectors, and the
    /// vector instructions of the epilogue.
    ScaleBias([i64; 2], bool, i64),
    /// `rvv.matmul`: rows, depth, columns.
    Matmul([i64; 3]),
    /// XNNPACK's fully connected layer: rows, depth, columns.
    XnnFullyConnected([i64; 3]),
}

/// Estimates for a target.
#[derive(Clone, Debug)]
pub struct Estimates {
    target: Target,
    known: RefCell<BTreeMap<Op, Option<f64>>>,
}

impl Estimates {
    /// None yet.
    pub fn new(target: Target) -> Self {
        Self { target, known: RefCell::default() }
    }

    /// Model cycles of a kernel; none if its window does not exist.
    pub fn of(&self, op: Op) -> Option<f64> {
        if let Some(known) = self.known.borrow().get(&op) {
            return *known;
        }
        let cycles = if op.is_empty() { Some(OPERATOR) } else { cycles(&self.target, &op).ok() };
        self.known.borrow_mut().insert(op, cycles);
        cycles
    }
}

impl Op {
    /// Whether there is nothing to compute: no images, channels or elements.
    fn is_empty(&self) -> bool {
        match self {
            Self::XnnConvolution(conv)
            | Self::Depthwise(conv)
            | Self::Pool(conv, _)
            | Self::ChannelPool(conv, _)
            | Self::XnnPool(conv) => conv.input.contains(&0) || conv.filter.contains(&0),
            Self::Transpose(sizes)
            | Self::XnnGlobalPool(sizes)
            | Self::Matmul(sizes)
            | Self::XnnFullyConnected(sizes) => sizes.contains(&0),
            Self::GlobalPool(sizes) | Self::ScaleBias(sizes, ..) => sizes.contains(&0),
        }
    }
}

/// The tasks of a kernel are shared by the threads; starting it is not.
fn cycles(target: &Target, op: &Op) -> Result<f64, ShapeError> {
    let (op, factor) = bounded(op)?;
    let work = match &op {
        Op::Transpose(sizes) => generated::transpose(target, *sizes),
        Op::XnnConvolution(conv) => xnnpack::convolution(target, conv)?,
        Op::Depthwise(conv) => generated::window(target, conv, Taps::Weighted)?,
        Op::Pool(window, taps) => generated::window(target, window, *taps)?,
        Op::ChannelPool(window, taps) => xnnpack::channel_pool(target, window, *taps)?,
        Op::XnnPool(window) => xnnpack::pool(target, window)?,
        Op::GlobalPool([planes, elements]) => generated::global_pool(target, *planes, *elements),
        Op::XnnGlobalPool(sizes) => xnnpack::global_pool(target, *sizes),
        Op::ScaleBias(sizes, along, vectors) => generated::scale_bias(target, *sizes, *along, *vectors),
        Op::Matmul(sizes) => generated::matmul(target, *sizes),
        Op::XnnFullyConnected(sizes) => xnnpack::fully_connected(target, *sizes),
    };
    Ok(OPERATOR + factor * work / f64::from(target.threads.max(1)))
}

impl Target {
    /// Where bytes that were just written are.
    fn level(&self, bytes: f64) -> Level {
        let second = self.core.l2.map_or(0.0, |l2| f64::from(l2.size));
        if bytes <= second / 2.0 { Level::L2 } else { Level::Memory }
    }

    fn lines(&self, bytes: f64) -> f64 {
        bytes / self.core.l1.map_or(64.0, |l1| f64::from(l1.line))
    }

    fn vlmax(&self, lmul: i64) -> i64 {
        (lmul * i64::from(self.vlen) / 32).max(1)
    }
}

/// What a generated convolution waits for a residual of so many bytes that it adds to its sums, row after row of a tile:
/// each vector is in another plane than the one before, so no prefetcher foresees its first line. `between` are the bytes
/// that go by from when it was written until it is read: they decide where it is.
pub fn residual(target: &Target, bytes: f64, between: f64) -> f64 {
    let memory = target.core.memory;
    let [first, second] =
        [target.core.l1, target.core.l2].map(|cache| cache.map_or(0.0, |it| f64::from(it.size)));
    let (first, next) = if bytes + between <= first / 2.0 {
        (0, 0)
    } else if bytes + between <= second {
        (memory.l2_latency, memory.l2_line)
    } else {
        (memory.latency, memory.line)
    };
    let vector = 4.0 * target.vlmax(STREAM_LMUL) as f64;
    let others = (target.lines(vector) - 1.0).max(0.0);
    let cycles = (bytes / vector).ceil() * (first as f64 + others * next as f64);
    cycles / f64::from(target.threads.max(1))
}

/// An op that reads and writes so many bytes once, with `vectors` vector instructions on each vector written:
/// element-wise ops, copies. Where `strided`, it reads elements of a stride that are near each other.
pub fn streamed(target: &Target, read: f64, written: f64, vectors: i64, strided: bool) -> f64 {
    let vector = 4.0 * target.vlmax(STREAM_LMUL) as f64;
    let loads = (read / written.max(1.0)).ceil().clamp(1.0, 64.0) as i64;
    let each = target.lines(read / written.max(1.0) * vector) / loads as f64;
    let (from, to) = (Some(target.level(read)), Some(target.level(written)));
    let load = if strided { Class::LoadStrided } else { Class::LoadUnit };
    let rounds = 8;
    let mut code = Code::new(&target.core, STREAM_LMUL);
    for _ in 0..rounds {
        code.rows(load, loads, Stream::streamed(each, from));
        code.vectors(Class::VectorFp, vectors);
        code.rows(Class::StoreUnit, 1, Stream::streamed(target.lines(vector), to));
        code.scalars(2);
        code.branch();
    }
    let one = code.cycles() / f64::from(rounds);
    OPERATOR + one * (written.max(1.0) / vector).ceil() / f64::from(target.threads.max(1))
}
