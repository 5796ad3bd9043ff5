//! `--input` and `--output` of `ait run`: which file is which tensor's.

use crate::description::TensorDescription;
use anyhow::{Context as _, Result, ensure};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// What is given for each tensor, from texts `NAME=FILE` or `FILE`. Of names with `=` in them the longest that fits is
/// meant. Files without a name are those of the tensors that are left, in their order.
///
/// # Errors
/// When a tensor is given twice, or there are more files than tensors.
pub fn files<'t>(
    kind: &str,
    texts: &'t [OsString],
    tensors: &[TensorDescription],
) -> Result<Vec<Option<&'t Path>>> {
    let mut files: Vec<Option<&Path>> = vec![None; tensors.len()];
    let mut nameless = Vec::new();
    for text in texts {
        let Some((index, file)) = named(text, tensors)? else {
            nameless.push(text);
            continue;
        };
        let before = files[index].replace(file);
        ensure!(before.is_none(), "{kind} '{}' is given twice", tensors[index].name);
    }
    let mut left = files.iter_mut().filter(|file| file.is_none());
    for text in nameless {
        let free = left.next().with_context(|| {
            let names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
            format!("there is no {kind} left for {} (of {})", text.display(), names.join(", "))
        })?;
        *free = Some(Path::new(text));
    }
    Ok(files)
}

/// The tensor that a text names, if it does, and its file.
fn named<'t>(text: &'t OsStr, tensors: &[TensorDescription]) -> Result<Option<(usize, &'t Path)>> {
    let bytes = text.as_bytes();
    let file = |tensor: &TensorDescription| bytes.strip_prefix(tensor.name.as_bytes())?.strip_prefix(b"=");
    let fitting =
        || tensors.iter().enumerate().filter_map(|(index, tensor)| Some((index, tensor, file(tensor)?)));
    let Some((index, tensor, file)) = fitting().max_by_key(|(_, tensor, _)| tensor.name.len()) else {
        return Ok(None);
    };
    let alike = fitting().filter(|(_, other, _)| other.name == tensor.name).count();
    ensure!(
        alike == 1,
        "there are {alike} tensors called '{}': give the files without names, in order",
        tensor.name
    );
    Ok(Some((index, Path::new(OsStr::from_bytes(file)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(names: &[&str], texts: &[&str]) -> Result<Vec<String>> {
        let tensor = |name: &&str| TensorDescription { name: (*name).into(), shape: vec![] };
        let tensors: Vec<_> = names.iter().map(tensor).collect();
        let texts: Vec<OsString> = texts.iter().map(OsString::from).collect();
        let files = files("input", &texts, &tensors)?;
        Ok(files.iter().map(|file| file.map_or("-".into(), |file| file.display().to_string())).collect())
    }

    #[test]
    fn the_longest_name_is_meant() {
        let all = ["a", "a=b", "c"];
        assert_eq!(given(&all, &["a=b=1", "a=2"]).unwrap(), ["2", "1", "-"]);
        assert_eq!(given(&all, &["a=x=y", "3"]).unwrap(), ["x=y", "3", "-"]);
        assert_eq!(given(&all, &["1", "a=2", "d=3"]).unwrap(), ["2", "1", "d=3"]);
        assert_eq!(given(&["x=y"], &["x=y=f"]).unwrap(), ["f"]);
    }

    #[test]
    fn too_much_is_an_error() {
        let error = |names: &[&str], texts: &[&str]| given(names, texts).unwrap_err().to_string();
        assert_eq!(error(&["a"], &["a=1", "a=2"]), "input 'a' is given twice");
        assert_eq!(error(&["a", "b"], &["1", "2", "3"]), "there is no input left for 3 (of a, b)");
        assert_eq!(error(&["a"], &["a=1", "b=2"]), "there is no input left for b=2 (of a)");
        assert!(error(&["a", "a"], &["a=1"]).starts_with("there are 2 tensors called 'a'"));
    }
}
