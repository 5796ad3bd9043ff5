//! What is known of a class of equal terms: shape and layout through the ops' own shape rules, whether it is constant, and
//! that its terms can be written: what an op demands of its operands is checked here, for every op.
//!
//! Terms of one class must agree. Where they do not, a rule is unsound: the first such merge is kept in
//! [`Facts::fault`] with both terms, and saturation stops with it.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use ait_ops::infer::infer;
use ait_ops::{Activation, Columns, Layout, Op, Operand, ait};
use egg::{Analysis, DidMerge, EGraph, Id, Language};

use super::convert;
use super::range::Range;
use super::term::{Leaf, Number, Term, Window, is_folded, operand_count};

/// The e-graph.
pub type Graph = EGraph<Term, Facts>;

/// A tensor of f32.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Logical shape.
    pub shape: Vec<i64>,
    /// Physical order; NCHW for ranks other than 4.
    pub layout: Layout,
    /// Known at compile time: its data is row-major, and read in any layout by strides.
    pub is_constant: bool,
    /// The pattern of pruned weights.
    pub pattern: Option<Columns>,
    /// The value of all elements of a constant, if it is known and one.
    pub splat: Option<Number>,
    /// Bounds of the elements of a constant, row by row, if they are known; they are finite.
    pub range: Option<Range>,
}

impl Tensor {
    /// Whether all elements of a constant are known to be finite.
    pub fn is_finite(&self) -> bool {
        self.range.is_some()
    }

    /// A tensor in NCHW that is no constant.
    pub fn new(shape: Vec<i64>) -> Self {
        Self { shape, layout: Layout::Nchw, is_constant: false, pattern: None, splat: None, range: None }
    }

    /// Bytes of its elements.
    pub fn bytes(&self) -> f64 {
        4.0 * self.shape.iter().map(|&dim| dim as f64).product::<f64>()
    }

    /// Whether its layout is its own: rank 4 and no constant.
    pub fn has_layout(&self) -> bool {
        self.shape.len() == 4 && !self.is_constant
    }
}

/// What a class is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A tensor, as its first term says.
    Tensor(Tensor),
    /// A leaf that is no tensor.
    Leaf(Leaf),
    /// A term that its op's shape rule refuses, or whose operands are not what the op demands, with the reason.
    Refused(String),
}

impl Display for Fact {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tensor(Tensor { shape, layout, is_constant, .. }) => {
                let dims: Vec<_> = shape.iter().map(i64::to_string).collect();
                let shape = if dims.is_empty() { "scalar".to_owned() } else { dims.join("x") };
                write!(f, "{shape} in {layout}{}", if *is_constant { ", constant" } else { "" })
            }
            Self::Leaf(leaf) => write!(f, "{leaf}"),
            Self::Refused(why) => write!(f, "refused, as it {why}"),
        }
    }
}

/// A class's data.
#[derive(Clone, Debug)]
pub struct Known {
    /// What it is.
    pub fact: Fact,
    /// The first term, for messages.
    pub witness: Term,
}

/// Two terms that a rule made equal, and that are not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unsound rule '{rule}': {left} is {left_fact}, but {right} is {right_fact}")]
pub struct Unsound {
    /// The rule that was applied.
    pub rule: String,
    /// One term.
    pub left: String,
    /// What is known of it.
    pub left_fact: Fact,
    /// The other.
    pub right: String,
    /// What is known of it.
    pub right_fact: Fact,
}

/// A merge of unequal terms, without words.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The rule that was applied.
    pub rule: &'static str,
    /// The first terms of both classes.
    pub terms: [Term; 2],
    /// What is known of them.
    pub facts: [Fact; 2],
}

/// What the leaves stand for, and what happened.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Of `Leaf::Value`.
    pub values: Vec<Tensor>,
    /// Of `Leaf::Constant`.
    pub constants: Vec<Tensor>,
    /// The first merge of unequal terms.
    pub fault: Option<Fault>,
    /// The rule that is being applied.
    pub rule: &'static str,
    /// Classes that are new, have a new term, or of which more is known; taken by what looks at them.
    pub changed: Vec<Id>,
    /// The rules that said something, new or not.
    pub fired: BTreeSet<&'static str>,
    /// The layouts that ops may have besides NCHW, of which `dense` are for convolutions with dense weights.
    pub layouts: Vec<Layout>,
    /// See `layouts`.
    pub dense: Vec<Layout>,
}

impl Analysis<Term> for Facts {
    type Data = Known;

