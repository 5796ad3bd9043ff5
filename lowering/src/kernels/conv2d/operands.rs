//! The operands of the ops, as the kernel finds them in its arguments.

use super::{Conv2d, Sparse};
use crate::kernels::name::Strided;
use crate::kernels::rvv::Lmul;
use crate::kernels::{element_width, expect_elements};
use ait_dialects::attributes::{self, Attributes};
use melior::ir::operation::OperationRef;

/// Numbers of the arguments.
pub struct Operands {
    pub input: usize,
    /// Packed filter, or values.
    pub filter: usize,
    /// Columns and starts of sparse weights.
    pub columns: usize,
    pub starts: usize,
    pub bias: usize,
    pub init: usize,
    pub residual: usize,
}

impl Operands {
    pub fn of(conv: &Conv2d) -> Self {
        if conv.sparse.is_some() {
            Self { input: 0, filter: 1, columns: 2, starts: 3, bias: 4, init: 5, residual: 6 }
        } else {
            Self { input: 0, filter: 1, columns: 1, starts: 1, bias: 2, init: 3, residual: 4 }
        }
    }
}

/// Of `rvv.conv2d`.
pub fn dense(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Conv2d, String> {
    let mut conv = common(op)?;
    conv.tile = op.i64("tile")?;
    let weights = conv.place(buffers)?;
    let dims = conv.dims()?;
    let packed = (conv.groups * dims.tiles * conv.tile).saturating_mul(dims.steps);
    weights.iter().try_for_each(|filter| expect_elements("filter", filter, packed))?;
    Ok(conv)
}

/// Of `nm.conv2d`.
pub fn sparse(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Conv2d, String> {
    let sparsity = attributes::columns(op.get("sparsity").ok_or("'sparsity' is missing")?)?;
    let mut conv = common(op)?;
    conv.tile = sparsity.tile;
    conv.sparse = Some(Sparse::default());
    let weights = conv.place(buffers)?;
    let kept = sparsity.kept_of(conv.dims()?.steps);
    conv.sparse = Some(Sparse { kept, index: element_width(op, 2)? });
    let dims = conv.dims()?;
    if op.i64("segment")? != dims.order.segment {
        return Err(format!("segments must be of {} columns", dims.order.segment));
    }
    let tiles = conv.groups * dims.tiles;
    let sizes = [kept.saturating_mul(conv.tile), kept, dims.order.segments() + 1];
    for ((buffer, what), size) in weights.iter().zip(["values", "columns", "starts"]).zip(sizes) {
        expect_elements(what, buffer, tiles.saturating_mul(size))?;
    }
    Ok(conv)
}

/// What both ops spell alike.
fn common(op: OperationRef<'_, '_>) -> Result<Conv2d, String> {
    Ok(Conv2d {
        kernel: op.i64s("kernel")?,
        strides: op.i64s("strides")?,
        pads: op.i64s("pads")?,
        dilations: op.i64s("dilations")?,
        groups: op.i64("groups")?,
        epilogue: op.kernel_epilogue()?,
        algorithm: attributes::algorithm(&op)?,
        lmul: Lmul::try_from(op.i64("lmul")?)?,
        unroll: op.i64("unroll")?,
        ..Conv2d::default()
    })
}

impl Conv2d {
    /// Takes the buffers that the kernel is specialised on, checks the whole, and returns those of the weights.
    fn place(&mut self, buffers: Vec<Strided>) -> Result<Vec<Strided>, String> {
        let at = Operands::of(self);
        let get = |index: usize, what: &str| {
            buffers.get(index).cloned().ok_or_else(|| format!("{what} is missing"))
        };
        self.input = get(at.input, "input")?;
        self.init = get(at.init, "init")?;
        self.residual = buffers.get(at.residual).cloned();
        let bias = get(at.bias, "bias")?;
        crate::kernels::Family::check(self)?;
        expect_elements("bias", &bias, self.groups * self.dims()?.rows)?;
        Ok(buffers.into_iter().skip(at.filter).take(at.bias - at.filter).collect())
    }
}
