//! From configuration and weights to masks, and from masks to pruned constants.

use std::collections::BTreeMap;

use ait_dialects::{Activation, types};
use melior::ir::{Module, Value, operation::OperationLike};

use super::{
    Amount, Config, Kind, Norm, Rule, Score, Settings, best_columns,
    given::Files,
    layers::{Site, sites},
};
use crate::{
    PassError,
    canonicalize::erase_dead,
    convolutions::convolution,
    cost::{Given, Sparsity},
    diagnostic::{Diagnostic, Severity},
    nm::{Columns, Mask, Weights},
    rewrite::{Rewriter, definition, operand, result, shape},
};

/// The mask of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerMask {
    /// [`super::Layer::name`].
    pub name: String,
    /// What the layer computes.
    pub kind: Kind,
    /// What was asked for.
    pub asked: Amount,
    /// What is kept.
    pub mask: Mask,
}

/// Rows of a tile of a gemm where none is given: a vector of the kernel.
pub const GEMM_TILE: i64 = 32;
/// Most rows of a tile of a convolution, its accumulators: `(31 + 1) * LMUL` is the register file at LMUL 1.
pub const MOST_CONV_TILE: i64 = 31;
/// Most rows of a tile of a gemm.
const MOST_GEMM_TILE: i64 = 1024;

/// The masks of all layers that `config` prunes, in graph order. The module is not changed.
///
/// # Errors
/// At the rule that matches no layer, or at the op that cannot be pruned as asked; for scores, names file and layer.
pub fn plan(module: &Module, config: &Config) -> Result<Vec<LayerMask>, PassError> {
    let rewriter = Rewriter::new(module);
    let sites = sites(&rewriter)?;
    check_rules(&config.rules, &sites)?;
    let mut chosen = vec![];
    for site in &sites {
        if let Some(settings) = settings(site, config)? {
            chosen.push((site, settings));
        }
    }
    check_arrays(&chosen)?;
    let mut files = Files::default();
    let masks = chosen.into_iter().map(|(site, settings)| mask(site, &settings, config, &mut files));
    masks.filter_map(Result::transpose).collect()
}

fn check_rules(rules: &[Rule], sites: &[Site]) -> Result<(), PassError> {
    let Some(idle) = rules.iter().find(|rule| !sites.iter().any(|site| rule.matches(&site.layer.name)))
    else {
        return Ok(());
    };
    let near = sites.iter().map(|site| site.layer.name.as_str()).max_by(|a, b| {
        strsim::jaro_winkler(a, &idle.pattern)
            .total_cmp(&strsim::jaro_winkler(b, &idle.pattern))
            .then(b.cmp(a))
    });
    let near = near.map(|name| format!("; the nearest is '{name}'")).unwrap_or_default();
    let message = format!("'{}' matches none of the {} layers with weights{near}", idle.pattern, sites.len());
    let location = idle.location.clone();
    Err(PassError { diagnostics: vec![Diagnostic { severity: Severity::Error, location, message }] })
}

/// What all rules together say about a layer; none if it stays dense.
fn settings(site: &Site, config: &Config) -> Result<Option<Settings>, PassError> {
    let layer = &site.layer;
    let rules = config.rules.iter().filter(|rule| rule.matches(&layer.name));
    let settings = rules.fold(config.defaults.clone(), |settings, rule| settings.then(&rule.settings));
    match (settings.prune, layer.exemption(), settings.amount) {
        (Some(false), ..) | (None, Some(_), _) | (None, None, None) => Ok(None),
        (Some(true), _, _) if !layer.is_constant => {
            Err(site.error("cannot be pruned: its weights are not constant"))
        }
        (Some(true), _, None) => {
            Err(site.error("is to be pruned, but neither sparsity nor nm says how much"))
        }
        _ => Ok(Some(settings)),
    }
}

/// A `.npy` file has the scores of one layer.
fn check_arrays(chosen: &[(&Site, Settings)]) -> Result<(), PassError> {
    let mut users = BTreeMap::new();
    for (site, settings) in chosen {
        if let Some(Score::File(path)) = &settings.score
            && path.extension().is_some_and(|extension| extension == "npy")
            && let Some(other) = users.insert(path, &site.layer.name)
        {
            let message = format!("has the scores of {}, as '{other}' has; name one layer", path.display());
            return Err(site.error(message));
        }
    }
    Ok(())
}

