//! Typed access to the attributes of an op, with errors that name what is missing.

use crate::{Activation, Epilogue};
use melior::Context;
use melior::ir::attribute::{
    BoolAttribute, DenseI64ArrayAttribute, FloatAttribute, IntegerAttribute, StringAttribute,
};
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::r#type::IntegerType;
use melior::ir::{Attribute, AttributeLike, Type};

/// Attributes by name, of an op or of anything that stands for one.
pub trait Attributes {
    /// The attribute, if there is one of this name. What stands for an op without being in MLIR has none, and answers
    /// the typed questions itself.
    fn get(&self, _name: &str) -> Option<Attribute<'_>> {
        None
    }

    /// Whether there is one of this name.
    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// `array<i64: ...>`.
    ///
    /// # Errors
    /// If missing or of another type.
    fn i64_array(&self, name: &str) -> Result<Vec<i64>, String> {
        self.get(name).and_then(i64_array_value).ok_or_else(|| format!("'{name}' must be array<i64>"))
    }

    /// `array<i64: ...>` of exactly `N` elements.
    ///
    /// # Errors
    /// If missing, of another type or another length.
    fn i64s<const N: usize>(&self, name: &str) -> Result<[i64; N], String>
    where
        Self: Sized,
    {
        self.i64_array(name)?.try_into().map_err(|_| format!("'{name}' must have {N} elements"))
    }

    /// `i64`.
    ///
    /// # Errors
    /// If missing or of another type.
    fn i64(&self, name: &str) -> Result<i64, String> {
        self.get(name)
            .and_then(|value| IntegerAttribute::try_from(value).ok())
            .map(|value| value.value())
            .ok_or_else(|| format!("'{name}' must be an i64"))
    }

    /// `f32`.
    ///
    /// # Errors
    /// If missing or of another type.
    fn f32(&self, name: &str) -> Result<f32, String> {
        self.get(name).and_then(f32_value).ok_or_else(|| format!("'{name}' must be an f32"))
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// If missing or of another type.
    fn bool(&self, name: &str) -> Result<bool, String> {
        self.get(name)
            .and_then(|value| BoolAttribute::try_from(value).ok())
            .map(|value| value.value())
            .ok_or_else(|| format!("'{name}' must be true or false"))
    }

    /// A string.
    ///
    /// # Errors
    /// If missing or of another type.
    fn string(&self, name: &str) -> Result<String, String> {
        self.get(name).and_then(string_value).ok_or_else(|| format!("'{name}' must be a string"))
    }

    /// The `epilogue`.
    ///
    /// # Errors
    /// If missing or malformed.
    fn epilogue(&self) -> Result<Activation, String> {
        Activation::from_attribute(self.get("epilogue").ok_or("'epilogue' is missing")?)
    }

    /// The `epilogue` of a kernel, which may ignore NaN.
    ///
    /// # Errors
    /// If missing or malformed.
    fn kernel_epilogue(&self) -> Result<Epilogue, String> {
        Epilogue::from_attribute(self.get("epilogue").ok_or("'epilogue' is missing")?)
    }
}

impl Attributes for OperationRef<'_, '_> {
    fn get(&self, name: &str) -> Option<Attribute<'_>> {
        self.attribute(name).ok()
    }
}

/// Attributes in a list of names and values.
impl Attributes for &[(&str, Attribute<'_>)] {
    fn get(&self, name: &str) -> Option<Attribute<'_>> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

/// The value of a string attribute that is UTF-8. (melior's accessor panics on other bytes.)
pub fn string_value(attribute: Attribute<'_>) -> Option<String> {
    StringAttribute::try_from(attribute).ok()?;
    // SAFETY: the attribute is a string attribute, whose bytes live as long as the context.
    let bytes = unsafe {
        let text = mlir_sys::mlirStringAttrGetValue(attribute.to_raw());
        if text.length == 0 {
            return Some(String::new());
        }
        std::slice::from_raw_parts(text.data.cast::<u8>(), text.length)
    };
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// The value of an `f32` attribute.
pub fn f32_value(attribute: Attribute<'_>) -> Option<f32> {
    let value = FloatAttribute::try_from(attribute).ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "an f32 was widened to f64")]
    Some(value.value() as f32)
}

fn i64_array_value(attribute: Attribute<'_>) -> Option<Vec<i64>> {
    let array = DenseI64ArrayAttribute::try_from(attribute).ok()?;
    (0..array.len()).map(|index| array.element(index).ok()).collect()
}

/// Makes `array<i64: ...>`.
pub fn i64_array<'c>(context: &'c Context, values: &[i64]) -> Attribute<'c> {
    DenseI64ArrayAttribute::new(context, values).into()
}

/// Makes an `i64`.
pub fn i64(context: &Context, value: i64) -> Attribute<'_> {
    IntegerAttribute::new(IntegerType::new(context, 64).into(), value).into()
}

/// Makes an `f32`.
pub fn f32(context: &Context, value: f32) -> Attribute<'_> {
    FloatAttribute::new(context, Type::float32(context), f64::from(value)).into()
}

/// Makes a `bool`.
pub fn bool(context: &Context, value: bool) -> Attribute<'_> {
    BoolAttribute::new(context, value).into()
}

/// Makes a string.
pub fn string<'c>(context: &'c Context, value: &str) -> Attribute<'c> {
    StringAttribute::new(context, value).into()
}
