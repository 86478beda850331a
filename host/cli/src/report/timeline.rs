//! The rows over the time of a run.

use std::time::Duration;

/// The maximum number of points. A run of any length has at least half of them once it has reported as many.
const MAX_POINTS: usize = 240;

/// Points of time with the number of rows read until then. Its memory does not grow with the run.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    points: Vec<(Duration, u64)>,
    /// The least time between two points. It doubles whenever the points are halved.
    interval: Duration,
}

impl Timeline {
    /// Adds the present numbers.
    pub(crate) fn add(&mut self, time: Duration, rows: u64) {
        if self.points.last().is_some_and(|(last, _)| time.saturating_sub(*last) < self.interval) {
            return;
        }
        self.points.push((time, rows));
        if self.points.len() > MAX_POINTS {
            let mut index = 0;
            self.points.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.interval = (self.interval * 2).max(time / MAX_POINTS as u32);
        }
    }

    /// Returns the points in the order of time.
    pub(crate) fn points(&self) -> &[(Duration, u64)] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_has_a_bounded_number_of_points_over_its_whole_time() {
        let mut timeline = Timeline::default();
        for number in 0..100_000_u64 {
            timeline.add(Duration::from_millis(number), number * 10);
        }
        let points = timeline.points();
        assert!((MAX_POINTS / 2..=MAX_POINTS).contains(&points.len()), "{}", points.len());
        assert!(points.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(points.last().is_some_and(|(time, _)| *time > Duration::from_secs(95)));
    }
}
