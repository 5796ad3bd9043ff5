//! Instructions of 32 bits without vectors.

use super::{Fields, system};
use crate::{Class, Instruction, Register};

pub(super) fn decode(code: Fields) -> Instruction {
    let (rd, rs1, rs2) = (Register::x(code.rd()), Register::x(code.rs1()), Register::x(code.rs2()));
    match code.opcode() {
        0x03 => Instruction::new(Class::ScalarLoad, rd, &[rs1]),
        0x07 => Instruction::new(Class::ScalarLoad, Register::f(code.rd()), &[rs1]),
        0x23 => Instruction::new(Class::ScalarStore, Register::NONE, &[rs1, rs2]),
        0x27 => Instruction::new(Class::ScalarStore, Register::NONE, &[rs1, Register::f(code.rs2())]),
        0x2f => Instruction::new(Class::ScalarLoad, rd, &[rs1, rs2]),
        0x33 | 0x3b => Instruction::new(multiply_or_add(code), rd, &[rs1, rs2]),
        0x13 | 0x1b => Instruction::new(Class::ScalarAlu, rd, &[rs1]),
        0x17 | 0x37 => Instruction::new(Class::ScalarAlu, rd, &[]),
        0x63 => Instruction::new(Class::Branch, Register::NONE, &[rs1, rs2]),
        0x67 => Instruction::new(Class::Branch, rd, &[rs1]),
        0x6f => Instruction::new(Class::Branch, rd, &[]),
        0x43 | 0x47 | 0x4b | 0x4f => {
            let sources = [code.rs1(), code.rs2(), code.rs3()].map(Register::f);
            Instruction::new(Class::ScalarFp, Register::f(code.rd()), &sources)
        }
        0x53 => floating_point(code),
        // CSRs; those with an immediate have it in the place of rs1.
        0x73 if (1..=3).contains(&code.funct3()) => Instruction::new(Class::System, rd, &[rs1]),
        0x73 if code.funct3() != 0 => Instruction::new(Class::System, rd, &[]),
        _ => system(),
    }
}

fn multiply_or_add(code: Fields) -> Class {
    match (code.funct7(), code.funct3()) {
        (1, 0..4) => Class::ScalarMul,
        (1, _) => Class::ScalarDiv,
        _ => Class::ScalarAlu,
    }
}

fn floating_point(code: Fields) -> Instruction {
    let funct5 = code.funct7() >> 2;
    let class = if matches!(funct5, 0x03 | 0x0b) { Class::ScalarFpDiv } else { Class::ScalarFp };
    // Comparisons, conversions to integers and moves write integer registers.
    let rd = match funct5 {
        0x14 | 0x18 | 0x1c => Register::x(code.rd()),
        _ => Register::f(code.rd()),
    };
    let rs1 = match funct5 {
        0x1a | 0x1e => Register::x(code.rs1()),
        _ => Register::f(code.rs1()),
    };
    match funct5 {
        // One operand: the place of rs2 says which conversion.
        0x08 | 0x0b | 0x18 | 0x1a | 0x1c | 0x1e => Instruction::new(class, rd, &[rs1]),
        _ => Instruction::new(class, rd, &[rs1, Register::f(code.rs2())]),
    }
}
