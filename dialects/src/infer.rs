//! Shape rules: one per op, for the verifier, the builder and the e-graph.
//!
//! A rule is a function of operand shapes and attributes; messages continue "op ...".

mod blocks;
mod elementwise;
mod order;
mod shape_ops;
mod sparse;
mod window;

use crate::attributes::Attributes;
pub use blocks::{Blocks, Loops, MOST_POSITIONS, ceil_div, plane_stride};
pub use elementwise::broadcast;
pub use order::{Order, PACKED_SEGMENT};
pub use sparse::{Reduction, reduction};
pub use window::{Window, conv2d_shape, output_size};

/// What a rule knows about the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inferred {
    /// Its shape.
    Shape(Vec<i64>),
    /// Its number of elements only (`ait.reshape`).
    Elements(i64),
}

/// What an op infers, or why its operands and attributes do not fit.
pub type Rule = Result<Inferred, String>;

/// Applies the rule of the op called `name` to operand shapes in operand order.
///
/// # Errors
/// The rule that is broken, with the shapes and attributes involved.
pub fn infer(name: &str, shapes: &[&[i64]], attributes: &dyn Attributes) -> Rule {
    let (name, shapes) = match init_index(name) {
        Some(init) => return implementation(name, shapes, init, attributes),
        None => (name, shapes),
    };
    match name {
        "ait.constant" => constant(attributes),
        "ait.conv2d" => {
            let [n, c, h, w] = rank4(operand(shapes, 0)?, "input")?;
            let [k, cg, kh, kw] = rank4(operand(shapes, 1)?, "filter")?;
            let groups = attributes.i64("groups")?;
            attributes.epilogue()?;
            if groups < 1 || c != cg.checked_mul(groups).unwrap_or(-1) || k % groups != 0 {
                return Err(format!(
                    "cannot convolve {c} channels with a {k} x {cg} filter in {groups} groups"
                ));
            }
            exactly("bias", operand(shapes, 2)?, &[k])?;
            let window = Window::of([kh, kw], attributes)?;
            with_residual(shapes, 3, conv2d_shape([n, k, h, w], &window)?)
        }
        "ait.gemm" => {
            attributes.epilogue()?;
            let ([m, k], [n, filter_k]) = (rank2(operand(shapes, 0)?)?, rank2(operand(shapes, 1)?)?);
            if k != filter_k {
                return Err(format!("cannot multiply {m} x {k} with the transpose of {n} x {filter_k}"));
            }
            exactly("bias", operand(shapes, 2)?, &[n])?;
            with_residual(shapes, 3, vec![m, n])
        }
        "ait.matmul" => elementwise::matmul(operand(shapes, 0)?, operand(shapes, 1)?).map(Inferred::Shape),
        "ait.batch_norm" => {
            attributes.f32("epsilon")?;
            elementwise::per_channel(shapes, &["scale", "bias", "mean", "variance"])
        }
        "ait.scale_bias" => {
            attributes.epilogue()?;
            elementwise::per_channel(shapes, &["scale", "bias"])
        }
        "ait.activation" => {
            attributes.epilogue()?;
            same(shapes)
        }
        "ait.prelu" => elementwise::broadcast_into(operand(shapes, 0)?, operand(shapes, 1)?),
        "ait.add" | "ait.sub" | "ait.mul" | "ait.div" => {
            attributes.epilogue()?;
            broadcast(operand(shapes, 0)?, operand(shapes, 1)?).map(Inferred::Shape)
        }
        "ait.max_pool2d" | "ait.avg_pool2d" => {
            let input = rank4(operand(shapes, 0)?, "input")?;
            let window = Window::of(kernel(attributes)?, attributes)?;
            if name == "ait.avg_pool2d" {
                attributes.bool("count_include_pad")?;
            }
            window::pool2d_shape(input, &window, attributes.bool("ceil_mode")?).map(Inferred::Shape)
        }
        "ait.global_avg_pool" | "ait.global_max_pool" => global_pool(shapes),
        "ait.softmax" => {
            shape_ops::axis(attributes, operand(shapes, 0)?)?;
            same(shapes)
        }
        "ait.reshape" => crate::types::elements(operand(shapes, 0)?).map(Inferred::Elements),
        "ait.transpose" => shape_ops::transpose(operand(shapes, 0)?, &attributes.i64_array("permutation")?),
        "ait.concat" => shape_ops::concat(operand(shapes, 0)?, operand(shapes, 1)?, attributes),
        "ait.slice" => shape_ops::slice(operand(shapes, 0)?, attributes),
        "ait.pad" => shape_ops::pad(operand(shapes, 0)?, attributes),
        "ait.convert_layout" => rank4(operand(shapes, 0)?, "input").and_then(|_| same(shapes)),
        _ => Err(format!("'{name}' is not an op of ait, xnn, rvv or nm")),
    }
}

