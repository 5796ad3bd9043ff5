//! The epilogue of every kernel: an activation over a register group.
//!
//! `vfmax` and `vfmin` of a NaN and a number are the number. Where NaN is to propagate, clamps rely on what arithmetic makes
//! of it: the one canonical NaN, whose sign bit is clear. Numbers that are not negative are ordered as their bits are, read
//! as integers, and that NaN is above them.

use super::rvv::{Lmul, Rvv, V, Vl};
use ait_dialects::{Activation, Epilogue, Nan};

/// The bits of infinity.
const INFINITY: i32 = 0x7f80_0000;
/// From the canonical NaN to the first integer that does not exist.
const TO_WRAP: i32 = 0x40_0000;

/// One instruction of an activation that works in its operand's registers.
#[derive(Clone, Copy)]
enum Step {
    /// x * factor
    Scale(f32),
    /// x + term
    Shift(f32),
    /// max(x, bound) of numbers
    AtLeast(f32),
    /// min(x, bound) of numbers
    AtMost(f32),
    /// The larger of bits and bound.
    BitsAtLeast(i32),
    /// The smaller of bits and bound.
    BitsAtMost(i32),
    /// Bits + distance, wrapping.
    MoveBits(i32),
}

impl Step {
    fn apply<'c>(self, b: &Rvv<'c, '_>, v: V<'c>, vl: Vl<'c>) -> V<'c> {
        match self {
            Self::Scale(factor) => b.vfmul(v, factor, vl),
            Self::Shift(term) => b.vfadd(v, term, vl),
            Self::AtLeast(bound) => b.vfmax(v, bound, vl),
            Self::AtMost(bound) => b.vfmin(v, bound, vl),
            Self::BitsAtLeast(bound) => b.as_float(b.vmax_i(b.as_int(v), bound, vl)),
            Self::BitsAtMost(bound) => b.as_float(b.vmin_i(b.as_int(v), bound, vl)),
            Self::MoveBits(distance) => b.as_float(b.vadd_i(b.as_int(v), distance, vl)),
        }
    }
}

/// The instructions of an activation that works in its operand's registers; none of one that needs more.
fn steps(epilogue: &Epilogue) -> Option<Vec<Step>> {
    let nan = epilogue.nan;
    match epilogue.activation {
        Activation::Identity => Some(vec![]),
        Activation::Relu => clamp(nan, [0.0, f32::INFINITY]),
        Activation::Clip { min, max } => clamp(nan, [min, max]),
        Activation::HardSigmoid { alpha, beta } => {
            Some([vec![Step::Scale(alpha), Step::Shift(beta)], clamp(nan, [0.0, 1.0])?].concat())
        }
        Activation::LeakyRelu { .. }
        | Activation::Sigmoid
        | Activation::HardSwish
        | Activation::Tanh
        | Activation::Silu
        | Activation::Elu { .. } => None,
    }
}

/// min(max(x, min), max) of results of arithmetic; where NaN propagates, bounds that are ordered as their bits are.
fn clamp(nan: Nan, [min, max]: [f32; 2]) -> Option<Vec<Step>> {
    let is_ordered = (min == f32::NEG_INFINITY || min >= 0.0) && max >= 0.0;
    match nan {
        Nan::Ignore => Some(clamp_numbers([min, max])),
        Nan::Propagate => is_ordered.then(|| clamp_bits([min, max])),
    }
}

/// Without the bounds that are infinite; a NaN becomes a bound.
fn clamp_numbers([min, max]: [f32; 2]) -> Vec<Step> {
    let low = (min != f32::NEG_INFINITY).then_some(Step::AtLeast(min));
    let high = (max != f32::INFINITY).then_some(Step::AtMost(max));
    low.into_iter().chain(high).collect()
}

/// [`clamp_numbers`] by bounds that are ordered as bits; a canonical NaN stays. For the upper bound the bits are moved up, so
/// that NaN wraps and is below it.
fn clamp_bits([min, max]: [f32; 2]) -> Vec<Step> {
    // -0 as 0.
    let bits = |bound: f32| (bound + 0.0).to_bits().cast_signed();
    let low = (min != f32::NEG_INFINITY).then(|| Step::BitsAtLeast(bits(min)));
    let high = (max != f32::INFINITY)
        .then(|| [Step::MoveBits(TO_WRAP), Step::BitsAtMost(bits(max) + TO_WRAP), Step::MoveBits(-TO_WRAP)]);
    low.into_iter().chain(high.into_iter().flatten()).collect()
}

/// Whether [`apply`] works in its operand's registers alone. A kernel whose accumulators fill the register file
/// stores them first otherwise and applies the activation in a second pass (`tile::Rows::finish`).
pub fn is_in_place(epilogue: &Epilogue) -> bool {
    steps(epilogue).is_some()
}

/// The largest group that [`apply`] can work on without spilling, at most `lmul`. Where there is no loop LLVM keeps the
/// coefficients of polynomials in vector registers too.
pub fn lmul(epilogue: &Epilogue, lmul: Lmul) -> Lmul {
    match epilogue.activation {
        Activation::Sigmoid | Activation::Tanh | Activation::Silu | Activation::Elu { .. } => {
            lmul.min(Lmul::M2)
        }
        _ => lmul,
    }
}

