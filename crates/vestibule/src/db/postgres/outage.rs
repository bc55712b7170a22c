//! An outage in the log: told at once, and then now and then, however many requests meet it.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often it is told while it lasts.
const EVERY: Duration = Duration::from_secs(10);

/// What the log was told of an outage.
#[derive(Default)]
pub(super) struct Outage(Mutex<Told>);

#[derive(Default)]
struct Told {
    at: Option<Instant>,
    /// How often there was no connection since then.
    since: u64,
}

impl Outage {
    /// Tells the log that there is no connection, and why, unless it was told a moment ago.
    pub(super) fn tell(&self, why: &dyn Display) {
        if let Some(times) = self.due(Instant::now()) {
            tracing::warn!(%why, times, "PostgreSQL cannot be reached");
        }
    }

    /// How often there was no connection since the log was told last, if it is time to tell it again.
    fn due(&self, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = told.since + 1;
        if told.at.is_some_and(|at| now < at + EVERY) {
            told.since = times;
            return None;
        }
        *told = Told { at: Some(now), since: 0 };
        Some(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_at_once_and_then_now_and_then_with_how_often() {
        let (outage, began) = (Outage::default(), Instant::now());
        let at = |millis: u64| outage.due(began + Duration::from_millis(millis));
        assert_eq!(at(0), Some(1));
        assert!((1..1_000).all(|millis| at(millis).is_none()));
        assert_eq!(at(9_999), None);
        assert_eq!(at(10_000), Some(1_001));
        assert_eq!(at(10_001), None);
        assert_eq!(at(3_600_000), Some(2));
    }
}
