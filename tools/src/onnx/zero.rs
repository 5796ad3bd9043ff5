//! Pruned weights set to zero in a model file. The file stays as it is but for the bytes of these weights: same
//! length, same order, fields that the importer does not know.

use super::plan::label;
use super::proto::{GraphProto, ModelProto, NodeProto, TensorProto};
use super::tensor;
use super::wire::{Kind, fields, messages};
use bytes::Bytes;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What a node's weights lose. They are seen as `rows` x `k` with `k = (kh, kw, c)` for a convolution, which is how
/// the compiler prunes them; the file has them in the operator's own order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Name of the node, as locations and messages have it.
    pub node: String,
    /// Rows of all groups.
    pub rows: usize,
    /// Columns.
    pub k: usize,
    /// Tiles: some rows and the columns that become zero in them.
    pub zeros: Vec<(Range<usize>, Vec<usize>)>,
}

/// The bytes of a model file with the weights of some nodes set to zero.
///
/// # Errors
/// Names the node if its weights are not a tensor of `float` stored in the file itself, of the size that is said, or
/// also used by a node that does not lose the same ones.
pub fn zero(file: &Bytes, pruned: &[Pruned]) -> Result<Vec<u8>, String> {
    let model = ModelProto::decode(file.clone()).map_err(|error| error.to_string())?;
    let graph = model.graph.as_ref().ok_or("has no graph")?;
    if let Some(name) = external(graph) {
        return Err(format!(
            "initializer '{name}' is in another file; save the model as one file first \
             (onnx.save(onnx.load(PATH), PATH))"
        ));
    }
    let weights = weights(graph, pruned)?;
    check_users(graph, &weights, pruned)?;
    let places = places(file)?;
    let mut result = file.to_vec();
    for (name, weight) in &weights {
        let named = |text: String| format!("node '{}': weights '{name}' {text}", weight.pruned.node);
        let place = places.get(*name).and_then(Option::as_ref).ok_or_else(|| {
            named("are computed; only an initializer or a Constant's 'value' can be pruned".into())
        })?;
        let floats = Floats::new(file, place).map_err(named)?;
        let order = weight.order(&floats.dims).map_err(named)?;
        for (rows, columns) in &weight.pruned.zeros {
            for (row, &column) in rows.clone().flat_map(|row| columns.iter().map(move |column| (row, column)))
            {
                let inside = row < weight.pruned.rows && column < weight.pruned.k;
                let start = floats.start(order.element(row, column)).filter(|_| inside);
                let place = start.and_then(|start| result.get_mut(start..start + 4));
                place.ok_or_else(|| named(format!("have no row {row} or column {column}")))?.fill(0);
            }
        }
    }
    Ok(result)
}

/// An initializer or constant outside of the file.
fn external(graph: &GraphProto) -> Option<&str> {
    let constants =
        graph.node.iter().flat_map(|node| &node.attribute).filter_map(|attribute| attribute.t.as_deref());
    let mut tensors = graph.initializer.iter().chain(constants);
    tensors.find(|tensor| tensor.data_location.unwrap_or_default() != 0).map(TensorProto::name)
}

/// The weights of one node, by the operator.
struct Weight<'m> {
    pruned: &'m Pruned,
    node: &'m NodeProto,
}

/// How rows and columns are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    row: usize,
    /// Channels of a group, which run fastest along columns.
    channels: usize,
    channel: usize,
    tap: usize,
}

impl Order {
    /// The index of an element.
    fn element(self, row: usize, column: usize) -> usize {
        row * self.row + column % self.channels * self.channel + column / self.channels * self.tap
    }
}

impl Weight<'_> {
    /// How a tensor of shape `dims` holds them: a filter O x C x ..., a matrix N x K if transposed, K x N or K if not.
    fn order(&self, dims: &[i64]) -> Result<Order, String> {
        let sizes: Vec<usize> = dims
            .iter()
            .map(|&dim| usize::try_from(dim))
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        let Pruned { rows, k, .. } = *self.pruned;
        let transposed =
            || self.node.attribute.iter().any(|attribute| attribute.name() == "transB" && attribute.i() != 0);
        let (order, found) = match (self.node.op_type(), sizes.as_slice()) {
            ("Conv", [outputs, channels, kernel @ ..]) => {
                let taps = kernel.iter().product::<usize>();
                let order = Order { row: channels * taps, channels: *channels, channel: taps, tap: 1 };
                (order, (*outputs, channels * taps))
            }
            ("Gemm", &[outputs, inputs]) if transposed() => {
                (Order { row: inputs, channels: inputs, channel: 1, tap: 0 }, (outputs, inputs))
            }
            ("Gemm" | "MatMul", &[inputs, outputs]) => {
                (Order { row: 1, channels: inputs, channel: outputs, tap: 0 }, (outputs, inputs))
            }
            ("MatMul", &[inputs]) => (Order { row: 0, channels: inputs, channel: 1, tap: 0 }, (1, inputs)),
            (operator, _) => return Err(format!("of {operator} with shape {dims:?} cannot be pruned")),
        };
        if found != (rows, k) || order.channels == 0 {
            return Err(format!("of shape {dims:?} are not {rows} x {k}"));
        }
        Ok(order)
    }
}

