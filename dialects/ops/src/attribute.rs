//! Attributes of ops, as they are read and written.

use crate::{Activation, Algorithm, BinaryFn, Columns, Epilogue, Nan, PoolFn, TensorType};

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// `i64`.
    Integer(i64),
    /// `f32`.
    Float(f32),
    /// `true` or `false`.
    Flag(bool),
    /// `array<i64: ...>`.
    List(Vec<i64>),
    /// A string.
    Word(String),
    /// `{act = "relu"}`.
    Epilogue(Epilogue),
    /// `#nm.columns<n, m, tile>`.
    Columns(Columns),
}

/// What an op's fields are read from: an op of MLIR, a term of the e-graph.
pub trait Attributes {
    /// The attribute of this name, if there is one.
    ///
    /// # Errors
    /// If it is malformed.
    fn attribute(&self, name: &str) -> Result<Option<Attribute>, String>;

    /// The type of the dense elements of this name; the data itself stays where it is.
    ///
    /// # Errors
    /// If there are none.
    fn data(&self, name: &str) -> Result<TensorType, String>;

    /// The type of the result, for ops that do not infer it.
    ///
    /// # Errors
    /// If there is no result, or its type is not one of ours.
    fn written(&self) -> Result<TensorType, String>;
}

/// A type that a field of an op can have.
pub trait Field: Sized {
    /// What is asked for, in words of MLIR: "an i64".
    const WHAT: &'static str;

    /// The field that an attribute of a name is; none if it is of another type, and an error if its value is none of
    /// the field's.
    fn of(name: &str, attribute: Attribute) -> Option<Result<Self, String>>;

    /// The attribute that the field is.
    fn attribute(&self) -> Attribute;
}

/// Reads a field.
///
/// # Errors
/// If the attribute is missing, of another type, or has another value.
pub fn field<T: Field>(from: &dyn Attributes, name: &str) -> Result<T, String> {
    from.attribute(name)?
        .and_then(|attribute| T::of(name, attribute))
        .unwrap_or_else(|| Err(format!("'{name}' must be {}", T::WHAT)))
}

macro_rules! plain {
    ($type:ty, $variant:ident, $what:literal) => {
        impl Field for $type {
            const WHAT: &'static str = $what;

            fn of(_: &str, attribute: Attribute) -> Option<Result<Self, String>> {
                if let Attribute::$variant(value) = attribute { Some(Ok(value)) } else { None }
            }

            fn attribute(&self) -> Attribute {
                Attribute::$variant(self.clone())
            }
        }
    };
}
plain!(i64, Integer, "an i64");
plain!(f32, Float, "an f32");
plain!(bool, Flag, "true or false");
plain!(Vec<i64>, List, "array<i64>");
plain!(Epilogue, Epilogue, "an epilogue");
plain!(Columns, Columns, "#nm.columns");

impl<const N: usize> Field for [i64; N] {
    const WHAT: &'static str = "array<i64>";

    fn of(name: &str, attribute: Attribute) -> Option<Result<Self, String>> {
        let Attribute::List(values) = attribute else { return None };
        Some(values.try_into().map_err(|_| format!("'{name}' must have {N} elements")))
    }

    fn attribute(&self) -> Attribute {
        Attribute::List(self.to_vec())
    }
}

impl Field for Activation {
    const WHAT: &'static str = "an activation";

    fn of(name: &str, attribute: Attribute) -> Option<Result<Self, String>> {
        let Attribute::Epilogue(Epilogue { activation, nan }) = attribute else { return None };
        Some(match nan {
            Nan::Propagate => Ok(activation),
            Nan::Ignore => Err(format!("'{name}' may have 'nnan' in a kernel only")),
        })
    }

    fn attribute(&self) -> Attribute {
        Attribute::Epilogue((*self).into())
    }
}

macro_rules! word {
    ($type:ty) => {
        impl Field for $type {
            const WHAT: &'static str = "a string";

            fn of(name: &str, attribute: Attribute) -> Option<Result<Self, String>> {
                let Attribute::Word(word) = attribute else { return None };
                let known = || Self::ALL.map(Self::name).join(", ");
                Some(
                    Self::named(&word)
                        .ok_or_else(|| format!("has {name} \"{word}\" where it knows {}", known())),
                )
            }

            fn attribute(&self) -> Attribute {
                Attribute::Word(self.name().to_owned())
            }
        }
    };
}
word!(Algorithm);
word!(BinaryFn);
word!(PoolFn);
