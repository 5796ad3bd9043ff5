//! PNG and JPEG files as network inputs.

use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader};

use crate::tensor::{ShapeError, Tensor};

/// A resized image may not be longer than this; only absurd aspect ratios are.
const MAX_SIDE: u64 = 1 << 15;

/// How an image becomes a tensor.
///
/// It is scaled (triangle filter, as Pillow's `BILINEAR`) until its shorter side is `shorter_side`, the
/// centre is cut out, and a channel value `x` of 0 to 255 becomes `(x * scale - mean) / std`.
/// Alpha is dropped; EXIF orientation is not applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocess {
    /// 3 for red, green, blue; 1 for luma.
    pub channels: usize,
    /// The height of the tensor.
    pub height: usize,
    /// The width of the tensor.
    pub width: usize,
    /// The shorter side of the scaled image; without it, the smallest that covers the tensor.
    pub shorter_side: Option<usize>,
    /// The factor for 0 to 255; torchvision's networks want 1/255.
    pub scale: f32,
    /// One value, or one per channel.
    pub mean: Vec<f32>,
    /// One value, or one per channel.
    pub std: Vec<f32>,
}

impl Preprocess {
    /// RGB, `height` x `width`, values 0 to 255 unchanged.
    pub fn new(height: usize, width: usize) -> Self {
        Self { channels: 3, height, width, shorter_side: None, scale: 1.0, mean: vec![0.0], std: vec![1.0] }
    }
}

/// Why an image could not become a tensor.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file could not be read or decoded.
    #[error("{path}: {source}")]
    Decode {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: image::ImageError,
    },
    /// The options contradict each other or the image.
    #[error("{0}")]
    Options(String),
    /// The tensor does not fit memory.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// The image `path` as a tensor 1 x channels x height x width.
///
/// # Errors
/// When the file is no PNG or JPEG, or the options do not fit each other or the image.
pub fn load(path: &Path, options: &Preprocess) -> Result<Tensor, ImageError> {
    let decode = |source| ImageError::Decode { path: path.to_owned(), source };
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
    let image = reader.map_err(|error| decode(error.into()))?.decode().map_err(decode)?;
    to_tensor(&image, options)
}

/// `image` as a tensor 1 x channels x height x width.
///
/// # Errors
/// When the options do not fit each other or the image.
pub fn to_tensor(image: &DynamicImage, options: &Preprocess) -> Result<Tensor, ImageError> {
    let &Preprocess { channels, height, width, scale, .. } = options;
    let mean = per_channel("mean", &options.mean, channels)?;
    let std = per_channel("std", &options.std, channels)?;
    let mut tensor = Tensor::zeros([1, channels, height, width])?;
    let interleaved = match channels {
        1 => fit(&image.to_luma8().into(), options)?.into_luma8().into_raw(),
        3 => fit(&image.to_rgb8().into(), options)?.into_rgb8().into_raw(),
        _ => return Err(ImageError::Options(format!("an image has 1 or 3 channels, not {channels}"))),
    };
    for (i, pixel) in interleaved.chunks_exact(channels).enumerate() {
        for (c, &value) in pixel.iter().enumerate() {
            tensor.data_mut()[c * height * width + i] = (f32::from(value) * scale - mean[c]) / std[c];
        }
    }
    Ok(tensor)
}

fn per_channel(name: &str, values: &[f32], channels: usize) -> Result<Vec<f32>, ImageError> {
    let values = if values.len() == 1 { values.repeat(channels) } else { values.to_vec() };
    if values.len() != channels {
        return Err(ImageError::Options(format!(
            "{name} has {} values for {channels} channels",
            values.len()
        )));
    }
    if values.iter().any(|x| !x.is_finite() || name == "std" && *x == 0.0) {
        return Err(ImageError::Options(format!("{name} {values:?} must be finite, and std not zero")));
    }
    Ok(values)
}

