//! Samples, and what is printed of them.

use std::fmt;
use std::time::{Duration, Instant};

/// The measured values, one for each run.
#[derive(Debug, Clone)]
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    /// Figures of samples, of which there is at least one.
    pub(crate) fn new(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Self(samples)
    }

    pub(crate) fn of_times(times: &[Duration]) -> Self {
        Self::new(times.iter().map(Duration::as_secs_f64).collect())
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// The sample below which this share of them is.
    pub(crate) fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share).round() as usize]
    }
}

/// The unit of figures.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// Seconds, shown in the unit that fits.
    Time,
    /// Bytes, shown as MiB.
    Memory,
    /// Bytes a second, shown as GB/s.
    Rate,
    /// A count.
    Count,
}

/// A figure in its unit.
pub(crate) struct Shown(pub(crate) f64, pub(crate) Unit);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, unit) = *self;
        match unit {
            // Of differences some are negative, by chance.
            Unit::Time if value.abs() >= 1.0 => write!(f, "{value:.2} s"),
            Unit::Time if value.abs() >= 1e-3 => write!(f, "{:.1} ms", value * 1e3),
            Unit::Time if value.abs() >= 1e-6 => write!(f, "{:.1} µs", value * 1e6),
            Unit::Time => write!(f, "{:.1} ns", value * 1e9),
            Unit::Memory => write!(f, "{:.1} MiB", value / f64::from(1 << 20)),
            Unit::Rate => write!(f, "{:.2} GB/s", value / 1e9),
            Unit::Count if value >= 1e6 => write!(f, "{:.2} M", value / 1e6),
            Unit::Count => write!(f, "{value:.0}"),
        }
    }
}

/// Measures several things in turn, once a round, so that other load on the machine affects them alike. Before the
/// first round each is done once without being counted. Each returns its own measure, mostly the seconds it took.
pub(crate) fn in_turn<const N: usize>(rounds: usize, mut things: [&mut dyn FnMut() -> f64; N]) -> [Vec<f64>; N] {
    let mut samples = [const { Vec::new() }; N];
    for round in 0..=rounds {
        for (thing, samples) in things.iter_mut().zip(&mut samples) {
            let sample = thing();
            if round > 0 {
                samples.push(sample);
            }
        }
    }
    samples
}

/// How many times the other each sample is of those that were taken in the same round.
pub(crate) fn ratios(samples: &[f64], others: &[f64]) -> Figures {
    Figures::new(samples.iter().zip(others).map(|(sample, other)| sample / other).collect())
}

/// How long something takes, in seconds.
pub(crate) fn seconds<R>(work: impl FnOnce() -> R) -> f64 {
    let started = Instant::now();
    std::hint::black_box(work());
    started.elapsed().as_secs_f64()
}
