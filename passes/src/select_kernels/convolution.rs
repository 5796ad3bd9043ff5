//! Where the generated convolutions, dense and sparse, read their input.

use ait_dialects::{
    Layout, attributes,
    infer::{Order, Window},
};
use melior::ir::{Attribute, Value};

use super::{Site, pack::FilterShape};
use crate::{PassError, nm::Columns, rewrite::shape};

/// Steps of a run for which an iteration of 8 is worth while.
const LONG_RUN: i64 = 64;
/// Steps of a tap below which its loop costs more than packing.
const SHORT_RUN: i64 = 4;

/// The input of a convolution as its kernel reads it.
pub struct ConvolutionInput<'c, 'a> {
    /// The input, or what `rvv.split_phases` made of it.
    pub value: Value<'c, 'a>,
    /// Of the reduction.
    pub order: Order,
    /// Window, groups, epilogue, algorithm and unroll.
    pub attributes: Vec<(&'static str, Attribute<'c>)>,
}

impl<'c: 'a, 'a> ConvolutionInput<'c, 'a> {
    /// Chooses the algorithm and makes the input for it.
    pub fn of(site: &Site<'c, 'a>, dims: FilterShape) -> Result<Self, PassError> {
        needs_adjacent_w(site)?;
        let window = Window::of([dims.kh as i64, dims.kw as i64], &site.op);
        let window = window.map_err(|message| site.error(message))?;
        let mut geometry = site.attributes(&["strides", "pads", "dilations"])?;
        geometry.push(("kernel", attributes::i64_array(site.build.context(), &window.kernel)));
        let algorithm = algorithm(site, &window, dims)?;
        let value = match algorithm {
            "split" => split(site, &window, &geometry)?,
            _ => site.input(0)?,
        };
        let unroll = match site.unroll {
            Some(unroll) => unroll,
            None => unroll(site, algorithm, dims)?,
        };
        let mut attributes = geometry;
        attributes.extend(site.attributes(&["groups", "epilogue"])?);
        attributes.extend([("algorithm", site.string(algorithm)), ("unroll", site.i64(unroll))]);
        Ok(Self { value, order: order(algorithm, dims, site.pattern()?), attributes })
    }
}

/// Steps of an iteration: 8 where runs of the reduction are long, else 4, since what is left of a run goes step by step.
fn unroll(site: &Site, algorithm: &str, dims: FilterShape) -> Result<i64, PassError> {
    Ok(if steps(site, algorithm, dims)? >= LONG_RUN { 8 } else { 4 })
}

/// Steps of a run: columns of a segment, those that are kept if the weights are sparse.
fn steps(site: &Site, algorithm: &str, dims: FilterShape) -> Result<i64, PassError> {
    let order = order(algorithm, dims, site.pattern()?);
    let (run, all) = (order.segment, order.columns());
    let kept = site.pattern()?.map_or(all, |pattern| pattern.kept_of(all));
    Ok(kept.saturating_mul(run) / all.max(1))
}

fn order(algorithm: &str, dims: FilterShape, pattern: Option<Columns>) -> Order {
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

/// In place where no stride and no padding is in the way, else in place after a split by the strides. A 1x1 convolution
/// runs over the positions of all images, which are one dense run in CNHW, and in NCHW if there is one image. Packing is for
/// sparse weights of so few channels that next to nothing is left of a tap, and where reading in place is not possible.
fn algorithm(site: &Site, window: &Window, dims: FilterShape) -> Result<&'static str, PassError> {
    let is_one_run = site.layout == Layout::Cnhw || site.output.first() == Some(&1);
    let direct = if window.is_in_place() { "direct" } else { "split" };
    match site.algorithm {
        "packed" => Ok("packed"),
        "auto"
            if window.kernel != [1, 1]
                && site.pattern()?.is_some()
                && steps(site, direct, dims)? < SHORT_RUN =>
        {
            Ok("packed")
        }
        _ if window.can_split() && (window.kernel != [1, 1] || is_one_run) => Ok(direct),
        "auto" => Ok("packed"),
        _ if window.can_split() => Err(site
            .error("cannot read its input directly: the positions of several NCHW images are not one run")),
        _ => Err(site.error(format!("cannot read its input directly: more than {} taps", Window::MOST_TAPS))),
    }
}

fn split<'c: 'a, 'a>(
    site: &Site<'c, 'a>,
    window: &Window,
    geometry: &[(&'static str, Attribute<'c>)],
) -> Result<Value<'c, 'a>, PassError> {
    let input = site.input(0)?;
    let dims =
        <[i64; 4]>::try_from(shape(site.op, input)?).map_err(|_| site.error("needs an input of rank 4"))?;
    let shape = window.split_shape(dims).map_err(|message| site.error(message))?;
    let mut attributes = geometry.to_vec();
    attributes.push(("lmul", site.i64(site.lmul)));
    site.emit_shape("rvv.split_phases", &shape, &[input], &attributes)
}
