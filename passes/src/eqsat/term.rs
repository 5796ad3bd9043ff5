//! The terms of the e-graph: one operator for each op of `ait`, and typed leaves for everything that is no tensor.
//!
//! Attributes are children, so that rules are patterns: `(activation (add ?x ?y identity ?s) ?a ?t)` binds the
//! activation to `?a`. A tensor is logical N x C x H x W in every layout; which one is part of a class's analysis.
//! Every op ends with its [`Leaf::Site`]: which op of the module it is, for names in errors, profiles and reports.

use std::fmt::{self, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use ait_dialects::{Activation, Layout};

pub use language::Term;

/// The variants are documented where they are declared; the macro takes no comments of theirs.
#[allow(missing_docs, reason = "made by egg's macro")]
mod language {
    use super::Leaf;
    use egg::{Id, define_language};

    define_language! {
        /// A term. Children are in the order of the op's operands, then its attributes, then its site.
        pub enum Term {
            Leaf(Leaf),
            // input filter bias window activation site
            "conv" = Conv([Id; 6]),
            // input filter bias residual window activation site
            "conv-add" = ConvAdd([Id; 7]),
            // input filter bias activation site
            "gemm" = Gemm([Id; 5]),
            // input filter bias residual activation site
            "gemm-add" = GemmAdd([Id; 6]),
            "matmul" = Matmul([Id; 3]),
            // input scale bias mean variance epsilon site
            "batch-norm" = BatchNorm([Id; 7]),
            // input scale bias activation site
            "scale-bias" = ScaleBias([Id; 5]),
            "activation" = Activation([Id; 3]),
            "prelu" = Prelu([Id; 3]),
            "add" = Add([Id; 4]),
            "sub" = Sub([Id; 4]),
            "mul" = Mul([Id; 4]),
            "div" = Div([Id; 4]),
            "max-pool" = MaxPool([Id; 3]),
            "avg-pool" = AvgPool([Id; 3]),
            "global-avg-pool" = GlobalAvgPool([Id; 2]),
            "global-max-pool" = GlobalMaxPool([Id; 2]),
            "softmax" = Softmax([Id; 3]),
            "reshape" = Reshape([Id; 3]),
            "transpose" = Transpose([Id; 3]),
            "concat" = Concat([Id; 4]),
            "slice" = Slice([Id; 3]),
            "pad" = Pad([Id; 3]),
            // input layout
            "convert" = Convert([Id; 2]),
            // Of constants, computed when the result is written: filter scale = row k of the filter times scale[k].
            "scale-rows" = ScaleRows([Id; 2]),
            // bias scale shift = bias * scale + shift
            "scale-shift" = ScaleShift([Id; 3]),
            // scale variance epsilon = scale / sqrt(variance + epsilon)
            "bn-scale" = BnScale([Id; 3]),
            // bias mean factor = bias - mean * factor
            "bn-shift" = BnShift([Id; 3]),
            // pruned weights as dense ones
            "dense" = Dense([Id; 1]),
            // outer inner = the filter of a 1x1 convolution by `outer` after one by `inner`
            "compose" = Compose([Id; 2]),
            // outer bias shift = outer * bias + shift
            "compose-bias" = ComposeBias([Id; 3]),
            // first second = the rows of both
            "stack" = Stack([Id; 2]),
        }
    }
}

/// What is no tensor computed by an op.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leaf {
    /// `%3`: an argument of the function, or a result of an op that is no term.
    Value(u32),
    /// `c3`: a constant.
    Constant(u32),
    /// `@3`: the op that a term comes from.
    Site(u32),
    /// `relu`, `clip:0,6`
    Act(Act),
    /// `nhwc`
    Layout(Layout),
    /// `3x3/s2,2/p1,1,1,1/d1,1/g1`, with `/ceil` and `/counted`
    Window(Window),
    /// `[1,3,224,224]`: a shape or a permutation.
    Dims(Vec<i64>),
    /// `#1`: a dimension.
    Axis(i64),
    /// `=0.00001`
    Number(Number),
    /// `[0,0]+[2,3]*[1,1]`: starts, sizes, steps.
    Slice([Vec<i64>; 3]),
    /// `[0,1]|[0,1]=0`: elements before and after, and their value.
    Pad([Vec<i64>; 2], Number),
}

