//! Passes given as flags, in their order: `--ait-canonicalize --cse --ait-eqsat=layout=nhwc`.

use std::ffi::{OsStr, OsString};

use clap::CommandFactory;

/// Takes the long flags that `Command` does not know out of `args`, as elements of a pipeline.
/// Whether they are passes is found out when the pipeline is parsed.
pub fn split_flags<Command: CommandFactory>(args: &[OsString]) -> (Vec<OsString>, Vec<String>) {
    let command = Command::command();
    let mut known = vec!["help".to_owned(), "version".to_owned()];
    for arg in command.get_arguments() {
        known.extend(arg.get_long_and_visible_aliases().into_iter().flatten().map(str::to_owned));
        known.extend(arg.get_all_aliases().into_iter().flatten().map(str::to_owned));
    }
    let (mut rest, mut passes) = (vec![], vec![]);
    for (index, arg) in args.iter().enumerate() {
        match flag(arg).filter(|(name, _)| index > 0 && !known.iter().any(|one| one == name)) {
            Some((name, Some(options))) => passes.push(format!("{name}{{{options}}}")),
            Some((name, None)) => passes.push(name.to_owned()),
            None => rest.push(arg.clone()),
        }
    }
    (rest, passes)
}

/// `--name` or `--name=value`.
fn flag(arg: &OsStr) -> Option<(&str, Option<&str>)> {
    let long = arg.to_str()?.strip_prefix("--").filter(|name| !name.is_empty())?;
    Some(match long.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (long, None),
    })
}
