//! What to prune and how much: defaults, and rules by layer name, as in `docs/pruning.md`.

use std::{
    borrow::Cow,
    ops::Range,
    path::{Path, PathBuf},
};

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::Norm;
use crate::{
    PassError,
    cost::{Chooser, Target},
    diagnostic::{Diagnostic, Severity, SourceLocation},
    nm::Columns,
};

/// How much of a layer is pruned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// This fraction of all columns, 0 up to (not including) 1; a group is the whole reduction.
    Sparsity(f64),
    /// All but `n` of every `m` columns.
    Nm {
        /// Columns kept.
        n: i64,
        /// Columns of a group.
        m: i64,
    },
}

impl Amount {
    /// A fraction.
    ///
    /// # Errors
    /// If it is not in 0 to 1.
    pub fn sparsity(ratio: f64) -> Result<Self, String> {
        let valid = (0.0..1.0).contains(&ratio);
        valid
            .then_some(Self::Sparsity(ratio))
            .ok_or_else(|| format!("sparsity {ratio} is not in 0 to 1 (without 1)"))
    }

    /// `n` of `m`.
    ///
    /// # Errors
    /// If not `1 <= n <= m`, or `m` is huge.
    pub fn nm(n: i64, m: i64) -> Result<Self, String> {
        Columns::new(n, m, 1)
            .map(|_| Self::Nm { n, m })
            .map_err(|_| format!("{n}:{m} is not N:M with 1 <= N <= M"))
    }

    /// Parses `2:4`.
    ///
    /// # Errors
    /// As [`Amount::nm`], and if the text is not two integers.
    pub fn parse_nm(text: &str) -> Result<Self, String> {
        let pair =
            text.split_once(':').and_then(|(n, m)| Some((n.trim().parse().ok()?, m.trim().parse().ok()?)));
        let (n, m) = pair.ok_or_else(|| format!("'{text}' is not N:M, as 2:4"))?;
        Self::nm(n, m)
    }

    /// The pattern of weights of `k` columns, none if it would keep them all. Of a fraction r it keeps
    /// `k - floor(r * k + 0.5)` columns, at least one.
    ///
    /// # Errors
    /// If a parameter of the pattern is out of range.
    pub fn columns(self, k: i64, tile: i64) -> Result<Option<Columns>, String> {
        let (n, m) = match self {
            Self::Sparsity(ratio) => ((k - (ratio * k as f64 + 0.5).floor() as i64).max(1), k),
            Self::Nm { n, m } => (n, m),
        };
        let columns = Columns::new(n, m, tile)?;
        Ok((columns.kept_of(k) < k).then_some(columns))
    }
}

/// Where the scores of a layer come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Score {
    /// From the weights.
    Weights(Norm),
    /// The sum of magnitudes of the elements of a tensor in this `.safetensors` or `.npy` file.
    File(PathBuf),
}

/// What can be said about all layers or some; absent is what was said before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// How much.
    pub amount: Option<Amount>,
    /// Rows of a tile, at most those of a group.
    pub tile: Option<i64>,
    /// By what.
    pub score: Option<Score>,
    /// Whether at all.
    pub prune: Option<bool>,
}

impl Settings {
    /// These settings, overridden by what `later` says.
    pub fn then(&self, later: &Self) -> Self {
        Self {
            amount: later.amount.or(self.amount),
            tile: later.tile.or(self.tile),
            score: later.score.clone().or_else(|| self.score.clone()),
            prune: later.prune.or(self.prune),
        }
    }
}

/// Settings of the layers whose name matches a pattern.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The pattern as written.
    pub pattern: String,
    /// Where it is.
    pub location: SourceLocation,
    /// What it says.
    pub settings: Settings,
    matcher: GlobMatcher,
}

impl Rule {
    /// A rule for the names that a glob pattern matches; `*` and `?` match slashes too.
    ///
    /// # Errors
    /// If the pattern is malformed.
    pub fn new(pattern: &str, location: SourceLocation, mut settings: Settings) -> Result<Self, String> {
        let glob = GlobBuilder::new(pattern).backslash_escape(true).build();
        let matcher = glob.map_err(|error| error.to_string())?.compile_matcher();
        // Who names one layer and says how much means it, also where it is exempt by default.
        let is_name = !pattern.contains(['*', '?', '[', '{']);
        settings.prune = settings.prune.or((is_name && settings.amount.is_some()).then_some(true));
        Ok(Self { pattern: pattern.to_owned(), location, settings, matcher })
    }

    /// Whether a layer's name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.matcher.is_match(name)
    }
}

