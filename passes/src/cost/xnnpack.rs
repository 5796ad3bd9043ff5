//! XNNPACK's f32 operators on tensors in NHWC, walked as its micro-kernels for RVV do them (version 2024-11-08): model cycles
//! of one thread, without starting.

use super::convolution::signed;
use super::generated::Taps;
use super::walk::{Walk, after};
use super::{Convolution, ShapeError, Target};
use ait_cores::Class;
use ait_dialects::infer::{Window, ceil_div};

/// Rows and register group size of `gemm` and `igemm`: 7x4v, and 1x4v for a single row.
const ROWS: i64 = 7;
const LMUL: i64 = 4;
/// Taps of the first pass of the poolings, 9p8x.
const POOL_LMUL: i64 = 2;
/// A convolution: depthwise ones by scalar code, the others as products of seven positions with panels of four registers
/// of output channels.
///
/// # Errors
/// If the convolution does not exist.
pub fn convolution(target: &Target, conv: &Convolution) -> Result<f64, ShapeError> {
    let map = Map::new(conv)?;
    Ok(if conv.is_depthwise() { map.depthwise(target) } else { map.product(target) })
}

/// A fully connected layer of `rows` rows.
pub fn fully_connected(target: &Target, [rows, depth, columns]: [i64; 3]) -> f64 {
    let size = |value: i64| usize::try_from(value).unwrap_or(1);
    let conv = Convolution {
        input: [1, size(depth), 1, size(rows)],
        filter: [size(columns), size(depth), 1, 1],
        strides: [1, 1],
        pads: [0; 4],
        dilations: [1, 1],
        groups: 1,
    };
    convolution(target, &conv).unwrap_or(f64::INFINITY)
}

/// Max or average pooling: pixel by pixel, vectors along the channels.
///
/// # Errors
/// If the window does not exist.
pub fn pool(target: &Target, window: &Convolution) -> Result<f64, ShapeError> {
    let map = Map::new(window)?;
    let taps = map.taps();
    let mut walk = Walk::new(target);
    walk.written(0, map.input_bytes());
    let to = after(map.input_bytes());
    Ok(walk.rounds(map.positions, |walk, position| {
        walk.set_lmul(POOL_LMUL);
        walk.scalars(2 * taps + 20);
        let pixels: Vec<i64> = (0..taps).filter_map(|tap| map.pixel(position, tap)).collect();
        for (channel, count) in walk.strips(map.channels) {
            for (index, pixel) in pixels.iter().enumerate() {
                walk.load(index as i64, pixel + 4 * channel, 4, count);
            }
            walk.scalars(taps + 3);
            for index in 1..taps {
                walk.vector(Class::VectorFp, index % 4, index);
            }
            (0..2).for_each(|_| walk.vector(Class::VectorFp, 0, 0));
            walk.store(0, to + 4 * (position * map.channels + channel), 4, count);
            walk.branch();
        }
    }))
}

/// Pooling by a generated kernel (`lowering/src/kernels/pool.rs`): pixel by pixel too, with loops over the taps.
///
/// # Errors
/// If the window does not exist.
pub fn channel_pool(target: &Target, window: &Convolution, taps: Taps) -> Result<f64, ShapeError> {
    let map = Map::new(window)?;
    let mut walk = Walk::new(target);
    walk.written(0, map.input_bytes());
    let to = after(map.input_bytes());
    Ok(walk.rounds(map.positions, |walk, position| {
        walk.set_row_lmul(map.channels, LMUL);
        walk.scalars(24);
        let pixels: Vec<i64> = (0..map.taps()).filter_map(|tap| map.pixel(position, tap)).collect();
        for (channel, count) in walk.strips(map.channels) {
            (0..taps.groups()).for_each(|group| walk.splat(group));
            for pixel in &pixels {
                walk.load(2, pixel + 4 * channel, 4, count);
                taps.combine(walk, [0, 1], 2);
                walk.scalars(3);
                walk.branch();
            }
            taps.finish(walk, [0, 1]);
            walk.store(0, to + 4 * (position * map.channels + channel), 4, count);
            walk.branch();
        }
    }))
}

