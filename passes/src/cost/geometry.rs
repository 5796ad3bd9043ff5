//! How a generated convolution walks over its work: the counts of `lowering/src/kernels/conv2d.rs`, in CNHW with
//! dense buffers.

use super::convolution::signed;
use super::{Algorithm, Choice, Convolution, ShapeError, Sparsity};
use ait_dialects::infer::{Blocks, Loops, Order, PACKED_SEGMENT, ceil_div, plane_stride};

/// Bytes of a panel.
const PANEL_BYTES: i64 = 20 << 10;

/// The loop nest of a choice.
#[derive(Clone, Debug)]
pub struct Geometry {
    /// Input channels of a group, taps, columns of the weights.
    pub channels: i64,
    pub taps: i64,
    pub columns: i64,
    /// Columns kept.
    pub kept: i64,
    /// Elements of a register group.
    pub vlmax: i64,
    /// Positions of the layer, and of a task.
    pub positions: i64,
    pub block: i64,
    /// Strips of a group: in all runs of positions.
    pub strips: i64,
    /// Row tiles of a group; rows of the last one.
    pub tiles: i64,
    pub last_rows: i64,
    /// Blocks of row tiles that a strip is visited for.
    pub tile_blocks: i64,
    /// Tasks of the layer.
    pub tasks: i64,
    /// Whether some positions of a strip are no outputs.
    pub has_gaps: bool,
    /// Elements from one input row to the next, where positions run along it.
    pub pitch: i64,
    /// Elements from one plane of the input to the next as the kernel reads it.
    pub plane: i64,
    /// Elements of a plane.
    pub plane_used: i64,
    /// Planes that a channel became.
    pub phases: i64,
    /// Output rows and columns, and images.
    pub output: [i64; 4],
    /// Of the reduction.
    pub order: Order,
    /// Reduction steps of a chunk: a panel where strips are packed, else all taps of a few channels.
    pub panel: i64,
    /// Row tiles that go through a chunk together, strip by strip; all where strips are packed.
    pub tiles_at_once: i64,
    /// Strips of such a block.
    pub strips_at_once: i64,
}

impl Geometry {
    /// The nest at a vector length in bits.
    pub fn new(
        vlen: u32,
        conv: &Convolution,
        sparsity: Sparsity,
        choice: &Choice,
    ) -> Result<Self, ShapeError> {
        let output = conv.output()?.map(signed);
        let [images, _, out_height, out_width] = output;
        let window = conv.window();
        let is_packed = choice.algorithm == Algorithm::Packed;
        let input = match choice.algorithm {
            Algorithm::Split => [window.split_size(0, out_height), window.split_size(1, out_width)],
            _ => [2, 3].map(|dim| signed(conv.input[dim])),
        };
        let phases = match choice.algorithm {
            Algorithm::Split => signed(window.phases(0).len() * window.phases(1).len()),
            _ => 1,
        };
        let has_gaps = !is_packed && input[1] != out_width;
        let is_tall = !is_packed && input[0] != out_height;
        let pitch = if is_packed { out_width } else { input[1] };
        let (runs, run) = match has_gaps || is_tall {
            true => (images, (out_height - 1) * pitch + out_width),
            false => (1, images * out_height * out_width),
        };
        let vlmax = (choice.lmul * i64::from(vlen) / 32).max(1);
        let (groups, rows, columns) = (signed(conv.groups), conv.rows(), conv.columns());
        let tiles = ceil_div(rows, choice.tile);
        let channels = signed(conv.filter[1]);
        let (taps, kept) = (columns / channels.max(1), sparsity.kept(columns));
        let order = Order::of(choice.algorithm, taps, channels, kept);
        let planes = (!is_packed).then(|| channels.saturating_mul(phases));
        let (tile, lmul) = (choice.tile, choice.lmul);
        let blocks = Blocks::of(&Loops { runs, run, groups, tiles, tile, lmul, kept, order, planes });
        let block = blocks.positions;
        let strips = runs * (run / block * ceil_div(block, vlmax) + ceil_div(run % block, vlmax));
        let plane = input[0] * input[1] * images;
        let panel =
            if is_packed { panel(vlmax, columns, sparsity, choice) } else { order.chunk * order.taps };
        Ok(Self {
            channels,
            taps,
            columns,
            kept,
            vlmax,
            positions: runs * run,
            block,
            strips,
            tiles,
            last_rows: rows - (tiles - 1) * choice.tile,
            tile_blocks: blocks.tiles,
            tasks: groups.saturating_mul(runs).saturating_mul(blocks.runs).saturating_mul(blocks.tiles),
            has_gaps,
            pitch,
            plane: if choice.algorithm == Algorithm::Split { plane_stride(plane) } else { plane },
            plane_used: plane,
            phases,
            output,
            order,
            panel,
            tiles_at_once: blocks.tiles_at_once,
            strips_at_once: if is_packed { 1 } else { ceil_div(run.min(block), vlmax) },
        })
    }

    /// Chunks of the reduction.
    pub fn chunks(&self) -> i64 {
        ceil_div(self.columns, self.panel)
    }

    /// Blocks of row tiles that a strip is visited for with each chunk.
    pub fn visits(&self) -> i64 {
        ceil_div(self.tiles, self.tiles_at_once)
    }

    /// Runs of kept columns that are multiplied in a loop of their own, of one tile and strip.
    pub fn runs(&self, is_dense: bool, is_packed: bool) -> i64 {
        match (is_packed, is_dense) {
            (true, true) => self.chunks(),
            _ => self.order.segments(),
        }
    }
}

/// Steps of a panel, as `Emitter::chunks` cuts them.
fn panel(vlmax: i64, columns: i64, sparsity: Sparsity, choice: &Choice) -> i64 {
    if columns <= PACKED_SEGMENT {
        return columns;
    }
    let unit = if sparsity.is_dense() { choice.unroll } else { PACKED_SEGMENT };
    ((PANEL_BYTES / (4 * vlmax)).max(PACKED_SEGMENT) / unit * unit).min(columns)
}
