//! Seeded mutations of models: the importer never panics, never hangs, never allocates out of proportion.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests")]

mod common;

use ait_tools::onnx::proto::*;
use ait_tools::onnx::{ImportOptions, docs, import_bytes};
use common::{Model, models};
use prost::Message;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

/// Counts the bytes that Rust holds, and their maximum.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(HELD.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What one import of a small model may hold: the folding budget (2^24 elements) at eight bytes, twice.
const MOST_BYTES: usize = 320 << 20;
/// Numbers that are special to sizes, axes, or their products.
const NUMBERS: [i64; 16] =
    [0, 1, -1, 2, 3, -2, 7, 255, 1 << 24, 1 << 31, -(1 << 31), 1 << 40, 1 << 62, i64::MAX, i64::MIN, -5];

/// The tests measure one after another.
static TURN: Mutex<()> = Mutex::new(());

/// The seeds that a test tries: below `AIT_FUZZ=N`, or `AIT_FUZZ=FIRST..END` to go on from a run before; else 1000.
fn seeds() -> Range<u64> {
    let text = std::env::var("AIT_FUZZ").unwrap_or_else(|_| "1000".into());
    let (first, end) = text.split_once("..").unwrap_or(("0", &text));
    let number = |text: &str| text.parse::<u64>().expect("AIT_FUZZ is N or FIRST..END");
    number(first)..number(end)
}

/// The most memory that the process ever had, MLIR's included, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
}

/// Imports every case on a thread of its own, which must finish each within a minute.
fn survive(cases: impl Iterator<Item = (String, Vec<u8>)> + Send + 'static) -> (usize, usize) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (report, progress) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let (mut accepted, mut refused) = (0, 0);
        let mut context = ait_dialects::context();
        for (index, (name, bytes)) in cases.enumerate() {
            // Attributes live as long as their context.
            if index % 256 == 255 {
                context = ait_dialects::context();
            }
            report.send(name.clone()).expect("the test waits");
            let before = HELD.load(Relaxed);
            PEAK.store(before, Relaxed);
            let result = import_bytes(&context, "net.onnx", bytes.into(), None, &ImportOptions::default());
            match result {
                Ok(module) => {
                    accepted += 1;
                    assert!(ait_dialects::verify(&module), "{name}: what was imported does not verify");
                }
                Err(error) => {
                    refused += 1;
                    assert!(error.to_string().starts_with("net.onnx: "), "{name}: {error}");
                }
            }
            let peak = PEAK.load(Relaxed).saturating_sub(before);
            assert!(peak < MOST_BYTES, "{name} takes {peak} bytes");
        }
        (accepted, refused)
    });
    let mut last = String::new();
    loop {
        match progress.recv_timeout(Duration::from_secs(60)) {
            Ok(name) => last = name,
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{last} hangs"),
        }
    }
    let counts = worker.join().unwrap_or_else(|_| panic!("{last} panics"));
    assert!(resident() < 4 * MOST_BYTES, "{} bytes were resident", resident());
    eprintln!("{counts:?} accepted and refused, {} MiB resident", resident() >> 20);
    counts
}

fn flip_bytes(random: &mut ChaCha8Rng, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..bytes.len());
        bytes[at] = match random.random_range(0..3) {
            0 => bytes[at] ^ (1 << random.random_range(0..8)),
            1 => 0xff,
            _ => random.random(),
        };
    }
    match random.random_range(0..4) {
        0 => bytes.truncate(random.random_range(0..bytes.len())),
        1 => {
            let start = random.random_range(0..bytes.len());
            let end = random.random_range(start..bytes.len());
            let piece = bytes[start..end].to_vec();
            let at = random.random_range(0..bytes.len());
            bytes.splice(at..at, piece);
        }
        _ => {}
    }
    bytes
}

fn pick<'v, T>(random: &mut ChaCha8Rng, values: &'v mut [T]) -> Option<&'v mut T> {
    let count = values.len();
    (count > 0).then(|| &mut values[random.random_range(0..count)])
}

fn number(random: &mut ChaCha8Rng) -> i64 {
    *NUMBERS.choose(random).expect("numbers")
}

