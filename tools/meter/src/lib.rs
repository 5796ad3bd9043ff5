//! A plugin for QEMU's user mode that feeds what a program executes to the cycle model of `ait-cores`.
//!
//! The program marks regions by calling two empty functions, `ait_count_begin` and `ait_count_end`, and layers inside
//! of them by `ait_layer_begin` and `ait_layer_end` (runtime/target/ait_runtime.h). Every region starts with an idle
//! pipeline and empty caches. When the program ends, the sums are written as one JSON document, an
//! [`ait_cores::Report`].
//!
//! Threads may be modelled: a program runs their tasks on one thread and marks whose they are by `ait_threads_begin`,
//! `ait_thread` and `ait_threads_end` (runtime/target/ait_pool.c). They share level 2 and the channel to memory;
//! [`ait_cores::Threads`] has the model.
//!
//! Arguments: `out=FILE` (the document), `core=FILE` (TOML) and `vlen=BITS`.
//!
//! QEMU translates a program by blocks, straight lines of code. A `Block` is decoded once; whenever it is
//! executed, the `Recorder` of the thread counts it, collects the lines it misses, and issues its
//! instructions when the next block begins.

#![allow(clippy::print_stderr, reason = "what goes wrong in QEMU is said in QEMU")]

mod block;
mod ledger;
mod recorder;

// Its functions are QEMU's; test programs are not loaded by it.
#[cfg(not(test))]
mod ffi;
#[cfg(not(test))]
mod plugin;
