//! Innermost loops of kernels: the cycle model of `ait-cores` against `llvm-mca`, whose tables of the X60 were measured on
//! hardware by others.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

use ait_cores::{Core, Pipeline, VectorType, decode};
use ait_lowering::kernels::Kernel;
use ait_lowering::{LlvmContext, Target, define, emit_object};
use object::{Object, ObjectSection};
use std::io::Write;
use std::process::{Command, Stdio};

/// An instruction of a disassembly: address, mnemonic, operands.
type Line = (u64, String, String);

fn tool(name: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn disassembly(object: &[u8]) -> Vec<Line> {
    let text = tool("llvm-objdump-22", &["-d", "--mattr=+v", "--no-show-raw-insn", "-"], object);
    let line = |line: &str| {
        let (address, rest) = line.trim().split_once(':')?;
        let mut words = rest.trim().splitn(2, char::is_whitespace);
        let address = u64::from_str_radix(address, 16).ok()?;
        Some((address, words.next()?.to_owned(), words.next().unwrap_or_default().to_owned()))
    };
    text.lines().filter_map(line).collect()
}

/// The straight loop with most multiply-adds, its branch last.
fn inner_loop(lines: &[Line]) -> &[Line] {
    let fmas = |body: &[Line]| body.iter().filter(|(_, name, _)| name == "vfmacc.vf").count();
    let body = |(end, (address, name, operands)): (usize, &Line)| {
        let target = u64::from_str_radix(operands.split("0x").nth(1)?.split_whitespace().next()?, 16).ok()?;
        let start = lines.iter().position(|line| line.0 == target)?;
        let is_loop = name.starts_with('b') && target < *address;
        let straight = || !lines[start..end].iter().any(|(_, name, _)| name.starts_with(['b', 'j']));
        (is_loop && straight()).then(|| &lines[start..=end])
    };
    lines.iter().enumerate().filter_map(body).max_by_key(|body| fmas(body)).unwrap()
}

/// Cycles of an iteration in the cycle model.
fn modelled(object: &[u8], body: &[Line], lmul: u32) -> f64 {
    let file = object::File::parse(object).unwrap();
    let section = file.sections().find(|section| section.name() == Ok(".text")).unwrap();
    let code = section.data().unwrap();
    let word = |&(address, ..): &Line| {
        let at = usize::try_from(address).unwrap();
        let mut bytes = [0; 4];
        let length = code[at..].len().min(4);
        bytes[..length].copy_from_slice(&code[at..at + length]);
        u32::from_le_bytes(bytes)
    };
    let instructions: Vec<_> = body.iter().map(|line| decode(word(line))).collect();
    let mut pipeline = Pipeline::new(&Core::named("spacemit-x60").unwrap());
    for _ in 0..100 {
        instructions.iter().for_each(|one| pipeline.issue(one, VectorType::e32(lmul), &[]));
    }
    pipeline.cycles() as f64 / 100.0
}

/// The same in llvm-mca.
fn mca(body: &[Line], lmul: u32) -> f64 {
    let mut text = format!("# LLVM-MCA-RISCV-LMUL M{lmul}\n# LLVM-MCA-RISCV-SEW E32\n");
    // Branches take no slot there, but the loop's other instructions do.
    for (_, name, operands) in &body[..body.len() - 1] {
        text += &format!("{name} {operands}\n");
    }
    let arguments = ["-mtriple=riscv64", "-mcpu=spacemit-x60", "-iterations=100"];
    let report = tool("llvm-mca-22", &arguments, text.as_bytes());
    let cycles = report.lines().find_map(|line| line.strip_prefix("Total Cycles:")).unwrap();
    cycles.trim().parse::<f64>().unwrap() / 100.0
}

#[test]
fn inner_loops_agree_with_llvm_mca() {
    let window =
        "k1x1_s1x1_p0x0x0x0_d1x1_g1_in1x64x14x14.12544x196x14x1_out1x64x14x14.12544x196x14x1_res_act.relu";
    let kernels = [
        ("conv2d_direct_t7_m4_u8", 4),
        ("conv2d_direct_t6_m4_u8", 4),
        ("conv2d_direct_t5_m4_u4", 4),
        ("conv2d_direct_t14_m2_u4", 2),
        ("conv2d_direct_t3_m8_u4", 8),
        ("nm.conv2d_direct_t6_m4_u4_n32_i1", 4),
        ("nm.conv2d_direct_t12_m2_u4_n32_i1", 2),
    ];
    let mut errors = Vec::new();
    for (name, lmul) in kernels {
        let kernel: Kernel = format!("rvv_{name}_{window}").parse().unwrap();
        let (context, target) = (LlvmContext::create(), Target::new().unwrap());
        let module = context.create_module("kernel");
        define(&kernel, &module).unwrap();
        target.optimize(&module).unwrap();
        let object = emit_object(&target, &module).unwrap();
        let lines = disassembly(&object);
        let body = inner_loop(&lines);
        let (ours, theirs) = (modelled(&object, body, lmul), mca(body, lmul));
        println!(
            "{name:<36} model {ours:>7.2} llvm-mca {theirs:>7.2} {:>6.1}%",
            100.0 * (ours / theirs - 1.0)
        );
        errors.push((ours / theirs - 1.0).abs());
    }
    assert!(errors.iter().all(|error| *error <= 0.15), "{errors:?}");
}
