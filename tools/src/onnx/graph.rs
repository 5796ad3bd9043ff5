//! Nodes one after another, and the module around them.

use super::attributes::Attributes;
use super::evaluate::Evaluated;
use super::node::{Node, Operand, Outputs, Session};
use super::ops::Operator;
use super::plan::{Plan, is_onnx};
use super::proto::{ModelProto, NodeProto, ValueInfoProto};
use super::{ImportError, ImportOptions, inputs};
use ait_dialects::{Builder, Layout, types};
use ait_passes::diagnostic::onnx_location;
use melior::Context;
use melior::ir::attribute::{ArrayAttribute, DictionaryAttribute, StringAttribute, TypeAttribute};
use melior::ir::block::BlockLike;
use melior::ir::operation::{OperationBuilder, OperationMutLike};
use melior::ir::r#type::FunctionType;
use melior::ir::{
    Attribute, Block, BlockRef, Identifier, Location, Module, Region, RegionLike, Type, Value, ValueLike,
};
use std::collections::BTreeMap;

/// One import.
pub struct Importer<'c, 'm> {
    pub context: &'c Context,
    pub file: &'m str,
    pub model: &'m ModelProto,
    pub session: &'m Session<'m>,
    pub options: &'m ImportOptions,
}

/// A node to import.
struct NodeAt<'n, 'm> {
    plan: &'n Plan<'m>,
    proto: &'m NodeProto,
    operator: &'static Operator,
    label: &'n str,
}

/// Names with their operands.
type Scope<'m, 'c, 'a> = BTreeMap<&'m str, Operand<'c, 'a>>;

impl<'c, 'm> Importer<'c, 'm> {
    /// Imports the model.
    pub fn module(&self) -> Result<Module<'c>, ImportError> {
        let plan = Plan::new(self.model, self.options).map_err(|reason| self.error(reason))?;
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
        let last = last_readers(plan);
        for (index, proto) in plan.graph.node.iter().enumerate() {
            if is_needed(plan, proto) {
                self.node(plan, &mut scope, builder, index, proto)?;
                // What was imported is in the module: weights are held here only while a node still reads them.
                let read = proto.input.iter().map(String::as_str);
                read.filter(|name| last.get(name) == Some(&index)).for_each(|name| drop(scope.remove(name)));
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
            let constant = self.session.decode(initializer);
            let constant = constant.map_err(|error| format!("initializer '{name}' {error}"))?;
            let operand = Operand::constant(constant, name);
            scope.insert(name, operand.clone());
            return Ok(operand);
        }
        match plan.producers.get(name).and_then(|&at| Some((at, plan.labels.get(at)?))) {
            Some((at, label)) if at >= index => Err(format!(
                "'{name}' is computed later, by node '{label}': the graph is cyclic or not sorted"
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
        let label = plan.labels.get(index).map_or("", String::as_str);
        let fail = |reason: String| ImportError::Node {
            file: self.file.into(),
            node: label.into(),
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
        let inputs = inputs.collect::<Result<Vec<_>, _>>().map_err(fail)?;
        let at = NodeAt { plan, proto, operator, label };
        let outputs = match self.evaluated(&at, &inputs).map_err(fail)? {
            Some(outputs) => outputs,
            None => self.imported(&at, inputs, builder).map_err(fail)?,
        };
        for (name, operand) in proto.output.iter().zip(outputs) {
            if matches!(operand, Operand::Tensor(_)) && operand.shape().map_err(fail)?.contains(&0) {
                return Err(fail(format!("'{name}' has no elements")));
            }
            scope.insert(name, operand);
        }
        Ok(())
    }

    /// Makes a node's ops.
    fn imported<'a>(
        &self,
        at: &NodeAt<'_, 'm>,
        inputs: Vec<Option<Operand<'c, 'a>>>,
        builder: Builder<'c, 'a>,
    ) -> Outputs<'c, 'a>
    where
        'c: 'a,
    {
        at.operator.import(&Node {
            proto: at.proto,
            label: at.label,
            opset: at.plan.opset,
            inputs,
            attributes: Attributes::new(at.proto)?,
            used: at.proto.output.iter().map(|name| at.plan.needed.contains(name.as_str())).collect(),
            builder: builder.at(onnx_location(self.context, at.label, at.operator.name, at.plan.opset)),
            session: self.session,
        })
    }

    /// The results of a node whose operands are all constant; nothing if one is not, or it is too much work.
    fn evaluated<'a>(
        &self,
        at: &NodeAt<'_, 'm>,
        inputs: &[Option<Operand<'c, 'a>>],
    ) -> Result<Option<Vec<Operand<'c, 'a>>>, String>
    where
        'c: 'a,
    {
        if inputs.iter().flatten().any(|operand| operand.as_constant().is_none()) {
            return Ok(None);
        }
        // Its ops are made aside, evaluated and dropped.
        let region = Region::new();
        let block = region.append_block(Block::new(&[]));
        let builder = Builder::at_end(self.context, block, Location::unknown(self.context));
        let inputs = inputs.iter().map(|operand| operand.as_ref().and_then(Operand::elsewhere)).collect();
        let outputs = self.imported(at, inputs, builder)?;
        let Some(values) = Evaluated::new(block, &self.session.work)? else { return Ok(None) };
        let constant = |operand: &Operand<'c, '_>| match operand {
            Operand::Tensor(value) => Ok(Operand::constant(values.constant(*value)?, at.label)),
            Operand::Constant(_) => operand.elsewhere().ok_or_else(|| "a constant is none".to_string()),
        };
        outputs.iter().map(constant).collect::<Result<_, _>>().map(Some)
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

/// Whether an output depends on a node.
fn is_needed(plan: &Plan<'_>, node: &NodeProto) -> bool {
    node.output.iter().any(|name| plan.needed.contains(name.as_str()))
}

/// The last node that reads each name; the graph's outputs are read after all nodes.
fn last_readers<'m>(plan: &Plan<'m>) -> BTreeMap<&'m str, usize> {
    let nodes = plan.graph.node.iter().enumerate().filter(|(_, node)| is_needed(plan, node));
    let mut last: BTreeMap<_, _> =
        nodes.flat_map(|(index, node)| node.input.iter().map(move |name| (name.as_str(), index))).collect();
    last.extend(plan.graph.output.iter().map(|output| (output.name(), usize::MAX)));
    last
}

/// The stem of a file name as a C identifier.
fn identifier(file: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let name: String =
        stem.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    match name.chars().next() {
        None => "model".into(),
        Some(first) if first.is_ascii_digit() => format!("net_{name}"),
        // C reserves such names.
        Some('_') => format!("net{name}"),
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
        assert_eq!(identifier("_x.onnx"), "net_x");
    }
}
