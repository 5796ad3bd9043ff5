//! Who says how fast a candidate is.

use super::{Item, machine_options};
use crate::cli::CoreName;
use crate::measure::layer::Data;
use crate::measure::{Candidate, Recipe, Session, Setting};
use ait_dialects::Layout;
use ait_passes::cost::{self, Algorithm, Choice, Oracle, Outcome, Target};
use ait_runtime::exec::{ExecError, Qemu};
use ait_runtime::target::Clock;
use anyhow::Result;
use std::time::Duration;

/// Measures candidates. A board is one more implementation: it runs the same programs by another
/// `ait_runtime::exec::Executor`, and its outcomes are cycles of its clock ([`Oracle::Device`]).
pub trait Measure: Sync {
    /// Who it is, in the log.
    fn kind(&self) -> Oracle;

    /// The outcome of each choice for an item. Failures are outcomes.
    fn measure(&self, item: &Item, choices: &[Choice]) -> Vec<Outcome>;
}

/// The static model: nothing is compiled or run.
pub struct Static {
    /// What is estimated for.
    pub target: Target,
}

impl Measure for Static {
    fn kind(&self) -> Oracle {
        Oracle::Model
    }

    fn measure(&self, item: &Item, choices: &[Choice]) -> Vec<Outcome> {
        let estimate = |choice| match cost::cycles(&self.target, &item.convolution, item.sparsity, choice) {
            Ok(cycles) => Outcome::Cycles(cycles.round() as u64),
            Err(error) => Outcome::Refused(error.to_string()),
        };
        choices.iter().map(estimate).collect()
    }
}

/// Every candidate runs in QEMU, its result is compared with the scalar reference, and the core's model counts its
/// cycles.
pub struct Meter {
    target: Target,
    core: CoreName,
    qemu: Qemu,
    timeout: Duration,
    /// Computes something else with this choice.
    #[cfg(test)]
    pub(super) spoiled: Option<Choice>,
}

impl Meter {
    /// With `timeout` for each candidate; `core` is the name or file of the target's core.
    ///
    /// # Errors
    /// When there is no QEMU.
    pub fn new(core: CoreName, target: Target, timeout: Duration) -> Result<Self> {
        let qemu = Qemu::new(target.vlen)?;
        Ok(Self {
            target,
            core,
            qemu,
            timeout,
            #[cfg(test)]
            spoiled: None,
        })
    }

    fn compile(&self, item: &Item, data: &Data, choice: &Choice, index: usize) -> Result<Candidate> {
        // "direct" is in place, after a split where the window needs one.
        let algorithm = if choice.algorithm == Algorithm::Packed { "packed" } else { "direct" };
        let mut options = machine_options(&self.core, &self.target)?;
        options.extend([
            ("tile", choice.tile.to_string()),
            ("lmul", choice.lmul.to_string()),
            ("unroll", choice.unroll.to_string()),
            ("algorithm", algorithm.to_owned()),
        ]);
        let name = format!("candidate{index}");
        let recipe = Recipe { name, layout: Layout::Cnhw, amount: item.amount(), options };
        #[cfg(test)]
        if self.spoiled == Some(*choice) {
            let mut other = Data::new(&item.convolution)?;
            other.bias.data_mut().iter_mut().for_each(|bias| *bias += 1.0);
            return Candidate::new(&item.convolution, &other, &recipe);
        }
        Candidate::new(&item.convolution, data, &recipe)
    }

    /// Runs compiled candidates in one program.
    fn run(&self, item: &Item, data: &Data, candidates: &[Candidate]) -> Result<Vec<Outcome>> {
        let timeout = self.timeout * u32::try_from(candidates.len()).unwrap_or(1);
        let setting = Setting { threads: self.target.threads, clock: Clock::Meter, timeout };
        let session = Session::new(&item.convolution, data, candidates, setting)?;
        let readings = session.bench().meter(&self.qemu, &self.target.core)?;
        let outcome = |(reading, verdict): (ait_cores::Reading, Option<String>)| match verdict {
            Some(difference) => Outcome::Wrong(difference),
            None => Outcome::Cycles(reading.total().cycles),
        };
        Ok(readings.into_iter().zip(session.verdicts()?).map(outcome).collect())
    }
}

impl Measure for Meter {
    fn kind(&self) -> Oracle {
        Oracle::Meter
    }

    fn measure(&self, item: &Item, choices: &[Choice]) -> Vec<Outcome> {
        let data = match Data::new(&item.convolution) {
            Ok(data) => data,
            Err(error) => return choices.iter().map(|_| Outcome::Refused(format!("{error:#}"))).collect(),
        };
        let compiled =
            choices.iter().enumerate().map(|(index, choice)| self.compile(item, &data, choice, index));
        let (mut candidates, mut outcomes) = (Vec::new(), Vec::new());
        for candidate in compiled {
            match candidate {
                Ok(candidate) => {
                    candidates.push(candidate);
                    outcomes.push(None);
                }
                Err(error) => outcomes.push(Some(Outcome::Refused(format!("{error:#}")))),
            }
        }
        let mut measured = match self.run(item, &data, &candidates) {
            Ok(measured) => measured,
            // One of them is at fault: each by itself tells which.
            Err(error) if candidates.len() == 1 => vec![failure(&error)],
            Err(_) => {
                let alone = |candidate: &Candidate| {
                    let one = self.run(item, &data, std::slice::from_ref(candidate));
                    one.map_or_else(|error| failure(&error), |mut one| one.remove(0))
                };
                candidates.iter().map(alone).collect()
            }
        }
        .into_iter();
        let missing = || Outcome::Crashed("was not measured".to_owned());
        outcomes
            .into_iter()
            .map(|known| known.unwrap_or_else(|| measured.next().unwrap_or_else(missing)))
            .collect()
    }
}

fn failure(error: &anyhow::Error) -> Outcome {
    let text = format!("{error:#}");
    match error.downcast_ref::<ExecError>() {
        Some(ExecError::Timeout { .. }) => Outcome::TimedOut(text),
        _ => Outcome::Crashed(text),
    }
}
