//! Imports what the oracle's Python environment holds: the ONNX node tests and whole networks.
//!
//! What the node tests become is evaluated in numpy and compared with what they expect; `test/onnx_node` and
//! `test/pipeline` do the same with compiled code. The environment is made by `scripts/setup`.

#![allow(clippy::expect_used, clippy::print_stderr, reason = "helpers of tests")]

use ait_tools::onnx::{ImportOptions, docs, import};
use melior::ir::operation::OperationLike;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The tool cache, or nothing where there is none; `make test` names it in `AIT_CACHE`, and then it must be complete.
fn cache() -> Option<PathBuf> {
    let given = std::env::var_os("AIT_CACHE").map(PathBuf::from);
    let required = given.is_some();
    let cache = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache"));
    let complete = cache.join("venv/bin/python").exists();
    assert!(complete || !required, "{} has no Python environment: run scripts/setup", cache.display());
    if !complete {
        eprintln!("skipped: {} has no Python environment: run scripts/setup", cache.display());
    }
    complete.then_some(cache)
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
fn node_tests_agree_or_are_refused() {
    let Some(python) = cache().map(|cache| cache.join("venv/bin/python")) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    run(&python, "onnx_node_models.py", directory.path());
    let known: BTreeSet<&str> = docs::operators().collect();
    let index = std::fs::read_to_string(at("index.tsv")).expect("an index");
    let mut refused = BTreeMap::new();
    let context = ait_dialects::context();
    for line in index.lines() {
        let (name, used) = line.split_once('\t').expect("two columns");
        if !used.split(',').all(|operator| known.contains(operator)) {
            continue;
        }
        match import(&context, &at(&format!("{name}.onnx")), &ImportOptions::default()) {
            Ok(module) => {
                assert!(ait_dialects::verify(&module), "{name}");
                std::fs::write(at(&format!("{name}.mlir")), module.as_operation().to_string())
                    .expect("written");
            }
            Err(error) => drop(refused.insert(name.to_string(), error.to_string())),
        }
    }
    let mut report = run(&python, "ait_evaluate.py", directory.path());
    // A test is refused if neither as a network nor as constants it can be imported.
    let imported = |name: &str| {
        [name, &format!("{name}.constant")].iter().any(|name| at(&format!("{name}.mlir")).exists())
    };
    for (name, reason) in &refused {
        if !imported(name.trim_end_matches(".constant")) && !refused.contains_key(&format!("{name}.constant"))
        {
            writeln!(report, "{reason}").expect("text");
        }
    }
    insta::assert_snapshot!(report);
}

/// What a script of this directory prints.
fn run(python: &Path, script: &str, directory: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    let output = Command::new(python).arg(script).arg(directory).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn networks_import_at_any_batch() {
    let Some(cache) = cache() else { return };
    let models = std::fs::read_dir(cache.join("models")).expect("test/oracle/models.py makes the networks");
    let mut models: Vec<_> = models.map(|entry| entry.expect("an entry").path()).collect();
    models.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    models.sort();
    assert!(!models.is_empty(), "test/oracle/models.py makes the networks");
    for path in &models {
        let context = ait_dialects::context();
        let options = ImportOptions { batch: Some(2), ..ImportOptions::default() };
        let module = import(&context, path, &options).unwrap_or_else(|error| panic!("{error}"));
        assert!(ait_dialects::verify(&module), "{}", path.display());
        assert!(result_shapes(&module).starts_with("2x"), "{}", result_shapes(&module));
    }
}
