//! `rvv.depthwise_conv2d`: vectors along W over packed planes ([`Plan`]).
//!
//! Memory order is free as long as it is worth it: any strides are right, W stride 1 is fast. A task is a band of rows
//! of one plane, or several small planes.

use super::Family;
use super::epilogue;
use super::name::{Codec, Strided};
use super::rvv::{Lmul, P, Rvv, X};
use super::window::{Op, Plan, Plane, Window};
use ait_dialects::Epilogue;
use ait_dialects::attributes::Attributes;
use melior::ir::operation::OperationRef;

/// Parameters of a depthwise convolution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DepthwiseConv2d {
    /// N x C x H x W, W stride 1
    pub input: Strided,
    /// N x K x OH x OW, W stride 1, K a multiple of C
    pub init: Strided,
    /// As `init`, if there is one.
    pub residual: Option<Strided>,
    /// KH, KW
    pub kernel: [i64; 2],
    /// h, w
    pub strides: [i64; 2],
    /// top, left, bottom, right
    pub pads: [i64; 4],
    /// h, w
    pub dilations: [i64; 2],
    /// Applied last.
    pub epilogue: Epilogue,
    /// Register group size, at most.
    pub lmul: Lmul,
}

/// N, C, H, W of a buffer and their strides.
pub type Planes = ([i64; 4], [i64; 4]);

/// Address of a plane.
pub fn plane<'c>(b: &Rvv<'c, '_>, base: P<'c>, strides: &[i64; 4], n: X<'c>, c: X<'c>) -> P<'c> {
    b.index(base, b.add(b.mul(n, strides[0]), b.mul(c, strides[1])))
}

impl DepthwiseConv2d {
    fn buffers(&self) -> Result<(Planes, Planes), String> {
        let (input, init) = (self.input.dims::<4>("input")?, self.init.dims::<4>("init")?);
        let ([n, c, ..], [out_n, k, ..]) = (input.0, init.0);
        if n < 1 || c < 1 || n != out_n || k < 1 || k % c != 0 {
            return Err(format!("K {k} is not a multiple of C {c}, or N {n} is not {out_n}"));
        }
        Ok((input, init))
    }

    fn plan(&self) -> Result<Plan, String> {
        let ((in_shape, in_strides), (out_shape, out_strides)) = self.buffers()?;
        let window = Window {
            input: [in_shape[2], in_shape[3]],
            output: [out_shape[2], out_shape[3]],
            kernel: self.kernel,
            strides: self.strides,
            pads: self.pads,
            dilations: self.dilations,
        };
        let strides = [[in_strides[2], in_strides[3]], [out_strides[2], out_strides[3]]];
        let light = epilogue::is_in_place(&self.epilogue);
        Plan::new(window, Op::Weighted, out_shape[0] * out_shape[1], strides, self.lmul, light)
    }
}

impl Family for DepthwiseConv2d {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        let mut buffers = buffers.into_iter();
        let mut next = |what: &str| buffers.next().ok_or_else(|| format!("{what} is missing"));
        let (input, filter, bias, init) = (next("input")?, next("filter")?, next("bias")?, next("init")?);
        let ([k, kh, kw], _) = filter.dims::<3>("filter")?;
        if filter != Strided::dense(&filter.shape)
            || bias != Strided::dense(&[k])
            || init.shape.get(1) != Some(&k)
        {
            return Err(format!(
                "filter {:?} and bias {:?} must be dense, K x KH x KW and K",
                filter.shape, bias.shape
            ));
        }
        Ok(Self {
            input,
            init,
            residual: buffers.next(),
            kernel: [kh, kw],
            strides: op.i64s("strides")?,
            pads: op.i64s("pads")?,
            dilations: op.i64s("dilations")?,
            epilogue: op.kernel_epilogue()?,
            lmul: Lmul::try_from(op.i64("lmul")?)?,
        })
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        codec.window(&mut self.kernel, &mut self.strides, &mut self.pads, &mut self.dilations)?;
        codec.lmul(&mut self.lmul)?;
        codec.strided("in", &mut self.input)?;
        codec.strided("out", &mut self.init)?;
        codec.maybe_strided("res", &mut self.residual)?;
        codec.epilogue(&mut self.epilogue)
    }

    fn check(&self) -> Result<(), String> {
        let ((in_shape, in_strides), (out_shape, out_strides)) = self.buffers()?;
        if let Some(residual) = &self.residual
            && residual.shape != self.init.shape
        {
            return Err("residual and init differ in shape".to_owned());
        }
        let unit = |shape: [i64; 4], strides: [i64; 4]| shape[3] == 1 || strides[3] == 1;
        if !unit(in_shape, in_strides) || !unit(out_shape, out_strides) {
            return Err("input and init need stride 1 along W (CNHW or NCHW memory order)".to_owned());
        }
        self.plan().map(drop)
    }

    fn tasks(&self) -> i64 {
        self.plan().map_or(0, |plan| plan.tasks())
    }

    fn scratch_bytes(&self) -> i64 {
        self.plan().map_or(0, |plan| plan.scratch_bytes())
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        let (Ok(plan), Ok(((in_shape, in_strides), (out_shape, out_strides)))) =
            (self.plan(), self.buffers())
        else {
            return;
        };
        let residual = self
            .residual
            .as_ref()
            .and_then(|residual| Some((residual.dims::<4>("residual").ok()?.1, b.arg(4))));
        let taps = self.kernel[0] * self.kernel[1];
        plan.emit(b, |index, emit| {
            let (n, k) = (b.div(index, out_shape[1]), b.rem(index, out_shape[1]));
            let residual = residual.map(|(strides, base)| (strides, plane(b, base, &strides, n, k)));
            emit(&Plane {
                input: plane(b, b.arg(0), &in_strides, n, b.div(k, out_shape[1] / in_shape[1])),
                output: plane(b, b.arg(3), &out_strides, n, k),
                weights: Some((b.index(b.arg(1), b.mul(k, taps)), b.flw(b.index(b.arg(2), k)))),
                finish: &|sums, row, column, vl| {
                    let sums = (0..).zip(sums).map(|(i, sum)| {
                        let Some((strides, base)) = residual else { return sum };
                        let row = b.mul(b.add(row, i), strides[2]);
                        let at = b.index(base, b.add(row, b.mul(column, strides[3])));
                        b.vfadd(sum, b.load(at, 4 * strides[3], vl), vl)
                    });
                    epilogue::apply_to_rows(b, &self.epilogue, sums.collect(), vl)
                },
            });
        });
    }
}

#[cfg(test)]
#[path = "depthwise_tests.rs"]
mod tests;
