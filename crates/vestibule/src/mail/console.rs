//! Mails for the eyes of a developer.

use std::io::{self, Write};

use super::{Mail, SendError};

/// Prints mails.
pub(super) struct Console(Box<dyn Fn(&str) + Send + Sync>);

impl Default for Console {
    fn default() -> Self {
        // Not `println!`: a terminal that went away must not end the worker.
        Self::new(|text| {
            let _ = writeln!(io::stdout(), "{text}");
        })
    }
}

impl Console {
    pub(super) fn new(print: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Box::new(print))
    }

    pub(super) fn send(&self, mail: &Mail) -> Result<(), SendError> {
        (self.0)(&readable(mail));
        Ok(())
    }
}

/// The mail without its HTML; its link stands in a line of its own, to be clicked or copied.
fn readable(mail: &Mail) -> String {
    let rule = "─".repeat(72);
    let mut text = format!("{rule}\nFrom: {}\nTo: {}\nSubject: {}\n\n{}\n", mail.from, mail.to, mail.subject, mail.text.trim());
    if let Some(link) = &mail.link
        && !mail.text.lines().any(|line| line.trim() == link)
    {
        text.push_str(&format!("\n{link}\n"));
    }
    text + &rule
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::mail;
    use super::*;

    #[test]
    fn a_mail_is_readable_and_its_link_has_a_line_of_its_own() {
        let link = mail().link.unwrap();
        for text in [format!("Open this:\n{link}\nto go on."), format!("Open {link} to go on."), "Hello".into()] {
            let shown = readable(&Mail { text: text.clone(), ..mail() });
            assert_eq!(shown.lines().filter(|line| *line == link).count(), 1, "{shown}");
            assert!(shown.contains(&text) && shown.contains("\nTo: ana@example.org\n") && !shown.contains("<p>"), "{shown}");
        }
        assert!(!readable(&Mail { text: "Hello".into(), link: None, ..mail() }).contains("https"));
    }
}
