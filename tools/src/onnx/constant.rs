//! Values known at import, and the folding of what ONNX graphs compute from shapes and weights.

use ait_dialects::{infer, types};
use std::cell::Cell;

/// Elements, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `float`
    F32(Vec<f32>),
    /// `double`
    F64(Vec<f64>),
    /// `int32`
    I32(Vec<i32>),
    /// `int64`
    I64(Vec<i64>),
    /// `bool`
    Bool(Vec<bool>),
}

/// Applies an expression to the vector inside, whatever its type.
macro_rules! each {
    ($data:expr, $values:ident => $result:expr) => {
        match $data {
            Data::F32($values) => Data::F32($result),
            Data::F64($values) => Data::F64($result),
            Data::I32($values) => Data::I32($result),
            Data::I64($values) => Data::I64($result),
            Data::Bool($values) => Data::Bool($result),
        }
    };
}

impl Data {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    /// Size in a file.
    pub fn bytes(&self) -> usize {
        let width = match self {
            Self::F32(_) | Self::I32(_) => 4,
            Self::F64(_) | Self::I64(_) => 8,
            Self::Bool(_) => 1,
        };
        self.len() * width
    }

    /// ONNX's name of the element type.
    pub const fn dtype(&self) -> &'static str {
        match self {
            Self::F32(_) => "float",
            Self::F64(_) => "double",
            Self::I32(_) => "int32",
            Self::I64(_) => "int64",
            Self::Bool(_) => "bool",
        }
    }
}

/// A tensor known at import: the shape has as many elements as the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    shape: Vec<i64>,
    data: Data,
}

/// Bounds what folding may allocate, so that a small file cannot ask for a huge constant.
#[derive(Debug)]
pub struct Budget(Cell<u64>);

impl Budget {
    /// For a model of this many bytes: eight elements per byte, and 2^24 more.
    pub fn new(model_bytes: usize) -> Self {
        let budget = Self(Cell::new(1 << 24));
        budget.grow(model_bytes);
        budget
    }

    /// For as many bytes more.
    pub fn grow(&self, bytes: usize) {
        self.0.set(self.0.get().saturating_add((bytes as u64).saturating_mul(8)));
    }

    /// Takes the elements of a shape; returns their number.
    ///
    /// # Errors
    /// If no budget is left for them.
    pub fn take(&self, shape: &[i64]) -> Result<usize, String> {
        let count = types::elements(shape)?.unsigned_abs();
        let left = self.0.get().checked_sub(count).ok_or_else(|| {
            format!("a constant of shape {shape:?} is out of proportion to the size of the model")
        })?;
        self.0.set(left);
        usize::try_from(count).map_err(|error| error.to_string())
    }
}

impl Constant {
    /// A constant of a shape.
    ///
    /// # Errors
    /// If the shape has another number of elements.
    pub fn new(shape: Vec<i64>, data: Data) -> Result<Self, String> {
        if usize::try_from(types::elements(&shape)?) != Ok(data.len()) {
            return Err(format!("shape {shape:?} does not have {} elements", data.len()));
        }
        // Next to a dimension of 0 the others must be sane too: strides are their products.
        types::elements(&shape.iter().map(|&dim| dim.max(1)).collect::<Vec<_>>())?;
        Ok(Self { shape, data })
    }

    /// A vector of `int64`.
    pub fn from_ints(values: Vec<i64>) -> Self {
        Self { shape: vec![values.len() as i64], data: Data::I64(values) }
    }

    /// An `int64` scalar.
    pub fn from_int(value: i64) -> Self {
        Self { shape: vec![], data: Data::I64(vec![value]) }
    }

    /// `float` zeros, paid from the budget.
    ///
    /// # Errors
    /// If the budget does not allow the shape.
    pub fn zeros(shape: Vec<i64>, budget: &Budget) -> Result<Self, String> {
        let count = budget.take(&shape)?;
        Self::new(shape, Data::F32(vec![0.0; count]))
    }

    /// Dimensions.
    pub fn shape(&self) -> &[i64] {
        &self.shape
    }

    /// Elements.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The elements as `float`.
    ///
    /// # Errors
    /// If they are of another type.
    pub fn f32s(&self) -> Result<&[f32], String> {
        match &self.data {
            Data::F32(values) => Ok(values),
            other => Err(format!("is {}, but only float is supported here", other.dtype())),
        }
    }

