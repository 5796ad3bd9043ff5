//! `docs/onnx.md` is what the table of operators says.

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

#[test]
fn operators_are_sorted() {
    let page = ait_tools::onnx::docs::page();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    let names: Vec<_> = rows.skip(1).filter_map(|row| row.split(" | ").next()).collect();
    assert!(names.is_sorted() && names.len() > 40, "{names:?}");
}
