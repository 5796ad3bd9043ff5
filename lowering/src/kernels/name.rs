//! The symbol of a kernel: its parameters written out, and read back.
//!
//! `rvv_relu_in1x64x56x56.200704x3136x56x1_m4`: fields separated by `_`, each a key and a value. A family
//! lists its fields once, in `fields(&mut self, &mut Codec)`, which both writes and reads.

use super::rvv::{Lmul, Width};
use ait_dialects::{Activation, Epilogue, Nan};

/// A buffer as a kernel sees it: its shape and the elements from one index to the next per dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strided {
    /// Sizes, outermost first in logical order.
    pub shape: Vec<i64>,
    /// Strides in elements.
    pub strides: Vec<i64>,
}

impl Strided {
    /// A dense row-major buffer.
    pub fn dense(shape: &[i64]) -> Self {
        let strides = (0..shape.len()).map(|d| shape.iter().skip(d + 1).product()).collect();
        Self { shape: shape.to_vec(), strides }
    }

    /// Number of elements.
    pub fn elements(&self) -> i64 {
        self.shape.iter().product()
    }

    /// Size and stride of every dimension as arrays.
    ///
    /// # Errors
    /// If the rank is not `N`.
    pub fn dims<const N: usize>(&self, what: &str) -> Result<([i64; N], [i64; N]), String> {
        let wrong = |_| format!("{what} must have rank {N}, not {}", self.shape.len());
        Ok((
            self.shape.as_slice().try_into().map_err(wrong)?,
            self.strides.as_slice().try_into().map_err(wrong)?,
        ))
    }
}

/// Writes or reads the fields of a kernel's name.
pub enum Codec<'a> {
    /// Appends `_` key value.
    Write(String),
    /// Consumes fields in the same order.
    Read(std::str::Split<'a, char>),
}

impl<'a> Codec<'a> {
    /// A reader of `name`, the fields separated by `_`.
    pub fn reader(name: &'a str) -> Self {
        Self::Read(name.split('_'))
    }

    /// A field as text without `_`.
    ///
    /// # Errors
    /// When reading: if the field is missing or has another key.
    pub fn text(&mut self, key: &str, value: &mut String) -> Result<(), String> {
        match self {
            Self::Write(text) => {
                text.push('_');
                text.push_str(key);
                text.push_str(value);
            }
            Self::Read(fields) => {
                let field = fields.next().and_then(|field| field.strip_prefix(key));
                *value = field.ok_or_else(|| format!("a kernel's name has no field '{key}'"))?.to_owned();
            }
        }
        Ok(())
    }

    fn field<T>(
        &mut self,
        key: &str,
        value: &mut T,
        write: impl Fn(&T) -> String,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<(), String> {
        let mut text = if matches!(self, Self::Write(_)) { write(value) } else { String::new() };
        self.text(key, &mut text)?;
        if matches!(self, Self::Read(_)) {
            *value = read(&text).ok_or_else(|| format!("'{text}' is no value of field '{key}'"))?;
        }
        Ok(())
    }

    /// An integer.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn int(&mut self, key: &str, value: &mut i64) -> Result<(), String> {
        self.field(key, value, |v| write_int(*v), read_int)
    }