/// The mean of all pixels: strips of channels, each down seven pixels at a time.
pub fn global_pool(target: &Target, [images, pixels, channels]: [i64; 3]) -> f64 {
    let mut walk = Walk::new(target);
    walk.written(0, 4 * images * pixels * channels);
    walk.set_lmul(LMUL);
    let strips = ceil_div(channels, walk.vlmax());
    let to = after(4 * images * pixels * channels);
    walk.rounds(images * strips, |walk, round| {
        let (image, channel) = (round / strips, round % strips * walk.vlmax());
        let count = walk.vlmax().min(channels - channel);
        for pixel in 0..pixels {
            walk.load(pixel % 6 + 1, 4 * ((image * pixels + pixel) * channels + channel), 4, count);
            walk.vector(Class::VectorFp, 0, pixel % 6 + 1);
            walk.scalars(2);
        }
        walk.store(0, to + 4 * (image * channels + channel), 4, count);
        walk.branch();
    })
}

/// Which pixels an output position reads.
struct Map {
    window: Window,
    input: [i64; 2],
    output: [i64; 2],
    images: i64,
    /// Of the input, and of the result.
    channels: i64,
    filters: i64,
    groups: i64,
    positions: i64,
}

impl Map {
    fn new(conv: &Convolution) -> Result<Self, ShapeError> {
        let [images, filters, out_h, out_w] = conv.output()?.map(signed);
        Ok(Self {
            window: conv.window(),
            input: [signed(conv.input[2]), signed(conv.input[3])],
            output: [out_h, out_w],
            images,
            channels: signed(conv.input[1]),
            filters,
            groups: signed(conv.groups).max(1),
            positions: images * out_h * out_w,
        })
    }

    fn taps(&self) -> i64 {
        self.window.kernel.iter().product()
    }

    fn input_bytes(&self) -> i64 {
        4 * self.images * self.channels * self.input[0] * self.input[1]
    }

    /// The address of a tap's pixel; none in the padding.
    fn pixel(&self, position: i64, tap: i64) -> Option<i64> {
        let ([out_h, out_w], Window { strides, pads, dilations, kernel }) = (self.output, self.window);
        let (image, oh, ow) = (position / (out_h * out_w), position / out_w % out_h, position % out_w);
        let at = |axis: usize, output: i64, tap: i64| {
            let index = output * strides[axis] - pads[axis] + tap * dilations[axis];
            (0..self.input[axis]).contains(&index).then_some(index)
        };
        let (y, x) = (at(0, oh, tap / kernel[1])?, at(1, ow, tap % kernel[1])?);
        Some(4 * self.channels * ((image * self.input[0] + y) * self.input[1] + x))
    }

    /// Scalar code, as compiled: of each channel ten weights and nine elements, two sums.
    fn depthwise(&self, target: &Target) -> f64 {
        let taps = self.taps();
        let mut walk = Walk::new(target);
        walk.written(0, self.input_bytes());
        let (weights, to) =
            (after(self.input_bytes()), after(self.input_bytes()) + after(4 * self.filters * (taps + 1)));
        let (zero, share) = (to + 4 * self.positions * self.filters, (self.filters / self.channels).max(1));
        // The rows in the middle have all their taps.
        let first = self.positions / 2;
        walk.rounds(self.positions, |walk, round| {
            let position = (first + round) % self.positions;
            walk.scalars(5 * taps);
            let pixels: Vec<Option<i64>> = (0..taps).map(|tap| self.pixel(position, tap)).collect();
            for filter in 0..self.filters {
                let weight = weights + 4 * filter * (taps + 1);
                walk.load_scalar(0, weight);
                // Loads are three taps ahead.
                for tap in 0..taps + 3 {
                    if let Some(pixel) = usize::try_from(tap).ok().and_then(|tap| pixels.get(tap)) {
                        walk.load_scalar(3 + tap % 8, pixel.unwrap_or(zero) + 4 * (filter / share));
                        walk.load_scalar(12 + tap % 8, weight + 4 * (tap + 1));
                    }
                    if tap >= 3 {
                        walk.scalar_fma(tap % 2, 3 + (tap - 3) % 8, 12 + (tap - 3) % 8);
                    }
                }
                walk.scalars(taps + 4);
                (0..3).for_each(|_| walk.scalar_fma(0, 1, 1));
                walk.store_scalar(0, to + 4 * (position * self.filters + filter));
                walk.branch();
            }
        })
    }

