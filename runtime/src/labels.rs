//! The answer of a classifier: its largest entries, with names.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A label file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}")]
pub struct LabelError {
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    pub error: io::Error,
}

/// One of the largest entries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The class.
    pub index: usize,
    /// The network's value for it.
    pub value: f32,
    /// The value as a probability: itself if all values already are probabilities, else their softmax.
    pub probability: f32,
    /// The name of the class, if there are names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6}  {:.4}  {}", self.index, self.probability, self.label.as_deref().unwrap_or(""))?;
        Ok(())
    }
}

/// The names of the classes in the file `path`, one a line.
///
/// # Errors
/// When the file cannot be read as UTF-8.
pub fn read(path: &Path) -> Result<Vec<String>, LabelError> {
    let text = std::fs::read_to_string(path).map_err(|error| LabelError { path: path.to_owned(), error })?;
    Ok(text.lines().map(|line| line.trim().to_owned()).collect())
}

/// The `count` largest of `values`, largest first, equal ones by index; NaN comes last.
pub fn top(values: &[f32], count: usize, labels: Option<&[String]>) -> Vec<Entry> {
    let probabilities = probabilities(values);
    let mut order: Vec<usize> = (0..values.len()).collect();
    let key = |i: usize| if values[i].is_nan() { f32::NEG_INFINITY } else { values[i] };
    order.sort_by(|&a, &b| key(b).total_cmp(&key(a)).then(values[a].is_nan().cmp(&values[b].is_nan())));
    order
        .into_iter()
        .take(count)
        .map(|index| Entry {
            index,
            value: values[index],
            probability: probabilities[index],
            label: labels.and_then(|labels| labels.get(index)).cloned(),
        })
        .collect()
}

/// `values` if they lie in 0 to 1 and sum to 1 (to 1e-3), else their softmax.
fn probabilities(values: &[f32]) -> Vec<f32> {
    let sum: f64 = values.iter().map(|&x| f64::from(x)).sum();
    if values.iter().all(|x| (0.0..=1.0).contains(x)) && (sum - 1.0).abs() < 1e-3 {
        return values.to_vec();
    }
    let max = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = values.iter().map(|&x| f64::from(x - max).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_first() {
        let names = ["cat", "dog"].map(str::to_owned);
        let top = top(&[0.1, 0.7, 0.2], 2, Some(&names));
        assert_eq!(top.iter().map(|entry| entry.index).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(
            (top[0].probability, top[0].label.as_deref(), top[1].label.as_deref()),
            (0.7, Some("dog"), None)
        );
        assert_eq!(top[0].to_string(), "     1  0.7000  dog");
    }

    #[test]
    fn logits_become_probabilities() {
        let top = top(&[0.0, 2f32.ln()], 5, None);
        assert_eq!(top.len(), 2);
        assert!((top[0].probability - 2.0 / 3.0).abs() < 1e-6 && top[0].value == 2f32.ln());
    }

    #[test]
    fn odd_values_do_not_panic() {
        assert!(top(&[], 5, None).is_empty());
        let order: Vec<usize> =
            top(&[f32::NAN, f32::NEG_INFINITY, 1.0, 1.0], 9, None).iter().map(|e| e.index).collect();
        assert_eq!(order, [2, 3, 1, 0]);
    }
}
