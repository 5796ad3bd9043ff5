//! The IRDL, the reference pages and `ait_ops`' ops are what TableGen says now. `BLESS=1 cargo test` rewrites them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper")]

mod ops;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use tblgen::record::Record;
use tblgen::{RecordKeeper, TableGenParser};

const DIALECTS: [&str; 4] = ["ait", "xnn", "rvv", "nm"];

/// One operand, result or attribute of an op: its name, constraint, and whether it is optional.
struct Field<'a> {
    name: &'a str,
    constraint: Record<'a>,
    optional: bool,
}

impl<'a> Field<'a> {
    fn all(op: Record<'a>, list: &str) -> Vec<Self> {
        let arguments = op.dag_value(list).unwrap();
        arguments
            .args()
            .map(|(name, value)| {
                let record = Record::try_from(value).unwrap();
                let optional = record.subclass_of("Optional");
                let constraint = if optional { record.def_value("baseType").unwrap() } else { record };
                Self { name: name.unwrap(), constraint, optional }
            })
            .collect()
    }

    fn is_attribute(&self) -> bool {
        self.constraint.subclass_of("Attr")
    }

    /// The IRDL ops that define constraint `%index`, and the next free index.
    fn irdl(&self, index: usize) -> (String, usize) {
        let base = |index: usize, name: &str| format!("    %{index} = irdl.base \"{name}\"\n");
        match self.constraint.name().unwrap() {
            "AnyRankedTensor" => (base(index, "!builtin.tensor"), index),
            "AnyMemRef" => (base(index, "!builtin.memref"), index),
            "Buffer" => {
                let any = format!("    %{} = irdl.any_of(%{}, %{})\n", index + 2, index, index + 1);
                (base(index, "!builtin.tensor") + &base(index + 1, "!builtin.memref") + &any, index + 2)
            }
            // Attributes of ours are parameters, by their symbol.
            _ if self.constraint.subclass_of("AttrDef") => {
                let dialect = self.constraint.def_value("dialect").unwrap();
                let name = dialect.str_value("name").unwrap();
                let mnemonic = self.constraint.str_value("mnemonic").unwrap();
                (format!("    %{index} = irdl.base @{name}::@{mnemonic}\n"), index)
            }
            _ if self.constraint.subclass_of("Typed") => match self.constraint.str_value("irdl").unwrap() {
                "" => (format!("    %{index} = irdl.any\n"), index),
                irdl => (base(index, irdl), index),
            },
            other => panic!("no IRDL for the constraint {other}"),
        }
    }
}

fn list(fields: &[(&Field<'_>, usize)]) -> String {
    let each = |(field, index): &(&Field<'_>, usize)| {
        format!("{}: {}%{index}", field.name, if field.optional { "optional " } else { "" })
    };
    fields.iter().map(each).collect::<Vec<_>>().join(", ")
}

fn irdl_operation(op: Record<'_>) -> String {
    let arguments = Field::all(op, "arguments");
    let results = Field::all(op, "results");
    let mut text = format!("  irdl.operation @{} {{\n", op.str_value("opName").unwrap());
    let mut next = 0;
    let mut numbered = Vec::new();
    for field in arguments.iter().chain(&results) {
        let (definition, index) = field.irdl(next);
        text += &definition;
        next = index + 1;
        numbered.push((field, index));
    }
    let (inputs, results) = numbered.split_at(arguments.len());
    let (attributes, operands): (Vec<_>, Vec<_>) = inputs.iter().partition(|(field, _)| field.is_attribute());
    writeln!(text, "    irdl.operands({})", list(&operands)).unwrap();
    writeln!(text, "    irdl.results({})", list(results)).unwrap();
    let attributes: Vec<_> =
        attributes.iter().map(|(field, index)| format!("\"{}\" = %{index}", field.name)).collect();
    if !attributes.is_empty() {
        writeln!(text, "    irdl.attributes {{{}}}", attributes.join(", ")).unwrap();
    }
    text + "  }\n"
}

/// The parameters of an attribute of ours, which are attributes of upstream.
fn irdl_parameters(attribute: Record<'_>) -> String {
    let parameters = attribute.dag_value("parameters").unwrap();
    let mut text = String::new();
    let mut list = Vec::new();
    for (index, (name, kind)) in parameters.args().enumerate() {
        let base = match kind.to_string().trim_matches('"') {
            "StringAttr" => "string",
            "IntegerAttr" => "integer",
            other => panic!("no IRDL for the parameter type {other}"),
        };
        writeln!(text, "    %{index} = irdl.base \"#builtin.{base}\"").unwrap();
        list.push(format!("{}: %{index}", name.unwrap()));
    }
    text + &format!("    irdl.parameters({})\n  }}\n", list.join(", "))
}

fn irdl(keeper: &RecordKeeper, name: &str) -> String {
    let mut text = format!("// Generated from dialects/td/{name}.td; BLESS=1 cargo test -p ait-dialects\n");
    writeln!(text, "irdl.dialect @{name} {{").unwrap();
    for attribute in of(keeper, "AttrDef", name) {
        writeln!(text, "  irdl.attribute @{} {{", attribute.str_value("mnemonic").unwrap()).unwrap();
        text += &irdl_parameters(attribute);
    }
    for op in of(keeper, "Op", name) {
        text += &irdl_operation(op);
    }
    text + "}\n"
}

/// Definitions of a class in one dialect, in the order of the file.
fn of<'a>(keeper: &'a RecordKeeper, class: &str, dialect: &str) -> Vec<Record<'a>> {
    let field = if class == "Op" { "opDialect" } else { "dialect" };
    let mut records: Vec<_> = keeper
        .all_derived_definitions(class)
        .filter(|record| record.def_value(field).unwrap().str_value("name") == Ok(dialect))
        .collect();
    records.sort_by_key(|record| record.id());
    records
}

