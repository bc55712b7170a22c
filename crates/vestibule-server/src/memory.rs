//! Memory that is no longer used goes back to the system.
//!
//! The allocator keeps what was freed for a second, in case it is wanted again, and looks at the time only when somebody frees a larger
//! piece. A server without requests frees none: without a nudge it would hold the hashing threads' memory for ever.

use std::hint::black_box;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// How often the allocator is nudged.
const EVERY: Duration = Duration::from_secs(5);
/// A piece that the allocator takes from its own store and puts back at once. Nobody writes to it, so it costs a few microseconds.
const PIECE: usize = 1 << 20;

/// Nudges the allocator until the process ends.
pub(crate) async fn give_back() {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        drop(black_box(Vec::<u8>::with_capacity(PIECE)));
    }
}
