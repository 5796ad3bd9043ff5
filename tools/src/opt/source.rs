//! The input: where it came from, its parts, and the lines that diagnostics show.

use std::{io::Read, path::Path};

use ait_passes::diagnostic::{Diagnostic, SourceLocation, capture};
use anyhow::{Context as _, Result, anyhow};
use melior::{Context, StringRef, ir::Module};
use mlir_sys::{MlirStringRef, mlirModuleCreateParse, mlirModuleCreateParseFromFile};
use tempfile::NamedTempFile;

use crate::bytecode;

/// The file name that MLIR gives to text without one.
const NAMELESS: &str = "-";

/// What a line between modules looks like.
const SEPARATOR: &[u8] = b"// -----";

/// A whole input.
pub struct Source {
    /// The path as given, or `<stdin>`.
    pub name: String,
    is_file: bool,
    bytes: Vec<u8>,
    /// What to read instead where the input is bytecode.
    bytecode: Option<NamedTempFile>,
}

/// One module of an input.
pub struct Chunk {
    /// The bytes, after as many newlines as the input has before them: lines count as in the input.
    pub bytes: Vec<u8>,
    /// Whether this is all of the input.
    whole: bool,
}

impl Source {
    /// Reads a file, or stdin for `-`.
    pub fn read(path: &Path) -> Result<Self> {
        let is_file = path.as_os_str() != "-";
        let (name, bytes) = if is_file {
            let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            (path.display().to_string(), bytes)
        } else {
            let mut bytes = vec![];
            std::io::stdin().read_to_end(&mut bytes).context("cannot read stdin")?;
            ("<stdin>".to_owned(), bytes)
        };
        if bytecode::is_bytecode(&bytes) {
            let bytecode = Some(bytecode::rewritten(&name, &bytes)?);
            return Ok(Self { name, is_file: false, bytes: Vec::new(), bytecode });
        }
        // MLIR opens the file again by a name that is text.
        let is_file = is_file && path.to_str().is_some();
        Ok(Self { name, is_file, bytes, bytecode: None })
    }

    /// The modules: one, or with `split` those between separators, which bytecode does not have.
    pub fn chunks(&self, split: bool) -> Vec<Chunk> {
        if !split || self.bytecode.is_some() {
            return vec![Chunk { bytes: self.bytes.clone(), whole: true }];
        }
        let mut chunks = vec![Chunk { bytes: vec![], whole: false }];
        for (line, text) in self.bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
            if text.trim_ascii() == SEPARATOR {
                chunks.push(Chunk { bytes: vec![b'\n'; line + 1], whole: false });
            } else if let Some(chunk) = chunks.last_mut() {
                chunk.bytes.extend_from_slice(text);
            }
        }
        chunks
    }

    /// Parses a module; errors go to the context's diagnostics.
    pub fn parse<'c>(&self, context: &'c Context, chunk: &Chunk) -> Option<Module<'c>> {
        // MLIR's lexer stops at a zero byte.
        let mut bytes = chunk.bytes.clone();
        bytes.push(0);
        let text = MlirStringRef { data: bytes.as_ptr().cast(), length: bytes.len() - 1 };
        // SAFETY: text and names outlive the calls, and each result is owned by the module alone.
        unsafe {
            let file = self.bytecode.as_ref().map(|file| file.path().to_string_lossy());
            let file = file.or_else(|| (chunk.whole && self.is_file).then(|| self.name.as_str().into()));
            if let Some(file) = file {
                let name = StringRef::new(&file);
                return Module::from_option_raw(mlirModuleCreateParseFromFile(
                    context.to_raw(),
                    name.to_raw(),
                ));
            }
            Module::from_option_raw(mlirModuleCreateParse(context.to_raw(), text))
        }
    }

    /// The whole input as one verified module; the error renders every diagnostic.
    pub fn module<'c>(&self, context: &'c Context) -> Result<Module<'c>> {
        let chunk = Chunk { bytes: self.bytes.clone(), whole: true };
        let (module, diagnostics) = capture(context, || {
            let module = self.parse(context, &chunk)?;
            ait_dialects::verify(&module).then_some(module)
        });
        module.ok_or_else(|| self.error(diagnostics))
    }

    /// Diagnostics of this input as one error.
    pub fn error(&self, mut diagnostics: Vec<Diagnostic>) -> anyhow::Error {
        diagnostics.iter_mut().for_each(|one| self.rename(&mut one.location));
        anyhow!(diagnostics.iter().map(|one| self.render(one)).collect::<Vec<_>>().join("\n"))
    }

    /// Gives a location in a nameless text the name of the input.
    pub fn rename(&self, location: &mut SourceLocation) {
        if let Some((file, _, _)) = &mut location.file
            && file == NAMELESS
        {
            self.name.clone_into(file);
        }
    }

    /// A diagnostic with the line that it is about.
    pub fn render(&self, diagnostic: &Diagnostic) -> String {
        let line = diagnostic.location.file.as_ref().filter(|(file, _, _)| *file == self.name);
        let line = line.and_then(|(_, line, column)| {
            let text = self.bytes.split(|&byte| byte == b'\n').nth(line.checked_sub(1)?)?;
            let text = String::from_utf8_lossy(text.get(..200).unwrap_or(text)).into_owned();
            Some(format!("\n{text}\n{:>width$}", "^", width = *column))
        });
        format!("{diagnostic}{}", line.unwrap_or_default())
    }
}
