//! Names that come from a model, in texts for people and machines: ONNX allows every character in them.

use std::borrow::Cow;

/// A text in which every character can be seen: controls, line ends, and marks that turn or hide what is around them are
/// written as `\u{202e}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_hidden(letter) { out.extend(letter.escape_unicode()) } else { out.push(letter) }
    }
    Cow::Owned(out)
}

/// Controls, separators of lines, and the marks of bidirectional text (Unicode's `Bidi_Control`).
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// A text as the content of an XML element or attribute.
pub fn xml(text: &str) -> String {
    let text = visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// A text as a cell of a table in Markdown.
pub fn markdown(text: &str) -> String {
    let special = |letter: char| "\\`*[<|".contains(letter);
    let visible = visible(text);
    visible.chars().flat_map(|letter| special(letter).then_some('\\').into_iter().chain([letter])).collect()
}

/// A text in a comment of C, which it must neither end nor begin.
pub fn c_comment(text: &str) -> String {
    visible(text).replace("*/", "* /").replace("/*", "/ *")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_shown() {
        assert!(matches!(visible("größe \"/conv_1/Conv\""), Cow::Borrowed(_)));
        assert_eq!(visible("a\nb\x1b[2J\u{202e}c"), "a\\u{a}b\\u{1b}[2J\\u{202e}c");
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(xml("a<b> & \"c\"\0"), "a&lt;b&gt; &amp; &quot;c&quot;\\u{0}");
        assert_eq!(xml("&lt;'"), "&amp;lt;&#39;");
        assert_eq!(markdown("a|b\n<c> d_e"), "a\\|b\\\\u{a}\\<c> d_e");
    }

    #[test]
    fn comments_stay_open() {
        for name in ["*/", "/*/", "**/", "/*", "*/*/", "//**//"] {
            let comment = c_comment(name);
            assert!(!comment.contains("*/") && !comment.contains("/*"), "{comment}");
        }
    }
}
