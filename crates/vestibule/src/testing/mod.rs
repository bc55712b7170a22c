//! What tests stand on: throw-away databases, and a whole service in a test with a clock that is moved by hand.
//!
//! Host applications may use it too, with the cargo feature `testing`.

pub mod app;
pub mod databases;
pub mod races;

pub use app::{TestAnswer, TestApp, TestRequest, on_both};
pub use races::{Arena, race};
