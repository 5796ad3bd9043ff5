//! `ait-prune` and `ait-detect-sparsity`.

use std::path::Path;

use melior::ir::{Module, ValueLike, operation::OperationLike};

use super::{
    Amount, Config, Kind, Manifest, Norm, Score, apply,
    detect::{has_enough_zeros, structure},
    layers::sites,
    plan::{plan, replace},
};
use crate::{
    Options, PassError,
    canonicalize::erase_dead,
    nm::Columns,
    rewrite::{Rewriter, constant_data},
};
use ait_dialects::types;

/// Runs `ait-prune`.
pub fn prune(module: &Module, options: &Options) -> Result<(), PassError> {
    let fail = |message: String| PassError::new(module.as_operation().location(), message);
    let amount = amount(options).map_err(fail)?;
    let (config, masks) = (options.word("config"), options.word("masks"));
    if !masks.is_empty() {
        if amount.is_some() || !config.is_empty() {
            return Err(fail("ait-prune takes masks, or what to prune, not both".into()));
        }
        let manifest = Manifest::read(Path::new(masks)).map_err(fail)?;
        return apply(module, &manifest.masks(module)?);
    }
    let config = match (config, amount) {
        ("", None) => return Err(fail("ait-prune needs sparsity, n and m, config, or masks".into())),
        ("", Some(amount)) => Config::uniform(amount),
        (file, amount) => {
            let mut config = Config::read(Path::new(file))?;
            if amount.is_some() && config.defaults.amount.is_some() {
                return Err(fail(format!(
                    "{file} says how much to prune, and so do the options of ait-prune"
                )));
            }
            config.defaults.amount = config.defaults.amount.or(amount);
            config
        }
    };
    apply(module, &plan(module, &completed(config, options))?)
}

/// `config` with the options where it says nothing.
fn completed(mut config: Config, options: &Options) -> Config {
    let norm = if options.word("score") == "l2" { Norm::L2 } else { Norm::L1 };
    config.defaults.score.get_or_insert(Score::Weights(norm));
    config.most_tile = options.int("tile");
    config
}

fn amount(options: &Options) -> Result<Option<Amount>, String> {
    let (n, m) = (options.int("n"), options.int("m"));
    let ratio = options.fraction("sparsity");
    match (n, m, ratio > 0.0) {
        (0, 0, false) => Ok(None),
        (0, 0, true) => Amount::sparsity(ratio).map(Some),
        (_, _, true) => Err("ait-prune takes sparsity, or n and m, not both".into()),
        _ => Amount::nm(n, m).map(Some),
    }
}

/// Runs `ait-detect-sparsity`.
pub fn detect(module: &Module, options: &Options) -> Result<(), PassError> {
    let rewriter = Rewriter::new(module);
    for site in sites(&rewriter)? {
        let filter = site.filter()?;
        let encoded = Columns::of_encoding(filter.r#type()).map_err(|message| site.error(message))?;
        let shape = types::shape(filter.r#type()).map_err(|message| site.error(message))?;
        // Depthwise convolutions have a kernel of their own, in which a column is one multiplication of a vector.
        if encoded.is_some() || site.layer.kind == Kind::DepthwiseConv2d || shape.contains(&0) {
            continue;
        }
        let Some(data) = constant_data(filter).filter(|data| has_enough_zeros(data)) else { continue };
        let weights = site.layer.matrix(&data).map_err(|message| site.error(message))?;
        if let Some(found) = structure(&weights, site.layer.kind, options.int("tile")) {
            replace(&rewriter, &site, &weights, found.columns)?;
        }
    }
    erase_dead(&rewriter);
    Ok(())
}