    /// The elements as integers.
    ///
    /// # Errors
    /// If they are of another type.
    pub fn ints(&self) -> Result<Vec<i64>, String> {
        match &self.data {
            Data::I64(values) => Ok(values.clone()),
            Data::I32(values) => Ok(values.iter().map(|&value| value.into()).collect()),
            other => Err(format!("is {}, not int64", other.dtype())),
        }
    }

    /// The only element as `float`.
    ///
    /// # Errors
    /// If there are more, or of another type.
    pub fn scalar(&self) -> Result<f32, String> {
        match self.f32s()? {
            [value] => Ok(*value),
            values => Err(format!("has {} elements where a scalar is wanted", values.len())),
        }
    }

    /// The same elements under another shape.
    ///
    /// # Errors
    /// If the numbers of elements differ.
    pub fn reshape(&self, shape: &[i64], budget: &Budget) -> Result<Self, String> {
        if types::elements(shape)? != types::elements(&self.shape)? {
            return Err(format!("cannot reshape {:?} to {shape:?}", self.shape));
        }
        budget.take(shape)?;
        Self::new(shape.to_vec(), self.data.clone())
    }

    /// A strided view made dense: element `i` is `offset + sum(i[d] * strides[d])`.
    ///
    /// # Errors
    /// If the view leaves the data or exceeds the budget.
    fn view(&self, shape: Vec<i64>, offset: i64, strides: &[i64], budget: &Budget) -> Result<Self, String> {
        let count = budget.take(&shape)?;
        let reach = |sign: i128| {
            let ways =
                shape.iter().zip(strides).map(|(&dim, &stride)| i128::from(stride) * i128::from(dim - 1));
            i128::from(offset) + ways.filter(|way| way * sign > 0).sum::<i128>()
        };
        if count > 0 && (reach(-1) < 0 || reach(1) >= self.data.len() as i128) {
            return Err("a view leaves its constant".into());
        }
        let walk =
            || Walk { shape: &shape, strides, position: vec![0; shape.len()], at: offset, left: count };
        let data = each!(&self.data, values => walk().map(|index| values[index]).collect());
        Self::new(shape, data)
    }

    fn strides(&self) -> Vec<i64> {
        let mut strides = vec![1; self.shape.len()];
        for dim in (1..self.shape.len()).rev() {
            strides[dim - 1] = strides[dim] * self.shape[dim];
        }
        strides
    }

    /// Result dimension `i` is dimension `permutation[i]`.
    ///
    /// # Errors
    /// If it is no permutation of the dimensions.
    pub fn transpose(&self, permutation: &[usize], budget: &Budget) -> Result<Self, String> {
        let strides = self.strides();
        let shape = permutation.iter().map(|&dim| self.shape[dim]).collect();
        let strides: Vec<_> = permutation.iter().map(|&dim| strides[dim]).collect();
        self.view(shape, 0, &strides, budget)
    }

    /// `sizes` elements from `starts` by `steps`.
    ///
    /// # Errors
    /// If it leaves the data.
    pub fn slice(
        &self,
        starts: &[i64],
        sizes: &[i64],
        steps: &[i64],
        budget: &Budget,
    ) -> Result<Self, String> {
        let strides = self.strides();
        let offset = starts.iter().zip(&strides).map(|(start, stride)| start * stride).sum();
        let strides: Vec<_> = steps.iter().zip(&strides).map(|(step, stride)| step * stride).collect();
        self.view(sizes.to_vec(), offset, &strides, budget)
    }

