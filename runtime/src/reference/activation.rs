//! Element-wise activations.

use super::Activation;
use crate::Tensor;

/// `ait.activation`: `act` of every element.
pub fn activation(input: Tensor, act: Activation) -> Tensor {
    input.map(|x| act.apply(x))
}
