//! When mail does not go out at all, one try in a while is enough to notice that it does again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::ground::{Entropy, Time};

/// The first pause after a failure.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause (T86).
const LONGEST: Duration = Duration::from_secs(60);

/// Closed while mail goes out; after a failure of the transport it opens for a while, each time for longer.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<Option<Open>>);

#[derive(Clone, Copy, Debug)]
struct Open {
    failures: u32,
    until: Time,
}

/// How many mails may be tried now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// As many as there are.
    All,
    /// One, to see.
    Probe,
    /// None before this moment.
    Nothing(Time),
}

impl Breaker {
    /// What may be tried now.
    pub fn allows(&self, now: Time) -> Allowed {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Allowed::All,
            Some(open) if now >= open.until => Allowed::Probe,
            Some(open) => Allowed::Nothing(open.until),
        }
    }

    /// A mail went out.
    pub fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The transport failed. Mails that were sent side by side and failed together are one failure.
    pub fn open(&self, now: Time, entropy: &Entropy) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_some_and(|open| now < open.until) {
            return;
        }
        let failures = state.map_or(0, |open| open.failures) + 1;
        *state = Some(Open { failures, until: now.plus(pause(failures, entropy)) });
    }
}

/// Doubles with each failure, less up to a half at random, so that several processes do not come at once.
pub fn pause(failures: u32, entropy: &Entropy) -> Duration {
    let full = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(6)).min(LONGEST);
    let [byte] = entropy.bytes::<1>().unwrap_or([0]);
    full - full.mul_f64(f64::from(byte) / 512.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t86_pauses_grow_to_a_minute_and_are_jittered() {
        let entropy = Entropy::seeded(1);
        for (failures, most) in [(1, 1), (2, 2), (3, 4), (7, 60), (40, 60)] {
            let most = Duration::from_secs(most);
            for _ in 0..100 {
                let pause = pause(failures, &entropy);
                assert!(pause <= most && pause >= most / 2, "{failures}: {pause:?}");
            }
        }
    }

    #[test]
    fn t86_mails_that_fail_side_by_side_are_one_failure() {
        let (breaker, entropy, start) = (Breaker::default(), Entropy::seeded(1), Time::from_millis(0));
        (0..10).for_each(|_| breaker.open(start, &entropy));
        assert_eq!(breaker.allows(start.plus(FIRST)), Allowed::Probe);
    }

    #[test]
    fn after_a_failure_one_is_tried_after_a_while_and_a_success_lets_all_through() {
        let (breaker, entropy, start) = (Breaker::default(), Entropy::seeded(1), Time::from_millis(0));
        assert_eq!(breaker.allows(start), Allowed::All);
        breaker.open(start, &entropy);
        assert!(matches!(breaker.allows(start), Allowed::Nothing(_)));
        let later = start.plus(Duration::from_secs(1));
        assert_eq!(breaker.allows(later), Allowed::Probe);
        breaker.close();
        assert_eq!(breaker.allows(later), Allowed::All);
    }
}
