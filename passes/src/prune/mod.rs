//! Column-wise N:M pruning: which columns of which weights are kept, and the passes that make it so.
//!
//! | module | what |
//! |---|---|
//! | `layers` | the convolutions and matrix products of a module, in graph order |
//! | `config` | what to prune and how much: defaults, and rules by layer name (TOML) |
//! | `score` | the best columns of every tile |
//! | `given` | scores from files |
//! | `plan` | [`plan`]: configuration and weights to masks; [`apply`]: masks to pruned constants |
//! | `manifest` | masks in a file, for retraining and back |
//! | `detect` | the structure of weights that have zeros already |
//! | `pass` | `ait-prune` and `ait-detect-sparsity` |
//!
//! The user's view is `docs/pruning.md`.

mod config;
mod detect;
mod given;
mod layers;
mod manifest;
pub(crate) mod pass;
mod plan;
mod score;

pub(crate) use config::Source;
pub use config::{Amount, Config, Rule, Score, Settings};
pub use detect::{Found, structure};
pub use layers::{Kind, Layer, fingerprint, layers};
pub use manifest::Manifest;
pub use plan::{LayerMask, apply, plan};
pub use score::{Norm, best_columns};
