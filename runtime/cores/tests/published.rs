//! The model of the X60 against published measurements of it (docs/measuring.md); prints the table of errors.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use ait_cores::{Caches, Class, Core, Instruction, Pipeline, Register, VectorType};

fn core() -> Core {
    Core::named("spacemit-x60").unwrap()
}

/// Cycles of an instruction when many that do not wait for each other follow one another.
fn throughput(class: Class, lmul: u32, masked: bool) -> f64 {
    let mut pipeline = Pipeline::new(&core());
    const COUNT: u32 = 1000;
    for index in 0..COUNT {
        let group = u8::try_from(index % (32 / lmul) * lmul).unwrap();
        let instruction = Instruction::new(class, Register::v(group), &[Register::x(5)]).with_eew(32);
        let instruction = if masked { instruction.under_mask() } else { instruction };
        pipeline.issue(&instruction, VectorType::e32(lmul), &[]);
    }
    pipeline.cycles() as f64 / f64::from(COUNT)
}

/// Fails when a figure of the model is off by more than `most`, in parts of the published one.
fn compare(figures: &[(String, f64, f64)], most: f64) {
    println!("{:<28} {:>9} {:>9} {:>7}", "", "published", "model", "error");
    for (name, published, model) in figures {
        println!("{name:<28} {published:>9.2} {model:>9.2} {:>6.1}%", 100.0 * (model / published - 1.0));
    }
    for (name, published, model) in figures {
        assert!((model / published - 1.0).abs() <= most, "{name}: {model} instead of {published}");
    }
}

/// rvv-bench (camel-cdr), instruction throughput on a Banana Pi BPI-F3, e32 at LMUL 1, 2, 4, 8. Its loops add up to half
/// a cycle to loads and stores.
#[test]
fn instructions() {
    let published: [(&str, Class, bool, [f64; 4]); 9] = [
        ("vfmacc.vf", Class::VectorFma, false, [1.0, 2.0, 4.0, 8.0]),
        ("vfmacc.vf masked", Class::VectorFma, true, [2.0, 4.0, 8.0, 16.0]),
        ("vfadd.vv", Class::VectorFp, false, [1.0, 2.0, 4.0, 8.0]),
        ("vmerge.vvm", Class::VectorMove, false, [2.0, 4.0, 8.0, 16.0]),
        ("vnsrl.wi", Class::VectorNarrow, false, [4.0, 8.0, 16.0, f64::NAN]),
        ("vrgather.vv", Class::VectorGather, false, [4.0, 16.0, 64.05, 256.27]),
        ("vle32.v", Class::LoadUnit, false, [2.45, 4.35, 8.60, 16.52]),
        ("vse32.v", Class::StoreUnit, false, [2.75, 4.76, 8.51, 19.70]),
        ("vlse32.v", Class::LoadStrided, false, [8.0, 16.0, 32.0, 64.04]),
    ];
    let figure = |(name, class, masked, points): &(&str, Class, bool, [f64; 4])| {
        let of = |(index, &cycles): (usize, &f64)| {
            (format!("{name} m{}", 1 << index), cycles, throughput(*class, 1 << index, *masked))
        };
        points.iter().enumerate().filter(|(_, cycles)| !cycles.is_nan()).map(of).collect::<Vec<_>>()
    };
    compare(&published.iter().flat_map(figure).collect::<Vec<_>>(), 0.2);
}

/// Cycles from one load to the next of a chain through `bytes` bytes, one line apart in an order that no prefetcher sees.
fn load_to_use(bytes: u64) -> f64 {
    let (lines, mut caches, mut pipeline) = (bytes / 64, Caches::new(&core()), Pipeline::new(&core()));
    let chain = Instruction::new(Class::ScalarLoad, Register::x(10), &[Register::x(10)]);
    let (mut line, mut start) = (0, 0);
    for step in 0..2 * lines {
        if step == lines {
            start = pipeline.cycles();
        }
        let mut events = Vec::new();
        caches.access(line * 64, 8, false, |event| events.push(event));
        pipeline.issue(&chain, VectorType::e32(1), &events);
        // Lines are a power of two: an odd factor and summand reach all of them.
        line = (line * 5 + 1027) % lines;
    }
    (pipeline.cycles() - start) as f64 / lines as f64
}

/// Bytes of a cycle in a stream through memory: read alone, or copied.
fn stream(copy: bool) -> f64 {
    const BYTES: u64 = 8 << 20;
    let (mut caches, mut pipeline) = (Caches::new(&core()), Pipeline::new(&core()));
    for (index, at) in (0..BYTES).step_by(128).enumerate() {
        let group = Register::v(u8::try_from(index % 8 * 4).unwrap());
        let mut access = |class, address, instruction: Instruction| {
            let mut events = Vec::new();
            caches.access(address, 128, class == Class::StoreUnit, |event| events.push(event));
            pipeline.issue(&instruction.with_eew(32), VectorType::e32(4), &events);
        };
        let load = Class::LoadUnit;
        access(load, at, Instruction::new(load, group, &[Register::x(10)]));
        if copy {
            let store = Class::StoreUnit;
            access(store, at + (1 << 30), Instruction::new(store, Register::NONE, &[Register::x(11), group]));
        }
    }
    BYTES as f64 / pipeline.cycles() as f64
}

/// Public measurements of a BPI-F3: load to use 2 to 3 cycles in L1, about 40 in L2, 340 and more in memory; reads of 2 to 4
/// bytes a cycle beyond L2; one core copies 2.7 GB/s at 1.6 GHz.
#[test]
fn memory() {
    let figures = [
        ("load to use, L1", 3.0, load_to_use(16 << 10)),
        ("load to use, L2", 40.0, load_to_use(256 << 10)),
        ("load to use, memory", 340.0, load_to_use(8 << 20)),
        ("bytes a cycle, read", 3.0, stream(false)),
        ("bytes a cycle, copied", 2.7 / 1.6, stream(true)),
    ];
    compare(&figures.map(|(name, published, model)| (name.to_owned(), published, model)), 0.35);
}
