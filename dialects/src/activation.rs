//! The epilogue of an op: which function is applied to its result, element by element, and what becomes of NaN.

use crate::attributes;
use melior::Context;
use melior::ir::attribute::{DictionaryAttribute, FloatAttribute, StringAttribute};
use melior::ir::{Attribute, AttributeLike, Identifier, Type};
use std::str::FromStr;

/// An element-wise activation, written `{act = "clip", max = 6.0 : f32, min = 0.0 : f32}`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// x
    #[default]
    Identity,
    /// max(x, 0)
    Relu,
    /// x where x >= 0, else alpha * x
    LeakyRelu {
        /// Slope below zero.
        alpha: f32,
    },
    /// min(max(x, min), max); either bound may be infinite
    Clip {
        /// Lower bound.
        min: f32,
        /// Upper bound.
        max: f32,
    },
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// min(max(alpha * x + beta, 0), 1)
    HardSigmoid {
        /// Slope.
        alpha: f32,
        /// Offset.
        beta: f32,
    },
    /// x * hard_sigmoid(x) with alpha = 1/6, beta = 1/2
    HardSwish,
    /// tanh(x)
    Tanh,
    /// x * sigmoid(x)
    Silu,
    /// x where x >= 0, else alpha * (exp(x) - 1)
    Elu {
        /// Limit below zero, negated.
        alpha: f32,
    },
}

impl Activation {
    /// Name of the kind, as in `act = "relu"`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Relu => "relu",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Clip { .. } => "clip",
            Self::Sigmoid => "sigmoid",
            Self::HardSigmoid { .. } => "hard_sigmoid",
            Self::HardSwish => "hard_swish",
            Self::Tanh => "tanh",
            Self::Silu => "silu",
            Self::Elu { .. } => "elu",
        }
    }

    /// Parameters by name, in alphabetical order.
    pub fn parameters(&self) -> Vec<(&'static str, f32)> {
        match *self {
            Self::LeakyRelu { alpha } | Self::Elu { alpha } => vec![("alpha", alpha)],
            Self::Clip { min, max } => vec![("max", max), ("min", min)],
            Self::HardSigmoid { alpha, beta } => vec![("alpha", alpha), ("beta", beta)],
            _ => vec![],
        }
    }

    /// The activation of a kind with parameters looked up by name.
    ///
    /// # Errors
    /// Names an unknown kind or a missing parameter.
    pub fn new(name: &str, parameter: impl Fn(&str) -> Option<f32>) -> Result<Self, String> {
        let get = |key: &str| parameter(key).ok_or_else(|| format!("activation {name} needs f32 '{key}'"));
        Ok(match name {
            "identity" => Self::Identity,
            "relu" => Self::Relu,
            "leaky_relu" => Self::LeakyRelu { alpha: get("alpha")? },
            "clip" => Self::Clip { min: get("min")?, max: get("max")? },
            "sigmoid" => Self::Sigmoid,
            "hard_sigmoid" => Self::HardSigmoid { alpha: get("alpha")?, beta: get("beta")? },
            "hard_swish" => Self::HardSwish,
            "tanh" => Self::Tanh,
            "silu" => Self::Silu,
            "elu" => Self::Elu { alpha: get("alpha")? },
            _ => return Err(format!("unknown activation '{name}'")),
        })
    }

    /// The bounds if the activation is a clamp of any kind (identity: none at all).
    pub fn clamp(&self) -> Option<(f32, f32)> {
        match *self {
            Self::Identity => Some((f32::NEG_INFINITY, f32::INFINITY)),
            Self::Relu => Some((0.0, f32::INFINITY)),
            Self::Clip { min, max } => Some((min, max)),
            _ => None,
        }
    }

    /// As a dictionary attribute.
    pub fn to_attribute<'c>(&self, context: &'c Context) -> Attribute<'c> {
        Epilogue::from(*self).to_attribute(context)
    }

    /// From a dictionary attribute.
    ///
    /// # Errors
    /// Says what is wrong with the dictionary.
    pub fn from_attribute(attribute: Attribute<'_>) -> Result<Self, String> {
        match Epilogue::from_attribute(attribute)? {
            Epilogue { activation, nan: Nan::Propagate } => Ok(activation),
            Epilogue { nan: Nan::Ignore, .. } => {
                Err(format!("only the epilogue of a kernel may have '{NNAN}', not {attribute}"))
            }
        }
    }
}

