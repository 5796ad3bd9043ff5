//! `rvv.binary`, `rvv.scale_bias`, `rvv.unary`, `rvv.copy`, `rvv.fill`: one loop nest ([`Nest`]) each.

use super::Family;
use super::epilogue;
use super::name::{Codec, Strided};
use super::nest::{Body, Nest};
use super::rvv::{Lmul, Operand, Rvv, V, Vl};
use ait_dialects::Epilogue;
use ait_dialects::attributes::Attributes;
use melior::ir::operation::OperationRef;

/// The operands of an op, of which there must be exactly `N`.
pub fn operands<const N: usize>(buffers: Vec<Strided>) -> Result<[Strided; N], String> {
    let count = buffers.len();
    buffers.try_into().map_err(|_| format!("{N} operands are needed, not {count}"))
}

/// The largest group that `epilogue` can work on beside two groups that stay loaded, at most `lmul`. Polynomials have
/// coefficients that LLVM may keep in registers too.
fn lmul_beside_two(epilogue: &Epilogue, lmul: Lmul) -> Lmul {
    let is_polynomial = epilogue::lmul(epilogue, Lmul::M8) < Lmul::M8;
    match epilogue::is_in_place(epilogue) {
        true => lmul,
        false if is_polynomial => Lmul::M1,
        false => lmul.min(Lmul::M2),
    }
}

/// Emits the nest of `buffers`, which are the op's operands in order.
fn emit<'c>(b: &Rvv<'c, '_>, buffers: &[&Strided], lmul: Lmul, body: &Body<'_, 'c>) {
    if let Ok(nest) = Nest::new(buffers) {
        let bases: Vec<_> = (0..buffers.len()).map(|index| b.arg(index)).collect();
        nest.emit(b, &bases, lmul, body);
    }
}

fn tasks(buffers: &[&Strided]) -> i64 {
    Nest::new(buffers).map_or(0, |nest| nest.tasks())
}

/// The operand as a register group.
fn vector<'c>(b: &Rvv<'c, '_>, operand: Operand<'c>, vl: Vl<'c>) -> V<'c> {
    match operand {
        Operand::Vector(v) => v,
        Operand::Scalar(f) => b.vfmv_v_f(f, vl),
        Operand::Constant(f) => b.vfmv_v_f(f, vl),
    }
}

/// The function of an `rvv.binary`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Function {
    /// lhs + rhs
    #[default]
    Add,
    /// lhs - rhs
    Sub,
    /// lhs * rhs
    Mul,
    /// lhs / rhs
    Div,
    /// lhs where lhs >= 0, else lhs * rhs
    Prelu,
}

impl Function {
    /// All functions by their names in the dialect.
    pub const ALL: [(&str, Self); 5] = [
        ("add", Self::Add),
        ("sub", Self::Sub),
        ("mul", Self::Mul),
        ("div", Self::Div),
        ("prelu", Self::Prelu),
    ];

    fn new(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, function)| *function)
            .ok_or_else(|| format!("fn must be add, sub, mul, div or prelu, not '{name}'"))
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }

    fn apply<'c>(self, b: &Rvv<'c, '_>, lhs: Operand<'c>, rhs: Operand<'c>, vl: Vl<'c>) -> V<'c> {
        match (self, lhs, rhs) {
            (Self::Prelu, lhs, slope) => {
                let x = vector(b, lhs, vl);
                b.vmerge(x, b.vfmul(x, slope, vl), b.vmflt(x, 0.0, vl), vl)
            }
            (Self::Add, lhs, Operand::Vector(rhs)) => b.vfadd(rhs, lhs, vl),
            (Self::Mul, lhs, Operand::Vector(rhs)) => b.vfmul(rhs, lhs, vl),
            (Self::Sub, Operand::Scalar(lhs), Operand::Vector(rhs)) => b.vfrsub(rhs, lhs, vl),
            (Self::Div, Operand::Scalar(lhs), Operand::Vector(rhs)) => b.vfrdiv(rhs, lhs, vl),
            (Self::Add, lhs, rhs) => b.vfadd(vector(b, lhs, vl), rhs, vl),
            (Self::Mul, lhs, rhs) => b.vfmul(vector(b, lhs, vl), rhs, vl),
            (Self::Sub, lhs, rhs) => b.vfsub(vector(b, lhs, vl), rhs, vl),
            (Self::Div, lhs, rhs) => b.vfdiv(vector(b, lhs, vl), rhs, vl),
        }
    }
}

