//! `docs/onnx.md`, made from the table of operators.

use super::ops::{NEWEST_OPSET, OLDEST_OPSET, OPERATORS};

/// The page.
pub fn page() -> String {
    let mut page = format!(
        "# ONNX import\n\n\
         Made from `tools/src/onnx/ops/mod.rs`; `BLESS=1 cargo test -p ait-tools --test onnx_docs` rewrites it.\n\n\
         Opsets {OLDEST_OPSET} to {NEWEST_OPSET} of the ONNX domain; tensors are `float` (`double`, `int32`, `int64`\n\
         and `bool` occur in constants only). What is not in the table is refused with an error that names node,\n\
         operator, opset and reason.\n\n"
    );
    page.push_str(RULES);
    page.push_str("| Operator | Opsets | Becomes | Limits |\n|---|---|---|---|\n");
    for operator in OPERATORS {
        let since = operator.since.max(OLDEST_OPSET);
        let limits = if operator.limits.is_empty() { "none" } else { operator.limits };
        page.push_str(&format!(
            "| {} | {since} to {NEWEST_OPSET} | {} | {limits} |\n",
            operator.name, operator.becomes
        ));
    }
    page
}

const RULES: &str = "\
- Shapes are static. `--batch` binds dimension 0 of every input that does not fix it, `--dim name=value` a
  symbolic dimension by name; a dimension left open is an error.
- Nodes must be in topological order. Nodes that no output depends on are skipped.
- Initializers are constants, also where they are graph inputs (IR version 3). Their data may be in the
  model or in files in the model's directory.
- What depends on shapes and constants only is computed at import, within eight elements per byte of the model
  and 2^24 more, and within 2^27 multiply-adds; ops of constants beyond those stay in the program.

";
