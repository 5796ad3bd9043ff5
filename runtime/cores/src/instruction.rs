//! One instruction, as far as its time depends on it.

use crate::Class;

/// An integer, floating-point or vector register; or none, which is always ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Register(u8);

impl Register {
    /// No register; `x0` is none too.
    pub const NONE: Self = Self(u8::MAX);
    /// How many registers there are.
    pub(crate) const COUNT: usize = 96;

    /// Integer register `number` (modulo 32).
    pub const fn x(number: u8) -> Self {
        if number & 31 == 0 { Self::NONE } else { Self(number & 31) }
    }

    /// Floating-point register `number` (modulo 32).
    pub const fn f(number: u8) -> Self {
        Self(32 + (number & 31))
    }

    /// Vector register `number` (modulo 32), the first one of its group.
    pub const fn v(number: u8) -> Self {
        Self(64 + (number & 31))
    }

    /// Whether it is a vector register.
    pub const fn is_vector(self) -> bool {
        self.0 >= 64 && self.0 < 96
    }

    /// Its position among all registers; `None` for no register.
    pub(crate) const fn index(self) -> Option<usize> {
        if self.0 == u8::MAX { None } else { Some(self.0 as usize) }
    }
}

/// An instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// What kind it is.
    pub class: Class,
    /// The register, or the first of the group, that it writes.
    pub rd: Register,
    /// Registers, or the first ones of groups, that it reads.
    pub rs: [Register; 4],
    /// Whether it works under the mask in `v0`.
    pub masked: bool,
    /// Fields of a segment, or registers of a whole-register move; else 1.
    pub fields: u8,
    /// Width in bits of the elements that a vector load or store names; 0 if it names none.
    pub eew: u8,
}

impl Instruction {
    /// An instruction that writes `rd` and reads `rs`, of which at most four count.
    pub fn new(class: Class, rd: Register, rs: &[Register]) -> Self {
        let mut sources = [Register::NONE; 4];
        for (to, from) in sources.iter_mut().zip(rs) {
            *to = *from;
        }
        Self { class, rd, rs: sources, masked: false, fields: 1, eew: 0 }
    }

    /// It names elements of `bits` bits (8 to 64).
    pub fn with_eew(self, bits: u8) -> Self {
        Self { eew: bits, ..self }
    }

    /// It works on `fields` fields or registers (1 to 8).
    pub fn with_fields(self, fields: u8) -> Self {
        Self { fields, ..self }
    }

    /// It works under the mask in `v0`.
    pub fn under_mask(self) -> Self {
        Self { masked: true, rs: [self.rs[0], self.rs[1], self.rs[2], Register::v(0)], ..self }
    }

    /// log2 of the number of registers in a group of its data under `vtype`: for a load or store of consecutive or
    /// strided elements EMUL = EEW / SEW * LMUL, else LMUL.
    pub(crate) fn emul(&self, vtype: VectorType) -> i32 {
        let own_width = matches!(
            self.class,
            Class::LoadUnit
                | Class::StoreUnit
                | Class::LoadStrided
                | Class::StoreStrided
                | Class::LoadSegment
        );
        let lmul = i32::from(vtype.lmul_log2);
        if self.eew == 0 || !own_width {
            return lmul;
        }
        lmul + self.eew.ilog2() as i32 - vtype.sew.max(1).ilog2() as i32
    }

    /// How many registers it writes under `vtype`.
    pub(crate) fn destinations(&self, vtype: VectorType) -> usize {
        let group = || 1_usize << self.emul(vtype).clamp(0, 3);
        match self.class {
            _ if !self.rd.is_vector() => 1,
            Class::LoadWhole | Class::VectorMoveWhole => usize::from(self.fields),
            Class::LoadSegment => usize::from(self.fields) * group(),
            Class::VectorWiden => 2 * group(),
            Class::VectorCompare | Class::VectorMask | Class::ScalarToVector => 1,
            Class::VectorReduce | Class::VectorReduceInt | Class::VectorReduceOrdered => 1,
            _ => group(),
        }
    }
}

/// The vector type that an instruction works under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorType {
    /// log2 of LMUL, -3 to 3.
    pub lmul_log2: i8,
    /// SEW in bits, 8 to 64.
    pub sew: u16,
}

impl VectorType {
    /// Elements of 32 bits in groups of `lmul` registers: 1, 2, 4 or 8; others are rounded down.
    pub fn e32(lmul: u32) -> Self {
        Self { lmul_log2: lmul.clamp(1, 8).ilog2() as i8, sew: 32 }
    }

    /// The value of the CSR `vtype`; reserved values give LMUL 1/8 and SEW 64 at most.
    pub fn from_csr(vtype: u64) -> Self {
        let lmul_log2 = match (vtype & 7) as i8 {
            fraction @ 4.. => (fraction - 8).max(-3),
            whole => whole,
        };
        Self { lmul_log2, sew: 8 << (vtype >> 3 & 7).min(3) }
    }

    /// VLMAX, elements in a group, with registers of `vlen` bits.
    pub fn vlmax(self, vlen: u32) -> u64 {
        let registers = u64::from(vlen) << self.lmul_log2.clamp(0, 3);
        (registers >> (-self.lmul_log2).clamp(0, 3)) / u64::from(self.sew.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vector_types_are_read() {
        // vsetvli e32, m4, ta, ma is 0xd2; e8, mf2 is 0xc7.
        assert_eq!(VectorType::from_csr(0xd2), VectorType::e32(4));
        assert_eq!(VectorType::from_csr(0xc7), VectorType { lmul_log2: -1, sew: 8 });
        assert_eq!(VectorType::e32(4).vlmax(256), 32);
        assert_eq!(VectorType::from_csr(0xc7).vlmax(256), 16);
    }

    #[test]
    fn groups_of_loads_follow_their_own_width() {
        let load = Instruction::new(Class::LoadUnit, Register::v(8), &[Register::x(10)]);
        assert_eq!(load.with_eew(32).destinations(VectorType::e32(4)), 4);
        assert_eq!(load.with_eew(8).destinations(VectorType::e32(4)), 1);
        assert_eq!(load.with_eew(64).emul(VectorType::e32(4)), 3);
    }

    #[test]
    fn x0_is_no_register() {
        assert_eq!((Register::x(0), Register::x(32)), (Register::NONE, Register::NONE));
        assert_eq!(Register::v(3).index(), Some(67));
    }
}
