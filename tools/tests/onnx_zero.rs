//! Pruned weights become zero in the file, and nothing else changes.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use ait_tools::onnx::proto::{ModelProto, StringStringEntryProto, TensorProto};
use ait_tools::onnx::zero::{Outside, Pruned, zero};
use bytes::Bytes;
use common::{Model, int, ints, tensor, tensor_attribute};
use prost::Message;

/// One tile of all rows that loses some columns.
fn pruned(node: &str, rows: usize, k: usize, columns: &[usize]) -> Pruned {
    Pruned { node: node.into(), rows, k, zeros: vec![(0..rows, columns.to_vec())] }
}

fn raw(name: &str, dims: &[i64]) -> TensorProto {
    let count = dims.iter().product::<i64>();
    let bytes: Vec<u8> = (0..count).flat_map(|index| (index as f32 + 1.0).to_le_bytes()).collect();
    TensorProto { raw_data: Some(bytes.into()), ..tensor(name, dims, 1) }
}

fn convolution(weights: TensorProto) -> Model {
    let model = Model::new(13).input("x", "1 2 4 4").tensor(weights);
    model.node("Conv", "x w", "y", &[ints("pads", &[1, 1, 1, 1])]).output("y")
}

fn floats(tensor: &TensorProto) -> Vec<f32> {
    match &tensor.raw_data {
        Some(raw) => raw.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        None => tensor.float_data.clone(),
    }
}

/// A model whose weights are in its own file.
fn inside(model: &[u8], pruned: &[Pruned]) -> Result<Vec<u8>, String> {
    let outside = Outside { directory: None, name: "net.onnx.data" };
    zero(&Bytes::copy_from_slice(model), outside, pruned).map(|(model, relocated)| {
        assert!(relocated.is_none());
        model
    })
}

/// The zeros of tensor `index` after the change; all else must be as before.
fn zeros(model: &[u8], pruned: &[Pruned], index: usize) -> Vec<usize> {
    let changed = inside(model, pruned).unwrap();
    assert_eq!(changed.len(), model.len());
    let (before, after) = (ModelProto::decode(model).unwrap(), ModelProto::decode(&changed[..]).unwrap());
    let tensor = |model: &ModelProto| floats(&model.graph.as_ref().unwrap().initializer[index]);
    let (old, new) = (tensor(&before), tensor(&after));
    let zeros: Vec<_> = (0..new.len()).filter(|&at| new[at] == 0.0 && old[at] != 0.0).collect();
    assert!((0..new.len()).all(|at| new[at] == old[at] || zeros.contains(&at)));
    let different = model.iter().zip(&changed).filter(|(old, new)| old != new).count();
    assert!(different <= 4 * zeros.len(), "{different} bytes for {} elements", zeros.len());
    zeros
}

#[test]
fn columns_of_a_filter_are_taps_then_channels() {
    // 3 x 2 x 3 x 3; column (kh * 3 + kw) * 2 + c is element c * 9 + kh * 3 + kw of a row.
    let model = convolution(raw("w", &[3, 2, 3, 3])).bytes();
    let lost = pruned("Conv_y", 3, 18, &[0, 5]);
    assert_eq!(zeros(&model, &[lost], 0), [0, 11, 18, 29, 36, 47]);
    let tiles = Pruned { zeros: vec![(0..2, vec![17]), (2..3, vec![1])], ..pruned("Conv_y", 3, 18, &[]) };
    assert_eq!(zeros(&model, &[tiles], 0), [17, 35, 45]);
}

#[test]
fn typed_data_and_unknown_fields() {
    let values = (1..=54).map(|value| value as f32).collect();
    let packed = TensorProto { float_data: values, ..tensor("w", &[3, 2, 3, 3], 1) };
    let mut model = convolution(packed).bytes();
    // Field 14 of the model (metadata_props), field 2000 (of the future).
    model.extend([0x72, 2, 0x0a, 0, 0x82, 0x7d, 1, 7]);
    assert_eq!(zeros(&model, &[pruned("Conv_y", 3, 18, &[5])], 0), [11, 29, 47]);
}

