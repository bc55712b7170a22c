//! One description per form: what it takes, said once, drives validation, field errors, `OPTIONS` and later documents and pages.

pub mod input;

pub use input::{Input, Source, Value};
