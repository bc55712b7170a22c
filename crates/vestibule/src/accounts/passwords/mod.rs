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

/// Whether a stored password, of ours or of another system, is in a form that a login can be checked against.
pub fn can_be_checked(stored: &str) -> bool {
    stored::Stored::parse(stored).is_ok()
}

/// Whether a stored password says that there is none.
pub fn is_unusable(stored: &str) -> bool {
    matches!(stored::Stored::parse(stored), Err(stored::Refusal::Unusable))
}
