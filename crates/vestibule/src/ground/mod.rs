//! What every room stands on: time, randomness, secrets, names, messages and errors. Nothing here knows a database or a request.

pub mod address;
pub mod clock;
pub mod entropy;
pub mod error;
pub mod key_file;
pub mod language;
pub mod message;
pub mod meters;
pub mod names;
pub mod seal;
pub mod secrets;

pub use clock::{Clock, Time};
pub use entropy::Entropy;
pub use error::{Error, FieldErrors, NON_FIELD, Result};
pub use language::{Language, Languages};
pub use message::Message;
pub use secrets::Secret;
