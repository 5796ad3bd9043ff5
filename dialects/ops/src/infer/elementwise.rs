//! Element-wise ops with broadcasting, and matrix products, whose leading dimensions broadcast alike.

use super::{Shape, exactly, operand};

/// The common shape of two operands under numpy's rule.
///
/// # Errors
/// Names both shapes if they do not broadcast.
pub fn broadcast(lhs: &[i64], rhs: &[i64]) -> Result<Vec<i64>, String> {
    let rank = lhs.len().max(rhs.len());
    let dim = |shape: &[i64], index: usize| (index + shape.len()).checked_sub(rank).map_or(1, |at| shape[at]);
    (0..rank)
        .map(|index| match (dim(lhs, index), dim(rhs, index)) {
            (left, right) if left == right || right == 1 => Ok(left),
            (1, right) => Ok(right),
            _ => Err(format!("cannot broadcast {lhs:?} with {rhs:?}")),
        })
        .collect()
}

/// `rhs` broadcasts to `lhs`, which is the result.
pub(super) fn broadcast_into(lhs: &[i64], rhs: &[i64]) -> Shape {
    if broadcast(lhs, rhs)? != lhs {
        return Err(format!("cannot broadcast {rhs:?} into {lhs:?}"));
    }
    Ok(lhs.to_vec())
}

/// Operand 0 is `N x C x ...`, every further one a vector of C.
pub(super) fn per_channel(shapes: &[&[i64]], names: &[&str]) -> Shape {
    let input = operand(shapes, 0)?;
    let &channels = input.get(1).ok_or_else(|| format!("needs an input with channels, not {input:?}"))?;
    for (index, name) in names.iter().enumerate() {
        exactly(name, operand(shapes, index + 1)?, &[channels])?;
    }
    Ok(input.to_vec())
}

/// `... x M x K` times `... x K x N`.
pub(super) fn matmul(lhs: &[i64], rhs: &[i64]) -> Result<Vec<i64>, String> {
    let ([left @ .., m, k], [right @ .., rhs_k, n]) = (lhs, rhs) else {
        return Err(format!("needs operands of rank 2 or more, not {lhs:?} and {rhs:?}"));
    };
    if k != rhs_k {
        return Err(format!("cannot multiply {lhs:?} with {rhs:?}"));
    }
    let mut shape = broadcast(left, right)?;
    shape.extend([*m, *n]);
    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::{broadcast, matmul};

    #[test]
    fn broadcasting_is_numpys() {
        assert_eq!(broadcast(&[2, 1, 4], &[3, 1]), Ok(vec![2, 3, 4]));
        assert_eq!(broadcast(&[], &[5]), Ok(vec![5]));
        assert_eq!(broadcast(&[1], &[0]), Ok(vec![0]));
        assert!(broadcast(&[2], &[3]).is_err());
        assert_eq!(matmul(&[7, 1, 2, 3], &[5, 3, 4]), Ok(vec![7, 5, 2, 4]));
    }
}
