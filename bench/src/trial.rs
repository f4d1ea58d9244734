//! Trials: what the product claims beyond the comparison with the relay. Each one sets the product up anew,
//! measures two things side by side and in turn, and says whether their ratio is what it should be.
//!
//! * [`backlog`] costs with 1,000,000 waiting rows, pausing them, and the memory that they take
//! * [`neighbours`] beside one destination that hangs, or one tenant with a hundred times the traffic
//! * [`ordered`] ordered destinations beside unordered ones
//! * [`inbound`] requests that make tickets beside the bare handler; duplicates; a long history
//! * [`mapping`] the sandbox beside the JavaScript reference implementation
//! * [`actions`] the fourteen actions beside one durable insert
//! * [`lists`] pages of 1,000,000 records by each filter

mod actions;
mod backlog;
mod field;
mod filling;
mod history;
mod inbound;
mod lists;
mod mapping;
mod neighbours;
mod ordered;
mod records;
mod yard;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::database::Engine;
use crate::report::{Bound, significant};
use crate::stand::Stand;
use crate::tally::median;

/// What a trial may use.
pub struct Trials<'a> {
    pub binary: PathBuf,
    pub work_dir: PathBuf,
    pub runtime: &'a Runtime,
    /// How often the two sides are measured in turn.
    pub rounds: usize,
    /// What "a million" is.
    pub rows: u64,
    /// Where PostgreSQL is, if it is measured at all.
    pub postgres: Option<Engine>,
    /// The folder of the reference implementation.
    pub jsonata: PathBuf,
}

impl Trials<'_> {
    pub fn stand(&self, engine: &Engine) -> Result<Stand> {
        Stand::open(&self.binary, &self.work_dir, engine)
    }
}

pub struct Trial {
    pub name: &'static str,
    pub about: &'static str,
    /// Runs only if it is named, or with --large.
    pub large: bool,
    run: fn(&Trials) -> Result<Vec<Finding>>,
}

/// In the order in which they run.
pub const ALL: &[Trial] = &[
    Trial { name: "hanging", about: "50 tenants beside a destination that hangs", large: false, run: neighbours::hanging },
    Trial { name: "noisy", about: "50 tenants beside one with 100 times the traffic", large: false, run: neighbours::noisy },
    Trial { name: "ordered", about: "an ordered destination, 1,000 keys", large: false, run: ordered::run },
    Trial { name: "backlog", about: "a million waiting deliveries, SQLite", large: false, run: backlog::sqlite },
    Trial { name: "backlog-postgres", about: "a million waiting deliveries, PostgreSQL", large: true, run: backlog::postgres },
    Trial { name: "inbound", about: "requests that make tickets, and duplicates", large: false, run: inbound::run },
    Trial { name: "history", about: "a million logged requests", large: false, run: history::run },
    Trial { name: "mapping", about: "the sandbox and the reference implementation", large: false, run: mapping::run },
    Trial { name: "actions", about: "the fourteen actions", large: false, run: actions::run },
    Trial { name: "lists", about: "pages of a million records by each filter", large: false, run: lists::sqlite },
    Trial { name: "lists-postgres", about: "the same on PostgreSQL", large: true, run: lists::postgres },
];

/// One measure of a trial: what was found, beside what it is compared with.
#[derive(Serialize, Clone)]
pub struct Finding {
    pub trial: &'static str,
    pub measure: String,
    pub value: f64,
    pub baseline: Option<f64>,
    /// The median of the rounds' ratios.
    pub ratio: Option<f64>,
    pub target: Option<String>,
    pub met: Option<bool>,
    /// (baseline, value) of each round.
    pub rounds: Vec<(f64, f64)>,
    /// What the figures alone don't tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Finding {
    /// Two sides; the bound is on their ratio.
    pub fn ratio(measure: impl Into<String>, rounds: Vec<(f64, f64)>, target: Option<Bound>) -> Self {
        let column = |pick: fn(&(f64, f64)) -> f64| median(rounds.iter().map(pick).collect());
        let ratio = column(|(baseline, value)| value / baseline);
        Self {
            trial: "",
            measure: measure.into(),
            value: column(|(_, value)| *value).unwrap_or(f64::NAN),
            baseline: column(|(baseline, _)| *baseline),
            ratio,
            target: target.map(Bound::text),
            met: target.zip(ratio).map(|(bound, ratio)| bound.holds(ratio)),
            rounds,
            note: None,
        }
    }

