//! How often something may be tried.

pub mod memory;