/// The names of the weights of the pruned nodes.
fn weights<'m>(graph: &'m GraphProto, pruned: &'m [Pruned]) -> Result<BTreeMap<&'m str, Weight<'m>>, String> {
    let mut nodes: BTreeMap<String, Vec<&NodeProto>> = BTreeMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        nodes.entry(label(index, node)).or_default().push(node);
    }
    let mut weights: BTreeMap<&str, Weight> = BTreeMap::new();
    for pruned in pruned {
        let named = |text: &str| format!("node '{}' {text}", pruned.node);
        let node = match nodes.get(&pruned.node).map(Vec::as_slice) {
            Some([node]) => *node,
            Some(_) => return Err(named("cannot be pruned: another node has the same name")),
            None => return Err(named("is not in the model")),
        };
        let name = node.input.get(1).ok_or_else(|| named("has no weights"))?;
        let weight = Weight { pruned, node };
        if let Some(other) = weights.get(name.as_str()) {
            let same = other.pruned.zeros == pruned.zeros
                && (other.pruned.rows, other.pruned.k) == (pruned.rows, pruned.k)
                && other.node.op_type() == node.op_type()
                && other.node.attribute == node.attribute;
            if !same {
                let other = &other.pruned.node;
                return Err(named(&format!(
                    "shares weights '{name}' with node '{other}', whose mask is another"
                )));
            }
        } else {
            weights.insert(name, weight);
        }
    }
    Ok(weights)
}

/// Refuses weights that something else uses as well.
fn check_users(
    graph: &GraphProto,
    weights: &BTreeMap<&str, Weight>,
    pruned: &[Pruned],
) -> Result<(), String> {
    let pruned: BTreeSet<&str> = pruned.iter().map(|pruned| pruned.node.as_str()).collect();
    for (index, node) in graph.node.iter().enumerate() {
        let name = label(index, node);
        for (input, used) in node.input.iter().enumerate() {
            let Some(weight) = weights.get(used.as_str()) else { continue };
            if input != 1 || !pruned.contains(name.as_str()) {
                let owner = &weight.pruned.node;
                return Err(format!(
                    "node '{owner}' shares weights '{used}' with node '{name}', which is not pruned"
                ));
            }
        }
    }
    for output in &graph.output {
        if let Some(weight) = weights.get(output.name()) {
            return Err(format!("node '{}': its weights are an output of the model", weight.pruned.node));
        }
    }
    Ok(())
}

/// Where the tensors of a file are, by their names in the graph; nothing where one is in several pieces.
fn places(file: &[u8]) -> Result<BTreeMap<String, Option<Range<usize>>>, String> {
    let mut places = BTreeMap::new();
    let mut add = |name: String, at: Option<Range<usize>>| {
        let place = places.entry(name).and_modify(|place| *place = None);
        place.or_insert(at);
    };
    let message = |at: &Range<usize>| file.get(at.clone()).ok_or("a message leaves the file");
    for graph in messages(file, 0..file.len(), 7)? {
        for at in messages(file, graph.clone(), 5)? {
            let strings = messages(file, at.clone(), 8)?;
            let name = strings.last().map(message).transpose()?.unwrap_or_default();
            add(String::from_utf8_lossy(name).into_owned(), Some(at));
        }
        for at in messages(file, graph, 1)? {
            let node = NodeProto::decode(message(&at)?).map_err(|error| error.to_string())?;
            let (Some(output), "Constant") = (node.output.first(), node.op_type()) else { continue };
            for attribute in messages(file, at, 5)? {
                let tensors = messages(file, attribute, 5)?;
                match tensors.as_slice() {
                    [] => {}
                    [one] => add(output.clone(), Some(one.clone())),
                    _ => add(output.clone(), None),
                }
            }
        }
    }
    Ok(places)
}

/// The `float` elements of a tensor in the file.
struct Floats {
    dims: Vec<i64>,
    /// Runs of elements: the index of the first, and its place.
    runs: Vec<(usize, usize)>,
    count: usize,
}

impl Floats {
    /// Of the `TensorProto` at `place`; what is found is compared with what the importer reads.
    fn new(file: &[u8], place: &Range<usize>) -> Result<Self, String> {
        let message = file.get(place.clone()).ok_or("leave the file")?;
        let proto = TensorProto::decode(message).map_err(|error| error.to_string())?;
        let constant = tensor::decode(&proto, None)?;
        let values = constant.f32s().map_err(|error| format!("cannot be pruned: the tensor {error}"))?;
        let mut floats = Self { dims: proto.dims.clone(), runs: Vec::new(), count: 0 };
        let raw = proto.raw_data.is_some();
        let data = fields(file, place.clone())?.into_iter();
        for field in data.filter(|field| field.number == if raw { 9 } else { 4 }) {
            if raw {
                // Of bytes that are given twice the last count.
                (floats.runs, floats.count) = (Vec::new(), 0);
            }
            if field.kind != Kind::Varint && field.at.len().is_multiple_of(4) {
                floats.runs.push((floats.count, field.at.start));
                floats.count += field.at.len() / 4;
            }
        }
        let stored = |index| {
            let start = floats.start(index)?;
            file.get(start..start + 4)?.first_chunk().copied()
        };
        let same = values.iter().enumerate().all(|(index, value)| stored(index) == Some(value.to_le_bytes()));
        if floats.count != values.len() || !same {
            return Err("are stored in an unusual way".into());
        }
        Ok(floats)
    }

    /// Where an element is.
    fn start(&self, element: usize) -> Option<usize> {
        let run = self.runs.partition_point(|(first, _)| *first <= element).checked_sub(1)?;
        let (first, start) = self.runs.get(run)?;
        (element < self.count).then_some(start + (element - first) * 4)
    }
}
