//! Attributes that are one of some words.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name {
            $($(#[$each])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// What a word stands for, if it stands for any.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|it| it.name() == word)
            }
        }
    };
}

words! {
    /// Where a generated convolution has a vector of its reduction from.
    Algorithm {
        /// The input in place; strides 1, no padding.
        Direct = "direct",
        /// The input in place, after `rvv.split_phases` padded it and split it by the strides.
        Split = "split",
        /// im2col strips packed inside the task; any window.
        Packed = "packed",
    }
}

impl Default for Algorithm {
    /// The one that takes any window.
    fn default() -> Self {
        Self::Packed
    }
}

words! {
    /// An element-wise function of two operands.
    BinaryFn {
        /// lhs + rhs
        Add = "add",
        /// lhs - rhs
        Sub = "sub",
        /// lhs * rhs
        Mul = "mul",
        /// lhs / rhs
        Div = "div",
        /// lhs where it is at least 0, else lhs * rhs
        Prelu = "prelu",
    }
}

words! {
    /// What a pool makes of a window.
    PoolFn {
        /// Its maximum; NaN if an element is.
        Max = "max",
        /// The maximum of its numbers.
        MaxNum = "maxnum",
        /// Its mean.
        Avg = "avg",
    }
}
