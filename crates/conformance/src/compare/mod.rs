//! Whether an answer is what was expected: status, JSON by value, and the headers that a client acts on.
//!
//! Three things are ours by design decision 11 and are not compared: what follows `JSON parse error - ` and
//! `Multipart form parse error - `, and the names and descriptions of `OPTIONS` answers. Where the client has asked for another
//! language than English, sentences must be translated, and their words are ours. Of mails the recipients are compared.

mod claims;
mod cookies;
mod json;
mod language;
mod page;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::mailbox::Letter;
use crate::placeholders::Bindings;
use crate::steps::Exchange;
use crate::wire::Answer;
use json::Comparison;

pub use claims::{session, token_type};
pub use cookies::{cookies, credentials};
pub use json::pattern;
pub use language::{Words, asked_language, base, is_ours};
pub use page::{Page, compare as page};

/// What an answer must be.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Body,
    /// `Allow`, in any order; `None` is not compared.
    pub allow: Option<String>,
    /// `WWW-Authenticate`, which must be absent where it is `None`.
    pub challenge: Option<String>,
    /// Whether there is a `Retry-After`.
    pub retry_after: bool,
    /// To whom mails go because of it, one entry a mail, in order of the alphabet; `None` is not compared.
    pub mails: Option<Vec<String>>,
    /// How sentences are compared.
    pub words: Words,
}

/// What the body of an answer must be.
#[derive(Clone, Debug)]
pub enum Body {
    /// This JSON, with placeholders in it.
    Json(Value),
    /// A page or another text that is no JSON, whose words are not compared.
    Html,
    /// Nothing.
    Empty,
    /// Not compared.
    Any,
}

/// The values that placeholders stand for in an answer.
pub type Captured = Vec<(String, String)>;

impl Expected {
    /// What was recorded. A page is compared without its words.
    ///
    /// # Errors
    /// When the recorded body is neither JSON nor a page.
    pub fn recorded(exchange: &Exchange) -> Result<Self, String> {
        let kind = exchange.recorded_header("content-type").unwrap_or_default();
        let body = match exchange.response_body.as_deref() {
            _ if exchange.method == "HEAD" => Body::Empty,
            None | Some(_) if kind.starts_with("text/html") => Body::Html,
            None | Some("") => Body::Empty,
            Some(text) => Body::Json(pattern(text, &exchange.method)?),
        };
        Ok(Self {
            status: exchange.status,
            body,
            allow: exchange.recorded_header("allow").map(str::to_owned),
            challenge: exchange.recorded_header("www-authenticate").map(str::to_owned),
            retry_after: exchange.recorded_header("retry-after").is_some(),
            mails: Some(exchange.recipients()),
            words: Words::of(exchange),
        })
    }

    /// An answer of ours with that status and body, the headers that go with the status, and no mail.
    pub fn ours(status: u16, body: Body) -> Self {
        let challenge = (status == 401).then(|| "Token".to_owned());
        let retry_after = matches!(status, 429 | 503);
        Self { status, body, allow: None, challenge, retry_after, mails: Some(Vec::new()), words: Words::Exact }
    }

    /// Compares; the values that placeholders stand for then.
    ///
    /// # Errors
    /// The first difference.
    pub fn check(&self, answer: &Answer, mails: &[Letter], bindings: &Bindings) -> Result<Captured, String> {
        if answer.status != self.status {
            return Err(format!("status {} instead of {}: {}", answer.status, self.status, cut(&answer.body)));
        }
        if let Some(allow) = &self.allow {
            let ours = answer.header("allow").unwrap_or_default();
            if methods(allow) != methods(ours) {
                return Err(format!("Allow `{ours}` instead of `{allow}`"));
            }
        }
        if answer.header("www-authenticate") != self.challenge.as_deref() {
            return Err(format!("WWW-Authenticate {:?} instead of {:?}", answer.header("www-authenticate"), self.challenge));
        }
        if answer.header("retry-after").is_some() != self.retry_after {
            return Err(format!("Retry-After {:?}", answer.header("retry-after")));
        }
        let ours = recipients(mails);
        if self.mails.as_ref().is_some_and(|mails| *mails != ours) {
            return Err(format!("mails to {ours:?} instead of {:?}", self.mails.as_deref().unwrap_or_default()));
        }
        self.check_body(answer, bindings)
    }

    fn check_body(&self, answer: &Answer, bindings: &Bindings) -> Result<Captured, String> {
        let mut comparison = Comparison { bindings, words: self.words, captured: Vec::new() };
        match &self.body {
            Body::Any => {}
            Body::Html if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) => {}
            Body::Html => return Err(format!("no page: {}", cut(&answer.body))),
            Body::Empty if answer.body.is_empty() => {}
            Body::Empty => return Err(format!("a body where there is none: {}", cut(&answer.body))),
            Body::Json(expected) => {
                let ours = answer.json().ok_or_else(|| format!("no JSON: {}", cut(&answer.body)))?;
                if !answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
                    return Err(format!("Content-Type {:?}", answer.header("content-type")));
                }
                comparison.value(expected, &ours, "")?;
            }
        }
        Ok(comparison.captured)
    }
}

