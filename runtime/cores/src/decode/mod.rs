//! Machine code of RV64GCV to instructions: class and registers, as far as the model needs them.

mod compressed;
mod scalar;
mod vector;

use crate::{Class, Instruction, Register};

/// The instruction that `code` starts with; only its low 16 bits count if it is a compressed one. What is not known is
/// of class [`Class::System`].
pub fn decode(code: u32) -> Instruction {
    if code & 3 != 3 {
        return compressed::decode(code & 0xffff);
    }
    let fields = Fields(code);
    match fields.opcode() {
        0x07 | 0x27 if !(1..=4).contains(&fields.funct3()) => vector::memory(fields),
        0x57 => vector::arithmetic(fields),
        _ => scalar::decode(fields),
    }
}

fn system() -> Instruction {
    Instruction::new(Class::System, Register::NONE, &[])
}

/// The fields of an instruction of 32 bits, as the specification names them.
#[derive(Clone, Copy)]
struct Fields(u32);

impl Fields {
    fn bits(self, low: u32, count: u32) -> u32 {
        self.0 >> low & ((1 << count) - 1)
    }

    fn opcode(self) -> u32 {
        self.bits(0, 7)
    }

    fn funct3(self) -> u32 {
        self.bits(12, 3)
    }

    fn funct6(self) -> u32 {
        self.bits(26, 6)
    }

    fn funct7(self) -> u32 {
        self.bits(25, 7)
    }

    /// Whether a vector instruction has a mask.
    fn masked(self) -> bool {
        self.bits(25, 1) == 0
    }

    fn rd(self) -> u8 {
        self.bits(7, 5) as u8
    }

    fn rs1(self) -> u8 {
        self.bits(15, 5) as u8
    }

    fn rs2(self) -> u8 {
        self.bits(20, 5) as u8
    }

    fn rs3(self) -> u8 {
        self.bits(27, 5) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Class::*;

    fn x(number: u8) -> Register {
        Register::x(number)
    }

    fn f(number: u8) -> Register {
        Register::f(number)
    }

    fn v(number: u8) -> Register {
        Register::v(number)
    }

    /// Words as `llvm-mc-22 -triple=riscv64 -mattr=+v,+c,+m,+a,+d --show-encoding` gives them.
    #[test]
    fn scalar_instructions() {
        for (code, class, rd, rs) in [
            (0x00c5_8533, ScalarAlu, x(10), vec![x(11), x(12)]), // add a0, a1, a2
            (0x02c5_8533, ScalarMul, x(10), vec![x(11), x(12)]), // mul a0, a1, a2
            (0x02c5_c533, ScalarDiv, x(10), vec![x(11), x(12)]), // div a0, a1, a2
            (0x0005_a503, ScalarLoad, x(10), vec![x(11)]),       // lw a0, 0(a1)
            (0x0005_a507, ScalarLoad, f(10), vec![x(11)]),       // flw fa0, 0(a1)
            (0x00a5_a027, ScalarStore, Register::NONE, vec![x(11), f(10)]), // fsw fa0, 0(a1)
            (0x68c5_f543, ScalarFp, f(10), vec![f(11), f(12), f(13)]), // fmadd.s fa0, fa1, fa2, fa3
            (0x18c5_f553, ScalarFpDiv, f(10), vec![f(11), f(12)]), // fdiv.s fa0, fa1, fa2
            (0xf005_0553, ScalarFp, f(10), vec![x(10)]),         // fmv.w.x fa0, a0
            (0xa0b5_2553, ScalarFp, x(10), vec![f(10), f(11)]),  // feq.s a0, fa0, fa1
            (0x0005_1063, Branch, Register::NONE, vec![x(10)]),  // bnez a0, 0
            (0xc220_2573, System, x(10), vec![]),                // csrr a0, vlenb
            (0x852e, ScalarAlu, x(10), vec![x(11)]),             // mv a0, a1
            (0x952e, ScalarAlu, x(10), vec![x(11), x(10)]),      // add a0, a1
            (0x4188, ScalarLoad, x(10), vec![x(11)]),            // lw a0, 0(a1)
            (0x8082, Branch, Register::NONE, vec![x(1)]),        // ret
            (0xe422, ScalarStore, Register::NONE, vec![x(2), x(8)]), // sd s0, 8(sp)
        ] {
            let decoded = decode(code);
            assert_eq!(decoded, Instruction::new(class, rd, &rs), "{code:#x}");
        }
    }

    #[test]
    fn vector_instructions() {
        for (code, class, rd, rs) in [
            (0x0d00_7557, Vsetvl, x(10), vec![]), // vsetvli a0, zero, e32, m1, ta, ma
            (0x0205_e407, LoadUnit, v(8), vec![x(11)]), // vle32.v v8, (a1)
            (0x0205_6427, StoreUnit, Register::NONE, vec![x(10), Register::NONE, v(8)]), // vse32.v v8, (a0)
            (0x0ab5_6407, LoadStrided, v(8), vec![x(10), x(11)]), // vlse32.v v8, (a0), a1
            (0x0705_6407, LoadIndexed, v(8), vec![x(10), v(16)]), // vluxei32.v v8, (a0), v16
            (0x2205_6407, LoadSegment, v(8), vec![x(10)]), // vlseg2e32.v v8, (a0)
            (0x6285_6407, LoadWhole, v(8), vec![x(10)]), // vl4re32.v v8, (a0)
            (0xb305_5457, VectorFma, v(8), vec![v(16), f(10), v(8)]), // vfmacc.vf v8, fa0, v16
            (0x0308_1457, VectorFp, v(8), vec![v(16), v(16)]), // vfadd.vv v8, v16, v16
            (0x5e05_5457, VectorMove, v(8), vec![Register::NONE, f(10)]), // vfmv.v.f v8, fa0
            (0x4280_1557, VectorToScalar, f(10), vec![v(8)]), // vfmv.f.s fa0, v8
            (0x0687_1457, VectorReduce, v(8), vec![v(8), v(14)]), // vfredusum.vs v8, v8, v14
            (0x9f01_b457, VectorMoveWhole, v(8), vec![v(16)]), // vmv4r.v v8, v16
            (0x6f06_5457, VectorCompare, v(8), vec![v(16), f(12)]), // vmflt.vf v8, v16, fa2
        ] {
            let decoded = decode(code);
            assert_eq!((decoded.class, decoded.rd), (class, rd), "{code:#x}");
            assert_eq!(decoded.rs, Instruction::new(class, rd, &rs).rs, "{code:#x}");
        }
        assert_eq!(decode(0x6285_6407).fields, 4);
        assert_eq!(decode(0x0205_6427).eew, 32);
        assert!(!decode(0xb305_5457).masked);
        assert!(decode(0xb105_5457).masked && decode(0xb105_5457).rs[3] == v(0));
    }

    #[test]
    fn anything_can_be_decoded() {
        let mut code = 1_u32;
        for _ in 0..1_000_000 {
            code = code.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let instruction = decode(code);
            assert!((1..=8).contains(&instruction.fields));
        }
    }
}
