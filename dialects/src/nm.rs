//! Column-wise N:M sparsity: the encoding `#nm.columns<n, m, tile>`, weights as matrices, and the views of the `nm` ops.

mod weights;

pub use crate::views::nm::*;
pub use weights::{Weights, check_columns};

use melior::Context;
use melior::ir::r#type::RankedTensorType;
use melior::ir::{Attribute, Type};
use std::fmt::{self, Display, Formatter};

/// The pattern `#nm.columns<n, m, tile>`: in every tile of `tile` rows, `n` of every `m` consecutive columns are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Columns {
    /// Columns kept of a group, 1 to `m`.
    pub n: i64,
    /// Consecutive columns of a group.
    pub m: i64,
    /// Rows that keep the same columns.
    pub tile: i64,
}

/// Bound on `m` and `tile`, so that no product of two of them overflows.
const LIMIT: i64 = 1 << 29;

impl Columns {
    /// The pattern, if `1 <= n <= m` and `tile >= 1`.
    ///
    /// # Errors
    /// Names the parameter that is out of range.
    pub fn new(n: i64, m: i64, tile: i64) -> Result<Self, String> {
        let pattern = Self { n, m, tile };
        for (name, value, most) in [("m", m, LIMIT), ("n", n, m), ("tile", tile, LIMIT)] {
            if value < 1 || value > most {
                return Err(format!("{pattern} has {name} outside 1 to {most}"));
            }
        }
        Ok(pattern)
    }

    /// The attribute.
    ///
    /// # Panics
    /// If the context lacks the `nm` dialect; [`crate::context()`] has it.
    pub fn to_attribute(self, context: &Context) -> Attribute<'_> {
        Attribute::parse(context, &self.to_string()).unwrap_or_else(|| unreachable!("{self} is an attribute"))
    }

    /// Reads the attribute.
    ///
    /// # Errors
    /// If it is not `#nm.columns` of three integers, or one is out of range.
    pub fn of_attribute(attribute: Attribute<'_>) -> Result<Self, String> {
        let text = attribute.to_string();
        let wrong = || format!("{text} is not #nm.columns<n, m, tile>");
        let inner = text.strip_prefix("#nm.columns<").and_then(|rest| rest.strip_suffix('>'));
        let fields = inner.ok_or_else(wrong)?.split(", ").map(|field| {
            // MLIR prints an integer with its type.
            field.strip_suffix(" : i64").and_then(|value| value.parse().ok()).ok_or_else(wrong)
        });
        match fields.collect::<Result<Vec<i64>, _>>()?[..] {
            [n, m, tile] => Self::new(n, m, tile),
            _ => Err(wrong()),
        }
    }

    /// The pattern in the encoding of a ranked tensor type; none for any other type or encoding.
    ///
    /// # Errors
    /// As [`Columns::of_attribute`], for an encoding of the `nm` dialect.
    pub fn of_encoding(r#type: Type<'_>) -> Result<Option<Self>, String> {
        let encoding = RankedTensorType::try_from(r#type).ok().and_then(|tensor| tensor.encoding());
        match encoding {
            Some(encoding) if encoding.to_string().starts_with("#nm.") => {
                Self::of_attribute(encoding).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Columns kept of a group of `len` consecutive ones, `len <= m`; those of a short last group in proportion.
    pub fn kept(self, len: i64) -> i64 {
        if len == self.m { self.n } else { (self.n * len + self.m - 1) / self.m }
    }

    /// Columns kept of `k` columns, in every tile.
    pub fn kept_of(self, k: i64) -> i64 {
        k / self.m * self.n + self.kept(k % self.m)
    }
}

impl Display for Columns {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "#nm.columns<{}, {}, {}>", self.n, self.m, self.tile)
    }
}

#[cfg(test)]
mod tests {
    use super::Columns;
    use crate::{Layout, types};
    use melior::ir::{Attribute, Type};

    #[test]
    fn attributes_round_trip() {
        let context = crate::context();
        let pattern = Columns { n: 2, m: 4, tile: 7 };
        let attribute = pattern.to_attribute(&context);
        assert_eq!(attribute.to_string(), "#nm.columns<2 : i64, 4 : i64, 7 : i64>");
        assert_eq!(Columns::of_attribute(attribute), Ok(pattern));
    }

    #[test]
    fn bad_patterns_are_errors() {
        let context = crate::context();
        let error =
            |text: &str| Columns::of_attribute(Attribute::parse(&context, text).unwrap()).unwrap_err();
        assert_eq!(error("#nm.columns<5, 4, 7>"), "#nm.columns<5, 4, 7> has n outside 1 to 4");
        assert_eq!(error("#nm.columns<0, 4, 7>"), "#nm.columns<0, 4, 7> has n outside 1 to 4");
        assert_eq!(error("#nm.columns<1, 0, 7>"), "#nm.columns<1, 0, 7> has m outside 1 to 536870912");
        assert_eq!(error("#nm.columns<1, 4, -1>"), "#nm.columns<1, 4, -1> has tile outside 1 to 536870912");
        assert!(error("#nm.columns<1 : i8, 4, 7>").contains("is not #nm.columns<n, m, tile>"));
        assert!(error("\"text\"").contains("is not #nm.columns<n, m, tile>"));
        assert!(Attribute::parse(&context, "#nm.columns<1, 4>").is_none());
    }

    #[test]
    fn an_encoding_is_a_pattern_or_a_layout() {
        let context = crate::context();
        let parse = |text: &str| Type::parse(&context, text).unwrap();
        let pruned = parse("tensor<8x4x3x3xf32, #nm.columns<9, 36, 8>>");
        assert_eq!(Columns::of_encoding(pruned), Ok(Some(Columns { n: 9, m: 36, tile: 8 })));
        assert_eq!(types::layout(pruned), Ok(Layout::Nchw));
        assert_eq!(Columns::of_encoding(parse("tensor<1x2x3x4xf32, #ait.layout<\"NHWC\">>")), Ok(None));
        assert_eq!(Columns::of_encoding(parse("tensor<4xf32>")), Ok(None));
        assert!(Columns::of_encoding(parse("tensor<4x4xf32, #nm.columns<0, 1, 1>>")).is_err());
        assert!(types::layout(parse("tensor<4x4xf32, #nm.columns<0, 1, 1>>")).is_err());
    }

    #[test]
    fn short_groups_keep_in_proportion() {
        let pattern = Columns { n: 2, m: 4, tile: 1 };
        assert_eq!([1, 2, 3, 4].map(|len| pattern.kept(len)), [1, 1, 2, 2]);
        assert_eq!([0, 3, 4, 9].map(|k| pattern.kept_of(k)), [0, 2, 2, 5]);
    }
}
