//! Bounds on what the static model walks. A layer that exceeds them is walked as a smaller one and taken to cost in
//! proportion: a file of a hundred bytes can ask for windows of 2^48 taps, and an estimate takes neither time nor memory
//! by them.

use super::{Convolution, Op, ShapeError};

/// Taps of a window.
const TAPS: usize = 1 << 12;
/// Elements that the taps of an axis reach over.
const REACH: usize = 1 << 16;
/// Results along an axis; and the taps of all of them, as a row is walked whole.
const POSITIONS: usize = 1 << 16;
const ROW: usize = 1 << 24;
/// Channels that do not mix.
const CHANNELS: usize = 1 << 12;
/// Terms of a sum.
const TERMS: usize = 1 << 18;
/// Elements of a dimension that is not a window's.
const ELEMENTS: usize = 1 << 22;

/// An op within the bounds, and how many times as long the given one takes.
///
/// # Errors
/// If the window does not exist.
pub fn bounded(op: &Op) -> Result<(Op, f64), ShapeError> {
    let mut op = op.clone();
    let factor = match &mut op {
        Op::Transpose(sizes) | Op::XnnGlobalPool(sizes) => within(sizes, [ELEMENTS; 3]),
        Op::Matmul(sizes) | Op::XnnFullyConnected(sizes) => within(sizes, [ELEMENTS, TERMS, ELEMENTS]),
        Op::GlobalPool(sizes) | Op::ScaleBias(sizes, ..) => within(sizes, [ELEMENTS; 2]),
        Op::XnnConvolution(conv)
        | Op::Depthwise(conv)
        | Op::Pool(conv, _)
        | Op::ChannelPool(conv, _)
        | Op::XnnPool(conv) => window(conv)?,
    };
    Ok((op, factor))
}

/// Cuts sizes to the most that each may be.
fn within<const N: usize>(sizes: &mut [i64; N], most: [usize; N]) -> f64 {
    let cut = sizes.iter_mut().zip(most).map(|(size, most)| {
        let given = *size;
        *size = given.min(i64::try_from(most).unwrap_or(given));
        given as f64 / (*size).max(1) as f64
    });
    cut.product()
}

/// Cuts a number to the most that it may be.
fn cut(number: &mut usize, most: usize) -> f64 {
    let given = *number;
    *number = given.min(most);
    given as f64 / (*number).max(1) as f64
}

/// Cuts a window, then the planes that it goes over, then the channels.
fn window(conv: &mut Convolution) -> Result<f64, ShapeError> {
    let [.., height, width] = conv.output()?;
    let mut factor = cut(&mut conv.filter[3], TAPS);
    let rows = TAPS / conv.filter[3].max(1);
    factor *= cut(&mut conv.filter[2], rows);
    let taps = conv.filter[2] * conv.filter[3];
    for (axis, positions) in [height, width].into_iter().enumerate() {
        factor *= plane(conv, axis, positions);
    }
    if conv.filter[1] == 1 && conv.input[1] == conv.filter[0] {
        factor *= cut(&mut conv.input[1], CHANNELS);
        (conv.filter[0], conv.groups) = (conv.input[1], conv.groups.min(conv.input[1]));
    }
    factor *= cut(&mut conv.filter[1], (TERMS / taps.max(1)).max(1));
    conv.input[1] = conv.input[1].min(conv.filter[1].saturating_mul(conv.groups));
    Ok(factor)
}

