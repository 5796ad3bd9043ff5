//! Packing: im2col rows of a chunk of the reduction for one strip of positions.
//!
//! The strip is cut where image rows end. For every tap (kh, kw) and every such span, the input elements are
//! found once and then copied channel by channel, zeros where the tap is in the padding.

use super::{Conv2d, Dims};
use crate::kernels::rvv::{P, Rvv, Vl, X};
use crate::kernels::tile;

/// Where a chunk is packed: one vector for each of `steps`.
pub struct Panel<'c> {
    /// The vector of the first step.
    pub at: P<'c>,
    /// Bytes from one vector to the next.
    pub step: X<'c>,
    /// First step and end.
    pub steps: [X<'c>; 2],
}

/// Adjacent positions of a strip in one image row.
struct Span<'c> {
    /// Index in the strip, and number of positions.
    start: X<'c>,
    length: X<'c>,
    /// Output coordinates of the first one.
    n: X<'c>,
    h: X<'c>,
    w: X<'c>,
}

/// A tap with the part of its channels that the chunk has.
struct Tap<'c> {
    kh: X<'c>,
    kw: X<'c>,
    /// Channels, the end excluded.
    channels: [X<'c>; 2],
    /// Vector of the first of them.
    at: P<'c>,
}

impl<'c> Panel<'c> {
    /// Packs the positions from `position` on; `channel` is channel 0 of the group.
    pub fn pack(
        &self,
        b: &Rvv<'c, '_>,
        conv: &Conv2d,
        dims: &Dims,
        channel: P<'c>,
        position: X<'c>,
        vl: Vl<'c>,
    ) {
        let [from, to] = self.steps;
        let first_tap = b.div(from, dims.channels);
        let end_tap = b.div(b.add(to, dims.channels - 1), dims.channels);
        let start = b.split(position, &[dims.batch, dims.out_height, dims.out_width]);
        let [n, h, w] = start[..] else { return };
        b.for_range(first_tap, end_tap, 1, (), |tap, ()| {
            let begin = b.mul(tap, dims.channels);
            let low = b.max(b.sub(from, begin), 0);
            let high = b.min(b.sub(to, begin), dims.channels);
            let vector = b.sub(b.add(begin, low), from);
            let tap = Tap {
                kh: b.div(tap, conv.kernel[1]),
                kw: b.rem(tap, conv.kernel[1]),
                channels: [low, high],
                at: b.offset(self.at, b.mul(vector, self.step)),
            };
            spans(b, dims, [n, h, w], vl, |span| self.span(b, conv, dims, channel, &tap, span, vl));
        });
    }

    /// One span of one tap, all channels.
    #[allow(clippy::too_many_arguments, reason = "the loop nest around it")]
    fn span(
        &self,
        b: &Rvv<'c, '_>,
        conv: &Conv2d,
        dims: &Dims,
        channel: P<'c>,
        tap: &Tap<'c>,
        span: &Span<'c>,
        vl: Vl<'c>,
    ) {
        let [_, channel_stride, h_stride, w_stride] = dims.input;
        let [stride_h, stride_w] = conv.strides;
        let [top, left, ..] = conv.pads;
        let at = |out: X<'c>, stride, pad, tap, dilation| {
            b.add(b.sub(b.mul(out, stride), pad), b.mul(tap, dilation))
        };
        let h = at(span.h, stride_h, top, tap.kh, conv.dilations[0]);
        let w = at(span.w, stride_w, left, tap.kw, conv.dilations[1]);
        let (low, high) = if conv.pads == [0; 4] {
            (b.c(0), span.length)
        } else {
            inside(b, dims, [h, w], stride_w, span.length)
        };
        let to = b.index(tap.at, span.start);
        let rows = usize::try_from(conv.tile).unwrap_or(usize::MAX);
        let zeros = |from: X<'c>, end: X<'c>| {
            b.when(b.lt(from, end), || {
                let part = b.vl(b.sub(end, from), vl.lmul());
                // Where LLVM knows `part` to be 1, it makes the zero before all loops, and keeps it in a group. The
                // strip's length it does not know.
                let is_kept = tile::fits(rows, 2, vl.lmul()) || b.takes_last_group();
                let zero = b.vfmv_v_f(0.0, if is_kept { part } else { vl });
                let [low, high] = tap.channels;
                b.for_range(low, high, 1, b.index(to, from), |_, to| {
                    b.vse32(zero, to, part);
                    b.offset(to, self.step)
                });
            });
        };
        if conv.pads != [0; 4] {
            zeros(b.c(0), low);
            zeros(high, span.length);
        }
        b.when(b.lt(low, high), || {
            let part = b.vl(b.sub(high, low), vl.lmul());
            let offsets = [
                b.mul(span.n, dims.input[0]),
                b.mul(tap.channels[0], channel_stride),
                b.mul(h, h_stride),
                b.mul(b.add(w, b.mul(low, stride_w)), w_stride),
            ];
            let from = offsets.into_iter().fold(channel, |at, offset| b.index(at, offset));
            let [first, end] = tap.channels;
            b.for_range(first, end, 1, (from, b.index(to, low)), |_, (from, to)| {
                b.vse32(b.load(from, 4 * stride_w, part), to, part);
                (b.offset(from, 4 * channel_stride), b.offset(to, self.step))
            });
        });
    }
}

/// The part of `length` positions whose tap, (h, w) for the first and `stride` further for each next, is inside the
/// image: begin and end; both equal `length` if there is none.
fn inside<'c>(
    b: &Rvv<'c, '_>,
    dims: &Dims,
    [h, w]: [X<'c>; 2],
    stride: i64,
    length: X<'c>,
) -> (X<'c>, X<'c>) {
    // Number of positions before the tap reaches column `limit`.
    let before = |limit: i64| {
        let distance = b.max(b.sub(limit, w), 0);
        b.min(b.div(b.add(distance, stride - 1), stride), length)
    };
    let row = b.within(h, dims.height);
    let low = b.select(row, before(0), length);
    (low, b.select(row, before(dims.width), length))
}

/// Cuts a strip of `vl` positions, the first at (n, h, w), where image rows end.
fn spans<'c>(b: &Rvv<'c, '_>, dims: &Dims, [n, h, w]: [X<'c>; 3], vl: Vl<'c>, body: impl FnOnce(&Span<'c>)) {
    let state = (b.c(0), (n, h, w));
    b.while_loop(
        state,
        |(start, _)| b.lt(*start, vl.x()),
        |(start, (n, h, w))| {
            let length = b.min(b.sub(dims.out_width, w), b.sub(vl.x(), start));
            body(&Span { start, length, n, h, w });
            let wraps = b.eq(b.add(h, 1), dims.out_height);
            let next_h = b.select(wraps, 0, b.add(h, 1));
            let next_n = b.select(wraps, b.add(n, 1), n);
            (b.add(start, length), (next_n, next_h, b.c(0)))
        },
    );
}
