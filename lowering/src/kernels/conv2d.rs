//! `rvv.conv2d` and `nm.conv2d`: register-tiled convolution, vectors along output positions.
//!
//! The output of a group is `filter[rows x K] * im2col[K x positions]`, K the reduction over kh, kw, c. A task is
//! a block of positions times a block of row tiles. Where the im2col rows come from is the [`Algorithm`]: "packed" copies
//! chunks of the reduction into the scratch, a *panel* that stays in cache, which all the task's row tiles are multiplied
//! with; "direct" and "split" read the input in place, tap by tap, every tap at a constant offset. There the loops are, from
//! the outside, a few row tiles, chunks of channels ([`Order`]), strips of VLMAX positions, the tiles: a chunk's weights
//! and what it reads for a strip stay in a first-level cache, and the sums wait in the scratch for the next chunk. The
//! positions run along input rows: those behind the end of an output row are computed and then dropped (`store`). With sparse weights a step of the reduction is a kept column, found by its distance from the one before.

mod operands;
mod pack;
mod reduce;
mod store;
mod task;
#[cfg(test)]
mod tests;

use super::Family;
use super::name::{Codec, Strided};
use super::rvv::{Lmul, Rvv, Width};
use super::tile;
pub use ait_dialects::Algorithm;
use ait_dialects::Epilogue;
use ait_dialects::infer::{
    Blocks, Loops, MOST_POSITIONS, Order, PACKED_SEGMENT, Window, ceil_div, output_size,
};
use melior::ir::operation::OperationRef;
use operands::Operands;

/// Bound on every number of a window, so that no product of two overflows.
const LIMIT: i64 = 1 << 24;
/// Bytes of a panel that leave room for the weights in a first-level cache of 32 KiB.
const PANEL_BYTES: i64 = 20 << 10;
/// Fewest steps of a chunk where vectors are long (accumulators are stored and loaded between chunks), and the columns of
/// a segment of packed sparse weights: a chunk is a number of segments.
const LEAST_STEPS: i64 = PACKED_SEGMENT;
/// Where sums wait in the scratch: behind the mask and the one accumulator that makes room when outputs are moved together.
const WAITING: i64 = MASK_BYTES + 4 * MOST_POSITIONS;
/// Bytes of a strip's mask: a bit for each of VLMAX positions at LMUL 8 and VLEN 1024.
const MASK_BYTES: i64 = 64;

/// Bytes from one row of waiting sums to the next: those of a block, and a line of a cache, which spreads rows over its
/// sets.
fn waiting_step(blocks: &Blocks) -> i64 {
    4 * blocks.positions + 64
}

/// Packed column-wise sparse weights (`nm.td`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sparse {
    /// Columns of a tile.
    pub kept: i64,
    /// Size of a column's index.
    pub index: Width,
}

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
    pub epilogue: Epilogue,
    /// Where the vectors come from.
    pub algorithm: Algorithm,
    /// Output channels at once.
    pub tile: i64,
    /// Register group size.
    pub lmul: Lmul,
    /// Steps of the reduction in one iteration.
    pub unroll: i64,
    /// None: dense weights.
    pub sparse: Option<Sparse>,
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
            epilogue: Epilogue::default(),
            algorithm: Algorithm::Packed,
            tile: 1,
            lmul: Lmul::M1,
            unroll: 1,
            sparse: None,
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
    /// Of the reduction.
    order: Order,
    /// Row tiles of a group.
    tiles: i64,
    /// Runs of positions that are adjacent in every buffer, and their length.
    runs: i64,
    run: i64,
    /// Positions from one output row to the next in a run: more than `out_width` if the input is read in place and its
    /// rows are longer, so that some positions of a run are no outputs.
    pitch: i64,
}

impl Dims {
    /// Chunks of the reduction where the input is read in place.
    fn chunks(&self) -> i64 {
        self.order.channels / self.order.chunk
    }

