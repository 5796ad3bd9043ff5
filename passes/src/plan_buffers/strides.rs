//! Strided views in elements, strides in logical dimension order.

use ait_dialects::infer::plane_stride;

/// Where the elements of a tensor lie inside a buffer: element `i` is at `offset + sum(i[d] * strides[d])`.
///
/// The stride of a dimension of size 1 addresses nothing; it is kept as if the dimension were row-major,
/// so that equal memory has equal strides and kernels are shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// First logical element, in elements from the start of the root buffer.
    pub offset: i64,
    /// Logical shape.
    pub shape: Vec<i64>,
    /// Elements between neighbours, per logical dimension.
    pub strides: Vec<i64>,
}

impl View {
    /// A view at `offset`, with the strides of unit dimensions normalised.
    pub fn new(offset: i64, shape: &[i64], strides: &[i64]) -> Self {
        let mut view = Self { offset, shape: shape.to_vec(), strides: strides.to_vec() };
        let mut outer = 1;
        for (stride, &size) in view.strides.iter_mut().zip(shape).rev() {
            if size == 1 {
                *stride = outer;
            }
            outer = *stride * size;
        }
        view
    }

    /// The dense row-major view of a whole buffer.
    pub fn row_major(shape: &[i64]) -> Self {
        Self::new(0, shape, &row_major_strides(shape))
    }

    /// This dense view with its planes apart (`plane_stride`), if dimensions 2 and 3 of 4 are planes.
    pub fn spread(&self) -> Self {
        let &[_, plane, ..] = &self.strides[..] else { return self.clone() };
        let apart =
            |&stride: &i64| if stride < plane { stride } else { stride / plane * plane_stride(plane) };
        match self.shape.len() == 4 && plane > 1 {
            true => Self::new(self.offset, &self.shape, &self.strides.iter().map(apart).collect::<Vec<_>>()),
            false => self.clone(),
        }
    }

    /// Elements from the first to the last, both counted.
    pub fn extent(&self) -> i64 {
        if self.shape.contains(&0) {
            return 0;
        }
        1 + self.shape.iter().zip(&self.strides).map(|(size, stride)| (size - 1) * stride.abs()).sum::<i64>()
    }

    /// Result dimension `i` is dimension `permutation[i]` of this view.
    pub fn transpose(&self, permutation: &[i64]) -> Self {
        let pick = |from: &[i64]| -> Vec<i64> {
            permutation.iter().filter_map(|&p| from.get(usize::try_from(p).ok()?).copied()).collect()
        };
        Self::new(self.offset, &pick(&self.shape), &pick(&self.strides))
    }

    /// `sizes` elements from `starts` in `steps` (which may be negative).
    pub fn slice(&self, starts: &[i64], sizes: &[i64], steps: &[i64]) -> Self {
        // Where nothing is taken any start is valid.
        let offset = self.strides.iter().zip(starts).map(|(stride, start)| stride * start);
        let offset = if sizes.contains(&0) { 0 } else { offset.sum::<i64>() };
        // The step of a single element leads nowhere and may be any number.
        let step = |(d, stride): (usize, &i64)| if sizes[d] > 1 { stride * steps[d] } else { 1 };
        let strides: Vec<i64> = self.strides.iter().enumerate().map(step).collect();
        Self::new(self.offset + offset, sizes, &strides)
    }

    /// The box of `sizes` elements at `starts`.
    pub fn window(&self, starts: &[i64], sizes: &[i64]) -> Self {
        self.slice(starts, sizes, &vec![1; sizes.len()])
    }

    /// The same elements in row-major order under another shape, if strides can say it.
    ///
    /// Both shapes are cut into the shortest groups of equal products; a group is a view if the old
    /// dimensions in it are contiguous with each other.
    pub fn reshape(&self, shape: &[i64]) -> Option<Self> {
        let old: Vec<(i64, i64)> = self
            .shape
            .iter()
            .copied()
            .zip(self.strides.iter().copied())
            .filter(|(size, _)| *size != 1)
            .collect();
        let wanted: Vec<usize> = (0..shape.len()).filter(|&d| shape[d] != 1).collect();
        let mut strides = vec![1; shape.len()];
        let (mut i, mut j) = (0, 0);
        while i < old.len() && j < wanted.len() {
            let (first_old, first_new) = (i, j);
            let (mut product_old, mut product_new) = (old[i].0, shape[wanted[j]]);
            while product_old != product_new {
                if product_old < product_new {
                    i += 1;
                    product_old *= old.get(i)?.0;
                } else {
                    j += 1;
                    product_new *= shape[*wanted.get(j)?];
                }
            }
            let group = &old[first_old..=i];
            if group.windows(2).any(|pair| pair[0].1 != pair[1].1 * pair[1].0) {
                return None;
            }
            let mut stride = old[i].1;
            for &d in wanted[first_new..=j].iter().rev() {
                strides[d] = stride;
                stride *= shape[d];
            }
            (i, j) = (i + 1, j + 1);
        }
        (i == old.len() && j == wanted.len()).then(|| Self::new(self.offset, shape, &strides))
    }

    /// True if memory order is logical row-major order without gaps.
    pub fn is_row_major(&self) -> bool {
        self.strides == Self::row_major(&self.shape).strides
    }

