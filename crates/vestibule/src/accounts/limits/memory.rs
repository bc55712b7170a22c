//! Counters of one process in bounded memory: fixed windows, a fixed number of them (T66).
//!
//! When all places are taken, the windows that are over go first and then the oldest: a flood of new keys pushes out the
//! counters of others, but never takes more memory and never refuses anybody.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ground::Time;
use crate::ground::secrets::Digest;

/// How many windows are kept unless there is a reason for another number; some 15 MiB when all are taken.
pub const DEFAULT_CAPACITY: usize = 65_536;

/// How long ago a request may have read the clock and still be counted in a window that another has opened since.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// Counters by key. A key must name the action and the period beside the one who is counted.
#[derive(Debug)]
pub struct Counters {
    capacity: usize,
    table: Mutex<Table>,
}

/// The number of a window; a later window has a higher one.
type Serial = u64;

#[derive(Debug, Default)]
struct Table {
    windows: HashMap<Digest, Window>,
    by_start: BTreeMap<Serial, Digest>,
    by_end: BTreeSet<(Time, Serial)>,
    next: Serial,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    serial: Serial,
    ends: Time,
    used: u32,
}

impl Counters {
    /// Counters with places for `capacity` windows, at least one.
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), table: Mutex::default() }
    }

    /// Takes one of the `count` tries that the key has in each `period`. Taking is atomic: of any number of threads at most
    /// `count` succeed (T68).
    ///
    /// # Errors
    /// How long until the key has tries again.
    pub fn take(&self, key: &[u8], count: u32, period: Duration, now: Time) -> Result<(), Duration> {
        if count == 0 {
            return Err(period);
        }
        // A hash, so that a long key takes no more room than a short one.
        let key = Digest::of(key);
        let mut table = self.table();
        match table.windows.get_mut(&key) {
            Some(window) if window.is_open(period, now) => {
                if window.used >= count {
                    return Err(now.until(window.ends).min(period));
                }
                window.used += 1;
            }
            _ => table.open(key, period, now, self.capacity),
        }
        Ok(())
    }

    /// Gives back one try that was taken in the window that is open now, for what turned out not to count. Without a window
    /// there is nothing to give back to.
    pub fn give_back(&self, key: &[u8], now: Time) {
        if let Some(window) = self.table().windows.get_mut(&Digest::of(key)).filter(|window| now < window.ends) {
            window.used = window.used.saturating_sub(1);
        }
    }

    /// How many windows are kept now, over or not.
    pub fn len(&self) -> usize {
        self.table().windows.len()
    }

    /// Whether no window is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A panic elsewhere leaves at worst one counter wrong by one; refusing all logins after it would be worse.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    /// A window that ends much later than one could that began now is from before the clock was set back: it would lock
    /// out for as long as the clock was wrong.
    fn is_open(&self, period: Duration, now: Time) -> bool {
        now < self.ends && self.ends <= now.plus(period).plus(MAX_DELAY)
    }
}

impl Table {
    /// Opens a window with its first try taken, in place of the key's earlier one.
    fn open(&mut self, key: Digest, period: Duration, now: Time, capacity: usize) {
        if let Some(old) = self.windows.get(&key) {
            self.close(old.serial);
        }
        if self.windows.len() >= capacity {
            self.make_room(now);
        }
        let window = Window { serial: self.next, ends: now.plus(period), used: 1 };
        self.next += 1;
        self.windows.insert(key, window);
        self.by_start.insert(window.serial, key);
        self.by_end.insert((window.ends, window.serial));
    }

    fn make_room(&mut self, now: Time) {
        let over = self.by_end.first().filter(|(ends, _)| *ends <= now).map(|(_, serial)| *serial);
        let oldest = self.by_start.first_key_value().map(|(serial, _)| *serial);
        if let Some(serial) = over.or(oldest) {
            self.close(serial);
        }
    }

