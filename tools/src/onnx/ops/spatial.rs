//! Convolution and pooling. One spatial dimension is imported as H = 1.

use crate::onnx::node::{Node, Operand, Output, Outputs, dimension, product};
use ait_dialects::Activation;
use ait_ops::PoolFn;

/// A window over H and W: `[h, w]` each, pads `[top, left, bottom, right]`.
struct Window {
    kernel: [i64; 2],
    strides: [i64; 2],
    pads: [i64; 4],
    dilations: [i64; 2],
    /// Whether `auto_pad` decided the pads, and with them the size of the result.
    automatic: bool,
}

/// Bound on every number of a window.
const LIMIT: i64 = 1 << 24;

/// Number of spatial dimensions of `N x C x ...`: 1 or 2.
fn spatial_rank(shape: &[i64]) -> Result<usize, String> {
    match shape.len() {
        rank @ (3 | 4) => Ok(rank - 2),
        5 => Err("3-D windows are not supported, only 1-D and 2-D".into()),
        rank => Err(format!("needs an input of rank 3 or 4, not {rank}")),
    }
}

/// `N x C x L` as `N x C x 1 x L`; rank 4 as it is.
fn planar<'c, 'a>(node: &Node<'_, 'c, 'a>, operand: &Operand<'c, 'a>) -> Output<'c, 'a> {
    match operand.shape()?[..] {
        [n, c, l] => node.reshape(operand, &[n, c, 1, l]),
        _ => Ok(operand.clone()),
    }
}

/// Undoes [`planar`] where the node's operand had `rank` 3.
fn unplanar<'c, 'a>(node: &Node<'_, 'c, 'a>, operand: &Operand<'c, 'a>, rank: usize) -> Output<'c, 'a> {
    match operand.shape()?[..] {
        [n, c, 1, l] if rank == 3 => node.reshape(operand, &[n, c, l]),
        _ => Ok(operand.clone()),
    }
}

/// Two values from one per spatial dimension, `missing` for H where there is only W.
fn pair(values: &[i64], missing: i64) -> [i64; 2] {
    match *values {
        [h, w] => [h, w],
        [w] => [missing, w],
        _ => [missing; 2],
    }
}

impl Window {
    /// Reads a node's attributes for an input `N x C x ...` and a kernel of its spatial rank.
    fn new(node: &Node<'_, '_, '_>, shape: &[i64], kernel: &[i64], dilated: bool) -> Result<Self, String> {
        let rank = spatial_rank(shape)?;
        let attributes = &node.attributes;
        let values = |name: &str, count: usize, default: i64| {
            let values = attributes.ints(name)?.map_or_else(|| vec![default; count], <[i64]>::to_vec);
            if values.len() != count || values.iter().any(|&value| !(default..=LIMIT).contains(&value)) {
                return Err(format!("{name} {values:?} must be {count} numbers, each {default} to 2^24"));
            }
            Ok(values)
        };
        if kernel.len() != rank || kernel.iter().any(|&size| !(1..=LIMIT).contains(&size)) {
            return Err(format!("kernel_shape {kernel:?} must be {rank} numbers, each 1 to 2^24"));
        }
        let strides = values("strides", rank, 1)?;
        let dilations = if dilated { values("dilations", rank, 1)? } else { vec![1; rank] };
        let pads = values("pads", 2 * rank, 0)?;
        let mode = attributes.string("auto_pad", "NOTSET")?;
        if !matches!(mode, "" | "NOTSET") && pads.iter().any(|&pad| pad != 0) {
            return Err(format!("auto_pad {mode} together with pads"));
        }
        let same = |index: usize| {
            let (extent, stride) = (shape[2 + index], strides[index]);
            let reach = (kernel[index] - 1) * dilations[index] + 1;
            let outputs = (extent + stride - 1) / stride;
            ((outputs - 1) * stride + reach - extent).max(0)
        };
        let (begin, end): (Vec<i64>, Vec<i64>) = match mode {
            "" | "NOTSET" => (pads[..rank].to_vec(), pads[rank..].to_vec()),
            "VALID" => (vec![0; rank], vec![0; rank]),
            "SAME_UPPER" => (0..rank).map(|index| (same(index) / 2, (same(index) + 1) / 2)).unzip(),
            "SAME_LOWER" => (0..rank).map(|index| ((same(index) + 1) / 2, same(index) / 2)).unzip(),
            other => return Err(format!("auto_pad {other} is not known")),
        };
        let ([top, left], [bottom, right]) = (pair(&begin, 0), pair(&end, 0));
        Ok(Self {
            kernel: pair(kernel, 1),
            strides: pair(&strides, 1),
            pads: [top, left, bottom, right],
            dilations: pair(&dilations, 1),
            automatic: !matches!(mode, "" | "NOTSET"),
        })
    }