/// Cuts an axis to so many positions of a window that may have been cut; padding keeps its share of it.
fn plane(conv: &mut Convolution, axis: usize, mut positions: usize) -> f64 {
    let taps = conv.filter[2 + axis];
    conv.dilations[axis] = conv.dilations[axis].min((REACH / taps.max(1)).max(1));
    let window = conv.filter[2].max(1) * conv.filter[3].max(1);
    let factor = cut(&mut positions, POSITIONS.min(ROW / window));
    let size = |conv: &Convolution| conv.input[2 + axis] + conv.pads[axis] + conv.pads[2 + axis];
    let reach = (taps.saturating_sub(1)) * conv.dilations[axis] + 1;
    let (given, wanted) = (size(conv), positions.saturating_sub(1) * conv.strides[axis] + reach);
    if given - wanted < conv.strides[axis] {
        return factor;
    }
    for pad in [axis, 2 + axis] {
        let share = conv.pads[pad] as u128 * wanted as u128 / given.max(1) as u128;
        conv.pads[pad] = usize::try_from(share).unwrap_or(0);
    }
    conv.input[2 + axis] = wanted - conv.pads[axis] - conv.pads[2 + axis];
    factor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::generated::Taps;
    use crate::cost::{Estimates, Target};

    fn conv(
        input: [usize; 4],
        filter: [usize; 4],
        stride: usize,
        pad: usize,
        dilation: usize,
    ) -> Convolution {
        let groups = if filter[1] == 1 { input[1] } else { 1 };
        Convolution { input, filter, strides: [stride; 2], pads: [pad; 4], dilations: [dilation; 2], groups }
    }

    #[test]
    fn ordinary_layers_are_as_they_are() {
        for conv in [
            conv([8, 512, 512, 300], [2048, 512, 7, 7], 2, 3, 1),
            conv([1, 2048, 56, 56], [2048, 1, 56, 56], 1, 0, 1),
            conv([1, 64, 1024, 1024], [64, 1, 3, 3], 2, 12, 12),
        ] {
            for op in [Op::XnnConvolution(conv.clone()), Op::Pool(conv.clone(), Taps::Plain)] {
                assert_eq!(bounded(&op).unwrap(), (op, 1.0));
            }
        }
        for op in [Op::Transpose([8, 2048, 1 << 20]), Op::XnnFullyConnected([64, 25088, 4096])] {
            assert_eq!(bounded(&op).unwrap(), (op, 1.0));
        }
    }

    /// The cut window goes over as many positions as it should, and what is cut away is in the factor.
    #[test]
    fn what_is_cut_is_in_proportion() {
        let huge = conv([1, 3, 8, 8], [3, 1, 1, 1], 1, 100_000, 1);
        let (op, factor) = bounded(&Op::Pool(huge.clone(), Taps::Plain)).unwrap();
        let Op::Pool(cut, _) = op else { panic!("{op:?}") };
        assert_eq!(cut.output().unwrap()[2..], [POSITIONS; 2]);
        let area =
            |conv: &Convolution| conv.output().unwrap()[2..].iter().map(|&size| size as f64).product::<f64>();
        assert!((factor / (area(&huge) / area(&cut)) - 1.0).abs() < 1e-9, "{factor}");
        let wide = conv([1, 1 << 20, 1 << 14, 1 << 14], [1 << 20, 1, 1 << 13, 1 << 13], 1 << 10, 0, 1);
        let (op, factor) = bounded(&Op::Pool(wide, Taps::Plain)).unwrap();
        let Op::Pool(cut, _) = op else { panic!("{op:?}") };
        assert_eq!((cut.filter, cut.output().unwrap()), ([1 << 12, 1, 1, 1 << 12], [1, 1 << 12, 9, 9]));
        assert_eq!(factor, f64::from(1 << 8) * f64::from(1 << 14));
    }

    /// None of these would end, or find memory, if it were walked as it is.
    #[test]
    fn estimates_of_anything_end() {
        let most = 1 << 24;
        let convs = [
            conv([1, 3, 8, 8], [4, 3, 3, 3], 1, 100_000, 1),
            conv([1, 3, 200_000, 200_000], [3, 1, 100_000, 100_000], 1, 0, 1),
            conv([1, 3, 8, 8], [3, 1, most, most], 1, most - 1, 1),
            conv([1, 3, most, most], [3, 1, 1 << 12, 1 << 12], most, 1 << 11, 1 << 12),
            conv([1, most, 4, 4], [most, 1, 3, 3], 1, 1, 1),
            conv([1, 1, 1, most], [1, 1, 1, 1 << 12], 1 << 12, 0, 1),
        ];
        let sizes = [[1, 1 << 40, 1], [1, 1, 1 << 40], [1 << 40, 1, 1], [1, 1 << 20, 1 << 20]];
        let windows = convs.into_iter().flat_map(|conv| {
            [
                Op::XnnConvolution(conv.clone()),
                Op::Depthwise(conv.clone()),
                Op::Pool(conv.clone(), Taps::Squared),
                Op::ChannelPool(conv.clone(), Taps::Squared),
                Op::XnnPool(conv),
            ]
        });
        let others = sizes.into_iter().flat_map(|sizes| {
            [
                Op::Transpose(sizes),
                Op::XnnGlobalPool(sizes),
                Op::Matmul(sizes),
                Op::XnnFullyConnected(sizes),
                Op::GlobalPool([sizes[0], sizes[1]]),
                Op::ScaleBias([sizes[1], sizes[2]], true, 2),
                Op::ScaleBias([sizes[1], sizes[2]], false, 2),
            ]
        });
        let estimates = Estimates::new(Target::named("spacemit-x60").unwrap());
        for op in windows.chain(others) {
            let cycles = estimates.of(op.clone());
            assert!(cycles.is_none_or(|cycles| cycles.is_finite() && cycles > 0.0), "{op:?}: {cycles:?}");
        }
    }
}
