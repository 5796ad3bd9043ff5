//! The graph as a whole: names, order and liveness of nodes, and the module around them.

use super::attributes::Attributes;
use super::node::{Node, Operand, Session};
use super::ops::{NEWEST_OPSET, OLDEST_OPSET, Operator};
use super::proto::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use super::{ImportError, ImportOptions, inputs, tensor};
use ait_dialects::{Builder, Layout, types};
use melior::Context;
use melior::ir::attribute::{ArrayAttribute, DictionaryAttribute, StringAttribute, TypeAttribute};
use melior::ir::block::BlockLike;
use melior::ir::operation::{OperationBuilder, OperationMutLike};
use melior::ir::r#type::FunctionType;
use melior::ir::{
    Attribute, Block, BlockRef, Identifier, Location, Module, Region, RegionLike, Type, Value, ValueLike,
};
use std::collections::{BTreeMap, BTreeSet};

/// IR version whose messages `proto` describes.
const NEWEST_IR: i64 = 14;

/// One import.
pub struct Importer<'c, 'm> {
    pub context: &'c Context,
    pub file: &'m str,
    pub model: &'m ModelProto,
    pub session: &'m Session<'m>,
    pub options: &'m ImportOptions,
}

/// What is known of the graph before its nodes are imported.
struct Plan<'m> {
    graph: &'m GraphProto,
    opset: i64,
    arguments: Vec<(&'m str, Vec<i64>)>,
    initializers: BTreeMap<&'m str, &'m TensorProto>,
    /// Which node computes a name.
    producers: BTreeMap<&'m str, usize>,
    /// Names that an output depends on.
    needed: BTreeSet<&'m str>,
}

/// Names with their operands.
type Scope<'m, 'c, 'a> = BTreeMap<&'m str, Operand<'c, 'a>>;