fn mask(
    site: &Site,
    settings: &Settings,
    config: &Config,
    files: &mut Files,
) -> Result<Option<LayerMask>, PassError> {
    let (layer, fail) = (&site.layer, |message: String| site.error(message));
    let Some(asked) = settings.amount else { return Ok(None) };
    let [_, _, k] = layer.extents();
    let tile = tile(site, settings.tile, asked, config).map_err(fail)?;
    let Some(columns) = asked.columns(k, tile).map_err(fail)? else { return Ok(None) };
    let mask = match &settings.score {
        Some(Score::File(path)) => files.scores(path, layer).and_then(|scores| {
            let mask = best_columns(&scores, Norm::L1, columns);
            mask.map_err(|message| format!("{}: {message}", path.display()))
        }),
        Some(Score::Weights(norm)) => best_columns(&site.weights()?, *norm, columns),
        None => best_columns(&site.weights()?, Norm::default(), columns),
    };
    Ok(Some(LayerMask { name: layer.name.clone(), kind: layer.kind, asked, mask: mask.map_err(fail)? }))
}

/// Rows of a tile: as given, or those of the fastest kernel.
fn tile(site: &Site, given: Option<i64>, asked: Amount, config: &Config) -> Result<i64, String> {
    let layer = &site.layer;
    let most = if layer.kind.is_product() { MOST_GEMM_TILE } else { MOST_CONV_TILE };
    let [_, rows, k] = layer.extents();
    match given.or(config.tile.filter(|_| !layer.kind.is_product())) {
        Some(tile) if tile > most => return Err(format!("cannot have tiles of {tile} rows, at most {most}")),
        Some(tile) => return Ok(tile.min(rows)),
        None if layer.kind.is_product() => return Ok(GEMM_TILE.min(rows)),
        None => {}
    }
    let (mut conv, sparsity) = (convolution(site.op)?, Sparsity::of(asked.columns(k, 1)?));
    // A mask is for every batch: its tile is that of one image.
    conv.input[0] = 1;
    let given = Given { lmul: config.lmul, ..Given::default() };
    let picked = config.chooser()?.choose(&conv, sparsity, &given).map_err(|error| error.to_string())?;
    picked.map(|picked| picked.choice.tile).ok_or_else(|| "has no kernel".to_owned())
}

/// Sets the weights outside the masks to zero, and says in their type what is kept. Layers that share a constant get their
/// own; a matmul becomes a gemm.
///
/// # Errors
/// Names the layer that the module lacks, or the op whose weights have another shape.
pub fn apply(module: &Module, masks: &[LayerMask]) -> Result<(), PassError> {
    let rewriter = Rewriter::new(module);
    let sites = sites(&rewriter)?;
    let by_name: BTreeMap<_, _> = sites.iter().map(|site| (site.layer.name.as_str(), site)).collect();
    for LayerMask { name, mask, .. } in masks {
        let site = *by_name.get(name.as_str()).ok_or_else(|| {
            PassError::new(module.as_operation().location(), format!("there is no layer '{name}' to prune"))
        })?;
        let mut weights = site.weights()?;
        mask.apply(&mut weights).map_err(|message| site.error(message))?;
        replace(&rewriter, site, &weights, mask.columns)?;
    }
    erase_dead(&rewriter);
    Ok(())
}

/// Makes `weights` the layer's, of the type that says what is kept.
pub(super) fn replace<'c, 'a>(
    rewriter: &'a Rewriter<'c, '_>,
    site: &Site<'c, 'a>,
    weights: &Weights,
    columns: Columns,
) -> Result<(), PassError> {
    let fail = |message| site.error(message);
    let shape = site.layer.filter_shape();
    let data = weights.to_filter(&shape).map_err(fail)?;
    let build = rewriter.before(site.op)?;
    let place = definition(site.filter()?).map_or(build, |maker| build.at(maker.location()));
    let elements = types::elements_of(types::pruned(rewriter.context(), &shape, columns), &data);
    let constant = place.constant_attribute(elements).map_err(fail)?;
    match site.layer.kind {
        Kind::Matmul => {
            let gemm = gemm(rewriter, site, constant)?;
            rewriter.replace(site.op, gemm);
        }
        _ => rewriter.set_operand(site.op, 1, constant),
    }
    Ok(())
}

/// `lhs * W^T` for `lhs` of any rank.
fn gemm<'c, 'a>(
    rewriter: &'a Rewriter<'c, '_>,
    site: &Site<'c, 'a>,
    filter: Value<'c, 'a>,
) -> Result<Value<'c, 'a>, PassError> {
    let build = rewriter.before(site.op)?;
    let lhs = operand(site.op, 0)?;
    let output = shape(site.op, result(site.op)?)?;
    let [_, n, k] = site.layer.extents();
    let columns = usize::try_from(n).unwrap_or(0);
    let rows = types::elements(&output).map_err(|message| site.error(message))? / n.max(1);
    let made = build.reshape(lhs, &[rows, k]).and_then(|lhs| {
        let bias = build.constant(&[n], &vec![0.0; columns])?;
        let product = build.gemm([lhs, filter, bias], None, Activation::Identity)?;
        build.reshape(product, &output)
    });
    made.map_err(|message| site.error(message))
}
