//! What small models become, and what is said against bad ones.

#![allow(clippy::expect_used, reason = "helpers of tests")]

mod common;

use ait_tools::onnx::proto::*;
use ait_tools::onnx::{ImportOptions, import, import_bytes};
use common::*;
use melior::ir::operation::{OperationLike, OperationPrintingFlags};

fn text(model: &Model, options: &ImportOptions, locations: bool) -> Result<String, String> {
    let context = ait_dialects::context();
    let module = import_bytes(&context, "net.onnx", model.bytes().into(), None, options)
        .map_err(|error| error.to_string())?;
    assert!(ait_dialects::verify(&module));
    let flags = OperationPrintingFlags::new().enable_debug_info(locations, false);
    module.as_operation().to_string_with_flags(flags).map_err(|error| error.to_string())
}

#[test]
fn models_become_ait() {
    let options = ImportOptions { batch: Some(2), ..ImportOptions::default() };
    for (name, model) in models() {
        let options = if name == "convolution" { options.clone() } else { ImportOptions::default() };
        insta::assert_snapshot!(name, text(&model, &options, name == "convolution").expect("an import"));
    }
}

/// What a model without symbolic dimensions is refused for.
fn refusal(model: &Model) -> String {
    text(model, &ImportOptions::default(), false).expect_err("a refusal")
}

/// A node over `x` of a shape, with a weight `w`.
fn one(opset: i64, shape: &str, operator: &str, inputs: &str, attributes: &[AttributeProto]) -> Model {
    let model = Model::new(opset).input("x", shape).weights("w", &[2, 3, 3, 3]);
    model.ints("i", &[1, 1]).node(operator, inputs, "y", attributes).output("y")
}

#[test]
fn bad_nodes_are_named() {
    let image = "1 3 8 8";
    let nodes = [
        one(13, image, "Conv", "x w", &[string("auto_pad", "VALID"), ints("pads", &[1, 1, 1, 1])]),
        one(13, image, "Conv", "x w", &[ints("pads", &[1, 1, 1])]),
        one(13, image, "Conv", "x w", &[ints("strides", &[0, 1])]),
        one(13, image, "Conv", "x w", &[ints("kernel_shape", &[5, 5])]),
        one(13, image, "Conv", "x w", &[int("group", 2)]),
        one(13, image, "Conv", "x w", &[int("groups", 1)]),
        one(13, image, "Conv", "x w", &[float("group", 1.0)]),
        one(13, image, "Conv", "x", &[]),
        one(13, "1 3 8 8 8", "Conv", "x w", &[]),
        one(13, "1 3 2 2", "Conv", "x w", &[]),
        one(13, image, "MaxPool", "x", &[]),
        one(13, image, "MaxPool", "x", &[ints("kernel_shape", &[1 << 40, 1])]),
        one(13, image, "Resize", "x", &[]),
        one(13, image, "HardSwish", "x", &[]),
        one(13, image, "Reshape", "x i", &[]),
        one(13, image, "Reshape", "x x", &[]),
        one(13, image, "Transpose", "x", &[ints("perm", &[0, 1, 1, 2])]),
        one(13, image, "Concat", "x x", &[int("axis", 4)]),
        one(13, image, "Concat", "x i", &[int("axis", 0)]),
        one(13, image, "Slice", "x i i i i", &[]),
        one(13, image, "Split", "x i", &[int("axis", 1)]),
        one(13, image, "Pad", "x i", &[]),
        one(13, image, "Add", "x w", &[]),
        one(13, image, "BatchNormalization", "x w w w w", &[]),
        one(13, image, "BatchNormalization", "x w w w x", &[]),
        one(14, image, "BatchNormalization", "x w w w w", &[int("training_mode", 1)]),
        one(13, image, "Softmax", "x", &[int("axis", -5)]),
        one(13, image, "Cast", "x", &[int("to", 10)]),
        one(13, image, "ConstantOfShape", "huge", &[]).ints("huge", &[1 << 20, 1 << 20]),
        one(13, image, "Relu", "missing", &[]),
        one(13, image, "Relu", "y", &[]),
        one(13, image, "Relu", "late", &[]).node("Relu", "x", "late", &[]),
        one(13, image, "Conv", "x half", &[]).tensor(tensor("half", &[2, 3, 3, 3], 10)),
        one(13, image, "Conv", "x short", &[])
            .tensor(TensorProto { raw_data: Some(vec![0; 8].into()), ..tensor("short", &[2, 3, 3, 3], 1) }),
        one(13, image, "Relu", "huge", &[]).tensor(tensor("huge", &[1 << 62, 1 << 62], 1)),
        one(13, image, "Relu", "far", &[])
            .tensor(TensorProto { data_location: Some(1), ..tensor("far", &[1], 1) }),
        Model::new(13).input("x", image).named(None, "Gelu", "x", "y", &[]).output("y"),
        Model::new(13)
            .input("x", image)
            .node("MaxPool", "x", "y j", &[ints("kernel_shape", &[2, 2])])
            .output("y")
            .output("j"),
    ];
    insta::assert_snapshot!(nodes.iter().map(refusal).collect::<Vec<_>>().join("\n"));
}