/// What to prune and how much.
#[derive(Clone, Debug)]
pub struct Config {
    /// For every layer that is not exempt by default ([`super::Layer::exemption`]).
    pub defaults: Settings,
    /// Rows of a convolution's tile where no rule gives them; none: those of the fastest kernel.
    pub tile: Option<i64>,
    /// Its register group size; none: any.
    pub lmul: Option<i64>,
    /// What says which kernel is fastest; none: the static model of the default core.
    pub chooser: Option<Chooser>,
    /// In order; later ones win.
    pub rules: Vec<Rule>,
}

impl Config {
    /// What says which kernel is fastest.
    ///
    /// # Errors
    /// None in practice: the default core is built in.
    pub fn chooser(&self) -> Result<Cow<'_, Chooser>, String> {
        match &self.chooser {
            Some(chooser) => Ok(Cow::Borrowed(chooser)),
            None => Target::named(ait_cores::DEFAULT).map(|target| Cow::Owned(Chooser::new(target))),
        }
    }

    /// The same amount for all layers that are not exempt.
    pub fn uniform(amount: Amount) -> Self {
        let defaults = Settings { amount: Some(amount), ..Settings::default() };
        Self { defaults, tile: None, lmul: None, chooser: None, rules: vec![] }
    }

    /// Reads a TOML file. Paths in it are relative to its directory.
    ///
    /// # Errors
    /// At the line that is malformed, has an unknown key, or a value out of range.
    pub fn read(path: &Path) -> Result<Self, PassError> {
        let text = std::fs::read_to_string(path);
        let text =
            text.map_err(|error| fault(SourceLocation::default(), format!("{}: {error}", path.display())))?;
        Self::parse(&text, path)
    }

    /// Parses the text of the file `path`.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, PassError> {
        let source = Source { text, path };
        let file: File = toml::from_str(text).map_err(|error| {
            source.error(error.span().unwrap_or_default(), error.message().trim().replace('\n', ", "))
        })?;
        let File { sparsity, nm, tile, score, scores, layer } = file;
        let defaults = source.settings(sparsity, nm, tile, score, scores, None)?;
        let rules = layer.into_iter().map(|table| source.rule(table)).collect::<Result<_, _>>()?;
        Ok(Self { defaults, tile: None, lmul: None, chooser: None, rules })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    sparsity: Option<Spanned<f64>>,
    nm: Option<Spanned<String>>,
    tile: Option<Spanned<i64>>,
    score: Option<Spanned<String>>,
    scores: Option<Spanned<PathBuf>>,
    #[serde(default)]
    layer: Vec<LayerTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerTable {
    name: Spanned<String>,
    sparsity: Option<Spanned<f64>>,
    nm: Option<Spanned<String>>,
    tile: Option<Spanned<i64>>,
    score: Option<Spanned<String>>,
    scores: Option<Spanned<PathBuf>>,
    prune: Option<bool>,
}

fn fault(location: SourceLocation, message: String) -> PassError {
    PassError { diagnostics: vec![Diagnostic { severity: Severity::Error, location, message }] }
}

/// A text to point into.
pub(crate) struct Source<'t> {
    pub(crate) text: &'t str,
    pub(crate) path: &'t Path,
}

/// The value and where it is, if it is there.
fn parts<T>(value: Option<Spanned<T>>) -> Option<(Range<usize>, T)> {
    value.map(|value| (value.span(), value.into_inner()))
}

impl Source<'_> {
    fn location(&self, span: Range<usize>) -> SourceLocation {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&letter| letter != '\n').count() + 1;
        SourceLocation {
            file: Some((self.path.display().to_string(), line, column)),
            ..SourceLocation::default()
        }
    }

    pub(crate) fn error(&self, span: Range<usize>, message: String) -> PassError {
        fault(self.location(span), message)
    }

    fn rule(&self, table: LayerTable) -> Result<Rule, PassError> {
        let LayerTable { name, sparsity, nm, tile, score, scores, prune } = table;
        let settings = self.settings(sparsity, nm, tile, score, scores, prune)?;
        let rule = Rule::new(name.as_ref(), self.location(name.span()), settings);
        rule.map_err(|message| self.error(name.span(), message))
    }

    fn settings(
        &self,
        sparsity: Option<Spanned<f64>>,
        nm: Option<Spanned<String>>,
        tile: Option<Spanned<i64>>,
        score: Option<Spanned<String>>,
        scores: Option<Spanned<PathBuf>>,
        prune: Option<bool>,
    ) -> Result<Settings, PassError> {
        let amount = match (parts(sparsity), parts(nm)) {
            (Some(_), Some((span, _))) => {
                return Err(self.error(span, "nm and sparsity exclude each other".into()));
            }
            (Some((span, ratio)), None) => {
                Some(Amount::sparsity(ratio).map_err(|text| self.error(span, text))?)
            }
            (None, Some((span, text))) => {
                Some(Amount::parse_nm(&text).map_err(|text| self.error(span, text))?)
            }
            (None, None) => None,
        };
        let score = match (parts(score), parts(scores)) {
            (Some(_), Some((span, _))) => {
                return Err(self.error(span, "scores and score exclude each other".into()));
            }
            (Some((span, word)), None) => {
                Some(Score::Weights(norm(&word).map_err(|text| self.error(span, text))?))
            }
            (None, Some((_, file))) => {
                Some(Score::File(self.path.parent().unwrap_or(Path::new("")).join(file)))
            }
            (None, None) => None,
        };
        let tile = match parts(tile) {
            Some((span, tile)) if tile < 1 => {
                return Err(self.error(span, format!("tile {tile} is less than 1")));
            }
            tile => tile.map(|(_, tile)| tile),
        };
        Ok(Settings { amount, tile, score, prune })
    }
}

