//! `--verify-diagnostics`: comments say which diagnostics must come.
//!
//! `// expected-error@+1 {{text}}`: severity error, warning, note or remark; `-re` for a regular
//! expression; `@+n`, `@-n`, `@above`, `@below` (the nearest line without such a comment),
//! `@unknown` (no line at all), or this line; an optional count.

use std::sync::LazyLock;

use ait_passes::diagnostic::{Diagnostic, Severity, SourceLocation};
use anyhow::{Context as _, Result};
use regex::Regex;

use super::source::Chunk;

/// One expected diagnostic.
struct Expected {
    severity: &'static str,
    /// Where it must be; none for `@unknown`.
    line: Option<usize>,
    /// Where the comment is.
    comment: usize,
    text: String,
    pattern: Regex,
}

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static COMMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"expected-(error|warning|note|remark)(-re)? *(?:@([+-][0-9]+|above|below|unknown))? *([0-9]+)? *\{\{(.*?)\}\}",
    )
    .expect("a valid pattern")
});

/// What is missing and what is not expected, as errors.
///
/// # Errors
///
/// If a comment has a malformed regular expression.
pub fn compare(file: &str, chunk: &Chunk, diagnostics: &[Diagnostic]) -> Result<Vec<Diagnostic>> {
    let mut expected = read(&String::from_utf8_lossy(&chunk.bytes))?;
    let error = |line: usize, message: String| {
        let location = SourceLocation { file: Some((file.to_owned(), line, 1)), ..SourceLocation::default() };
        Diagnostic { severity: Severity::Error, location, message }
    };
    let mut faults = vec![];
    for diagnostic in diagnostics {
        let line = diagnostic.location.file.as_ref().map(|(_, line, _)| *line);
        let found = expected.iter().position(|one| {
            one.line == line
                && one.severity == diagnostic.severity.keyword()
                && one.pattern.is_match(&diagnostic.message)
        });
        match found {
            Some(index) => drop(expected.remove(index)),
            None => {
                let message = format!("unexpected {}: {}", diagnostic.severity.keyword(), diagnostic.message);
                faults.push(Diagnostic { message, severity: Severity::Error, ..diagnostic.clone() });
            }
        }
    }
    faults.extend(expected.into_iter().map(|one| {
        let message = format!("expected {} \"{}\" was not produced", one.severity, one.text);
        error(one.line.unwrap_or(one.comment), message)
    }));
    Ok(faults)
}

fn read(text: &str) -> Result<Vec<Expected>> {
    let mut expected = vec![];
    let is_comment: Vec<bool> = text.lines().map(|line| COMMENT.is_match(line)).collect();
    for (index, line) in text.lines().enumerate() {
        for found in COMMENT.captures_iter(line) {
            let group = |number: usize| found.get(number).map(|one| one.as_str());
            let text = group(5).unwrap_or_default();
            let pattern = if group(2).is_some() { text.to_owned() } else { regex::escape(text) };
            let pattern =
                Regex::new(&pattern).with_context(|| format!("line {}: bad pattern {text:?}", index + 1))?;
            let count = group(4).and_then(|count| count.parse().ok()).unwrap_or(1usize).min(1000);
            for _ in 0..count {
                expected.push(Expected {
                    severity: severity(group(1).unwrap_or_default()),
                    line: place(index, group(3), &is_comment),
                    comment: index + 1,
                    text: text.to_owned(),
                    pattern: pattern.clone(),
                });
            }
        }
    }
    Ok(expected)
}

fn severity(word: &str) -> &'static str {
    [Severity::Warning, Severity::Note, Severity::Remark]
        .map(Severity::keyword)
        .into_iter()
        .find(|keyword| *keyword == word)
        .unwrap_or(Severity::Error.keyword())
}

/// The line, counted from 1, that a designator on line `index`, counted from 0, means.
fn place(index: usize, designator: Option<&str>, is_comment: &[bool]) -> Option<usize> {
    let line = index + 1;
    match designator {
        None => Some(line),
        Some("unknown") => None,
        Some("above") => Some((0..index).rev().find(|&at| !is_comment[at]).map_or(0, |at| at + 1)),
        Some("below") => {
            let below = is_comment.iter().skip(line).position(|comment| !comment);
            Some(below.map_or(0, |offset| line + offset + 1))
        }
        Some(offset) => {
            let offset: isize = offset.parse().ok()?;
            Some(line.checked_add_signed(offset).unwrap_or(0))
        }
    }
}