#[test]
fn matrices_of_every_orientation() {
    let model = |operator: &str, dims: &[i64], attributes: &[_]| {
        let model = Model::new(13).input("x", "1 4").tensor(raw("w", dims));
        model.named(None, operator, "x w", "y", attributes).output("y").bytes()
    };
    let lost = |node: &str| [Pruned { zeros: vec![(1..2, vec![0, 3])], ..pruned(node, 2, 4, &[]) }];
    assert_eq!(zeros(&model("Gemm", &[2, 4], &[int("transB", 1)]), &lost("Gemm_0"), 0), [4, 7]);
    assert_eq!(zeros(&model("Gemm", &[4, 2], &[]), &lost("Gemm_0"), 0), [1, 7]);
    assert_eq!(zeros(&model("MatMul", &[4, 2], &[]), &lost("MatMul_0"), 0), [1, 7]);
    assert_eq!(zeros(&model("MatMul", &[4], &[]), &[pruned("MatMul_0", 1, 4, &[2])], 0), [2]);
}

#[test]
fn weights_of_a_constant_node() {
    let value = tensor_attribute("value", raw("", &[3, 2, 3, 3]));
    let model = Model::new(13).input("x", "1 2 4 4").node("Constant", "", "w", &[value]);
    let model = model.node("Conv", "x w", "y", &[]).output("y").bytes();
    let changed = inside(&model, &[pruned("Conv_y", 3, 18, &[0])]).unwrap();
    let changed = ModelProto::decode(&changed[..]).unwrap();
    let values = floats(changed.graph.unwrap().node[0].attribute[0].t.as_ref().unwrap());
    assert_eq!((values[0], values[1], values[18]), (0.0, 2.0, 0.0));
}

#[test]
fn what_cannot_be_zeroed_is_named() {
    let refused = |model: &Model, pruned: &[Pruned]| inside(&model.bytes(), pruned).unwrap_err();
    let one = [pruned("Conv_y", 3, 18, &[0])];
    let model = convolution(raw("w", &[3, 2, 3, 3]));
    assert_eq!(refused(&model, &[pruned("nobody", 3, 18, &[])]), "node 'nobody' is not in the model");
    assert_eq!(
        refused(&model, &[pruned("Conv_y", 3, 20, &[])]),
        "node 'Conv_y': weights 'w' of shape [3, 2, 3, 3] are not 3 x 20"
    );
    let shared = model.clone().node("Conv", "x w", "z", &[]).output("z");
    assert_eq!(
        refused(&shared, &one),
        "node 'Conv_y' shares weights 'w' with node 'Conv_z', which is not pruned"
    );
    let two = [one[0].clone(), pruned("Conv_z", 3, 18, &[1])];
    let differ = "node 'Conv_z' shares weights 'w' with node 'Conv_y', whose mask is another";
    assert_eq!(refused(&shared, &two), differ);
    // The same mask in both places is one mask.
    let alike = Model::new(13).input("x", "1 2 4 4").tensor(raw("w", &[3, 2, 3, 3]));
    let alike = alike.node("Conv", "x w", "y", &[]).node("Conv", "x w", "z", &[]).output("y").output("z");
    zeros(&alike.bytes(), &[one[0].clone(), pruned("Conv_z", 3, 18, &[0])], 0);

    let computed = Model::new(13).input("x", "1 2 4 4").tensor(raw("v", &[3, 2, 3, 3]));
    let computed = computed.node("Neg", "v", "w", &[]).node("Conv", "x w", "y", &[]).output("y");
    assert_eq!(
        refused(&computed, &one),
        "node 'Conv_y': weights 'w' are computed; only an initializer or a Constant's 'value' can be pruned"
    );
    let away = TensorProto { data_location: Some(1), ..tensor("w", &[3, 2, 3, 3], 1) };
    assert_eq!(
        refused(&convolution(away), &one),
        "node 'Conv_y': weights 'w' has external data without a location"
    );
}

/// A tensor of 1, 2, ... in a file, from `offset` on.
fn away(name: &str, dims: &[i64], location: &str, offset: usize) -> TensorProto {
    let entry =
        |key: &str, value: String| StringStringEntryProto { key: Some(key.into()), value: Some(value) };
    let length = dims.iter().product::<i64>() * 4;
    TensorProto {
        data_location: Some(1),
        external_data: vec![
            entry("location", location.into()),
            entry("offset", offset.to_string()),
            entry("length", length.to_string()),
            entry("checksum", "of what was".into()),
        ],
        ..tensor(name, dims, 1)
    }
}

