//! HTTP as values: an [`Endpoint`] says what an address does, and everything else comes from it: routing, reading, refusing,
//! `OPTIONS`, documents and pages. Start with [`endpoint`], then [`dispatch`].

pub mod accept;
pub mod answer;
pub mod authorization;
pub mod body;
mod cookies;
pub mod directory;
pub mod dispatch;
pub mod endpoint;
mod extract;
pub mod gives;
pub(crate) mod language;
mod openapi;
pub mod page;
pub mod peer;
mod proxies;
pub(crate) mod render;
pub(crate) mod tally;

pub use answer::Answer;
pub use directory::Directory;
pub use endpoint::{Call, Endpoint, Guard, Operation};
pub use extract::{CurrentUser, OptionalUser, Rejection};
pub use gives::{Gives, Shape};
pub use peer::Peer;
