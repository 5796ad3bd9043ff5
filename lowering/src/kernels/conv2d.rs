//! `rvv.conv2d`: register-tiled convolution, vectors along output positions.
//!
//! The output of a group is `filter[rows x K] * im2col[K x positions]`, K the reduction over kh, kw, c. A task is
//! a block of positions times a block of row tiles. For every strip of VLMAX positions and every chunk of the
//! reduction it packs the chunk's im2col rows into the scratch, a *panel* that stays in cache, and runs all its
//! row tiles over it. A 1x1 convolution of stride 1 can read the rows in place ("direct").

mod pack;
mod task;
#[cfg(test)]
mod tests;

use super::Family;
use super::name::{Codec, Strided};
use super::rvv::{Lmul, Rvv};
use super::tile;
use ait_dialects::Activation;
use ait_dialects::attributes::Attributes;
use ait_dialects::infer::{Window, output_size};
use melior::ir::operation::OperationRef;

/// Bound on every number of a window, so that no product of two overflows.
const LIMIT: i64 = 1 << 24;
/// Positions of a task: VLMAX of LMUL 8 at VLEN 1024.
const BLOCK: i64 = 256;
/// A layer is cut into at least this many tasks if it has enough row tiles: a few per core.
const WANTED_TASKS: i64 = 16;
/// Fewest row tiles of a task, so that packing is a small part of it.
const LEAST_TILES: i64 = 4;
/// Bytes of a panel that leave room for the weights in a first-level cache of 32 KiB.
const PANEL_BYTES: i64 = 20 << 10;
/// Fewest steps of a chunk where vectors are long: accumulators are stored and loaded between chunks.
const LEAST_STEPS: i64 = 128;

/// Parameters of a convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2d {
    /// N x C x H x W, W stride 1.
    pub input: Strided,
    /// N x K x OH x OW, W stride 1.
    pub init: Strided,
    /// As `init`, if there is one.
    pub residual: Option<Strided>,
    /// [KH, KW]
    pub kernel: [i64; 2],
    /// [h, w]
    pub strides: [i64; 2],
    /// [top, left, bottom, right]
    pub pads: [i64; 4],
    /// [h, w]
    pub dilations: [i64; 2],
    /// Divides C and K.
    pub groups: i64,
    /// Applied last.
    pub epilogue: Activation,
    /// Whether rows are read in place.
    pub direct: bool,
    /// Output channels at once.
    pub tile: i64,
    /// Register group size.
    pub lmul: Lmul,
}

impl Default for Conv2d {
    fn default() -> Self {
        Self {
            input: Strided::default(),
            init: Strided::default(),
            residual: None,
            kernel: [1; 2],
            strides: [1; 2],
            pads: [0; 4],
            dilations: [1; 2],
            groups: 1,
            epilogue: Activation::Identity,
            direct: false,
            tile: 1,
            lmul: Lmul::M1,
        }
    }
}

/// Sizes and strides by name.
#[derive(Clone, Copy, Debug)]
struct Dims {
    batch: i64,
    /// Input channels of a group.
    channels: i64,
    height: i64,
    width: i64,
    /// Output channels of a group.
    rows: i64,
    out_height: i64,
    out_width: i64,
    /// [N, C, H, W] in elements.
    input: [i64; 4],
    /// [N, K, OH, OW] in elements.
    output: [i64; 4],
    /// As `output`, or zeros.
    residual: [i64; 4],
    /// Length of the reduction.
    steps: i64,
    /// Row tiles of a group.
    tiles: i64,
    /// Runs of positions that are adjacent in every buffer, and their length.
    segments: i64,
    segment: i64,
}

/// How a convolution is cut into tasks.
#[derive(Clone, Copy, Debug)]
struct Blocks {
    /// Blocks of positions of a segment.
    positions: i64,
    /// Blocks of row tiles of a group, and tiles of each.
    tiles: i64,
    tiles_each: i64,
}

fn ceil_div(a: i64, b: i64) -> i64 {
    (a + b - 1) / b
}

impl Conv2d {
    fn dims(&self) -> Result<Dims, String> {
        let ([batch, all_channels, height, width], input) = self.input.dims("input")?;
        let ([out_batch, all_rows, out_height, out_width], output) = self.init.dims("init")?;
        let residual = match &self.residual {
            Some(residual) if residual.shape != self.init.shape => {
                return Err("residual and init differ in shape".to_owned());
            }
            Some(residual) => residual.dims::<4>("residual")?.1,
            None => [0; 4],
        };
        let groups = self.groups;
        if groups < 1 || all_channels % groups != 0 || all_rows % groups != 0 || batch != out_batch {
            return Err(format!(
                "{groups} groups do not fit shapes {:?} and {:?}",
                self.input.shape, self.init.shape
            ));
        }
        let (channels, rows) = (all_channels / groups, all_rows / groups);
        if self.output_size([height, width])? != [out_height, out_width] {
            return Err(format!("shape {:?} of init does not fit", self.init.shape));
        }
        let [segments, segment] = self.segments(&[batch, out_height, out_width]);
        let dims = Dims {
            batch,
            channels,
            height,
            width,
            rows,
            out_height,
            out_width,
            input,
            output,
            residual,
            steps: (self.kernel[0] * self.kernel[1]).saturating_mul(channels),
            tiles: ceil_div(rows, self.tile),
            segments,
            segment,
        };
        Ok(dims)
    }