/// [`lmul`] for vectors of `size` elements. The length of one that always fits a register is known, so that even in a loop
/// LLVM keeps the coefficients of polynomials in registers: groups of one leave room for them.
pub fn lmul_of_vector(epilogue: &Epilogue, most: Lmul, size: i64) -> Lmul {
    const ONE_REGISTER: i64 = 4;
    let is_polynomial = lmul(epilogue, Lmul::M8) < Lmul::M8;
    if is_polynomial && size <= ONE_REGISTER { Lmul::M1 } else { lmul(epilogue, most) }
}

/// The activation of every element of a result of arithmetic.
pub fn apply<'c>(b: &Rvv<'c, '_>, epilogue: &Epilogue, v: V<'c>, vl: Vl<'c>) -> V<'c> {
    if let Some(steps) = steps(epilogue) {
        return fold(b, &steps, v, vl);
    }
    match epilogue.activation {
        Activation::Identity => v,
        Activation::Relu => clamp_and_keep_nan(b, v, [0.0, f32::INFINITY], vl),
        Activation::Clip { min, max } => clamp_and_keep_nan(b, v, [min, max], vl),
        Activation::HardSigmoid { alpha, beta } => {
            clamp_and_keep_nan(b, fold(b, &[Step::Scale(alpha), Step::Shift(beta)], v, vl), [0.0, 1.0], vl)
        }
        Activation::LeakyRelu { alpha } => leaky_relu(b, v, alpha, vl),
        Activation::Sigmoid => b.vfrdiv(one_plus_exp_neg(b, v, vl), 1.0, vl),
        Activation::HardSwish => {
            // The product with a NaN is one.
            let scaled = fold(b, &[Step::Scale(1.0 / 6.0), Step::Shift(0.5)], v, vl);
            b.vfmul(v, fold(b, &clamp_numbers([0.0, 1.0]), scaled, vl), vl)
        }
        Activation::Tanh => tanh(b, v, vl),
        Activation::Silu => b.vfdiv(v, one_plus_exp_neg(b, v, vl), vl),
        Activation::Elu { alpha } => {
            let negative = b.vfmul(b.vfsub(exp(b, v, vl), 1.0, vl), alpha, vl);
            b.vmerge(v, negative, b.vmflt(v, 0.0, vl), vl)
        }
    }
}

fn fold<'c>(b: &Rvv<'c, '_>, steps: &[Step], v: V<'c>, vl: Vl<'c>) -> V<'c> {
    steps.iter().fold(v, |v, step| step.apply(b, v, vl))
}

/// [`apply`] to several rows, step by step where it is in place: an instruction waits for the one before it in its row, and
/// those of the other rows are done meanwhile.
pub fn apply_to_rows<'c>(b: &Rvv<'c, '_>, epilogue: &Epilogue, rows: Vec<V<'c>>, vl: Vl<'c>) -> Vec<V<'c>> {
    let Some(steps) = steps(epilogue) else {
        return rows.into_iter().map(|v| apply(b, epilogue, v, vl)).collect();
    };
    steps.into_iter().fold(rows, |rows, step| {
        b.fence();
        rows.into_iter().map(|v| step.apply(b, v, vl)).collect()
    })
}

/// The activation of every element of what was loaded: a NaN may be any.
pub fn apply_to_loaded<'c>(b: &Rvv<'c, '_>, epilogue: &Epilogue, v: V<'c>, vl: Vl<'c>) -> V<'c> {
    let is_clamp = epilogue.activation != Activation::Identity && epilogue.activation.clamp().is_some();
    // The sum with -0 is every number itself.
    let v = if is_clamp && epilogue.nan == Nan::Propagate { b.vfadd(v, -0.0, vl) } else { v };
    apply(b, epilogue, v, vl)
}

/// The higher of two lines left of 0 is the one of the lesser slope, right of it the other. Of two NaN either instruction
/// makes one.
fn leaky_relu<'c>(b: &Rvv<'c, '_>, v: V<'c>, alpha: f32, vl: Vl<'c>) -> V<'c> {
    let scaled = b.vfmul(v, alpha, vl);
    if !alpha.is_finite() || alpha == 0.0 {
        // Some products of these are NaN where the number is not.
        return b.vmerge(v, scaled, b.vmflt(v, 0.0, vl), vl);
    }
    if alpha <= 1.0 { b.vfmax(v, scaled, vl) } else { b.vfmin(v, scaled, vl) }
}

/// min(max(v, min), max) of a result of arithmetic, by any bounds.
fn clamp_and_keep_nan<'c>(b: &Rvv<'c, '_>, v: V<'c>, bounds: [f32; 2], vl: Vl<'c>) -> V<'c> {
    with_nan_of(b, fold(b, &clamp_numbers(bounds), v, vl), v, vl)
}

/// `v`, or NaN where `source`, a result of arithmetic, is NaN.
pub fn with_nan_of<'c>(b: &Rvv<'c, '_>, v: V<'c>, source: V<'c>, vl: Vl<'c>) -> V<'c> {
    // 0, or the bits of a NaN.
    let nan = b.vrsub_i(b.vmax_i(b.as_int(source), INFINITY, vl), INFINITY, vl);
    b.as_float(b.vor(b.as_int(v), nan, vl))
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
    let clamped = fold(b, &clamp_numbers([-104.0, 89.0]), x, vl);
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
        apply(b, &Activation::Tanh.into(), v, vl)
    }

    fn sigmoid<'c>(b: &Rvv<'c, '_>, v: V<'c>, vl: Vl<'c>) -> V<'c> {
        apply(b, &Activation::Sigmoid.into(), v, vl)
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