#[test]
fn bad_models_are_named() {
    let relu = |shape: &str| Model::new(13).input("x", shape).node("Relu", "x", "y", &[]).output("y");
    let changed = |change: &dyn Fn(&mut ModelProto)| {
        let mut model = relu("1 2");
        change(&mut model.0);
        model
    };
    let graph =
        |change: &dyn Fn(&mut GraphProto)| changed(&|model| change(model.graph.as_mut().expect("it")));
    let models = [
        relu("N 2"),
        relu("? 2"),
        relu("1 H"),
        relu("1 ?"),
        relu("1 0"),
        relu("1099511627776 1099511627776"),
        changed(&|model| model.graph = None),
        changed(&|model| model.ir_version = Some(99)),
        changed(&|model| model.opset_import.clear()),
        changed(&|model| model.opset_import[0].version = Some(8)),
        changed(&|model| model.opset_import[0].version = Some(99)),
        graph(&|graph| graph.input[0] = value_info("x", "1 2", 10)),
        graph(&|graph| graph.input[0].r#type = None),
        graph(&|graph| graph.output[0] = value_info("y", "1 2", 7)),
        graph(&|graph| graph.output.clear()),
        graph(&|graph| graph.output.push(graph.output[0].clone())),
        graph(&|graph| graph.input.push(graph.input[0].clone())),
        graph(&|graph| graph.node.push(graph.node[0].clone())),
        graph(&|graph| graph.initializer = vec![tensor("w", &[], 1); 2]),
        graph(&|graph| graph.sparse_initializer = vec![SparseTensorProto::default()]),
        relu("1 2").node("Shape", "x", "s", &[]).output("s"),
    ];
    insta::assert_snapshot!(models.iter().map(refusal).collect::<Vec<_>>().join("\n"));
}

#[test]
fn options_bind_dimensions() {
    let model = Model::new(13).input("x", "N C ?").node("Relu", "x", "y", &[]).output("y");
    let named = |batch, dims: &[(&str, u64)]| {
        let dims = dims.iter().map(|(name, value)| ((*name).to_string(), *value)).collect();
        text(&model, &ImportOptions { batch, dims, any_batch: false }, false)
    };
    let flat = Model::new(13).input("x", "N C").node("Relu", "x", "y", &[]).output("y");
    let bound = |batch, dims: &[(&str, u64)]| {
        let dims = dims.iter().map(|(name, value)| ((*name).to_string(), *value)).collect();
        text(&flat, &ImportOptions { batch, dims, any_batch: false }, false)
    };
    assert!(bound(Some(4), &[("C", 3)]).expect("bound").contains("tensor<4x3xf32>"));
    assert!(bound(None, &[("N", 4), ("C", 3)]).expect("bound").contains("tensor<4x3xf32>"));
    let refusals = [
        named(Some(1), &[("C", 3)]),
        bound(None, &[]),
        bound(Some(4), &[]),
        bound(Some(4), &[("N", 5), ("C", 3)]),
        bound(Some(4), &[("c", 5)]),
        bound(Some(0), &[("C", 3)]),
        bound(Some(u64::MAX), &[("C", 3)]),
    ];
    insta::assert_snapshot!(refusals.map(|text| text.expect_err("a refusal")).join("\n"));
}

/// `--batch` binds the inputs that leave dimension 0 open, and says so when there is none.
#[test]
fn a_batch_leaves_fixed_inputs_alone() {
    let add = |x: &str, mask: &str| {
        let model = Model::new(13).input("x", x).input("mask", mask).input("scalar", "");
        let model = model.node("Mul", "x mask", "m", &[]).node("Add", "m scalar", "y", &[]);
        let options = ImportOptions { batch: Some(2), ..ImportOptions::default() };
        text(&model.output("y"), &options, false)
    };
    assert!(add("N 3 4", "1 3 4").expect("bound").contains("%arg0: tensor<2x3x4xf32>"));
    assert!(add("1 3 4", "? 3 4").expect("bound").contains("%arg1: tensor<2x3x4xf32>"));
    assert!(add("2 3 4", "2 3 4").is_ok());
    let refusals = [add("8 3 4", "1 3 4"), add("2 3 4", "4"), add("1 3 4", "1 3 4")];
    insta::assert_snapshot!(refusals.map(|text| text.expect_err("a refusal")).join("\n"));
}

/// Names of a megabyte and with control characters, in every place where an error quotes one.
#[test]
fn what_errors_quote_is_short_and_on_one_line() {
    let long = "n\u{1b}\n".repeat(1 << 18);
    let relu = |name: &str, operator: &str, input: &str, attributes: &[AttributeProto]| {
        let model = Model::new(13).input("x", "1 2");
        let mut model = model.named(Some(name.into()), operator, "x", "y", attributes).output("y");
        let graph = model.0.graph.as_mut().expect("a graph");
        graph.node[0].input[0] = input.into();
        refusal(&model)
    };
    let dimension = value_info("z", "1", 1);
    let mut with_dimension = Model::new(13).input("x", "1 2").node("Relu", "x", "y", &[]).output("y");
    let graph = with_dimension.0.graph.as_mut().expect("a graph");
    graph.input.push(dimension);
    let dims = graph.input[1].r#type.as_mut().and_then(|r#type| r#type.tensor_type.as_mut()?.shape.as_mut());
    dims.expect("a shape").dim[0] = Dimension { dim_value: None, dim_param: Some(long.clone()) };
    let errors = [
        relu(&long, "Conv", "x", &[]),
        relu("r", &long, "x", &[]),
        relu("r", "Relu", &long, &[]),
        relu("r", "Relu", "x", &[int(&long, 1)]),
        relu("r", "Relu", "x", &[int(&long, 1), int(&long, 1)]),
        relu(&long, &long, &long, &[int(&long, 1)]),
        refusal(&with_dimension),
        refusal(&Model::new(13).input(&long, "N").node("Relu", "x", "y", &[]).output("y")),
    ];
    for error in &errors {
        assert!(error.len() < 5000 && !error.contains(char::is_control), "{error}");
        assert!(error.starts_with("net.onnx: "), "{error}");
    }
}

#[test]
fn external_data_stays_in_the_models_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("w.bin"), [0u8; 4].iter().chain(&1.5f32.to_le_bytes()).copied().collect::<Vec<_>>())
        .expect("written");
    let entry =
        |key: &str, value: &str| StringStringEntryProto { key: Some(key.into()), value: Some(value.into()) };
    let import = |location: &str, offset: &str, length: &str| {
        let external = TensorProto {
            data_location: Some(1),
            external_data: vec![
                entry("location", location),
                entry("offset", offset),
                entry("length", length),
            ],
            ..tensor("w", &[1], 1)
        };
        let model = Model::new(13).input("x", "2").tensor(external).node("Add", "x w", "y", &[]).output("y");
        std::fs::write(at("net.onnx"), model.bytes()).expect("written");
        let context = ait_dialects::context();
        import(&context, &at("net.onnx"), &ImportOptions::default())
            .map(|module| module.as_operation().to_string())
            .map_err(|error| error.to_string())
    };
    for location in ["w.bin", "./w.bin", ".//./w.bin"] {
        assert!(import(location, "4", "4").expect("in range").contains("dense<1.500000e+00>"), "{location}");
    }
    let refusals = [
        import("w.bin", "4", "8"),
        import("w.bin", "8", "4"),
        import("w.bin", "18446744073709551615", "4"),
        import("w.bin", "x", "4"),
        import("../w.bin", "4", "4"),
        import("./../w.bin", "4", "4"),
        import(".", "4", "4"),
        import("/etc/passwd", "0", "4"),
        import("", "0", "4"),
        import("none.bin", "0", "4"),
    ];
    insta::assert_snapshot!(refusals.map(|text| text.expect_err("a refusal")).join("\n"));
}
