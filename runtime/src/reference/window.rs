//! Where the windows of convolutions and pools are.

use super::{Result, ensure};

/// Windows along one spatial dimension.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows {
    pub input: usize,
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    pub before: usize,
    pub after: usize,
}

impl Windows {
    /// The number of windows; with `ceil` one more if it starts inside the input or its left padding.
    pub fn count(&self, ceil: bool) -> Result<usize> {
        let what = || format!("impossible window {self:?}");
        ensure(self.stride > 0 && self.dilation > 0 && self.kernel > 0 && self.input > 0, what)?;
        let span = (self.kernel - 1).checked_mul(self.dilation).and_then(|span| span.checked_add(1));
        let padded = self.input.checked_add(self.before).and_then(|size| size.checked_add(self.after));
        let free = padded.zip(span).and_then(|(padded, span)| padded.checked_sub(span));
        let free = free.ok_or_else(|| super::ReferenceError::Invalid(what()))?;
        let count = free / self.stride + 1;
        let partial = free % self.stride != 0 && count * self.stride < self.input + self.before;
        Ok(if ceil && partial { count + 1 } else { count })
    }

    /// Tap `tap` of window `window`, counted from the first padding element.
    pub fn padded_position(&self, window: usize, tap: usize) -> usize {
        window * self.stride + tap * self.dilation
    }

    /// The input element under tap `tap` of window `window`; `None` in padding and beyond.
    pub fn position(&self, window: usize, tap: usize) -> Option<usize> {
        self.padded_position(window, tap).checked_sub(self.before).filter(|&position| position < self.input)
    }

    /// Whether tap `tap` of window `window` lies in the input or its padding.
    pub fn is_padded_input(&self, window: usize, tap: usize) -> bool {
        self.padded_position(window, tap) < self.before + self.input + self.after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_round_as_onnx_says() {
        let w = Windows { input: 5, kernel: 2, stride: 2, dilation: 1, before: 0, after: 0 };
        assert_eq!((w.count(false).unwrap(), w.count(true).unwrap()), (2, 3));
        // The third window would start in the right padding.
        let w = Windows { input: 3, kernel: 2, stride: 3, dilation: 1, before: 0, after: 1 };
        assert_eq!((w.count(false).unwrap(), w.count(true).unwrap()), (1, 1));
        assert!(Windows { kernel: 9, ..w }.count(false).is_err());
        assert!(Windows { stride: 0, ..w }.count(false).is_err());
        assert!(Windows { kernel: usize::MAX, dilation: 3, ..w }.count(false).is_err());
    }
}
