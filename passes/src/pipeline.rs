//! Pipelines as text: `ait-canonicalize,ait-eqsat{layout=cnhw},cse`.
//!
//! Passes of ours run from here; every other name is MLIR's and goes to its pass manager as text.
//! (External passes cannot be registered by name, and a panic inside one aborts.)

use std::{
    fmt,
    time::{Duration, Instant},
};

use ait_dialects::verify;
use melior::{
    Context,
    ir::{Module, operation::OperationLike},
    pass::PassManager,
    utility::parse_pass_pipeline,
};
use mlir_sys::mlirPassManagerRunOnOp;

use crate::{
    PassError,
    diagnostic::{SourceLocation, capture},
    options::Options,
    table::{PASSES, PIPELINES, Pass},
};

/// A pipeline text that says nothing sensible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pass pipeline:1:{column}: error: {message}")]
pub struct PipelineError {
    /// Where in the text, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// One element of a pipeline.
#[derive(Clone)]
pub enum Step {
    /// A pass of ours with its options.
    Own(&'static Pass, Options),
    /// A pass (or a nested pipeline) of MLIR, as written.
    Upstream(String),
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Own(pass, _) if pass.options.is_empty() => write!(out, "{}", pass.name),
            Self::Own(pass, options) => write!(out, "{}{{{options}}}", pass.name),
            Self::Upstream(text) => write!(out, "{text}"),
        }
    }
}

/// Passes in the order in which they run.
#[derive(Clone, Default)]
pub struct Pipeline {
    /// The steps.
    pub steps: Vec<Step>,
}

impl Pipeline {
    /// Parses `text`, optionally wrapped in `builtin.module(...)`.
    ///
    /// # Errors
    ///
    /// Where the text is malformed, or names no pass or a wrong option.
    pub fn parse(context: &Context, text: &str) -> Result<Self, PipelineError> {
        let (start, end) = unwrap_module(text);
        let mut steps = vec![];
        for element in elements(text, start, end)? {
            steps.extend(element.steps(context)?);
        }
        Ok(Self { steps })
    }

    /// Runs all steps; after each the module is verified.
    ///
    /// # Errors
    ///
    /// The first step's that fails, or that leaves an invalid module.
    pub fn run(&self, module: &Module) -> Result<(), PassError> {
        self.run_observed(module, true, &mut |_, _, _| {})
    }

    /// Runs all steps and calls `observe` after each with the time it took. Without
    /// `verify_each` the module is verified only at the end.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::run`].
    pub fn run_observed(
        &self,
        module: &Module,
        verify_each: bool,
        observe: &mut dyn FnMut(&Step, &Module, Duration),
    ) -> Result<(), PassError> {
        for (index, step) in self.steps.iter().enumerate() {
            let start = Instant::now();
            match step {
                Step::Own(pass, options) => (pass.run)(module, options)?,
                Step::Upstream(text) => run_upstream(module, text, verify_each)?,
            }
            if verify_each || index + 1 == self.steps.len() {
                check(module, step)?;
            }
            observe(step, module, start.elapsed());
        }
        Ok(())
    }
}

fn check(module: &Module, step: &Step) -> Result<(), PassError> {
    let context = ait_dialects::context_of(module);
    let (valid, diagnostics) = capture(context, || verify(module));
    if valid {
        return Ok(());
    }
    let message = format!("the module is invalid after {step}");
    Err(PassError::from_diagnostics(diagnostics, SourceLocation::default(), message))
}

fn run_upstream(module: &Module, text: &str, verify_each: bool) -> Result<(), PassError> {
    let context = ait_dialects::context_of(module);
    let location = SourceLocation::of(module.as_operation().location());
    let manager = PassManager::new(context);
    manager.enable_verifier(verify_each);
    parse_upstream(&manager, text)
        .map_err(|message| PassError::from_diagnostics(vec![], location.clone(), message))?;
    // SAFETY: the module is alive; passes change what is in it, which is what a step is for.
    let (outcome, diagnostics) = capture(context, || unsafe {
        mlirPassManagerRunOnOp(manager.to_raw(), module.as_operation().to_raw())
    });
    if outcome.value != 0 {
        return Ok(());
    }
    Err(PassError::from_diagnostics(diagnostics, location, format!("'{text}' failed")))
}

