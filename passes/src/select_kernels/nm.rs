//! Products with column-wise sparse weights.

use ait_dialects::{attributes, infer::Order, types};
use melior::ir::{Attribute, Value};

use super::convolution::ConvolutionInput;
use super::{Site, pack};
use crate::{
    PassError,
    nm::{Columns, Mask, Packed, Weights},
    rewrite::{constant_slice, shape},
};

type Selected<'c, 'a> = Result<Value<'c, 'a>, PassError>;

/// Implements a convolution or gemm whose weights have a pattern of sparsity.
pub fn select<'c: 'a, 'a>(site: &Site<'c, 'a>, kind: &str, pattern: Columns) -> Selected<'c, 'a> {
    match kind {
        "conv2d" => conv2d(site, pattern),
        "gemm" => gemm(site, pattern),
        _ => Err(site.error("has no kernel for sparse weights")),
    }
}

fn conv2d<'c: 'a, 'a>(site: &Site<'c, 'a>, pattern: Columns) -> Selected<'c, 'a> {
    let (dims, _) = site.filter()?;
    let input = ConvolutionInput::of(site, dims)?;
    let packed = packed(site, pattern, dims.groups as i64, &input.order)?;
    let [values, columns] = weights(site, &packed)?;
    let starts: Vec<_> = packed.starts.iter().map(|start| start.unsigned_abs()).collect();
    let starts = integers(site, &[packed.tiles, packed.segments + 1], 32, &starts)?;
    let mut operands = vec![input.value, values, columns, starts, site.input(2)?];
    operands.extend(site.residual());
    let mut attributes = input.attributes;
    attributes.extend([
        ("sparsity", attributes::of(site.build.context(), &pattern)),
        ("segment", site.i64(input.order.segment)),
    ]);
    site.emit("nm.conv2d", &operands, &attributes)
}

fn gemm<'c: 'a, 'a>(site: &Site<'c, 'a>, pattern: Columns) -> Selected<'c, 'a> {
    let k = shape(site.op, site.input(1)?)?.last().copied().unwrap_or(1);
    let packed = packed(site, pattern, 1, &Order::whole(k))?;
    let [values, columns] = weights(site, &packed)?;
    let mut operands = vec![site.input(0)?, values, columns, site.input(2)?];
    operands.extend(site.residual());
    let rows = site.output.iter().rev().nth(1).copied().unwrap_or(1);
    let rows = pack::balanced_tile(rows, site.most_tile().min(rows.max(1)));
    let attributes = [
        site.kernel_epilogue(site.activation()?),
        ("sparsity", attributes::of(site.build.context(), &pattern)),
        ("rows", site.i64(rows)),
        ("lmul", site.i64(site.lmul())),
    ];
    site.emit("nm.matmul", &operands, &attributes)
}

/// Packs the constant weights, operand 1.
fn packed(site: &Site, pattern: Columns, groups: i64, order: &Order) -> Result<Packed, PassError> {
    let value = site.input(1)?;
    let data = constant_slice(value).ok_or_else(|| site.error("needs constant sparse weights"))?;
    let fail = |message| site.error(message);
    let weights = Weights::from_filter(&shape(site.op, value)?, groups, &data).map_err(fail)?;
    let mask = Mask::of_zeros(&weights, pattern).map_err(fail)?;
    crate::nm::pack(&weights, &mask, order).map_err(|message| site.error(message))
}

/// The constants `values` and `columns`.
fn weights<'c: 'a, 'a>(site: &Site<'c, 'a>, packed: &Packed) -> Result<[Value<'c, 'a>; 2], PassError> {
    let Packed { tiles, kept, tile, .. } = *packed;
    let values = site.constant(&[tiles, kept, tile], &packed.values)?;
    Ok([values, integers(site, &[tiles, kept], packed.column_bits(), &packed.columns)?])
}

fn integers<'c: 'a, 'a>(site: &Site<'c, 'a>, shape: &[usize], bits: u32, data: &[u32]) -> Selected<'c, 'a> {
    let shape: Vec<_> = shape.iter().map(|&dim| dim as i64).collect();
    let value: Result<Attribute<'c>, String> =
        types::integers_attribute(site.build.context(), &shape, bits, data);
    let made = value.and_then(|value| site.build.constant_attribute(value));
    made.map_err(|message| site.error(message))
}
