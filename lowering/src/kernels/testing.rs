//! What the tests of all families share: machine code of kernels, its disassembly, and runs in QEMU.

use super::Kernel;
use super::name::Strided;
use super::rvv::Lmul;
use crate::emit::{Target, emit_assembly, emit_object};
use crate::spills;
use ait_dialects::{Activation, Epilogue, Nan};
use ait_runtime::kernel_test::{self, Case, POISON};
use inkwell::context::Context;
use inkwell::module::Module;
use rand::seq::{IndexedMutRandom, IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::PathBuf;
use tempfile::TempDir;

/// The generator of a test's random shapes.
pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// `count` small random numbers.
pub fn data(rng: &mut impl Rng, count: i64) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(-1.0f32..1.0)).collect()
}

/// Words of memory that hold these bytes, the last filled up.
pub fn words(bytes: &[u8]) -> Vec<f32> {
    let word = |chunk: &[u8]| {
        let mut word = [0xff; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        f32::from_le_bytes(word)
    };
    bytes.chunks(4).map(word).collect()
}

/// An optimised module of what `emit` adds, as the compiler makes it.
fn module<'c>(context: &'c Context, target: &Target, emit: impl FnOnce(&Module<'c>)) -> Module<'c> {
    let module = context.create_module("kernels");
    target.prepare(&module);
    emit(&module);
    module.verify().unwrap();
    target.optimize(&module).unwrap();
    module
}

/// Emits kernels whose names are read back.
fn emit(module: &Module<'_>, kernels: &[Kernel]) {
    for kernel in kernels {
        crate::define(kernel, module).unwrap();
        let name = kernel.symbol_name();
        assert_eq!(name.parse().as_ref(), Ok(kernel), "{name}");
    }
}

/// Assembly of one kernel, for snapshots.
pub fn assembly(kernel: &Kernel) -> String {
    let (context, target) = (Context::create(), Target::new().unwrap());
    let module = module(&context, &target, |module| emit(module, std::slice::from_ref(kernel)));
    let text = emit_assembly(&target, &module).unwrap();
    let is_code = |line: &&str| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with('#') && (!line.starts_with('.') || line.starts_with(".LBB"))
    };
    let strip = |line: &str| line.split('#').next().unwrap_or_default().trim_end().to_owned();
    text.lines().filter(is_code).map(|line| strip(line) + "\n").collect()
}

/// Compiles the kernels, checks their code for spills, and runs the cases at every VLEN.
pub fn check(kernels: &[Kernel], cases: &[Case]) {
    run(&Context::create(), |module| emit(module, kernels), cases);
}

/// Compiles the kernels and checks their code for spills.
pub fn audit(kernels: &[Kernel]) {
    object(&Context::create(), |module| emit(module, kernels));
}

/// [`check`] of the functions that `emit` adds.
pub fn run<'c>(context: &'c Context, emit: impl FnOnce(&Module<'c>), cases: &[Case]) {
    let (_directory, object) = object(context, emit);
    let mismatches = kernel_test::check(&[object.as_path()], cases).unwrap();
    assert!(mismatches.is_empty(), "{}", kernel_test::report(&mismatches));
}

/// An object file without spills, in a directory of its own.
fn object<'c>(context: &'c Context, emit: impl FnOnce(&Module<'c>)) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let object = directory.path().join("kernels.o");
    let target = Target::new().unwrap();
    let module = module(context, &target, emit);
    let bytes = emit_object(&target, &module).unwrap();
    std::fs::write(&object, &bytes).unwrap();
    let functions = spills::functions(&bytes).unwrap().into_iter();
    let spilling: Vec<_> = functions.filter(|(_, spills)| *spills).map(|(function, _)| function).collect();
    assert!(spilling.is_empty(), "{} spill", spilling.join("\n"));
    (directory, object)
}

/// All pairs of register group and tile that fit the register file.
pub fn variants() -> impl Iterator<Item = (Lmul, i64)> {
    Lmul::ALL.into_iter().flat_map(|lmul| (1..32 / lmul.registers()).map(move |tile| (lmul, tile)))
}

/// `KERNEL=rvv_matmul_... cargo test -p ait-lowering print_assembly -- --ignored --nocapture`
#[test]
#[ignore = "a tool: prints the assembly of the kernel named by KERNEL"]
fn print_assembly() {
    let name = std::env::var("KERNEL").unwrap();
    println!("{}", assembly(&name.parse().unwrap()));
}

/// A case of one kernel.
pub fn case(kernel: &Kernel) -> Case {
    let name = kernel.symbol_name();
    Case::new(&name, &name)
        .tasks(usize::try_from(kernel.tasks()).unwrap())
        .scratch(usize::try_from(kernel.scratch_bytes()).unwrap())
}

/// All activations, with parameters unlike the defaults.
pub const ACTIVATIONS: [Activation; 12] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu { alpha: 0.1 },
    Activation::Clip { min: -0.5, max: 0.75 },
    Activation::Clip { min: 0.0, max: 0.75 },
    Activation::Clip { min: f32::NEG_INFINITY, max: 0.5 },
    Activation::Sigmoid,
    Activation::HardSigmoid { alpha: 0.3, beta: 0.4 },
    Activation::HardSwish,
    Activation::Tanh,
    Activation::Silu,
    Activation::Elu { alpha: 0.7 },
];