    fn make(graph: &mut Graph, term: &Term, _: Id) -> Known {
        let fact = fact(graph, term).unwrap_or_else(Fact::Refused);
        Known { fact, witness: term.clone() }
    }

    fn modify(graph: &mut Graph, id: Id) {
        graph.analysis.changed.push(id);
    }

    fn merge(&mut self, a: &mut Known, b: Known) -> DidMerge {
        match (&mut a.fact, b.fact) {
            (Fact::Tensor(left), Fact::Tensor(right))
                if left.shape == right.shape
                    && (left.layout == right.layout || left.is_constant || right.is_constant) =>
            {
                // Knowing more is no contradiction.
                let before = left.clone();
                left.splat = left.splat.or(right.splat);
                left.pattern = left.pattern.or(right.pattern);
                left.range = left.range.take().or_else(|| right.range.clone());
                if right.is_constant && !left.is_constant {
                    (left.is_constant, left.layout) = (true, right.layout);
                }
                DidMerge(*left != before, *left != right)
            }
            // A term is refused for what is not known of its operands; more may be known later. Rules make nothing equal
            // to a refused one, so that both are one term.
            (Fact::Refused(_), Fact::Refused(_)) => DidMerge(false, false),
            (left @ Fact::Refused(_), right @ Fact::Tensor(_)) => {
                (*left, a.witness) = (right, b.witness);
                DidMerge(true, false)
            }
            (Fact::Tensor(_), Fact::Refused(_)) => DidMerge(false, true),
            (left, right) if *left == right => DidMerge(false, false),
            (left, right) => {
                self.fault.get_or_insert_with(|| Fault {
                    rule: self.rule,
                    terms: [a.witness.clone(), b.witness],
                    facts: [left.clone(), right],
                });
                DidMerge(false, true)
            }
        }
    }
}

impl Term {
    /// The operator with the first terms of its children, so many levels of them: `(add %0 (conv ...) identity @1)`.
    pub fn written(&self, graph: &Graph, levels: usize) -> String {
        match (self.children(), levels) {
            ([], _) => self.to_string(),
            (_, 0) => format!("({self} ...)"),
            (children, _) => {
                let child = |&id: &Id| format!(" {}", graph[id].data.witness.written(graph, levels - 1));
                format!("({self}{})", children.iter().map(child).collect::<String>())
            }
        }
    }
}

/// What a class is, if it is a tensor.
pub fn tensor(graph: &Graph, id: Id) -> Option<&Tensor> {
    match &graph[id].data.fact {
        Fact::Tensor(tensor) => Some(tensor),
        _ => None,
    }
}

/// What a class is, if it is a leaf.
pub fn leaf(graph: &Graph, id: Id) -> Option<&Leaf> {
    match &graph[id].data.fact {
        Fact::Leaf(leaf) => Some(leaf),
        _ => None,
    }
}

/// The window that a class is.
pub fn window(graph: &Graph, id: Id) -> Option<Window> {
    if let Leaf::Window(window) = leaf(graph, id)? { Some(*window) } else { None }
}

/// The activation that a class is.
pub fn activation(graph: &Graph, id: Id) -> Option<Activation> {
    if let Leaf::Act(act) = leaf(graph, id)? { Some(act.0) } else { None }
}

/// Whether a term cannot be written, by what is known of its operands at the end.
pub fn is_refused(graph: &Graph, term: &Term) -> bool {
    fact(graph, term).is_err()
}

