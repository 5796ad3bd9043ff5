//! The vector extension, version 1.0.

use super::Fields;
use crate::{Class, Instruction, Register};

/// Vector loads and stores.
pub(super) fn memory(code: Fields) -> Instruction {
    let store = code.opcode() == 0x27;
    let (mode, selector) = (code.bits(26, 2), code.rs2());
    let fields = code.bits(29, 3) as u8 + 1;
    let data = Register::v(code.rd());
    let address = Register::x(code.rs1());
    let offset = match mode {
        0 => Register::NONE,
        2 => Register::x(selector),
        _ => Register::v(selector),
    };
    let class = match (mode, selector, fields) {
        (0, 8, _) => Class::LoadWhole,
        (_, _, 2..) => Class::LoadSegment,
        (0, ..) => Class::LoadUnit,
        (2, ..) => Class::LoadStrided,
        _ => Class::LoadIndexed,
    };
    let width = match code.funct3() {
        // A mask has one bit for each element.
        _ if mode == 0 && selector == 11 => 1,
        0 => 8,
        5 => 16,
        6 => 32,
        _ => 64,
    };
    let instruction = if store {
        Instruction::new(as_store(class), Register::NONE, &[address, offset, data])
    } else {
        Instruction::new(class, data, &[address, offset])
    };
    mask(code, instruction.with_eew(width).with_fields(fields))
}

fn as_store(load: Class) -> Class {
    match load {
        Class::LoadWhole => Class::StoreWhole,
        Class::LoadSegment => Class::StoreSegment,
        Class::LoadUnit => Class::StoreUnit,
        Class::LoadStrided => Class::StoreStrided,
        _ => Class::StoreIndexed,
    }
}

fn mask(code: Fields, instruction: Instruction) -> Instruction {
    if code.masked() { instruction.under_mask() } else { instruction }
}

/// `vset{i}vl{i}` and arithmetic.
pub(super) fn arithmetic(code: Fields) -> Instruction {
    match code.funct3() {
        1 | 5 => floating_point(code),
        2 | 6 => multiply(code),
        7 => configuration(code),
        _ => integer(code),
    }
}

fn configuration(code: Fields) -> Instruction {
    let (rd, rs1, rs2) = (Register::x(code.rd()), Register::x(code.rs1()), Register::x(code.rs2()));
    match code.bits(30, 2) {
        3 => Instruction::new(Class::Vsetvl, rd, &[]), // an immediate vector length
        2 => Instruction::new(Class::Vsetvl, rd, &[rs1, rs2]),
        _ => Instruction::new(Class::Vsetvl, rd, &[rs1]),
    }
}

/// An operation on vs2 and the second operand, which is a vector, a scalar or an immediate.
fn binary(code: Fields, class: Class, second: Register) -> Instruction {
    mask(code, Instruction::new(class, Register::v(code.rd()), &[Register::v(code.rs2()), second]))
}

/// The same, and vd is an operand too.
fn accumulating(code: Fields, class: Class, second: Register) -> Instruction {
    let vd = Register::v(code.rd());
    mask(code, Instruction::new(class, vd, &[Register::v(code.rs2()), second, vd]))
}

/// A merge or, without a mask, a move: that has no vs2.
fn merge(code: Fields, second: Register) -> Instruction {
    let vs2 = if code.masked() { Register::v(code.rs2()) } else { Register::NONE };
    let merge = Instruction::new(Class::VectorMove, Register::v(code.rd()), &[vs2, second]);
    // All its elements are written, so that it is not slower under a mask.
    if code.masked() { Instruction { masked: false, ..merge.under_mask() } } else { merge }
}