/// A window of a convolution or pool; `[h, w]`, pads `[top, left, bottom, right]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// Taps.
    pub kernel: [i64; 2],
    /// Steps between windows.
    pub strides: [i64; 2],
    /// Padding.
    pub pads: [i64; 4],
    /// Distances between taps.
    pub dilations: [i64; 2],
    /// Groups of channels of a convolution, 1 for a pool.
    pub groups: i64,
    /// Whether sizes of a pool round up.
    pub ceil_mode: bool,
    /// Whether padding counts in a mean.
    pub count_include_pad: bool,
}

/// An `f32`, equal to what has the same bits.
#[derive(Clone, Copy, Debug)]
pub struct Number(pub f32);

/// An activation, equal to one of the same kind with the same bits in its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Act(pub Activation);

impl Leaf {
    /// The number that it is.
    pub fn number(&self) -> Option<f32> {
        if let Self::Number(number) = self { Some(number.0) } else { None }
    }
}

impl Number {
    fn key(self) -> u32 {
        self.0.to_bits()
    }
}

impl Act {
    fn key(&self) -> (&'static str, Vec<u32>) {
        (self.0.name(), self.0.parameters().iter().map(|(_, value)| value.to_bits()).collect())
    }
}

macro_rules! by_key {
    ($name:ident) => {
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.key() == other.key()
            }
        }
        impl Eq for $name {}
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.key().cmp(&other.key())
            }
        }
        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.key().hash(state);
            }
        }
    };
}
by_key!(Number);
by_key!(Act);

impl Display for Act {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())?;
        for (index, (_, value)) in self.0.parameters().into_iter().enumerate() {
            write!(f, "{}{value}", if index == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

impl FromStr for Act {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (name, values) = text.split_once(':').unwrap_or((text, ""));
        let values: Vec<f32> = values.split(',').filter_map(|value| value.parse().ok()).collect();
        // Parameters are in alphabetical order, so that a first pass with any value tells their names.
        let names = Activation::new(name, |_| Some(0.0)).map_err(|_| ())?.parameters();
        let value = |key: &str| {
            names.iter().position(|(name, _)| *name == key).and_then(|index| values.get(index).copied())
        };
        Activation::new(name, value).map(Self).map_err(|_| ())
    }
}

fn list(values: &[i64]) -> String {
    values.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

fn parse_list(text: &str) -> Option<Vec<i64>> {
    if text.is_empty() {
        return Some(vec![]);
    }
    text.split(',').map(|value| value.parse().ok()).collect()
}

fn bracketed(text: &str) -> Option<Vec<i64>> {
    parse_list(text.strip_prefix('[')?.strip_suffix(']')?)
}

impl Window {
    /// One tap for each position, in one group.
    pub const POINT: Self = Self {
        kernel: [1, 1],
        strides: [1, 1],
        pads: [0; 4],
        dilations: [1, 1],
        groups: 1,
        ceil_mode: false,
        count_include_pad: false,
    };

    /// Whether each result is made of the elements at its own position.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.strides == [1, 1] && self.pads == [0; 4]
    }
}

impl Display for Window {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [kh, kw] = self.kernel;
        write!(f, "{kh}x{kw}/s{}/p{}", list(&self.strides), list(&self.pads))?;
        write!(f, "/d{}/g{}", list(&self.dilations), self.groups)?;
        f.write_str(if self.ceil_mode { "/ceil" } else { "" })?;
        f.write_str(if self.count_include_pad { "/counted" } else { "" })
    }
}

impl FromStr for Window {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('/');
        let mut part = |prefix: &str| parts.next().and_then(|part| part.strip_prefix(prefix)).ok_or(());
        fn array<const N: usize>(text: &str) -> Result<[i64; N], ()> {
            parse_list(text).and_then(|values| values.try_into().ok()).ok_or(())
        }
        let kernel = array(&part("")?.replace('x', ","))?;
        let (strides, pads) = (array(part("s")?)?, array(part("p")?)?);
        let (dilations, [groups]) = (array(part("d")?)?, array(part("g")?)?);
        let flags: Vec<_> = parts.collect();
        let [ceil_mode, count_include_pad] = ["ceil", "counted"].map(|flag| flags.contains(&flag));
        Ok(Self { kernel, strides, pads, dilations, groups, ceil_mode, count_include_pad })
    }
}