    /// [OH, OW] of an input of [H, W].
    fn output_size(&self, input: [i64; 2]) -> Result<[i64; 2], String> {
        let Self { kernel, strides, pads, dilations, .. } = *self;
        let window = Window { kernel, strides, pads, dilations };
        let within = |least, values: &[i64]| values.iter().all(|value| (least..=LIMIT).contains(value));
        if !within(1, &kernel) || !within(1, &strides) || !within(1, &dilations) || !within(0, &pads) {
            return Err(format!("{window:?} is out of range"));
        }
        let size = |dim: usize| output_size(input[dim], &window, dim, false);
        Ok([size(0)?, size(1)?])
    }

    /// The longest runs of positions [n, h, w] that are contiguous in every buffer of output shape:
    /// their number and length.
    fn segments(&self, positions: &[i64; 3]) -> [i64; 2] {
        let buffers = [Some(&self.init), self.residual.as_ref(), self.direct.then_some(&self.input)];
        let steps_by = |dim: usize, length: i64| {
            let step = |buffer: &Strided| buffer.strides.get(dim).is_some_and(|&stride| stride == length);
            buffers.into_iter().flatten().all(step)
        };
        let [n, h, w] = *positions;
        let (rows_follow, images_follow) = (h == 1 || steps_by(2, w), n == 1 || steps_by(0, h * w));
        match (rows_follow, images_follow) {
            (true, true) => [1, n * h * w],
            (true, false) => [n, h * w],
            (false, _) => [n * h, w],
        }
    }

    fn blocks(&self, dims: &Dims) -> Blocks {
        let positions = ceil_div(dims.segment, BLOCK);
        let wanted = ceil_div(WANTED_TASKS, (positions * dims.segments * self.groups).max(1));
        let most = (dims.tiles / LEAST_TILES).max(1);
        let tiles_each = ceil_div(dims.tiles, wanted.clamp(1, most));
        Blocks { positions, tiles: ceil_div(dims.tiles, tiles_each.max(1)), tiles_each }
    }

    /// Steps of the reduction that a panel holds where VLMAX elements are `bytes` long; even.
    fn panel_steps(bytes: i64) -> i64 {
        (PANEL_BYTES / bytes).max(LEAST_STEPS) & !1
    }
}

impl Family for Conv2d {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        let algorithm = op.string("algorithm")?;
        let direct = match algorithm.as_str() {
            "packed" => false,
            "direct" => true,
            _ => return Err(format!("algorithm must be \"packed\" or \"direct\", not \"{algorithm}\"")),
        };
        let mut buffers = buffers.into_iter();
        let mut next = |what: &str| buffers.next().ok_or_else(|| format!("{what} is missing"));
        let (input, filter, bias, init) = (next("input")?, next("filter")?, next("bias")?, next("init")?);
        let conv = Self {
            input,
            init,
            residual: buffers.next(),
            kernel: op.i64s("kernel")?,
            strides: op.i64s("strides")?,
            pads: op.i64s("pads")?,
            dilations: op.i64s("dilations")?,
            groups: op.i64("groups")?,
            epilogue: op.epilogue()?,
            direct,
            tile: op.i64("tile")?,
            lmul: Lmul::try_from(op.i64("lmul")?)?,
        };
        conv.check()?;
        let dims = conv.dims()?;
        let packed = (conv.groups * dims.tiles * conv.tile).saturating_mul(dims.steps);
        if filter.elements() != packed || bias.elements() != conv.groups * dims.rows {
            return Err(format!(
                "filter {:?} and bias {:?} do not have {packed} and {} elements",
                filter.shape,
                bias.shape,
                conv.groups * dims.rows
            ));
        }
        Ok(conv)
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        codec.bool("direct", &mut self.direct)?;
        codec.int("t", &mut self.tile)?;
        codec.lmul(&mut self.lmul)?;
        codec.ints("k", &mut self.kernel)?;
        codec.ints("s", &mut self.strides)?;
        codec.ints("p", &mut self.pads)?;
        codec.ints("d", &mut self.dilations)?;
        codec.int("g", &mut self.groups)?;
        codec.strided("in", &mut self.input)?;
        codec.strided("out", &mut self.init)?;
        codec.maybe_strided("res", &mut self.residual)?;
        codec.activation(&mut self.epilogue)
    }

    fn check(&self) -> Result<(), String> {
        tile::check(self.tile, self.lmul)?;
        let dims = self.dims()?;
        if dims.steps < 1 {
            return Err("the reduction is empty".to_owned());
        }
        let unit = |size: i64, strides: &[i64; 4]| size == 1 || strides[3] == 1;
        let residual = self.residual.is_none() || unit(dims.out_width, &dims.residual);
        if !unit(dims.width, &dims.input) || !unit(dims.out_width, &dims.output) || !residual {
            return Err("input, init and residual need stride 1 along W".to_owned());
        }
        let in_place = self.kernel == [1, 1] && self.strides == [1, 1] && self.pads == [0; 4];
        if self.direct && !in_place {
            return Err("algorithm \"direct\" needs kernel 1x1, stride 1 and no padding".to_owned());
        }
        Ok(())
    }

    fn tasks(&self) -> i64 {
        self.dims().map_or(0, |dims| {
            let blocks = self.blocks(&dims);
            self.groups * dims.segments * blocks.positions * blocks.tiles
        })
    }

    fn scratch_bytes(&self) -> i64 {
        if self.direct {
            return 0;
        }
        let steps = self.dims().map_or(0, |dims| dims.steps);
        let panel = |vlen| {
            let bytes = 4 * self.lmul.vlmax(vlen);
            bytes * Self::panel_steps(bytes).min(steps)
        };
        [128, 256, 512, 1024].into_iter().map(panel).max().unwrap_or(0)
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        if let Ok(dims) = self.dims() {
            task::emit(b, self, &dims, &self.blocks(&dims));
        }
    }
}