/// epilogue(lhs fn rhs) with numpy broadcasting.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Binary {
    /// Left operand.
    pub lhs: Strided,
    /// Right operand.
    pub rhs: Strided,
    /// Result.
    pub init: Strided,
    /// What is computed.
    pub function: Function,
    /// Applied last.
    pub epilogue: Epilogue,
    /// Register group size, at most.
    pub lmul: Lmul,
}

impl Binary {
    fn buffers(&self) -> [&Strided; 3] {
        [&self.lhs, &self.rhs, &self.init]
    }
}

impl Family for Binary {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        let [lhs, rhs, init] = operands(buffers)?;
        let (function, epilogue) = (Function::new(&op.string("fn")?)?, op.kernel_epilogue()?);
        Ok(Self { lhs, rhs, init, function, epilogue, lmul: Lmul::try_from(op.i64("lmul")?)? })
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        let mut function = self.function.name().to_owned();
        codec.text("", &mut function)?;
        self.function = Function::new(&function)?;
        codec.lmul(&mut self.lmul)?;
        codec.strided("lhs", &mut self.lhs)?;
        codec.strided("rhs", &mut self.rhs)?;
        codec.strided("out", &mut self.init)?;
        codec.epilogue(&mut self.epilogue)
    }

    fn check(&self) -> Result<(), String> {
        Nest::new(&self.buffers()).map(drop)
    }

    fn tasks(&self) -> i64 {
        tasks(&self.buffers())
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        let lmul = lmul_beside_two(&self.epilogue, self.lmul);
        emit(b, &self.buffers(), lmul, &|values, vl| match *values {
            [lhs, rhs] => epilogue::apply(b, &self.epilogue, self.function.apply(b, lhs, rhs, vl), vl),
            _ => b.vfmv_v_f(0.0, vl),
        });
    }
}

/// epilogue(input * scale + bias) per channel, dimension 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScaleBias {
    /// N x C x ...
    pub input: Strided,
    /// C
    pub scale: Strided,
    /// C
    pub bias: Strided,
    /// As `input`.
    pub init: Strided,
    /// Applied last.
    pub epilogue: Epilogue,
    /// Register group size, at most.
    pub lmul: Lmul,
}

impl ScaleBias {
    /// A vector of C elements as an operand that broadcasts to the result: C x 1 x ... x 1.
    fn channels(&self, operand: &Strided) -> Strided {
        let rank = self.init.shape.len().saturating_sub(1);
        let mut wide = Strided { shape: vec![1; rank], strides: vec![0; rank] };
        wide.shape.splice(..operand.shape.len().min(rank), operand.shape.iter().copied());
        wide.strides.splice(..operand.strides.len().min(rank), operand.strides.iter().copied());
        wide
    }

    fn nest(&self) -> Result<Nest, String> {
        let channels = self.init.shape.get(1).copied();
        for (operand, what) in [(&self.scale, "scale"), (&self.bias, "bias")] {
            if operand.shape.len() != 1 || operand.shape.first().copied() != channels {
                return Err(format!(
                    "{what} of shape {:?} has not the C elements of {:?}",
                    operand.shape, self.init.shape
                ));
            }
        }
        if self.input.shape != self.init.shape {
            return Err(format!(
                "input of shape {:?} is not like the result {:?}",
                self.input.shape, self.init.shape
            ));
        }
        let (scale, bias) = (self.channels(&self.scale), self.channels(&self.bias));
        Nest::new(&[&self.input, &scale, &bias, &self.init])
    }
}

