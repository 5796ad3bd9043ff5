//! The values of a kernel.

use super::Rvv;
use inkwell::values::{FloatValue, IntValue, PointerValue, ScalableVectorValue};

/// Registers per vector group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lmul {
    /// One register.
    #[default]
    M1 = 1,
    /// Two registers.
    M2 = 2,
    /// Four registers.
    M4 = 4,
    /// Eight registers.
    M8 = 8,
}

impl Lmul {
    /// All of them, smallest first.
    pub const ALL: [Self; 4] = [Self::M1, Self::M2, Self::M4, Self::M8];

    /// A group of twice as many registers, 8 at most.
    pub const fn doubled(self) -> Self {
        match self {
            Self::M1 => Self::M2,
            Self::M2 => Self::M4,
            Self::M4 | Self::M8 => Self::M8,
        }
    }

    /// Number of registers.
    pub const fn registers(self) -> i64 {
        self as i64
    }

    /// Elements of 32 bits at VLEN 64, the unit of `vscale`.
    pub(super) const fn words(self) -> u32 {
        2 * self as u32
    }

    /// The `vlmul` field of `vtype`.
    pub(super) const fn encoding(self) -> i64 {
        (self as i64).ilog2() as i64
    }

    /// The most elements of 32 bits in a group at a VLEN in bits.
    pub const fn vlmax(self, vlen: i64) -> i64 {
        self.registers() * vlen / 32
    }
}

impl TryFrom<i64> for Lmul {
    type Error = String;

    fn try_from(registers: i64) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|lmul| lmul.registers() == registers);
        found.ok_or_else(|| format!("lmul must be 1, 2, 4 or 8, not {registers}"))
    }
}

/// A 64-bit integer.
#[derive(Clone, Copy)]
pub struct X<'c>(pub(super) IntValue<'c>);

/// A truth value.
#[derive(Clone, Copy)]
pub struct Cond<'c>(pub(super) IntValue<'c>);

/// An `f32`.
#[derive(Clone, Copy)]
pub struct F<'c>(pub(super) FloatValue<'c>);

/// Size of an unsigned integer in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// One byte.
    #[default]
    W1 = 1,
    /// Two bytes.
    W2 = 2,
    /// Four bytes.
    W4 = 4,
}

impl Width {
    /// All of them, smallest first.
    pub const ALL: [Self; 3] = [Self::W1, Self::W2, Self::W4];

    /// Number of bytes.
    pub const fn bytes(self) -> i64 {
        self as i64
    }
}

impl TryFrom<i64> for Width {
    type Error = String;

    fn try_from(bytes: i64) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|width| width.bytes() == bytes);
        found.ok_or_else(|| format!("an index has 1, 2 or 4 bytes, not {bytes}"))
    }
}

/// An address.
#[derive(Clone, Copy)]
pub struct P<'c>(pub(super) PointerValue<'c>);

/// A register group of `f32`.
#[derive(Clone, Copy)]
pub struct V<'c> {
    pub(super) value: ScalableVectorValue<'c>,
    pub(super) lmul: Lmul,
}

/// A register group of `i32`.
#[derive(Clone, Copy)]
pub struct I<'c> {
    pub(super) value: ScalableVectorValue<'c>,
    pub(super) lmul: Lmul,
}

/// One bit per element of a group.
#[derive(Clone, Copy)]
pub struct Mask<'c> {
    pub(super) value: ScalableVectorValue<'c>,
    pub(super) lmul: Lmul,
}

/// A vector length in elements of 32 bits, at most VLMAX of its LMUL: what `vsetvli` returned.
#[derive(Clone, Copy)]
pub struct Vl<'c> {
    pub(super) x: X<'c>,
    pub(super) lmul: Lmul,
}

impl<'c> Vl<'c> {
    /// The length as an integer.
    pub fn x(self) -> X<'c> {
        self.x
    }

    /// The register group size.
    pub fn lmul(self) -> Lmul {
        self.lmul
    }
}

/// Integers: values of the kernel and constants.
pub trait IntoX<'c>: Copy {
    /// As a value.
    fn into_x(self, b: &Rvv<'c, '_>) -> X<'c>;
}

impl<'c> IntoX<'c> for X<'c> {
    fn into_x(self, _: &Rvv<'c, '_>) -> X<'c> {
        self
    }
}

impl<'c> IntoX<'c> for i64 {
    fn into_x(self, b: &Rvv<'c, '_>) -> X<'c> {
        X(b.constant(self))
    }
}

/// Floats: values of the kernel and constants.
pub trait IntoF<'c>: Copy {
    /// As a value.
    fn into_f(self, b: &Rvv<'c, '_>) -> F<'c>;
}

impl<'c> IntoF<'c> for F<'c> {
    fn into_f(self, _: &Rvv<'c, '_>) -> F<'c> {
        self
    }
}

impl<'c> IntoF<'c> for f32 {
    fn into_f(self, b: &Rvv<'c, '_>) -> F<'c> {
        F(b.context.f32_type().const_float(f64::from(self)))
    }
}

/// The last operand of an instruction with `.vv` and `.vf` forms.
#[derive(Clone, Copy)]
pub enum Operand<'c> {
    /// `.vv`
    Vector(V<'c>),
    /// `.vf`
    Scalar(F<'c>),
    /// `.vf` with a constant
    Constant(f32),
}

impl<'c> From<V<'c>> for Operand<'c> {
    fn from(v: V<'c>) -> Self {
        Self::Vector(v)
    }
}

impl<'c> From<F<'c>> for Operand<'c> {
    fn from(f: F<'c>) -> Self {
        Self::Scalar(f)
    }
}

impl From<f32> for Operand<'_> {
    fn from(f: f32) -> Self {
        Self::Constant(f)
    }
}
