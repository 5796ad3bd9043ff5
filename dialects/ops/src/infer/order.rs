//! The order in which a generated convolution goes through its reduction.

use crate::Algorithm;

/// Columns of a segment where vectors come from packed strips.
pub const PACKED_SEGMENT: i64 = 128;
/// Most channels of a chunk where the input is read in place and all weights are kept, of a window of one tap and of
/// several: so few that what all taps read of them for one strip stays in a first-level cache from tap to tap and from tile
/// to tile. Pruned weights take less of that cache, and few of them are not worth a chunk: as many more channels.
const MOST_CHANNELS: [i64; 2] = [128, 16];
/// Fewer channels are not worth a chunk of their own.
const LEAST_CHANNELS: [i64; 2] = [32, 8];

/// The columns of a reduction, in which the weights are stored and multiplied. A column's number is `(kh, kw, c)` with c
/// fastest; its position is `(chunk of channels, kh, kw, c)`, a segment being what a chunk has of a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Taps of the window.
    pub taps: i64,
    /// Channels of a group.
    pub channels: i64,
    /// Channels of a chunk; all of them: positions are numbers.
    pub chunk: i64,
    /// Columns of a segment: they have one address and a step.
    pub segment: i64,
}

impl Order {
    /// Of a convolution with this `algorithm`, `kept` of whose columns have weights.
    pub fn of(algorithm: Algorithm, taps: i64, channels: i64, kept: i64) -> Self {
        let (taps, channels) = (taps.max(1), channels.max(1));
        if algorithm == Algorithm::Packed {
            return Self { taps, channels, chunk: channels, segment: PACKED_SEGMENT };
        }
        let kind = usize::from(taps > 1);
        let divides = |chunk: &i64| channels % chunk == 0;
        let most = MOST_CHANNELS[kind].saturating_mul(taps.saturating_mul(channels)) / kept.max(1);
        let chunk = (LEAST_CHANNELS[kind]..=most.min(channels)).rev().find(divides).unwrap_or(channels);
        Self { taps, channels, chunk, segment: chunk }
    }

    /// One segment of `columns` columns.
    pub fn whole(columns: i64) -> Self {
        Self { taps: 1, channels: columns, chunk: columns.max(1), segment: columns.max(1) }
    }

    /// Number of columns.
    pub fn columns(&self) -> i64 {
        self.taps.saturating_mul(self.channels)
    }

    /// Number of segments; the last may be short.
    pub fn segments(&self) -> i64 {
        (self.columns() + self.segment - 1) / self.segment
    }

    /// The number of the column at a position.
    pub fn column(&self, position: i64) -> i64 {
        let (run, c) = (position / self.chunk, position % self.chunk);
        let (chunk, tap) = (run / self.taps, run % self.taps);
        tap * self.channels + chunk * self.chunk + c
    }

    /// The position of a column.
    pub fn position(&self, column: i64) -> i64 {
        let (tap, channel) = (column / self.channels, column % self.channels);
        let (chunk, c) = (channel / self.chunk, channel % self.chunk);
        (chunk * self.taps + tap) * self.chunk + c
    }
}

#[cfg(test)]
mod tests {
    use super::Order;
    use crate::Algorithm;

    #[test]
    fn positions_and_columns_are_inverse() {
        for (algorithm, taps, channels) in [
            (Algorithm::Packed, 9, 64),
            (Algorithm::Direct, 9, 64),
            (Algorithm::Split, 4, 48),
            (Algorithm::Direct, 1, 64),
            (Algorithm::Split, 9, 34),
        ] {
            let order = Order::of(algorithm, taps, channels, taps * channels / 2);
            let mut seen: Vec<_> = (0..order.columns()).map(|position| order.column(position)).collect();
            assert!((0..).zip(&seen).all(|(position, &column)| order.position(column) == position));
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..order.columns()));
        }
    }

    #[test]
    fn chunks_divide_the_channels() {
        let chunk = |algorithm, taps, channels| Order::of(algorithm, taps, channels, taps * channels).chunk;
        assert_eq!(
            [64, 48, 34, 26, 37, 3].map(|channels| chunk(Algorithm::Direct, 9, channels)),
            [16, 16, 34, 13, 37, 3]
        );
        assert_eq!((chunk(Algorithm::Direct, 1, 256), chunk(Algorithm::Packed, 9, 64)), (128, 64));
        assert_eq!(Order::of(Algorithm::Direct, 9, 256, 9 * 64).chunk, 64);
    }

    /// Two channels of two taps in chunks of eight channels.
    #[test]
    fn a_segment_is_a_tap_of_a_chunk() {
        let order = Order { taps: 2, channels: 4, chunk: 2, segment: 2 };
        let columns: Vec<_> = (0..8).map(|position| order.column(position)).collect();
        assert_eq!(columns, [0, 1, 4, 5, 2, 3, 6, 7]);
    }
}