impl<'c, 'm> Importer<'c, 'm> {
    /// Imports the model.
    pub fn module(&self) -> Result<Module<'c>, ImportError> {
        let plan = self.plan().map_err(|reason| self.error(reason))?;
        let unknown = Location::unknown(self.context);
        let location = Location::name(self.context, self.file, unknown);
        let types: Vec<Type<'c>> = plan
            .arguments
            .iter()
            .map(|(_, shape)| types::tensor(self.context, shape, Layout::Nchw))
            .collect();
        let named = plan
            .arguments
            .iter()
            .zip(&types)
            .map(|((name, _), r#type)| (*r#type, Location::name(self.context, name, unknown)));
        let region = Region::new();
        let block = region.append_block(Block::new(&named.collect::<Vec<_>>()));
        let results = self.body(&plan, block, location)?;
        let function = self.function(&plan, region, &types, &results, location)?;
        let mut module = Module::new(location);
        module.body().append_operation(function);
        let name = StringAttribute::new(self.context, &identifier(self.file));
        module.as_operation_mut().set_attribute("sym_name", name.into());
        Ok(module)
    }

    fn error(&self, reason: impl Into<String>) -> ImportError {
        ImportError::Model { file: self.file.into(), reason: reason.into() }
    }

    fn plan(&self) -> Result<Plan<'m>, String> {
        let opset = self.opset()?;
        let graph = self.model.graph.as_ref().ok_or("is no ONNX model: it has no graph")?;
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
        inputs::check_names(&inputs, self.options)?;
        let arguments = inputs
            .iter()
            .map(|info| {
                let shape = inputs::shape(info, self.options);
                shape
                    .map(|shape| (info.name(), shape))
                    .map_err(|error| format!("input '{}' {error}", info.name()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let producers = producers(graph, &arguments, &initializers)?;
        let needed = needed(graph)?;
        Ok(Plan { graph, opset, arguments, initializers, producers, needed })
    }

    fn opset(&self) -> Result<i64, String> {
        let ir = self.model.ir_version.ok_or("is no ONNX model: it has no IR version")?;
        if !(3..=NEWEST_IR).contains(&ir) {
            return Err(format!("has IR version {ir}; 3 to {NEWEST_IR} are supported"));
        }
        let mut own = self.model.opset_import.iter().filter(|opset| is_onnx(opset.domain()));
        let opset = own.next().ok_or("imports no ONNX operator set")?.version();
        if own.next().is_some() {
            return Err("imports the ONNX operator set twice".into());
        }
        if !(OLDEST_OPSET..=NEWEST_OPSET).contains(&opset) {
            return Err(format!("uses opset {opset}; {OLDEST_OPSET} to {NEWEST_OPSET} are supported"));
        }
        Ok(opset)
    }

    /// Imports the live nodes and the return; gives the types of the results.
    fn body<'a>(
        &self,
        plan: &Plan<'m>,
        block: BlockRef<'c, 'a>,
        location: Location<'c>,
    ) -> Result<Vec<Type<'c>>, ImportError>
    where
        'c: 'a,
    {
        let builder = Builder::at_end(self.context, block, location);
        let mut scope: Scope<'m, 'c, 'a> = BTreeMap::new();
        for (index, (name, _)) in plan.arguments.iter().enumerate() {
            let argument = block.argument(index).map_err(|error| self.error(error.to_string()))?;
            scope.insert(name, Operand::Tensor(argument.into()));
        }
        for (index, proto) in plan.graph.node.iter().enumerate() {
            if proto.output.iter().any(|name| plan.needed.contains(name.as_str())) {
                self.node(plan, &mut scope, builder, index, proto)?;
            }
        }
        let results = plan
            .graph
            .output
            .iter()
            .map(|info| {
                self.result(plan, &mut scope, builder, info)
                    .map_err(|error| self.error(format!("output '{}' {error}", info.name())))
            })
            .collect::<Result<Vec<_>, _>>()?;
        builder.insert("func.return", &results, &[], &[]).map_err(|error| self.error(error))?;
        Ok(results.iter().map(|value| value.r#type()).collect())
    }

    fn result<'a>(
        &self,
        plan: &Plan<'m>,
        scope: &mut Scope<'m, 'c, 'a>,
        builder: Builder<'c, 'a>,
        info: &'m ValueInfoProto,
    ) -> Result<Value<'c, 'a>, String>
    where
        'c: 'a,
    {
        if info.r#type.is_some() {
            inputs::check_float(info)?;
        }
        self.lookup(plan, scope, plan.graph.node.len(), info.name())?.value(&builder)
    }

    /// What a name stands for at node `index`.
    fn lookup<'a>(
        &self,
        plan: &Plan<'m>,
        scope: &mut Scope<'m, 'c, 'a>,
        index: usize,
        name: &'m str,
    ) -> Result<Operand<'c, 'a>, String>
    where
        'c: 'a,
    {
        if let Some(operand) = scope.get(name) {
            return Ok(operand.clone());
        }
        if let Some(initializer) = plan.initializers.get(name) {
            let constant = tensor::decode(initializer, self.session.directory)
                .map_err(|error| format!("initializer '{name}' {error}"))?;
            let operand = Operand::constant(constant, name);
            scope.insert(name, operand.clone());
            return Ok(operand);
        }
        match plan.producers.get(name).and_then(|&at| Some((at, plan.graph.node.get(at)?))) {
            Some((at, node)) if at >= index => Err(format!(
                "'{name}' is computed later, by node '{}': the graph is cyclic or not sorted",
                label(at, node)
            )),
            _ => Err(format!("'{name}' is neither an input nor an initializer nor computed by a node")),
        }
    }

    fn node<'a>(
        &self,
        plan: &Plan<'m>,
        scope: &mut Scope<'m, 'c, 'a>,
        builder: Builder<'c, 'a>,
        index: usize,
        proto: &'m NodeProto,
    ) -> Result<(), ImportError>
    where
        'c: 'a,
    {
        let label = label(index, proto);
        let fail = |reason: String| ImportError::Node {
            file: self.file.into(),
            node: label.clone(),
            operator: if is_onnx(proto.domain()) {
                proto.op_type().into()
            } else {
                format!("{}.{}", proto.domain(), proto.op_type())
            },
            opset: plan.opset,
            reason,
        };
        let operator = Some(proto.op_type()).filter(|_| is_onnx(proto.domain())).and_then(Operator::find);
        let operator = operator.ok_or_else(|| fail("the operator is not supported".into()))?;
        let inputs = proto.input.iter().map(|name| match name.as_str() {
            "" => Ok(None),
            name => self.lookup(plan, scope, index, name).map(Some),
        });
        let node = Node {
            proto,
            label: &label,
            opset: plan.opset,
            inputs: inputs.collect::<Result<_, _>>().map_err(fail)?,
            attributes: Attributes::new(proto).map_err(fail)?,
            used: proto.output.iter().map(|name| plan.needed.contains(name.as_str())).collect(),
            builder: builder.at(Location::name(self.context, &label, Location::unknown(self.context))),
            session: self.session,
        };
        let outputs = operator.import(&node).map_err(fail)?;
        for (name, operand) in proto.output.iter().zip(outputs) {
            if matches!(operand, Operand::Tensor(_)) && operand.shape().map_err(fail)?.contains(&0) {
                return Err(fail(format!("'{name}' has no elements")));
            }
            scope.insert(name, operand);
        }
        Ok(())
    }

    fn function(
        &self,
        plan: &Plan<'m>,
        region: Region<'c>,
        arguments: &[Type<'c>],
        results: &[Type<'c>],
        location: Location<'c>,
    ) -> Result<melior::ir::Operation<'c>, ImportError> {
        let names = |names: &mut dyn Iterator<Item = &'m str>| -> Attribute<'c> {
            let key = Identifier::new(self.context, "ait.name");
            let named = names.map(|name| {
                let name = StringAttribute::new(self.context, name).into();
                DictionaryAttribute::new(self.context, &[(key, name)]).into()
            });
            ArrayAttribute::new(self.context, &named.collect::<Vec<_>>()).into()
        };
        let function_type = FunctionType::new(self.context, arguments, results).into();
        let attributes: [(&str, Attribute<'c>); 4] = [
            ("sym_name", StringAttribute::new(self.context, "main").into()),
            ("function_type", TypeAttribute::new(function_type).into()),
            ("arg_attrs", names(&mut plan.arguments.iter().map(|(name, _)| *name))),
            ("res_attrs", names(&mut plan.graph.output.iter().map(ValueInfoProto::name))),
        ];
        let attributes = attributes.map(|(key, value)| (Identifier::new(self.context, key), value));
        OperationBuilder::new("func.func", location)
            .add_attributes(&attributes)
            .add_regions([region])
            .build()
            .map_err(|error| self.error(error.to_string()))
    }
}

fn is_onnx(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// Name of a node, or operator and index where it has none.
fn label(index: usize, node: &NodeProto) -> String {
    match node.name() {
        "" => format!("{}_{index}", node.op_type()),
        name => name.into(),
    }
}

/// Which node computes each name; every name must have one origin.
fn producers<'m>(
    graph: &'m GraphProto,
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
    for (index, node) in graph.node.iter().enumerate() {
        for name in node.output.iter().map(String::as_str).filter(|name| !name.is_empty()) {
            if given.contains(name) || producers.insert(name, index).is_some() {
                return Err(format!("node '{}' computes '{name}', which exists already", label(index, node)));
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

/// The stem of a file name as a C identifier.
fn identifier(file: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let name: String =
        stem.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    match name.chars().next() {
        None => "model".into(),
        Some(first) if first.is_ascii_digit() => format!("net_{name}"),
        Some(_) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::identifier;

    #[test]
    fn module_names_are_c_identifiers() {
        assert_eq!(identifier("resnet-18.v1.onnx"), "resnet_18_v1");
        assert_eq!(identifier("3d.onnx"), "net_3d");
        assert_eq!(identifier(""), "model");
        assert_eq!(identifier("naïve"), "na_ve");
    }
}
