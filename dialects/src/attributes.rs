//! Typed access to the attributes of an op, with errors that name what is missing.

use crate::{Activation, Epilogue, Nan};
use ait_ops::infer::Window;
use ait_ops::{Algorithm, Columns, Field};
use melior::Context;
use melior::ir::attribute::{
    BoolAttribute, DenseI64ArrayAttribute, DictionaryAttribute, FloatAttribute, IntegerAttribute,
    StringAttribute,
};
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::r#type::IntegerType;
use melior::ir::{Attribute, AttributeLike, Identifier, Type};

/// Attributes by name. ([`crate::read()`] reads them all.)
pub trait Attributes {
    /// The attribute, if there is one of this name.
    fn get(&self, name: &str) -> Option<Attribute<'_>>;

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
        activation(self.get("epilogue").ok_or("'epilogue' is missing")?)
    }

    /// The `epilogue` of a kernel, which may ignore NaN.
    ///
    /// # Errors
    /// If missing or malformed.
    fn kernel_epilogue(&self) -> Result<Epilogue, String> {
        epilogue(self.get("epilogue").ok_or("'epilogue' is missing")?)
    }
}

impl Attributes for OperationRef<'_, '_> {
    fn get(&self, name: &str) -> Option<Attribute<'_>> {
        self.attribute(name).ok()
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

/// The elements of an `array<i64: ...>`.
pub fn i64_array_value(attribute: Attribute<'_>) -> Option<Vec<i64>> {
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

/// Key of an epilogue that ignores NaN.
const NNAN: &str = "nnan";

/// The activation that a dictionary `{act = "clip", max = 6.0 : f32, min = 0.0 : f32}` names.
///
/// # Errors
/// Says what is wrong with the dictionary.
pub fn activation(attribute: Attribute<'_>) -> Result<Activation, String> {
    match epilogue(attribute)? {
        Epilogue { activation, nan: Nan::Propagate } => Ok(activation),
        Epilogue { nan: Nan::Ignore, .. } => {
            Err(format!("only the epilogue of a kernel may have '{NNAN}', not {attribute}"))
        }
    }
}

/// The epilogue of a kernel: as [`activation`], and `nnan` where it may ignore NaN.
///
/// # Errors
/// Says what is wrong with the dictionary.
pub fn epilogue(attribute: Attribute<'_>) -> Result<Epilogue, String> {
    let dictionary = DictionaryAttribute::try_from(attribute)
        .map_err(|_| format!("epilogue must be a dictionary, not {attribute}"))?;
    let act = dictionary.element_by_name("act").ok_or("epilogue has no 'act'")?;
    let act = string_value(act).ok_or("epilogue 'act' must be a string")?;
    let activation = Activation::new(&act, |key| dictionary.element_by_name(key).and_then(f32_value))?;
    let nan = match dictionary.element_by_name(NNAN) {
        None => Nan::Propagate,
        Some(unit) if unit.is_unit() => Nan::Ignore,
        Some(other) => return Err(format!("epilogue '{NNAN}' must be a unit, not {other}")),
    };
    if dictionary.len() != 1 + activation.parameters().len() + usize::from(nan == Nan::Ignore) {
        return Err(format!("activation {act} has unknown parameters in {attribute}"));
    }
    Ok(Epilogue { activation, nan })
}

/// The pattern `#nm.columns<n, m, tile>`.
///
/// # Errors
/// If it is not `#nm.columns` of three integers, or one is out of range.
pub fn columns(attribute: Attribute<'_>) -> Result<Columns, String> {
    let text = attribute.to_string();
    let wrong = || format!("{text} is not #nm.columns<n, m, tile>");
    let inner = text.strip_prefix("#nm.columns<").and_then(|rest| rest.strip_suffix('>'));
    let fields = inner.ok_or_else(wrong)?.split(", ").map(|field| {
        // MLIR prints an integer with its type.
        field.strip_suffix(" : i64").and_then(|value| value.parse().ok()).ok_or_else(wrong)
    });
    match fields.collect::<Result<Vec<i64>, _>>()?[..] {
        [n, m, tile] => Columns::new(n, m, tile),
        _ => Err(wrong()),
    }
}

/// The `algorithm` of an op.
///
/// # Errors
/// If it is missing or unknown.
pub fn algorithm(op: &OperationRef<'_, '_>) -> Result<Algorithm, String> {
    let word = op.string("algorithm")?;
    Algorithm::named(&word).ok_or_else(|| format!("has algorithm \"{word}\", which is not known"))
}

/// The window of a kernel, by the `strides`, `pads` and `dilations` of an op.
///
/// # Errors
/// Names the attribute that is missing or out of range.
pub fn window(kernel: [i64; 2], op: &OperationRef<'_, '_>) -> Result<Window, String> {
    Window::new(kernel, op.i64s("strides")?, op.i64s("pads")?, op.i64s("dilations")?)
}

/// A field of an op as an attribute.
pub fn of<'c>(context: &'c Context, field: &impl Field) -> Attribute<'c> {
    write(context, &field.attribute())
}

