//! Small ONNX models made in Rust.

#![allow(clippy::expect_used, dead_code, reason = "helpers of several tests")]

use ait_tools::onnx::proto::*;
use prost::Message;

/// A model under construction.
#[derive(Clone)]
pub struct Model(pub ModelProto);

impl Model {
    /// An empty graph of an opset.
    pub fn new(opset: i64) -> Self {
        Self(ModelProto {
            ir_version: Some(8),
            opset_import: vec![OperatorSetIdProto { domain: None, version: Some(opset) }],
            graph: Some(GraphProto { name: Some("graph".into()), ..GraphProto::default() }),
        })
    }

    fn graph(&mut self) -> &mut GraphProto {
        self.0.graph.as_mut().expect("a graph")
    }

    /// A `float` input; dimensions that are no numbers are names, `?` is unknown.
    pub fn input(mut self, name: &str, dims: &str) -> Self {
        self.graph().input.push(value_info(name, dims, 1));
        self
    }

    /// An output of unstated shape.
    pub fn output(mut self, name: &str) -> Self {
        self.graph().output.push(ValueInfoProto { name: Some(name.into()), r#type: None });
        self
    }

    /// A `float` initializer counting up in steps of 1/4.
    pub fn weights(self, name: &str, dims: &[i64]) -> Self {
        let count = dims.iter().product::<i64>();
        let values = (0..count).map(|index| index as f32 / 4.0).collect();
        self.tensor(TensorProto { float_data: values, ..tensor(name, dims, 1) })
    }

    /// An `int64` vector as initializer.
    pub fn ints(self, name: &str, values: &[i64]) -> Self {
        let shape = [values.len() as i64];
        self.tensor(TensorProto { int64_data: values.to_vec(), ..tensor(name, &shape, 7) })
    }

    /// A `float` scalar as initializer.
    pub fn scalar(self, name: &str, value: f32) -> Self {
        self.tensor(TensorProto { float_data: vec![value], ..tensor(name, &[], 1) })
    }

    /// An initializer.
    pub fn tensor(mut self, tensor: TensorProto) -> Self {
        self.graph().initializer.push(tensor);
        self
    }

    /// A node called like its first output; names are separated by spaces, `_` is an absent one.
    pub fn node(self, operator: &str, inputs: &str, outputs: &str, attributes: &[AttributeProto]) -> Self {
        let name = format!("{operator}_{}", outputs.split(' ').next().unwrap_or_default());
        self.named(Some(name), operator, inputs, outputs, attributes)
    }

    /// A node with or without a name.
    pub fn named(
        mut self,
        name: Option<String>,
        operator: &str,
        inputs: &str,
        outputs: &str,
        attributes: &[AttributeProto],
    ) -> Self {
        let names = |names: &str| {
            let names = names.split(' ').filter(|name| !name.is_empty());
            names.map(|name| if name == "_" { String::new() } else { name.into() }).collect()
        };
        self.graph().node.push(NodeProto {
            input: names(inputs),
            output: names(outputs),
            name,
            op_type: Some(operator.into()),
            attribute: attributes.to_vec(),
            domain: None,
        });
        self
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }
}

/// Name and type of an input.
pub fn value_info(name: &str, dims: &str, elem_type: i32) -> ValueInfoProto {
    let dims = dims.split_whitespace().map(|dim| match dim.parse() {
        Ok(value) => Dimension { dim_value: Some(value), dim_param: None },
        Err(_) => Dimension { dim_value: None, dim_param: (dim != "?").then(|| dim.into()) },
    });
    let shape = Some(TensorShapeProto { dim: dims.collect() });
    let tensor_type = Some(TensorTypeProto { elem_type: Some(elem_type), shape });
    ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type }) }
}

/// A tensor without data.
pub fn tensor(name: &str, dims: &[i64], data_type: i32) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: dims.to_vec(),
        data_type: Some(data_type),
        ..TensorProto::default()
    }
}

fn attribute(name: &str, r#type: AttributeType) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(r#type.into()), ..AttributeProto::default() }
}

/// An integer attribute.
pub fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: Some(value), ..attribute(name, AttributeType::Int) }
}

/// A list of integers.
pub fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.to_vec(), ..attribute(name, AttributeType::Ints) }
}

/// A number.
pub fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: Some(value), ..attribute(name, AttributeType::Float) }
}

/// A string.
pub fn string(name: &str, value: &str) -> AttributeProto {
    AttributeProto { s: Some(value.to_string().into()), ..attribute(name, AttributeType::String) }
}

/// A tensor attribute.
pub fn tensor_attribute(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto { t: Some(Box::new(value)), ..attribute(name, AttributeType::Tensor) }
}

/// Models that together use most operators, small enough to be mutated byte by byte.
pub fn models() -> Vec<(&'static str, Model)> {
    vec![
        ("convolution", convolution()),
        ("one_dimension", one_dimension()),
        ("classifier", classifier()),
        ("shapes", shapes()),
        ("movement", movement()),
        ("old", old()),
    ]
}

