//! The operators that the importer knows: one table, from which `docs/onnx.md` is made.

mod elementwise;
mod fold;
mod linear;
mod movement;
mod pad;
mod spatial;

use super::node::{Node, Operand, Outputs};

/// An operator and how it is imported.
pub struct Operator {
    /// ONNX's name.
    pub name: &'static str,
    /// The opset that introduced it, if that is newer than [`OLDEST_OPSET`].
    pub since: i64,
    /// Fewest and most operands.
    pub inputs: (usize, usize),
    /// What it becomes.
    pub becomes: &'static str,
    /// What of it is refused.
    pub limits: &'static str,
    import: for<'n, 'c, 'a> fn(&Node<'n, 'c, 'a>) -> Outputs<'c, 'a>,
}

/// Oldest opset whose definitions the importer follows.
pub const OLDEST_OPSET: i64 = 9;
/// Newest opset whose definitions the importer follows (onnx 1.23).
pub const NEWEST_OPSET: i64 = 28;

impl Operator {
    /// The operator of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        OPERATORS.binary_search_by(|operator| operator.name.cmp(name)).ok().and_then(|at| OPERATORS.get(at))
    }

    /// Imports a node: checks the number of operands and that every attribute was understood.
    ///
    /// # Errors
    /// What of the node is wrong or not supported.
    pub fn import<'c: 'a, 'a>(&self, node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
        if node.opset < self.since {
            return Err(format!("exists since opset {}", self.since));
        }
        let (least, most) = self.inputs;
        if node.inputs.len() < least || node.inputs.len() > most {
            return Err(format!("has {} inputs", node.inputs.len()));
        }
        let outputs = (self.import)(node)?;
        if let Some(unread) = node.attributes.unread() {
            return Err(format!("attribute '{unread}' is not known"));
        }
        if let Some(index) = (outputs.len()..node.used.len()).find(|&index| node.used[index]) {
            return Err(format!("output {index} is used, which is not supported"));
        }
        Ok(outputs)
    }
}

const ANY: usize = usize::MAX;

macro_rules! operators {
    ($($name:literal $since:literal ($least:expr, $most:expr) $import:path: $becomes:literal, $limits:literal;)*) => {
        &[$(Operator {
            name: $name, since: $since, inputs: ($least, $most),
            becomes: $becomes, limits: $limits, import: $import,
        }),*]
    };
}