fn fact(graph: &Graph, term: &Term) -> Result<Fact, String> {
    let known = |leaves: &[Tensor], index: u32| {
        let tensor = usize::try_from(index).ok().and_then(|index| leaves.get(index).cloned());
        tensor.map(Fact::Tensor).ok_or_else(|| format!("{term} stands for nothing"))
    };
    if let Term::Leaf(leaf) = term {
        return match leaf {
            Leaf::Value(index) => known(&graph.analysis.values, *index),
            Leaf::Constant(index) => known(&graph.analysis.constants, *index),
            other => Ok(Fact::Leaf(other.clone())),
        };
    }
    let operand = |index: usize| {
        let id = *term.children().get(index).ok_or("has too few operands")?;
        tensor(graph, id).ok_or_else(|| format!("operand {index} is no tensor"))
    };
    if is_folded(term) {
        let tensors = term.children().len() - usize::from(matches!(term, Term::BnScale(_)));
        let operands = (0..tensors).map(operand).collect::<Result<Vec<_>, _>>()?;
        demands(term, &operands)?;
        return folded(graph, term, &operands);
    }
    let count = operand_count(term).ok_or("is no op")?;
    let operands = (0..count).map(operand).collect::<Result<Vec<_>, _>>()?;
    demands(term, &operands)?;
    let leaves: Vec<&Leaf> = term.children().iter().skip(count).filter_map(|&id| leaf(graph, id)).collect();
    let own = convert::op(term, &leaves)?.ok_or("is no op")?;
    let shapes: Vec<&[i64]> = operands.iter().map(|tensor| tensor.shape.as_slice()).collect();
    let own = Op::Ait(own);
    let shape = infer(&own, &shapes)?;
    let layout = match &own {
        Op::Ait(ait::Op::ConvertLayout(op)) => op.layout,
        _ => layout(&own, &operands, &shape)?,
    };
    // `ait-canonicalize` computes it.
    let constant = operands.first().filter(|it| matches!(term, Term::Reshape(_)) && it.is_constant);
    let known = constant.map(|from| Tensor { range: reshaped_range(from, &shape), ..(*from).clone() });
    let known = known.unwrap_or_else(|| Tensor::new(vec![]));
    Ok(Fact::Tensor(Tensor { shape, layout, ..known }))
}

/// What an op demands of its operands besides shapes, which [`infer`] knows, and layouts: what the verifier and
/// `ait-select-kernels` refuse otherwise.
fn demands(term: &Term, operands: &[&Tensor]) -> Result<(), String> {
    // The operand that may be pruned weights, and whether an op in NHWC packs its weights when the model is created.
    let (weights, packs) = match term {
        Term::Conv(_) | Term::ConvAdd(_) => (Some(1), true),
        Term::Gemm(_) | Term::GemmAdd(_) => (Some(1), false),
        Term::ScaleRows(_) | Term::Dense(_) => (Some(0), false),
        Term::Leaf(_)
        | Term::Matmul(_)
        | Term::BatchNorm(_)
        | Term::ScaleBias(_)
        | Term::Activation(_)
        | Term::Prelu(_)
        | Term::Add(_)
        | Term::Sub(_)
        | Term::Mul(_)
        | Term::Div(_)
        | Term::MaxPool(_)
        | Term::AvgPool(_)
        | Term::GlobalAvgPool(_)
        | Term::GlobalMaxPool(_)
        | Term::Softmax(_)
        | Term::Reshape(_)
        | Term::Transpose(_)
        | Term::Concat(_)
        | Term::Slice(_)
        | Term::Pad(_)
        | Term::Convert(_)
        | Term::ScaleShift(_)
        | Term::BnScale(_)
        | Term::BnShift(_)
        | Term::Compose(_)
        | Term::ComposeBias(_)
        | Term::Stack(_) => (None, false),
    };
    for (index, tensor) in operands.iter().enumerate() {
        if tensor.pattern.is_some() && weights != Some(index) {
            return Err(format!("has pruned weights as operand {index}"));
        }
    }
    if let [input, filter, bias, ..] = operands
        && packs
        && input.layout == Layout::Nhwc
        && !(filter.is_constant && filter.pattern.is_none() && bias.is_constant)
    {
        return Err("needs a dense constant filter and bias in NHWC".to_owned());
    }
    if is_folded(term) && !operands.iter().all(|tensor| tensor.is_constant) {
        return Err("needs constants".to_owned());
    }
    Ok(())
}

/// Whether a term is a constant when the module is written: nothing of it is left for run time.
pub fn is_constant_expression(graph: &Graph, term: &Term) -> bool {
    let is_constant = |id: Id| tensor(graph, id).is_some_and(|tensor| tensor.is_constant);
    match term {
        Term::Leaf(Leaf::Constant(_)) => true,
        Term::Reshape([x, ..]) => is_constant(*x),
        _ => is_folded(term),
    }
}

/// Terms of constants. What is scaled by a factor keeps its shape and its zeros.
fn folded(graph: &Graph, term: &Term, operands: &[&Tensor]) -> Result<Fact, String> {
    let first = *operands.first().ok_or("has too few operands")?;
    let keeps_zeros = matches!(term, Term::ScaleRows(_));
    let pattern = first.pattern.filter(|_| keeps_zeros);
    let epsilon = term.children().iter().find_map(|&id| leaf(graph, id)).and_then(Leaf::number);
    let shape = folded_shape(term, operands).ok_or("needs weights that fit each other")?;
    let range = folded_range(term, operands, epsilon);
    if range.is_none() && is_product(term) {
        return Err("multiplies constants beyond the range of f32, or that are not known".to_owned());
    }
    Ok(Fact::Tensor(Tensor { shape, pattern, splat: None, range, ..first.clone() }))
}

