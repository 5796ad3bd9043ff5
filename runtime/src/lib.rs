//! The host side of running a compiled network: tensors, the scalar reference of every op,
//! and executors for RISC-V programs. It links no LLVM and no MLIR and knows no dialect.

pub mod exec;
pub mod image;
pub mod kernel_test;
pub mod labels;
pub mod npy;
pub mod output;
pub mod paths;
pub mod reference;
pub mod table;
pub mod target;
pub mod tensor;
#[cfg(test)]
mod test_support;
pub mod text;
pub mod tuning;

pub use tensor::{ShapeError, Tensor};
