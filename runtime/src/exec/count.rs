//! Exact counts of retired instructions, from QEMU's log of translated and executed blocks.
//!
//! `-d in_asm,exec,nochain` prints the instructions of a block when it is translated and one line whenever it is
//! executed; the log is read from a pipe while the program runs. A program marks what is measured by calling two empty
//! functions, [`BEGIN`] and [`END`], which must not be inlined; what runs between the k-th pair is region k. The
//! program must be single-threaded between them, and its symbols must not be stripped.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, BufReader, Read};

/// Called by a program where a region begins.
pub const BEGIN: &str = "ait_count_begin";
/// Called by a program where a region ends.
pub const END: &str = "ait_count_end";

/// A straight line of code and how often it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The function that it is in.
    pub function: String,
    /// Address of its first instruction.
    pub address: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Mnemonics in order, as QEMU's disassembler prints them.
    pub instructions: Vec<String>,
    /// Executions in this region.
    pub executions: u64,
}

impl Block {
    /// Retired instructions.
    pub fn retired(&self) -> u64 {
        self.executions * self.instructions.len() as u64
    }

    /// How many of its instructions have this mnemonic.
    pub fn instances(&self, mnemonic: &str) -> u64 {
        self.instructions.iter().filter(|instruction| *instruction == mnemonic).count() as u64
    }
}

/// What ran between a call of [`BEGIN`] and the next one of [`END`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Region {
    /// Blocks that ran at all, by address.
    pub blocks: Vec<Block>,
}

impl Region {
    /// Retired instructions. The call of [`END`] is counted with the block that makes it.
    pub fn retired(&self) -> u64 {
        self.blocks.iter().map(Block::retired).sum()
    }

    /// Retired instructions by mnemonic.
    pub fn by_mnemonic(&self) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for block in &self.blocks {
            for instruction in &block.instructions {
                *counts.entry(instruction.as_str()).or_default() += block.executions;
            }
        }
        counts
    }

    /// Retired instructions by function.
    pub fn by_function(&self) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for block in &self.blocks {
            *counts.entry(block.function.as_str()).or_default() += block.retired();
        }
        counts
    }

    /// The innermost loop around `mnemonic`: of the blocks with such an instruction the one that retired most of
    /// them (the first of equal ones), with its neighbours that ran about as often. QEMU's blocks end with a page, so
    /// a loop may be in two.
    pub fn inner_loop(&self, mnemonic: &str) -> Vec<&Block> {
        let weight = |block: &Block| block.executions * block.instances(mnemonic);
        let hottest =
            self.blocks.iter().rev().max_by_key(|block| weight(block)).filter(|block| weight(block) > 0);
        let Some(hottest) = hottest else { return Vec::new() };
        let alike = |block: &&Block| {
            block.executions >= hottest.executions / 2
                && block.executions <= hottest.executions.saturating_mul(2)
        };
        let mut found = vec![hottest];
        let mut end = hottest.address + hottest.bytes;
        while let Some(next) = self.blocks.iter().filter(alike).find(|block| block.address == end) {
            end += next.bytes;
            found.push(next);
        }
        let mut start = hottest.address;
        while let Some(before) = self
            .blocks
            .iter()
            .filter(alike)
            .find(|block| block.address + block.bytes == start && block.bytes > 0)
        {
            start = before.address;
            found.insert(0, before);
        }
        found
    }
}

/// Reads the whole log.
///
/// # Errors
/// When it cannot be read, is not of the form expected, or its regions do not pair.
pub(super) fn read(log: impl Read) -> io::Result<Vec<Region>> {
    let mut reader = BufReader::with_capacity(1 << 20, log);
    let (mut line, mut state) = (Vec::new(), Log::default());
    while reader.read_until(b'\n', &mut line)? > 0 {
        state.line(&line).map_err(|reason| {
            let text = String::from_utf8_lossy(&line);
            io::Error::new(io::ErrorKind::InvalidData, format!("{reason} in QEMU's log: {}", text.trim_end()))
        })?;
        line.clear();
    }
    if state.open {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{BEGIN} without {END}")));
    }
    Ok(state.regions())
}