fn parse_upstream(manager: &PassManager, text: &str) -> Result<(), String> {
    parse_pass_pipeline(manager.as_operation_pass_manager(), &format!("builtin.module({text})"))
        .map_err(|error| error.to_string())
}

/// `name{options}(nested)` at byte `start` of the pipeline's text.
struct Element<'t> {
    text: &'t str,
    start: usize,
}

impl Element<'_> {
    fn name(&self) -> &str {
        self.text.split(['{', '(']).next().unwrap_or_default().trim()
    }

    fn error(&self, offset: usize, message: impl Into<String>) -> PipelineError {
        PipelineError { column: self.start + offset + 1, message: message.into() }
    }

    fn steps(&self, context: &Context) -> Result<Vec<Step>, PipelineError> {
        let name = self.name();
        if let Some(pass) = PASSES.iter().find(|pass| pass.name == name) {
            let options = Options::new(pass.options, &self.options()?);
            let options = options.map_err(|message| self.error(0, format!("'{name}': {message}")))?;
            return Ok(vec![Step::Own(pass, options)]);
        }
        if let Some(line) = PIPELINES.iter().find(|line| line.name == name) {
            let options = Options::new(line.options, &self.options()?);
            let options = options.map_err(|message| self.error(0, format!("'{name}': {message}")))?;
            let inner = Pipeline::parse(context, &(line.expand)(&options));
            return inner
                .map(|pipeline| pipeline.steps)
                .map_err(|error| self.error(0, format!("'{name}': {}", error.message)));
        }
        match parse_upstream(&PassManager::new(context), self.text) {
            Ok(()) => Ok(vec![Step::Upstream(self.text.to_owned())]),
            Err(message) if is_registered(context, name) => Err(self.error(0, message.trim())),
            Err(_) => Err(self.error(0, unknown(name))),
        }
    }

    /// `k=v k2=v2` between the braces.
    fn options(&self) -> Result<Vec<(String, String)>, PipelineError> {
        let Some(open) = self.text.find('{') else {
            return match self.text.find('(') {
                Some(at) => Err(self.error(at, format!("'{}' has no nested pipeline", self.name()))),
                None => Ok(vec![]),
            };
        };
        let inside = self.text[open + 1..].trim_end().strip_suffix('}');
        let inside = inside.ok_or_else(|| self.error(open, "expected '}' and nothing after it"))?;
        words(inside)
            .into_iter()
            .map(|pair| {
                let pair = pair.split_once('=').filter(|(key, _)| !key.is_empty());
                let (key, value) = pair.ok_or_else(|| self.error(open + 1, "expected key=value"))?;
                let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
                Ok((key.to_owned(), unquoted.unwrap_or(value).to_owned()))
            })
            .collect()
    }
}

/// The text between white space that is not in double quotes.
fn words(text: &str) -> Vec<&str> {
    let mut quoted = false;
    let words = text.split(|letter: char| {
        quoted ^= letter == '"';
        letter.is_whitespace() && !quoted
    });
    words.filter(|word| !word.is_empty()).collect()
}

/// Whether MLIR knows a pass, a pipeline or (with a nested pipeline) an op of this name.
fn is_registered(context: &Context, name: &str) -> bool {
    let as_op = context.is_registered_operation(name);
    as_op
        || match parse_upstream(&PassManager::new(context), name) {
            Ok(()) => true,
            Err(message) => !message.contains("does not refer to a registered pass"),
        }
}

/// The whole text, or what is inside `builtin.module( )`: start and end.
fn unwrap_module(text: &str) -> (usize, usize) {
    let inner = text.trim();
    let lead = text.len() - text.trim_start().len();
    match inner.strip_prefix("builtin.module(").and_then(|rest| rest.strip_suffix(')')) {
        Some(rest) => (lead + "builtin.module(".len(), lead + "builtin.module(".len() + rest.len()),
        None => (lead, lead + inner.len()),
    }
}

