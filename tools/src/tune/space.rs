//! What there is to measure.

use crate::measure::layer::{Layer, LeftOut};
use ait_passes::cost::{Algorithm, Choice, Chooser, Convolution, Given, Sparsity};
use ait_passes::prune::Amount;
use anyhow::Result;

/// No candidate is measured that the static model finds so many times slower than its best.
const HOPELESS: f64 = 3.0;

/// A convolution with a share of its columns pruned.
#[derive(Clone, Debug)]
pub struct Item {
    /// ONNX nodes of the network that are such a convolution.
    pub names: Vec<String>,
    /// Its shape.
    pub convolution: Convolution,
    /// Part of the columns that is pruned.
    pub ratio: f64,
    /// The columns that are kept.
    pub sparsity: Sparsity,
}

impl Item {
    /// It is not measured.
    pub fn left_out(self, reason: &str) -> LeftOut {
        let reason = match self.ratio {
            0.0 => format!("dense it {reason}"),
            ratio => format!("{}% pruned it {reason}", ratio * 100.0),
        };
        LeftOut { names: self.names, shape: self.convolution, reason }
    }

    /// How much is pruned; nothing if none.
    pub fn amount(&self) -> Option<Amount> {
        (self.ratio > 0.0).then_some(Amount::Sparsity(self.ratio))
    }
}

/// Every convolution with every sparsity that it can have: stems are not pruned, and depthwise convolutions, whose kernel
/// has nothing to choose, are left out.
///
/// # Errors
/// When a sparsity is out of range.
pub fn items(layers: &[Layer], sparsities: &[f64]) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for layer in layers.iter().filter(|layer| !layer.shape.is_depthwise()) {
        for &ratio in sparsities.iter().filter(|&&ratio| ratio == 0.0 || !layer.stem) {
            let pattern = match ratio > 0.0 {
                true => {
                    Amount::Sparsity(ratio).columns(layer.shape.columns(), 1).map_err(anyhow::Error::msg)?
                }
                false => None,
            };
            // So few columns that none is pruned.
            if ratio > 0.0 && pattern.is_none() {
                continue;
            }
            let sparsity = Sparsity::of(pattern);
            items.push(Item {
                names: layer.names.clone(),
                convolution: layer.shape.clone(),
                ratio,
                sparsity,
            });
        }
    }
    Ok(items)
}

/// Up to `budget` ways to compute an item, best first by the static model: half of them its best ones, then the best of
/// every algorithm and group size, and whatever comes next.
///
/// # Errors
/// When the convolution does not exist.
pub fn candidates(chooser: &Chooser, item: &Item, budget: usize) -> Result<Vec<Choice>> {
    let ranked = chooser.ranked(&item.convolution, item.sparsity, &Given::default())?;
    let limit = ranked.first().map_or(0.0, |best| best.cycles) * HOPELESS;
    let ranked: Vec<Choice> =
        ranked.into_iter().filter(|picked| picked.cycles <= limit).map(|picked| picked.choice).collect();
    let mut kinds: Vec<(Algorithm, i64)> = Vec::new();
    let is_first_of_kind = |choice: &Choice| {
        let kind = (choice.algorithm, choice.lmul);
        let is_new = !kinds.contains(&kind);
        kinds.push(kind);
        is_new
    };
    let firsts: Vec<Choice> = ranked.iter().copied().filter(is_first_of_kind).collect();
    let mut wanted: Vec<Choice> = ranked.iter().copied().take(budget.div_ceil(2)).collect();
    for choice in firsts.into_iter().chain(ranked) {
        if wanted.len() < budget && !wanted.contains(&choice) {
            wanted.push(choice);
        }
    }
    Ok(wanted)
}
