//! Passwords: how they are hashed and checked. Start with [`Hasher`].
//!
//! A password is bytes, used as sent: nothing here trims, folds or normalises it (T02).

mod hasher;
mod legacy;
mod phc;
mod pool;
mod stored;
mod workspace;

pub use hasher::{Hasher, Parameters, Verdict};