/// Writes an attribute.
///
/// # Panics
/// If the context lacks the `nm` dialect; [`crate::context()`] has it.
pub fn write<'c>(context: &'c Context, attribute: &ait_ops::Attribute) -> Attribute<'c> {
    match attribute {
        ait_ops::Attribute::Integer(value) => i64(context, *value),
        ait_ops::Attribute::Float(value) => f32(context, *value),
        ait_ops::Attribute::Flag(value) => bool(context, *value),
        ait_ops::Attribute::List(values) => i64_array(context, values),
        ait_ops::Attribute::Word(word) => string(context, word),
        ait_ops::Attribute::Epilogue(Epilogue { activation, nan }) => {
            let name = |text| Identifier::new(context, text);
            let mut entries = vec![(name("act"), string(context, activation.name()))];
            entries.extend(
                activation.parameters().into_iter().map(|(key, value)| (name(key), f32(context, value))),
            );
            if *nan == Nan::Ignore {
                entries.push((name(NNAN), Attribute::unit(context)));
            }
            DictionaryAttribute::new(context, &entries).into()
        }
        ait_ops::Attribute::Columns(pattern) => Attribute::parse(context, &pattern.to_string())
            .unwrap_or_else(|| unreachable!("{pattern} is an attribute")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_round_trip() {
        let context = crate::context();
        for activation in [
            Activation::Identity,
            Activation::LeakyRelu { alpha: 0.1 },
            Activation::Clip { min: 0.0, max: f32::INFINITY },
            Activation::HardSigmoid { alpha: 0.2, beta: 0.5 },
        ] {
            assert_eq!(super::activation(of(&context, &activation)), Ok(activation));
            for (_, nan) in Nan::ALL {
                let epilogue = Epilogue { activation, nan };
                assert_eq!(super::epilogue(of(&context, &epilogue)), Ok(epilogue));
            }
        }
        let ignoring = of(&context, &Epilogue { activation: Activation::Relu, nan: Nan::Ignore });
        assert_eq!(ignoring.to_string(), "{act = \"relu\", nnan}");
        let error = super::activation(ignoring).unwrap_err();
        assert_eq!(error, "only the epilogue of a kernel may have 'nnan', not {act = \"relu\", nnan}");
    }

    #[test]
    fn patterns_round_trip() {
        let context = crate::context();
        let pattern = Columns { n: 2, m: 4, tile: 7 };
        let attribute = of(&context, &pattern);
        assert_eq!(attribute.to_string(), "#nm.columns<2 : i64, 4 : i64, 7 : i64>");
        assert_eq!(columns(attribute), Ok(pattern));
    }

    #[test]
    fn bad_patterns_are_errors() {
        let context = crate::context();
        let error = |text: &str| columns(Attribute::parse(&context, text).unwrap()).unwrap_err();
        assert_eq!(error("#nm.columns<5, 4, 7>"), "#nm.columns<5, 4, 7> has n outside 1 to 4");
        assert_eq!(error("#nm.columns<0, 4, 7>"), "#nm.columns<0, 4, 7> has n outside 1 to 4");
        assert_eq!(error("#nm.columns<1, 0, 7>"), "#nm.columns<1, 0, 7> has m outside 1 to 536870912");
        assert_eq!(error("#nm.columns<1, 4, -1>"), "#nm.columns<1, 4, -1> has tile outside 1 to 536870912");
        assert!(error("#nm.columns<1 : i8, 4, 7>").contains("is not #nm.columns<n, m, tile>"));
        assert!(error("\"text\"").contains("is not #nm.columns<n, m, tile>"));
        assert!(Attribute::parse(&context, "#nm.columns<1, 4>").is_none());
    }
}
