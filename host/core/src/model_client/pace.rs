//! When the next request may be sent: rates of requests and of tokens, and pauses that the server asks for.

use std::time::Duration;

use arrow_array::timezone::Tz;
use arrow_cast::parse::string_to_datetime;
use hyper::HeaderMap;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Rates are kept a little below those that were set: the server counts when a request arrives, and some arrive early.
const MARGIN: f64 = 0.99;
/// The part of a second's requests that may be sent at once. The rest is spread evenly.
const BURST: f64 = 0.95;
/// The longest pause that a server may ask for.
const MAX_PAUSE: Duration = Duration::from_mins(10);

/// The pace of the requests of one model.
#[derive(Debug)]
pub(super) struct ModelPace {
    state: Mutex<ModelPaceState>,
}

#[derive(Debug)]
struct ModelPaceState {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    paused_until: Option<Instant>,
}

/// A token bucket.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    capacity: f64,
    /// Negative after an expense that was larger than expected.
    level: f64,
    at: Instant,
}

impl Bucket {
    fn per_minute(rate: u64, now: Instant) -> Self {
        let per_second = rate as f64 / 60.0 * MARGIN;
        let capacity = (per_second * BURST).max(1.0);
        Self { per_second, capacity, level: capacity, at: now }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + passed * self.per_second).min(self.capacity);
        self.at = now;
    }

    /// Returns the time until an amount is there. One that is larger than the bucket waits until it is full.
    fn wait(&self, amount: f64) -> Duration {
        let missing = amount.min(self.capacity) - self.level;
        Duration::try_from_secs_f64(missing / self.per_second).unwrap_or_default()
    }
}

impl ModelPace {
    pub(super) fn new(requests_per_minute: Option<u64>, tokens_per_minute: Option<u64>) -> Self {
        let now = Instant::now();
        let bucket = |rate: Option<u64>| rate.map(|rate| Bucket::per_minute(rate, now));
        let (requests, tokens) = (bucket(requests_per_minute), bucket(tokens_per_minute));
        Self { state: Mutex::new(ModelPaceState { requests, tokens, paused_until: None }) }
    }

    /// Takes a turn for a request with about this number of tokens, or returns the time until there may be one.
    pub(super) fn take(&self, tokens: u64, now: Instant) -> Option<Duration> {
        let mut state = self.state.lock();
        let ModelPaceState { requests, tokens: token_bucket, paused_until } = &mut *state;
        if let Some(until) = *paused_until {
            if now < until {
                return Some(until - now);
            }
            *paused_until = None;
        }
        let mut wait = Duration::ZERO;
        for (bucket, amount) in [(&mut *requests, 1.0), (&mut *token_bucket, tokens as f64)] {
            if let Some(bucket) = bucket {
                bucket.refill(now);
                wait = wait.max(bucket.wait(amount));
            }
        }
        if wait > Duration::ZERO {
            // Timers count milliseconds; a shorter wait would be repeated.
            return Some(wait.max(Duration::from_millis(1)));
        }
        for (bucket, amount) in [(requests, 1.0), (token_bucket, tokens as f64)] {
            if let Some(bucket) = bucket {
                bucket.level -= amount;
            }
        }
        None
    }

    /// Corrects the number of tokens of a request that was sent.
    pub(super) fn settle(&self, expected: u64, used: u64) {
        if let Some(bucket) = &mut self.state.lock().tokens {
            bucket.level += expected as f64 - used as f64;
        }
    }

    /// Sends nothing for a time, and then at the rate without a burst.
    pub(super) fn pause(&self, time: Duration) {
        let until = Instant::now() + time.min(MAX_PAUSE);
        let mut state = self.state.lock();
        state.paused_until = Some(state.paused_until.map_or(until, |earlier| earlier.max(until)));
        let ModelPaceState { requests, tokens, .. } = &mut *state;
        for bucket in [requests, tokens].into_iter().flatten() {
            bucket.level = bucket.level.min(0.0);
        }
    }
}

