//! Vector instructions: one method each.

use super::{F, I, IntoF, IntoX, Lmul, Mask, Operand, P, Rvv, V, Vl, X, built};
use inkwell::types::BasicTypeEnum;
use inkwell::values::{BasicMetadataValueEnum, BasicValueEnum};

/// SEW 32 in `vtype`.
const E32: i64 = 2;
/// Dynamic rounding mode: that of `fcsr`, round to nearest even.
const FRM: i64 = 7;
/// Tail and mask agnostic.
const AGNOSTIC: i64 = 3;
/// Tail undisturbed, mask agnostic.
const UNDISTURBED: i64 = 2;

macro_rules! float_binary {
    ($($(#[$doc:meta])* $name:ident $tu:ident = $intrinsic:literal, rounds: $rounds:literal;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(&self, a: V<'c>, b: impl Into<Operand<'c>>, vl: Vl<'c>) -> V<'c> {
                self.float_binary($intrinsic, $rounds, None, a, b.into(), vl)
            }

            #[doc = concat!("[`Self::", stringify!($name), "`] with the tail of `a` kept.")]
            pub fn $tu(&self, a: V<'c>, b: impl Into<Operand<'c>>, vl: Vl<'c>) -> V<'c> {
                self.float_binary($intrinsic, $rounds, Some(a), a, b.into(), vl)
            }
        )*
    };
}

macro_rules! multiply_add {
    ($($(#[$doc:meta])* $name:ident = $intrinsic:literal;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(&self, acc: V<'c>, a: impl Into<Operand<'c>>, b: V<'c>, vl: Vl<'c>) -> V<'c> {
                self.multiply_add($intrinsic, AGNOSTIC, acc, a.into(), b, vl)
            }
        )*
    };
}

macro_rules! compare {
    ($($(#[$doc:meta])* $name:ident = $intrinsic:literal;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(&self, a: V<'c>, b: impl Into<Operand<'c>>, vl: Vl<'c>) -> Mask<'c> {
                let (b, b_type) = self.operand(b.into(), vl.lmul);
                let a_type = self.float_vector(self.same(vl, a.lmul)).into();
                let args = [a.value.into(), b, vl.x.0.into()];
                let value = self.value($intrinsic, &[a_type, b_type, self.xlen()], &args);
                Mask { value: value.into_scalable_vector_value(), lmul: vl.lmul }
            }
        )*
    };
}

impl<'c> Rvv<'c, '_> {
    /// The vector length for `n` remaining elements: min(n, VLMAX), or less in the last two strips.
    pub fn vsetvli(&self, n: impl IntoX<'c>, lmul: Lmul) -> Vl<'c> {
        let args =
            [n.into_x(self).0.into(), self.constant(E32).into(), self.constant(lmul.encoding()).into()];
        let value = self.value("llvm.riscv.vsetvli", &[self.xlen()], &args);
        Vl { x: X(value.into_int_value()), lmul }
    }

    /// VLMAX of a group.
    pub fn vlmax(&self, lmul: Lmul) -> Vl<'c> {
        let args = [self.constant(E32).into(), self.constant(lmul.encoding()).into()];
        let value = self.value("llvm.riscv.vsetvlimax", &[self.xlen()], &args);
        Vl { x: X(value.into_int_value()), lmul }
    }

    /// A vector length that is known not to exceed VLMAX.
    pub fn vl(&self, length: impl IntoX<'c>, lmul: Lmul) -> Vl<'c> {
        Vl { x: length.into_x(self), lmul }
    }

    fn same(&self, vl: Vl<'c>, lmul: Lmul) -> Lmul {
        assert_eq!(vl.lmul, lmul, "a kernel mixes register groups of different sizes");
        lmul
    }

    fn operand(&self, operand: Operand<'c>, lmul: Lmul) -> (BasicMetadataValueEnum<'c>, BasicTypeEnum<'c>) {
        let scalar = |f: F<'c>| (f.0.into(), self.context.f32_type().into());
        match operand {
            Operand::Vector(v) => {
                assert_eq!(v.lmul, lmul, "a kernel mixes register groups of different sizes");
                (v.value.into(), self.float_vector(lmul).into())
            }
            Operand::Scalar(f) => scalar(f),
            Operand::Constant(f) => scalar(f.into_f(self)),
        }
    }

    fn float(&self, value: BasicValueEnum<'c>, lmul: Lmul) -> V<'c> {
        V { value: value.into_scalable_vector_value(), lmul }
    }

    fn int(&self, value: BasicValueEnum<'c>, lmul: Lmul) -> I<'c> {
        I { value: value.into_scalable_vector_value(), lmul }
    }

    // Memory.

    /// Loads `vl` adjacent elements.
    pub fn vle32(&self, from: P<'c>, vl: Vl<'c>) -> V<'c> {
        let r#type = self.float_vector(vl.lmul);
        let args = [r#type.get_poison().into(), from.0.into(), vl.x.0.into()];
        let types = [r#type.into(), self.context.ptr_type(0.into()).into(), self.xlen()];
        self.float(self.value("llvm.riscv.vle", &types, &args), vl.lmul)
    }

    /// Loads `vl` elements that are `stride` bytes apart.
    pub fn vlse32(&self, from: P<'c>, stride: impl IntoX<'c>, vl: Vl<'c>) -> V<'c> {
        let r#type = self.float_vector(vl.lmul);
        let stride = stride.into_x(self).0;
        let args = [r#type.get_poison().into(), from.0.into(), stride.into(), vl.x.0.into()];
        let types = [r#type.into(), self.context.ptr_type(0.into()).into(), self.xlen()];
        self.float(self.value("llvm.riscv.vlse", &types, &args), vl.lmul)
    }

    /// Stores `vl` adjacent elements.
    pub fn vse32(&self, v: V<'c>, to: P<'c>, vl: Vl<'c>) {
        let r#type = self.float_vector(self.same(vl, v.lmul)).into();
        let types = [r#type, self.context.ptr_type(0.into()).into(), self.xlen()];
        self.call("llvm.riscv.vse", &types, &[v.value.into(), to.0.into(), vl.x.0.into()]);
    }

    /// Stores `vl` elements `stride` bytes apart.
    pub fn vsse32(&self, v: V<'c>, to: P<'c>, stride: impl IntoX<'c>, vl: Vl<'c>) {
        let r#type = self.float_vector(self.same(vl, v.lmul)).into();
        let types = [r#type, self.context.ptr_type(0.into()).into(), self.xlen()];
        let stride = stride.into_x(self).0;
        self.call("llvm.riscv.vsse", &types, &[v.value.into(), to.0.into(), stride.into(), vl.x.0.into()]);
    }

    /// [`Self::vle32`] where the stride is 4 bytes, [`Self::vlse32`] elsewhere (`stride` known when compiling).
    pub fn load(&self, from: P<'c>, stride: i64, vl: Vl<'c>) -> V<'c> {
        if stride == 4 { self.vle32(from, vl) } else { self.vlse32(from, stride, vl) }
    }

    /// [`Self::vse32`] where the stride is 4 bytes, [`Self::vsse32`] elsewhere (`stride` known when compiling).
    pub fn store(&self, v: V<'c>, to: P<'c>, stride: i64, vl: Vl<'c>) {
        if stride == 4 { self.vse32(v, to, vl) } else { self.vsse32(v, to, stride, vl) }
    }

    // Arithmetic of f32.

    fn float_binary(
        &self,
        name: &str,
        rounds: bool,
        passthru: Option<V<'c>>,
        a: V<'c>,
        b: Operand<'c>,
        vl: Vl<'c>,
    ) -> V<'c> {
        let a_type = self.float_vector(self.same(vl, a.lmul));
        let (b, b_type) = self.operand(b, vl.lmul);
        let passthru = passthru.map_or_else(|| a_type.get_poison(), |v| v.value);
        let mut args = vec![passthru.into(), a.value.into(), b];
        if rounds {
            args.push(self.constant(FRM).into());
        }
        args.push(vl.x.0.into());
        self.float(self.value(name, &[a_type.into(), b_type, self.xlen()], &args), vl.lmul)
    }

    float_binary! {
        /// a + b
        vfadd vfadd_tu = "llvm.riscv.vfadd", rounds: true;
        /// a - b
        vfsub vfsub_tu = "llvm.riscv.vfsub", rounds: true;
        /// a * b
        vfmul vfmul_tu = "llvm.riscv.vfmul", rounds: true;
        /// a / b
        vfdiv vfdiv_tu = "llvm.riscv.vfdiv", rounds: true;
        /// The larger; of a NaN and a number the number.
        vfmax vfmax_tu = "llvm.riscv.vfmax", rounds: false;
        /// The smaller; of a NaN and a number the number.
        vfmin vfmin_tu = "llvm.riscv.vfmin", rounds: false;
        /// |a| with the sign of b
        vfsgnj vfsgnj_tu = "llvm.riscv.vfsgnj", rounds: false;
        /// |a| with the opposite sign of b
        vfsgnjn vfsgnjn_tu = "llvm.riscv.vfsgnjn", rounds: false;
        /// a, its sign multiplied by that of b: |a| where b is a
        vfsgnjx vfsgnjx_tu = "llvm.riscv.vfsgnjx", rounds: false;
    }

    /// b - a for a scalar b.
    pub fn vfrsub(&self, a: V<'c>, b: impl IntoF<'c>, vl: Vl<'c>) -> V<'c> {
        self.float_binary("llvm.riscv.vfrsub", true, None, a, b.into_f(self).into(), vl)
    }

    /// b / a for a scalar b.
    pub fn vfrdiv(&self, a: V<'c>, b: impl IntoF<'c>, vl: Vl<'c>) -> V<'c> {
        self.float_binary("llvm.riscv.vfrdiv", true, None, a, b.into_f(self).into(), vl)
    }

    fn multiply_add(
        &self,
        name: &str,
        policy: i64,
        acc: V<'c>,
        a: Operand<'c>,
        b: V<'c>,
        vl: Vl<'c>,
    ) -> V<'c> {
        self.same(vl, b.lmul);
        let acc_type = self.float_vector(self.same(vl, acc.lmul)).into();
        let (a, a_type) = self.operand(a, vl.lmul);
        let (frm, policy) = (self.constant(FRM), self.constant(policy));
        let args = [acc.value.into(), a, b.value.into(), frm.into(), vl.x.0.into(), policy.into()];
        self.float(self.value(name, &[acc_type, a_type, self.xlen()], &args), vl.lmul)
    }

    multiply_add! {
        /// acc + a * b
        vfmacc = "llvm.riscv.vfmacc";
        /// acc - a * b
        vfnmsac = "llvm.riscv.vfnmsac";
        /// acc * a + b
        vfmadd = "llvm.riscv.vfmadd";
    }

    /// acc + a * b with the tail of `acc` kept.
    pub fn vfmacc_tu(&self, acc: V<'c>, a: impl Into<Operand<'c>>, b: V<'c>, vl: Vl<'c>) -> V<'c> {
        self.multiply_add("llvm.riscv.vfmacc", UNDISTURBED, acc, a.into(), b, vl)
    }

    /// The scalar in every element.
    pub fn vfmv_v_f(&self, value: impl IntoF<'c>, vl: Vl<'c>) -> V<'c> {
        let r#type = self.float_vector(vl.lmul);
        let args = [r#type.get_poison().into(), value.into_f(self).0.into(), vl.x.0.into()];
        self.float(self.value("llvm.riscv.vfmv.v.f", &[r#type.into(), self.xlen()], &args), vl.lmul)
    }

    // Masks.

    compare! {
        /// a < b; false for NaN
        vmflt = "llvm.riscv.vmflt";
        /// a <= b; false for NaN
        vmfle = "llvm.riscv.vmfle";
        /// a == b; false for NaN
        vmfeq = "llvm.riscv.vmfeq";
        /// a != b; true for NaN
        vmfne = "llvm.riscv.vmfne";
    }

    /// a > b for a scalar b; false for NaN
    pub fn vmfgt(&self, a: V<'c>, b: impl IntoF<'c>, vl: Vl<'c>) -> Mask<'c> {
        self.scalar_compare("llvm.riscv.vmfgt", a, b.into_f(self), vl)
    }

    /// a >= b for a scalar b; false for NaN
    pub fn vmfge(&self, a: V<'c>, b: impl IntoF<'c>, vl: Vl<'c>) -> Mask<'c> {
        self.scalar_compare("llvm.riscv.vmfge", a, b.into_f(self), vl)
    }

    fn scalar_compare(&self, name: &str, a: V<'c>, b: F<'c>, vl: Vl<'c>) -> Mask<'c> {
        let types =
            [self.float_vector(self.same(vl, a.lmul)).into(), self.context.f32_type().into(), self.xlen()];
        let value = self.value(name, &types, &[a.value.into(), b.0.into(), vl.x.0.into()]);
        Mask { value: value.into_scalable_vector_value(), lmul: vl.lmul }
    }

    /// `b` where the mask is set, else `a`.
    pub fn vmerge(&self, a: V<'c>, b: impl Into<Operand<'c>>, mask: Mask<'c>, vl: Vl<'c>) -> V<'c> {
        let r#type = self.float_vector(self.same(vl, a.lmul));
        self.same(vl, mask.lmul);
        let b = b.into();
        let name = if matches!(b, Operand::Vector(_)) { "llvm.riscv.vmerge" } else { "llvm.riscv.vfmerge" };
        let (b, b_type) = self.operand(b, vl.lmul);
        let args = [r#type.get_poison().into(), a.value.into(), b, mask.value.into(), vl.x.0.into()];
        self.float(self.value(name, &[r#type.into(), b_type, self.xlen()], &args), vl.lmul)
    }

    /// The number of set bits among the first `vl`.
    pub fn vcpop(&self, mask: Mask<'c>, vl: Vl<'c>) -> X<'c> {
        self.same(vl, mask.lmul);
        let types = [mask.value.get_type().into(), self.xlen()];
        X(self.value("llvm.riscv.vcpop", &types, &[mask.value.into(), vl.x.0.into()]).into_int_value())
    }

    /// Stores a mask, one bit per element.
    pub fn vsm(&self, mask: Mask<'c>, to: P<'c>, vl: Vl<'c>) {
        let types = [mask.value.get_type().into(), self.context.ptr_type(0.into()).into(), self.xlen()];
        self.call("llvm.riscv.vsm", &types, &[mask.value.into(), to.0.into(), vl.x.0.into()]);
    }

    /// Loads a mask that [`Self::vsm`] stored.
    pub fn vlm(&self, from: P<'c>, vl: Vl<'c>) -> Mask<'c> {
        let r#type = self.context.bool_type().scalable_vec_type(vl.lmul.words());
        let types = [r#type.into(), self.context.ptr_type(0.into()).into(), self.xlen()];
        let value = self.value("llvm.riscv.vlm", &types, &[from.0.into(), vl.x.0.into()]);
        Mask { value: value.into_scalable_vector_value(), lmul: vl.lmul }
    }

    /// The elements whose bit is set, moved together.
    pub fn vcompress(&self, v: V<'c>, mask: Mask<'c>, vl: Vl<'c>) -> V<'c> {
        let r#type = self.float_vector(self.same(vl, v.lmul));
        self.same(vl, mask.lmul);
        let args = [r#type.get_poison().into(), v.value.into(), mask.value.into(), vl.x.0.into()];
        self.float(self.value("llvm.riscv.vcompress", &[r#type.into(), self.xlen()], &args), vl.lmul)
    }

    // Reductions to a scalar.

    fn reduce(&self, name: &str, rounds: bool, v: V<'c>, init: F<'c>, vl: Vl<'c>) -> F<'c> {
        let m1 = self.float_vector(Lmul::M1);
        let init = self.vfmv_v_f(init, self.vl(1, Lmul::M1));
        let mut args = vec![m1.get_poison().into(), v.value.into(), init.value.into()];
        if rounds {
            args.push(self.constant(FRM).into());
        }
        args.push(vl.x.0.into());
        let types = [m1.into(), self.float_vector(self.same(vl, v.lmul)).into(), self.xlen()];
        let sum = self.value(name, &types, &args);
        let scalar =
            self.value("llvm.riscv.vfmv.f.s", &[m1.into()], &[sum.into_scalable_vector_value().into()]);
        F(scalar.into_float_value())
    }

    /// init + the sum of the elements in order.
    pub fn vfredosum(&self, v: V<'c>, init: impl IntoF<'c>, vl: Vl<'c>) -> F<'c> {
        self.reduce("llvm.riscv.vfredosum", true, v, init.into_f(self), vl)
    }

    /// init + the sum of the elements in any order.
    pub fn vfredusum(&self, v: V<'c>, init: impl IntoF<'c>, vl: Vl<'c>) -> F<'c> {
        self.reduce("llvm.riscv.vfredusum", true, v, init.into_f(self), vl)
    }

    /// The largest of init and the elements.
    pub fn vfredmax(&self, v: V<'c>, init: impl IntoF<'c>, vl: Vl<'c>) -> F<'c> {
        self.reduce("llvm.riscv.vfredmax", false, v, init.into_f(self), vl)
    }

    // Conversions and integers.

    /// Rounds to the nearest integer (even on ties), saturating.
    pub fn vfcvt_x_f(&self, v: V<'c>, vl: Vl<'c>) -> I<'c> {
        let (to, from) = (self.int_vector(self.same(vl, v.lmul)), self.float_vector(vl.lmul));
        let args = [to.get_poison().into(), v.value.into(), self.constant(FRM).into(), vl.x.0.into()];
        let types = [to.into(), from.into(), self.xlen()];
        self.int(self.value("llvm.riscv.vfcvt.x.f.v", &types, &args), vl.lmul)
    }

    /// Integers as f32.
    pub fn vfcvt_f_x(&self, v: I<'c>, vl: Vl<'c>) -> V<'c> {
        let (to, from) = (self.float_vector(self.same(vl, v.lmul)), self.int_vector(vl.lmul));
        let args = [to.get_poison().into(), v.value.into(), self.constant(FRM).into(), vl.x.0.into()];
        let types = [to.into(), from.into(), self.xlen()];
        self.float(self.value("llvm.riscv.vfcvt.f.x.v", &types, &args), vl.lmul)
    }

    fn int_binary(
        &self,
        name: &str,
        a: I<'c>,
        b: (BasicMetadataValueEnum<'c>, BasicTypeEnum<'c>),
        vl: Vl<'c>,
    ) -> I<'c> {
        let r#type = self.int_vector(self.same(vl, a.lmul));
        let args = [r#type.get_poison().into(), a.value.into(), b.0, vl.x.0.into()];
        self.int(self.value(name, &[r#type.into(), b.1, self.xlen()], &args), vl.lmul)
    }

    /// a + b
    pub fn vadd(&self, a: I<'c>, b: I<'c>, vl: Vl<'c>) -> I<'c> {
        let r#type = self.int_vector(self.same(vl, b.lmul)).into();
        self.int_binary("llvm.riscv.vadd", a, (b.value.into(), r#type), vl)
    }

    /// a - b
    pub fn vsub(&self, a: I<'c>, b: I<'c>, vl: Vl<'c>) -> I<'c> {
        let r#type = self.int_vector(self.same(vl, b.lmul)).into();
        self.int_binary("llvm.riscv.vsub", a, (b.value.into(), r#type), vl)
    }

    fn int_constant(&self, name: &str, a: I<'c>, b: i32, vl: Vl<'c>) -> I<'c> {
        let i32_type = self.context.i32_type();
        let b = i32_type.const_int(i64::from(b).cast_unsigned(), true);
        self.int_binary(name, a, (b.into(), i32_type.into()), vl)
    }

    /// a + b for a constant b.
    pub fn vadd_i(&self, a: I<'c>, b: i32, vl: Vl<'c>) -> I<'c> {
        self.int_constant("llvm.riscv.vadd", a, b, vl)
    }

    /// b - a for a constant b.
    pub fn vrsub_i(&self, a: I<'c>, b: i32, vl: Vl<'c>) -> I<'c> {
        self.int_constant("llvm.riscv.vrsub", a, b, vl)
    }

    /// The larger of a and a constant b, signed.
    pub fn vmax_i(&self, a: I<'c>, b: i32, vl: Vl<'c>) -> I<'c> {
        self.int_constant("llvm.riscv.vmax", a, b, vl)
    }

    /// The smaller of a and a constant b, signed.
    pub fn vmin_i(&self, a: I<'c>, b: i32, vl: Vl<'c>) -> I<'c> {
        self.int_constant("llvm.riscv.vmin", a, b, vl)
    }

    /// The bits of both.
    pub fn vor(&self, a: I<'c>, b: I<'c>, vl: Vl<'c>) -> I<'c> {
        let r#type = self.int_vector(self.same(vl, b.lmul)).into();
        self.int_binary("llvm.riscv.vor", a, (b.value.into(), r#type), vl)
    }

    /// 0, 1, 2, ...
    pub fn vid(&self, vl: Vl<'c>) -> I<'c> {
        let r#type = self.int_vector(vl.lmul);
        let args = [r#type.get_poison().into(), vl.x.0.into()];
        self.int(self.value("llvm.riscv.vid", &[r#type.into(), self.xlen()], &args), vl.lmul)
    }

    /// A scalar operand of 32 bits.
    fn word(&self, x: impl IntoX<'c>) -> (BasicMetadataValueEnum<'c>, BasicTypeEnum<'c>) {
        let r#type = self.context.i32_type();
        let value = built(self.builder.build_int_truncate(x.into_x(self).0, r#type, ""));
        (value.into(), r#type.into())
    }

    /// a + b for a scalar b.
    pub fn vadd_x(&self, a: I<'c>, b: impl IntoX<'c>, vl: Vl<'c>) -> I<'c> {
        self.int_binary("llvm.riscv.vadd", a, self.word(b), vl)
    }

    /// a modulo a scalar b, unsigned.
    pub fn vremu_x(&self, a: I<'c>, b: impl IntoX<'c>, vl: Vl<'c>) -> I<'c> {
        self.int_binary("llvm.riscv.vremu", a, self.word(b), vl)
    }

    /// a < b for a scalar b, unsigned.
    pub fn vmsltu_x(&self, a: I<'c>, b: impl IntoX<'c>, vl: Vl<'c>) -> Mask<'c> {
        let (b, b_type) = self.word(b);
        let types = [self.int_vector(self.same(vl, a.lmul)).into(), b_type, self.xlen()];
        let value = self.value("llvm.riscv.vmsltu", &types, &[a.value.into(), b, vl.x.0.into()]);
        Mask { value: value.into_scalable_vector_value(), lmul: vl.lmul }
    }

    /// a << bits
    pub fn vsll(&self, a: I<'c>, bits: i64, vl: Vl<'c>) -> I<'c> {
        self.int_binary("llvm.riscv.vsll", a, (self.constant(bits).into(), self.xlen()), vl)
    }

    /// a >> bits, arithmetic
    pub fn vsra(&self, a: I<'c>, bits: i64, vl: Vl<'c>) -> I<'c> {
        self.int_binary("llvm.riscv.vsra", a, (self.constant(bits).into(), self.xlen()), vl)
    }

    /// Of every pair of adjacent elements the first (`bits` 0) or the second (`bits` 32), from a group of twice the size.
    pub fn vnsrl(&self, pairs: V<'c>, bits: i64, vl: Vl<'c>) -> V<'c> {
        assert_eq!(pairs.lmul.registers(), 2 * vl.lmul.registers(), "pairs take twice the registers");
        let (narrow, wide) =
            (self.int_vector(vl.lmul), self.context.i64_type().scalable_vec_type(vl.lmul.words()));
        let wide_value = built(self.builder.build_bit_cast(pairs.value, wide, ""));
        let args = [narrow.get_poison().into(), wide_value.into(), self.constant(bits).into(), vl.x.0.into()];
        let types = [narrow.into(), wide.into(), self.xlen(), self.xlen()];
        self.as_float(self.int(self.value("llvm.riscv.vnsrl", &types, &args), vl.lmul))
    }

    /// The same bits as f32.
    pub fn as_float(&self, v: I<'c>) -> V<'c> {
        let value = built(self.builder.build_bit_cast(v.value, self.float_vector(v.lmul), ""));
        self.float(value, v.lmul)
    }

    /// The same bits as i32.
    pub fn as_int(&self, v: V<'c>) -> I<'c> {
        let value = built(self.builder.build_bit_cast(v.value, self.int_vector(v.lmul), ""));
        self.int(value, v.lmul)
    }
}
