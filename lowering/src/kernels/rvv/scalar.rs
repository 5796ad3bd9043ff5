//! Scalar arithmetic, addresses and scalar memory.

use super::{Cond, F, IntoF, IntoX, P, Rvv, Width, X, built};
use inkwell::module::Linkage;
use inkwell::values::BasicValue;
use inkwell::{FloatPredicate, IntPredicate};

impl<'c> Rvv<'c, '_> {
    /// An integer constant.
    pub fn c(&self, value: i64) -> X<'c> {
        X(self.constant(value))
    }

    /// a + b
    pub fn add(&self, a: impl IntoX<'c>, b: impl IntoX<'c>) -> X<'c> {
        X(built(self.builder.build_int_nsw_add(a.into_x(self).0, b.into_x(self).0, "")))
    }

    /// a - b
    pub fn sub(&self, a: impl IntoX<'c>, b: impl IntoX<'c>) -> X<'c> {
        X(built(self.builder.build_int_nsw_sub(a.into_x(self).0, b.into_x(self).0, "")))
    }

    /// a * b
    pub fn mul(&self, a: impl IntoX<'c>, b: impl IntoX<'c>) -> X<'c> {
        X(built(self.builder.build_int_nsw_mul(a.into_x(self).0, b.into_x(self).0, "")))
    }

    /// a / b of non-negative numbers.
    pub fn div(&self, a: impl IntoX<'c>, b: impl IntoX<'c>) -> X<'c> {
        X(built(self.builder.build_int_unsigned_div(a.into_x(self).0, b.into_x(self).0, "")))
    }

    /// a modulo b of non-negative numbers.
    pub fn rem(&self, a: impl IntoX<'c>, b: impl IntoX<'c>) -> X<'c> {
        X(built(self.builder.build_int_unsigned_rem(a.into_x(self).0, b.into_x(self).0, "")))
    }

    /// Whether a bit of a non-negative number is set; `bit` is a power of two.
    pub fn has_bit(&self, a: X<'c>, bit: i64) -> Cond<'c> {
        self.eq(self.rem(self.div(a, bit), 2), 1)
    }

    /// The smaller, signed.
    pub fn min(&self, a: impl IntoX<'c>, b: impl IntoX<'c>) -> X<'c> {
        let (a, b) = (a.into_x(self), b.into_x(self));
        self.select(self.lt(a, b), a, b)
    }

    /// The larger, signed.
    pub fn max(&self, a: impl IntoX<'c>, b: impl IntoX<'c>) -> X<'c> {
        let (a, b) = (a.into_x(self), b.into_x(self));
        self.select(self.lt(a, b), b, a)
    }

    /// `then` where the condition holds, else `other`.
    pub fn select(&self, cond: Cond<'c>, then: impl IntoX<'c>, other: impl IntoX<'c>) -> X<'c> {
        let (then, other) = (then.into_x(self).0, other.into_x(self).0);
        X(built(self.builder.build_select(cond.0, then, other, "")).into_int_value())
    }

    fn compare(&self, predicate: IntPredicate, a: X<'c>, b: X<'c>) -> Cond<'c> {
        Cond(built(self.builder.build_int_compare(predicate, a.0, b.0, "")))
    }

    /// a < b, signed
    pub fn lt(&self, a: impl IntoX<'c>, b: impl IntoX<'c>) -> Cond<'c> {
        self.compare(IntPredicate::SLT, a.into_x(self), b.into_x(self))
    }

    /// a >= b, signed
    pub fn ge(&self, a: impl IntoX<'c>, b: impl IntoX<'c>) -> Cond<'c> {
        self.compare(IntPredicate::SGE, a.into_x(self), b.into_x(self))
    }

    /// a == b
    pub fn eq(&self, a: impl IntoX<'c>, b: impl IntoX<'c>) -> Cond<'c> {
        self.compare(IntPredicate::EQ, a.into_x(self), b.into_x(self))
    }

    /// 0 <= a < b in one comparison, for b >= 0.
    pub fn within(&self, a: impl IntoX<'c>, b: impl IntoX<'c>) -> Cond<'c> {
        self.compare(IntPredicate::ULT, a.into_x(self), b.into_x(self))
    }

    /// Whether address a lies before b.
    pub fn before(&self, a: P<'c>, b: P<'c>) -> Cond<'c> {
        Cond(built(self.builder.build_int_compare(IntPredicate::ULT, a.0, b.0, "")))
    }

    /// Both.
    pub fn and(&self, a: Cond<'c>, b: Cond<'c>) -> Cond<'c> {
        Cond(built(self.builder.build_and(a.0, b.0, "")))
    }

    /// Splits a number into digits of the given mixed radix, most significant first: `index` of an element of a
    /// row-major array of shape `dims` into its coordinates.
    pub fn split(&self, index: X<'c>, dims: &[i64]) -> Vec<X<'c>> {
        let mut rest = index;
        let mut digits = vec![];
        for (i, &dim) in dims.iter().enumerate().rev() {
            digits.push(if i == 0 { rest } else { self.rem(rest, dim) });
            rest = self.div(rest, dim);
        }
        digits.reverse();
        digits
    }

    /// The address `bytes` further on.
    pub fn offset(&self, base: P<'c>, bytes: impl IntoX<'c>) -> P<'c> {
        P(self.gep(base.0, bytes.into_x(self).0))
    }

    /// The address `elements` f32 further on.
    pub fn index(&self, base: P<'c>, elements: impl IntoX<'c>) -> P<'c> {
        self.offset(base, self.mul(elements, 4))
    }

    /// A float constant or value as a value.
    pub fn f(&self, value: impl IntoF<'c>) -> F<'c> {
        value.into_f(self)
    }

    /// Loads an f32.
    pub fn flw(&self, from: P<'c>) -> F<'c> {
        let value = built(self.builder.build_load(self.context.f32_type(), from.0, ""));
        F(value.into_float_value())
    }

    /// Loads an unsigned integer of 1, 2 or 4 bytes.
    pub fn load_unsigned(&self, from: P<'c>, width: Width) -> X<'c> {
        let r#type = match width {
            Width::W1 => self.context.i8_type(),
            Width::W2 => self.context.i16_type(),
            Width::W4 => self.context.i32_type(),
        };
        let value = built(self.builder.build_load(r#type, from.0, "")).into_int_value();
        X(built(self.builder.build_int_z_extend(value, self.context.i64_type(), "")))
    }

    /// Asks for the cache line of an address that can be read, and does not wait for it: a load into x0, which every core
    /// has, while `prefetch.r` (Zicbop) may be nothing.
    pub fn touch(&self, at: P<'c>) {
        let value = built(self.builder.build_load(self.context.i8_type(), at.0, ""));
        if let Some(load) = value.as_instruction_value() {
            // It is a load: this cannot fail.
            load.set_volatile(true).ok();
        }
    }

    /// The address of a constant array of u32 in read-only memory.
    pub fn table(&self, values: &[u32]) -> P<'c> {
        let word = self.context.i32_type();
        let values: Vec<_> = values.iter().map(|&value| word.const_int(value.into(), false)).collect();
        let array = word.const_array(&values);
        let global = self.module.add_global(array.get_type(), None, "");
        global.set_initializer(&array);
        global.set_constant(true);
        global.set_linkage(Linkage::Private);
        global.set_unnamed_addr(true);
        P(global.as_pointer_value())
    }

    /// Stores an f32.
    pub fn fsw(&self, value: impl IntoF<'c>, to: P<'c>) {
        built(self.builder.build_store(to.0, value.into_f(self).0));
    }

    /// a + b
    pub fn fadd(&self, a: impl IntoF<'c>, b: impl IntoF<'c>) -> F<'c> {
        F(built(self.builder.build_float_add(a.into_f(self).0, b.into_f(self).0, "")))
    }

    /// a * b
    pub fn fmul(&self, a: impl IntoF<'c>, b: impl IntoF<'c>) -> F<'c> {
        F(built(self.builder.build_float_mul(a.into_f(self).0, b.into_f(self).0, "")))
    }

    /// a / b
    pub fn fdiv(&self, a: impl IntoF<'c>, b: impl IntoF<'c>) -> F<'c> {
        F(built(self.builder.build_float_div(a.into_f(self).0, b.into_f(self).0, "")))
    }

    /// `a`, or `b` where `b` is NaN.
    pub fn or_nan(&self, a: F<'c>, b: F<'c>) -> F<'c> {
        let is_nan = built(self.builder.build_float_compare(FloatPredicate::UNO, b.0, b.0, ""));
        F(built(self.builder.build_select(is_nan, b.0, a.0, "")).into_float_value())
    }

    /// A non-negative integer as f32.
    pub fn fcvt_s_l(&self, a: X<'c>) -> F<'c> {
        F(built(self.builder.build_signed_int_to_float(a.0, self.context.f32_type(), "")))
    }
}