    /// Elements between neighbours when dimensions `dims` are walked as one row-major dimension;
    /// `None` if they are not evenly spaced. `Some(1)` for at most one element.
    pub fn collapsed_stride(&self, dims: &[usize]) -> Option<i64> {
        let mut walk =
            dims.iter().rev().map(|&d| (self.shape[d], self.strides[d])).filter(|(size, _)| *size != 1);
        let Some((size, stride)) = walk.next() else { return Some(1) };
        let mut next = size * stride;
        for (size, outer) in walk {
            if outer != next {
                return None;
            }
            next = outer * size;
        }
        Some(stride)
    }

    /// Elements between neighbouring pixels of a channels-last tensor whose channels are adjacent;
    /// `None` for any other order. Rank 4 is N x C x H x W, lower ranks have the channel last.
    pub fn pixel_stride(&self) -> Option<i64> {
        let rank = self.shape.len();
        let channel = if rank == 4 { 1 } else { rank.checked_sub(1)? };
        let pixels: Vec<usize> = (0..rank).filter(|&d| d != channel).collect();
        if self.shape[channel] != 1 && self.strides[channel] != 1 {
            return None;
        }
        if pixels.iter().all(|&d| self.shape[d] == 1) {
            return Some(self.shape[channel]);
        }
        self.collapsed_stride(&pixels).filter(|&stride| stride >= self.shape[channel])
    }
}

/// Strides of a dense row-major buffer.
pub fn row_major_strides(shape: &[i64]) -> Vec<i64> {
    let mut strides = vec![1; shape.len()];
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d] * shape[d];
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;
    use ait_dialects::Layout;

    /// Element addresses in logical row-major order.
    fn addresses(view: &View) -> Vec<i64> {
        let mut all = vec![view.offset];
        for (&size, &stride) in view.shape.iter().zip(&view.strides) {
            all = all.iter().flat_map(|&a| (0..size).map(move |i| a + i * stride)).collect();
        }
        all
    }

    #[test]
    fn reshape_keeps_the_row_major_order_of_addresses() {
        let nhwc = View::new(8, &[2, 6, 4, 5], &[120, 1, 30, 6]);
        for shape in [vec![2, 6, 20], vec![2, 2, 3, 4, 5], vec![2, 6, 2, 2, 5, 1], vec![1, 2, 6, 4, 5]] {
            let view = nhwc.reshape(&shape).unwrap();
            assert_eq!(addresses(&view), addresses(&nhwc), "{shape:?}");
        }
        assert_eq!(nhwc.reshape(&[12, 20]), None);
        assert_eq!(nhwc.reshape(&[2, 120]), None);
    }

    #[test]
    fn reshape_of_a_dense_buffer_is_always_a_view() {
        let dense = View::row_major(&[4, 6, 10]);
        for shape in [vec![240], vec![8, 3, 10], vec![5, 48], vec![4, 1, 60], vec![16, 15]] {
            assert_eq!(dense.reshape(&shape), Some(View::row_major(&shape)));
        }
    }

    #[test]
    fn slices_and_transposes_address_the_chosen_elements() {
        let view = View::row_major(&[4, 6]);
        assert_eq!(addresses(&view.slice(&[1, 5], &[2, 3], &[2, -2])), [11, 9, 7, 23, 21, 19]);
        assert_eq!(addresses(&view.window(&[0, 2], &[2, 2]).transpose(&[1, 0])), [2, 8, 3, 9]);
    }

    #[test]
    fn pixel_stride_is_for_channels_last_only() {
        assert_eq!(View::new(3, &[2, 6, 4, 5], &[200, 1, 50, 10]).pixel_stride(), Some(10));
        assert_eq!(View::new(0, &[2, 6, 4, 5], &[240, 1, 50, 10]).pixel_stride(), None);
        assert_eq!(View::row_major(&[2, 6, 4, 5]).pixel_stride(), None);
        assert_eq!(View::row_major(&[1, 6, 1, 1]).pixel_stride(), Some(6));
        assert_eq!(View::new(0, &[3, 6], &[8, 1]).pixel_stride(), Some(8));
    }

    #[test]
    fn planes_of_four_lines_are_spread_in_every_layout() {
        for layout in Layout::ALL {
            for shape in [[2, 3, 16, 16], [1, 5, 8, 8], [3, 2, 15, 16], [2, 4, 1, 1]] {
                let dense = View::new(0, &shape, &layout.strides(&shape));
                let spread = dense.spread();
                let mut elements = addresses(&spread);
                assert_eq!(elements.iter().max(), Some(&(spread.extent() - 1)), "{layout} {shape:?}");
                elements.sort_unstable();
                elements.dedup();
                assert_eq!(elements.len() as i64, shape.iter().product::<i64>(), "{layout} {shape:?}");
                assert_eq!(spread.strides[2..], dense.strides[2..]);
                let is_plane = layout != Layout::Nhwc && dense.strides[1] % 64 == 0;
                assert_eq!(spread.strides[1] % 64 == 0, !is_plane && dense.strides[1] % 64 == 0);
                assert_eq!(is_plane, spread != dense, "{layout} {shape:?}");
            }
        }
        assert_eq!(View::row_major(&[2, 0, 8, 8]).extent(), 0);
        assert_eq!(View::row_major(&[64, 64]).spread(), View::row_major(&[64, 64]));
    }

    #[test]
    fn memory_that_coincides_has_equal_strides() {
        let nchw = View::new(0, &[1, 8, 4, 4], &[128, 16, 4, 1]);
        let cnhw = View::new(0, &[1, 8, 4, 4], &[16, 16, 4, 1]);
        assert_eq!(nchw, cnhw);
    }
}