impl Display for Leaf {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(index) => write!(f, "%{index}"),
            Self::Constant(index) => write!(f, "c{index}"),
            Self::Site(index) => write!(f, "@{index}"),
            Self::Act(act) => act.fmt(f),
            Self::Layout(layout) => f.write_str(&layout.name().to_ascii_lowercase()),
            Self::Window(window) => window.fmt(f),
            Self::Dims(dims) => write!(f, "[{}]", list(dims)),
            Self::Axis(axis) => write!(f, "#{axis}"),
            Self::Number(Number(value)) => write!(f, "={value}"),
            Self::Slice([starts, sizes, steps]) => {
                write!(f, "[{}]+[{}]*[{}]", list(starts), list(sizes), list(steps))
            }
            Self::Pad([low, high], Number(value)) => write!(f, "[{}]|[{}]={value}", list(low), list(high)),
        }
    }
}

impl FromStr for Leaf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let after = |prefix: char| text.strip_prefix(prefix);
        let number = |prefix| after(prefix).and_then(|rest: &str| rest.parse::<u32>().ok());
        let found = number('%')
            .map(Self::Value)
            .or_else(|| number('c').map(Self::Constant))
            .or_else(|| number('@').map(Self::Site))
            .or_else(|| after('#').and_then(|axis| axis.parse().ok()).map(Self::Axis))
            .or_else(|| after('=').and_then(|value| value.parse().ok()).map(|it| Self::Number(Number(it))))
            .or_else(|| text.parse().ok().map(Self::Layout))
            .or_else(|| text.parse().ok().map(Self::Act))
            .or_else(|| text.parse().ok().map(Self::Window))
            .or_else(|| bracketed(text).map(Self::Dims))
            .or_else(|| slice(text))
            .or_else(|| pad(text));
        found.ok_or_else(|| format!("'{text}' is no leaf"))
    }
}

fn slice(text: &str) -> Option<Leaf> {
    let (starts, rest) = text.split_once('+')?;
    let (sizes, steps) = rest.split_once('*')?;
    Some(Leaf::Slice([bracketed(starts)?, bracketed(sizes)?, bracketed(steps)?]))
}

fn pad(text: &str) -> Option<Leaf> {
    let (low, rest) = text.split_once('|')?;
    let (high, value) = rest.split_once('=')?;
    Some(Leaf::Pad([bracketed(low)?, bracketed(high)?], Number(value.parse().ok()?)))
}

/// How many leading children of an op's term are tensors; none of leaves and terms of constants.
pub fn operand_count(term: &Term) -> Option<usize> {
    Some(match term {
        Term::Activation(_)
        | Term::MaxPool(_)
        | Term::AvgPool(_)
        | Term::GlobalAvgPool(_)
        | Term::GlobalMaxPool(_)
        | Term::Softmax(_)
        | Term::Reshape(_)
        | Term::Transpose(_)
        | Term::Slice(_)
        | Term::Pad(_)
        | Term::Convert(_) => 1,
        Term::Matmul(_)
        | Term::Prelu(_)
        | Term::Add(_)
        | Term::Sub(_)
        | Term::Mul(_)
        | Term::Div(_)
        | Term::Concat(_) => 2,
        Term::Conv(_) | Term::Gemm(_) | Term::ScaleBias(_) => 3,
        Term::ConvAdd(_) | Term::GemmAdd(_) => 4,
        Term::BatchNorm(_) => 5,
        Term::Leaf(_)
        | Term::ScaleRows(_)
        | Term::ScaleShift(_)
        | Term::BnScale(_)
        | Term::BnShift(_)
        | Term::Dense(_)
        | Term::Compose(_)
        | Term::ComposeBias(_)
        | Term::Stack(_) => return None,
    })
}

/// Whether a term is computed from constants when the module is written.
pub fn is_folded(term: &Term) -> bool {
    operand_count(term).is_none() && !matches!(term, Term::Leaf(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_what_they_print() {
        for text in [
            "%3",
            "c0",
            "@12",
            "relu",
            "clip:6,0",
            "hard_sigmoid:0.2,0.5",
            "nhwc",
            "3x3/s2,2/p1,1,1,1/d1,1/g32/ceil/counted",
            "[1,3,224,224]",
            "[]",
            "#-1",
            "=0.00001",
            "[0,0]+[2,3]*[1,-1]",
            "[0,1]|[0,1]=-inf",
        ] {
            assert_eq!(text.parse::<Leaf>().map(|leaf| leaf.to_string()), Ok(text.to_owned()));
        }
        assert!("nonsense".parse::<Leaf>().is_err());
        assert_ne!("=0".parse::<Leaf>(), "=-0".parse::<Leaf>());
    }
}
