//! HTTP as values: an [`Endpoint`] says what an address does, and everything else comes from it: routing, reading, refusing,
//! `OPTIONS`, and later documents and pages. Start with [`endpoint`], then [`dispatch`].

pub mod accept;
pub mod answer;
pub mod authorization;
pub mod body;
pub mod dispatch;
pub mod endpoint;
mod extract;
pub(crate) mod language;
pub mod page;
pub mod peer;
mod proxies;
pub(crate) mod render;
pub(crate) mod tally;

pub use answer::Answer;
pub use endpoint::{Call, Endpoint, Guard, Operation};
pub use extract::{CurrentUser, OptionalUser, Rejection, RequireStaff};
pub use peer::Peer;
