//! The memory that one hashing thread works in, kept between two passwords.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::Block;
use zeroize::Zeroize;

use crate::ground::{Error, Result, meters};

/// One thread's memory, and the count of computations that all threads share.
#[derive(Debug)]
pub(super) struct Workspace {
    blocks: Vec<Block>,
    keep: usize,
    computations: Arc<AtomicU64>,
    counter: metrics::Counter,
}

impl Workspace {
    /// A workspace that keeps at most `keep` blocks of one KiB between two computations.
    pub(super) fn new(keep: usize, computations: Arc<AtomicU64>) -> Self {
        Self { blocks: Vec::new(), keep, computations, counter: metrics::Counter::noop() }
    }

    /// The same, shown to a monitoring system.
    pub(super) fn metered(self) -> Self {
        Self { counter: metrics::counter!(meters::HASHES), ..self }
    }

    /// Counts one hash computation. Called exactly where an algorithm runs (T09).
    pub(super) fn count(&self) {
        self.computations.fetch_add(1, Ordering::Relaxed);
        self.counter.increment(1);
    }

    /// Runs `work` on `count` blocks. More than is kept is given back at once, so that one costly imported password does not
    /// raise the memory of the process for good (T84).
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no memory to be had, and what `work` answers.
    pub(super) fn with<T>(&mut self, count: usize, work: impl FnOnce(&mut [Block]) -> Result<T>) -> Result<T> {
        if count <= self.keep {
            grow(&mut self.blocks, self.keep)?;
            return work(&mut self.blocks[..count]);
        }
        let mut own = Vec::new();
        grow(&mut own, count)?;
        let out = work(&mut own);
        own.zeroize();
        out
    }

    /// Gives the kept memory back, wiped: the blocks were filled from a password.
    pub(super) fn free(&mut self) {
        self.blocks.zeroize();
        self.blocks = Vec::new();
    }

    /// Whether memory is held that [`Workspace::free`] would give back.
    pub(super) fn holds(&self) -> bool {
        self.blocks.capacity() > 0
    }
}

fn grow(blocks: &mut Vec<Block>, count: usize) -> Result<()> {
    let missing = count.saturating_sub(blocks.len());
    blocks.try_reserve_exact(missing).map_err(|_| Error::Unavailable(Duration::from_secs(1)))?;
    blocks.resize(blocks.len() + missing, Block::new());
    Ok(())
}
