//! The epilogue of every kernel: an activation over a register group.

use super::rvv::{Lmul, Rvv, V, Vl};
use ait_dialects::Activation;

/// Whether [`apply`] works in its operand's registers alone. A kernel whose accumulators fill the register file
/// stores them first otherwise and applies the activation in a second pass (`tile::Rows::finish`).
pub fn is_in_place(activation: &Activation) -> bool {
    activation.clamp().is_some() || matches!(activation, Activation::HardSigmoid { .. })
}

/// The largest group that [`apply`] can work on without spilling, at most `lmul`. Where there is no loop LLVM keeps the
/// coefficients of polynomials in vector registers too.
pub fn lmul(activation: &Activation, lmul: Lmul) -> Lmul {
    match activation {
        Activation::Sigmoid | Activation::Tanh | Activation::Silu | Activation::Elu { .. } => {
            lmul.min(Lmul::M2)
        }
        _ => lmul,
    }
}

/// [`lmul`] for vectors of `size` elements. The length of one that always fits a register is known, so that even in a loop
/// LLVM keeps the coefficients of polynomials in registers: groups of one leave room for them.
pub fn lmul_of_vector(activation: &Activation, most: Lmul, size: i64) -> Lmul {
    const ONE_REGISTER: i64 = 4;
    let is_polynomial = lmul(activation, Lmul::M8) < Lmul::M8;
    if is_polynomial && size <= ONE_REGISTER { Lmul::M1 } else { lmul(activation, most) }
}

/// The activation of every element. Piecewise linear ones take a NaN to a bound
/// or 0, as `vfmax` does; the others keep it.
pub fn apply<'c>(b: &Rvv<'c, '_>, activation: &Activation, v: V<'c>, vl: Vl<'c>) -> V<'c> {
    match *activation {
        Activation::Identity => v,
        Activation::Relu => b.vfmax(v, 0.0, vl),
        Activation::LeakyRelu { alpha } => {
            let negative = b.vfmin(v, 0.0, vl);
            b.vfmacc(b.vfmax(v, 0.0, vl), alpha, negative, vl)
        }
        Activation::Clip { min, max } => clamp(b, v, min, max, vl),
        Activation::Sigmoid => b.vfrdiv(one_plus_exp_neg(b, v, vl), 1.0, vl),
        Activation::HardSigmoid { alpha, beta } => hard_sigmoid(b, v, alpha, beta, vl),
        Activation::HardSwish => b.vfmul(v, hard_sigmoid(b, v, 1.0 / 6.0, 0.5, vl), vl),
        Activation::Tanh => tanh(b, v, vl),
        Activation::Silu => b.vfdiv(v, one_plus_exp_neg(b, v, vl), vl),
        Activation::Elu { alpha } => {
            let negative = b.vfmul(b.vfsub(exp(b, v, vl), 1.0, vl), alpha, vl);
            b.vmerge(v, negative, b.vmflt(v, 0.0, vl), vl)
        }
    }
}

/// min(max(v, min), max), without the bounds that are infinite.
fn clamp<'c>(b: &Rvv<'c, '_>, v: V<'c>, min: f32, max: f32, vl: Vl<'c>) -> V<'c> {
    let v = if min == f32::NEG_INFINITY { v } else { b.vfmax(v, min, vl) };
    if max == f32::INFINITY { v } else { b.vfmin(v, max, vl) }
}

fn hard_sigmoid<'c>(b: &Rvv<'c, '_>, v: V<'c>, alpha: f32, beta: f32, vl: Vl<'c>) -> V<'c> {
    clamp(b, b.vfadd(b.vfmul(v, alpha, vl), beta, vl), 0.0, 1.0, vl)
}

fn one_plus_exp_neg<'c>(b: &Rvv<'c, '_>, v: V<'c>, vl: Vl<'c>) -> V<'c> {
    b.vfadd(exp(b, b.vfsgnjn(v, v, vl), vl), 1.0, vl)
}

/// tanh to 1e-6 relative: a polynomial (Cephes) where exp would cancel, 1 - 2 / (exp(2|x|) + 1) elsewhere.
fn tanh<'c>(b: &Rvv<'c, '_>, x: V<'c>, vl: Vl<'c>) -> V<'c> {
    let magnitude = b.vfsgnjx(x, x, vl);
    let e = exp(b, b.vfadd(magnitude, magnitude, vl), vl);
    let large = b.vfrsub(b.vfrdiv(b.vfadd(e, 1.0, vl), 2.0, vl), 1.0, vl);
    let z = b.vfmul(x, x, vl);
    let terms = [-5.704_988_7e-3, 2.063_909e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328_3e-1];
    let polynomial = horner(b, z, &terms, vl);
    let small = b.vfmacc(magnitude, b.vfmul(z, magnitude, vl), polynomial, vl);
    let magnitude = b.vmerge(large, small, b.vmflt(magnitude, 0.625, vl), vl);
    b.vfsgnj(magnitude, x, vl)
}

