//! The only place that prints: results to standard output, complaints to standard error.

use std::io::{self, Write};

/// Writes one result. A reader that left early (`… | head`) is no failure.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Writes why a command did not do what it was asked for.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "vestibule: {text}");
}