/// Weights of two files go to one; those in the model, and what the importer does not know, stay.
#[test]
fn weights_in_other_files_move() {
    let directory = tempfile::tempdir().unwrap();
    let ascending =
        |count: u16| (1..=count).flat_map(|value| f32::from(value).to_le_bytes()).collect::<Vec<_>>();
    std::fs::write(directory.path().join("a.bin"), [vec![9; 4], ascending(54)].concat()).unwrap();
    std::fs::write(directory.path().join("b.bin"), ascending(3)).unwrap();
    let model = convolution(away("w", &[3, 2, 3, 3], "./a.bin", 4));
    let model = model.tensor(away("b", &[3, 1, 1], "b.bin", 0)).tensor(raw("c", &[1]));
    let mut bytes = model.node("Add", "y b", "z", &[]).node("Add", "z c", "r", &[]).output("r").bytes();
    bytes.extend([0x82, 0x7d, 1, 7]);
    let outside = Outside { directory: Some(directory.path()), name: "new.data" };
    let lost = [pruned("Conv_y", 3, 18, &[5])];
    let (changed, relocated) = zero(&bytes.clone().into(), outside, &lost).unwrap();
    let relocated = relocated.unwrap();
    assert_eq!(relocated.sources, ["./a.bin".to_owned(), "b.bin".to_owned()].into());
    let mut weights = ascending(54);
    [11, 29, 47].into_iter().for_each(|element| weights[element * 4..element * 4 + 4].fill(0));
    assert_eq!(relocated.data[..216], weights);
    assert_eq!(relocated.data[4096..], ascending(3));
    assert_eq!(changed[changed.len() - 4..], bytes[bytes.len() - 4..]);
    let (before, after) =
        (ModelProto::decode(&bytes[..]).unwrap(), ModelProto::decode(&changed[..]).unwrap());
    let (before, mut after) = (before.graph.unwrap(), after.graph.unwrap());
    let entries = |tensor: &TensorProto| -> Vec<String> {
        tensor.external_data.iter().map(|entry| format!("{}={}", entry.key(), entry.value())).collect()
    };
    assert_eq!(entries(&after.initializer[0]), ["location=new.data", "offset=0", "length=216"]);
    assert_eq!(entries(&after.initializer[1]), ["location=new.data", "offset=4096", "length=12"]);
    for index in 0..2 {
        after.initializer[index].external_data.clone_from(&before.initializer[index].external_data);
    }
    assert_eq!(before, after);
}

/// Every convolution of the networks, at columns that differ per layer.
#[test]
fn networks_keep_all_else() {
    for network in ["resnet18", "mobilenet_v2", "densenet121"] {
        let path = ait_runtime::paths::cache_dir().join(format!("models/{network}.onnx"));
        let file = Bytes::from(std::fs::read(&path).unwrap());
        let before = ModelProto::decode(file.clone()).unwrap().graph.unwrap();
        let dims =
            |name: &str| before.initializer.iter().find(|tensor| tensor.name() == name).unwrap().dims.clone();
        let convolutions = before.node.iter().filter(|node| node.op_type() == "Conv").map(|node| {
            let dims: Vec<usize> = dims(&node.input[1]).iter().map(|&dim| dim as usize).collect();
            let k = dims[1..].iter().product::<usize>();
            (node.input[1].clone(), pruned(node.name(), dims[0], k, &[dims[0] % k]))
        });
        let (names, lost): (Vec<_>, Vec<_>) = convolutions.unzip();
        let after = ModelProto::decode(Bytes::from(inside(&file, &lost).unwrap())).unwrap().graph.unwrap();
        assert_eq!(before.node, after.node);
        for (old, new) in before.initializer.iter().zip(&after.initializer) {
            if !names.contains(&old.name().to_owned()) {
                assert_eq!(old, new);
                continue;
            }
            let (old, new, dims) = (floats(old), floats(new), &old.dims);
            let (row, taps) = (old.len() / dims[0] as usize, (dims[2] * dims[3]) as usize);
            let column = dims[0] as usize % row;
            let at = column % dims[1] as usize * taps + column / dims[1] as usize;
            let right =
                (0..old.len()).all(|index| new[index] == if index % row == at { 0.0 } else { old[index] });
            assert!(right, "{network}");
        }
    }
}
