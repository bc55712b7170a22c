//! HTTP as values: an [`Endpoint`] says what an address does, and everything else comes from it: routing, reading, refusing,
//! `OPTIONS`, and later documents and pages. Start with [`endpoint`], then [`dispatch`].

pub mod accept;
pub mod answer;
mod authenticate;
pub mod authorization;
mod bearer_claims;
pub mod body;
pub mod browser;
pub mod cookies;
mod cors;
mod csrf;
pub mod dispatch;
pub mod endpoint;
mod extract;
mod granted;
pub mod jwks;
pub(crate) mod language;
pub mod page;
mod path;
pub mod peer;
mod proxies;
pub(crate) mod render;
pub(crate) mod tally;

pub use answer::Answer;
pub use browser::Browser;
pub use cookies::SetCookie;
pub use bearer_claims::{BearerClaims, Jwks, NotVerified};
pub use endpoint::{Call, Endpoint, Guard, Operation};
pub use extract::{CurrentUser, OptionalUser, Rejection};
pub use granted::{granted, refreshed, renewed};
pub use peer::Peer;
