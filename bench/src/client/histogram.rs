//! Latencies, counted in buckets that are at most 1.6 % wide.

use std::time::Duration;

/// Buckets of each power of two.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// How often each latency was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

impl Histogram {
    /// Counts one latency; a hundred nanoseconds is the least that is told apart.
    pub(crate) fn record(&mut self, latency: Duration) {
        let at = bucket(u64::try_from(latency.as_nanos() / 100).unwrap_or(u64::MAX));
        if at >= self.buckets.len() {
            self.buckets.resize(at + 1, 0);
        }
        if let Some(bucket) = self.buckets.get_mut(at) {
            *bucket += 1;
            self.count += 1;
        }
    }

    /// Adds what another has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.buckets.resize(self.buckets.len().max(other.buckets.len()), 0);
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(mine, theirs)| *mine += theirs);
        self.count += other.count;
    }

    /// The latency in milliseconds that this part of all did not exceed: 0.5 is the median.
    pub(crate) fn millis(&self, part: f64) -> f64 {
        let wanted = as_float(self.count) * part;
        let mut seen = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            seen += count;
            if *count > 0 && as_float(seen) >= wanted {
                return upper(at) / 10_000.0;
            }
        }
        0.0
    }
}

/// Small numbers stand for themselves; larger ones keep their highest seven bits.
fn bucket(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(STEP_BITS + 1);
    usize::try_from(u64::from(shift) * STEPS + (value >> shift)).unwrap_or(usize::MAX)
}

/// The end of a bucket.
fn upper(at: usize) -> f64 {
    let at = u64::try_from(at).unwrap_or(u64::MAX);
    let shift = (at / STEPS).saturating_sub(1);
    as_float(at - shift * STEPS + 1) * as_float(1 << shift)
}

/// Counts are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts and latencies of a benchmark stay far below 2^53")]
pub(crate) fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_all_is_found_within_two_percent() {
        let mut all = Histogram::default();
        for micros in 1..=10_000 {
            let mut one = Histogram::default();
            one.record(Duration::from_micros(micros));
            all.merge(&one);
        }
        for (part, millis) in [(0.5, 5.0), (0.99, 9.9), (0.001, 0.01), (1.0, 10.0)] {
            let found = all.millis(part);
            assert!((millis..=millis * 1.02).contains(&found), "{part}: {found}");
        }
    }

    #[test]
    fn buckets_follow_one_another_without_a_gap() {
        let mut last = 0;
        for value in 0..1_000_000 {
            let at = bucket(value);
            assert!(at == last || at == last + 1, "{value}");
            assert!(upper(at) > as_float(value), "{value}");
            last = at;
        }
    }
}
