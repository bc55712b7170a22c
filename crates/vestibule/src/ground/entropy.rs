//! The only source of randomness, so that a test can repeat it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::{digest, rand};

use super::error::{Error, Result};

/// Where random bytes come from.
#[derive(Clone, Debug)]
pub enum Entropy {
    /// The operating system's generator.
    System,
    /// The same bytes in every run (tests): SHA-256 of the seed and a counter.
    Seeded(Arc<(u64, AtomicU64)>),
}

impl Entropy {
    /// Repeatable randomness. Never for anything that a stranger may guess at.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new((seed, AtomicU64::new(0))))
    }

    /// `N` fresh bytes.
    ///
    /// # Errors
    /// [`Error::Internal`] when the operating system has no randomness to give.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N]> {
        let mut out = [0; N];
        match self {
            Self::System => rand::fill(&mut out).map_err(|_| Error::internal("the operating system gave no randomness"))?,
            Self::Seeded(state) => {
                for chunk in out.chunks_mut(32) {
                    let mut block = [0; 16];
                    block[..8].copy_from_slice(&state.0.to_be_bytes());
                    block[8..].copy_from_slice(&state.1.fetch_add(1, Ordering::SeqCst).to_be_bytes());
                    let hash = digest::digest(&digest::SHA256, &block);
                    chunk.copy_from_slice(&hash.as_ref()[..chunk.len()]);
                }
            }
        }
        Ok(out)
    }
}
