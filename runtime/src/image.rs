//! PNG and JPEG files as network inputs.

use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader};

use crate::tensor::{ShapeError, Tensor};

/// A resized image may not be longer than this; only absurd aspect ratios are.
const MAX_SIDE: u64 = 1 << 15;

/// How the channel values of an image, 0 to 255, become numbers: `(x * scale - mean) / std`.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalise {
    mean: [f32; 3],
    std: [f32; 3],
    scale: f32,
}

impl Normalise {
    /// `mean` and `std` have one value, or one for each of red, green, blue. `scale` is 1/255 for
    /// torchvision's networks.
    ///
    /// # Errors
    /// When there is another number of values, one is not finite, or `std` is zero.
    pub fn new(mean: &[f32], std: &[f32], scale: f32) -> Result<Self, ImageError> {
        let result = Self { mean: per_channel("mean", mean)?, std: per_channel("std", std)?, scale };
        if result.std.contains(&0.0) || !scale.is_finite() {
            return Err(ImageError::Options(format!(
                "std {std:?} may not be zero, nor scale {scale} infinite"
            )));
        }
        Ok(result)
    }
}

fn per_channel(name: &str, values: &[f32]) -> Result<[f32; 3], ImageError> {
    match *values {
        [x] if x.is_finite() => Ok([x; 3]),
        [r, g, b] if values.iter().all(|x| x.is_finite()) => Ok([r, g, b]),
        _ => Err(ImageError::Options(format!("{name} must be 1 or 3 finite values, not {values:?}"))),
    }
}

/// Why an image could not become a tensor.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file could not be read or decoded.
    #[error("{path}: {error}")]
    Decode {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: image::ImageError,
    },
    /// The options contradict each other or the image.
    #[error("{0}")]
    Options(String),
    /// The tensor does not fit memory.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// The PNG or JPEG file `path` as an RGB tensor 1 x 3 x `height` x `width`.
///
/// The image is scaled (triangle filter, as Pillow's `BILINEAR`) to the smallest size of its aspect ratio
/// that covers the tensor, and its centre is cut out. Alpha is dropped; EXIF orientation is not applied.
///
/// # Errors
/// When the file is no PNG or JPEG, or the scaled image would be absurdly large.
pub fn read(path: &Path, height: usize, width: usize, normalise: &Normalise) -> Result<Tensor, ImageError> {
    let decode = |error| ImageError::Decode { path: path.to_owned(), error };
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
    let image = reader.map_err(|error| decode(error.into()))?.decode().map_err(decode)?;
    to_tensor(&image, height, width, normalise)
}

/// As [`read`], for an image in memory.
///
/// # Errors
/// When the scaled image would be absurdly large.
pub fn to_tensor(
    image: &DynamicImage,
    height: usize,
    width: usize,
    normalise: &Normalise,
) -> Result<Tensor, ImageError> {
    let Normalise { mean, std, scale } = normalise;
    let mut tensor = Tensor::zeros([1, 3, height, width])?;
    let pixels = fit(&image.to_rgb8().into(), height as u64, width as u64)?.into_rgb8();
    for (i, pixel) in pixels.pixels().enumerate() {
        for (c, &value) in pixel.0.iter().enumerate() {
            tensor.data_mut()[c * height * width + i] = (f32::from(value) * scale - mean[c]) / std[c];
        }
    }
    Ok(tensor)
}

/// The scaled centre of `image`, `crop_h` x `crop_w`.
fn fit(image: &DynamicImage, crop_h: u64, crop_w: u64) -> Result<DynamicImage, ImageError> {
    let (source_w, source_h) = (u64::from(image.width()), u64::from(image.height()));
    if [source_w, source_h, crop_w, crop_h].contains(&0) {
        return Err(ImageError::Options("an image or crop has no pixels".to_owned()));
    }
    // One side fits exactly, the other covers; the crop is at most MAX_SIDE, so nothing overflows.
    let (w, h) = if crop_w.saturating_mul(source_h) >= crop_h.saturating_mul(source_w) {
        (crop_w, (source_h.saturating_mul(crop_w) + source_w / 2) / source_w)
    } else {
        ((source_w.saturating_mul(crop_h) + source_h / 2) / source_h, crop_h)
    };
    let (w, h) = (w.max(crop_w), h.max(crop_h));
    if w.max(h) > MAX_SIDE {
        return Err(ImageError::Options(format!(
            "an image of {source_w}x{source_h} would be scaled to {w}x{h}; at most {MAX_SIDE} a side are possible"
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

    fn plain() -> Normalise {
        Normalise::new(&[0.0], &[1.0], 1.0).unwrap()
    }

    #[test]
    fn values_are_scaled_then_normalised_and_planar() {
        let normalise = Normalise::new(&[1.0, 0.0, 2.0], &[2.0, 1.0, 4.0], 0.5).unwrap();
        let tensor = to_tensor(&gradient(3, 2), 2, 3, &normalise).unwrap();
        assert_eq!(tensor.shape(), [1, 3, 2, 3]);
        let red = [-0.5, -0.25, 0.0, -0.5, -0.25, 0.0];
        let green = [0.0, 0.0, 0.0, 0.5, 0.5, 0.5];
        assert_eq!(tensor.data(), [red, green, [0.375; 6]].concat());
    }

    #[test]
    fn the_centre_is_cut_out() {
        let tensor = to_tensor(&gradient(40, 20), 20, 20, &plain()).unwrap();
        assert_eq!(&tensor.data()[..3], [10.0, 11.0, 12.0]);
    }

    #[test]
    fn any_aspect_ratio_covers() {
        for (w, h) in [(1, 1), (7, 3), (3, 7), (333, 500), (500, 333), (224, 225)] {
            assert_eq!(to_tensor(&gradient(w, h), 224, 96, &plain()).unwrap().shape(), [1, 3, 224, 96]);
        }
    }

    #[test]
    fn impossible_options_are_errors() {
        assert!(Normalise::new(&[0.0; 2], &[1.0], 1.0).is_err());
        assert!(Normalise::new(&[0.0], &[0.0], 1.0).is_err());
        assert!(Normalise::new(&[f32::NAN], &[1.0], 1.0).is_err());
        assert!(to_tensor(&gradient(16, 16), 8, 0, &plain()).is_err());
        assert!(to_tensor(&gradient(16, 16), usize::MAX, 8, &plain()).is_err());
        assert!(to_tensor(&gradient(1, 60000), 224, 224, &plain()).is_err());
    }

    #[test]
    fn files_that_are_no_images_are_errors() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("i.png");
        assert!(read(&path, 4, 4, &plain()).unwrap_err().to_string().contains("i.png"));
        std::fs::write(&path, b"\x89PNG\r\n\x1a\nnot really").unwrap();
        assert!(matches!(read(&path, 4, 4, &plain()), Err(ImageError::Decode { .. })));
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
             np.save({npy:?}, np.asarray(i, dtype=np.float32).transpose(2, 0, 1)[None, :, :, 10:50])"
        );
        let output =
            std::process::Command::new(crate::test_support::python()).args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let expected = crate::npy::read(&npy).unwrap();
        let got = read(&png, 40, 40, &plain()).unwrap();
        assert_eq!(got.shape(), expected.shape());
        let worst = got.data().iter().zip(expected.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= 1.0, "{worst}");
    }
}