    /// Whether some positions of a run are no outputs.
    fn has_gaps(&self) -> bool {
        self.pitch != self.out_width
    }
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
        let phases = self.phases();
        let fits = groups >= 1 && all_channels % groups.saturating_mul(phases) == 0 && all_rows % groups == 0;
        if !fits || batch != out_batch {
            return Err(format!(
                "{groups} groups do not fit shapes {:?} and {:?}",
                self.input.shape, self.init.shape
            ));
        }
        let (channels, rows) = (all_channels / groups / phases, all_rows / groups);
        if self.output_size([height, width])? != [out_height, out_width] {
            return Err(format!("shape {:?} of init does not fit", self.init.shape));
        }
        let in_place = self.algorithm != Algorithm::Packed;
        let taps = self.kernel[0] * self.kernel[1];
        let kept = self.sparse.map_or(taps.saturating_mul(channels), |sparse| sparse.kept);
        let mut dims = Dims {
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
            steps: taps.saturating_mul(channels),
            tiles: ceil_div(rows, self.tile),
            runs: 1,
            run: 0,
            pitch: if in_place { width } else { out_width },
            order: Order::of(self.algorithm, taps, channels, kept),
        };
        [dims.runs, dims.run] = self.runs(&dims);
        Ok(dims)
    }

    fn window(&self) -> Window {
        let Self { kernel, strides, pads, dilations, .. } = *self;
        Window { kernel, strides, pads, dilations }
    }

    /// Planes of the input that one channel became: those of `rvv.split_phases`.
    fn phases(&self) -> i64 {
        let count = |dim| i64::try_from(self.window().phases(dim).len()).unwrap_or(i64::MAX);
        if self.algorithm == Algorithm::Split { count(0).saturating_mul(count(1)) } else { 1 }
    }

    /// [OH, OW] of an input of [H, W].
    fn output_size(&self, input: [i64; 2]) -> Result<[i64; 2], String> {
        let window = self.window();
        let within = |least, values: &[i64]| values.iter().all(|value| (least..=LIMIT).contains(value));
        let Window { kernel, strides, pads, dilations } = window;
        if !within(1, &kernel) || !within(1, &strides) || !within(1, &dilations) || !within(0, &pads) {
            return Err(format!("{window:?} is out of range"));
        }
        if self.algorithm == Algorithm::Split {
            return Ok([0, 1].map(|dim| input[dim] - window.split_size(dim, 0)));
        }
        let size = |dim: usize| output_size(input[dim], &window, dim, false);
        Ok([size(0)?, size(1)?])
    }

    /// The longest runs of positions [n, h, w] that are contiguous in every buffer: their number and length.
    fn runs(&self, dims: &Dims) -> [i64; 2] {
        let (n, h, w) = (dims.batch, dims.out_height, dims.out_width);
        if dims.has_gaps() || dims.height != h && self.algorithm != Algorithm::Packed {
            return [n, (h - 1) * dims.pitch + w];
        }
        let input = (self.algorithm != Algorithm::Packed).then_some(&self.input);
        let buffers = [Some(&self.init), self.residual.as_ref(), input];
        let steps_by = |dim: usize, length: i64| {
            let step = |buffer: &Strided| buffer.strides.get(dim).is_some_and(|&stride| stride == length);
            buffers.into_iter().flatten().all(step)
        };
        let (rows_follow, images_follow) = (h == 1 || steps_by(2, w), n == 1 || steps_by(0, h * w));
        match (rows_follow, images_follow) {
            (true, true) => [1, n * h * w],
            (true, false) => [n, h * w],
            (false, _) => [n * h, w],
        }
    }

    fn blocks(&self, dims: &Dims) -> Blocks {
        Blocks::of(&Loops {
            runs: dims.runs,
            run: dims.run,
            groups: self.groups,
            tiles: dims.tiles,
            tile: self.tile,
            lmul: self.lmul.registers(),
            kept: self.sparse.map_or(dims.steps, |sparse| sparse.kept),
            order: dims.order,
            planes: (self.algorithm != Algorithm::Packed)
                .then(|| dims.channels.saturating_mul(self.phases())),
        })
    }

    /// Steps of the reduction that a panel holds where VLMAX elements are `bytes` long; whole segments of sparse weights.
    fn panel_steps(&self, bytes: i64) -> i64 {
        let unit = self.panel_unit();
        (PANEL_BYTES / bytes).max(LEAST_STEPS) / unit * unit
    }

    /// What the steps of a panel are a multiple of.
    fn panel_unit(&self) -> i64 {
        if self.sparse.is_some() { PACKED_SEGMENT } else { self.unroll }
    }

    /// Refuses buffers that the positions cannot run along.
    fn check_in_place(&self, dims: &Dims) -> Result<(), String> {
        if self.algorithm == Algorithm::Direct && (self.strides != [1; 2] || self.pads != [0; 4]) {
            return Err("algorithm \"direct\" needs stride 1 and no padding".to_owned());
        }
        if !self.window().can_split() {
            return Err(format!("a window of more than {} taps is not read in place", Window::MOST_TAPS));
        }
        let is_dense = |height: i64, width: i64, stride: i64| height == 1 || stride == width;
        let tall = dims.height != dims.out_height;
        if (dims.has_gaps() || tall) && !is_dense(dims.height, dims.width, dims.input[2]) {
            return Err("the input's rows must be adjacent where it is read in place".to_owned());
        }
        let outputs = [Some(dims.output), self.residual.is_some().then_some(dims.residual)];
        let dense = |strides: [i64; 4]| is_dense(dims.out_height, dims.out_width, strides[2]);
        if (dims.has_gaps() || tall) && !outputs.into_iter().flatten().all(dense) {
            return Err(
                "the rows of init and residual must be adjacent where the input is read in place".to_owned()
            );
        }
        Ok(())
    }
}

