//! HTTP as values: an [`Endpoint`] says what an address does, and everything else comes from it: routing, reading, refusing,
//! `OPTIONS`, documents and pages. Start with [`endpoint`], then [`dispatch`].

pub mod accept;
pub mod answer;
mod around;
mod authenticate;
pub mod authorization;
mod bearer_claims;
pub mod body;
pub(crate) mod browse;
pub mod browser;
pub mod cookies;
mod cors;
mod csrf;
pub mod directory;
pub mod dispatch;
pub mod endpoint;
mod extract;
pub mod fields;
pub mod gives;
mod granted;
pub mod jwks;
pub(crate) mod language;
mod openapi;
pub mod page;
mod path;
pub mod peer;
mod proxies;
pub(crate) mod render;
pub(crate) mod tally;

pub use answer::Answer;
pub use bearer_claims::{BearerClaims, Jwks, NotVerified};
pub use browser::Browser;
pub use cookies::SetCookie;
pub use directory::Directory;
pub use endpoint::{Call, Endpoint, Guard, Operation};
pub use extract::{CurrentUser, OptionalUser, Rejection, RequireStaff};
pub use gives::{Gives, Shape};
pub use granted::{granted, granted_on_page, refreshed};
pub use peer::Peer;
