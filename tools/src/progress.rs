//! What long work shows: a spinner with the step and its time on a terminal, nothing in a pipe.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// Shows the step that is under way until dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// Starts with a step. Draws on stderr if that is a terminal.
    pub fn new(step: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        let progress = Self(bar);
        progress.step(step);
        progress
    }

    /// The next step.
    pub fn step(&self, step: &str) {
        self.0.set_message(step.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
