//! A core: its vector length, issue width, timings, caches and memory, read from TOML.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::timing::Row;
use crate::{Class, Instruction, Timing, Timings, VectorType};

/// The core that is taken when none is named.
pub const DEFAULT: &str = "spacemit-x60";

/// Name and text of the cores that are built in.
const BUILT_IN: [(&str, &str); 3] = [
    ("generic", include_str!("../cores/generic.toml")),
    ("sifive-x280", include_str!("../cores/sifive-x280.toml")),
    ("spacemit-x60", include_str!("../cores/spacemit-x60.toml")),
];

/// Why there is no such core.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// No built-in core has this name.
    #[error("there is no core '{0}'; there are {known}", known = Core::names().join(", "))]
    Unknown(String),
    /// The file could not be read.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: std::io::Error,
    },
    /// The text does not describe a core.
    #[error("{name}: {reason}")]
    Invalid {
        /// The file or core.
        name: String,
        /// What is wrong, and where.
        reason: String,
    },
}

/// A core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Core {
    /// Its name; results say "model cycles (NAME)".
    pub name: String,
    /// Bits of a vector register that the timings are for. Programs are run with it.
    pub vlen: u32,
    /// Whether the timings hold for other lengths of vector registers too.
    any_vlen: bool,
    /// Instructions that can issue in one cycle.
    pub issue_width: u32,
    /// Such cores that share level 2 and the channel to memory: the most threads that are modelled.
    pub cores: u32,
    /// Level-1 data cache; without one, every access hits.
    pub l1: Option<Cache>,
    /// Level-2 cache, there only with level 1.
    pub l2: Option<Cache>,
    /// Beyond level 1.
    pub memory: Memory,
    timings: Timings,
    text: String,
}

/// Geometry of a cache; all are powers of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// Bytes.
    pub size: u32,
    /// Lines of a set.
    pub ways: u32,
    /// Bytes of a line.
    pub line: u32,
}

/// Costs beyond the level-1 cache, in cycles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Memory {
    /// Added to the latency of a load that misses in level 1 and hits in level 2.
    pub l2_latency: u64,
    /// How long a line from level 2 occupies the load-store unit.
    pub l2_line: u64,
    /// The same for a line that a store brings in; the store buffer hides the rest.
    pub store_line: u64,
    /// Added to the latency of a load from memory that was not prefetched.
    pub latency: u64,
    /// Lines that were not prefetched and can be on their way at once; 0 is 1.
    pub outstanding: u32,
    /// How long a line that is read occupies the channel to memory.
    pub line: u64,
    /// How long a line that a store brings in does, its write-back included.
    pub written_line: u64,
    /// The prefetcher.
    pub prefetch: Prefetch,
}

/// A prefetcher of ascending streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Prefetch {
    /// Missed lines that it remembers, 0 (none) to 64.
    pub streams: u32,
    /// A line is foreseen when one of the `reach` lines before it is among them.
    pub reach: u64,
    /// Lines that it can be ahead of the program.
    pub ahead: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    name: String,
    vlen: u32,
    #[serde(default)]
    any_vlen: bool,
    issue_width: u32,
    #[serde(default = "alone")]
    cores: u32,
    l1: Option<Cache>,
    l2: Option<Cache>,
    #[serde(default)]
    memory: Memory,
    #[serde(default)]
    timing: BTreeMap<Class, Row>,
    default_timing: Option<Row>,
}

fn alone() -> u32 {
    1
}