/// Every operator, sorted by name.
#[rustfmt::skip]
pub const OPERATORS: &[Operator] = operators! {
    "Add" 1 (2, 2) elementwise::add: "ait.add", "";
    "AveragePool" 1 (1, 1) spatial::average_pool: "ait.avg_pool2d", "1-D and 2-D";
    "BatchNormalization" 1 (5, 5) elementwise::batch_norm: "ait.batch_norm", "constant parameters; inference only: `training_mode` 0, one output";
    "Cast" 1 (1, 1) fold::cast: "constant", "constants; a tensor only from float to float";
    "Ceil" 1 (1, 1) fold::ceil: "constant", "constants only";
    "Clip" 1 (1, 3) elementwise::clip: "ait.activation clip", "constant bounds";
    "Concat" 1 (1, ANY) movement::concat: "ait.concat, a left-leaning chain", "";
    "Constant" 1 (0, 0) fold::constant: "constant", "no sparse, string or string-list values";
    "ConstantOfShape" 9 (1, 1) fold::constant_of_shape: "constant", "constant shape";
    "Conv" 1 (2, 3) spatial::conv: "ait.conv2d", "1-D and 2-D";
    "Div" 1 (2, 2) elementwise::div: "ait.div", "";
    "Dropout" 1 (1, 3) elementwise::dropout: "its input", "inference only; the mask must be unused";
    "Elu" 1 (1, 1) elementwise::elu: "ait.activation elu", "";
    "Equal" 1 (2, 2) fold::equal: "constant", "constants only";
    "Expand" 8 (2, 2) fold::expand: "constant", "constants; a tensor only to its own shape";
    "Flatten" 1 (1, 1) movement::flatten: "ait.reshape", "";
    "Floor" 1 (1, 1) fold::floor: "constant", "constants only";
    "Gather" 1 (2, 2) movement::gather: "ait.slice (+ ait.reshape)", "constant indices; from a tensor, one index or an arithmetic progression";
    "Gemm" 1 (2, 3) linear::gemm: "ait.gemm, or ait.transpose, ait.matmul, ait.mul, ait.add where B is not constant", "";
    "GlobalAveragePool" 1 (1, 1) spatial::global_average_pool: "ait.global_avg_pool", "";
    "GlobalMaxPool" 1 (1, 1) spatial::global_max_pool: "ait.global_max_pool", "";
    "Greater" 1 (2, 2) fold::greater: "constant", "constants only";
    "HardSigmoid" 1 (1, 1) elementwise::hard_sigmoid: "ait.activation hard_sigmoid", "";
    "HardSwish" 14 (1, 1) elementwise::hard_swish: "ait.activation hard_swish", "";
    "Identity" 1 (1, 1) elementwise::identity: "its input", "";
    "LeakyRelu" 1 (1, 1) elementwise::leaky_relu: "ait.activation leaky_relu", "";
    "Less" 1 (2, 2) fold::less: "constant", "constants only";
    "MatMul" 1 (2, 2) linear::matmul: "ait.gemm where both are matrices and the second is constant, else ait.matmul", "";
    "Max" 1 (1, ANY) fold::max: "constant, or ait.activation clip", "constants, or one tensor and constant scalars";
    "MaxPool" 1 (1, 1) spatial::max_pool: "ait.max_pool2d", "1-D and 2-D; `Indices` must be unused";
    "Min" 1 (1, ANY) fold::min: "constant, or ait.activation clip", "constants, or one tensor and constant scalars";
    "Mul" 1 (2, 2) elementwise::mul: "ait.mul", "";
    "Neg" 1 (1, 1) fold::neg: "ait.mul by -1", "";
    "Not" 1 (1, 1) fold::not: "constant", "constants only";
    "PRelu" 1 (2, 2) elementwise::prelu: "ait.prelu", "";
    "Pad" 1 (1, 4) pad::pad: "ait.pad; ait.slice and ait.concat where it crops, reflects, repeats or wraps", "constant pads and value";
    "Range" 11 (3, 3) fold::range: "constant", "constant integers";
    "ReduceMax" 1 (1, 2) spatial::reduce_max: "ait.global_max_pool (+ ait.transpose, ait.reshape where the axes are not H and W)", "constant axes";
    "ReduceMean" 1 (1, 2) spatial::reduce_mean: "ait.global_avg_pool (+ ait.transpose, ait.reshape where the axes are not H and W)", "constant axes";
    "ReduceProd" 1 (1, 2) fold::reduce_prod: "constant", "constants only, over all elements";
    "Relu" 1 (1, 1) elementwise::relu: "ait.activation relu", "";
    "Reshape" 5 (2, 2) movement::reshape: "ait.reshape", "constant shape";
    "Shape" 1 (1, 1) fold::shape: "constant", "";
    "Sigmoid" 1 (1, 1) elementwise::sigmoid: "ait.activation sigmoid", "";
    "Size" 1 (1, 1) fold::size: "constant", "";
    "Slice" 1 (1, 5) movement::slice: "ait.slice", "constant starts, ends, axes and steps";
    "Softmax" 1 (1, 1) elementwise::softmax: "ait.softmax", "";
    "Split" 2 (1, 2) movement::split: "ait.slice for each part", "constant sizes";
    "Sqrt" 1 (1, 1) fold::sqrt: "constant", "constants only";
    "Squeeze" 1 (1, 2) movement::squeeze: "ait.reshape", "constant axes";
    "Sub" 1 (2, 2) elementwise::sub: "ait.sub", "";
    "Sum" 1 (1, ANY) elementwise::sum: "ait.add, a left-leaning chain", "";
    "Swish" 24 (1, 1) elementwise::swish: "ait.activation silu", "alpha 1";
    "Tanh" 1 (1, 1) elementwise::tanh: "ait.activation tanh", "";
    "Transpose" 1 (1, 1) movement::transpose: "ait.transpose", "";
    "Unsqueeze" 1 (1, 2) movement::unsqueeze: "ait.reshape", "constant axes";
    "Where" 9 (3, 3) fold::r#where: "constant", "constants only";
};