/// Returns the time that the headers of a response ask to wait, by `retry-after`, or because nothing is left of a rate.
pub(super) fn asked_pause(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let seconds = |text: &str| text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let milliseconds = |text: &str| seconds(text).map(|time: Duration| time / 1000);
    let spent = |kind: &str| {
        let left = text(&format!("x-ratelimit-remaining-{kind}"))?;
        let is_spent = left.parse::<f64>().is_ok_and(|left| left <= 0.0);
        text(&format!("x-ratelimit-reset-{kind}")).filter(|_| is_spent).and_then(reset)
    };
    let asked = text("retry-after-ms").and_then(milliseconds);
    let asked = asked.or_else(|| text("retry-after").and_then(|text| seconds(text).or_else(|| until_date(text))));
    asked.into_iter().chain(spent("requests")).chain(spent("tokens")).max()
}

/// Reads the time until a rate is reset: seconds, or a duration such as `1m2.5s` or `20ms`.
fn reset(text: &str) -> Option<Duration> {
    let (mut total, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..].find(|character: char| character.is_ascii_digit()).unwrap_or(rest.len() - digits);
        let unit = match &rest[digits..digits + unit_end] {
            "ms" => 1e-3,
            "s" | "" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total += number * unit;
        rest = &rest[digits + unit_end..];
    }
    Duration::try_from_secs_f64(total).ok()
}

/// Reads a date as RFC 9110 defines it, such as `Sun, 06 Nov 1994 08:49:37 GMT`, and returns the time until then.
fn until_date(text: &str) -> Option<Duration> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, date) = text.split_once(", ")?;
    let [day, month, year, time, "GMT"] = date.split(' ').collect::<Vec<_>>()[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let year: i64 = year.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let utc: Tz = "UTC".parse().ok()?;
    let then = string_to_datetime(&utc, &format!("{year}-{month:02}-{day:0>2}T{time}")).ok()?.timestamp();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(u64::try_from(then).ok()?).saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    fn asked(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("it is a value")));
        asked_pause(&headers.collect())
    }

    #[test]
    fn requests_are_spread_after_a_burst() {
        let pace = ModelPace::new(Some(6000), None);
        let mut now = Instant::now();
        let start = now;
        for _ in 0..1000 {
            while let Some(wait) = pace.take(0, now) {
                now += wait;
            }
        }
        let time = (now - start).as_secs_f64();
        assert!((9.1..9.4).contains(&time), "{time}");
    }

    #[test]
    fn tokens_are_corrected_when_they_are_known() {
        let pace = ModelPace::new(None, Some(60_000));
        let now = Instant::now();
        assert_eq!(pace.take(900, now), None);
        assert!(pace.take(900, now).is_some());
        pace.settle(900, 0);
        assert_eq!(pace.take(900, now), None);
        // A request that is larger than what is in the bucket at any time is sent when it is full.
        let mut later = now;
        while let Some(wait) = pace.take(1_000_000, later) {
            later += wait;
        }
        assert!(later - now < Duration::from_secs(3));
        assert!(pace.take(1, later).is_some_and(|wait| wait > Duration::from_mins(10)));
    }

    #[test]
    fn a_pause_holds_for_all_requests() {
        let pace = ModelPace::new(None, None);
        let now = Instant::now();
        assert_eq!(pace.take(0, now), None);
        pace.pause(Duration::from_secs(5));
        pace.pause(Duration::from_secs(1));
        assert!(pace.take(0, now).is_some_and(|wait| wait > Duration::from_secs(4)));
        assert_eq!(pace.take(0, now + Duration::from_secs(6)), None);
    }

    #[test]
    fn headers_ask_for_a_pause() {
        let ms = Duration::from_millis;
        assert_eq!(asked(&[]), None);
        assert_eq!(asked(&[("retry-after", "2")]), Some(ms(2000)));
        assert_eq!(asked(&[("retry-after", "-2")]), None);
        assert_eq!(asked(&[("retry-after", "soon")]), None);
        assert_eq!(asked(&[("retry-after-ms", "1500"), ("retry-after", "2")]), Some(ms(1500)));
        let spent = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "1m2.5s")];
        assert_eq!(asked(&spent), Some(ms(62_500)));
        let left = [("x-ratelimit-remaining-tokens", "1"), ("x-ratelimit-reset-tokens", "20ms")];
        assert_eq!(asked(&left), None);
        assert_eq!(asked(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), Some(Duration::ZERO));
        let far = asked(&[("retry-after", "Thu, 01 Jan 2099 00:00:00 GMT")]).expect("it is a date");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later");
        assert_eq!((far + now).as_secs().div_ceil(60), 4_070_908_800 / 60);
    }
}
