//! Kinds of instructions that a core treats alike.

use serde::{Deserialize, Serialize};

/// What kind of work an instruction is. Names in files are in kebab case: `vector-fma`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Class {
    /// Integer arithmetic, address computation, constants.
    ScalarAlu,
    /// `mul` and its kind.
    ScalarMul,
    /// `div`, `rem`.
    ScalarDiv,
    /// Branches, jumps, calls and returns.
    Branch,
    /// Loads of one register, also `flw`, and atomics.
    ScalarLoad,
    /// Stores of one register, also `fsw`.
    ScalarStore,
    /// Scalar floating point other than division.
    ScalarFp,
    /// `fdiv`, `fsqrt`.
    ScalarFpDiv,
    /// CSR accesses, fences, traps, and what is not known.
    System,
    /// `vsetvli` and its kind.
    Vsetvl,
    /// `vle32.v`, `vlm.v`: consecutive elements.
    LoadUnit,
    /// `vlse32.v`.
    LoadStrided,
    /// `vluxei32.v`, `vloxei32.v`.
    LoadIndexed,
    /// `vlseg2e32.v` and its kind, strided and indexed ones too.
    LoadSegment,
    /// `vl4re32.v`: whole registers; compilers reload spilled ones so.
    LoadWhole,
    /// `vse32.v`, `vsm.v`.
    StoreUnit,
    /// `vsse32.v`.
    StoreStrided,
    /// `vsuxei32.v`, `vsoxei32.v`.
    StoreIndexed,
    /// `vsseg2e32.v` and its kind.
    StoreSegment,
    /// `vs4r.v`.
    StoreWhole,
    /// Integer add, subtract, minimum, maximum, multiply, multiply-add.
    VectorInt,
    /// Bitwise operations, shifts, extensions, `vid.v`, carries.
    VectorLogic,
    /// Integer division.
    VectorIntDiv,
    /// Fused multiply-add: `vfmacc.vf`.
    VectorFma,
    /// Floating-point add, subtract, multiply, minimum, maximum.
    VectorFp,
    /// Conversions of one width, sign injection, classification, estimates.
    VectorFpConvert,
    /// `vfdiv`, `vfsqrt`.
    VectorFpDiv,
    /// `vmv.v.v`, `vfmv.v.f`, `vmerge`, and gathers of one element.
    VectorMove,
    /// `vmv4r.v`: whole registers.
    VectorMoveWhole,
    /// `vslideup`, `vslidedown` and by one.
    VectorSlide,
    /// `vrgather.vv`, `vcompress.vm`.
    VectorGather,
    /// Floating-point reduction in any order: `vfredusum.vs`, `vfredmax.vs`.
    VectorReduce,
    /// Integer reduction.
    VectorReduceInt,
    /// `vfredosum.vs`.
    VectorReduceOrdered,
    /// Comparisons, which write a mask.
    VectorCompare,
    /// Operations on masks.
    VectorMask,
    /// Results twice as wide as the operands.
    VectorWiden,
    /// Results half as wide as the operands.
    VectorNarrow,
    /// `vfmv.f.s`, `vmv.x.s`, `vcpop.m`, `vfirst.m`.
    VectorToScalar,
    /// `vfmv.s.f`, `vmv.s.x`.
    ScalarToVector,
}

impl Class {
    /// All classes, in order; the position is `class as usize`.
    pub const ALL: [Self; 40] = [
        Self::ScalarAlu,
        Self::ScalarMul,
        Self::ScalarDiv,
        Self::Branch,
        Self::ScalarLoad,
        Self::ScalarStore,
        Self::ScalarFp,
        Self::ScalarFpDiv,
        Self::System,
        Self::Vsetvl,
        Self::LoadUnit,
        Self::LoadStrided,
        Self::LoadIndexed,
        Self::LoadSegment,
        Self::LoadWhole,
        Self::StoreUnit,
        Self::StoreStrided,
        Self::StoreIndexed,
        Self::StoreSegment,
        Self::StoreWhole,
        Self::VectorInt,
        Self::VectorLogic,
        Self::VectorIntDiv,
        Self::VectorFma,
        Self::VectorFp,
        Self::VectorFpConvert,
        Self::VectorFpDiv,
        Self::VectorMove,
        Self::VectorMoveWhole,
        Self::VectorSlide,
        Self::VectorGather,
        Self::VectorReduce,
        Self::VectorReduceInt,
        Self::VectorReduceOrdered,
        Self::VectorCompare,
        Self::VectorMask,
        Self::VectorWiden,
        Self::VectorNarrow,
        Self::VectorToScalar,
        Self::ScalarToVector,
    ];

    /// Whether it goes through the load-store unit.
    pub fn is_memory(self) -> bool {
        matches!(self, Self::ScalarLoad | Self::ScalarStore) || self.is_vector_memory()
    }

    /// Whether it is a vector load or store.
    pub fn is_vector_memory(self) -> bool {
        (Self::LoadUnit as u8..=Self::StoreWhole as u8).contains(&(self as u8))
    }

    /// Whether it occupies the vector arithmetic unit.
    pub fn is_vector_arithmetic(self) -> bool {
        self as u8 >= Self::VectorInt as u8
    }

    /// Whether it works on `vl` elements, so that lanes can be idle.
    pub fn has_elements(self) -> bool {
        (self.is_vector_memory() || self.is_vector_arithmetic())
            && !matches!(
                self,
                Self::LoadWhole
                    | Self::StoreWhole
                    | Self::VectorMoveWhole
                    | Self::VectorToScalar
                    | Self::ScalarToVector
                    | Self::VectorMask
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_discriminants() {
        for (position, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, position);
        }
    }

    #[test]
    fn groups() {
        let memory = Class::ALL.into_iter().filter(|class| class.is_memory()).count();
        let vector = Class::ALL.into_iter().filter(|class| class.is_vector_arithmetic()).count();
        assert_eq!((memory, vector), (12, 20));
        assert!(Class::VectorFma.has_elements() && !Class::LoadWhole.has_elements());
    }
}
