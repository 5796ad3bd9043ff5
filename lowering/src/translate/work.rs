//! How much there is to compute.

use super::buffer::Buffer;
use ait_dialects::infer::Window;
use ait_ops::{Algorithm, Op, rvv, xnn};

/// Elements of a shape.
pub fn elements(shape: &[i64]) -> u64 {
    shape.iter().fold(1, |elements, dim| elements.saturating_mul(dim.unsigned_abs()))
}

/// Multiply-accumulates of one element of the result of an op with dense weights.
pub fn reduction(op: &Op, buffers: &[Buffer]) -> u64 {
    let dim = |operand: usize, d: usize| {
        buffers.get(operand).and_then(|buffer| buffer.view.shape.get(d)).copied().unwrap_or(1).unsigned_abs()
    };
    match op {
        Op::Xnn(xnn::Op::Conv2d(conv)) if conv.depthwise => dim(1, 1).saturating_mul(dim(1, 2)),
        Op::Xnn(xnn::Op::Conv2d(_)) => dim(1, 1).saturating_mul(dim(1, 2)).saturating_mul(dim(1, 3)),
        Op::Rvv(rvv::Op::DepthwiseConv2d(_)) => dim(1, 1).saturating_mul(dim(1, 2)),
        Op::Rvv(rvv::Op::Conv2d(conv)) => {
            let channels = dim(0, 1) / conv.groups.unsigned_abs().max(1) / phases(conv);
            elements(&conv.kernel).saturating_mul(channels)
        }
        Op::Xnn(xnn::Op::FullyConnected(_)) => dim(0, 1),
        Op::Rvv(rvv::Op::Matmul(_)) => {
            buffers.first().and_then(|lhs| lhs.view.shape.last()).copied().unwrap_or(0).unsigned_abs()
        }
        Op::Xnn(
            xnn::Op::MaxPool2d(_) | xnn::Op::AvgPool2d(_) | xnn::Op::GlobalAvgPool(_) | xnn::Op::Binary(_)
            | xnn::Op::Unary(_) | xnn::Op::Softmax(_),
        )
        | Op::Rvv(
            rvv::Op::SplitPhases(_) | rvv::Op::Pool2d(_) | rvv::Op::GlobalPool(_) | rvv::Op::Binary(_)
            | rvv::Op::ScaleBias(_) | rvv::Op::Unary(_) | rvv::Op::Softmax(_) | rvv::Op::Copy(_) | rvv::Op::Fill(_)
            | rvv::Op::View(_) | rvv::Op::Constant(_),
        )
        // The weights of these are packed: their reduction is what is kept.
        | Op::Nm(_)
        // Not at the buffer level.
        | Op::Ait(_) => 0,
    }
}

/// How many channels of a convolution's input are one channel of the network's: a split one has them by phase.
fn phases(conv: &rvv::Conv2d) -> u64 {
    let window =
        Window { kernel: conv.kernel, strides: conv.strides, pads: conv.pads, dilations: conv.dilations };
    match conv.algorithm {
        Algorithm::Split => (window.phases(0).len() * window.phases(1).len()).max(1) as u64,
        Algorithm::Packed | Algorithm::Direct => 1,
    }
}
