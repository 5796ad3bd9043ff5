//! `docs/onnx.md`, made from the table of operators.

use super::ops::{NEWEST_OPSET, OLDEST_OPSET, OPERATORS};

/// The operators that the importer knows.
pub fn operators() -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().map(|operator| operator.name)
}

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
    page.push_str(
        "\n## Refused\nThe ONNX node tests of operators above that are refused (`test/onnx_node/skip.txt`), and of ConvTranspose, by reason:\n\n\
         | Reason | Planned |\n|---|---|\n",
    );
    for (reason, planned) in REFUSALS {
        page.push_str(&format!("| {reason} | {planned} |\n"));
    }
    page.push_str(PLANNED);
    page
}

/// Every reason in `test/onnx_node/skip.txt`, and whether what is refused for it is planned.
pub const REFUSALS: &[(&str, &str)] = &[
    ("ConvTranspose is not supported", "yes, with the operators of segmentation networks"),
    ("windows have one or two dimensions", "no"),
    ("inference only", "no"),
    (
        "a slope of C elements meant channels until opset 6; lifted to 13 it does not broadcast",
        "no: ONNX itself does not define it",
    ),
    ("a tensor without elements", "no: as an operand they fold away, as a result they are refused"),
    ("Swish with alpha 1 only", "no: exporters write no other"),
];

const PLANNED: &str = "\
\nPlanned besides: the operators of transformers, detection and segmentation (Resize, LayerNormalization, Gelu, Erf,\n\
attention, operators of constants on tensors), `float16` models, and quantised ones (`int8`). Not planned: dynamic shapes,\n\
control flow (If, Loop, Scan), operators of other domains.\n";

const RULES: &str = "\
- Shapes are static. `--batch` binds dimension 0 of the inputs that leave it open and leaves the others as they are;
  it is an error if it binds nothing, unless all inputs have this size. `--dim name=value` binds a symbolic dimension by
  name; a dimension left open is an error.
- Nodes may share a name: the second one is called `name#2` in messages, plans, masks and profiles, and so on; one
  without a name is called by operator and index, `Conv_3`.
- Nodes must be in topological order. Nodes that no output depends on are skipped.
- Initializers are constants, also where they are graph inputs (IR version 3). Their data may be in the
  model or in files in the model's directory and below it.
- What depends on shapes and constants only is computed at import, within eight elements per byte of the model (data in
  other files included) and 2^24 more, and within 2^27 multiply-adds; ops of constants beyond those stay in the program.
- Tensors without elements are known, so they are constants: a `Split` or `Slice` may make them, a `Concat` takes them.
- A pool whose window exceeds the padded input by less than a stride gives one result, as ONNX Runtime has it.
- NaN propagates: what ONNX Runtime makes NaN is NaN, in every layout. Max pools and `ReduceMax` are NaN wherever an
  element that they cover is (ONNX Runtime forgets some, by their place). What is multiplied by pruned weights is not read.
  With `--nan=ignore`, clamps (`Relu`, `Clip`, `HardSigmoid`), max pools and XNNPACK's softmax may take it for any number;
  [measuring.md](measuring.md#nan) has what that saves.

";
