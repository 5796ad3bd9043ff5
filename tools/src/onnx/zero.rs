//! Pruned weights set to zero in a model file. The file stays as it is but for the bytes of these weights: same
//! length, same order, fields that the importer does not know. Tensors in other files move to one new file.

use super::plan::labels;
use super::proto::{GraphProto, ModelProto, NodeProto, TensorProto};
pub use super::relocate::Relocated;
use super::relocate::Relocation;
use super::tensor;
use super::wire::{Kind, fields, messages};
use bytes::Bytes;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

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

/// Where the tensors are that a model has in other files, and where they go.
#[derive(Clone, Copy, Debug)]
pub struct Outside<'p> {
    /// The model's directory.
    pub directory: Option<&'p Path>,
    /// Name of the file, beside the new model, that all of them go to.
    pub name: &'p str,
}

/// A model file with the weights of some nodes set to zero, and the file that its tensors in other files, if it has such,
/// went to.
///
/// # Errors
/// Names the node if its weights are not a stored tensor of `float`, of the size that is said, or also used by a node
/// that does not lose the same ones.
pub fn zero(
    file: &Bytes,
    outside: Outside<'_>,
    pruned: &[Pruned],
) -> Result<(Vec<u8>, Option<Relocated>), String> {
    let model = ModelProto::decode(file.clone()).map_err(|error| error.to_string())?;
    let graph = model.graph.as_ref().ok_or("has no graph")?;
    let labels = labels(&graph.node);
    let weights = weights(graph, &labels, pruned)?;
    check_users(graph, &labels, &weights, pruned)?;
    let places = places(file)?;
    let mut result = file.to_vec();
    let mut elsewhere = BTreeMap::new();
    for (name, weight) in &weights {
        let named = |text: String| format!("node '{}': weights '{name}' {text}", weight.pruned.node);
        let place = places.get(*name).and_then(Option::as_ref).ok_or_else(|| {
            named("are computed; only an initializer or a Constant's 'value' can be pruned".into())
        })?;
        let stored = Stored::new(file, place, outside.directory).map_err(named)?;
        let order = weight.order(&stored.dims).map_err(named)?;
        match stored.floats {
            Some(floats) => {
                weight.clear(order, &mut result, |element| floats.start(element)).map_err(named)?
            }
            None => drop(elsewhere.insert(place.start, (order, weight))),
        }
    }
    if !has_external(graph) {
        return Ok((result, None));
    }
    let change = |place: usize, data: &mut [u8]| match elsewhere.get(&place) {
        Some((order, weight)) => weight.clear(*order, data, |element| element.checked_mul(4)),
        None => Ok(()),
    };
    let Outside { directory, name } = outside;
    let mut relocated = Relocation { file: &result, directory, name, change: &change }.run()?;
    Ok((std::mem::take(&mut relocated.model), Some(relocated)))
}

/// Whether an initializer or constant is in another file.
fn has_external(graph: &GraphProto) -> bool {
    let constants =
        graph.node.iter().flat_map(|node| &node.attribute).filter_map(|attribute| attribute.t.as_deref());
    graph.initializer.iter().chain(constants).any(tensor::is_external)
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
    /// Sets what is lost to zero in `data`, where `start` says where an element is.
    fn clear(
        &self,
        order: Order,
        data: &mut [u8],
        start: impl Fn(usize) -> Option<usize>,
    ) -> Result<(), String> {
        for (rows, columns) in &self.pruned.zeros {
            for (row, &column) in rows.clone().flat_map(|row| columns.iter().map(move |column| (row, column)))
            {
                let inside = row < self.pruned.rows && column < self.pruned.k;
                let start = start(order.element(row, column)).filter(|_| inside);
                let place = start.and_then(|start| data.get_mut(start..start + 4));
                place.ok_or_else(|| format!("have no row {row} or column {column}"))?.fill(0);
            }
        }
        Ok(())
    }

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
fn weights<'m>(
    graph: &'m GraphProto,
    labels: &[String],
    pruned: &'m [Pruned],
) -> Result<BTreeMap<&'m str, Weight<'m>>, String> {
    let nodes: BTreeMap<&str, &NodeProto> = labels.iter().map(String::as_str).zip(&graph.node).collect();
    let mut weights: BTreeMap<&str, Weight> = BTreeMap::new();
    for pruned in pruned {
        let named = |text: &str| format!("node '{}' {text}", pruned.node);
        let node = *nodes.get(pruned.node.as_str()).ok_or_else(|| named("is not in the model"))?;
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
    labels: &[String],
    weights: &BTreeMap<&str, Weight>,
    pruned: &[Pruned],
) -> Result<(), String> {
    let pruned: BTreeSet<&str> = pruned.iter().map(|pruned| pruned.node.as_str()).collect();
    for (node, name) in graph.node.iter().zip(labels) {
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

/// A tensor of `float`.
struct Stored {
    dims: Vec<i64>,
    /// Its elements, if they are in the file itself.
    floats: Option<Floats>,
}

impl Stored {
    /// The `TensorProto` at `place`.
    fn new(file: &[u8], place: &Range<usize>, directory: Option<&Path>) -> Result<Self, String> {
        let message = file.get(place.clone()).ok_or("leave the file")?;
        let proto = TensorProto::decode(message).map_err(|error| error.to_string())?;
        let constant = tensor::decode(&proto, directory)?;
        let values = constant.f32s().map_err(|error| format!("cannot be pruned: the tensor {error}"))?;
        let is_external = tensor::is_external(&proto);
        let floats = if is_external { None } else { Some(Floats::new(file, place, &proto, values)?) };
        Ok(Self { dims: proto.dims, floats })
    }
}

/// The `float` elements of a tensor in the file.
struct Floats {
    /// Runs of elements: the index of the first, and its place.
    runs: Vec<(usize, usize)>,
    count: usize,
}

impl Floats {
    /// Of the `TensorProto` at `place`; what is found is compared with the `values` that the importer reads.
    fn new(file: &[u8], place: &Range<usize>, proto: &TensorProto, values: &[f32]) -> Result<Self, String> {
        let mut floats = Self { runs: Vec::new(), count: 0 };
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