fn page(keeper: &RecordKeeper, name: &str) -> String {
    let dialect = keeper
        .all_derived_definitions("Dialect")
        .find(|dialect| dialect.str_value("name") == Ok(name))
        .unwrap();
    let mut text =
        format!("<!-- Generated from dialects/td/{name}.td; BLESS=1 cargo test -p ait-dialects -->\n");
    writeln!(text, "# The `{name}` dialect\n\n{}\n", dialect.str_value("summary").unwrap()).unwrap();
    writeln!(text, "{}", dedent(dialect.str_value("description").unwrap())).unwrap();
    for attribute in of(keeper, "AttrDef", name) {
        let mnemonic = attribute.str_value("mnemonic").unwrap();
        writeln!(text, "\n## `#{name}.{mnemonic}`\n\n{}", attribute.str_value("summary").unwrap()).unwrap();
        let description = dedent(attribute.str_value("description").unwrap());
        if !description.is_empty() {
            writeln!(text, "\n{description}").unwrap();
        }
    }
    for op in of(keeper, "Op", name) {
        writeln!(
            text,
            "\n## `{name}.{}`\n\n{}\n",
            op.str_value("opName").unwrap(),
            op.str_value("summary").unwrap()
        )
        .unwrap();
        let description = dedent(op.str_value("description").unwrap());
        if !description.is_empty() {
            writeln!(text, "{description}\n").unwrap();
        }
        writeln!(text, "| | name | constraint |\n|---|---|---|").unwrap();
        for (kind, field) in fields(op) {
            let optional = if field.optional { ", optional" } else { "" };
            writeln!(text, "| {kind} | `{}` | {}{optional} |", field.name, field.constraint.name().unwrap())
                .unwrap();
        }
    }
    text
}

fn fields(op: Record<'_>) -> Vec<(&'static str, Field<'_>)> {
    let kind = |field: &Field<'_>| if field.is_attribute() { "attribute" } else { "operand" };
    let arguments = Field::all(op, "arguments").into_iter().map(|field| (kind(&field), field));
    arguments.chain(Field::all(op, "results").into_iter().map(|field| ("result", field))).collect()
}

/// Without the indentation that all lines share: drawings keep theirs.
fn dedent(text: &str) -> String {
    let lines = || text.lines().map(str::trim_end);
    let indents =
        lines().filter(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len());
    let common = indents.min().unwrap_or(0);
    let cut = |line: &str| line.get(common..).unwrap_or_default().to_string();
    lines().map(cut).collect::<Vec<_>>().join("\n").trim().to_string()
}

fn check(path: &Path, text: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == text, "{} is stale: run BLESS=1 cargo test -p ait-dialects", path.display());
}

#[test]
fn committed_files_are_fresh() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let keepers = DIALECTS.map(|name| {
        TableGenParser::new()
            .add_include_directory("/usr/lib/llvm-22/include")
            .add_include_directory(root.join("td").to_str().unwrap())
            .add_source(&format!("include \"{name}.td\""))
            .unwrap()
            .parse()
            .unwrap()
    });
    for (name, keeper) in DIALECTS.into_iter().zip(&keepers) {
        check(&root.join(format!("irdl/{name}.mlir")), &irdl(keeper, name));
        check(&root.join(format!("../docs/dialects/{name}.md")), &page(keeper, name));
    }
    let ops: Vec<_> =
        DIALECTS.into_iter().zip(&keepers).flat_map(|(name, keeper)| ops::read(keeper, name)).collect();
    check(&root.join("ops/src/generated.rs"), &ops::rust(&ops));
}
