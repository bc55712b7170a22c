//! The only place that prints: results to standard output, progress to standard error.

use std::io::{self, Write};

/// Writes a line of the result.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Writes what is being done, or why it was not.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "vestibule-bench: {text}");
}
