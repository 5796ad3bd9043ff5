//! Which functions of an object save vector registers: a kernel that does is a bug of its generator, and slow.
//!
//! LLVM spills vector registers with the whole-register loads and stores `vl<n>re<w>.v` and `vs<n>r.v` alone, and no
//! kernel asks for them. Each is one fixed pattern of bits (RVV 1.0, 7.9), and the lowest bits of an instruction say its
//! length, so that one walk over a function's code finds them all without a disassembler.

use crate::kernels::Kernel;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use std::collections::BTreeMap;

/// Checks that an ELF object has the kernels, and that none of them saves vector registers to memory.
///
/// # Errors
/// Names the kernel.
pub fn check<'k>(elf: &[u8], kernels: impl IntoIterator<Item = &'k Kernel>) -> Result<(), String> {
    let functions = functions(elf).map_err(|message| format!("internal error: {message}"))?;
    for kernel in kernels {
        match functions.get(&kernel.symbol_name()) {
            Some(false) => {}
            Some(true) => return Err(format!("internal error: kernel {kernel} spills vector registers")),
            None => return Err(format!("internal error: kernel {kernel} is not in the object")),
        }
    }
    Ok(())
}

/// The functions of an ELF object with code, by name: whether they load or store whole vector registers.
///
/// # Errors
/// If the object, a symbol or the code cannot be read.
pub fn functions(elf: &[u8]) -> Result<BTreeMap<String, bool>, String> {
    let file = object::File::parse(elf).map_err(|error| error.to_string())?;
    let is_code =
        |symbol: &object::Symbol<'_, '_>| symbol.kind() == SymbolKind::Text && symbol.is_definition();
    let audit = |symbol: object::Symbol<'_, '_>| {
        let name = symbol.name().map_err(|error| error.to_string())?;
        let index = symbol.section_index().ok_or_else(|| format!("{name} is in no section"))?;
        let section = file.section_by_index(index).map_err(|error| error.to_string())?;
        let code = section.data_range(symbol.address(), symbol.size()).map_err(|error| error.to_string())?;
        let code = code.ok_or_else(|| format!("{name} is outside its section"))?;
        spills(code).map(|spills| (name.to_owned(), spills)).map_err(|message| format!("{name}: {message}"))
    };
    file.symbols().filter(is_code).map(audit).collect()
}

/// Whether some instruction moves whole vector registers.
fn spills(mut code: &[u8]) -> Result<bool, String> {
    let mut found = false;
    while let [low, ..] = code {
        let length = match low {
            low if low & 0b11 != 0b11 => 2,
            low if low & 0b1_1100 != 0b1_1100 => 4,
            _ => return Err("an instruction is longer than 4 bytes".to_owned()),
        };
        let (instruction, rest) = code.split_at_checked(length).ok_or("the last instruction is cut off")?;
        found |=
            <[u8; 4]>::try_from(instruction).is_ok_and(|bytes| moves_registers(u32::from_le_bytes(bytes)));
        code = rest;
    }
    Ok(found)
}

/// `nf mew=0 mop=00 vm=1 lumop=01000 rs1 width vd opcode`: loads of any width, stores of bytes.
fn moves_registers(instruction: u32) -> bool {
    let is_whole = instruction & 0x1ff0_0000 == 0x0280_0000;
    let (opcode, width) = (instruction & 0x7f, instruction >> 12 & 7);
    // The other widths are scalar loads and stores.
    is_whole && matches!((opcode, width), (0x07, 0 | 5 | 6 | 7) | (0x27, 0))
}

#[cfg(test)]
mod tests {
    use super::{check, functions, moves_registers};
    use crate::emit::{Target, emit_object};
    use crate::kernels::Kernel;
    use crate::kernels::rvv::{Lmul, Rvv};
    use inkwell::context::Context;

    #[test]
    fn encodings() {
        // vs1r.v, vs2r.v, vs4r.v, vs8r.v v8, (a0); vl1r.v, vl2re32.v, vl8re64.v, vl4re16.v v8, (a0)
        for whole in [
            0x0285_0427,
            0x2285_0427,
            0x6285_0427,
            0xe285_0427,
            0x0285_0407,
            0x2285_6407,
            0xe285_7407,
            0x6285_5407,
        ] {
            assert!(moves_registers(whole), "{whole:08x}");
        }
        // vle32.v, vse32.v, vlm.v, vlseg4e32.v v8, (a0); flw fa5, 40(a0); fsd fs0, 40(a0)
        for other in [0x0205_6407, 0x0205_6427, 0x02b5_0407, 0x6205_6407, 0x0285_2787, 0x0285_3427] {
            assert!(!moves_registers(other), "{other:08x}");
        }
    }

    const KERNEL: &str = "rvv_fill_m4_v00000000_out9.1";

    /// An object where the kernel's symbol is a function that carries `count` register groups through a loop.
    fn carries(count: usize) -> Vec<u8> {
        let (context, target) = (Context::create(), Target::new().unwrap());
        let module = context.create_module("kernels");
        target.prepare(&module);
        Rvv::kernel(&module, KERNEL, crate::kernels::rvv::Pressure::Full, |b| {
            let vl = b.vl(4, Lmul::M4);
            let at = |i: usize| b.index(b.arg(0), 4 * i64::try_from(i).unwrap());
            let start: Vec<_> = (0..count).map(|i| b.vle32(at(i), vl)).collect();
            let sums = b.for_range(0, b.task(), 1, start, |_, sums| {
                let vector = b.vle32(b.arg(1), vl);
                sums.into_iter().map(|sum| b.vfmacc(sum, 2.0, vector, vl)).collect()
            });
            sums.into_iter().enumerate().for_each(|(i, sum)| b.vse32(sum, at(i), vl));
        });
        target.optimize(&module).unwrap();
        emit_object(&target, &module).unwrap()
    }

    #[test]
    fn kernels_with_too_many_accumulators_are_found() {
        let kernel: Kernel = KERNEL.parse().unwrap();
        assert_eq!(check(&carries(7), [&kernel]), Ok(()));
        for count in [8, 20] {
            let error = format!("internal error: kernel {KERNEL} spills vector registers");
            assert_eq!(check(&carries(count), [&kernel]), Err(error));
        }
        let other: Kernel = KERNEL.replace("_m4", "_m8").parse().unwrap();
        assert!(check(&carries(7), [&other]).unwrap_err().contains("not in the object"));
    }

    #[test]
    fn bad_objects_are_errors() {
        assert!(functions(b"\x7fELF").is_err());
        assert!(functions(b"").is_err());
    }
}