/// The scaled centre of `image`, `height` x `width`.
fn fit(image: &DynamicImage, options: &Preprocess) -> Result<DynamicImage, ImageError> {
    let (source_w, source_h) = (u64::from(image.width()), u64::from(image.height()));
    let (crop_w, crop_h) = (options.width as u64, options.height as u64);
    if [source_w, source_h, crop_w, crop_h].contains(&0) {
        return Err(ImageError::Options("an image or crop has no pixels".to_owned()));
    }
    let shorter = source_w.min(source_h);
    let scaled = |side: u64, by: u64| (side.saturating_mul(by) + shorter / 2) / shorter;
    let target = match options.shorter_side {
        Some(side) => side as u64,
        // The scale is the larger of both ratios; rounding up keeps it covering.
        None => (crop_w.saturating_mul(shorter).div_ceil(source_w))
            .max(crop_h.saturating_mul(shorter).div_ceil(source_h)),
    };
    let (w, h) = (scaled(source_w, target), scaled(source_h, target));
    if w < crop_w || h < crop_h || w.max(h) > MAX_SIDE {
        return Err(ImageError::Options(format!(
            "an image of {source_w}x{source_h} scaled to {w}x{h} cannot give {crop_w}x{crop_h} (at most {MAX_SIDE} a side)"
        )));
    }
    let resized = image.resize_exact(w as u32, h as u32, FilterType::Triangle);
    Ok(resized.crop_imm(((w - crop_w) / 2) as u32, ((h - crop_h) / 2) as u32, crop_w as u32, crop_h as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    fn gradient(width: u32, height: u32) -> DynamicImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 7])).into()
    }

    #[test]
    fn values_are_scaled_then_normalised_and_planar() {
        let options = Preprocess {
            scale: 0.5,
            mean: vec![1.0, 0.0, 2.0],
            std: vec![2.0, 1.0, 4.0],
            ..Preprocess::new(2, 3)
        };
        let tensor = to_tensor(&gradient(3, 2), &options).unwrap();
        assert_eq!(tensor.shape(), [1, 3, 2, 3]);
        let red = [-0.5, -0.25, 0.0, -0.5, -0.25, 0.0];
        let green = [0.0, 0.0, 0.0, 0.5, 0.5, 0.5];
        assert_eq!(tensor.data(), [red, green, [0.375; 6]].concat());
    }

    #[test]
    fn the_centre_is_cut_out() {
        let tensor = to_tensor(&gradient(40, 20), &Preprocess::new(20, 20)).unwrap();
        assert_eq!(&tensor.data()[..3], [10.0, 11.0, 12.0]);
        let options = Preprocess { shorter_side: Some(20), ..Preprocess::new(10, 10) };
        let tensor = to_tensor(&gradient(40, 20), &options).unwrap();
        assert_eq!((tensor.data()[0], tensor.data()[100]), (15.0, 5.0));
    }

    #[test]
    fn any_aspect_ratio_covers() {
        for (w, h) in [(1, 1), (7, 3), (3, 7), (333, 500), (500, 333), (224, 225)] {
            assert_eq!(
                to_tensor(&gradient(w, h), &Preprocess::new(224, 96)).unwrap().shape(),
                [1, 3, 224, 96]
            );
        }
    }

    #[test]
    fn impossible_options_are_errors() {
        let base = Preprocess::new(8, 8);
        for bad in [
            Preprocess { channels: 4, ..base.clone() },
            Preprocess { mean: vec![0.0; 2], ..base.clone() },
            Preprocess { std: vec![0.0], ..base.clone() },
            Preprocess { shorter_side: Some(4), ..base.clone() },
            Preprocess { width: 0, ..base.clone() },
        ] {
            assert!(to_tensor(&gradient(16, 16), &bad).is_err(), "{bad:?}");
        }
        assert!(to_tensor(&gradient(1, 60000), &Preprocess::new(224, 224)).is_err());
    }

    #[test]
    fn scaling_agrees_with_pillow() {
        let directory = tempfile::tempdir().unwrap();
        let (png, npy) = (directory.path().join("i.png"), directory.path().join("i.npy"));
        let image: DynamicImage =
            RgbImage::from_fn(101, 67, |x, y| Rgb([(x * x / 40) as u8, (y * 3) as u8, (x * y / 32) as u8]))
                .into();
        image.save(&png).unwrap();
        let script = format!(
            "import numpy as np; from PIL import Image\n\
             i = Image.open({png:?}).convert('RGB').resize((60, 40), Image.BILINEAR)\n\
             np.save({npy:?}, np.asarray(i, dtype=np.float32).transpose(2, 0, 1)[None, :, 4:36, 14:46])"
        );
        let output =
            std::process::Command::new(crate::test_support::python()).args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let expected = crate::npy::read(&npy).unwrap();
        let got = load(&png, &Preprocess { shorter_side: Some(40), ..Preprocess::new(32, 32) }).unwrap();
        assert_eq!(got.shape(), expected.shape());
        let worst = got.data().iter().zip(expected.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= 1.0, "{worst}");
    }
}
