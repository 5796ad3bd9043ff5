//! Which strides a kernel takes: the one place that knows.

use super::graph::{Kernel, Role};
use super::strides::View;

/// An operand of a kernel as far as strides matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// The buffer it writes.
    Init,
    /// A buffer it reads.
    Input(Role),
}

/// True if `kernel` can access `operand` in place where `view` says.
///
/// | kernel | data, init |
/// |---|---|
/// | `xnn.conv2d`, pools, `unary`, `fully_connected`, `softmax` | channels adjacent, pixels evenly spaced |
/// | `xnn.binary`, `xnn.global_avg_pool` | dense, channels last |
/// | `rvv.conv2d`, `nm.conv2d` "packed" | W stride 1 |
/// | "direct" and "split", 1 x 1 | N, H, W one dense run |
/// | "direct" and "split", larger | H, W one dense run |
/// | `rvv.depthwise_conv2d`, `rvv.split_phases` | W stride 1 |
/// | `rvv.matmul`, `nm.matmul` | last dimension stride 1, but for `lhs` |
/// | `rvv.pool2d` in NHWC | data: channels adjacent, or it would go along W |
/// | other `rvv` | any positive strides |
///
/// Parameters are dense row-major everywhere.
pub fn accepts(kernel: &Kernel, operand: Operand, view: &View) -> bool {
    if operand == Operand::Input(Role::Parameter) {
        return view.is_row_major();
    }
    let rank = view.shape.len();
    let last_is_dense = || rank == 0 || view.collapsed_stride(&[rank - 1]) == Some(1);
    let any = || view.strides.iter().all(|&stride| stride > 0);
    match kernel.name.as_str() {
        "xnn.conv2d"
        | "xnn.max_pool2d"
        | "xnn.avg_pool2d"
        | "xnn.unary"
        | "xnn.fully_connected"
        | "xnn.softmax" => view.pixel_stride().is_some(),
        "xnn.binary" | "xnn.global_avg_pool" => is_dense_channels_last(view),
        "rvv.conv2d" | "nm.conv2d" if kernel.algorithm != "packed" => {
            let run: &[usize] = if kernel.pointwise { &[0, 2, 3] } else { &[2, 3] };
            any() && rank == 4 && view.collapsed_stride(run) == Some(1)
        }
        "rvv.conv2d" | "nm.conv2d" | "rvv.depthwise_conv2d" | "rvv.split_phases" => any() && last_is_dense(),
        "rvv.matmul" | "nm.matmul" if operand != Operand::Input(Role::Data) => any() && last_is_dense(),
        "rvv.pool2d" if kernel.channels_last && operand == Operand::Input(Role::Data) => {
            any() && rank == 4 && view.collapsed_stride(&[1]) == Some(1)
        }
        _ => any(),
    }
}

fn is_dense_channels_last(view: &View) -> bool {
    match view.shape.len() {
        4 => view.pixel_stride() == Some(view.shape[1]),
        _ => view.is_row_major(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(name: &str, algorithm: &str) -> Kernel {
        Kernel { name: name.into(), algorithm: algorithm.into(), pointwise: true, channels_last: false }
    }

    #[test]
    fn xnnpack_takes_a_channel_slice_but_its_binary_does_not() {
        let slice = View::new(16, &[1, 32, 8, 8], &[64 * 64, 1, 8 * 64, 64]);
        assert!(accepts(&kernel("xnn.conv2d", ""), Operand::Init, &slice));
        assert!(accepts(&kernel("xnn.unary", ""), Operand::Input(Role::Data), &slice));
        assert!(!accepts(&kernel("xnn.binary", ""), Operand::Input(Role::Elementwise), &slice));
        assert!(!accepts(&kernel("xnn.conv2d", ""), Operand::Init, &View::row_major(&[1, 32, 8, 8])));
    }

    #[test]
    fn direct_convolution_needs_one_dense_run_of_positions() {
        let (packed, direct) = (kernel("rvv.conv2d", "packed"), kernel("rvv.conv2d", "direct"));
        let nchw = View::row_major(&[2, 8, 4, 4]);
        let cnhw = View::new(0, &[2, 8, 4, 4], &[16, 32, 4, 1]);
        let nhwc = View::new(0, &[2, 8, 4, 4], &[128, 1, 32, 8]);
        for (kernel, view, taken) in
            [(&packed, &nchw, true), (&packed, &nhwc, false), (&direct, &cnhw, true), (&direct, &nchw, false)]
        {
            assert_eq!(accepts(kernel, Operand::Input(Role::Data), view), taken, "{kernel:?} {view:?}");
        }
    }

    #[test]
    fn larger_windows_in_place_need_dense_planes() {
        for name in ["rvv.conv2d", "nm.conv2d"] {
            let split = Kernel { pointwise: false, ..kernel(name, "split") };
            let columns = View::new(0, &[1, 2, 4, 4], &[64, 32, 8, 1]);
            assert!(accepts(&split, Operand::Init, &View::row_major(&[2, 8, 4, 4])));
            assert!(!accepts(&split, Operand::Init, &columns));
            assert!(accepts(&kernel(name, "packed"), Operand::Init, &columns));
        }
        assert!(accepts(
            &kernel("nm.matmul", ""),
            Operand::Input(Role::Data),
            &View::new(0, &[4, 4], &[1, 4])
        ));
        assert!(!accepts(&kernel("nm.matmul", ""), Operand::Init, &View::new(0, &[4, 4], &[1, 4])));
    }

    #[test]
    fn a_pool_in_nhwc_goes_along_channels() {
        let pool = Kernel { channels_last: true, ..kernel("rvv.pool2d", "") };
        let nhwc = View::new(0, &[2, 8, 4, 4], &[128, 1, 32, 8]);
        assert!(accepts(&pool, Operand::Input(Role::Data), &nhwc));
        assert!(!accepts(&pool, Operand::Input(Role::Data), &View::row_major(&[2, 8, 4, 4])));
        assert!(accepts(&kernel("rvv.pool2d", ""), Operand::Input(Role::Data), &nhwc));
    }

    #[test]
    fn backwards_strides_are_for_copies_only() {
        let reversed = View::row_major(&[4]).slice(&[3], &[4], &[-1]);
        assert!(!accepts(&kernel("rvv.unary", ""), Operand::Input(Role::Data), &reversed));
    }
}