/// Instructions as they are printed.
#[derive(Default)]
struct Listing {
    address: u64,
    bytes: u64,
    instructions: Vec<String>,
}

/// A translated block; one address may be translated several times, for other states of the core.
struct Translation {
    function: String,
    address: u64,
    bytes: u64,
    instructions: Vec<String>,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    Begin,
    End,
}

#[derive(Default)]
struct Log {
    /// The instructions printed last.
    pending: Option<Listing>,
    translations: Vec<Translation>,
    /// What is between the brackets of an execution (address and state of the core), to its translation. Never iterated.
    known: HashMap<Vec<u8>, usize>,
    /// Executions by translation, of each region.
    counts: Vec<Vec<u64>>,
    open: bool,
    last: Option<usize>,
}

impl Log {
    fn line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        if line.starts_with(b"Trace ") {
            return self.execution(line);
        }
        if line.starts_with(b"0x") {
            return self.instruction(line);
        }
        if line.starts_with(b"IN:") {
            self.pending = None;
        } else if line.starts_with(b"Stopped execution") {
            // Its line was printed, but nothing of it ran.
            self.withdraw();
        }
        Ok(())
    }

    /// `0x00010430:  1141              addi            sp,sp,-16`
    fn instruction(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let text = std::str::from_utf8(line).map_err(|_| "no text")?;
        let (address, rest) = text.split_once(':').ok_or("no address")?;
        let address = u64::from_str_radix(address.trim_start_matches("0x"), 16).map_err(|_| "no address")?;
        let mut words = rest.split_whitespace();
        let (code, mnemonic) = (words.next().ok_or("no code")?, words.next().ok_or("no instruction")?);
        let listing = self.pending.get_or_insert_with(|| Listing { address, ..Listing::default() });
        listing.bytes += code.len() as u64 / 2;
        listing.instructions.push(mnemonic.to_owned());
        Ok(())
    }

    /// `Trace 0: 0x7fa9a5639700 [00000000/0000000000030266/0202c078/00000200] ait_count_begin`
    fn execution(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let open = line.iter().position(|&byte| byte == b'[').ok_or("no block")?;
        let close =
            line.iter().position(|&byte| byte == b']').filter(|&close| close > open).ok_or("no block")?;
        let (key, rest) = (&line[open + 1..close], &line[close + 1..]);
        let fresh = self.pending.is_some();
        let index = match self.known.get(key) {
            Some(&index) if !fresh => index,
            _ => self.bind(key, rest)?,
        };
        self.count(index);
        Ok(())
    }

    /// The translation of an execution that is the first one of its key, or the first after a translation.
    fn bind(&mut self, key: &[u8], function: &[u8]) -> Result<usize, &'static str> {
        let text = std::str::from_utf8(key).map_err(|_| "no text")?;
        let address = text.split('/').nth(1).and_then(|address| u64::from_str_radix(address, 16).ok());
        let address = address.ok_or("no address")?;
        let Some(listing) = self.pending.take_if(|listing| listing.address == address) else {
            return self.known.get(key).copied().ok_or("a block that was never translated");
        };
        let function = String::from_utf8_lossy(function).trim().to_owned();
        let role = match function.as_str() {
            BEGIN => Role::Begin,
            END => Role::End,
            _ => Role::Plain,
        };
        let Listing { bytes, instructions, .. } = listing;
        self.translations.push(Translation { function, address, bytes, instructions, role });
        let index = self.translations.len() - 1;
        self.known.insert(key.to_vec(), index);
        Ok(index)
    }

    fn count(&mut self, index: usize) {
        self.last = None;
        match self.translations[index].role {
            Role::Begin => {
                self.counts.push(Vec::new());
                self.open = true;
            }
            Role::End => self.open = false,
            Role::Plain if self.open => {
                let Some(counts) = self.counts.last_mut() else { return };
                if counts.len() <= index {
                    counts.resize(index + 1, 0);
                }
                counts[index] += 1;
                self.last = Some(index);
            }
            Role::Plain => {}
        }
    }

    fn withdraw(&mut self) {
        if let (Some(counts), Some(index)) = (self.counts.last_mut(), self.last.take()) {
            counts[index] -= 1;
        }
    }

    fn regions(&self) -> Vec<Region> {
        self.counts.iter().map(|counts| self.region(counts)).collect()
    }

    /// Translations of the same code are one block.
    fn region(&self, counts: &[u64]) -> Region {
        let mut blocks: BTreeMap<(u64, &[String]), Block> = BTreeMap::new();
        for (translation, &executions) in
            self.translations.iter().zip(counts).filter(|(_, count)| **count > 0)
        {
            let Translation { function, address, bytes, instructions, .. } = translation;
            let block = blocks.entry((*address, instructions)).or_insert_with(|| Block {
                function: function.clone(),
                address: *address,
                bytes: *bytes,
                instructions: instructions.clone(),
                executions: 0,
            });
            block.executions += executions;
        }
        Region { blocks: blocks.into_values().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
----------------
IN: ait_count_begin
0x00000010:  8082              ret
Trace 0: 0x7f00 [00000000/0000000000000010/00/00] ait_count_begin
----------------
IN: kernel
0x00000020:  0205e0d7          vfmacc.vf       v8,fa0,v16
0x00000024:  8082              ret
Trace 0: 0x7f10 [00000000/0000000000000020/00/00] kernel
Trace 0: 0x7f10 [00000000/0000000000000020/00/00] kernel
IN: kernel
0x00000020:  0205e0d7          vfmacc.vf       v8,fa0,v16
0x00000024:  8082              ret
Trace 0: 0x7f20 [00000000/0000000000000020/01/00] kernel
Stopped execution of TB chain before 0x7f20 [0000000000000020] kernel
Trace 0: 0x7f20 [00000000/0000000000000020/01/00] kernel
----------------
IN: ait_count_end
0x00000030:  8082              ret
Trace 0: 0x7f30 [00000000/0000000000000030/00/00] ait_count_end
Trace 0: 0x7f10 [00000000/0000000000000020/00/00] kernel
Trace 0: 0x7f00 [00000000/0000000000000010/00/00] ait_count_begin
Trace 0: 0x7f10 [00000000/0000000000000020/00/00] kernel
Trace 0: 0x7f30 [00000000/0000000000000030/00/00] ait_count_end
";

    #[test]
    fn regions_are_counted_apart() {
        let regions = read(LOG.as_bytes()).unwrap();
        assert_eq!(regions.iter().map(Region::retired).collect::<Vec<_>>(), [6, 2]);
        let [block] = regions[0].blocks.as_slice() else { panic!("one block") };
        assert_eq!((block.address, block.executions, block.function.as_str()), (0x20, 3, "kernel"));
        assert_eq!(regions[0].by_mnemonic().into_iter().collect::<Vec<_>>(), [("ret", 3), ("vfmacc.vf", 3)]);
        assert_eq!(block.bytes, 6);
        assert_eq!(regions[1].inner_loop("vfmacc.vf"), [&regions[1].blocks[0]]);
        assert!(regions[1].inner_loop("vle32.v").is_empty());
    }

    #[test]
    fn a_damaged_log_is_an_error() {
        for (text, message) in [
            ("Trace 0: 0x7f00 [00000000/0000000000000010/00/00] f\n", "never translated"),
            ("Trace 0: 0x7f00\n", "no block"),
            ("0xzz: 00 ret\n", "no address"),
            (LOG.split_once("----------------\nIN: ait_count_end").unwrap().0, "without ait_count_end"),
        ] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
