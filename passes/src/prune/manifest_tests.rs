use std::path::PathBuf;

use ait_dialects::types;
use tempfile::TempDir;

use super::*;
use crate::prune::{Amount, Config, apply, plan};

/// A network of a stem and two convolutions, `a` (4 x 3 x 1 x 2) and `b` (2 groups of 2 x 2), with these weights of `a`.
fn network(weights: &[f32], stride: i64) -> String {
    let conv = |input: &str, filter: &str, bias: &str, groups: i64, stride: i64, types: &str, name: &str| {
        format!(
            "\"ait.conv2d\"({input}, {filter}, {bias}) {{strides = array<i64: {stride}, {stride}>, \
             pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = {groups} : i64, \
             epilogue = {{act = \"identity\"}}}} : {types} loc(\"{name}\")\n"
        )
    };
    let rows: Vec<_> = weights
        .chunks(6)
        .map(|row| {
            let pairs: Vec<_> =
                row.chunks(2).map(|pair| format!("[[{:?}, {:?}]]", pair[0], pair[1])).collect();
            format!("[{}]", pairs.join(", "))
        })
        .collect();
    let side = 7 / stride + stride - 1;
    let a = format!("tensor<1x4x{side}x{side}xf32>");
    [
        format!("func.func @main(%x: tensor<1x3x7x8xf32>) -> {a} {{\n"),
        "%s = \"ait.constant\"() {value = dense<1.0> : tensor<3x3x1x1xf32>} : () -> tensor<3x3x1x1xf32>\n".into(),
        "%sb = \"ait.constant\"() {value = dense<0.0> : tensor<3xf32>} : () -> tensor<3xf32>\n".into(),
        "%ab = \"ait.constant\"() {value = dense<0.0> : tensor<4xf32>} : () -> tensor<4xf32>\n".into(),
        format!(
            "%aw = \"ait.constant\"() {{value = dense<[{}]> : tensor<4x3x1x2xf32>}} : () -> tensor<4x3x1x2xf32>\n",
            rows.join(", ")
        ),
        "%bw = \"ait.constant\"() {value = dense<2.0> : tensor<4x2x1x1xf32>} : () -> tensor<4x2x1x1xf32>\n".into(),
        "%0 = ".into(),
        conv(
            "%x",
            "%s",
            "%sb",
            1,
            1,
            "(tensor<1x3x7x8xf32>, tensor<3x3x1x1xf32>, tensor<3xf32>) -> tensor<1x3x7x8xf32>",
            "stem",
        ),
        "%1 = ".into(),
        conv(
            "%0",
            "%aw",
            "%ab",
            1,
            stride,
            &format!("(tensor<1x3x7x8xf32>, tensor<4x3x1x2xf32>, tensor<4xf32>) -> {a}"),
            "a",
        ),
        "%2 = ".into(),
        conv(
            "%1",
            "%bw",
            "%ab",
            2,
            1,
            &format!("({a}, tensor<4x2x1x1xf32>, tensor<4xf32>) -> {a}"),
            "b",
        ),
        format!("return %2 : {a}\n}}\n"),
    ]
    .concat()
}

fn weights() -> Vec<f32> {
    (0..24).map(|index| ((index * 7 + 3) % 11) as f32 - 4.5).collect()
}

struct Case {
    context: melior::Context,
    directory: TempDir,
}

impl Case {
    fn new() -> Self {
        Self { context: ait_dialects::context(), directory: TempDir::new().unwrap() }
    }

    fn module(&self, text: &str) -> Module<'_> {
        Module::parse(&self.context, text).unwrap()
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("net.masks.safetensors")
    }

    /// Writes the manifest of [`network`] at 50 %.
    fn written(&self) -> Manifest {
        let module = self.module(&network(&weights(), 1));
        let mut config = Config::uniform(Amount::Sparsity(0.5));
        config.defaults.tile = Some(3);
        let manifest = Manifest::new(&module, plan(&module, &config).unwrap()).unwrap();
        manifest.write(&self.path()).unwrap();
        manifest
    }

    /// Reads it after a change of the JSON file.
    fn edited(&self, from: &str, to: &str) -> String {
        let path = Manifest::header_path(&self.path());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let error = Manifest::read(&self.path()).unwrap_err();
        std::fs::write(&path, text).unwrap();
        error.rsplit_once("safetensors: ").map_or(error.clone(), |(_, message)| message.to_owned())
    }
}

