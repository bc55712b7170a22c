//! The mails that the server writes to a folder, and the values that they carry.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use mail_parser::MessageParser;
use regex::Regex;
use serde_json::Value;

use crate::placeholders::kind_of;

/// The folder of a server's mails.
pub struct Mailbox {
    dir: PathBuf,
    seen: HashSet<PathBuf>,
}

/// One mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letter {
    /// The address that it goes to.
    pub to: String,
    /// The key that proves the address.
    pub key: Option<String>,
    /// The name of the account in a reset link.
    pub uid: Option<String>,
    /// The token of a reset link.
    pub token: Option<String>,
    /// The code for those who cannot follow the link.
    pub code: Option<String>,
}

impl Mailbox {
    /// The folder, which may not be there before the first mail.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), seen: HashSet::new() }
    }

    /// The mails that came since the last look, in order of arrival.
    ///
    /// # Errors
    /// A file that is no mail.
    pub fn fresh(&mut self) -> Result<Vec<Letter>, String> {
        let Ok(entries) = fs::read_dir(&self.dir) else { return Ok(Vec::new()) };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| file.extension().is_some_and(|end| end == "eml") && !self.seen.contains(file));
        files.sort();
        let letters = files.iter().map(|file| read(file)).collect();
        self.seen.extend(files);
        letters
    }
}

fn read(file: &Path) -> Result<Letter, String> {
    let told = |why: &str| format!("{}: {why}", file.display());
    let bytes = fs::read(file).map_err(|error| told(&error.to_string()))?;
    let mail = MessageParser::default().parse(&bytes).ok_or_else(|| told("no mail"))?;
    let to = mail.to().and_then(|list| list.first()?.address().map(str::to_owned)).ok_or_else(|| told("to nobody"))?;
    let text = mail.body_text(0).ok_or_else(|| told("no text"))?;
    Ok(Letter { to, ..carried(&text) })
}

/// The values in the text of a mail.
fn carried(text: &str) -> Letter {
    static KEY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"/account-confirm-email/([^/\s]+)/").ok());
    static RESET: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"/password/reset/confirm/([^/\s]+)/([^/\s]+)/").ok());
    static CODE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\b([B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4})\b").ok());
    let find = |pattern: &Option<Regex>, group: usize| Some(pattern.as_ref()?.captures(text)?.get(group)?.as_str().to_owned());
    Letter { to: String::new(), key: find(&KEY, 1), uid: find(&RESET, 1), token: find(&RESET, 2), code: find(&CODE, 1) }
}

/// What the placeholders of the recorded mails stand for: those of a mail by what ours to the same address carries. Ours are
/// told in the order in which they came.
pub fn bindings(recorded: &[Value], ours: &[Letter]) -> Vec<(String, String)> {
    let mut left: Vec<&Letter> = ours.iter().collect();
    let mut found = Vec::new();
    for mail in recorded {
        let to = mail["to"][0].as_str().unwrap_or_default();
        let Some(at) = left.iter().position(|letter| letter.to.eq_ignore_ascii_case(to)) else { continue };
        let letter = left.remove(at);
        let lines = mail["body_lines_with_values"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for label in lines.flat_map(labels) {
            found.extend(value(letter, label).map(|value| (label.to_owned(), value.to_owned())));
        }
    }
    found
}

/// The placeholders of a text, without their braces.
pub(crate) fn labels(text: &str) -> Vec<&str> {
    text.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0)).filter(|label| !label.contains('|')).collect()
}

fn value<'a>(letter: &'a Letter, label: &str) -> Option<&'a str> {
    let value = match kind_of(label) {
        "email_key" | "email_key_db" => &letter.key,
        "uid" => &letter.uid,
        "reset_token" => &letter.token,
        "email_code" => &letter.code,
        _ => &None,
    };
    value.as_deref()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mail_tells_its_link_and_its_code() {
        let verify = carried("Hello,\n\nhttp://127.0.0.1:1/auth/registration/account-confirm-email/0a1b/\n\nor: BCDF-GHJK\n");
        assert_eq!((verify.key.as_deref(), verify.code.as_deref()), (Some("0a1b"), Some("BCDF-GHJK")));
        let reset = carried("http://127.0.0.1:1/auth/password/reset/confirm/1z/0a1b/");
        assert_eq!((reset.uid.as_deref(), reset.token.as_deref(), reset.key), (Some("1z"), Some("0a1b"), None));
    }

    #[test]
    fn placeholders_of_a_recorded_mail_are_those_of_ours_to_the_same_address() {
        let mail = |to: &str, line: &str| json!({ "to": [to], "body_lines_with_values": [line] });
        let recorded = [
            mail("a@example.com", "http://h/confirm/{{uid:1}}/{{reset_token:1}}/"),
            mail("b@example.com", "http://h/{{email_key:1}}/"),
            mail("b@example.com", "http://h/{{email_key:2}}/"),
        ];
        let letter = |to: &str| Letter { to: to.into(), ..Letter::default() };
        let ours = [
            Letter { key: Some("k".into()), ..letter("b@example.com") },
            Letter { uid: Some("u".into()), token: Some("t".into()), ..letter("A@example.com") },
        ];
        let expected = [("uid:1", "u"), ("reset_token:1", "t"), ("email_key:1", "k")];
        assert_eq!(bindings(&recorded, &ours), expected.map(|(label, value)| (label.to_owned(), value.to_owned())));
    }
}
