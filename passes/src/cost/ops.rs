//! The static model of what is not a generated convolution: XNNPACK's, depthwise ones, and ops that are bound by memory.

use super::code::{Code, Stream};
use super::convolution::signed;
use super::{Convolution, ShapeError, Target};
use ait_cores::{Class, Level};

/// Rows and register group size of XNNPACK's f32 kernels, `gemm` and `igemm` 7x4v.
const XNN_ROWS: i64 = 7;
const XNN_LMUL: i64 = 4;
/// Group size of the kernels that only stream.
const STREAM_LMUL: i64 = 4;
/// Cycles to start an operator: its task is found, a kernel called.
const OPERATOR: f64 = 400.0;

impl Target {
    fn level(&self, bytes: f64) -> Option<Level> {
        let second = self.core.l2.map_or(0.0, |l2| f64::from(l2.size));
        Some(if bytes <= second / 2.0 { Level::L2 } else { Level::Memory })
    }

    fn lines(&self, bytes: f64) -> f64 {
        bytes / self.core.l1.map_or(64.0, |l1| f64::from(l1.line))
    }

    fn vlmax(&self, lmul: i64) -> i64 {
        (lmul * i64::from(self.vlen) / 32).max(1)
    }
}

/// XNNPACK's dense NHWC convolution (no vector kernel for depthwise ones: scalar code then).
///
/// # Errors
/// If the convolution does not exist.
pub fn xnn_convolution(target: &Target, conv: &Convolution) -> Result<f64, ShapeError> {
    let [n, _, h, w] = conv.output()?;
    let positions = n as f64 * h as f64 * w as f64;
    if conv.is_depthwise() {
        // Per tap and output two loads, an address and a product.
        let macs = conv.macs()? as f64;
        return Ok(OPERATOR + 4.5 * macs / f64::from(target.threads.max(1)));
    }
    let (columns, groups) = (conv.columns() as f64, conv.groups as f64);
    let panels = (conv.rows() as f64 / target.vlmax(XNN_LMUL) as f64).ceil();
    let weights = target.level(4.0 * columns * conv.rows() as f64);
    let step = xnn_step(target, weights);
    let output = Stream::streamed(
        target.lines(4.0 * target.vlmax(XNN_LMUL) as f64),
        target.level(4.0 * positions * conv.filter[0] as f64),
    );
    let mut code = Code::new(&target.core, XNN_LMUL);
    code.scalars(40);
    code.vectors(Class::VectorMove, XNN_ROWS);
    code.vectors(Class::VectorFp, 2 * XNN_ROWS);
    code.rows(Class::StoreUnit, XNN_ROWS, output);
    // A tap of an indirect product: seven pointers.
    let taps = if conv.window().kernel == [1, 1] { 1.0 } else { columns / conv.filter[1].max(1) as f64 };
    let tile = columns * step + taps * 30.0 + code.cycles();
    Ok(OPERATOR
        + groups * (positions / XNN_ROWS as f64).ceil() * panels * tile / f64::from(target.threads.max(1)))
}

/// A step of the reduction: a vector of weights, and for each row a scalar, its address and a product.
fn xnn_step(target: &Target, weights: Option<Level>) -> f64 {
    let stream = Stream::streamed(target.lines(4.0 * target.vlmax(XNN_LMUL) as f64), weights);
    let mut code = Code::new(&target.core, XNN_LMUL);
    let steps = 16;
    for _ in 0..steps {
        code.product(XNN_ROWS, stream);
    }
    code.cycles() / f64::from(steps)
}

/// A generated depthwise convolution in CNHW.
///
/// # Errors
/// If the convolution does not exist.
pub fn depthwise(target: &Target, conv: &Convolution) -> Result<f64, ShapeError> {
    let [n, k, h, w] = conv.output()?.map(signed);
    let vlmax = target.vlmax(STREAM_LMUL);
    let strips = w / vlmax + i64::from(w % vlmax != 0);
    let taps = conv.columns();
    let (read, written) = (conv.input.map(signed), [n, k, h, w]);
    let bytes = |dims: [i64; 4]| 4.0 * dims.iter().map(|&dim| dim as f64).product::<f64>();
    let per_strip = |dims: [i64; 4]| target.lines(bytes(dims)) / (n * k * h * strips).max(1) as f64;
    let loads = Stream::streamed(per_strip(read) / taps.max(1) as f64, target.level(bytes(read)));
    let stores = Stream::streamed(per_strip(written), target.level(bytes(written)));
    let mut code = Code::new(&target.core, STREAM_LMUL);
    code.scalars(6);
    let load = if conv.strides[1] == 1 { Class::LoadUnit } else { Class::LoadStrided };
    code.rows(load, taps, loads);
    code.vectors(Class::VectorFma, taps);
    code.vectors(Class::VectorFp, 1);
    code.rows(Class::StoreUnit, 1, stores);
    code.branch();
    let row = strips as f64 * code.cycles() + 12.0;
    Ok(OPERATOR + (n * k * h) as f64 * row / f64::from(target.threads.max(1)))
}

/// An op that reads and writes so many bytes once, with `vectors` vector instructions on each vector written:
/// element-wise ops, copies, pools. Where `strided`, it reads elements of a stride: a conversion of the layout.
pub fn streamed(target: &Target, read: f64, written: f64, vectors: i64, strided: bool) -> f64 {
    let vector = 4.0 * target.vlmax(STREAM_LMUL) as f64;
    let loads = (read / written.max(1.0)).ceil().clamp(1.0, 64.0) as i64;
    let each = target.lines(read / written.max(1.0) * vector) / loads as f64;
    let (from, to) = (target.level(read), target.level(written));
    let load = if strided { Class::LoadStrided } else { Class::LoadUnit };
    let rounds = 8;
    let mut code = Code::new(&target.core, STREAM_LMUL);
    for _ in 0..rounds {
        code.rows(load, loads, Stream::streamed(each, from));
        code.vectors(Class::VectorFp, vectors);
        code.rows(Class::StoreUnit, 1, Stream::streamed(target.lines(vector), to));
        code.scalars(2);
        code.branch();
    }
    let one = code.cycles() / f64::from(rounds);
    OPERATOR + one * (written.max(1.0) / vector).ceil() / f64::from(target.threads.max(1))
}