    /// A window that exceeds the padded input (`size` is that of `[h, w]`), though by less than a stride, as ONNX Runtime
    /// pools with it: once, over the taps that are inside. It divides toward zero where ONNX says floor. A mean that
    /// `counts_all` taps is over the others too, as over padding.
    fn clipped(mut self, size: [i64; 2], counts_all: bool) -> Self {
        for (dim, size) in size.into_iter().enumerate() {
            let padded = size + self.pads[dim] + self.pads[dim + 2];
            let span = (self.kernel[dim] - 1) * self.dilations[dim] + 1;
            if !(1..self.strides[dim]).contains(&(span - padded)) {
                continue;
            }
            if counts_all {
                self.pads[dim + 2] += span - padded;
            } else {
                self.kernel[dim] = (padded - 1) / self.dilations[dim] + 1;
                self.strides[dim] = padded.min(LIMIT);
            }
        }
        self
    }
}

pub fn conv<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let (input, filter) = (node.input(0)?, node.input(1)?);
    let (shape, filter_shape) = (input.shape()?, filter.shape()?);
    spatial_rank(&shape)?;
    if filter_shape.len() != shape.len() {
        return Err(format!("cannot convolve {shape:?} with {filter_shape:?}"));
    }
    let kernel = &filter_shape[2..];
    if node.attributes.ints("kernel_shape")?.is_some_and(|declared| declared != kernel) {
        return Err(format!("kernel_shape is not that of the weights, {filter_shape:?}"));
    }
    let window = Window::new(node, &shape, kernel, true)?;
    let groups = node.attributes.int("group")?.unwrap_or(1);
    let bias = match node.optional(2) {
        Some(bias) => node.value(bias)?,
        None => node.zeros(filter_shape[0])?,
    };
    let operands = [node.value(&planar(node, input)?)?, node.value(&planar(node, filter)?)?, bias];
    let Window { strides, pads, dilations, .. } = window;
    let result =
        node.builder.conv2d(operands, None, strides, pads, dilations, groups, Activation::Identity)?;
    Ok(vec![unplanar(node, &Operand::Tensor(result), shape.len())?])
}

/// `count_include_pad` is given for average pools only.
fn pool<'c, 'a>(node: &Node<'_, 'c, 'a>, count_include_pad: Option<bool>) -> Outputs<'c, 'a> {
    let input = node.input(0)?;
    let shape = input.shape()?;
    let kernel = node.attributes.ints("kernel_shape")?.ok_or("attribute 'kernel_shape' is missing")?;
    let dilated = node.opset >= if count_include_pad.is_some() { 19 } else { 10 };
    let input = planar(node, input)?;
    let window = Window::new(node, &shape, kernel, dilated)?;
    let window = match input.shape()?[..] {
        // Before opset 19 ONNX Runtime's mean counts every tap of the kernel.
        [.., h, w] => window.clipped([h, w], count_include_pad == Some(true) && node.opset < 19),
        _ => window,
    };
    let ceil_mode = node.opset >= 10 && node.attributes.flag("ceil_mode", false)?;
    let result = node.builder.pool2d(
        node.value(&input)?,
        window.kernel,
        window.strides,
        window.pads,
        window.dilations,
        // With auto_pad the pads alone decide the size.
        ceil_mode && !window.automatic,
        count_include_pad,
    )?;
    Ok(vec![unplanar(node, &Operand::Tensor(result), shape.len())?])
}

