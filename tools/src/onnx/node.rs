//! One node being imported: its operands, its attributes, and the steps that operators share.
//!
//! Every step takes constants and tensors alike: on constants it computes, on tensors it makes an op.
//! So shape computations and weight preparation fold away with the code that imports the network.

use super::arithmetic::Binary;
use super::attributes::Attributes;
use super::constant::{Budget, Constant, Data};
use super::evaluate::Work;
use super::proto::{NodeProto, TensorProto};
use super::tensor;
use ait_dialects::{Activation, Builder, types};
use ait_ops::BinaryFn;
use melior::ir::{Location, Value, ValueLike};
use std::cell::OnceCell;
use std::path::Path;
use std::rc::Rc;

/// A constant and, once something needed it as a tensor, its `ait.constant`.
#[derive(Debug)]
pub struct Shared<'c, 'a> {
    constant: Rc<Constant>,
    name: String,
    value: OnceCell<Value<'c, 'a>>,
}

/// What an ONNX name stands for.
#[derive(Clone, Debug)]
pub enum Operand<'c, 'a> {
    /// Known at import.
    Constant(Rc<Shared<'c, 'a>>),
    /// A value of the `ait` dialect.
    Tensor(Value<'c, 'a>),
}

/// What a node computes, one operand per output.
pub type Outputs<'c, 'a> = Result<Vec<Operand<'c, 'a>>, String>;
/// One operand.
pub type Output<'c, 'a> = Result<Operand<'c, 'a>, String>;

impl<'c, 'a> Operand<'c, 'a> {
    /// A constant, called `name` where it becomes an op.
    pub fn constant(constant: Constant, name: &str) -> Self {
        Self::shared(Rc::new(constant), name)
    }

    fn shared(constant: Rc<Constant>, name: &str) -> Self {
        Self::Constant(Rc::new(Shared { constant, name: name.into(), value: OnceCell::new() }))
    }

    /// The same constant for another block, where it is no op yet; nothing for a tensor.
    pub fn elsewhere<'b>(&self) -> Option<Operand<'c, 'b>> {
        match self {
            Self::Constant(shared) => Some(Operand::shared(shared.constant.clone(), &shared.name)),
            Self::Tensor(_) => None,
        }
    }

    /// The constant, if it is one.
    pub fn as_constant(&self) -> Option<&Constant> {
        match self {
            Self::Constant(shared) => Some(&shared.constant),
            Self::Tensor(_) => None,
        }
    }

    /// Dimensions.
    ///
    /// # Errors
    /// If the type has none, which the builder excludes.
    pub fn shape(&self) -> Result<Vec<i64>, String> {
        match self {
            Self::Constant(shared) => Ok(shared.constant.shape().to_vec()),
            Self::Tensor(value) => types::shape(value.r#type()),
        }
    }

    /// As an `f32` tensor; a constant becomes `ait.constant` the first time.
    ///
    /// # Errors
    /// If it is a constant of another type, or empty.
    pub fn value(&self, builder: &Builder<'c, 'a>) -> Result<Value<'c, 'a>, String> {
        let shared = match self {
            Self::Tensor(value) => return Ok(*value),
            Self::Constant(shared) => shared,
        };
        if let Some(value) = shared.value.get() {
            return Ok(*value);
        }
        let named = |text| format!("constant '{}' {text}", shared.name);
        let data = shared.constant.f32s().map_err(named)?;
        if data.is_empty() {
            return Err(named("has no elements".into()));
        }
        let unknown = Location::unknown(builder.context());
        let location = Location::name(builder.context(), &shared.name, unknown);
        let value = builder.at(location).constant(shared.constant.shape(), data)?;
        Ok(*shared.value.get_or_init(|| value))
    }
}

/// What all nodes of a model share.
#[derive(Debug)]
pub struct Session<'n> {
    /// What folding may allocate.
    pub budget: Budget,
    /// What evaluation may take.
    pub work: Work,
    /// Where external data lies.
    pub directory: Option<&'n Path>,
}

impl Session<'_> {
    /// Reads a tensor. What is in another file counts as the model's size, as what is in its own does.
    ///
    /// # Errors
    /// As [`tensor::decode`].
    pub fn decode(&self, tensor: &TensorProto) -> Result<Constant, String> {
        let constant = tensor::decode(tensor, self.directory)?;
        if tensor::is_external(tensor) {
            self.budget.grow(constant.data().bytes());
        }
        Ok(constant)
    }
}

/// A node with its operands resolved.
pub struct Node<'n, 'c, 'a> {
    /// The node as written.
    pub proto: &'n NodeProto,
    /// Its name in locations and messages.
    pub label: &'n str,
    /// Version of its operator set.
    pub opset: i64,
    /// Operands; `None` where an optional one is absent.
    pub inputs: Vec<Option<Operand<'c, 'a>>>,
    /// Attributes.
    pub attributes: Attributes<'n>,
    /// Whether each output is used.
    pub used: Vec<bool>,
    /// Makes ops at the node's location.
    pub builder: Builder<'c, 'a>,
    /// The model's.
    pub session: &'n Session<'n>,
}

