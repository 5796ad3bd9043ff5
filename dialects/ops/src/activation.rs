//! The epilogue of an op: which function is applied to its result, element by element, and what becomes of NaN.

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

    /// The value at `x`, computed in `f64`. NaN stays NaN.
    pub fn apply(self, x: f32) -> f32 {
        let x = f64::from(x);
        let y = match self {
            Self::Identity => x,
            Self::Relu => clip(x, 0.0, f64::INFINITY),
            Self::LeakyRelu { alpha } => {
                if x < 0.0 {
                    f64::from(alpha) * x
                } else {
                    x
                }
            }
            Self::Clip { min, max } => clip(x, min.into(), max.into()),
            Self::Sigmoid => sigmoid(x),
            Self::HardSigmoid { alpha, beta } => clip(f64::from(alpha) * x + f64::from(beta), 0.0, 1.0),
            Self::HardSwish => x * clip(x / 6.0 + 0.5, 0.0, 1.0),
            Self::Tanh => x.tanh(),
            Self::Silu => x * sigmoid(x),
            Self::Elu { alpha } => {
                if x < 0.0 {
                    f64::from(alpha) * x.exp_m1()
                } else {
                    x
                }
            }
        };
        y as f32
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

/// Unlike `f64::max` and `min`, keeps NaN.
fn clip(x: f64, min: f64, max: f64) -> f64 {
    let x = if x < min { min } else { x };
    if x > max { max } else { x }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_computed_by_hand() {
        let at = |act: Activation, xs: [f32; 3]| xs.map(|x| act.apply(x));
        assert_eq!(at(Activation::Relu, [-1.0, 0.0, 2.0]), [0.0, 0.0, 2.0]);
        assert_eq!(at(Activation::LeakyRelu { alpha: 0.5 }, [-1.0, 0.0, 2.0]), [-0.5, 0.0, 2.0]);
        assert_eq!(at(Activation::Clip { min: 0.0, max: 6.0 }, [-1.0, 5.0, 7.0]), [0.0, 5.0, 6.0]);
        assert_eq!(at(Activation::Clip { min: 3.0, max: 1.0 }, [0.0, 2.0, 4.0]), [1.0; 3]);
        assert_eq!(at(Activation::HardSigmoid { alpha: 0.5, beta: 0.5 }, [-2.0, 0.5, 9.0]), [0.0, 0.75, 1.0]);
        assert_eq!(at(Activation::HardSwish, [-4.0, 3.0, 5.0]), [0.0, 3.0, 5.0]);
        assert_eq!(at(Activation::Sigmoid, [0.0, f32::INFINITY, f32::NEG_INFINITY]), [0.5, 1.0, 0.0]);
        assert_eq!(at(Activation::Elu { alpha: 2.0 }, [f32::NEG_INFINITY, 0.0, 3.0]), [-2.0, 0.0, 3.0]);
        assert_eq!(Activation::Silu.apply(0.0), 0.0);
        assert!(Activation::Relu.apply(f32::NAN).is_nan());
    }
}