/// Which operand is the `init` of an op in destination-passing style.
pub fn init_index(name: &str) -> Option<usize> {
    Some(match name {
        "rvv.fill" => 0,
        "xnn.max_pool2d"
        | "xnn.avg_pool2d"
        | "xnn.global_avg_pool"
        | "xnn.unary"
        | "xnn.softmax"
        | "rvv.pool2d"
        | "rvv.global_pool"
        | "rvv.unary"
        | "rvv.softmax"
        | "rvv.split_phases"
        | "rvv.copy" => 1,
        "xnn.binary" | "rvv.binary" => 2,
        "xnn.conv2d"
        | "xnn.fully_connected"
        | "rvv.conv2d"
        | "rvv.depthwise_conv2d"
        | "rvv.matmul"
        | "rvv.scale_bias" => 3,
        "nm.matmul" => 4,
        "nm.conv2d" => 5,
        _ => return None,
    })
}

/// The rules of `xnn`, `rvv` and `nm`: those of `ait`, with packed filters; the result is `init`'s shape.
fn implementation(name: &str, shapes: &[&[i64]], init: usize, attributes: &dyn Attributes) -> Rule {
    let written = operand(shapes, init)?.to_vec();
    for text in ["fn", "algorithm"] {
        if let Some(value) = attributes.get(text) {
            known(name, text, value.to_string().trim_matches('"'))?;
        }
    }
    if attributes.get("epilogue").is_some() {
        match name.starts_with("xnn.") {
            true => attributes.epilogue().map(drop)?,
            false => attributes.kernel_epilogue().map(drop)?,
        }
    }
    registers(attributes)?;
    let inferred = match name {
        "xnn.conv2d" => {
            let [_, kh, kw, _] = rank4(operand(shapes, 1)?, "filter")?;
            window::implementation(shapes, 2, [kh, kw], attributes)?.shape
        }
        "rvv.conv2d" => {
            let convolution = window::implementation(shapes, 2, kernel(attributes)?, attributes)?;
            window::packed_filter(shapes, &convolution, attributes)?;
            convolution.shape
        }
        "nm.conv2d" => {
            let convolution = window::implementation(shapes, 4, kernel(attributes)?, attributes)?;
            sparse::conv2d(shapes, &convolution, attributes)?;
            convolution.shape
        }
        "nm.matmul" => sparse::matmul(shapes, attributes)?,
        "rvv.split_phases" => {
            let input = rank4(operand(shapes, 0)?, "input")?;
            Window::of(kernel(attributes)?, attributes)?.split_shape(input)?
        }
        "rvv.depthwise_conv2d" => {
            let [_, kh, kw] =
                <[i64; 3]>::try_from(operand(shapes, 1)?).map_err(|_| "needs a filter of rank 3")?;
            window::implementation(shapes, 2, [kh, kw], attributes)?.shape
        }
        "xnn.fully_connected" => {
            let ([m, k], [n, filter_k]) = (rank2(operand(shapes, 0)?)?, rank2(operand(shapes, 1)?)?);
            if k != filter_k {
                return Err(format!("cannot multiply {m} x {k} with the transpose of {n} x {filter_k}"));
            }
            vec![m, n]
        }
        "rvv.matmul" => elementwise::matmul(operand(shapes, 0)?, operand(shapes, 1)?)?,
        "xnn.binary" | "rvv.binary" => broadcast(operand(shapes, 0)?, operand(shapes, 1)?)?,
        "xnn.global_avg_pool" | "rvv.global_pool" => match global_pool(&shapes[..1])? {
            Inferred::Shape(shape) => shape,
            Inferred::Elements(_) => written.clone(),
        },
        // The window of a pool was rounded when the result's shape was made; see `Window`.
        "xnn.max_pool2d" | "xnn.avg_pool2d" | "rvv.pool2d" => {
            let input = rank4(operand(shapes, 0)?, "input")?;
            window::pool2d_written(input, &written, &Window::of(kernel(attributes)?, attributes)?)?
        }
        "rvv.fill" => written.clone(),
        _ => operand(shapes, 0)?.to_vec(),
    };
    exactly("init", &written, &inferred)?;
    let residual = shapes.get(init + 1);
    residual.map_or(Ok(()), |shape| exactly("residual", shape, &inferred))?;
    Ok(Inferred::Shape(inferred))
}

