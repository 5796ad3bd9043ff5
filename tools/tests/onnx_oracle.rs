//! Imports what the oracle's Python environment holds: the ONNX node tests and whole networks.
//!
//! Result shapes are compared with those that the `onnx` package computed. Numbers are compared in
//! `test/onnx_node` and `test/pipeline`. Without the environment (`scripts/setup`) the tests say so and pass.

#![allow(clippy::expect_used, reason = "helpers of tests")]

use ait_tools::onnx::{ImportOptions, import};
use melior::ir::operation::OperationLike;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn cache() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache");
    std::env::var_os("AIT_CACHE").map_or_else(default, PathBuf::from)
}

fn python() -> Option<PathBuf> {
    let python = cache().join("venv/bin/python");
    if !python.exists() {
        eprintln!("skipped: {} does not exist, run scripts/setup", python.display());
    }
    python.exists().then_some(python)
}

/// The operators that the importer knows, from the page made of its table.
fn operators() -> Vec<String> {
    let page = ait_tools::onnx::docs::page();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next().map(String::from));
    rows.skip(1).collect()
}

/// Result shapes of `main` as `1x2,3`.
fn result_shapes(module: &melior::ir::Module<'_>) -> String {
    use melior::ir::BlockLike;
    use melior::ir::attribute::TypeAttribute;
    use melior::ir::r#type::FunctionType;
    let body = module.body();
    let function = body.first_operation().expect("main");
    let r#type =
        TypeAttribute::try_from(function.attribute("function_type").expect("a type")).expect("a type");
    let function = FunctionType::try_from(r#type.value()).expect("a function type");
    let shapes = (0..function.result_count()).map(|index| {
        let shape = ait_dialects::types::shape(function.result(index).expect("a result")).expect("static");
        shape.iter().map(i64::to_string).collect::<Vec<_>>().join("x")
    });
    shapes.collect::<Vec<_>>().join(",")
}

#[test]
fn node_tests_import_or_say_why_not() {
    let Some(python) = python() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx_node_models.py");
    let status = Command::new(python).arg(script).arg(directory.path()).status().expect("python runs");
    assert!(status.success());
    let known = operators();
    let index = std::fs::read_to_string(directory.path().join("index.tsv")).expect("an index");
    let (mut imported, mut refused, mut wrong) = (0, BTreeMap::<String, String>::new(), String::new());
    for line in index.lines() {
        let [name, used, shapes] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        if !used.split(',').all(|operator| known.iter().any(|name| name == operator)) {
            continue;
        }
        let context = ait_dialects::context();
        match import(&context, &directory.path().join(format!("{name}.onnx")), &ImportOptions::default()) {
            Ok(module) => {
                imported += 1;
                if !ait_dialects::verify(&module) {
                    writeln!(wrong, "{name}: does not verify").expect("text");
                }
                if result_shapes(&module) != shapes {
                    writeln!(wrong, "{name}: {} instead of {shapes}", result_shapes(&module)).expect("text");
                }
            }
            Err(error) => drop(refused.insert(name.into(), error.to_string())),
        }
    }
    assert_eq!(wrong, "");
    let mut report = format!("{imported} node tests are imported; refused are:\n");
    for reason in refused.values() {
        writeln!(report, "{reason}").expect("text");
    }
    insta::assert_snapshot!(report);
}

#[test]
fn networks_import_at_any_batch() {
    let Ok(models) = std::fs::read_dir(cache().join("models")) else {
        return eprintln!("skipped: no models in {}, run scripts/setup", cache().display());
    };
    let mut models: Vec<_> = models.map(|entry| entry.expect("an entry").path()).collect();
    models.sort();
    for path in models.iter().filter(|path| path.extension().is_some_and(|extension| extension == "onnx")) {
        let context = ait_dialects::context();
        let options = ImportOptions { batch: Some(2), ..ImportOptions::default() };
        let module = import(&context, path, &options).unwrap_or_else(|error| panic!("{error}"));
        assert!(ait_dialects::verify(&module), "{}", path.display());
        assert!(result_shapes(&module).starts_with("2x"), "{}", result_shapes(&module));
    }
}
