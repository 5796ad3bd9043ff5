//! From buffers to object code: generated RVV kernels, LLVM translation, objects and headers.

pub mod kernels;
