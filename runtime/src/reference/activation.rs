//! Element-wise activations.

use crate::Tensor;

/// The activation of an epilogue; names and parameters are those of the dialect.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
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

/// Unlike `f64::max` and `min`, keeps NaN.
fn clip(x: f64, min: f64, max: f64) -> f64 {
    let x = if x < min { min } else { x };
    if x > max { max } else { x }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `ait.activation`: `act` of every element.
pub fn activation(input: Tensor, act: Activation) -> Tensor {
    input.map(|x| act.apply(x))
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
