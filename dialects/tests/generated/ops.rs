//! `ait_ops::Op` from TableGen: a struct of typed attributes per op, an enum of all of them, and how they are read and written.

use super::{Field, of};
use std::fmt::Write;
use tblgen::RecordKeeper;

/// An op: its dialect, mnemonic and summary, fields and operands.
pub struct Op {
    dialect: String,
    mnemonic: String,
    summary: String,
    fields: Vec<(String, Kind)>,
    operands: Vec<String>,
}

/// Where a field comes from.
enum Kind {
    /// An attribute of this Rust type.
    Attribute(String),
    /// The type of an attribute's data.
    Data,
    /// The shape of the result.
    Shape,
    /// The layout of the result.
    Layout,
}

impl Kind {
    fn rust(&self) -> &str {
        match self {
            Self::Attribute(rust) => rust,
            Self::Data => "crate::TensorType",
            Self::Shape => "Vec<i64>",
            Self::Layout => "crate::Layout",
        }
    }

    fn read(&self, name: &str) -> String {
        match self {
            Self::Attribute(_) => format!("field(from, \"{name}\")?"),
            Self::Data => format!("from.data(\"{name}\")?"),
            Self::Shape => "from.written()?.shape".to_owned(),
            Self::Layout => "from.written()?.layout".to_owned(),
        }
    }
}

/// The ops of a dialect, in the order of its file.
pub fn read(keeper: &RecordKeeper, dialect: &str) -> Vec<Op> {
    of(keeper, "Op", dialect)
        .into_iter()
        .map(|record| {
            let arguments = Field::all(record, "arguments");
            let (attributes, operands): (Vec<_>, Vec<_>) =
                arguments.iter().partition(|field| field.is_attribute());
            let mut fields: Vec<_> =
                attributes.into_iter().map(|field| (field.name.to_owned(), kind(field))).collect();
            match record.str_value("written").unwrap_or_default() {
                "" => {}
                "shape" => fields.push(("shape".to_owned(), Kind::Shape)),
                "layout" => fields.push(("layout".to_owned(), Kind::Layout)),
                other => panic!("no field for the {other} of a result"),
            }
            Op {
                dialect: dialect.to_owned(),
                mnemonic: record.str_value("opName").unwrap().to_owned(),
                summary: record.str_value("summary").unwrap().to_owned(),
                fields,
                operands: operands.into_iter().map(|field| field.name.to_owned()).collect(),
            }
        })
        .collect()
}

fn kind(field: &Field<'_>) -> Kind {
    if field.constraint.subclass_of("AttrDef") {
        return Kind::Attribute(format!("crate::{}", camel(field.constraint.str_value("mnemonic").unwrap())));
    }
    match field.constraint.str_value("rust").unwrap() {
        "TensorType" => Kind::Data,
        // What is not a type of Rust's own is one of the crate's, of which an op may have the name.
        rust if rust.starts_with(|first: char| first.is_ascii_uppercase()) && !rust.starts_with("Vec<") => {
            Kind::Attribute(format!("crate::{rust}"))
        }
        rust => Kind::Attribute(rust.to_owned()),
    }
}

fn camel(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    };
    name.split('_').map(word).collect()
}

/// `fn` is a word of Rust.
fn identifier(name: &str) -> &str {
    if name == "fn" { "function" } else { name }
}

impl Op {
    fn name(&self) -> String {
        format!("{}.{}", self.dialect, self.mnemonic)
    }

    fn variant(&self) -> String {
        camel(&self.mnemonic)
    }

    /// Its summary as rustdoc has it, for which brackets are links.
    fn documentation(&self) -> String {
        self.summary.trim_matches('"').replace('[', "\\[").replace(']', "\\]")
    }

    fn structure(&self) -> String {
        let mut text = format!("    /// `{}`: {}\n", self.name(), self.documentation());
        text += "    #[derive(Clone, Debug, PartialEq)]\n";
        if self.fields.is_empty() {
            return text + &format!("    pub struct {};\n", self.variant());
        }
        writeln!(text, "    pub struct {} {{", self.variant()).unwrap();
        for (name, kind) in &self.fields {
            let what = match kind {
                Kind::Attribute(_) => format!("`{name}`."),
                Kind::Data => format!("The type of `{name}`."),
                Kind::Shape => "The shape of the result.".to_owned(),
                Kind::Layout => "The layout of the result.".to_owned(),
            };
            writeln!(text, "        /// {what}\n        pub {}: {},", identifier(name), kind.rust()).unwrap();
        }
        text + "    }\n"
    }

    /// Its arm of a match on `self`.
    fn arm(&self, body: &str) -> String {
        let op = if self.fields.is_empty() || !body.contains("op.") { "_" } else { "op" };
        format!("                Self::{}({op}) => {body},\n", self.variant())
    }

    fn read(&self) -> String {
        let fields: Vec<_> = self
            .fields
            .iter()
            .map(|(name, kind)| format!("{}: {}", identifier(name), kind.read(name)))
            .collect();
        let fields = if fields.is_empty() { String::new() } else { format!(" {} ", fields.join(", ")) };
        let variant = self.variant();
        format!("                \"{}\" => Self::{variant}({variant} {{{fields}}}),\n", self.name())
    }

