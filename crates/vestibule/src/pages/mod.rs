//! Pages for people, where an installation has no front end of its own: they stand behind the links in mails.
//!
//! They work without JavaScript, load nothing from elsewhere, and each can be replaced by a file of the same path in
//! `templates.dir`.

mod engine;

pub use engine::Pages;
