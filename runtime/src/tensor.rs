//! Dense row-major `f32` tensors on the host.

/// What can be wrong with the shape of a tensor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// The number of elements does not fit the address space.
    #[error("shape {0:?} has more elements than memory can hold")]
    TooLarge(Vec<usize>),
    /// The data do not fill the shape.
    #[error("shape {shape:?} needs {expected} elements, there are {found}")]
    Length {
        /// The shape asked for.
        shape: Vec<usize>,
        /// Its number of elements.
        expected: usize,
        /// The number of elements given.
        found: usize,
    },
}

/// The number of elements of `shape` (1 for rank 0).
///
/// # Errors
/// When the elements, as `f32`, would not fit an allocation.
pub fn element_count(shape: &[usize]) -> Result<usize, ShapeError> {
    let too_large = || ShapeError::TooLarge(shape.to_vec());
    if shape.contains(&0) {
        return Ok(0);
    }
    let count = shape.iter().try_fold(1usize, |count, &dim| count.checked_mul(dim)).ok_or_else(too_large)?;
    match count.checked_mul(size_of::<f32>()) {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(count),
        _ => Err(too_large()),
    }
}

/// Row-major strides in elements: the last dimension has stride 1.
pub fn row_major_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i].saturating_mul(shape[i]);
    }
    strides
}

/// A dense tensor; the data are row-major and always fill the shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Tensor {
    /// A tensor of `shape` over `data`.
    ///
    /// # Errors
    /// When `data` does not have exactly the elements of `shape`.
    pub fn new(shape: impl Into<Vec<usize>>, data: Vec<f32>) -> Result<Self, ShapeError> {
        let shape = shape.into();
        let expected = element_count(&shape)?;
        if expected != data.len() {
            return Err(ShapeError::Length { shape, expected, found: data.len() });
        }
        Ok(Self { shape, data })
    }

    /// A tensor of `shape` with every element `value`.
    ///
    /// # Errors
    /// When the elements do not fit the address space.
    pub fn full(shape: impl Into<Vec<usize>>, value: f32) -> Result<Self, ShapeError> {
        let shape = shape.into();
        let count = element_count(&shape)?;
        let mut data = Vec::new();
        data.try_reserve_exact(count).map_err(|_| ShapeError::TooLarge(shape.clone()))?;
        data.resize(count, value);
        Ok(Self { shape, data })
    }

    /// A tensor of zeros.
    ///
    /// # Errors
    /// When the elements do not fit the address space.
    pub fn zeros(shape: impl Into<Vec<usize>>) -> Result<Self, ShapeError> {
        Self::full(shape, 0.0)
    }

    /// A tensor of rank 0.
    pub fn scalar(value: f32) -> Self {
        Self { shape: Vec::new(), data: vec![value] }
    }

    /// A tensor of rank 1.
    pub fn vector(data: Vec<f32>) -> Self {
        Self { shape: vec![data.len()], data }
    }

    /// The dimensions, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether some dimension is 0.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The elements in row-major order.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The elements in row-major order.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The elements in row-major order.
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// The same elements under another shape.
    ///
    /// # Errors
    /// When the number of elements differs.
    pub fn reshape(self, shape: impl Into<Vec<usize>>) -> Result<Self, ShapeError> {
        Self::new(shape, self.data)
    }

    /// Applies `f` to every element.
    #[must_use]
    pub fn map(mut self, f: impl Fn(f32) -> f32) -> Self {
        self.data.iter_mut().for_each(|x| *x = f(*x));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_must_fill_the_shape() {
        assert_eq!(Tensor::new([2, 3], vec![0.0; 6]).unwrap().shape(), [2, 3]);
        let error = Tensor::new([2, 3], vec![0.0; 5]).unwrap_err();
        assert_eq!(error.to_string(), "shape [2, 3] needs 6 elements, there are 5");
        assert_eq!(Tensor::scalar(1.5).len(), 1);
        assert!(Tensor::zeros([4, 0, 2]).unwrap().is_empty());
    }

    #[test]
    fn huge_shapes_are_errors() {
        for shape in [vec![usize::MAX, 2], vec![usize::MAX], vec![1 << 40, 1 << 30]] {
            assert_eq!(element_count(&shape), Err(ShapeError::TooLarge(shape.clone())));
            assert_eq!(Tensor::zeros(shape.clone()), Err(ShapeError::TooLarge(shape)));
        }
        // Fits the address space, not this machine's memory.
        assert!(Tensor::zeros([1 << 60]).is_err());
    }

    #[test]
    fn strides_are_row_major() {
        assert_eq!(row_major_strides(&[2, 3, 4]), [12, 4, 1]);
        assert_eq!(row_major_strides(&[]), [0usize; 0]);
        assert_eq!(row_major_strides(&[0, usize::MAX, 4]), [usize::MAX, 4, 1]);
    }

    #[test]
    fn reshape_keeps_the_elements() {
        let tensor = Tensor::vector(vec![1.0, 2.0, 3.0, 4.0]);
        assert_eq!(tensor.clone().reshape([2, 2]).unwrap().data(), tensor.data());
        assert!(tensor.reshape([3]).is_err());
    }
}
