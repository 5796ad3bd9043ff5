//! Where the generated convolutions, dense and sparse, read their input.

use ait_dialects::{
    Layout, attributes,
    infer::{Order, Window},
};
use melior::ir::{Attribute, Value};

use super::{Site, pack::FilterShape};
use crate::{
    PassError,
    convolutions::convolution,
    cost::{Algorithm, Choice, Given, Sparsity},
    nm::Columns,
    rewrite::shape,
};

/// The input of a convolution as its kernel reads it.
pub struct ConvolutionInput<'c, 'a> {
    /// The input, or what `rvv.split_phases` made of it.
    pub value: Value<'c, 'a>,
    /// Of the reduction.
    pub order: Order,
    /// How it is computed.
    pub choice: Choice,
    /// Window, groups, epilogue, algorithm, unroll and lmul.
    pub attributes: Vec<(&'static str, Attribute<'c>)>,
}

impl<'c: 'a, 'a> ConvolutionInput<'c, 'a> {
    /// Chooses how to compute a convolution and makes the input for it.
    pub fn of(site: &Site<'c, 'a>, dims: FilterShape) -> Result<Self, PassError> {
        needs_adjacent_w(site)?;
        let window = attributes::window([dims.kh as i64, dims.kw as i64], &site.op);
        let window = window.map_err(|message| site.error(message))?;
        let mut geometry = site.attributes(&["strides", "pads", "dilations"])?;
        geometry.push(("kernel", attributes::i64_array(site.build.context(), &window.kernel)));
        let choice = choice(site, &window)?;
        let value = match choice.algorithm {
            Algorithm::Split => split(site, &window, choice.lmul, &geometry)?,
            _ => site.input(0)?,
        };
        let mut attributes = geometry;
        attributes.extend([
            site.attribute("groups")?,
            site.kernel_epilogue(site.activation()?),
            ("algorithm", site.string(choice.algorithm.name())),
            ("unroll", site.i64(choice.unroll)),
            ("lmul", site.i64(choice.lmul)),
        ]);
        Ok(Self { value, order: order(choice.algorithm, dims, site.pattern()?), choice, attributes })
    }
}

fn order(algorithm: Algorithm, dims: FilterShape, pattern: Option<Columns>) -> Order {
    let [taps, channels] = [dims.kh * dims.kw, dims.c].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    let all = taps.saturating_mul(channels);
    Order::of(algorithm, taps, channels, pattern.map_or(all, |pattern| pattern.kept_of(all)))
}

/// Vectors of these kernels run along W, which NHWC does not keep adjacent.
pub fn needs_adjacent_w(site: &Site) -> Result<(), PassError> {
    match site.layout {
        Layout::Nhwc => Err(site.error("has no generated kernel in NHWC, whose W is strided")),
        _ => Ok(()),
    }
}

/// The fastest way that the options and a mask's tile allow, by the tuning log or the static model.
fn choice(site: &Site, window: &Window) -> Result<Choice, PassError> {
    let fail = |message: String| site.error(message);
    let conv = convolution(site.op).map_err(fail)?;
    let pattern = site.pattern()?;
    let tile = match pattern {
        Some(pattern) => Some(pattern.tile),
        None => site.tile.map(|tile| tile.min(conv.rows().max(1))),
    };
    // A mask has fixed its tile: the group size gives way.
    let fits = |lmul: &i64| tile.is_none_or(|tile| (tile + 1) * lmul <= 32);
    let lmul = site
        .lmul
        .map(|most| [8, 4, 2, 1].into_iter().filter(|lmul| *lmul <= most).find(fits).unwrap_or(most));
    let given =
        Given { is_packed: is_packed(site, window)?, tile, lmul, unroll: site.unroll, most_tile: None };
    let sparsity = Sparsity::of(pattern);
    let picked = site.chooser.choose(&conv, sparsity, &given).map_err(|error| site.error(error))?;
    picked.map(|picked| picked.choice).ok_or_else(|| match tile {
        Some(tile) => site.error(format!("has tiles of {tile} rows, more than fit the 32 vector registers")),
        None => site.error("has no kernel that the options allow"),
    })
}

/// Whether the input must be packed or must not be; none if both are possible. A 1x1 convolution reads in place along the
/// positions of all images, which are one dense run in CNHW, and in NCHW if there is one image.
fn is_packed(site: &Site, window: &Window) -> Result<Option<bool>, PassError> {
    let is_one_run = site.layout == Layout::Cnhw || site.output.first() == Some(&1);
    match site.algorithm {
        "packed" => Ok(Some(true)),
        wanted if window.can_split() && (window.kernel != [1, 1] || is_one_run) => {
            Ok((wanted != "auto").then_some(false))
        }
        "auto" => Ok(Some(true)),
        _ if window.can_split() => Err(site
            .error("cannot read its input directly: the positions of several NCHW images are not one run")),
        _ => Err(site.error(format!("cannot read its input directly: more than {} taps", Window::MOST_TAPS))),
    }
}

fn split<'c: 'a, 'a>(
    site: &Site<'c, 'a>,
    window: &Window,
    lmul: i64,
    geometry: &[(&'static str, Attribute<'c>)],
) -> Result<Value<'c, 'a>, PassError> {
    let input = site.input(0)?;
    let dims =
        <[i64; 4]>::try_from(shape(site.op, input)?).map_err(|_| site.error("needs an input of rank 4"))?;
    let shape = window.split_shape(dims).map_err(|message| site.error(message))?;
    let mut attributes = geometry.to_vec();
    attributes.push(("lmul", site.i64(lmul)));
    site.emit_shape("rvv.split_phases", &shape, &[input], &attributes)
}
