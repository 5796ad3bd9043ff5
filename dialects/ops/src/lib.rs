//! The ops of `ait`, `xnn`, `rvv` and `nm` as values: what every level of the compiler, the host runtime and the tests
//! know of them. No MLIR here; `ait-dialects` reads ops from it and writes them to it.
//!
//! | module | what |
//! |---|---|
//! | [`Op`], [`ait`], [`xnn`], [`rvv`], [`nm`] | an op with typed attributes; made from `dialects/td` |
//! | [`Operand`] | what an operand of an op is |
//! | [`TensorType`] | element type, shape, layout and sparsity of a tensor |
//! | [`infer`] | one shape rule per op |
//! | [`Activation`], [`Epilogue`], [`Layout`], [`Columns`], [`Algorithm`], [`BinaryFn`], [`PoolFn`] | attributes with meaning of their own |
//! | [`Attributes`], [`Attribute`] | where attributes are read from, and what they are written as |

mod activation;
mod attribute;
mod columns;
#[rustfmt::skip]
mod generated;
pub mod infer;
mod layout;
mod tensor;
mod weights;
mod words;

pub use activation::{Activation, Epilogue, Nan};
pub use attribute::{Attribute, Attributes, Field, field};
pub use columns::Columns;
pub use generated::{Op, Operand, ait, nm, operands, rvv, xnn};
pub use layout::Layout;
pub use tensor::{Element, TensorType, elements};
pub use weights::{Weights, check_columns};
pub use words::{Algorithm, BinaryFn, PoolFn};

/// Which operand of the op of a name is of this kind, if it has one.
pub fn position(name: &str, operand: Operand) -> Option<usize> {
    operands(name)?.iter().position(|&other| other == operand)
}

impl Op {
    /// The operands in their order; `residual`, which is always the last, may be absent.
    pub fn operands(&self) -> &'static [Operand] {
        // Every op has a name, and every name its operands.
        operands(self.name()).unwrap_or_default()
    }

    /// Which operand is of this kind, of an op that has one.
    pub fn position(&self, operand: Operand) -> Option<usize> {
        position(self.name(), operand)
    }

    /// Whether it is defined by the row-major order of its operands' logical shapes, so that they are in NCHW.
    pub fn is_row_major(&self) -> bool {
        use ait::Op::*;
        match self {
            Self::Ait(Reshape(_) | Transpose(_) | Matmul(_)) => true,
            Self::Ait(
                Constant(_) | Conv2d(_) | Gemm(_) | BatchNorm(_) | ScaleBias(_) | Activation(_) | Prelu(_)
                | Add(_) | Sub(_) | Mul(_) | Div(_) | MaxPool2d(_) | AvgPool2d(_) | GlobalAvgPool(_)
                | GlobalMaxPool(_) | Softmax(_) | Concat(_) | Slice(_) | Pad(_) | ConvertLayout(_),
            ) => false,
            Self::Xnn(_) | Self::Rvv(_) | Self::Nm(_) => false,
        }
    }

    /// Whether its result is in another layout than its operand.
    pub fn changes_layout(&self) -> bool {
        matches!(self, Self::Ait(ait::Op::ConvertLayout(_)))
    }
}
