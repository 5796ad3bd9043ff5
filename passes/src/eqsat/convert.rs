//! Between terms and ops: the one place that says which leaves are an op's attributes.

use super::term::{Act, Leaf, Number, Term, Window};
use ait_ops::ait::{self, Op};

/// The op that a term is, from its leaves in the order of its children; none of leaves and terms of constants.
///
/// # Errors
/// If the leaves are not those of such a term.
pub fn op(term: &Term, leaves: &[&Leaf]) -> Result<Option<Op>, String> {
    Ok(Some(match (term, leaves) {
        (Term::Conv(_) | Term::ConvAdd(_), [Leaf::Window(window), Leaf::Act(act), ..]) => {
            let &Window { strides, pads, dilations, groups, .. } = window;
            Op::Conv2d(ait::Conv2d { strides, pads, dilations, groups, epilogue: act.0 })
        }
        (Term::Gemm(_) | Term::GemmAdd(_), [Leaf::Act(act), ..]) => Op::Gemm(ait::Gemm { epilogue: act.0 }),
        (Term::Matmul(_), _) => Op::Matmul(ait::Matmul),
        (Term::BatchNorm(_), [Leaf::Number(epsilon), ..]) => {
            Op::BatchNorm(ait::BatchNorm { epsilon: epsilon.0 })
        }
        (Term::ScaleBias(_), [Leaf::Act(act), ..]) => Op::ScaleBias(ait::ScaleBias { epilogue: act.0 }),
        (Term::Activation(_), [Leaf::Act(act), ..]) => Op::Activation(ait::Activation { epilogue: act.0 }),
        (Term::Prelu(_), _) => Op::Prelu(ait::Prelu),
        (Term::Add(_), [Leaf::Act(act), ..]) => Op::Add(ait::Add { epilogue: act.0 }),
        (Term::Sub(_), [Leaf::Act(act), ..]) => Op::Sub(ait::Sub { epilogue: act.0 }),
        (Term::Mul(_), [Leaf::Act(act), ..]) => Op::Mul(ait::Mul { epilogue: act.0 }),
        (Term::Div(_), [Leaf::Act(act), ..]) => Op::Div(ait::Div { epilogue: act.0 }),
        (Term::MaxPool(_), [Leaf::Window(window), ..]) => {
            let &Window { kernel, strides, pads, dilations, ceil_mode, .. } = window;
            Op::MaxPool2d(ait::MaxPool2d { kernel, strides, pads, dilations, ceil_mode })
        }
        (Term::AvgPool(_), [Leaf::Window(window), ..]) => {
            let &Window { kernel, strides, pads, dilations, ceil_mode, count_include_pad, .. } = window;
            Op::AvgPool2d(ait::AvgPool2d { kernel, strides, pads, dilations, ceil_mode, count_include_pad })
        }
        (Term::GlobalAvgPool(_), _) => Op::GlobalAvgPool(ait::GlobalAvgPool),
        (Term::GlobalMaxPool(_), _) => Op::GlobalMaxPool(ait::GlobalMaxPool),
        (Term::Softmax(_), [Leaf::Axis(axis), ..]) => Op::Softmax(ait::Softmax { axis: *axis }),
        (Term::Reshape(_), [Leaf::Dims(shape), ..]) => Op::Reshape(ait::Reshape { shape: shape.clone() }),
        (Term::Transpose(_), [Leaf::Dims(permutation), ..]) => {
            Op::Transpose(ait::Transpose { permutation: permutation.clone() })
        }
        (Term::Concat(_), [Leaf::Axis(axis), ..]) => Op::Concat(ait::Concat { axis: *axis }),
        (Term::Slice(_), [Leaf::Slice([starts, sizes, steps]), ..]) => {
            let [starts, sizes, steps] = [starts, sizes, steps].map(Clone::clone);
            Op::Slice(ait::Slice { starts, sizes, steps })
        }
        (Term::Pad(_), [Leaf::Pad([low, high], value), ..]) => {
            Op::Pad(ait::Pad { low: low.clone(), high: high.clone(), value: value.0 })
        }
        (Term::Convert(_), [Leaf::Layout(layout), ..]) => {
            Op::ConvertLayout(ait::ConvertLayout { layout: *layout })
        }
        (
            Term::Leaf(_)
            | Term::ScaleRows(_)
            | Term::ScaleShift(_)
            | Term::BnScale(_)
            | Term::BnShift(_)
            | Term::Dense(_)
            | Term::Compose(_)
            | Term::ComposeBias(_)
            | Term::Stack(_),
            _,
        ) => return Ok(None),
        (
            Term::Conv(_)
            | Term::ConvAdd(_)
            | Term::Gemm(_)
            | Term::GemmAdd(_)
            | Term::BatchNorm(_)
            | Term::ScaleBias(_)
            | Term::Activation(_)
            | Term::Add(_)
            | Term::Sub(_)
            | Term::Mul(_)
            | Term::Div(_)
            | Term::MaxPool(_)
            | Term::AvgPool(_)
            | Term::Softmax(_)
            | Term::Reshape(_)
            | Term::Transpose(_)
            | Term::Concat(_)
            | Term::Slice(_)
            | Term::Pad(_)
            | Term::Convert(_),
            _,
        ) => return Err(format!("{term} lacks an attribute")),
    }))
}

