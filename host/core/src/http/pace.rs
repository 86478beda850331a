//! The times at which requests of a grant with a rate are sent.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Lets one request pass at a time, at even distances.
pub(super) struct Pace {
    distance: Duration,
    /// The time of the next request, `None` before the first one. The request that holds the lock waits for that time, and others
    /// wait for the lock, in order. So a request that is dropped while it waits uses no time of the others.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(per_minute: NonZeroU32) -> Self {
        Self { distance: Duration::from_mins(1) / per_minute.get(), next: Mutex::new(None) }
    }

    /// Waits until a request may be sent.
    pub(super) async fn wait(&self) {
        let mut next = self.next.lock().await;
        if let Some(next) = *next {
            sleep_until(next).await;
        }
        *next = Some(following(*next, Instant::now(), self.distance));
    }
}

/// Returns the time of the next request after one that was due at a time, and was sent `now`. A timer that is late does not
/// lower the rate, and a pause of more than one distance is not made up for.
fn following(due: Option<Instant>, now: Instant, distance: Duration) -> Instant {
    let due = due.filter(|due| now.saturating_duration_since(*due) < distance);
    due.unwrap_or(now) + distance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_at_even_distances_although_the_timer_is_late() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(following(None, at(0), second), at(1000));
        assert_eq!(following(Some(at(1000)), at(1000), second), at(2000));
        assert_eq!(following(Some(at(1000)), at(1030), second), at(2000));
        assert_eq!(following(Some(at(1000)), at(2500), second), at(3500), "after a pause");
    }
}
