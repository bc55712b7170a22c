//! A mail that arrived.

use std::fmt;

use mail_parser::{Message, MessageParser, PartType};

/// A mail as a server got it.
#[derive(Clone)]
pub struct Received {
    /// The sender of the envelope.
    pub sender: String,
    /// The recipients of the envelope.
    pub recipients: Vec<String>,
    /// The message, with `\r\n` at the end of lines.
    pub raw: Vec<u8>,
    /// Whether its connection was encrypted.
    pub encrypted: bool,
    /// The name of who had logged in.
    pub login: Option<String>,
}

impl Received {
    /// The message, read.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn message(&self) -> Message<'_> {
        MessageParser::default().parse(&self.raw).unwrap_or_else(|| panic!("no message: {self:?}"))
    }

    /// The names of its headers, as sent.
    pub fn header_names(&self) -> Vec<String> {
        self.message().headers().iter().map(|header| header.name().to_owned()).collect()
    }

    /// A header as sent, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let message = self.message();
        let raw = message.header_raw(name.to_owned())?;
        Some(raw.replace("\r\n", "").trim().to_owned())
    }

    /// Its subject, decoded.
    pub fn subject(&self) -> String {
        self.message().subject().unwrap_or_default().to_owned()
    }

    /// Its plain text, decoded, with `\n` at the end of lines; empty if it has none.
    pub fn text(&self) -> String {
        self.part(|body| if let PartType::Text(text) = body { Some(text.to_string()) } else { None })
    }

    /// Its HTML, likewise.
    pub fn html(&self) -> String {
        self.part(|body| if let PartType::Html(html) = body { Some(html.to_string()) } else { None })
    }

    fn part(&self, wanted: impl Fn(&PartType<'_>) -> Option<String>) -> String {
        let found = self.message().parts.iter().find_map(|part| wanted(&part.body));
        found.unwrap_or_default().replace("\r\n", "\n")
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}\n{}", self.sender, self.recipients.join(", "), String::from_utf8_lossy(&self.raw))
    }
}