/// A polynomial in x, the coefficient of the highest power first.
fn horner<'c>(b: &Rvv<'c, '_>, x: V<'c>, coefficients: &[f32], vl: Vl<'c>) -> V<'c> {
    let Some((&first, rest)) = coefficients.split_first() else { return b.vfmv_v_f(0.0, vl) };
    rest.iter().fold(b.vfmv_v_f(first, vl), |sum, &c| b.vfmadd(sum, x, b.vfmv_v_f(c, vl), vl))
}

/// exp to 1e-6 relative, with denormal results, 0 and infinity where they are due; NaN of NaN.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2; exp(r) by its Taylor polynomial of degree 7; times 2^n in two steps, since
/// n reaches from -150 to 128.
pub fn exp<'c>(b: &Rvv<'c, '_>, x: V<'c>, vl: Vl<'c>) -> V<'c> {
    // ln 2 in two parts: n times the first is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = clamp(b, x, -104.0, 89.0, vl);
    let n = b.vfcvt_x_f(b.vfmul(clamped, std::f32::consts::LOG2_E, vl), vl);
    let whole = b.vfcvt_f_x(n, vl);
    let r = b.vfnmsac(b.vfnmsac(clamped, LN2_HIGH, whole, vl), LN2_LOW, whole, vl);
    let terms = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let p = horner(b, r, &terms, vl);
    let half = b.vsra(n, 1, vl);
    let power = |n| b.as_float(b.vsll(b.vadd_i(n, 127, vl), 23, vl));
    let scaled = b.vfmul(b.vfmul(p, power(half), vl), power(b.vsub(n, half, vl)), vl);
    b.vmerge(scaled, x, b.vmfne(x, x, vl), vl)
}

#[cfg(test)]
mod tests {
    use super::apply;
    use crate::kernels::rvv::{Lmul, Rvv, V, Vl};
    use crate::kernels::testing;
    use ait_dialects::Activation;
    use ait_runtime::kernel_test::{Arg, Case};
    use inkwell::context::Context;

    type Function = for<'c> fn(&Rvv<'c, '_>, V<'c>, Vl<'c>) -> V<'c>;

    fn exp<'c>(b: &Rvv<'c, '_>, v: V<'c>, vl: Vl<'c>) -> V<'c> {
        super::exp(b, v, vl)
    }

    fn tanh<'c>(b: &Rvv<'c, '_>, v: V<'c>, vl: Vl<'c>) -> V<'c> {
        apply(b, &Activation::Tanh, v, vl)
    }

    fn sigmoid<'c>(b: &Rvv<'c, '_>, v: V<'c>, vl: Vl<'c>) -> V<'c> {
        apply(b, &Activation::Sigmoid, v, vl)
    }

    type Reference = fn(f64) -> f64;

    const FUNCTIONS: [(&str, Function, Reference); 3] = [
        ("exp", exp, f64::exp),
        ("tanh", tanh, f64::tanh),
        ("sigmoid", sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
    ];

    /// The relative error times 100, which the harness compares with 0 to 1e-4.
    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "references are rounded to f32")]
    fn relative_error_is_below_1e_6() {
        let x: Vec<f32> = (-8700..8700i16).map(|i| f32::from(i) / 100.0 + 0.003).collect();
        let count = i64::try_from(x.len()).unwrap();
        let emit = |module: &_| {
            for (name, function, _) in FUNCTIONS {
                Rvv::kernel(module, name, crate::kernels::rvv::Pressure::Full, |b| {
                    let args = [0, 1, 2].map(|index| b.arg(index));
                    b.strips(count, Lmul::M2, (), |done, vl, ()| {
                        let [x, reference, out] = args.map(|base| b.index(base, done));
                        let (x, reference) = (b.vle32(x, vl), b.vle32(reference, vl));
                        let error = b.vfdiv(b.vfsub(function(b, x, vl), reference, vl), reference, vl);
                        b.vse32(b.vfmul(error, 100.0, vl), out, vl);
                    });
                });
            }
        };
        let cases = FUNCTIONS.map(|(name, _, reference)| {
            let reference: Vec<f32> = x.iter().map(|&x| reference(f64::from(x)) as f32).collect();
            Case::new(name, name)
                .arg(Arg::input(x.clone()))
                .arg(Arg::input(reference))
                .arg(Arg::output(vec![0.0; x.len()]))
        });
        let context = Context::create();
        testing::run(&context, emit, &cases);
    }

    #[test]
    fn special_values() {
        let inputs = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e9, -1e9, 89.0, -110.0];
        let inf = f32::INFINITY;
        let expected = [
            ("exp", [f32::NAN, inf, 0.0, inf, 0.0, inf, 0.0]),
            ("tanh", [f32::NAN, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0]),
            ("sigmoid", [f32::NAN, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]),
        ];
        let emit = |module: &_| {
            for (name, function, _) in FUNCTIONS {
                Rvv::kernel(module, name, crate::kernels::rvv::Pressure::Full, |b| {
                    let (from, to) = (b.arg(0), b.arg(1));
                    b.strips(7, Lmul::M4, (), |done, vl, ()| {
                        b.vse32(function(b, b.vle32(b.index(from, done), vl), vl), b.index(to, done), vl);
                    });
                });
            }
        };
        let cases = expected
            .map(|(name, values)| Case::new(name, name).arg(Arg::input(inputs)).arg(Arg::output(values)));
        testing::run(&Context::create(), emit, &cases);
    }
}