fn norm(word: &str) -> Result<Norm, String> {
    match word {
        "l1" => Ok(Norm::L1),
        "l2" => Ok(Norm::L2),
        _ => Err(format!("score '{word}' is not l1 or l2; given scores are in a file, 'scores = \"FILE\"'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("dir/p.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn rules_override_in_order() {
        let config = parse(
            "sparsity = 0.5\nscore = \"l2\"\n[[layer]]\nname = \"a/*\"\nnm = \"2:4\"\nscores = \"s.npy\"\n\
             [[layer]]\nname = \"a/b\"\ntile = 3\nsparsity = 0.25\n",
        )
        .unwrap();
        assert_eq!(config.defaults.amount, Some(Amount::Sparsity(0.5)));
        assert_eq!(config.defaults.score, Some(Score::Weights(Norm::L2)));
        let [first, second] = config.rules.as_slice() else { panic!() };
        assert!(
            first.matches("a/b") && first.matches("a/b/c") && !first.matches("b") && !second.matches("a/b/c")
        );
        let both = config.defaults.then(&first.settings).then(&second.settings);
        assert_eq!(both.amount, Some(Amount::Sparsity(0.25)));
        assert_eq!((both.tile, both.prune), (Some(3), Some(true)));
        assert_eq!(both.score, Some(Score::File("dir/s.npy".into())));
        assert_eq!(first.settings.amount, Some(Amount::Nm { n: 2, m: 4 }));
        assert_eq!(first.settings.prune, None);
        assert_eq!(second.location.to_string(), "dir/p.toml:8:8");
    }

    #[test]
    fn errors_have_a_line() {
        let cases = [
            ("sparsity = 1.0", "1:12: error: sparsity 1 is not in 0 to 1 (without 1)"),
            ("sparsity = nan", "1:12: error: sparsity NaN is not in 0 to 1 (without 1)"),
            ("\nnm = \"5:4\"", "2:6: error: 5:4 is not N:M with 1 <= N <= M"),
            ("nm = \"2\"", "1:6: error: '2' is not N:M, as 2:4"),
            ("nm = \"2:4\"\nsparsity = 0.5", "1:6: error: nm and sparsity exclude each other"),
            ("tile = 0", "1:8: error: tile 0 is less than 1"),
            (
                "score = \"l3\"",
                "1:9: error: score 'l3' is not l1 or l2; given scores are in a file, 'scores = \"FILE\"'",
            ),
            ("score = \"l1\"\nscores = \"x.npy\"", "2:10: error: scores and score exclude each other"),
            ("sparsity = 0.5\nratio = 1", "2:1: error: unknown field `ratio`, expected one of `sparsity`"),
            ("[[layer]]\nsparsity = 0.5", "1:1: error: missing field `name`"),
            ("[[layer]]\nname = \"a[\"", "2:8: error: error parsing glob 'a[': unclosed character class"),
            ("sparsity = ", "1:12: error: "),
            ("sparsity = \"x\"", "1:12: error: invalid type: string \"x\", expected f64"),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(&format!("dir/p.toml:{expected}")), "{error}");
        }
        assert!(
            Config::read(Path::new("/no.toml")).unwrap_err().to_string().contains("/no.toml: No such file")
        );
    }

    #[test]
    fn amounts_round_half_up_and_keep_one() {
        let n = |ratio: f64, k| {
            Amount::Sparsity(ratio).columns(k, 1).unwrap().map(|columns| (columns.n, columns.m))
        };
        assert_eq!(n(0.5, 9), Some((4, 9)));
        assert_eq!(n(0.25, 64), Some((48, 64)));
        assert_eq!(n(0.99, 3), Some((1, 3)));
        assert_eq!(n(0.0, 8), None);
        assert_eq!(n(0.5, 1), None);
        assert_eq!(Amount::Nm { n: 4, m: 4 }.columns(8, 1), Ok(None));
        assert_eq!(Amount::Nm { n: 2, m: 4 }.columns(3, 1), Ok(Some(Columns { n: 2, m: 4, tile: 1 })));
    }
}