/// Any activation, those that can also where they ignore NaN.
pub fn epilogue(rng: &mut impl Rng) -> Epilogue {
    let ignoring = [0.0, f32::NEG_INFINITY].map(|min| Activation::Clip { min, max: 0.5 });
    let ignoring =
        [Activation::Relu, Activation::HardSigmoid { alpha: 0.3, beta: 0.4 }].into_iter().chain(ignoring);
    let ignoring = ignoring.map(|activation| Epilogue { activation, nan: Nan::Ignore });
    let all: Vec<_> = ACTIVATIONS.into_iter().map(Epilogue::from).chain(ignoring).collect();
    *all.choose(rng).unwrap()
}

/// The same data, where NaN is to propagate now and then with one: of either sign, quiet or signalling, with any payload.
pub fn with_nan(rng: &mut impl Rng, mut data: Vec<f32>, nan: Nan) -> Vec<f32> {
    if nan == Nan::Propagate && rng.random_bool(0.3) {
        let bits = 0x7f80_0001 | (rng.random::<u32>() & 0x807f_ffff);
        *data.choose_mut(rng).unwrap() = f32::from_bits(bits);
    }
    data
}

/// The activation of one number, or NaN of NaN: the oracle.
pub fn activate(epilogue: &Epilogue, x: f32) -> f32 {
    let hard = |alpha: f32, beta: f32| (alpha * x + beta).clamp(0.0, 1.0);
    match epilogue.activation {
        _ if x.is_nan() => x,
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu { alpha } if x < 0.0 => alpha * x,
        Activation::Elu { alpha } if x < 0.0 => alpha * x.exp_m1(),
        Activation::LeakyRelu { .. } | Activation::Elu { .. } => x,
        Activation::Clip { min, max } => x.max(min).min(max),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::HardSigmoid { alpha, beta } => hard(alpha, beta),
        Activation::HardSwish => x * hard(1.0 / 6.0, 0.5),
        Activation::Tanh => x.tanh(),
        Activation::Silu => x / (1.0 + (-x).exp()),
    }
}

/// Every index of a shape, row-major.
pub fn indices(shape: &[i64]) -> impl Iterator<Item = Vec<i64>> + use<> {
    let shape = shape.to_vec();
    (0..shape.iter().product::<i64>()).map(move |mut rest| {
        let mut index: Vec<i64> = shape.iter().rev().map(|&size| (rest % size, rest /= size).0).collect();
        index.reverse();
        index
    })
}

/// Position of an element in memory; dimensions of size 1 broadcast, missing leading ones too.
pub fn position(buffer: &Strided, index: &[i64]) -> usize {
    let skipped = index.len() - buffer.shape.len();
    let dims = buffer.shape.iter().zip(&buffer.strides).zip(&index[skipped..]);
    let at: i64 = dims.map(|((&size, stride), i)| if size == 1 { 0 } else { i * stride }).sum();
    usize::try_from(at).unwrap()
}

/// Elements of memory that a buffer spans.
pub fn span(buffer: &Strided) -> i64 {
    1 + buffer.shape.iter().zip(&buffer.strides).map(|(size, stride)| (size - 1) * stride).sum::<i64>()
}

/// A buffer of this shape with dimensions in random order in memory (the last one innermost if `unit`) and random gaps.
pub fn scattered(rng: &mut impl Rng, shape: &[i64], unit: bool) -> Strided {
    let mut order: Vec<usize> = (0..shape.len() - usize::from(unit)).collect();
    order.shuffle(rng);
    if unit {
        order.push(shape.len() - 1);
    }
    let mut strides = vec![1; shape.len()];
    let mut step = 1;
    for (i, &dim) in order.iter().rev().enumerate() {
        strides[dim] = step;
        let gap = if unit && i == 0 { 0 } else { rng.random_range(0..3) };
        step *= shape[dim] + gap;
    }
    Strided { shape: shape.to_vec(), strides }
}

/// The expected memory of an output: `value(index)` at every element, the gaps untouched.
pub fn expected(buffer: &Strided, value: impl Fn(&[i64]) -> f32) -> Vec<f32> {
    let mut memory = vec![POISON; usize::try_from(span(buffer)).unwrap()];
    for index in indices(&buffer.shape) {
        memory[position(buffer, &index)] = value(&index);
    }
    memory
}