    fn written(&self) -> String {
        let attribute = |(name, kind): &(String, Kind)| match kind {
            Kind::Attribute(_) => Some(format!("(\"{name}\", op.{}.attribute())", identifier(name))),
            Kind::Data | Kind::Shape | Kind::Layout => None,
        };
        let attributes: Vec<_> = self.fields.iter().filter_map(attribute).collect();
        self.arm(&format!("vec![{}]", attributes.join(", ")))
    }
}

/// `generated.rs` of `ait_ops`.
pub fn rust(ops: &[Op]) -> String {
    let mut dialects: Vec<&str> = ops.iter().map(|op| op.dialect.as_str()).collect();
    dialects.dedup();
    let mut text = String::from(
        "//! Ops with typed attributes. Generated from dialects/td; BLESS=1 cargo test -p ait-dialects\n\n\
         use crate::{Attribute, Attributes};\n",
    );
    for dialect in &dialects {
        let own: Vec<_> = ops.iter().filter(|op| op.dialect == *dialect).collect();
        text += &module(dialect, &own);
    }
    text + &all(&dialects) + &operand_kinds(ops) + &operand_lists(ops)
}

fn module(dialect: &str, ops: &[&Op]) -> String {
    let mut text = format!(
        "\n/// The ops of `{dialect}`.\npub mod {dialect} {{\n    use crate::{{Attribute, Attributes, Field, field}};\n"
    );
    for op in ops {
        text += "\n";
        text += &op.structure();
    }
    text += "\n    /// An op with its attributes; operands are beside it.\n    #[derive(Clone, Debug, PartialEq)]\n    pub enum Op {\n";
    for op in ops {
        writeln!(text, "        /// `{}`.\n        {}({}),", op.name(), op.variant(), op.variant()).unwrap();
    }
    text += "    }\n\n    impl Op {\n        /// Its name in MLIR.\n        pub const fn name(&self) -> &'static str {\n            match self {\n";
    text.extend(ops.iter().map(|op| op.arm(&format!("\"{}\"", op.name()))));
    text += "            }\n        }\n\n        pub(super) fn read(name: &str, from: &dyn Attributes) -> Result<Option<Self>, String> {\n            \
             Ok(Some(match name {\n";
    text.extend(ops.iter().map(|op| op.read()));
    text += "                _ => return Ok(None),\n            }))\n        }\n\n        \
             pub(super) fn attributes(&self) -> Vec<(&'static str, Attribute)> {\n            match self {\n";
    text.extend(ops.iter().map(|op| op.written()));
    text + "            }\n        }\n    }\n}\n"
}

/// The enum of all ops, by dialect.
fn all(dialects: &[&str]) -> String {
    let arms = |body: &str| {
        dialects
            .iter()
            .map(|dialect| format!("            Self::{}(op) => op.{body},\n", camel(dialect)))
            .collect::<String>()
    };
    let variants: String = dialects
        .iter()
        .map(|name| format!("    /// Of `{name}`.\n    {}({name}::Op),\n", camel(name)))
        .collect();
    let reads: String = dialects
        .iter()
        .map(|name| format!("        if let Some(op) = {name}::Op::read(name, from)? {{\n            return Ok(Self::{}(op));\n        }}\n", camel(name)))
        .collect();
    format!(
        "\n/// An op with its attributes; operands are beside it.\n#[derive(Clone, Debug, PartialEq)]\npub enum Op {{\n{variants}}}\n\n\
         impl Op {{\n    /// Its name in MLIR.\n    pub const fn name(&self) -> &'static str {{\n        match self {{\n{}        }}\n    }}\n\n    \
         /// The op of a name, with its attributes.\n    ///\n    /// # Errors\n    \
         /// If there is no such op, or an attribute is missing or malformed.\n    \
         pub fn read(name: &str, from: &dyn Attributes) -> Result<Self, String> {{\n{reads}        \
         Err(format!(\"'{{name}}' is not an op of {}\"))\n    }}\n\n    \
         /// Its attributes by name. Data is not among them, nor what the result's type says.\n    \
         pub fn attributes(&self) -> Vec<(&'static str, Attribute)> {{\n        match self {{\n{}        }}\n    }}\n}}\n",
        arms("name()"),
        dialects.join(", "),
        arms("attributes()"),
    )
}

fn operand_kinds(ops: &[Op]) -> String {
    let mut kinds: Vec<&str> = vec![];
    for operand in ops.iter().flat_map(|op| &op.operands) {
        if !kinds.contains(&operand.as_str()) {
            kinds.push(operand);
        }
    }
    let mut text = String::from(
        "\n/// What an operand of an op is.\n#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\npub enum Operand {\n",
    );
    for kind in kinds {
        writeln!(text, "    /// `{kind}`.\n    {},", camel(kind)).unwrap();
    }
    text + "}\n"
}

fn operand_lists(ops: &[Op]) -> String {
    let mut text = String::from(
        "\n/// The operands of the op of a name, in their order; `residual`, which is always the last, may be absent.\n\
         pub fn operands(name: &str) -> Option<&'static [Operand]> {\n    Some(match name {\n",
    );
    for op in ops {
        let operands: Vec<_> =
            op.operands.iter().map(|operand| format!("Operand::{}", camel(operand))).collect();
        writeln!(text, "        \"{}\" => &[{}],", op.name(), operands.join(", ")).unwrap();
    }
    text + "        _ => return None,\n    })\n}\n"
}
