//! Typed access to a node's attributes that notices the ones nobody reads.

use super::proto::{AttributeProto, AttributeType, NodeProto, TensorProto};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The attributes of one node by name.
#[derive(Debug)]
pub struct Attributes<'n> {
    by_name: BTreeMap<&'n str, &'n AttributeProto>,
    read: RefCell<BTreeSet<&'n str>>,
}

impl<'n> Attributes<'n> {
    /// Of a node.
    ///
    /// # Errors
    /// If two have one name, or one refers to a function's attribute.
    pub fn new(node: &'n NodeProto) -> Result<Self, String> {
        let mut by_name = BTreeMap::new();
        for attribute in &node.attribute {
            let name = attribute.name();
            if attribute.ref_attr_name.as_deref().is_some_and(|reference| !reference.is_empty()) {
                return Err(format!("attribute '{name}' refers to an attribute of a function"));
            }
            if by_name.insert(name, attribute).is_some() {
                return Err(format!("attribute '{name}' is given twice"));
            }
        }
        Ok(Self { by_name, read: RefCell::default() })
    }

    /// An attribute that is present but was never asked for.
    pub fn unread(&self) -> Option<&'n str> {
        let read = self.read.borrow();
        self.by_name.keys().find(|name| !read.contains(*name)).copied()
    }

    /// Whether there is one of this name; does not count as reading it.
    pub fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    fn get(&self, name: &str, wanted: AttributeType) -> Result<Option<&'n AttributeProto>, String> {
        let Some((name, attribute)) = self.by_name.get_key_value(name) else { return Ok(None) };
        self.read.borrow_mut().insert(name);
        // IR version 1 wrote no type.
        if attribute.r#type() == wanted || attribute.r#type() == AttributeType::Undefined {
            return Ok(Some(attribute));
        }
        Err(format!("attribute '{name}' must be of type {wanted:?}, not {:?}", attribute.r#type()))
    }

    /// An integer.
    ///
    /// # Errors
    /// If it is of another type.
    pub fn int(&self, name: &str) -> Result<Option<i64>, String> {
        Ok(self.get(name, AttributeType::Int)?.map(AttributeProto::i))
    }

    /// An integer that is 0 or 1; 0 if absent, unless `default`.
    ///
    /// # Errors
    /// If it is of another type or value.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        match self.int(name)? {
            None => Ok(default),
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(other) => Err(format!("attribute '{name}' must be 0 or 1, not {other}")),
        }
    }

    /// Integers.
    ///
    /// # Errors
    /// If it is of another type.
    pub fn ints(&self, name: &str) -> Result<Option<&'n [i64]>, String> {
        Ok(self.get(name, AttributeType::Ints)?.map(|attribute| attribute.ints.as_slice()))
    }

    /// A number, or `default`.
    ///
    /// # Errors
    /// If it is of another type.
    pub fn float(&self, name: &str, default: f32) -> Result<f32, String> {
        Ok(self.get(name, AttributeType::Float)?.map_or(default, AttributeProto::f))
    }

    /// Numbers.
    ///
    /// # Errors
    /// If it is of another type.
    pub fn floats(&self, name: &str) -> Result<Option<&'n [f32]>, String> {
        Ok(self.get(name, AttributeType::Floats)?.map(|attribute| attribute.floats.as_slice()))
    }

    /// A string, or `default`.
    ///
    /// # Errors
    /// If it is of another type or not UTF-8.
    pub fn string(&self, name: &str, default: &'n str) -> Result<&'n str, String> {
        match self.get(name, AttributeType::String)?.and_then(|attribute| attribute.s.as_ref()) {
            None => Ok(default),
            Some(bytes) => std::str::from_utf8(bytes).map_err(|_| format!("attribute '{name}' is not UTF-8")),
        }
    }

    /// A tensor.
    ///
    /// # Errors
    /// If it is of another type.
    pub fn tensor(&self, name: &str) -> Result<Option<&'n TensorProto>, String> {
        Ok(self.get(name, AttributeType::Tensor)?.and_then(|attribute| attribute.t.as_deref()))
    }
}