impl Family for ScaleBias {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        let [input, scale, bias, init] = operands(buffers)?;
        Ok(Self {
            input,
            scale,
            bias,
            init,
            epilogue: op.kernel_epilogue()?,
            lmul: Lmul::try_from(op.i64("lmul")?)?,
        })
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        codec.lmul(&mut self.lmul)?;
        codec.strided("in", &mut self.input)?;
        codec.strided("scale", &mut self.scale)?;
        codec.strided("bias", &mut self.bias)?;
        codec.strided("out", &mut self.init)?;
        codec.epilogue(&mut self.epilogue)
    }

    fn check(&self) -> Result<(), String> {
        self.nest().map(drop)
    }

    fn tasks(&self) -> i64 {
        self.nest().map_or(0, |nest| nest.tasks())
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        let Ok(nest) = self.nest() else { return };
        let bases = [0, 1, 2, 3].map(|index| b.arg(index));
        nest.emit(b, &bases, lmul_beside_two(&self.epilogue, self.lmul), &|values, vl| match *values {
            [x, scale, bias] => {
                let result = match bias {
                    Operand::Vector(bias) => b.vfmadd(vector(b, x, vl), scale, bias, vl),
                    bias => b.vfmacc(vector(b, bias, vl), scale, vector(b, x, vl), vl),
                };
                epilogue::apply(b, &self.epilogue, result, vl)
            }
            _ => b.vfmv_v_f(0.0, vl),
        });
    }
}

/// The epilogue alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unary {
    /// Any shape.
    pub input: Strided,
    /// As `input`.
    pub init: Strided,
    /// What is computed.
    pub epilogue: Epilogue,
    /// Register group size, at most.
    pub lmul: Lmul,
}

fn same_shape(input: &Strided, init: &Strided) -> Result<(), String> {
    let same = input.shape == init.shape;
    if same { Ok(()) } else { Err(format!("shapes {:?} and {:?} differ", input.shape, init.shape)) }
}

impl Family for Unary {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        let [input, init] = operands(buffers)?;
        Ok(Self { input, init, epilogue: op.kernel_epilogue()?, lmul: Lmul::try_from(op.i64("lmul")?)? })
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        codec.lmul(&mut self.lmul)?;
        codec.strided("in", &mut self.input)?;
        codec.strided("out", &mut self.init)?;
        codec.epilogue(&mut self.epilogue)
    }

    fn check(&self) -> Result<(), String> {
        same_shape(&self.input, &self.init)?;
        Nest::new(&[&self.input, &self.init]).map(drop)
    }

    fn tasks(&self) -> i64 {
        tasks(&[&self.input, &self.init])
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        let Ok(nest) = Nest::new(&[&self.input, &self.init]) else { return };
        let lmul = epilogue::lmul_of_vector(&self.epilogue, self.lmul, nest.inner.size);
        nest.emit(b, &[b.arg(0), b.arg(1)], lmul, &|values, vl| match *values {
            [x] => epilogue::apply_to_loaded(b, &self.epilogue, vector(b, x, vl), vl),
            _ => b.vfmv_v_f(0.0, vl),
        });
    }
}

/// A copy between any strides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Copy {
    /// Any shape.
    pub input: Strided,
    /// As `input`.
    pub init: Strided,
    /// Register group size.
    pub lmul: Lmul,
}

impl Family for Copy {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        let [input, init] = operands(buffers)?;
        Ok(Self { input, init, lmul: Lmul::try_from(op.i64("lmul")?)? })
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        codec.lmul(&mut self.lmul)?;
        codec.strided("in", &mut self.input)?;
        codec.strided("out", &mut self.init)
    }

    fn check(&self) -> Result<(), String> {
        same_shape(&self.input, &self.init)?;
        Nest::new(&[&self.input, &self.init]).map(drop)
    }

    fn tasks(&self) -> i64 {
        tasks(&[&self.input, &self.init])
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        emit(b, &[&self.input, &self.init], self.lmul, &|values, vl| match *values {
            [x] => vector(b, x, vl),
            _ => b.vfmv_v_f(0.0, vl),
        });
    }
}

/// One value everywhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fill {
    /// What is written.
    pub init: Strided,
    /// With what.
    pub value: f32,
    /// Register group size.
    pub lmul: Lmul,
}

impl Family for Fill {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        let [init] = operands(buffers)?;
        Ok(Self { init, value: op.f32("value")?, lmul: Lmul::try_from(op.i64("lmul")?)? })
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        codec.lmul(&mut self.lmul)?;
        codec.f32("v", &mut self.value)?;
        codec.strided("out", &mut self.init)
    }

    fn check(&self) -> Result<(), String> {
        Nest::new(&[&self.init]).map(drop)
    }

    fn tasks(&self) -> i64 {
        tasks(&[&self.init])
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        emit(b, &[&self.init], self.lmul, &|_, vl| b.vfmv_v_f(self.value, vl));
    }
}

#[cfg(test)]
#[path = "elementwise_tests.rs"]
mod tests;