    /// A value by itself, the worst of some: the bound is on it.
    pub fn value(measure: impl Into<String>, value: f64, target: Option<Bound>) -> Self {
        Self {
            trial: "",
            measure: measure.into(),
            value,
            baseline: None,
            ratio: None,
            target: target.map(Bound::text),
            met: target.map(|bound| bound.holds(value)),
            rounds: Vec::new(),
            note: None,
        }
    }

    /// A time that may rise by a share or by some milliseconds, whichever is more.
    pub fn rise(measure: impl Into<String>, rounds: Vec<(f64, f64)>, share: f64, ms: f64) -> Self {
        let rises = rounds.iter().map(|(alone, beside)| beside - (alone * (1.0 + share)).max(alone + ms)).collect();
        let met = median(rises).map(|above| above <= 0.0);
        let mut finding = Self::ratio(measure, rounds, None);
        (finding.met, finding.target) = (met, Some(format!("+{:.0} % or +{ms} ms", share * 100.0)));
        finding
    }

    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// One line of what is printed.
    fn line(&self) -> String {
        let number = |value: Option<f64>| value.map_or_else(String::new, significant);
        let verdict = match self.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        format!(
            "  {:<58} {:>10} {:>10} {:>8}  {:<16} {verdict}",
            self.measure,
            significant(self.value),
            number(self.baseline),
            number(self.ratio),
            self.target.as_deref().unwrap_or("")
        )
    }
}

/// Runs those that were asked for, one after the other. One that can't run says why and stops no other.
pub fn run(trials: &Trials, wanted: &[&'static Trial]) -> (Vec<Finding>, Vec<String>) {
    let (mut all, mut failed) = (Vec::new(), Vec::new());
    for trial in wanted {
        let begun = Instant::now();
        println!("\n{}: {}", trial.name, trial.about);
        match (trial.run)(trials).with_context(|| format!("trial {}", trial.name)) {
            Ok(findings) => {
                println!("  {:<58} {:>10} {:>10} {:>8}  target", "", "value", "beside", "ratio");
                for mut finding in findings {
                    finding.trial = trial.name;
                    println!("{}", finding.line());
                    if let Some(note) = &finding.note {
                        println!("      {note}");
                    }
                    all.push(finding);
                }
            }
            Err(error) => {
                println!("  FAILED: {error:#}");
                failed.push(format!("{error:#}"));
            }
        }
        println!("  ({:.0} s)", begun.elapsed().as_secs_f64());
    }
    (all, failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_is_judged_by_the_median_of_the_rounds_and_by_whichever_bound_is_wider() {
        let rise = |rounds: &[(f64, f64)]| Finding::rise("p99", rounds.to_vec(), 0.25, 2.0).met.unwrap();
        assert!(rise(&[(1.0, 3.0), (1.0, 2.9), (1.0, 90.0)]), "two milliseconds, and one outlier");
        assert!(!rise(&[(1.0, 3.1), (1.0, 3.1), (1.0, 1.0)]));
        assert!(rise(&[(20.0, 25.0)]), "a quarter of 20 ms is more than 2 ms");
        assert!(!rise(&[(20.0, 25.1)]));
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_ratios() {
        let finding = Finding::ratio("x", vec![(1.0, 2.0), (10.0, 5.0), (1.0, 1.0)], Some(Bound::AtMost(1.0)));
        assert_eq!((finding.ratio, finding.met), (Some(1.0), Some(true)));
    }
}