/// To whom these mails went, one entry a mail, in order of the alphabet.
pub fn recipients(mails: &[Letter]) -> Vec<String> {
    let mut all: Vec<String> = mails.iter().map(|letter| letter.to.clone()).collect();
    all.sort();
    all
}

fn methods(allow: &str) -> BTreeSet<&str> {
    allow.split(',').map(str::trim).filter(|method| !method.is_empty()).collect()
}

/// Enough of a text to recognise it.
pub fn cut(text: &str) -> String {
    const MOST: usize = 300;
    let text = text.trim();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let headers = vec![("content-type".into(), "application/json".into()), ("allow".into(), "OPTIONS, POST".into())];
        Answer { status, headers, body: body.into() }
    }

    fn exchange(body: &str) -> Exchange {
        let headers = json!({ "content-type": "application/json", "allow": "POST, OPTIONS" });
        Exchange {
            method: "POST".into(),
            status: 200,
            response_headers: headers.as_object().cloned().unwrap(),
            response_body: Some(body.into()),
            ..Exchange::default()
        }
    }

    fn check(recorded: &str, ours: &str) -> Result<Captured, String> {
        Expected::recorded(&exchange(recorded)).unwrap().check(&answer(200, ours), &[], &Bindings::default())
    }

    #[test]
    fn bodies_are_compared_by_value_and_placeholders_by_type() {
        assert_eq!(check(r#"{"a":1,"b":"x"}"#, r#"{ "b": "x", "a": 1 }"#), Ok(vec![]));
        assert_eq!(check(r#"{"pk":{{pk:1}}}"#, r#"{"pk":7}"#), Ok(vec![("pk:1".into(), "7".into())]));
        assert!(check(r#"{"pk":{{pk:1}}}"#, r#"{"pk":"7"}"#).is_err());
        assert!(check(r#"{"a":1}"#, r#"{"a":1,"b":2}"#).is_err());
        assert!(check(r#"{"a":1,"b":2}"#, r#"{"a":1}"#).is_err());
        assert!(check(r#"{"a":[1,2]}"#, r#"{"a":[1]}"#).is_err());
        assert_eq!(check(r#"{"a":"say \"{{text}}\""}"#, r#"{"a":"say \"this\""}"#), Ok(vec![]));
    }

    #[test]
    fn a_user_keeps_the_number() {
        let mut bindings = Bindings::default();
        bindings.set("pk:1", "7");
        let expected = Expected::recorded(&exchange(r#"{"pk":{{pk:1}}}"#)).unwrap();
        assert!(expected.check(&answer(200, r#"{"pk":7}"#), &[], &bindings).is_ok());
        assert!(expected.check(&answer(200, r#"{"pk":8}"#), &[], &bindings).is_err());
    }

    #[test]
    fn only_the_prefix_of_a_parse_error_counts() {
        let recorded = r#"{"detail":"JSON parse error - Expecting value: line 1 column 1 (char 0)"}"#;
        assert!(check(recorded, r#"{"detail":"JSON parse error - expected value"}"#).is_ok());
        assert!(check(recorded, r#"{"detail":"No."}"#).is_err());
    }

    #[test]
    fn headers_that_a_client_acts_on_are_compared() {
        let expected = Expected::recorded(&exchange("{}")).unwrap();
        let ok = |expected: &Expected| expected.check(&answer(200, "{}"), &[], &Bindings::default()).is_ok();
        assert!(ok(&expected));
        assert!(!ok(&Expected { allow: Some("POST".into()), ..expected.clone() }));
        assert!(!ok(&Expected { retry_after: true, ..expected.clone() }));
        assert!(!ok(&Expected { challenge: Some("Token".into()), ..expected }));
    }

    #[test]
    fn every_mail_goes_to_whom_it_was_recorded_for() {
        let mut recorded = exchange("{}");
        recorded.emails_sent = vec![json!({ "to": ["b@example.com"] }), json!({ "to": ["a@example.com"] })];
        let expected = Expected::recorded(&recorded).unwrap();
        let letter = |to: &str| Letter { to: to.into(), ..Letter::default() };
        let both = [letter("a@example.com"), letter("b@example.com")];
        assert!(expected.check(&answer(200, "{}"), &both, &Bindings::default()).is_ok());
        assert!(expected.check(&answer(200, "{}"), &both[..1], &Bindings::default()).unwrap_err().contains("mails to"));
        assert!(Expected { mails: None, ..expected }.check(&answer(200, "{}"), &[], &Bindings::default()).is_ok());
    }
}
