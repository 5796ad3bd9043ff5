//! `ait-eqsat`: equality saturation over the `ait` graph. One e-graph folds, fuses, and assigns layouts and
//! implementations; what costs least is extracted.
//!
//! | module | what | MLIR |
//! |---|---|---|
//! | [`term`] | the language: an operator per op, typed leaves | no |
//! | `convert` | which op a term is, and its attributes as leaves | no |
//! | [`analysis`] | shape, layout and constants of classes, through the ops' shape rules | no |
//! | [`range`] | bounds of a constant's elements, and whether products keep what their factors say | no |
//! | [`rules`] | the equations, by topic | no |
//! | [`saturate`] | applies them, within limits | no |
//! | [`cost`] | model cycles of a term | no |
//! | [`extract`] | the best choice of each class, shared ones counted once | no |
//! | [`select`] | from graph to extraction and back | no |
//! | [`pins`] | layouts that the user pins by layer name | no |
//! | [`explain`] | why each layout and implementation won | no |
//! | `proof` | by which rules it is what the module says | no |
//! | `encode`, `decode` | from ops to terms and back | yes |
//!
//! The pass, with its options and errors, is `equality_saturation.rs` beside this folder.

pub mod analysis;
mod convert;
pub mod cost;
pub(crate) mod decode;
pub(crate) mod encode;
pub mod explain;
pub mod extract;
pub mod pins;
mod proof;
pub mod range;
pub mod rules;
pub mod saturate;
pub mod select;
pub mod term;

#[cfg(test)]
mod growth;
#[cfg(test)]
mod soundness;