/// Convolution, batch norm, activations, residual, pools.
pub fn convolution() -> Model {
    let same = [string("auto_pad", "SAME_UPPER"), ints("strides", &[2, 2])];
    let norm = ["scale", "shift", "mean", "var"];
    let model = norm.iter().fold(Model::new(13), |model, name| model.weights(name, &[4]));
    model
        .input("x", "N 2 7 9")
        .weights("w", &[4, 1, 3, 3])
        .weights("w1", &[4, 4, 1, 1])
        .weights("b1", &[4])
        .node("Conv", "x w", "c", &[int("group", 2), same[0].clone(), same[1].clone()])
        .node("BatchNormalization", "c scale shift mean var", "n", &[float("epsilon", 1e-3)])
        .node("Relu", "n", "r", &[])
        .node("Conv", "r w1 b1", "d", &[ints("kernel_shape", &[1, 1])])
        .node("Add", "d r", "s", &[])
        .node(
            "MaxPool",
            "s",
            "m",
            &[ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2]), int("ceil_mode", 1)],
        )
        .node("AveragePool", "m", "a", &[ints("kernel_shape", &[2, 2]), ints("pads", &[1, 0, 0, 1])])
        .node("HardSwish", "a", "h", &[])
        .node("GlobalAveragePool", "h", "y", &[])
        .output("y")
        .at_opset(14)
}

impl Model {
    /// The same graph under another opset.
    pub fn at_opset(mut self, opset: i64) -> Self {
        self.0.opset_import[0].version = Some(opset);
        self
    }
}

/// Signals: windows along one dimension.
pub fn one_dimension() -> Model {
    Model::new(13)
        .input("x", "1 2 16")
        .weights("w", &[3, 2, 5])
        .node("Conv", "x w", "c", &[ints("dilations", &[2]), ints("pads", &[4, 4])])
        .node("MaxPool", "c", "m", &[ints("kernel_shape", &[2]), ints("strides", &[2])])
        .node("LeakyRelu", "m", "l", &[float("alpha", 0.1)])
        .node("ReduceMean", "l", "y", &[ints("axes", &[-1]), int("keepdims", 0)])
        .output("y")
}

/// Fully connected layers in all their spellings, softmax.
pub fn classifier() -> Model {
    Model::new(13)
        .input("x", "2 3 2 2")
        .input("z", "5 4")
        .weights("w", &[12, 5])
        .weights("b", &[1, 5])
        .weights("v", &[5, 4])
        .weights("u", &[4])
        .node("Flatten", "x", "f", &[])
        .node("Gemm", "f w b", "g", &[float("alpha", 0.5), float("beta", 2.0)])
        .node("MatMul", "g v", "m", &[])
        .node("Gemm", "g z m", "h", &[float("alpha", 2.0)])
        .node("MatMul", "h u", "k", &[])
        .node("Unsqueeze", "k one", "q", &[])
        .node("Sum", "q h m", "s", &[])
        .node("Softmax", "s", "y", &[])
        .ints("one", &[1])
        .output("y")
}

/// A shape computation as exporters write it, and constants in expressions.
pub fn shapes() -> Model {
    Model::new(13)
        .input("x", "2 3 4 5")
        .ints("zero", &[0])
        .ints("two", &[2])
        .ints("minus", &[-1])
        .scalar("low", -1.0)
        .node("Shape", "x", "shape", &[])
        .node("Slice", "shape zero two", "head", &[])
        .node("Gather", "shape zero", "n", &[int("axis", 0)])
        .node("Concat", "n minus", "target", &[int("axis", 0)])
        .node("Reshape", "x target", "r", &[])
        .node("Constant", "", "half", &[float("value_float", 0.5)])
        .node("Add", "half half", "whole", &[])
        .node("Div", "r whole", "d", &[])
        .node("Clip", "d low", "c", &[])
        .node("Mul", "head two", "doubled", &[])
        .node("ConstantOfShape", "doubled", "zeros", &[])
        .node("ReduceMean", "zeros", "mean", &[])
        .node("Sub", "c mean", "y", &[])
        .output("y")
}

/// Slices, splits, concatenations, transposes, pads.
pub fn movement() -> Model {
    Model::new(13)
        .input("x", "1 6 4 4")
        .ints("starts", &[-1, 0])
        .ints("ends", &[i64::MIN, 3])
        .ints("axes", &[3, -2])
        .ints("steps", &[-2, 1])
        .ints("sizes", &[1, 2])
        .ints("pads", &[0, 0, 1, 0, 0, 0, 0, 1])
        .ints("last", &[-1])
        .node("Slice", "x starts ends axes steps", "s", &[])
        .node("Transpose", "s", "t", &[ints("perm", &[0, 1, 3, 2])])
        .node("Split", "t sizes", "p q", &[int("axis", 3)])
        .node("Concat", "q p q", "c", &[int("axis", -1)])
        .node("Pad", "c pads", "z", &[])
        .node("Pad", "z pads", "e", &[string("mode", "reflect")])
        .node("Gather", "e last", "y", &[int("axis", 1)])
        .output("y")
}

/// Attributes where newer opsets have operands.
pub fn old() -> Model {
    Model::new(9)
        .input("x", "1 4 3 3")
        .weights("slope", &[4, 1, 1])
        .node("Clip", "x", "c", &[float("min", 0.0), float("max", 6.0)])
        .node("Slice", "c", "s", &[ints("starts", &[1]), ints("ends", &[i64::MAX]), ints("axes", &[1])])
        .node("Pad", "s", "p", &[ints("pads", &[0, 1, 0, 0, 0, 0, 0, 0]), float("value", 1.0)])
        .node("PRelu", "p slope", "r", &[])
        .node("Dropout", "r", "d", &[float("ratio", 0.2)])
        .node("Split", "d", "a b", &[int("axis", 1), ints("split", &[3, 1])])
        .node("Squeeze", "b", "q", &[ints("axes", &[0, 1])])
        .node("Mul", "a q", "m", &[])
        .node("Softmax", "m", "y", &[])
        .output("y")
}
