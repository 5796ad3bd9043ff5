//! `docs/onnx.md` is what the table of operators says.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/onnx.md");
    let page = ait_tools::onnx::docs::page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).expect("docs/onnx.md can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/onnx.md is stale: BLESS=1 cargo test -p ait-tools --test onnx_docs");
}

/// A reason for which a node test is skipped is on the page, and says whether it is planned; no other is.
#[test]
fn refusals_are_those_of_the_node_tests() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test/onnx_node/skip.txt");
    let text = std::fs::read_to_string(path).expect("skip.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let reasons: BTreeSet<&str> = lines.filter_map(|line| Some(line.split_once(": ")?.1)).collect();
    let known: BTreeSet<&str> = ait_tools::onnx::docs::REFUSALS.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(reasons, known);
}

#[test]
fn operators_are_sorted() {
    let names: Vec<_> = ait_tools::onnx::docs::operators().collect();
    assert!(names.is_sorted() && names.len() > 40, "{names:?}");
}
