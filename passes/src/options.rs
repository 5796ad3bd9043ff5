//! Typed options of passes: declared in the table, checked when a pipeline is parsed.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive};

/// What an option may be.
#[derive(Clone, Debug)]
pub enum OptionKind {
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An integer of this range.
    Int(RangeInclusive<i64>),
    /// A number from 0 up to, not including, 1.
    Fraction,
    /// Any text without a double quote; none is written as nothing.
    Text,
}

/// One option of a pass.
#[derive(Clone, Debug)]
pub struct OptionSpec {
    /// The key in `{key=value}`.
    pub name: &'static str,
    /// What values it takes.
    pub kind: OptionKind,
    /// The value where none is given; always one that `kind` accepts.
    pub default: &'static str,
    /// One sentence.
    pub help: &'static str,
}

impl OptionKind {
    fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Choice(words) => words.contains(&value),
            Self::Int(range) => value.parse().is_ok_and(|number| range.contains(&number)),
            Self::Fraction => value.parse().is_ok_and(|number: f64| (0.0..1.0).contains(&number)),
            Self::Text => !value.contains('"'),
        }
    }
}

impl fmt::Display for OptionKind {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Choice(words) => write!(out, "{}", words.join("|")),
            Self::Int(range) => write!(out, "{}..{}", range.start(), range.end()),
            Self::Fraction => write!(out, "0..1"),
            Self::Text => write!(out, "text"),
        }
    }
}

/// The value of every option of one pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<&'static str, String>);

impl Options {
    /// Defaults of `specs`, overridden by `given`.
    ///
    /// # Errors
    ///
    /// The sentence that says which option is unknown, twice there, or has a wrong value.
    pub fn new(specs: &[OptionSpec], given: &[(String, String)]) -> Result<Self, String> {
        let mut values: BTreeMap<_, _> =
            specs.iter().map(|spec| (spec.name, spec.default.to_owned())).collect();
        for (index, (key, value)) in given.iter().enumerate() {
            let spec = specs.iter().find(|spec| spec.name == key).ok_or_else(|| unknown(key, specs))?;
            if given.iter().take(index).any(|(earlier, _)| earlier == key) {
                return Err(format!("option '{key}' is given twice"));
            }
            if !spec.kind.accepts(value) {
                return Err(format!("option '{key}' is '{value}', expected {}", spec.kind));
            }
            values.insert(spec.name, value.clone());
        }
        Ok(Self(values))
    }

    /// The word of a choice; empty for an option that the pass did not declare.
    pub fn word(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The value of a fraction; 0 for an option that the pass did not declare.
    pub fn fraction(&self, name: &str) -> f64 {
        self.word(name).parse().unwrap_or(0.0)
    }

    /// Some of the options.
    pub fn only(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| names.contains(name)).map(|(k, v)| (*k, v.clone())).collect())
    }

    /// The number of an integer option; 0 for one that the pass did not declare.
    pub fn int(&self, name: &str) -> i64 {
        self.word(name).parse().unwrap_or(0)
    }
}

/// The number that a default is.
pub(crate) const fn number(text: &str) -> usize {
    match usize::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => usize::MAX,
    }
}

fn unknown(key: &str, specs: &[OptionSpec]) -> String {
    if specs.is_empty() {
        return format!("no option '{key}': the pass has none");
    }
    let names: Vec<_> = specs.iter().map(|spec| spec.name).collect();
    format!("no option '{key}', expected {}", names.join(", "))
}

impl fmt::Display for Options {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let given = self.0.iter().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<_> = given.map(|(key, value)| format!("{key}={}", quoted(value))).collect();
        write!(out, "{}", pairs.join(" "))
    }
}

/// A value as a pipeline's text has it: in quotes where its letters would end it.
fn quoted(value: &str) -> String {
    let plain = !value.contains(|letter: char| letter.is_whitespace() || "{}(),".contains(letter));
    if plain { value.to_owned() } else { format!("\"{value}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[OptionSpec] = &[
        OptionSpec { name: "layout", kind: OptionKind::Choice(&["nhwc", "cnhw"]), default: "cnhw", help: "" },
        OptionSpec { name: "tile", kind: OptionKind::Int(1..=31), default: "7", help: "" },
    ];

    fn given(pairs: &[(&str, &str)]) -> Result<Options, String> {
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Options::new(SPECS, &pairs)
    }

    #[test]
    fn defaults_and_values() {
        assert_eq!(given(&[]).unwrap().to_string(), "layout=cnhw tile=7");
        let options = given(&[("tile", "3"), ("layout", "nhwc")]).unwrap();
        assert_eq!((options.int("tile"), options.word("layout")), (3, "nhwc"));
        let specs = [OptionSpec { name: "file", kind: OptionKind::Text, default: "", help: "" }];
        let file =
            |name: &str| Options::new(&specs, &[("file".into(), name.into())]).map(|it| it.to_string());
        assert_eq!(file("a/b.c"), Ok("file=a/b.c".into()));
        assert_eq!(file("a b,{c}"), Ok("file=\"a b,{c}\"".into()));
        assert_eq!(file(""), Ok(String::new()));
        assert_eq!(file("\"").unwrap_err(), "option 'file' is '\"', expected text");
        assert_eq!(number("200000"), 200_000);
        assert!(OptionKind::Fraction.accepts("0.5") && !OptionKind::Fraction.accepts("1"));
    }

    #[test]
    fn errors() {
        assert_eq!(given(&[("tile", "32")]).unwrap_err(), "option 'tile' is '32', expected 1..31");
        assert_eq!(given(&[("til", "3")]).unwrap_err(), "no option 'til', expected layout, tile");
        assert_eq!(given(&[("tile", "3"), ("tile", "3")]).unwrap_err(), "option 'tile' is given twice");
    }
}
