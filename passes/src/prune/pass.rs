//! `ait-prune` and `ait-detect-sparsity`.

use std::path::Path;

use melior::ir::{Module, ValueLike, operation::OperationLike};

use super::{
    Amount, Config, Kind, Manifest, Norm, Score, apply,
    detect::{has_enough_zeros, product_cost, structure},
    layers::{Site, sites},
    plan::{MOST_CONV_TILE, plan, replace},
};
use crate::{
    Options, PassError,
    canonicalize::erase_dead,
    convolutions::convolution,
    cost::{Chooser, Given, Sparsity},
    nm::Columns,
    rewrite::{Rewriter, constant_slice},
    select_kernels::chooser,
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
    apply(module, &plan(module, &completed(module, config, options)?)?)
}

/// `config` with the options where it says nothing.
fn completed(module: &Module, mut config: Config, options: &Options) -> Result<Config, PassError> {
    let norm = if options.word("score") == "l2" { Norm::L2 } else { Norm::L1 };
    config.defaults.score.get_or_insert(Score::Weights(norm));
    config.tile = Some(options.int("tile")).filter(|&tile| tile > 0);
    config.lmul = options.word("lmul").parse().ok();
    config.chooser = Some(chooser(module, options)?);
    Ok(config)
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
    let chooser = chooser(module, options)?;
    let lmul = options.word("lmul").parse().ok();
    let most_tile = Some(options.int("tile")).filter(|&tile| tile > 0);
    let most_tile = most_tile.unwrap_or(lmul.map_or(MOST_CONV_TILE, |lmul: i64| 32 / lmul.max(1) - 1));
    for site in sites(&rewriter)? {
        let filter = site.filter()?;
        let encoded = types::columns(filter.r#type()).map_err(|message| site.error(message))?;
        let shape = types::shape(filter.r#type()).map_err(|message| site.error(message))?;
        // Depthwise convolutions have a kernel of their own, in which a column is one multiplication of a vector.
        if encoded.is_some() || site.layer.kind == Kind::DepthwiseConv2d || shape.contains(&0) {
            continue;
        }
        let Some(data) = constant_slice(filter).filter(|data| has_enough_zeros(data)) else { continue };
        let weights = site.layer.matrix(&data).map_err(|message| site.error(message))?;
        let kernel = |columns| kernel_cost(&site, &chooser, lmul, columns);
        if let Some(found) = structure(&weights, site.layer.kind, most_tile, &kernel) {
            replace(&rewriter, &site, &weights, found.columns)?;
        }
    }
    erase_dead(&rewriter);
    Ok(())
}

/// What the fastest kernel of a layer costs with a pattern.
fn kernel_cost(site: &Site, chooser: &Chooser, lmul: Option<i64>, columns: Columns) -> Option<f64> {
    if site.layer.kind.is_product() {
        let [_, rows, _] = site.layer.extents();
        return Some(product_cost(rows, columns));
    }
    let given = Given { tile: Some(columns.tile), lmul, ..Given::default() };
    let picked = chooser.choose(&convolution(site.op).ok()?, Sparsity::of(Some(columns)), &given);
    picked.ok().flatten().map(|picked| picked.cycles)
}