/// OPIVV, OPIVX and OPIVI.
fn integer(code: Fields) -> Instruction {
    let (vectors, immediate) = (code.funct3() == 0, code.funct3() == 3);
    let second = match code.funct3() {
        0 => Register::v(code.rs1()),
        3 => Register::NONE,
        _ => Register::x(code.rs1()),
    };
    let class = match code.funct6() {
        0x17 => return merge(code, second),
        0x27 if immediate => {
            let registers = (code.rs1() & 7) + 1;
            let (vd, vs2) = (Register::v(code.rd()), Register::v(code.rs2()));
            return Instruction::new(Class::VectorMoveWhole, vd, &[vs2]).with_fields(registers);
        }
        0x00..=0x07 | 0x20..=0x23 | 0x27 if code.funct6() != 1 => Class::VectorInt,
        0x0c | 0x0e if vectors => Class::VectorGather,
        0x0c => Class::VectorMove,
        0x0e | 0x0f => Class::VectorSlide,
        0x11 | 0x13 | 0x18..=0x1f => Class::VectorCompare,
        0x2c..=0x2f => Class::VectorNarrow,
        0x30 | 0x31 => Class::VectorReduceInt,
        _ => Class::VectorLogic,
    };
    binary(code, class, second)
}

/// OPMVV and OPMVX.
fn multiply(code: Fields) -> Instruction {
    let vectors = code.funct3() == 2;
    let second = if vectors { Register::v(code.rs1()) } else { Register::x(code.rs1()) };
    match (code.funct6(), vectors) {
        (0x00..=0x07, true) => binary(code, Class::VectorReduceInt, second),
        (0x10, true) => {
            let rd = Register::x(code.rd());
            mask(code, Instruction::new(Class::VectorToScalar, rd, &[Register::v(code.rs2())]))
        }
        (0x10, false) => Instruction::new(Class::ScalarToVector, Register::v(code.rd()), &[second]),
        (0x12, _) => binary(code, Class::VectorLogic, Register::NONE),
        // viota and vid are of whole groups, the others of masks.
        (0x14, _) if code.rs1() >= 16 => binary(code, Class::VectorLogic, Register::NONE),
        (0x14, _) => binary(code, Class::VectorMask, Register::NONE),
        (0x0e | 0x0f, _) => binary(code, Class::VectorSlide, second),
        (0x17, _) => binary(code, Class::VectorGather, second),
        (0x18..=0x1f, _) => binary(code, Class::VectorMask, second),
        (0x20..=0x23, _) => binary(code, Class::VectorIntDiv, second),
        (0x28..=0x2f, _) => accumulating(code, Class::VectorInt, second),
        (0x3c..=0x3f, _) => accumulating(code, Class::VectorWiden, second),
        (0x30..=0x3b, _) => binary(code, Class::VectorWiden, second),
        _ => binary(code, Class::VectorInt, second),
    }
}

/// OPFVV and OPFVF.
fn floating_point(code: Fields) -> Instruction {
    let vectors = code.funct3() == 1;
    let second = if vectors { Register::v(code.rs1()) } else { Register::f(code.rs1()) };
    match (code.funct6(), vectors) {
        (0x01 | 0x05 | 0x07, true) | (0x31, _) => binary(code, Class::VectorReduce, second),
        (0x03, true) | (0x33, _) => binary(code, Class::VectorReduceOrdered, second),
        (0x08..=0x0a, _) => binary(code, Class::VectorFpConvert, second),
        (0x0e | 0x0f, _) => binary(code, Class::VectorSlide, second),
        (0x10, true) => {
            Instruction::new(Class::VectorToScalar, Register::f(code.rd()), &[Register::v(code.rs2())])
        }
        (0x10, false) => Instruction::new(Class::ScalarToVector, Register::v(code.rd()), &[second]),
        (0x12, _) => binary(code, conversion(code.rs1()), Register::NONE),
        (0x13, _) if code.rs1() == 0 => binary(code, Class::VectorFpDiv, Register::NONE),
        (0x13, _) => binary(code, Class::VectorFpConvert, Register::NONE),
        (0x17, _) => merge(code, second),
        (0x18..=0x1f, _) => binary(code, Class::VectorCompare, second),
        (0x20 | 0x21, _) => binary(code, Class::VectorFpDiv, second),
        (0x28..=0x2f, _) => accumulating(code, Class::VectorFma, second),
        (0x3c..=0x3f, _) => accumulating(code, Class::VectorWiden, second),
        (0x30..=0x3b, _) => binary(code, Class::VectorWiden, second),
        _ => binary(code, Class::VectorFp, second),
    }
}

/// The conversion that the place of vs1 names.
fn conversion(selector: u8) -> Class {
    match selector >> 3 {
        1 => Class::VectorWiden,
        2 => Class::VectorNarrow,
        _ => Class::VectorFpConvert,
    }
}
