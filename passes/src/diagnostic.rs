//! Diagnostics as owned data: what MLIR reports and what our passes report look the same.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fmt::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use ait_runtime::output::say;
use melior::{
    Context,
    diagnostic::DiagnosticSeverity,
    ir::{Location, attribute::StringAttribute, operation::OperationLike},
};
use mlir_sys::{
    MlirLocation, MlirStringRef, mlirAttributeIsAString, mlirIdentifierStr, mlirLocationCallSiteGetCallee,
    mlirLocationFileLineColRangeGetFilename, mlirLocationFileLineColRangeGetStartColumn,
    mlirLocationFileLineColRangeGetStartLine, mlirLocationFusedGetLocations, mlirLocationFusedGetMetadata,
    mlirLocationFusedGetNumLocations, mlirLocationIsACallSite, mlirLocationIsAFileLineColRange,
    mlirLocationIsAFused, mlirLocationIsAName, mlirLocationNameGetChildLoc, mlirLocationNameGetName,
    mlirStringAttrGetValue,
};

/// Prints a line to stderr, unless this process has: passes read the same files, and tools compile the same module again.
pub fn say_once(line: String) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if !said.contains(&line) {
        say(&line);
        said.insert(line);
    }
}

/// A text of the input as a message quotes it: on one line, without control characters, and of a long one the beginning
/// and the end. Names may be megabytes long.
pub fn legible(text: &str) -> Cow<'_, str> {
    const MOST: usize = 1000;
    let is_long = text.len() > MOST && text.chars().nth(MOST).is_some();
    if !is_long && !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escape = |text: &str| -> String {
        let escaped = |letter: char| {
            if letter.is_control() { letter.escape_default().collect() } else { letter.to_string() }
        };
        text.chars().map(escaped).collect()
    };
    if !is_long {
        return Cow::Owned(escape(text));
    }
    let at = |count: usize| text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
    let from_end = |count: usize| text.char_indices().nth_back(count - 1).map_or(0, |(at, _)| at);
    let (start, end) = (at(MOST / 2), from_end(MOST / 4));
    let (head, tail) = (&text[..start], &text[end..]);
    Cow::Owned(format!("{}[... {} bytes ...]{}", escape(head), end - start, escape(tail)))
}

/// The location of what an ONNX node became: its name, and what [`SourceLocation::operator`] says.
pub fn onnx_location<'c>(context: &'c Context, node: &str, operator: &str, opset: i64) -> Location<'c> {
    let name = Location::name(context, node, Location::unknown(context));
    let operator = StringAttribute::new(context, &format!("{operator}, opset {opset}"));
    Location::fused(context, &[name], operator.into())
}

/// Where something came from: a place in a text, a node name of the model, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceLocation {
    /// The ONNX node name of `loc("name")`.
    pub name: Option<String>,
    /// Operator and opset of the ONNX node, as `Conv, opset 13`.
    pub operator: Option<String>,
    /// File name, line and column, counted from 1.
    pub file: Option<(String, usize, usize)>,
}

impl SourceLocation {
    /// Reads an MLIR location; of several fused ones the first that says something.
    pub fn of(location: Location) -> Self {
        let mut found = Self::default();
        found.collect(location.to_raw());
        found
    }

    fn collect(&mut self, location: MlirLocation) {
        // SAFETY: `location` is valid for as long as its context, which the caller borrows, and
        // each accessor is called only on the kind of location it belongs to.
        unsafe {
            if mlirLocationIsAFileLineColRange(location) {
                self.file.get_or_insert_with(|| {
                    (
                        text(mlirIdentifierStr(mlirLocationFileLineColRangeGetFilename(location))),
                        mlirLocationFileLineColRangeGetStartLine(location).max(0) as usize,
                        mlirLocationFileLineColRangeGetStartColumn(location).max(0) as usize,
                    )
                });
            } else if mlirLocationIsAName(location) {
                self.name.get_or_insert_with(|| text(mlirIdentifierStr(mlirLocationNameGetName(location))));
                self.collect(mlirLocationNameGetChildLoc(location));
            } else if mlirLocationIsACallSite(location) {
                self.collect(mlirLocationCallSiteGetCallee(location));
            } else if mlirLocationIsAFused(location) {
                let metadata = mlirLocationFusedGetMetadata(location);
                if !metadata.ptr.is_null() && mlirAttributeIsAString(metadata) {
                    self.operator.get_or_insert_with(|| text(mlirStringAttrGetValue(metadata)));
                }
                let mut parts = vec![
                    MlirLocation { ptr: std::ptr::null() };
                    mlirLocationFusedGetNumLocations(location) as usize
                ];
                mlirLocationFusedGetLocations(location, parts.as_mut_ptr());
                parts.into_iter().for_each(|part| self.collect(part));
            }
        }
    }
}

