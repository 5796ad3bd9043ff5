//! TODO
pub mod plan_buffers;