    /// Broadcasts to `shape` under numpy's rule.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn expand(&self, shape: &[i64], budget: &Budget) -> Result<Self, String> {
        if infer::broadcast(&self.shape, shape)? != shape {
            return Err(format!("cannot broadcast {:?} to {shape:?}", self.shape));
        }
        let missing = shape.len() - self.shape.len();
        let own = self.shape.iter().zip(self.strides());
        let strides: Vec<_> = std::iter::repeat_n(0, missing)
            .chain(own.map(|(&dim, stride)| if dim == 1 { 0 } else { stride }))
            .collect();
        self.view(shape.to_vec(), 0, &strides, budget)
    }

    /// The slices `indices` along `axis`.
    ///
    /// # Errors
    /// If an index is outside.
    pub fn gather(&self, axis: usize, indices: &[usize], budget: &Budget) -> Result<Self, String> {
        let mut shape = self.shape.clone();
        shape[axis] = indices.len() as i64;
        budget.take(&shape)?;
        let extent = self.shape[axis] as usize;
        let inner = self.shape[axis + 1..].iter().product::<i64>() as usize;
        let outer = self.shape[..axis].iter().product::<i64>() as usize;
        let starts = || (0..outer).flat_map(|o| indices.iter().map(move |&i| (o * extent + i) * inner));
        let gather = starts().all(|start| start + inner <= self.data.len());
        if !gather {
            return Err(format!("an index is outside of {extent}"));
        }
        let data = each!(&self.data, values =>
            starts().flat_map(|start| values[start..start + inner].iter().copied()).collect());
        Self::new(shape, data)
    }

    /// Constants of one type one after another along `axis`; shapes agree elsewhere.
    ///
    /// # Errors
    /// If types or shapes differ.
    pub fn concat(parts: &[&Self], axis: usize, budget: &Budget) -> Result<Self, String> {
        let first = parts.first().ok_or("there is nothing to concatenate")?;
        let mut shape = first.shape.clone();
        for part in &parts[1..] {
            let fits = part.shape.len() == shape.len()
                && (0..shape.len()).all(|dim| dim == axis || part.shape[dim] == shape[dim]);
            if !fits {
                return Err(format!(
                    "cannot concatenate {:?} and {:?} along {axis}",
                    first.shape, part.shape
                ));
            }
            shape[axis] += part.shape[axis];
        }
        budget.take(&shape)?;
        let outer = shape[..axis].iter().product::<i64>() as usize;
        macro_rules! join {
            ($kind:ident) => {{
                let mut result = Vec::new();
                for row in 0..outer {
                    for part in parts {
                        let Data::$kind(values) = &part.data else {
                            let types = (first.data.dtype(), part.data.dtype());
                            return Err(format!("cannot concatenate {} and {}", types.0, types.1));
                        };
                        let length = values.len() / outer;
                        result.extend_from_slice(&values[row * length..(row + 1) * length]);
                    }
                }
                Data::$kind(result)
            }};
        }
        let data = match &first.data {
            Data::F32(_) => join!(F32),
            Data::F64(_) => join!(F64),
            Data::I32(_) => join!(I32),
            Data::I64(_) => join!(I64),
            Data::Bool(_) => join!(Bool),
        };
        Self::new(shape, data)
    }

    /// Converts to an ONNX element type as `Cast` does (toward zero, saturating).
    ///
    /// # Errors
    /// If it is none of float, double, int32, int64, bool.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "that is what Cast does"
    )]
    pub fn cast(&self, to: i64, budget: &Budget) -> Result<Self, String> {
        budget.take(&self.shape)?;
        macro_rules! cast {
            ($to:ty) => {
                match &self.data {
                    Data::F32(values) => values.iter().map(|&value| value as $to).collect(),
                    Data::F64(values) => values.iter().map(|&value| value as $to).collect(),
                    Data::I32(values) => values.iter().map(|&value| value as $to).collect(),
                    Data::I64(values) => values.iter().map(|&value| value as $to).collect(),
                    Data::Bool(values) => values.iter().map(|&value| u8::from(value) as $to).collect(),
                }
            };
        }
        let data = match to {
            1 => Data::F32(cast!(f32)),
            11 => Data::F64(cast!(f64)),
            6 => Data::I32(cast!(i32)),
            7 => Data::I64(cast!(i64)),
            9 => {
                let values: Vec<f64> = cast!(f64);
                Data::Bool(values.iter().map(|&value| value != 0.0).collect())
            }
            other => return Err(format!("cannot cast to {}", super::tensor::dtype_name(other))),
        };
        Self::new(self.shape.clone(), data)
    }
}

/// The indices of a view in row-major order.
struct Walk<'s> {
    shape: &'s [i64],
    strides: &'s [i64],
    position: Vec<i64>,
    at: i64,
    left: usize,
}

impl Iterator for Walk<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let index = self.at;
        for dim in (0..self.shape.len()).rev() {
            self.position[dim] += 1;
            self.at += self.strides[dim];
            if self.position[dim] < self.shape[dim] {
                break;
            }
            self.at -= self.strides[dim] * self.shape[dim];
            self.position[dim] = 0;
        }
        usize::try_from(index).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}
