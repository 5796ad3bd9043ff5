//! Instructions of 16 bits.

use super::system;
use crate::{Class, Instruction, Register};

const SP: Register = Register::x(2);
const RA: Register = Register::x(1);

pub(super) fn decode(code: u32) -> Instruction {
    let bits = |low: u32, count: u32| code >> low & ((1 << count) - 1);
    let (wide, second) = (bits(7, 5) as u8, bits(2, 5) as u8);
    // The fields of three bits name x8 to x15 and f8 to f15.
    let (high, low) = (8 + bits(7, 3) as u8, 8 + bits(2, 3) as u8);
    let (x, f) = (Register::x, Register::f);
    let (load, store, alu) = (Class::ScalarLoad, Class::ScalarStore, Class::ScalarAlu);
    match (bits(0, 2), bits(13, 3)) {
        (0, 0) => Instruction::new(alu, x(low), &[SP]),
        (0, 1) => Instruction::new(load, f(low), &[x(high)]),
        (0, 2 | 3) => Instruction::new(load, x(low), &[x(high)]),
        // Zcb: bytes and halves.
        (0, 4) if bits(11, 1) == 1 => Instruction::new(store, Register::NONE, &[x(high), x(low)]),
        (0, 4) => Instruction::new(load, x(low), &[x(high)]),
        (0, 5) => Instruction::new(store, Register::NONE, &[x(high), f(low)]),
        (0, 6 | 7) => Instruction::new(store, Register::NONE, &[x(high), x(low)]),
        (1, 0 | 1) => Instruction::new(alu, x(wide), &[x(wide)]),
        (1, 2) => Instruction::new(alu, x(wide), &[]),
        (1, 3) if wide == 2 => Instruction::new(alu, SP, &[SP]),
        (1, 3) => Instruction::new(alu, x(wide), &[]),
        (1, 4) if bits(10, 2) == 3 => Instruction::new(alu, x(high), &[x(high), x(low)]),
        (1, 4) => Instruction::new(alu, x(high), &[x(high)]),
        (1, 5) => Instruction::new(Class::Branch, Register::NONE, &[]),
        (1, 6 | 7) => Instruction::new(Class::Branch, Register::NONE, &[x(high)]),
        (2, 0) => Instruction::new(alu, x(wide), &[x(wide)]),
        (2, 1) => Instruction::new(load, f(wide), &[SP]),
        (2, 2 | 3) => Instruction::new(load, x(wide), &[SP]),
        (2, 4) => jump_or_add(bits(12, 1) == 1, wide, second),
        (2, 5) => Instruction::new(store, Register::NONE, &[SP, f(second)]),
        (2, 6 | 7) => Instruction::new(store, Register::NONE, &[SP, x(second)]),
        _ => system(),
    }
}

/// `jr`, `jalr`, `mv` and `add` share a code.
fn jump_or_add(link_or_add: bool, wide: u8, second: u8) -> Instruction {
    let (first, second) = (Register::x(wide), Register::x(second));
    match (link_or_add, second) {
        (true, Register::NONE) if first == Register::NONE => system(), // ebreak
        (true, Register::NONE) => Instruction::new(Class::Branch, RA, &[first]),
        (false, Register::NONE) => Instruction::new(Class::Branch, Register::NONE, &[first]),
        (false, _) => Instruction::new(Class::ScalarAlu, first, &[second]),
        (true, _) => Instruction::new(Class::ScalarAlu, first, &[second, first]),
    }
}
