//! A plugin for QEMU's user mode that feeds what a program executes to the cycle model of `ait-cores`.
//!
//! The program marks regions by calling two empty functions, `ait_count_begin` and `ait_count_end`, and layers inside
//! of them by `ait_layer_begin` and `ait_layer_end` (runtime/target/ait_runtime.h). Every region starts with an idle
//! pipeline and empty caches. When the program ends, the sums are written as one JSON document, an
//! [`ait_cores::Report`].
//!
//! Arguments: `out=FILE` (the document), `core=FILE` (TOML) and `vlen=BITS`.
//!
//! QEMU translates a program by blocks, straight lines of code. A `Block` is decoded once; whenever it is
//! executed, the `Recorder` of the thread counts it, collects the lines it misses, and issues its
//! instructions when the next block begins.

mod block;
mod recorder;

// Its functions are QEMU's; test programs are not loaded by it.
#[cfg(not(test))]
mod ffi;
#[cfg(not(test))]
mod plugin;
