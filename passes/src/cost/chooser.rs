//! The choice for a convolution: from the tuning log where it was measured, from the static model elsewhere.

use super::record::{COMPILER, Oracle, Record};
use super::{Choice, Convolution, Estimates, Given, Model, Op, ShapeError, Sparsity, Target, candidates};
use ait_runtime::tuning::Log;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// A choice and what it costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picked {
    /// How to compute it.
    pub choice: Choice,
    /// Model cycles of the target's core, or a device's.
    pub cycles: f64,
    /// Who says so.
    pub oracle: Oracle,
}

/// Chooses for a target.
#[derive(Clone, Debug)]
pub struct Chooser {
    target: Target,
    estimates: Estimates,
    /// What the static model has said; networks repeat their convolutions.
    estimated: RefCell<BTreeMap<(Convolution, Sparsity, Given), Option<Picked>>>,
    /// The fastest first; only of this target and compiler.
    measured: BTreeMap<(Convolution, Sparsity), Vec<Picked>>,
}

impl Chooser {
    /// By the static model alone.
    pub fn new(target: Target) -> Self {
        let estimates = Estimates::new(target.clone());
        Self { target, estimates, estimated: RefCell::default(), measured: BTreeMap::new() }
    }

    /// With the measurements of a tuning log; a sentence for whatever in it does not count.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn with_log(target: Target, path: &Path) -> io::Result<(Self, Vec<String>)> {
        let mut log = Log::<Record>::read(path)?;
        let mut notices = log.take_notices();
        let mut chooser = Self::new(target);
        let foreign = log.records().filter(|record| !chooser.add(record)).count();
        if foreign > 0 {
            notices.push(format!(
                "{}: {foreign} of {} records are of another core, VLEN, number of threads or compiler than {} at VLEN {}, {} \
                 threads, compiler {COMPILER}; ignored",
                path.display(),
                log.records().count(),
                chooser.target.core.name,
                chooser.target.vlen,
                chooser.target.threads
            ));
        }
        Ok((chooser, notices))
    }

    /// Takes a record if it is of this target and compiler: whether it is. What is not right never becomes a choice.
    pub fn add(&mut self, record: &Record) -> bool {
        if !self.concerns(record) {
            return false;
        }
        let key = &record.key;
        if let Some(cycles) = record.outcome.cycles() {
            let all = self.measured.entry((key.convolution.clone(), key.sparsity)).or_default();
            all.push(Picked { choice: key.choice, cycles: cycles as f64, oracle: key.oracle });
            // A device knows better than the meter, and that better than the model.
            all.sort_by(|a, b| {
                b.oracle.cmp(&a.oracle).then(a.cycles.total_cmp(&b.cycles)).then(a.choice.cmp(&b.choice))
            });
        }
        true
    }

    /// Whether a record is of this target and compiler.
    pub fn concerns(&self, record: &Record) -> bool {
        let (key, Target { core, vlen, threads }) = (&record.key, &self.target);
        key.core == core.name && key.vlen == *vlen && key.threads == *threads && key.compiler == COMPILER
    }

    /// What it chooses for.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Model cycles of a kernel that is no generated convolution; none if its window does not exist.
    pub fn estimate(&self, op: Op) -> Option<f64> {
        self.estimates.of(op)
    }

    /// The fastest way to compute a convolution that what is given allows; none if nothing does.
    ///
    /// # Errors
    /// If the convolution does not exist.
    pub fn choose(
        &self,
        conv: &Convolution,
        sparsity: Sparsity,
        given: &Given,
    ) -> Result<Option<Picked>, ShapeError> {
        let measured = self.measured.get(&(conv.clone(), sparsity)).into_iter().flatten();
        if let Some(picked) = measured.into_iter().find(|picked| given.allows(&picked.choice)) {
            return Ok(Some(*picked));
        }
        let key = (conv.clone(), sparsity, *given);
        if let Some(known) = self.estimated.borrow().get(&key) {
            return Ok(*known);
        }
        let best = self.ranked(conv, sparsity, given)?.into_iter().next();
        self.estimated.borrow_mut().insert(key, best);
        Ok(best)
    }

    /// All candidates that what is given allows, the fastest by the static model first.
    ///
    /// # Errors
    /// If the convolution does not exist.
    pub fn ranked(
        &self,
        conv: &Convolution,
        sparsity: Sparsity,
        given: &Given,
    ) -> Result<Vec<Picked>, ShapeError> {
        let mut model = Model::new(&self.target, conv, sparsity);
        let estimate = |choice: Choice| {
            let cycles = model.cycles(&choice)?;
            Ok(Picked { choice, cycles, oracle: Oracle::Model })
        };
        let mut all = candidates(conv, given).into_iter().map(estimate).collect::<Result<Vec<_>, _>>()?;
        all.sort_by(|a, b| a.cycles.total_cmp(&b.cycles).then(a.choice.cmp(&b.choice)));
        Ok(all)
    }
}