/// One change of a field of the graph.
fn change_field(random: &mut ChaCha8Rng, model: &mut ModelProto) -> Option<()> {
    let operators: Vec<&str> = docs::operators().collect();
    let graph = model.graph.as_mut()?;
    let names: Vec<String> =
        graph.node.iter().flat_map(|node| node.input.iter().chain(&node.output)).cloned().collect();
    let attributes: Vec<_> = graph.node.iter().flat_map(|node| node.attribute.clone()).collect();
    match random.random_range(0..12) {
        0 => pick(random, &mut graph.node)?.op_type = operators.choose(random).map(|&name| name.into()),
        1 => {
            let node = pick(random, &mut graph.node)?;
            *pick(random, &mut node.input)? = names.choose(random)?.clone();
        }
        2 => pick(random, &mut graph.node)?.input.push(names.choose(random)?.clone()),
        3 => drop(pick(random, &mut graph.node)?.input.pop()),
        4 => pick(random, &mut graph.node)?.attribute.push(attributes.choose(random)?.clone()),
        5 => {
            let node = pick(random, &mut graph.node)?;
            let attribute = pick(random, &mut node.attribute)?;
            attribute.i = attribute.i.map(|_| number(random));
            if let Some(value) = pick(random, &mut attribute.ints) {
                *value = number(random);
            }
        }
        6 => {
            let node = pick(random, &mut graph.node)?;
            let attribute = pick(random, &mut node.attribute)?;
            match random.random_range(0..3) {
                0 => drop(attribute.ints.pop()),
                1 => attribute.ints.push(number(random)),
                _ => attribute.f = Some(*[0.0, f32::NAN, f32::INFINITY, -1e30].choose(random)?),
            }
        }
        7 => {
            let tensor = pick(random, &mut graph.initializer)?;
            if let Some(value) = pick(random, &mut tensor.int64_data) {
                *value = number(random);
            }
        }
        8 => {
            let tensor = pick(random, &mut graph.initializer)?;
            match random.random_range(0..4) {
                0 => tensor.data_type = Some(random.random_range(0..30)),
                1 => tensor.dims.push(*[0, 1, 1 << 40].choose(random)?),
                2 => tensor.dims.reverse(),
                _ => *pick(random, &mut tensor.dims)? = number(random),
            }
        }
        9 => {
            let input = pick(random, &mut graph.input)?;
            let shape = input.r#type.as_mut()?.tensor_type.as_mut()?.shape.as_mut()?;
            match random.random_range(0..3) {
                0 => drop(shape.dim.pop()),
                1 => shape.dim.push(Dimension { dim_value: Some(1), dim_param: None }),
                _ => pick(random, &mut shape.dim)?.dim_value = Some(number(random)),
            }
        }
        10 => {
            let node = random.random_range(0..graph.node.len());
            let other = random.random_range(0..graph.node.len());
            graph.node.swap(node, other);
        }
        _ => model.opset_import[0].version = Some(random.random_range(9..29)),
    }
    Some(())
}

/// Binds what a model leaves open, so that mutations reach the operators.
fn bound(model: Model) -> ModelProto {
    let mut proto = model.0;
    for input in proto.graph.iter_mut().flat_map(|graph| &mut graph.input) {
        let shape = input.r#type.as_mut().and_then(|r#type| r#type.tensor_type.as_mut()?.shape.as_mut());
        for dim in shape.into_iter().flat_map(|shape| &mut shape.dim) {
            dim.dim_value = dim.dim_value.or(Some(2));
        }
    }
    proto
}

#[test]
fn mutated_fields_are_survived() {
    let cases = models().into_iter().flat_map(|(name, model)| {
        let proto = bound(model);
        seeds().map(move |seed| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut proto = proto.clone();
            for _ in 0..random.random_range(1..4) {
                change_field(&mut random, &mut proto);
            }
            (format!("{name} with fields changed by seed {seed}"), proto.encode_to_vec())
        })
    });
    let (accepted, refused) = survive(cases);
    // Neither all nor none: the mutations are neither harmless nor always caught at the door.
    assert!(accepted > 200 && refused > 1000, "{accepted} accepted, {refused} refused");
}

#[test]
fn mutated_bytes_are_survived() {
    let cases = models().into_iter().flat_map(|(name, model)| {
        let bytes = bound(model).encode_to_vec();
        seeds().map(move |seed| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            (format!("{name} with bytes changed by seed {seed}"), flip_bytes(&mut random, bytes.clone()))
        })
    });
    let (accepted, refused) = survive(cases);
    assert!(accepted > 100 && refused > 1000, "{accepted} accepted, {refused} refused");
}

/// Light versions of real networks, where the oracle's Python environment is.
#[test]
fn mutated_networks_are_survived() {
    let Some(cache) = std::env::var_os("AIT_CACHE").map(PathBuf::from) else {
        return eprintln!("skipped: AIT_CACHE is not set");
    };
    let packages = cache.join("venv/lib/python3.11/site-packages/onnx/backend/test/data/light");
    let cases = ["squeezenet", "shufflenet"].into_iter().flat_map(move |name| {
        let bytes = std::fs::read(packages.join(format!("light_{name}.onnx"))).expect("run scripts/setup");
        (seeds().start / 10..seeds().end / 10).map(move |seed| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            if seed % 2 == 0 {
                let changed = flip_bytes(&mut random, bytes.clone());
                return (format!("{name} with bytes changed by seed {seed}"), changed);
            }
            let mut proto = ModelProto::decode(bytes.as_slice()).expect("a model");
            change_field(&mut random, &mut proto);
            (format!("{name} with a field changed by seed {seed}"), proto.encode_to_vec())
        })
    });
    survive(cases);
}

#[test]
fn every_truncation_is_survived() {
    let bytes = bound(common::movement()).encode_to_vec();
    let cases = (0..bytes.len()).map(move |length| (format!("{length} bytes"), bytes[..length].to_vec()));
    let (accepted, _) = survive(cases);
    // Between two fields a message may end; what is left of the graph then has no outputs.
    assert_eq!(accepted, 0);
}

#[test]
fn noise_is_survived() {
    let cases = (0..500u64).map(|seed| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let length = random.random_range(0..300);
        (format!("noise of seed {seed}"), (0..length).map(|_| random.random()).collect())
    });
    assert_eq!(survive(cases).0, 0);
}