impl<'c: 'a, 'a> Node<'_, 'c, 'a> {
    /// Operand `index`, which must be there.
    ///
    /// # Errors
    /// If it is absent.
    pub fn input(&self, index: usize) -> Result<&Operand<'c, 'a>, String> {
        self.optional(index).ok_or_else(|| format!("input {index} is missing"))
    }

    /// Operand `index`, if it is there.
    pub fn optional(&self, index: usize) -> Option<&Operand<'c, 'a>> {
        self.inputs.get(index).and_then(Option::as_ref)
    }

    /// Operand `index` as a tensor.
    ///
    /// # Errors
    /// If it is absent or not `float`.
    pub fn tensor(&self, index: usize) -> Result<Value<'c, 'a>, String> {
        self.value(self.input(index)?)
    }

    /// An operand as a tensor.
    ///
    /// # Errors
    /// If it is not `float`.
    pub fn value(&self, operand: &Operand<'c, 'a>) -> Result<Value<'c, 'a>, String> {
        operand.value(&self.builder)
    }

    /// Operand `index` as a constant, if it is there.
    ///
    /// # Errors
    /// If it is computed by the network; `what` names it.
    pub fn known(&self, index: usize, what: &str) -> Result<Option<&Constant>, String> {
        self.optional(index)
            .map(|operand| operand.as_constant().ok_or_else(|| format!("{what} must be constant")))
            .transpose()
    }

    /// Integers that older opsets give as an attribute and newer ones as operand `index`.
    ///
    /// # Errors
    /// If they are not constant or not integers.
    pub fn ints(&self, name: &str, index: usize, input_since: i64) -> Result<Option<Vec<i64>>, String> {
        if self.opset < input_since {
            return Ok(self.attributes.ints(name)?.map(<[i64]>::to_vec));
        }
        let constant = self.known(index, name)?;
        constant.map(|constant| constant.ints().map_err(|error| format!("{name} {error}"))).transpose()
    }

    /// Refuses a use of output `index`.
    ///
    /// # Errors
    /// If something uses it.
    pub fn unused(&self, index: usize, what: &str) -> Result<(), String> {
        match self.used.get(index) {
            Some(true) => Err(format!("output {index} ({what}) is used, which is not supported")),
            _ => Ok(()),
        }
    }

    /// A constant of this node.
    pub fn constant(&self, constant: Constant) -> Operand<'c, 'a> {
        Operand::constant(constant, self.label)
    }

    /// A `float` vector of zeros as a tensor.
    ///
    /// # Errors
    /// If it is out of proportion to the model.
    pub fn zeros(&self, count: i64) -> Result<Value<'c, 'a>, String> {
        self.value(&self.constant(Constant::zeros(vec![count], &self.session.budget)?))
    }

    /// The same elements under another shape.
    ///
    /// # Errors
    /// If the numbers of elements differ.
    pub fn reshape(&self, operand: &Operand<'c, 'a>, shape: &[i64]) -> Output<'c, 'a> {
        if operand.shape()? == shape {
            return Ok(operand.clone());
        }
        match operand {
            Operand::Constant(shared) => {
                Ok(self.constant(shared.constant.reshape(shape, &self.session.budget)?))
            }
            Operand::Tensor(value) => Ok(Operand::Tensor(self.builder.reshape(*value, shape)?)),
        }
    }

    /// Result dimension `i` is dimension `permutation[i]`.
    ///
    /// # Errors
    /// If it is no permutation.
    pub fn transpose(&self, operand: &Operand<'c, 'a>, permutation: &[i64]) -> Output<'c, 'a> {
        let dims: Vec<usize> = permutation.iter().filter_map(|&dim| usize::try_from(dim).ok()).collect();
        let rank = operand.shape()?.len();
        let mut sorted = dims.clone();
        sorted.sort_unstable();
        if permutation.len() != rank || !sorted.into_iter().eq(0..rank) {
            return Err(format!("{permutation:?} is no permutation of {rank} dimensions"));
        }
        match operand {
            Operand::Constant(shared) => {
                Ok(self.constant(shared.constant.transpose(&dims, &self.session.budget)?))
            }
            Operand::Tensor(_) if dims.is_sorted() => Ok(operand.clone()),
            Operand::Tensor(value) => Ok(Operand::Tensor(self.builder.transpose(*value, permutation)?)),
        }
    }

