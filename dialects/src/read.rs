//! Ops of MLIR as values.

use crate::{access, attributes, types};
use ait_ops::{Attribute, Attributes, Op, TensorType};
use melior::ir::attribute::{BoolAttribute, DenseElementsAttribute, DictionaryAttribute, IntegerAttribute};
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{AttributeLike, ValueLike};

/// The op of ours that an op is.
///
/// # Errors
/// If it is not one of ours, or an attribute is missing or malformed.
pub fn read(op: &OperationRef<'_, '_>) -> Result<Op, String> {
    Op::read(op.name().as_string_ref().as_str().unwrap_or("?"), &Source(op))
}

/// Where the fields of an op are read from.
struct Source<'a, 'c, 'b>(&'a OperationRef<'c, 'b>);

impl Attributes for Source<'_, '_, '_> {
    fn attribute(&self, name: &str) -> Result<Option<Attribute>, String> {
        self.0.attribute(name).map_or(Ok(None), value)
    }

    fn data(&self, name: &str) -> Result<TensorType, String> {
        let value = self.0.attribute(name).map_err(|_| format!("has no {name}"))?;
        if DenseElementsAttribute::try_from(value).is_err() {
            return Err("needs dense elements".to_owned());
        }
        types::tensor_type(value.r#type())
    }

    fn written(&self) -> Result<TensorType, String> {
        types::tensor_type(access::result(self.0).ok_or("has no result")?.r#type())
    }
}

/// The op of a name, from a list of attributes.
///
/// # Errors
/// As [`read`].
pub(crate) fn listed(name: &str, attributes: &[(&str, melior::ir::Attribute<'_>)]) -> Result<Op, String> {
    Op::read(name, &Listed(attributes))
}

struct Listed<'a, 'c>(&'a [(&'a str, melior::ir::Attribute<'c>)]);

impl Attributes for Listed<'_, '_> {
    fn attribute(&self, name: &str) -> Result<Option<Attribute>, String> {
        self.0.iter().find(|(key, _)| *key == name).map_or(Ok(None), |(_, attribute)| value(*attribute))
    }

    fn data(&self, name: &str) -> Result<TensorType, String> {
        Err(format!("has no {name}"))
    }

    fn written(&self) -> Result<TensorType, String> {
        Err("has no result".to_owned())
    }
}

/// The value of an attribute; none of a kind that no op of ours has.
fn value(attribute: melior::ir::Attribute<'_>) -> Result<Option<Attribute>, String> {
    let flag = || BoolAttribute::try_from(attribute).ok().map(|flag| Attribute::Flag(flag.value()));
    let integer =
        || IntegerAttribute::try_from(attribute).ok().map(|value| Attribute::Integer(value.value()));
    let float = || attributes::f32_value(attribute).map(Attribute::Float);
    let list = || attributes::i64_array_value(attribute).map(Attribute::List);
    let word = || attributes::string_value(attribute).map(Attribute::Word);
    if let Some(plain) = flag().or_else(integer).or_else(float).or_else(list).or_else(word) {
        return Ok(Some(plain));
    }
    if DictionaryAttribute::try_from(attribute).is_ok() {
        return attributes::epilogue(attribute).map(|epilogue| Some(Attribute::Epilogue(epilogue)));
    }
    // Ours are told by their text, which no other attribute of an op is printed for.
    if attribute.to_string().starts_with("#nm.") {
        return attributes::columns(attribute).map(|pattern| Some(Attribute::Columns(pattern)));
    }
    Ok(None)
}