/// What a kernel makes of a NaN among its operands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nan {
    /// The results that depend on it are NaN.
    #[default]
    Propagate,
    /// Clamps and maxima may take it for any number.
    Ignore,
}

impl Nan {
    /// Both by their names as options.
    pub const ALL: [(&str, Self); 2] = [("propagate", Self::Propagate), ("ignore", Self::Ignore)];
}

impl FromStr for Nan {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, nan)| *nan).ok_or_else(|| format!("NaN is to propagate or ignore, not '{name}'"))
    }
}

/// An activation as a kernel applies it, written `{act = "relu"}`, or `{act = "relu", nnan}` where NaN is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Epilogue {
    /// The function.
    pub activation: Activation,
    /// What becomes of NaN.
    pub nan: Nan,
}

impl From<Activation> for Epilogue {
    fn from(activation: Activation) -> Self {
        Self { activation, nan: Nan::Propagate }
    }
}

/// Key of an epilogue that ignores NaN.
const NNAN: &str = "nnan";

impl Epilogue {
    /// As a dictionary attribute.
    pub fn to_attribute<'c>(&self, context: &'c Context) -> Attribute<'c> {
        let name = |text| Identifier::new(context, text);
        let mut entries = vec![(name("act"), StringAttribute::new(context, self.activation.name()).into())];
        for (key, value) in self.activation.parameters() {
            let value = FloatAttribute::new(context, Type::float32(context), f64::from(value));
            entries.push((name(key), value.into()));
        }
        if self.nan == Nan::Ignore {
            entries.push((name(NNAN), Attribute::unit(context)));
        }
        DictionaryAttribute::new(context, &entries).into()
    }

    /// From a dictionary attribute.
    ///
    /// # Errors
    /// Says what is wrong with the dictionary.
    pub fn from_attribute(attribute: Attribute<'_>) -> Result<Self, String> {
        let dictionary = DictionaryAttribute::try_from(attribute)
            .map_err(|_| format!("epilogue must be a dictionary, not {attribute}"))?;
        let act = dictionary.element_by_name("act").ok_or("epilogue has no 'act'")?;
        let act = attributes::string_value(act).ok_or("epilogue 'act' must be a string")?;
        let activation =
            Activation::new(&act, |key| dictionary.element_by_name(key).and_then(attributes::f32_value))?;
        let nan = match dictionary.element_by_name(NNAN) {
            None => Nan::Propagate,
            Some(unit) if unit.is_unit() => Nan::Ignore,
            Some(other) => return Err(format!("epilogue '{NNAN}' must be a unit, not {other}")),
        };
        if dictionary.len() != 1 + activation.parameters().len() + usize::from(nan == Nan::Ignore) {
            return Err(format!("activation {act} has unknown parameters in {attribute}"));
        }
        Ok(Self { activation, nan })
    }
}

#[cfg(test)]
mod tests {
    use super::{Activation, Epilogue, Nan};

    #[test]
    fn attributes_round_trip() {
        let context = crate::context();
        for activation in [
            Activation::Identity,
            Activation::LeakyRelu { alpha: 0.1 },
            Activation::Clip { min: 0.0, max: f32::INFINITY },
            Activation::HardSigmoid { alpha: 0.2, beta: 0.5 },
        ] {
            let attribute = activation.to_attribute(&context);
            assert_eq!(Activation::from_attribute(attribute), Ok(activation));
            for (_, nan) in Nan::ALL {
                let epilogue = Epilogue { activation, nan };
                assert_eq!(Epilogue::from_attribute(epilogue.to_attribute(&context)), Ok(epilogue));
            }
        }
        let ignoring = Epilogue { activation: Activation::Relu, nan: Nan::Ignore }.to_attribute(&context);
        assert_eq!(ignoring.to_string(), "{act = \"relu\", nnan}");
        let error = Activation::from_attribute(ignoring).unwrap_err();
        assert_eq!(error, "only the epilogue of a kernel may have 'nnan', not {act = \"relu\", nnan}");
    }
}
