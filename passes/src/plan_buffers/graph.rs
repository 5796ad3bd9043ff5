//! The value graph: one node per tensor value (and one for the return), in program order.

use super::strides::View;
use petgraph::graph::NodeIndex;

/// What a kernel does with an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Activations it reads.
    Data,
    /// Activations it reads along the last dimension.
    Rows,
    /// Activations it reads once per result element, just before writing that element.
    Elementwise,
    /// Weights, read as dense row-major.
    Parameter,
}

/// One operand of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Position among the operands of the op, `init` not counted.
    pub index: usize,
    /// What the user does with it.
    pub role: Role,
}

/// The parameters of a kernel op that decide which strides it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Op name, such as `rvv.conv2d`.
    pub name: String,
    /// The `algorithm` attribute, empty where there is none.
    pub algorithm: String,
    /// Whether its window, if it has a `kernel` attribute, is 1 x 1.
    pub pointwise: bool,
    /// Whether its result is in NHWC.
    pub channels_last: bool,
}

/// What defines the value of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Entry argument by number.
    Argument(usize),
    /// `ait.constant`.
    Constant,
    /// An op that writes through `init`.
    Kernel(Kernel),
    /// The same elements under another shape.
    Reshape,
    /// Result dimension i is input dimension `[i]`.
    Transpose(Vec<i64>),
    /// `starts`, `steps`.
    Slice(Vec<i64>, Vec<i64>),
    /// Along an axis.
    Concat(usize),
    /// `low` and the value around the input; the size is the node's shape.
    Pad(Vec<i64>, f32),
    /// Another physical order.
    ConvertLayout,
    /// The function's return: its operands are the results.
    Return,
}

/// A value and the op that defines it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What defines it.
    pub kind: Kind,
    /// View of a buffer of its own, in the memory order that the type states.
    pub natural: View,
}

impl Node {
    /// Logical shape.
    pub fn shape(&self) -> &[i64] {
        &self.natural.shape
    }

    /// Size in bytes of a buffer of its own.
    pub fn bytes(&self) -> u64 {
        self.natural.extent().unsigned_abs() * 4
    }
}

/// Values in program order, with an edge from each operand to its user.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    operands: Vec<Vec<(NodeIndex, Use)>>,
    users: Vec<Vec<(NodeIndex, Use)>>,
}

impl Graph {
    /// Appends a node whose operands are already there.
    pub fn add(&mut self, node: Node, operands: &[(NodeIndex, Role)]) -> NodeIndex {
        let user = NodeIndex::new(self.nodes.len());
        let uses = operands.iter().enumerate();
        let uses: Vec<_> = uses.map(|(index, &(operand, role))| (operand, Use { index, role })).collect();
        for &(operand, usage) in &uses {
            self.users[operand.index()].push((user, usage));
        }
        self.nodes.push(node);
        self.operands.push(uses);
        self.users.push(Vec::new());
        user
    }

    /// All nodes in program order.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeIndex> + use<> {
        (0..self.nodes.len()).map(NodeIndex::new)
    }

    /// The node at an index that [`Self::add`] returned.
    pub fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index.index()]
    }

    /// Operands in order.
    pub fn operands(&self, user: NodeIndex) -> &[(NodeIndex, Use)] {
        &self.operands[user.index()]
    }

    /// Users in program order.
    pub fn users(&self, value: NodeIndex) -> &[(NodeIndex, Use)] {
        &self.users[value.index()]
    }
}