    /// Truth as 0 or 1.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn bool(&mut self, key: &str, value: &mut bool) -> Result<(), String> {
        self.field(key, value, |v| u8::from(*v).to_string(), |text| Some(read_int(text)? != 0))
    }

    /// Integers separated by `x`.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn ints<const N: usize>(&mut self, key: &str, value: &mut [i64; N]) -> Result<(), String> {
        self.field(key, value, |v| write_ints(v), |text| read_ints(text)?.try_into().ok())
    }

    /// A window: kernel, strides, pads, dilations.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn window(
        &mut self,
        kernel: &mut [i64; 2],
        strides: &mut [i64; 2],
        pads: &mut [i64; 4],
        dilations: &mut [i64; 2],
    ) -> Result<(), String> {
        self.ints("k", kernel)?;
        self.ints("s", strides)?;
        self.ints("p", pads)?;
        self.ints("d", dilations)
    }

    /// A float by its bits.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn f32(&mut self, key: &str, value: &mut f32) -> Result<(), String> {
        self.field(key, value, |v| format!("{:08x}", v.to_bits()), read_f32)
    }

    /// A register group size.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn lmul(&mut self, value: &mut Lmul) -> Result<(), String> {
        self.field("m", value, |v| v.registers().to_string(), |text| Lmul::try_from(read_int(text)?).ok())
    }

    /// The size of an index.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn width(&mut self, key: &str, value: &mut Width) -> Result<(), String> {
        self.field(key, value, |v| v.bytes().to_string(), |text| Width::try_from(read_int(text)?).ok())
    }

    /// Shape `.` strides.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn strided(&mut self, key: &str, value: &mut Strided) -> Result<(), String> {
        self.field(key, value, write_strided, read_strided)
    }

    /// [`Self::strided`], or nothing but the key.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn maybe_strided(&mut self, key: &str, value: &mut Option<Strided>) -> Result<(), String> {
        let write = |v: &Option<Strided>| v.as_ref().map_or_else(String::new, write_strided);
        let read = |text: &str| if text.is_empty() { Some(None) } else { read_strided(text).map(Some) };
        self.field(key, value, write, read)
    }

    /// Name and parameters of an activation, and whether it ignores NaN.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn epilogue(&mut self, value: &mut Epilogue) -> Result<(), String> {
        let write = |v: &Epilogue| {
            let parameters = v.activation.parameters();
            let bits = parameters.iter().map(|(_, value)| format!("x{:08x}", value.to_bits()));
            let ignoring = if v.nan == Nan::Ignore { IGNORING } else { "" };
            v.activation.name().replace('_', ".") + &bits.collect::<String>() + ignoring
        };
        self.field("act.", value, write, |text| match text.strip_suffix(IGNORING) {
            Some(text) => Some(Epilogue { activation: read_activation(text)?, nan: Nan::Ignore }),
            None => read_activation(text).map(Epilogue::from),
        })
    }
}

/// What the name of an activation that ignores NaN ends in.
const IGNORING: &str = ".nnan";

fn write_int(value: i64) -> String {
    value.to_string().replace('-', "n")
}

fn read_int(text: &str) -> Option<i64> {
    text.replace('n', "-").parse().ok()
}

fn write_ints(values: &[i64]) -> String {
    values.iter().copied().map(write_int).collect::<Vec<_>>().join("x")
}

fn read_ints(text: &str) -> Option<Vec<i64>> {
    if text.is_empty() { Some(vec![]) } else { text.split('x').map(read_int).collect() }
}

fn read_f32(text: &str) -> Option<f32> {
    u32::from_str_radix(text, 16).ok().map(f32::from_bits)
}

fn write_strided(value: &Strided) -> String {
    format!("{}.{}", write_ints(&value.shape), write_ints(&value.strides))
}

fn read_strided(text: &str) -> Option<Strided> {
    let (shape, strides) = text.split_once('.')?;
    let strided = Strided { shape: read_ints(shape)?, strides: read_ints(strides)? };
    (strided.shape.len() == strided.strides.len()).then_some(strided)
}

fn read_activation(text: &str) -> Option<Activation> {
    let mut parts = text.split('x');
    let name = parts.next()?.replace('.', "_");
    let values: Vec<f32> = parts.map(read_f32).collect::<Option<_>>()?;
    // The kind says which parameters there are and in which order.
    let keys: Vec<_> = Activation::new(&name, |_| Some(0.0)).ok()?.parameters();
    let position = |key: &str| keys.iter().position(|(name, _)| *name == key);
    let activation = Activation::new(&name, |key| values.get(position(key)?).copied()).ok()?;
    (keys.len() == values.len()).then_some(activation)
}
