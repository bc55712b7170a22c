//! What a request says, read with suspicion.
//!
//! Reading order: [`body`] (what was sent), [`accept`] (what may be answered), [`authorization`] (which credential),
//! [`address`] (from where).

pub mod accept;
pub mod address;
pub mod authorization;
pub mod body;