/// The register file has 32 registers: accumulator groups (`tile`, or `rows` of an `nm.matmul`) and one operand group
/// of `lmul`.
fn registers(attributes: &dyn Attributes) -> Result<(), String> {
    if attributes.get("lmul").is_none() {
        return Ok(());
    }
    let lmul = attributes.i64("lmul")?;
    if ![1, 2, 4, 8].contains(&lmul) {
        return Err(format!("has lmul {lmul}, which is not 1, 2, 4 or 8"));
    }
    for accumulators in ["tile", "rows"] {
        if attributes.get(accumulators).is_some() {
            fits_registers(attributes.i64(accumulators)?, lmul)?;
        }
    }
    if attributes.get("unroll").is_some() && ![1, 2, 4, 8].contains(&attributes.i64("unroll")?) {
        return Err(format!("has unroll {}, which is not 1, 2, 4 or 8", attributes.i64("unroll")?));
    }
    Ok(())
}

fn fits_registers(accumulators: i64, lmul: i64) -> Result<(), String> {
    if accumulators < 1 || accumulators >= 32 / lmul {
        return Err(format!("does not fit 32 vector registers: ({accumulators} + 1) * {lmul}"));
    }
    Ok(())
}

fn known(name: &str, attribute: &str, value: &str) -> Result<(), String> {
    let allowed: &[&str] = match (name, attribute) {
        ("xnn.binary", "fn") => &["add", "sub", "mul", "div"],
        ("rvv.binary", "fn") => &["add", "sub", "mul", "div", "prelu"],
        ("rvv.pool2d" | "rvv.global_pool", "fn") => &["max", "maxnum", "avg"],
        ("rvv.conv2d" | "nm.conv2d", "algorithm") => &["packed", "direct", "split"],
        _ => return Ok(()),
    };
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(format!("has {attribute} \"{value}\" where it knows {}", allowed.join(", ")))
}

fn constant(attributes: &dyn Attributes) -> Rule {
    use melior::ir::AttributeLike;
    let value = attributes.get("value").ok_or("has no value")?;
    if melior::ir::attribute::DenseElementsAttribute::try_from(value).is_err() {
        return Err("needs dense elements".into());
    }
    crate::types::shape(value.r#type()).map(Inferred::Shape)
}

fn global_pool(shapes: &[&[i64]]) -> Rule {
    let [n, c, h, w] = rank4(operand(shapes, 0)?, "input")?;
    if h == 0 || w == 0 {
        return Err(format!("pools over an empty image of {h} x {w}"));
    }
    Ok(Inferred::Shape(vec![n, c, 1, 1]))
}

fn kernel(attributes: &dyn Attributes) -> Result<[i64; 2], String> {
    attributes.i64_array("kernel")?.try_into().map_err(|_| "'kernel' must have 2 elements".to_string())
}

fn same(shapes: &[&[i64]]) -> Rule {
    Ok(Inferred::Shape(operand(shapes, 0)?.to_vec()))
}

fn with_residual(shapes: &[&[i64]], index: usize, result: Vec<i64>) -> Rule {
    if let Some(residual) = shapes.get(index) {
        exactly("residual", residual, &result)?;
    }
    Ok(Inferred::Shape(result))
}

fn operand<'s>(shapes: &[&'s [i64]], index: usize) -> Result<&'s [i64], String> {
    shapes.get(index).copied().ok_or_else(|| format!("needs operand {index}"))
}

fn rank4(shape: &[i64], what: &str) -> Result<[i64; 4], String> {
    shape.try_into().map_err(|_| format!("needs an {what} of rank 4, not {shape:?}"))
}

fn rank2(shape: &[i64]) -> Result<[i64; 2], String> {
    shape.try_into().map_err(|_| format!("needs matrices, not {shape:?}"))
}

fn exactly(what: &str, shape: &[i64], wanted: &[i64]) -> Result<(), String> {
    if shape == wanted {
        return Ok(());
    }
    Err(format!("needs {what} of shape {wanted:?}, not {shape:?}"))
}