impl Family for Conv2d {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        operands::dense(op, buffers)
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        let mut algorithm = self.algorithm.name().to_owned();
        codec.text("", &mut algorithm)?;
        let unknown =
            || format!("algorithm must be \"packed\", \"direct\" or \"split\", not \"{algorithm}\"");
        self.algorithm = Algorithm::named(&algorithm).ok_or_else(unknown)?;
        codec.int("t", &mut self.tile)?;
        codec.lmul(&mut self.lmul)?;
        codec.int("u", &mut self.unroll)?;
        if let Some(sparse) = &mut self.sparse {
            codec.int("n", &mut sparse.kept)?;
            codec.width("i", &mut sparse.index)?;
        }
        codec.window(&mut self.kernel, &mut self.strides, &mut self.pads, &mut self.dilations)?;
        codec.int("g", &mut self.groups)?;
        codec.strided("in", &mut self.input)?;
        codec.strided("out", &mut self.init)?;
        codec.maybe_strided("res", &mut self.residual)?;
        codec.epilogue(&mut self.epilogue)
    }

    fn check(&self) -> Result<(), String> {
        tile::check(self.tile, self.lmul)?;
        if ![1, 2, 4, 8].contains(&self.unroll) {
            return Err(format!("unroll must be 1, 2, 4 or 8, not {}", self.unroll));
        }
        let dims = self.dims()?;
        if dims.steps < 1 {
            return Err("the reduction is empty".to_owned());
        }
        if let Some(Sparse { kept, .. }) = self.sparse
            && !(0..=dims.steps).contains(&kept)
        {
            return Err(format!("{kept} of {} columns cannot be kept", dims.steps));
        }
        let unit = |size: i64, strides: &[i64; 4]| size == 1 || strides[3] == 1;
        let residual = self.residual.is_none() || unit(dims.out_width, &dims.residual);
        if !unit(dims.width, &dims.input) || !unit(dims.out_width, &dims.output) || !residual {
            return Err("input, init and residual need stride 1 along W".to_owned());
        }
        if self.algorithm == Algorithm::Packed { Ok(()) } else { self.check_in_place(&dims) }
    }

    fn tasks(&self) -> i64 {
        self.dims().map_or(0, |dims| {
            let blocks = self.blocks(&dims);
            self.groups * dims.runs * blocks.runs * blocks.tiles
        })
    }

    fn scratch_bytes(&self) -> i64 {
        let vlmax_bytes = [128, 256, 512, 1024].map(|vlen| 4 * self.lmul.vlmax(vlen));
        let most = |bytes: &dyn Fn(i64) -> i64| vlmax_bytes.into_iter().map(bytes).max().unwrap_or(0);
        self.dims().map_or(0, |dims| match self.algorithm {
            Algorithm::Packed => most(&|bytes| bytes * self.panel_steps(bytes).min(dims.steps)),
            _ if dims.chunks() > 1 => {
                let blocks = self.blocks(&dims);
                WAITING + blocks.tiles_at_once * self.tile * waiting_step(&blocks)
            }
            _ if dims.has_gaps() => WAITING,
            _ => 0,
        })
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        if let Ok(dims) = self.dims() {
            task::emit(b, self, &dims, &self.blocks(&dims), &Operands::of(self));
        }
    }
}

/// [`Conv2d`] with sparse weights.
#[derive(Clone, Debug, PartialEq)]
pub struct NmConv2d(pub Conv2d);

impl Default for NmConv2d {
    fn default() -> Self {
        Self(Conv2d { sparse: Some(Sparse::default()), ..Conv2d::default() })
    }
}

impl Family for NmConv2d {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        operands::sparse(op, buffers).map(Self)
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        self.0.fields(codec)
    }

    fn check(&self) -> Result<(), String> {
        self.0.check()
    }

    fn tasks(&self) -> i64 {
        self.0.tasks()
    }

    fn scratch_bytes(&self) -> i64 {
        self.0.scratch_bytes()
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        self.0.body(b);
    }
}