impl Core {
    /// Names of the built-in cores, sorted.
    pub fn names() -> Vec<&'static str> {
        BUILT_IN.iter().map(|(name, _)| *name).collect()
    }

    /// The built-in core `name`.
    ///
    /// # Errors
    /// When there is none; the error names those that there are.
    pub fn named(name: &str) -> Result<Self, CoreError> {
        let text = BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        Self::parse(name, text.ok_or_else(|| CoreError::Unknown(name.to_owned()))?)
    }

    /// The core of the TOML file `path`, of the form of `runtime/cores/cores/*.toml`.
    ///
    /// # Errors
    /// When it cannot be read or does not describe a core.
    pub fn load(path: &Path) -> Result<Self, CoreError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| CoreError::File { path: path.to_owned(), error })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// `text` if it names a built-in core, else the file of that path: what `--core` takes.
    ///
    /// # Errors
    /// As [`Core::named`] for a name, as [`Core::load`] for a path (it ends in `.toml`).
    pub fn named_or_file(text: &str) -> Result<Self, CoreError> {
        if text.ends_with(".toml") { Self::load(Path::new(text)) } else { Self::named(text) }
    }

    /// The core that `text` describes; errors say that it is from `source`.
    ///
    /// # Errors
    /// When the text is no TOML, a class of instructions has no timing, or a number is out of bounds.
    pub fn parse(source: &str, text: &str) -> Result<Self, CoreError> {
        let invalid = |reason: String| CoreError::Invalid { name: source.to_owned(), reason };
        let file: File = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let timings = Timings::new(&file.timing, file.default_timing).map_err(invalid)?;
        let File { name, vlen, any_vlen, issue_width, cores, l1, l2, memory, .. } = file;
        let text = text.to_owned();
        let core = Self { name, vlen, any_vlen, issue_width, cores, l1, l2, memory, timings, text };
        core.check().map_err(invalid)?;
        Ok(core)
    }

    /// The core with vector registers of `vlen` bits.
    ///
    /// # Errors
    /// When its timings do not hold for them: those of real cores are for the registers that these have.
    pub fn at_vlen(mut self, vlen: u32) -> Result<Self, CoreError> {
        if vlen != self.vlen && !self.any_vlen {
            let reason = format!("its timings are for VLEN {}, not {vlen}", self.vlen);
            return Err(CoreError::Invalid { name: self.name, reason });
        }
        self.vlen = vlen;
        match self.check() {
            Ok(()) => Ok(self),
            Err(reason) => Err(CoreError::Invalid { name: self.name, reason }),
        }
    }

    /// The core, if `threads` of them share what they share.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn with_threads(self, threads: u32) -> Result<Self, CoreError> {
        if (1..=self.cores).contains(&threads) {
            return Ok(self);
        }
        let reason = format!(
            "threads are modelled on cores that share level 2, of which there are {}, not {threads}",
            self.cores
        );
        Err(CoreError::Invalid { name: self.name, reason })
    }

    /// The TOML text that describes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn check(&self) -> Result<(), String> {
        if !self.vlen.is_power_of_two() || !(128..=65536).contains(&self.vlen) {
            return Err(format!("vlen {} is not a power of two from 128 to 65536", self.vlen));
        }
        if !(1..=16).contains(&self.issue_width) {
            return Err(format!("issue-width {} is not from 1 to 16", self.issue_width));
        }
        if !(1..=64).contains(&self.cores) {
            return Err(format!("cores {} is not from 1 to 64", self.cores));
        }
        if self.l1.is_none() && self.l2.is_some() {
            return Err("a level-2 cache needs a level-1 cache".to_owned());
        }
        for cache in [self.l1, self.l2].into_iter().flatten() {
            cache.check()?;
        }
        if let (Some(l1), Some(l2)) = (self.l1, self.l2)
            && l1.line != l2.line
        {
            return Err("the caches have lines of different lengths".to_owned());
        }
        self.memory.check()
    }

    /// What `instruction` costs under `vtype` when all it needs is at hand.
    pub fn timing(&self, instruction: &Instruction, vtype: VectorType) -> Timing {
        self.timings.of(instruction, vtype, self.vlen)
    }
}

impl Cache {
    fn check(self) -> Result<(), String> {
        let Self { size, ways, line } = self;
        let sound = size.is_power_of_two() && ways.is_power_of_two() && line.is_power_of_two();
        let fits = u64::from(ways) * u64::from(line) <= u64::from(size) && size <= 1 << 30 && line >= 8;
        if sound && fits {
            return Ok(());
        }
        Err(format!("no cache has {size} bytes in {ways} ways of lines of {line} bytes (powers of two)"))
    }
}

impl Memory {
    fn check(self) -> Result<(), String> {
        const MOST: u64 = 1 << 20;
        let Prefetch { streams, reach, ahead } = self.prefetch;
        let numbers =
            [self.l2_latency, self.l2_line, self.store_line, self.latency, self.line, self.written_line];
        let counts = [u64::from(streams), u64::from(self.outstanding), reach];
        let is_large = numbers.iter().any(|&cycles| cycles > MOST) || counts.iter().any(|&count| count > 64);
        if is_large || ahead > 1024 {
            return Err("a number in [memory] is out of bounds".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_cores_are_whole() {
        for name in Core::names() {
            assert_eq!(Core::named(name).unwrap().name, name);
        }
        assert_eq!(Core::named(DEFAULT).unwrap().vlen, 256);
        let error = Core::named("pdp-11").unwrap_err().to_string();
        assert_eq!(error, "there is no core 'pdp-11'; there are generic, sifive-x280, spacemit-x60");
    }

    #[test]
    fn unsound_files_are_errors() {
        let parse = |text: &str| Core::parse("core.toml", text).unwrap_err().to_string();
        let head = "name = 'c'\nvlen = 256\nissue-width = 1\n";
        let one = "default-timing = { occupancy = 1, latency = 1 }\n";
        assert!(parse(head).contains("no timing of ScalarAlu"));
        assert!(parse(&format!("{head}{one}[l1]\nsize = 100\nways = 1\nline = 64")).contains("no cache has"));
        assert!(parse(&format!("{head}{one}[l3]\n")).contains("unknown field"));
        assert!(
            parse(&format!(
                "{head}default-timing = {{ occupancy = {{ per-element = [1, 0] }}, latency = 1 }}"
            ))
            .contains("out of bounds")
        );
        assert!(parse(&format!("{}{one}", head.replace("256", "100"))).contains("power of two"));
    }

    #[test]
    fn only_some_cores_have_any_vector_length() {
        assert_eq!(Core::named("generic").unwrap().at_vlen(512).unwrap().vlen, 512);
        let error = Core::named(DEFAULT).unwrap().at_vlen(512).unwrap_err().to_string();
        assert_eq!(error, "spacemit-x60: its timings are for VLEN 256, not 512");
    }

    #[test]
    fn costs_follow_the_vector_type() {
        let core = Core::named(DEFAULT).unwrap();
        let of = |class, lmul| {
            let instruction = Instruction::new(class, crate::Register::v(8), &[]);
            core.timing(&instruction, VectorType::e32(lmul))
        };
        assert_eq!(of(Class::VectorFma, 4), Timing { occupancy: 4, latency: 5 });
        assert_eq!(of(Class::LoadStrided, 2).occupancy, 16);
        let masked = Instruction::new(Class::VectorFma, crate::Register::v(8), &[]).under_mask();
        assert_eq!(core.timing(&masked, VectorType::e32(4)).occupancy, 8);
    }
}
