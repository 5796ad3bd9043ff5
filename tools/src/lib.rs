//! The tools: ONNX import, and the command lines of `ait`, `ait-opt` and `ait-translate`.

pub mod onnx;
