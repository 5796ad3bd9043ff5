//! Column-wise N:M sparsity.

pub use ait_ops::{Columns, Weights, check_columns};