    /// `sizes` elements from `starts` by `steps`, all in range. Without elements the result is a constant, since its
    /// value is known and `ait` has no empty tensors.
    ///
    /// # Errors
    /// If they are not.
    pub fn slice(
        &self,
        operand: &Operand<'c, 'a>,
        starts: &[i64],
        sizes: &[i64],
        steps: &[i64],
    ) -> Output<'c, 'a> {
        match operand {
            Operand::Tensor(_) if sizes.contains(&0) => {
                Ok(self.constant(Constant::new(sizes.to_vec(), Data::F32(Vec::new()))?))
            }
            Operand::Constant(shared) => {
                let sliced = shared.constant.slice(starts, sizes, steps, &self.session.budget)?;
                Ok(self.constant(sliced))
            }
            Operand::Tensor(_) if operand.shape()? == sizes && steps.iter().all(|&step| step == 1) => {
                Ok(operand.clone())
            }
            Operand::Tensor(value) => Ok(Operand::Tensor(self.builder.slice(*value, starts, sizes, steps)?)),
        }
    }

    /// `count` elements from `start` by `step` of dimension `axis`, all of the others.
    ///
    /// # Errors
    /// If they are out of range.
    pub fn slice_axis(
        &self,
        operand: &Operand<'c, 'a>,
        axis: usize,
        start: i64,
        count: i64,
        step: i64,
    ) -> Output<'c, 'a> {
        let mut sizes = operand.shape()?;
        let (mut starts, mut steps) = (vec![0; sizes.len()], vec![1; sizes.len()]);
        (starts[axis], sizes[axis], steps[axis]) = (start, count, step);
        self.slice(operand, &starts, &sizes, &steps)
    }

    /// Operands one after another along `axis`, as a left-leaning chain. Empty constants add nothing to tensors.
    ///
    /// # Errors
    /// If shapes or types do not fit.
    pub fn concat(&self, operands: &[Operand<'c, 'a>], axis: usize) -> Output<'c, 'a> {
        let constants: Option<Vec<_>> = operands.iter().map(Operand::as_constant).collect();
        if let Some(constants) = constants {
            return Ok(self.constant(Constant::concat(&constants, axis, &self.session.budget)?));
        }
        let is_empty = |operand: &Operand| operand.as_constant().is_some_and(|empty| empty.data().len() == 0);
        let mut operands = operands.iter().filter(|operand| !is_empty(operand));
        let first = operands.next().ok_or("there is nothing to concatenate")?;
        let axis = i64::try_from(axis).map_err(|error| error.to_string())?;
        let mut chain = self.value(first)?;
        for operand in operands {
            chain = self.builder.concat(chain, self.value(operand)?, axis)?;
        }
        Ok(Operand::Tensor(chain))
    }

    /// An arithmetic operation with broadcasting.
    ///
    /// # Errors
    /// If shapes do not broadcast or types differ.
    pub fn binary(&self, operation: Binary, lhs: &Operand<'c, 'a>, rhs: &Operand<'c, 'a>) -> Output<'c, 'a> {
        if let (Some(lhs), Some(rhs)) = (lhs.as_constant(), rhs.as_constant()) {
            return Ok(self.constant(operation.fold(lhs, rhs, &self.session.budget)?));
        }
        let function = match operation {
            Binary::Add => BinaryFn::Add,
            Binary::Sub => BinaryFn::Sub,
            Binary::Mul => BinaryFn::Mul,
            Binary::Div => BinaryFn::Div,
            _ => return Err("is supported on constants only".into()),
        };
        let (lhs, rhs) = (self.value(lhs)?, self.value(rhs)?);
        Ok(Operand::Tensor(self.builder.binary(function, lhs, rhs, Activation::Identity)?))
    }

    /// An activation.
    ///
    /// # Errors
    /// If the operand is not `float`.
    pub fn activation(&self, operand: &Operand<'c, 'a>, activation: Activation) -> Output<'c, 'a> {
        if operand.as_constant().is_some_and(|empty| empty.f32s().is_ok_and(<[f32]>::is_empty)) {
            return Ok(operand.clone());
        }
        Ok(Operand::Tensor(self.builder.activation(self.value(operand)?, activation)?))
    }
}

/// A dimension index counted from the end if negative; `rank` itself is allowed if `inclusive`.
///
/// # Errors
/// If it is out of range.
pub fn dimension(axis: i64, rank: usize, inclusive: bool) -> Result<usize, String> {
    let rank = i64::try_from(rank).map_err(|error| error.to_string())?;
    let limit = rank + i64::from(inclusive);
    let index = if axis < 0 { axis.checked_add(rank).unwrap_or(-1) } else { axis };
    usize::try_from(index)
        .ok()
        .filter(|_| index < limit)
        .ok_or_else(|| format!("axis {axis} is outside of rank {rank}"))
}

/// Product of dimensions.
///
/// # Errors
/// If it is too large.
pub fn product(dims: &[i64]) -> Result<i64, String> {
    types::elements(dims)
}