/// # Safety
///
/// `string` must point to `length` readable bytes.
unsafe fn text(string: MlirStringRef) -> String {
    if string.length == 0 {
        return String::new();
    }
    // SAFETY: by contract.
    let bytes = unsafe { std::slice::from_raw_parts(string.data.cast::<u8>(), string.length) };
    String::from_utf8_lossy(bytes).into_owned()
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match (&self.file, &self.name, &self.operator) {
            (Some((file, line, column)), ..) => write!(out, "{}:{line}:{column}", legible(file)),
            (None, Some(name), None) => write!(out, "loc({:?})", legible(name)),
            (None, Some(name), Some(operator)) => {
                write!(out, "node '{}' ({})", legible(name), legible(operator))
            }
            (None, None, _) => write!(out, "<unknown>"),
        }
    }
}

/// How bad a diagnostic is, as MLIR and `--verify-diagnostics` name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The input is refused.
    Error,
    /// Suspicious, yet accepted.
    Warning,
    /// More about the diagnostic before it.
    Note,
    /// For information.
    Remark,
}

impl Severity {
    /// The keyword before the message.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::Remark => "remark",
        }
    }
}

/// One message about one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub location: SourceLocation,
    /// What it is.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{}: {}: {}", self.location, self.severity.keyword(), self.message)
    }
}

/// Runs `body` and returns, besides its result, every diagnostic that MLIR emitted meanwhile,
/// notes after what they belong to. Nothing reaches stderr.
pub fn capture<T>(context: &Context, body: impl FnOnce() -> T) -> (T, Vec<Diagnostic>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let handler = context.attach_diagnostic_handler(move |diagnostic| {
        push(&mut sink.lock().unwrap_or_else(PoisonError::into_inner), &diagnostic);
        true
    });
    let result = body();
    context.detach_diagnostic_handler(handler);
    let diagnostics = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    (result, diagnostics)
}

fn push(list: &mut Vec<Diagnostic>, diagnostic: &melior::diagnostic::Diagnostic) {
    list.push(Diagnostic {
        severity: match diagnostic.severity() {
            DiagnosticSeverity::Error => Severity::Error,
            DiagnosticSeverity::Warning => Severity::Warning,
            DiagnosticSeverity::Note => Severity::Note,
            DiagnosticSeverity::Remark => Severity::Remark,
        },
        location: SourceLocation::of(diagnostic.location()),
        message: message_of(diagnostic),
    });
    (0..diagnostic.note_count())
        .filter_map(|index| diagnostic.note(index).ok())
        .for_each(|note| push(list, &note));
}

/// The message. Unlike `to_string` this takes one that is not UTF-8, as far as it is.
fn message_of(diagnostic: &melior::diagnostic::Diagnostic) -> String {
    let mut message = String::new();
    if write!(message, "{diagnostic}").is_err() {
        message.push_str(" (not UTF-8)");
    }
    message
}

/// Why a pass gave up: at least one error, and what else was said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.diagnostics))]
pub struct PassError {
    /// In the order of their emission.
    pub diagnostics: Vec<Diagnostic>,
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl PassError {
    /// An error at `location`.
    pub fn new(location: Location, message: impl fmt::Display) -> Self {
        Self::from_diagnostics(vec![], SourceLocation::of(location), message)
    }

    /// An error about `op`: its name comes first, as in MLIR's own messages, then the node name
    /// where the location shows a file.
    pub fn at<'c: 'a, 'a>(op: &impl OperationLike<'c, 'a>, message: impl fmt::Display) -> Self {
        let location = SourceLocation::of(op.location());
        let name = op.name();
        let name = name.as_string_ref();
        let name = name.as_str().unwrap_or("?");
        let node = match (&location.file, &location.name) {
            (Some(_), Some(node)) => format!(" {node:?}"),
            _ => String::new(),
        };
        Self::from_diagnostics(vec![], location, format!("'{name}' op{node} {message}"))
    }

    /// What MLIR reported, or `message` at `location` where it reported no error.
    pub(crate) fn from_diagnostics(
        mut diagnostics: Vec<Diagnostic>,
        location: SourceLocation,
        message: impl fmt::Display,
    ) -> Self {
        if !diagnostics.iter().any(|one| one.severity == Severity::Error) {
            let message = message.to_string();
            diagnostics.push(Diagnostic { severity: Severity::Error, location, message });
        }
        Self { diagnostics }
    }
}
