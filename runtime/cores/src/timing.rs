//! What an instruction costs: a table from the core's file.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Class, Instruction, VectorType};

/// Cycles of one instruction when all it needs is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long its unit takes nothing else.
    pub occupancy: u64,
    /// How long until its result can be used.
    pub latency: u64,
}

/// Cycles as they are written in a core's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Cost {
    /// The same always: `3`.
    Fixed(u64),
    /// At LMUL 1, 2, 4 and 8: `[1, 2, 4, 8]`; fractions cost as much as 1.
    Lmul([u64; 4]),
    /// `{ per-element = [3, 4], plus = 3 }`: 3/4 a cycle for each element of the group, rounded up, and 3.
    #[serde(rename_all = "kebab-case")]
    Elements {
        /// Numerator and denominator.
        per_element: [u64; 2],
        /// Once an instruction.
        #[serde(default)]
        plus: u64,
    },
    /// `{ per-register = 2, plus = 2 }`: for each register moved, and once.
    #[serde(rename_all = "kebab-case")]
    Registers {
        /// Cycles for each.
        per_register: u64,
        /// Once an instruction.
        #[serde(default)]
        plus: u64,
    },
}

impl Cost {
    fn cycles(self, instruction: &Instruction, vtype: VectorType, vlen: u32) -> u64 {
        match self {
            Self::Fixed(cycles) => cycles,
            Self::Lmul(table) => table[instruction.emul(vtype).clamp(0, 3) as usize],
            Self::Elements { per_element: [numerator, denominator], plus } => {
                let elements = vtype.vlmax(vlen).max(1) * u64::from(instruction.fields);
                (elements * numerator).div_ceil(denominator) + plus
            }
            Self::Registers { per_register, plus } => per_register * u64::from(instruction.fields) + plus,
        }
    }

    /// Whether computing it can neither divide by zero nor overflow.
    fn is_sound(self) -> bool {
        const MOST: u64 = 1 << 20;
        match self {
            Self::Fixed(cycles) => cycles <= MOST,
            Self::Lmul(table) => table.iter().all(|&cycles| cycles <= MOST),
            Self::Elements { per_element: [numerator, denominator], plus } => {
                numerator <= MOST && denominator > 0 && plus <= MOST
            }
            Self::Registers { per_register, plus } => per_register <= MOST && plus <= MOST,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    occupancy: Cost,
    latency: Cost,
    /// Factor on the occupancy under a mask.
    #[serde(default = "one")]
    masked: u64,
}

fn one() -> u64 {
    1
}

/// The costs of all classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timings(Vec<Row>);

impl Timings {
    /// One row for each class: its own, else `default`.
    pub(crate) fn new(rows: &BTreeMap<Class, Row>, default: Option<Row>) -> Result<Self, String> {
        let row = |class: Class| {
            let row = rows.get(&class).copied().or(default).ok_or(format!("no timing of {class:?}"))?;
            let sound = row.occupancy.is_sound() && row.latency.is_sound() && (1..=64).contains(&row.masked);
            sound.then_some(row).ok_or(format!("the timing of {class:?} is out of bounds"))
        };
        Class::ALL.into_iter().map(row).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn of(&self, instruction: &Instruction, vtype: VectorType, vlen: u32) -> Timing {
        // There is one row for each class.
        let row = &self.0[instruction.class as usize];
        let factor = if instruction.masked { row.masked } else { 1 };
        Timing {
            occupancy: row.occupancy.cycles(instruction, vtype, vlen) * factor,
            latency: row.latency.cycles(instruction, vtype, vlen),
        }
    }
}
