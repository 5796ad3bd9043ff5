//! Layouts that the user pins by layer name: a TOML file of glob patterns over the names of ONNX nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ait_dialects::Layout;
use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use toml::Spanned;

use crate::PassError;
use crate::prune::Source;

/// A plan: in order, later patterns win.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    text: String,
    path: PathBuf,
    pins: Vec<Pin>,
}

/// The layout of the layers that a pattern matches.
#[derive(Clone, Debug)]
struct Pin {
    pattern: Spanned<String>,
    matcher: GlobMatcher,
    layout: Layout,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    layer: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: Spanned<String>,
    layout: Spanned<String>,
}

impl Plan {
    /// Reads a TOML file.
    ///
    /// # Errors
    /// If it cannot be read; at the line that is malformed, has an unknown key, pattern or layout.
    pub fn read(path: &Path) -> Result<Self, PassError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Source { text: "", path }.error(0..0, format!("cannot be read: {error}")))?;
        Self::parse(text, path)
    }

    /// Parses the text of the file `path`.
    ///
    /// # Errors
    /// As [`Plan::read`].
    pub fn parse(text: String, path: &Path) -> Result<Self, PassError> {
        let source = Source { text: &text, path };
        let file: File = toml::from_str(&text).map_err(|error| {
            source.error(error.span().unwrap_or_default(), error.message().trim().replace('\n', ", "))
        })?;
        let pin = |Table { name, layout }: Table| {
            let glob = GlobBuilder::new(name.as_ref()).backslash_escape(true).build();
            let matcher =
                glob.map_err(|error| source.error(name.span(), error.to_string()))?.compile_matcher();
            let parsed = match layout.as_ref().as_str() {
                "nhwc" => Layout::Nhwc,
                "cnhw" => Layout::Cnhw,
                other => {
                    return Err(source.error(layout.span(), format!("layout '{other}' is not nhwc or cnhw")));
                }
            };
            Ok(Pin { pattern: name, matcher, layout: parsed })
        };
        let pins = file.layer.into_iter().map(pin).collect::<Result<_, _>>()?;
        Ok(Self { text, path: path.to_owned(), pins })
    }

    /// The layout of a layer, if it is pinned.
    pub fn layout(&self, name: &str) -> Option<Layout> {
        self.pins.iter().rev().find(|pin| pin.matcher.is_match(name)).map(|pin| pin.layout)
    }

    /// The layouts of layers by number, from their names.
    pub fn of<'n>(&self, names: impl Iterator<Item = &'n str>) -> BTreeMap<u32, Layout> {
        (0..).zip(names).filter_map(|(number, name)| Some((number, self.layout(name)?))).collect()
    }

    /// Checks that each pattern matches one of these names.
    ///
    /// # Errors
    /// At the first pattern that does not.
    pub fn check(&self, names: &BTreeSet<String>) -> Result<(), PassError> {
        let source = Source { text: &self.text, path: &self.path };
        match self.pins.iter().find(|pin| !names.iter().any(|name| pin.matcher.is_match(name))) {
            None => Ok(()),
            Some(pin) => {
                let message = format!("no layer's name matches '{}'", pin.pattern.as_ref());
                Err(source.error(pin.pattern.span(), message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Plan, String> {
        Plan::parse(text.to_owned(), Path::new("plan.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn later_patterns_win() {
        let text =
            "[[layer]]\nname = \"*\"\nlayout = \"cnhw\"\n[[layer]]\nname = \"/a/*\"\nlayout = \"nhwc\"";
        let plan = parse(text).unwrap();
        assert_eq!(plan.layout("/a/b/Conv"), Some(Layout::Nhwc));
        assert_eq!(plan.layout("/b/Conv"), Some(Layout::Cnhw));
        assert_eq!(Plan::default().layout("/b/Conv"), None);
        assert!(plan.check(&["/a/b/Conv".to_owned()].into()).is_ok());
        let error = plan.check(&["/b/Conv".to_owned()].into()).unwrap_err().to_string();
        assert!(error.contains("plan.toml:5:8") && error.contains("matches '/a/*'"), "{error}");
    }

    #[test]
    fn errors_have_a_line() {
        for (text, expected) in [
            (
                "[[layer]]\nname = \"*\"\nlayout = \"nchw\"",
                "plan.toml:3:10: error: layout 'nchw' is not nhwc or cnhw",
            ),
            ("[[layer]]\nname = \"[\"\nlayout = \"nhwc\"", "plan.toml:2:8: error: "),
            ("[[layer]]\nname = \"a\"\nkernel = 3", "plan.toml:3:1: error: unknown field"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
