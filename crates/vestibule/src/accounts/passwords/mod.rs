//! Passwords: how they are hashed and checked, and which are too weak. Start with [`Hasher`] and [`Policy`].
//!
//! A password is bytes, used as sent: nothing here trims, folds or normalises it (T02).

pub mod common;
mod hasher;
mod legacy;
mod phc;
pub mod policy;
mod pool;
mod similarity;
mod stored;
mod workspace;

pub use hasher::{Hasher, Parameters, Verdict};
pub use policy::{OwnRule, Policy};
