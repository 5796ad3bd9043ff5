//! The binary files between the harness and its driver: little-endian 64-bit words and `f32`.
//!
//! Cases: count, then per case kernel index, tasks, scratch bytes, number of arguments, and per
//! argument kind, length, offset and its elements. Results: per case status, argument, distance, and the
//! elements of every writable argument.

use super::{Arg, Case, POISON, Problem, TOLERANCE};

const READ_ONLY: usize = 0;
const WRITABLE: usize = 1;
const ALIAS: usize = 2;

/// The case file; kernels are numbered by their place in the sorted `symbols`.
pub(super) fn encode(cases: &[Case], symbols: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    words(&mut bytes, [cases.len()]);
    for case in cases {
        let kernel = symbols.binary_search(&case.symbol.as_str()).unwrap_or(symbols.len());
        words(&mut bytes, [kernel, case.tasks, case.scratch_bytes, case.args.len()]);
        for arg in &case.args {
            encode_arg(&mut bytes, arg);
        }
    }
    bytes
}

fn encode_arg(bytes: &mut Vec<u8>, arg: &Arg) {
    let (kind, data) = match arg {
        Arg::Alias { arg, offset } => return words(bytes, [ALIAS, *arg, *offset]),
        Arg::Input(data) => (READ_ONLY, data.clone()),
        Arg::Output { expected } => (WRITABLE, vec![POISON; expected.len()]),
        Arg::InOut { initial, .. } => (WRITABLE, initial.clone()),
    };
    words(bytes, [kind, data.len(), 0]);
    bytes.extend(data.iter().flat_map(|x| x.to_le_bytes()));
}

fn words<const N: usize>(bytes: &mut Vec<u8>, words: [usize; N]) {
    bytes.extend(words.iter().flat_map(|&word| (word as u64).to_le_bytes()));
}

/// What was wrong per case, from the result file; `None` if the file is too short.
pub(super) fn decode(mut bytes: &[u8], cases: &[Case]) -> Option<Vec<Vec<Problem>>> {
    cases.iter().map(|case| decode_case(&mut bytes, case)).collect()
}

fn decode_case(bytes: &mut &[u8], case: &Case) -> Option<Vec<Problem>> {
    let [status, arg, distance] = [word(bytes)?, word(bytes)?, word(bytes)?];
    let arg = usize::try_from(arg.cast_signed()).ok();
    let mut problems = Vec::new();
    match (status, arg) {
        (0, _) => {}
        (1, arg) => problems.push(Problem::Fault { arg, distance: distance.cast_signed() }),
        (_, arg) => problems.push(Problem::WroteBefore { arg: arg? }),
    }
    for (i, arg) in case.args.iter().enumerate() {
        let Some(expected) = arg.expected() else {
            continue;
        };
        let got: Vec<f32> = expected.iter().map(|_| float(bytes)).collect::<Option<_>>()?;
        // After a fault the values say nothing.
        if status == 0 {
            problems.extend(compare(i, &got, expected));
        }
    }
    Some(problems)
}

fn compare(arg: usize, got: &[f32], expected: &[f32]) -> Option<Problem> {
    let bad = |(_, (got, expected)): &(usize, (&f32, &f32))| !agree(**got, **expected);
    let mut wrong = got.iter().zip(expected).enumerate().filter(bad);
    let (index, (&got, &expected)) = wrong.next()?;
    Some(Problem::Wrong { arg, index, got, expected, bad: 1 + wrong.count() })
}

fn agree(got: f32, expected: f32) -> bool {
    let untouched = |x: f32| x.to_bits() == POISON.to_bits();
    if untouched(got) || untouched(expected) {
        return got.to_bits() == expected.to_bits();
    }
    if expected.is_nan() || got.is_nan() {
        return expected.is_nan() && got.is_nan();
    }
    got == expected
        || (got - expected).abs() <= TOLERANCE + TOLERANCE * expected.abs() && expected.is_finite()
}

fn word(bytes: &mut &[u8]) -> Option<u64> {
    let (head, tail) = bytes.split_first_chunk()?;
    *bytes = tail;
    Some(u64::from_le_bytes(*head))
}

fn float(bytes: &mut &[u8]) -> Option<f32> {
    let (head, tail) = bytes.split_first_chunk()?;
    *bytes = tail;
    Some(f32::from_le_bytes(*head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_is_strict_about_what_is_no_number() {
        assert!(agree(1.0, 1.0001));
        assert!(!agree(1.0, 1.001));
        assert!(agree(f32::INFINITY, f32::INFINITY));
        assert!(!agree(1e30, f32::INFINITY));
        assert!(!agree(f32::INFINITY, 1e30));
        assert!(agree(f32::NAN, f32::NAN));
        assert!(!agree(POISON, f32::NAN));
        assert!(!agree(0.0, POISON));
        assert!(agree(POISON, POISON));
    }
}