/// Splits at the commas outside braces and parentheses.
fn elements(text: &str, start: usize, end: usize) -> Result<Vec<Element<'_>>, PipelineError> {
    let error = |at: usize, message: &str| PipelineError { column: at + 1, message: message.into() };
    let (mut open, mut found, mut from) = (vec![], vec![], start);
    if start == end {
        return Ok(found);
    }
    let mut quoted = false;
    for (at, letter) in text[start..end].char_indices().map(|(at, letter)| (start + at, letter)) {
        quoted ^= letter == '"';
        match letter {
            _ if quoted => {}
            '{' | '(' => open.push((at, if letter == '{' { '}' } else { ')' })),
            '}' | ')' if open.pop().map(|(_, close)| close) != Some(letter) => {
                return Err(error(at, &format!("'{letter}' closes nothing")));
            }
            ',' if open.is_empty() => {
                found.push(element(text, from, at)?);
                from = at + 1;
            }
            _ => {}
        }
    }
    if let Some((at, close)) = open.pop() {
        return Err(error(at, &format!("expected '{close}'")));
    }
    found.push(element(text, from, end)?);
    Ok(found)
}

fn element(text: &str, from: usize, to: usize) -> Result<Element<'_>, PipelineError> {
    let inside = &text[from..to];
    let start = from + inside.len() - inside.trim_start().len();
    let element = Element { text: inside.trim(), start };
    if element.name().is_empty() {
        return Err(element.error(0, "expected the name of a pass"));
    }
    Ok(element)
}

/// Names of ours, and MLIR's that make sense on a network, that look like `name`.
fn unknown(name: &str) -> String {
    let known = PASSES.iter().map(|pass| pass.name).chain(PIPELINES.iter().map(|line| line.name));
    let mut near: Vec<_> = known
        .chain(["canonicalize", "cse", "symbol-dce", "inline", "strip-debuginfo"])
        .map(|one| (strsim::jaro_winkler(name, one), one))
        .filter(|(score, _)| *score > 0.75)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let near: Vec<_> = near.iter().take(3).map(|(_, one)| format!("'{one}'")).collect();
    match near.is_empty() {
        true => format!("unknown pass '{name}'"),
        false => format!("unknown pass '{name}', did you mean {}?", near.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        let context = ait_dialects::context();
        let pipeline = Pipeline::parse(&context, text).map_err(|error| error.to_string())?;
        Ok(pipeline.steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn mixes_ours_with_mlirs() {
        let text = "builtin.module(ait-canonicalize, ait-detect-sparsity{tile=3},cse,func.func(canonicalize{max-iterations=3},cse))";
        let parsed = "ait-canonicalize,ait-detect-sparsity{core=spacemit-x60 lmul=auto threads=1 tile=3 vlen=0},cse,func.func(canonicalize{max-iterations=3},cse)";
        assert_eq!(parse(text).unwrap(), parsed);
        assert_eq!(parse("").unwrap(), "");
    }

    #[test]
    fn texts_are_quoted_where_they_must_be() {
        let config = "ait-prune{config=\"a b,{c}\" core=spacemit-x60 lmul=auto m=0 n=0 score=l1 sparsity=0 threads=1 tile=0 vlen=0}";
        assert_eq!(parse("cse, ait-prune{config=\"a b,{c}\"}").unwrap(), format!("cse,{config}"));
        let line = parse("ait-pipeline{config=\"a b,{c}\" lmul=8}").unwrap();
        assert!(line.contains(&config.replace("lmul=auto", "lmul=8")), "{line}");
        assert!(!parse("ait-pipeline{sparsity=0.0}").unwrap().contains("ait-prune"));
    }

    #[test]
    fn errors_have_a_column() {
        let cases = [
            ("ait-eqsad", "1:1: error: unknown pass 'ait-eqsad', did you mean 'ait-eqsat'"),
            ("cse,,cse", "1:5: error: expected the name of a pass"),
            ("cse,ait-canonicalize{a=1}", "1:5: error: 'ait-canonicalize': no option 'a': the pass has none"),
            (
                "ait-eqsat{layout=x}",
                "1:1: error: 'ait-eqsat': option 'layout' is 'x', expected auto|nhwc|cnhw",
            ),
            ("ait-eqsat{layout}", "1:11: error: expected key=value"),
            ("cse{", "1:4: error: expected '}'"),
            ("cse)", "1:4: error: ')' closes nothing"),
            ("ait-canonicalize(cse)", "1:17: error: 'ait-canonicalize' has no nested pipeline"),
            ("cse{bogus=1}", "1:1: error: "),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
