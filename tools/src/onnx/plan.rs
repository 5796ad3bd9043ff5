//! What is known of a model before its nodes are imported.

use super::ops::{NEWEST_OPSET, OLDEST_OPSET};
use super::proto::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use super::{ImportOptions, inputs};
use std::collections::{BTreeMap, BTreeSet};

/// IR version whose messages `proto` describes.
const NEWEST_IR: i64 = 14;

/// What is known of the graph before its nodes are imported.
pub struct Plan<'m> {
    pub graph: &'m GraphProto,
    pub opset: i64,
    pub arguments: Vec<(&'m str, Vec<i64>)>,
    pub initializers: BTreeMap<&'m str, &'m TensorProto>,
    /// Which node computes a name.
    pub producers: BTreeMap<&'m str, usize>,
    /// Names that an output depends on.
    pub needed: BTreeSet<&'m str>,
    /// What each node is called.
    pub labels: Vec<String>,
}

impl<'m> Plan<'m> {
    /// Of a model.
    ///
    /// # Errors
    /// What of the model as a whole is wrong or not supported.
    pub fn new(model: &'m ModelProto, options: &ImportOptions) -> Result<Self, String> {
        let opset = opset(model)?;
        let graph = model.graph.as_ref().ok_or("is no ONNX model: it has no graph")?;
        if !graph.sparse_initializer.is_empty() {
            return Err("has sparse initializers, which are not supported".into());
        }
        let mut initializers = BTreeMap::new();
        for initializer in &graph.initializer {
            if initializers.insert(initializer.name(), initializer).is_some() {
                return Err(format!("has two initializers called '{}'", initializer.name()));
            }
        }
        // Before IR version 4 every initializer is also an input; its value is a constant all the same.
        let inputs: Vec<&ValueInfoProto> =
            graph.input.iter().filter(|input| !initializers.contains_key(input.name())).collect();
        inputs::check_names(&inputs, options)?;
        inputs::check_batch(&inputs, options)?;
        let arguments = inputs
            .iter()
            .map(|info| {
                let shape = inputs::shape(info, options);
                shape
                    .map(|shape| (info.name(), shape))
                    .map_err(|error| format!("input '{}' {error}", info.name()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let labels = labels(&graph.node);
        let producers = producers(graph, &labels, &arguments, &initializers)?;
        let needed = needed(graph)?;
        Ok(Self { graph, opset, arguments, initializers, producers, needed, labels })
    }
}

/// The version of ONNX's operators that the model uses.
fn opset(model: &ModelProto) -> Result<i64, String> {
    let ir = model.ir_version.ok_or("is no ONNX model: it has no IR version")?;
    if !(3..=NEWEST_IR).contains(&ir) {
        return Err(format!("has IR version {ir}; 3 to {NEWEST_IR} are supported"));
    }
    let mut own = model.opset_import.iter().filter(|opset| is_onnx(opset.domain()));
    let opset = own.next().ok_or("imports no ONNX operator set")?.version();
    if own.next().is_some() {
        return Err("imports the ONNX operator set twice".into());
    }
    if !(OLDEST_OPSET..=NEWEST_OPSET).contains(&opset) {
        return Err(format!("uses opset {opset}; {OLDEST_OPSET} to {NEWEST_OPSET} are supported"));
    }
    Ok(opset)
}

/// Whether a domain is ONNX's own.
pub fn is_onnx(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// What each node is called in locations, messages, plans and masks: its name, or operator and index where it has none.
/// ONNX lets nodes share a name; every further one gets a number, `name#2`, that makes it the only one.
pub fn labels(nodes: &[NodeProto]) -> Vec<String> {
    let given: BTreeSet<&str> = nodes.iter().map(NodeProto::name).collect();
    let mut taken = BTreeSet::new();
    let mut next = BTreeMap::new();
    let label = |(index, node): (usize, &NodeProto)| {
        let name = match node.name() {
            "" => format!("{}_{index}", node.op_type()),
            name => name.to_owned(),
        };
        let is_own = node.name() == name || !given.contains(name.as_str());
        if is_own && taken.insert(name.clone()) {
            return name;
        }
        // Counted on from the last one, so that a thousand nodes of one name take a thousand steps.
        let number = next.entry(name.clone()).or_insert(2u64);
        loop {
            let numbered = format!("{name}#{number}");
            *number += 1;
            if !given.contains(numbered.as_str()) && taken.insert(numbered.clone()) {
                return numbered;
            }
        }
    };
    nodes.iter().enumerate().map(label).collect()
}

/// Which node computes each name; every name must have one origin.
fn producers<'m>(
    graph: &'m GraphProto,
    labels: &[String],
    arguments: &[(&'m str, Vec<i64>)],
    initializers: &BTreeMap<&'m str, &'m TensorProto>,
) -> Result<BTreeMap<&'m str, usize>, String> {
    let mut given: BTreeSet<&str> = initializers.keys().copied().collect();
    for (name, _) in arguments {
        if name.is_empty() || !given.insert(name) {
            return Err(format!("has a nameless input, or two called '{name}'"));
        }
    }
    let mut producers = BTreeMap::new();
    for (index, (node, label)) in graph.node.iter().zip(labels).enumerate() {
        for name in node.output.iter().map(String::as_str).filter(|name| !name.is_empty()) {
            if given.contains(name) || producers.insert(name, index).is_some() {
                return Err(format!("node '{label}' computes '{name}', which exists already"));
            }
        }
    }
    Ok(producers)
}

/// Names that the graph's outputs depend on.
fn needed(graph: &GraphProto) -> Result<BTreeSet<&str>, String> {
    let mut needed = BTreeSet::new();
    for output in &graph.output {
        if output.name().is_empty() || !needed.insert(output.name()) {
            return Err(format!("has a nameless output, or two called '{}'", output.name()));
        }
    }
    if needed.is_empty() {
        return Err("has no outputs".into());
    }
    for node in graph.node.iter().rev() {
        if node.output.iter().any(|name| needed.contains(name.as_str())) {
            needed.extend(node.input.iter().map(String::as_str).filter(|name| !name.is_empty()));
        }
    }
    Ok(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_a_label_of_its_own() {
        let node = |operator: &str, name: &str| NodeProto {
            op_type: Some(operator.into()),
            name: Some(name.into()),
            ..NodeProto::default()
        };
        let nodes = [
            node("Conv", "same"),
            node("Relu", "same"),
            node("Conv", "same#2"),
            node("Conv", ""),
            node("Conv", "Conv_3"),
            node("Conv", "same"),
        ];
        assert_eq!(labels(&nodes), ["same", "same#3", "same#2", "Conv_3#2", "Conv_3", "same#4"]);
    }
}