pub fn max_pool<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    node.unused(1, "Indices")?;
    // It orders the indices only.
    node.attributes.flag("storage_order", false)?;
    pool(node, None)
}

pub fn average_pool<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    pool(node, Some(node.attributes.flag("count_include_pad", false)?))
}

/// Reduces the dimensions after the channel, which become 1.
fn global<'c, 'a>(node: &Node<'_, 'c, 'a>, function: PoolFn) -> Outputs<'c, 'a> {
    let rank = node.input(0)?.shape()?.len();
    if rank < 3 {
        return Err(format!("needs dimensions after the channel, not rank {rank}"));
    }
    Ok(vec![reduce_dims(node, function, &(2..rank).collect::<Vec<_>>())?])
}

/// Reduces ascending dimensions, which become 1. Other dimensions than H and W are brought there first.
fn reduce_dims<'c, 'a>(node: &Node<'_, 'c, 'a>, function: PoolFn, dims: &[usize]) -> Output<'c, 'a> {
    let input = node.input(0)?;
    let mut shape = input.shape()?;
    let plane = if shape.len() == 4 && dims == [2, 3] {
        input.clone()
    } else {
        let kept: Vec<usize> = (0..shape.len()).filter(|dim| !dims.contains(dim)).collect();
        let extents = |dims: &[usize]| product(&dims.iter().map(|&dim| shape[dim]).collect::<Vec<_>>());
        // N and C stay apart where they are what is kept, so that batches stay batches.
        let [n, c] = if let [0, 1] = kept[..] { [shape[0], shape[1]] } else { [1, extents(&kept)?] };
        let plane = [n, c, 1, extents(dims)?];
        let order: Vec<i64> = kept.iter().chain(dims).map(|&dim| dim as i64).collect();
        node.reshape(&node.transpose(input, &order)?, &plane)?
    };
    let result = Operand::Tensor(node.builder.global_pool(function, node.value(&plane)?)?);
    dims.iter().for_each(|&dim| shape[dim] = 1);
    node.reshape(&result, &shape)
}

pub fn global_average_pool<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    global(node, PoolFn::Avg)
}

pub fn global_max_pool<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    global(node, PoolFn::Max)
}

pub fn reduce_mean<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    reduce(node, PoolFn::Avg)
}

pub fn reduce_max<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    reduce(node, PoolFn::Max)
}

fn reduce<'c, 'a>(node: &Node<'_, 'c, 'a>, function: PoolFn) -> Outputs<'c, 'a> {
    let input = node.input(0)?;
    let shape = input.shape()?;
    let keep = node.attributes.flag("keepdims", true)?;
    let noop = node.opset >= 18 && node.attributes.flag("noop_with_empty_axes", false)?;
    let axes = node.ints("axes", 1, 18)?.unwrap_or_default();
    if axes.is_empty() && noop {
        return Ok(vec![input.clone()]);
    }
    let mut dims =
        axes.iter().map(|&axis| dimension(axis, shape.len(), false)).collect::<Result<Vec<_>, _>>()?;
    if dims.is_empty() {
        dims = (0..shape.len()).collect();
    }
    dims.sort_unstable();
    dims.dedup();
    let reduced = reduce_dims(node, function, &dims)?;
    if keep {
        return Ok(vec![reduced]);
    }
    let kept = (0..shape.len()).filter(|dim| !dims.contains(dim)).map(|dim| shape[dim]);
    Ok(vec![node.reshape(&reduced, &kept.collect::<Vec<_>>())?])
}