/// The leaves that are an op's attributes, in the order of its term's children. `kernel` is a convolution's.
pub fn leaves(op: &Op, kernel: [i64; 2]) -> Vec<Leaf> {
    match op {
        // It is a leaf itself.
        Op::Constant(_) => vec![],
        Op::Conv2d(op) => {
            let &ait::Conv2d { strides, pads, dilations, groups, epilogue } = op;
            let window = Window { kernel, strides, pads, dilations, groups, ..Window::POINT };
            vec![Leaf::Window(window), Leaf::Act(Act(epilogue))]
        }
        Op::MaxPool2d(op) => {
            let &ait::MaxPool2d { kernel, strides, pads, dilations, ceil_mode } = op;
            vec![Leaf::Window(Window { kernel, strides, pads, dilations, ceil_mode, ..Window::POINT })]
        }
        Op::AvgPool2d(op) => {
            let &ait::AvgPool2d { kernel, strides, pads, dilations, ceil_mode, count_include_pad } = op;
            let window = Window { kernel, strides, pads, dilations, ceil_mode, count_include_pad, groups: 1 };
            vec![Leaf::Window(window)]
        }
        Op::Gemm(ait::Gemm { epilogue })
        | Op::ScaleBias(ait::ScaleBias { epilogue })
        | Op::Activation(ait::Activation { epilogue })
        | Op::Add(ait::Add { epilogue })
        | Op::Sub(ait::Sub { epilogue })
        | Op::Mul(ait::Mul { epilogue })
        | Op::Div(ait::Div { epilogue }) => vec![Leaf::Act(Act(*epilogue))],
        Op::BatchNorm(op) => vec![Leaf::Number(Number(op.epsilon))],
        Op::Softmax(ait::Softmax { axis }) | Op::Concat(ait::Concat { axis }) => vec![Leaf::Axis(*axis)],
        Op::Reshape(op) => vec![Leaf::Dims(op.shape.clone())],
        Op::Transpose(op) => vec![Leaf::Dims(op.permutation.clone())],
        Op::Slice(op) => vec![Leaf::Slice([&op.starts, &op.sizes, &op.steps].map(Clone::clone))],
        Op::Pad(op) => vec![Leaf::Pad([op.low.clone(), op.high.clone()], Number(op.value))],
        Op::ConvertLayout(op) => vec![Leaf::Layout(op.layout)],
        Op::Matmul(_) | Op::Prelu(_) | Op::GlobalAvgPool(_) | Op::GlobalMaxPool(_) => vec![],
    }
}