    /// Tiles of rows, each with all panels of weights. The first one brings the weights from memory; the others find
    /// them where they stayed.
    fn product(&self, target: &Target) -> f64 {
        let mut walk = Walk::new(target);
        walk.set_lmul(LMUL);
        let panel = walk.vlmax();
        let (channels, filters) = (self.channels / self.groups, self.filters / self.groups);
        let rows = ROWS.min(self.positions);
        let rows = if rows < ROWS && rows > 1 { ROWS } else { rows };
        let (tiles, panels) = (ceil_div(self.positions, rows), ceil_div(filters, panel));
        let bytes = 4 * self.taps() * channels * panel;
        let to = after(self.input_bytes());
        let weights = to + after(4 * self.positions * self.filters);
        let pointers = weights + after(bytes * panels);
        let tile = Tile { map: self, rows, channels, panel, weights, bytes, to, pointers };
        walk.written(0, self.input_bytes());
        // The tile before, whose pixels are read again.
        let middle = (tiles / 2).min(tiles - 1);
        let first = walk.rounds(panels, |walk, panel| tile.walk(walk, middle, panel));
        walk.read(weights, bytes * panels);
        let next = (middle + 1) % tiles;
        let others = walk.rounds(tiles * panels, |walk, round| {
            tile.walk(walk, (next + round / panels) % tiles, round % panels);
        });
        self.groups as f64 * (first + others * (tiles - 1) as f64 / tiles as f64)
    }
}

/// A tile of rows.
struct Tile<'a> {
    map: &'a Map,
    rows: i64,
    /// Of a group.
    channels: i64,
    /// Output channels of a panel.
    panel: i64,
    weights: i64,
    /// Of a panel.
    bytes: i64,
    to: i64,
    /// To the pixels of each tap of each position.
    pointers: i64,
}

impl Tile<'_> {
    fn walk(&self, walk: &mut Walk, tile: i64, panel: i64) {
        let (map, rows) = (self.map, self.rows);
        let positions: Vec<i64> = (0..rows).map(|row| (tile * rows + row).min(map.positions - 1)).collect();
        let zero = self.to - 64;
        let mut weights = self.weights + panel * self.bytes;
        walk.scalars(20);
        walk.load(0, weights, 4, self.panel);
        (1..rows).for_each(|row| walk.vector(Class::VectorMove, row + 1, 0));
        for tap in 0..map.taps() {
            if map.taps() > 1 {
                // Pointers, each compared with that of the zeros.
                for row in 0..rows {
                    walk.load_scalar(row, self.pointers + 8 * ((tile * map.taps() + tap) * rows + row));
                }
                walk.scalars(6 * rows);
            }
            let pixels: Vec<i64> =
                positions.iter().map(|&position| map.pixel(position, tap).unwrap_or(zero)).collect();
            for channel in 0..self.channels {
                for (row, pixel) in (0..).zip(&pixels) {
                    walk.load_scalar(row, pixel + 4 * channel);
                    walk.scalars(1);
                }
                walk.load(0, weights, 4, self.panel);
                walk.scalars(1);
                (0..rows).for_each(|row| walk.vector_scalar(Class::VectorFma, row + 1, row, 0));
                walk.branch();
                weights += 4 * self.panel;
            }
        }
        for row in (0..rows).chain(0..rows) {
            walk.vector(Class::VectorFp, row + 1, row + 1);
        }
        let count = self.panel.min(map.filters - panel * self.panel).max(1);
        for (row, position) in (0..).zip(&positions) {
            walk.scalars(1);
            walk.store(row + 1, self.to + 4 * (position * map.filters + panel * self.panel), 4, count);
        }
        walk.branch();
    }
}