/// Rows stay rows where there are as many.
fn reshaped_range(from: &Tensor, to: &[i64]) -> Option<Range> {
    let range = from.range.as_ref()?;
    Some(if from.shape.first() == to.first() { range.clone() } else { range.mixed() })
}

/// Whether a term multiplies what the module multiplies one after the other: its products must be as good as their factors.
/// Others are in the module themselves, or multiply nothing.
fn is_product(term: &Term) -> bool {
    matches!(term, Term::ScaleRows(_) | Term::ScaleShift(_) | Term::Compose(_) | Term::ComposeBias(_))
}

/// Bounds of what is folded; none where it may leave the range of f32.
fn folded_range(term: &Term, operands: &[&Tensor], epsilon: Option<f32>) -> Option<Range> {
    let ranges = operands.iter().map(|tensor| tensor.range.as_ref()).collect::<Option<Vec<_>>>()?;
    let rows = |tensor: &Tensor| tensor.shape.first().and_then(|&rows| usize::try_from(rows).ok());
    match (term, ranges.as_slice()) {
        (Term::Dense(_), &[only]) => Some(only.clone()),
        (Term::Stack(_), &[first, second]) => {
            Some(first.followed_by(second, [rows(operands.first()?)?, rows(operands.get(1)?)?]))
        }
        (Term::ScaleRows(_), [weights, scale]) => weights.folded(scale),
        (Term::ScaleShift(_), [bias, scale, shift]) => bias.folded(scale)?.plus(shift),
        (Term::BnScale(_), [scale, variance]) => scale.times(&variance.inverse_root(epsilon?)?),
        (Term::BnShift(_), [bias, mean, factor]) => bias.plus(&mean.times(factor)?.negated()),
        (Term::Compose(_), [outer, inner]) => outer.matrix(inner, rows(operands.get(1)?)?),
        (Term::ComposeBias(_), [outer, bias, shift]) => {
            outer.matrix(bias, rows(operands.get(1)?)?)?.plus(shift)
        }
        _ => None,
    }
}

fn folded_shape(term: &Term, operands: &[&Tensor]) -> Option<Vec<i64>> {
    let shapes: Vec<&[i64]> = operands.iter().map(|tensor| tensor.shape.as_slice()).collect();
    match (term, shapes.as_slice()) {
        (Term::Compose(_), [[rows, between, 1, 1], [inner, rest @ ..]]) if between == inner => {
            Some(std::iter::once(*rows).chain(rest.iter().copied()).collect())
        }
        (Term::ComposeBias(_), [[rows, between, 1, 1], [inner], [shift]]) => {
            (between == inner && rows == shift).then(|| vec![*rows])
        }
        (Term::Stack(_), [[first, row @ ..], [second, other @ ..]]) if row == other => {
            Some(std::iter::once(first.checked_add(*second)?).chain(row.iter().copied()).collect())
        }
        (Term::Compose(_) | Term::ComposeBias(_) | Term::Stack(_), _) => None,
        (_, [shape, ..]) => Some(shape.to_vec()),
        _ => None,
    }
}

/// The layout of a result: that of the operands, which must be one.
fn layout(own: &Op, operands: &[&Tensor], shape: &[i64]) -> Result<Layout, String> {
    // A filter is always row-major; so is what is reshaped, transposed, multiplied, or broadcast to another rank.
    let is_filter = |index: usize| own.operands().get(index) == Some(&Operand::Filter);
    let mut found = None;
    for (index, tensor) in operands.iter().enumerate().filter(|(_, tensor)| tensor.has_layout()) {
        let is_logical = is_filter(index) || own.is_row_major() || shape.len() != 4;
        let wanted = if is_logical { Layout::Nchw } else { tensor.layout };
        if tensor.layout != wanted {
            return Err(format!("operand {index} is in {}", tensor.layout));
        }
        if !is_filter(index) && found.replace(wanted).is_some_and(|other| other != wanted) {
            return Err(format!("operand {index} is in {wanted}, another one is not"));
        }
    }
    let layout = found.filter(|_| shape.len() == 4 && !own.is_row_major());
    Ok(layout.unwrap_or_default())
}
