//! A straight line of code, decoded.

use ait_cores::{Class, Instruction, decode};

/// What the start of a block means for the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing.
    Plain,
    /// A region begins after it.
    RegionBegin,
    /// A region ends before it.
    RegionEnd,
    /// A layer begins with it.
    LayerBegin,
    /// The layer whose number is the second argument ends before it.
    LayerEnd,
    /// A loop begins before it that is shared by as many modelled threads as the second argument says.
    ThreadsBegin,
    /// It is run by the modelled thread whose number is the second argument, and what follows it.
    Thread,
    /// That loop ends before it.
    ThreadsEnd,
}

/// A translated block.
#[derive(Debug)]
pub struct Block {
    /// Its position among all blocks.
    pub id: usize,
    /// The position of its function among all symbols.
    pub symbol: usize,
    /// What its start means.
    pub role: Role,
    /// Its instructions, in order.
    pub instructions: Box<[Instruction]>,
    /// How many of them are of a class, for the classes that there are.
    pub classes: Box<[(Class, u64)]>,
    /// How many of them work on `vl` elements.
    pub vector: u64,
    /// Whether its time depends on the vector type.
    pub is_vector: bool,
}

impl Block {
    /// Decodes `code`, one word for each instruction, of the function `name`; `at_start` tells whether the block is the
    /// function's first.
    pub fn new(id: usize, symbol: usize, name: &str, at_start: bool, code: &[u32]) -> Self {
        let instructions: Box<[Instruction]> = code.iter().map(|&word| decode(word)).collect();
        let count =
            |class| instructions.iter().filter(|instruction| instruction.class == class).count() as u64;
        let classes = Class::ALL
            .into_iter()
            .map(|class| (class, count(class)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let vector =
            instructions.iter().filter(|instruction| instruction.class.has_elements()).count() as u64;
        let is_vector = instructions.iter().any(|instruction| {
            instruction.class.is_vector_memory() || instruction.class.is_vector_arithmetic()
        });
        Self { id, symbol, role: role(name, at_start), instructions, classes, vector, is_vector }
    }
}

impl Role {
    /// Whether the second argument matters.
    pub fn has_number(self) -> bool {
        matches!(self, Self::LayerEnd | Self::ThreadsBegin | Self::Thread)
    }
}

fn role(name: &str, at_start: bool) -> Role {
    match name {
        _ if !at_start => Role::Plain,
        "ait_count_begin" => Role::RegionBegin,
        "ait_count_end" => Role::RegionEnd,
        "ait_layer_begin" => Role::LayerBegin,
        "ait_layer_end" => Role::LayerEnd,
        "ait_threads_begin" => Role::ThreadsBegin,
        "ait_thread" => Role::Thread,
        "ait_threads_end" => Role::ThreadsEnd,
        _ => Role::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_decoded() {
        // vfmacc.vf v8, fa0, v16; add a0, a0, a1; ret
        let code = [0xb305_5457, 0x952e, 0x8082];
        let block = Block::new(0, 0, "gemm", true, &code);
        assert_eq!(*block.classes, [(Class::ScalarAlu, 1), (Class::Branch, 1), (Class::VectorFma, 1)]);
        assert_eq!((block.vector, block.is_vector, block.role), (1, true, Role::Plain));
        assert_eq!(Block::new(0, 0, "ait_layer_end", true, &code).role, Role::LayerEnd);
        assert_eq!(Block::new(0, 0, "ait_layer_end", false, &code).role, Role::Plain);
        assert!(Block::new(0, 0, "ait_thread", true, &code).role.has_number());
    }
}