fn filter<'c>(module: &Module<'c>, name: &str) -> (Vec<f32>, String) {
    use melior::ir::ValueLike;
    let rewriter = Rewriter::new(module);
    let sites = sites(&rewriter).unwrap();
    let site = sites.iter().find(|site| site.layer.name == name).unwrap();
    let value = site.filter().unwrap();
    (types::f32_data(crate::rewrite::constant(value).unwrap()).unwrap(), value.r#type().to_string())
}

#[test]
fn masks_survive_the_file_and_retraining() {
    let case = Case::new();
    let manifest = case.written();
    let bytes = std::fs::read(case.path()).unwrap();
    assert_eq!(Manifest::read(&case.path()).unwrap(), manifest);
    case.written();
    assert_eq!(std::fs::read(case.path()).unwrap(), bytes, "the same input gives the same bytes");

    assert_eq!(manifest.layers.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let module = case.module(&network(&weights(), 1));
    apply(&module, &manifest.layers).unwrap();
    let (pruned, kind) = filter(&module, "a");
    assert!(kind.contains("nm.columns<3 : i64, 6 : i64, 3 : i64>"), "{kind}");
    assert_eq!(pruned.iter().filter(|value| **value == 0.0).count(), 12);
    assert!(ait_dialects::verify(&module));

    // Kept weights change, some to zero: the masks stay.
    let mut retrained: Vec<_> = pruned.iter().map(|value| value * 1.5).collect();
    let at = retrained.iter().position(|value| *value != 0.0).unwrap();
    retrained[at] = 0.0;
    // `b` is dense in the text; its pruned columns must be zero too.
    let text = network(&retrained, 1);
    let b = "dense<2.0> : tensor<4x2x1x1xf32>";
    let zeroed = "dense<[[[[2.0]], [[0.0]]], [[[2.0]], [[0.0]]], [[[2.0]], [[0.0]]], [[[2.0]], [[0.0]]]]> : tensor<4x2x1x1xf32>";
    let module = case.module(&text.replace(b, zeroed));
    assert_eq!(manifest.masks(&module).unwrap(), manifest.layers);
    let error = manifest.masks(&case.module(&text)).unwrap_err().to_string();
    assert!(
        error.ends_with("'ait.conv2d' op row 0 has 2 in column 1, outside the mask of tile 0"),
        "{error}"
    );
}

#[test]
fn other_networks_are_refused() {
    let case = Case::new();
    let mut manifest = case.written();
    let error = |manifest: &Manifest, text: &str| manifest.masks(&case.module(text)).unwrap_err().to_string();
    let text = network(&weights(), 1);
    let renamed = error(&manifest, &text.replace("loc(\"b\")", "loc(\"c\")"));
    assert!(renamed.contains("outside the mask of tile"), "{renamed}");
    let module = case.module(&text);
    apply(&module, &manifest.layers).unwrap();
    let pruned = module.as_operation().to_string();
    assert!(pruned.contains("nm.columns"));
    // A stride is no weight: only the fingerprint tells.
    let mut of_b = manifest.clone();
    of_b.layers.clear();
    let strided = error(&of_b, &network(&weights(), 2).replace("loc(\"stem\")", "loc(\"other\")"));
    assert!(
        strided.contains("the masks are another network's: its layers have the fingerprint "),
        "{strided}"
    );
    manifest.layers[0].mask.rows = 8;
    let shape = error(&manifest, &text);
    assert!(
        shape.contains("a mask for groups, rows, columns [1, 8, 6] is not for weights of [1, 4, 6]"),
        "{shape}"
    );
    manifest.layers[0].kind = Kind::Gemm;
    assert!(error(&manifest, &text).contains("is Conv2d, its mask is for Gemm"));
    manifest.layers[0].name = "zz".into();
    assert!(error(&manifest, &text).contains("the masks have layer 'zz', which this network lacks"));
    let lacking = apply(&case.module(&text), &manifest.layers).unwrap_err().to_string();
    assert!(lacking.contains("there is no layer 'zz' to prune"), "{lacking}");
}

#[test]
fn damaged_files_are_errors() {
    let case = Case::new();
    case.written();
    let edits = [
        (
            "\"version\": 1",
            "\"version\": 2",
            "json: format is ait-masks version 2, expected ait-masks version 1",
        ),
        ("\"name\": \"a\"", "\"name\": \"b\"", "mask 'a' is of no layer in the .json file"),
        ("\"K\": 6", "\"K\": 7", "layer 'a': the mask is U8 of shape [2, 6], not U8 of tiles x 7"),
        ("\"rows\": 4", "\"rows\": 9", "layer 'a': a mask of 2 tiles is not for 3"),
        (
            "\"n\": 3",
            "\"n\": 2",
            "layer 'a': tile 0 keeps 3 columns of group 0, where #nm.columns<2, 6, 3> keeps 2",
        ),
        ("\"n\": 3", "\"n\": 9", "layer 'a': #nm.columns<9, 6, 3> has n outside 1 to 6"),
        ("\"tile\": 3", "\"tlie\": 3", "unknown field `tlie`"),
        (
            "\"fingerprint\": \"",
            "\"fingerprint\": \"0",
            "these masks do not belong to the .json file beside them: the fingerprints differ",
        ),
    ];
    for (from, to, expected) in edits {
        let error = case.edited(from, to);
        assert!(error.contains(expected), "{error}");
    }
    let json = std::fs::read_to_string(Manifest::header_path(&case.path())).unwrap();
    let first = json.find("    {").unwrap();
    let entry = &json[first..json.find("    },").unwrap() + 6];
    assert!(case.edited(entry, "").contains("mask 'a' is of no layer"));
    assert!(case.edited(entry, &entry.repeat(2)).contains("layer 'a' is there twice"));
    assert!(
        case.edited(entry, &format!("{entry}{}", entry.replace("\"a\"", "\"c\"")))
            .contains("layer 'c': has no mask")
    );

    let mut bytes = std::fs::read(case.path()).unwrap();
    *bytes.last_mut().unwrap() = 2;
    std::fs::write(case.path(), &bytes).unwrap();
    assert!(Manifest::read(&case.path()).unwrap_err().contains("neither 0 nor 1"));
    bytes.truncate(20);
    std::fs::write(case.path(), &bytes).unwrap();
    assert!(Manifest::read(&case.path()).unwrap_err().contains("net.masks.safetensors: "));
    std::fs::remove_file(case.path()).unwrap();
    assert!(Manifest::read(&case.path()).unwrap_err().contains("No such file"));
    assert!(
        Manifest::read(&case.path().with_extension("bin"))
            .unwrap_err()
            .contains("masks are in a .safetensors file")
    );
}