    fn close(&mut self, serial: Serial) {
        let window = self.by_start.remove(&serial).and_then(|key| self.windows.remove(&key));
        if let Some(window) = window {
            self.by_end.remove(&(window.ends, serial));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    #[test]
    fn t66_after_the_last_try_the_answer_is_when_to_come_back() {
        let counters = Counters::new(8);
        for second in 0..3 {
            assert_eq!(counters.take(b"a", 3, MINUTE, at(second)), Ok(()));
        }
        assert_eq!(counters.take(b"a", 3, MINUTE, at(20)), Err(Duration::from_secs(40)));
        assert_eq!(counters.take(b"b", 3, MINUTE, at(20)), Ok(()));
        assert_eq!(counters.take(b"a", 3, MINUTE, at(59)), Err(Duration::from_secs(1)));
        assert_eq!(counters.take(b"a", 3, MINUTE, at(60)), Ok(()));
    }

    #[test]
    fn t66_a_try_given_back_can_be_taken_again_once() {
        let counters = Counters::new(8);
        counters.give_back(b"a", at(0));
        assert!(counters.is_empty());
        assert_eq!(counters.take(b"a", 1, MINUTE, at(0)), Ok(()));
        counters.give_back(b"a", at(1));
        counters.give_back(b"a", at(1));
        assert_eq!(counters.take(b"a", 1, MINUTE, at(2)), Ok(()));
        assert!(counters.take(b"a", 1, MINUTE, at(2)).is_err());
        counters.give_back(b"a", at(60));
        assert_eq!(counters.take(b"a", 1, MINUTE, at(60)), Ok(()));
    }

    #[test]
    fn t66_no_tries_at_all_are_none() {
        assert_eq!(Counters::new(8).take(b"a", 0, MINUTE, at(0)), Err(MINUTE));
    }

    #[test]
    fn t66_room_is_made_by_what_is_over_and_then_by_the_oldest() {
        let counters = Counters::new(3);
        counters.take(b"oldest", 1, 10 * MINUTE, at(0)).unwrap();
        counters.take(b"over", 1, MINUTE, at(1)).unwrap();
        counters.take(b"young", 1, 2 * MINUTE, at(2)).unwrap();
        counters.take(b"new", 1, MINUTE, at(61)).unwrap();
        assert!(counters.take(b"oldest", 1, 10 * MINUTE, at(62)).is_err(), "what was over went first");
        counters.take(b"newer", 1, MINUTE, at(62)).unwrap();
        assert!(counters.take(b"young", 1, 2 * MINUTE, at(63)).is_err());
        assert!(counters.take(b"new", 1, MINUTE, at(63)).is_err());
        assert_eq!(counters.take(b"oldest", 1, 10 * MINUTE, at(63)), Ok(()), "then the oldest went");
        assert_eq!(counters.len(), 3);
    }

    #[test]
    fn t66_a_flood_of_keys_takes_no_more_room_than_the_capacity() {
        let counters = Counters::new(1000);
        for key in 0..100_000_u32 {
            assert_eq!(counters.take(&key.to_be_bytes(), 5, MINUTE, at(i64::from(key / 10_000))), Ok(()));
        }
        let table = counters.table();
        assert_eq!((table.windows.len(), table.by_start.len(), table.by_end.len()), (1000, 1000, 1000));
        assert!(table.windows.capacity() < 4000);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let counters = Counters::new(8);
        counters.take(b"a", 1, MINUTE, at(86_400)).unwrap();
        assert_eq!(counters.take(b"a", 1, MINUTE, at(0)), Ok(()));
        assert_eq!(counters.take(b"a", 1, MINUTE, at(1)), Err(Duration::from_secs(59)));
        assert_eq!(counters.len(), 1);
    }

    #[test]
    fn t68_who_read_the_clock_a_little_earlier_counts_in_the_same_window() {
        let counters = Counters::new(8);
        counters.take(b"a", 2, MINUTE, at(100)).unwrap();
        assert_eq!(counters.take(b"a", 2, MINUTE, at(99)), Ok(()));
        assert_eq!(counters.take(b"a", 2, MINUTE, at(99)), Err(MINUTE));
    }

    #[test]
    fn t68_of_many_threads_exactly_as_many_succeed_as_there_are_tries() {
        let counters = Counters::new(8);
        let taken: usize = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..64).map(|_| scope.spawn(|| counters.take(b"a", 10, MINUTE, at(0)).is_ok())).collect();
            tries.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
        });
        assert_eq!(taken, 10);
    }
}
