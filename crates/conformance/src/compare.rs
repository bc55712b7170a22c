//! Whether an answer is what was expected: status, JSON by value, and the headers that a client acts on.
//!
//! Three things are ours by design decision 11 and are not compared: what follows `JSON parse error - ` and
//! `Multipart form parse error - `, and the names and descriptions of `OPTIONS` answers.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::placeholders::{Bindings, captures, is_bound};
use crate::steps::Exchange;
use crate::wire::Answer;

/// Stands before a placeholder that is a number.
const NUMBER: char = '\0';

/// Sentences of which only the beginning is the reference's.
const PREFIXES: [&str; 2] = ["JSON parse error - ", "Multipart form parse error - "];

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
        })
    }

    /// An answer of ours with that status and body, and the headers that go with the status.
    pub fn ours(status: u16, body: Body) -> Self {
        let challenge = (status == 401).then(|| "Token".to_owned());
        Self { status, body, allow: None, challenge, retry_after: matches!(status, 429 | 503) }
    }

    /// Compares; the values that placeholders stand for then.
    ///
    /// # Errors
    /// The first difference.
    pub fn check(&self, answer: &Answer, bindings: &Bindings) -> Result<Captured, String> {
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
        let mut captured = Vec::new();
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
                value(expected, &ours, "", bindings, &mut captured)?;
            }
        }
        Ok(captured)
    }
}

/// The recorded cookies that we set too, with all their attributes but the end; those that we do not set are not compared.
///
/// # Errors
/// The first difference.
pub fn cookies(exchange: &Exchange, answer: &Answer) -> Result<(), String> {
    let recorded = exchange.response_headers.get("set-cookie").and_then(Value::as_array);
    let recorded: Vec<&str> = recorded.into_iter().flatten().filter_map(Value::as_str).collect();
    for ours in answer.all("set-cookie") {
        let name = cookie_name(ours);
        let theirs = recorded.iter().find(|theirs| cookie_name(theirs) == name);
        let theirs = theirs.ok_or_else(|| format!("cookie {name}, which the reference does not set"))?;
        if attributes(theirs) != attributes(ours) {
            return Err(format!("cookie {name} with {:?} instead of {:?}", attributes(ours), attributes(theirs)));
        }
    }
    Ok(())
}

fn cookie_name(cookie: &str) -> &str {
    cookie.split('=').next().unwrap_or_default()
}

fn attributes(cookie: &str) -> BTreeSet<String> {
    let each = cookie.split(';').skip(1).map(|attribute| attribute.trim().to_lowercase());
    each.filter(|attribute| !attribute.starts_with("expires=")).collect()
}

/// The recorded text as a JSON value; what we word ourselves is any text.
///
/// # Errors
/// When it is not JSON.
pub fn pattern(text: &str, method: &str) -> Result<Value, String> {
    let mut value: Value =
        serde_json::from_str(&quoted(text)).map_err(|error| format!("the recorded body is not JSON: {error}: {}", cut(text)))?;
    if method == "OPTIONS" && value.get("renders").is_some() {
        value["name"] = "{{text}}".into();
        value["description"] = "{{text}}".into();
    }
    Ok(value)
}

/// Puts quotes around placeholders that stand for numbers, so that the text is JSON.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut inside, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if !inside
            && rest.starts_with("{{")
            && let Some(end) = rest.find("}}")
        {
            let (placeholder, tail) = rest.split_at(end + 2);
            out.push_str(&format!("\"\\u0000{placeholder}\""));
            rest = tail;
            continue;
        }
        match character {
            '"' if !escaped => inside = !inside,
            _ => {}
        }
        escaped = character == '\\' && !escaped;
        out.push(character);
        rest = &rest[character.len_utf8()..];
    }
    out
}

fn value(expected: &Value, ours: &Value, place: &str, bindings: &Bindings, captured: &mut Captured) -> Result<(), String> {
    match (expected, ours) {
        (Value::String(expected), _) => text(expected, ours, place, bindings, captured),
        (Value::Object(expected), Value::Object(ours)) => members(expected, ours, place, bindings, captured),
        (Value::Array(expected), Value::Array(list)) if expected.len() == list.len() => expected
            .iter()
            .zip(list)
            .enumerate()
            .try_for_each(|(index, (expected, ours))| value(expected, ours, &format!("{place}[{index}]"), bindings, captured)),
        (expected, ours) if expected == ours => Ok(()),
        (expected, ours) => Err(format!("{place} is {} instead of {}", cut(&ours.to_string()), cut(&expected.to_string()))),
    }
}

fn members(
    expected: &Map<String, Value>,
    ours: &Map<String, Value>,
    place: &str,
    bindings: &Bindings,
    captured: &mut Captured,
) -> Result<(), String> {
    if let Some(name) = ours.keys().find(|name| !expected.contains_key(*name)) {
        return Err(format!("{place}.{name} is {}, which the reference does not have", cut(&ours[name].to_string())));
    }
    for (name, inner) in expected {
        let found = ours.get(name).ok_or_else(|| format!("{place}.{name} is missing, which is {}", cut(&inner.to_string())))?;
        value(inner, found, &format!("{place}.{name}"), bindings, captured)?;
    }
    Ok(())
}

fn text(expected: &str, ours: &Value, place: &str, bindings: &Bindings, captured: &mut Captured) -> Result<(), String> {
    if expected == "{{any}}" {
        return Ok(());
    }
    let (expected, found) = match (expected.strip_prefix(NUMBER), ours) {
        (Some(expected), Value::Number(number)) => (expected, number.to_string()),
        (None, Value::String(text)) => (expected, text.clone()),
        _ => return Err(format!("{place} is {} instead of {expected:?}", cut(&ours.to_string()))),
    };
    if PREFIXES.iter().any(|prefix| expected.starts_with(prefix) && found.starts_with(prefix)) {
        return Ok(());
    }
    let new = captures(expected, &found).ok_or_else(|| format!("{place} is {:?} instead of {expected:?}", cut(&found)))?;
    for (label, value) in new {
        // A number names a user for ever; everything else may be issued anew.
        if label.starts_with("pk:") && bindings.get(&label).is_some_and(|bound| bound != value) {
            return Err(format!("{place} is {value} instead of {:?}, which is {label}", bindings.get(&label)));
        }
        if is_bound(&label) {
            captured.push((label, value));
        }
    }
    Ok(())
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
        Expected::recorded(&exchange(recorded)).unwrap().check(&answer(200, ours), &Bindings::default())
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
        assert!(expected.check(&answer(200, r#"{"pk":7}"#), &bindings).is_ok());
        assert!(expected.check(&answer(200, r#"{"pk":8}"#), &bindings).is_err());
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
        assert!(expected.check(&answer(200, "{}"), &Bindings::default()).is_ok());
        assert!(
            Expected { allow: Some("POST".into()), ..expected.clone() }.check(&answer(200, "{}"), &Bindings::default()).is_err()
        );
        assert!(Expected { retry_after: true, ..expected.clone() }.check(&answer(200, "{}"), &Bindings::default()).is_err());
        assert!(
            Expected { challenge: Some("Token".into()), ..expected }.check(&answer(200, "{}"), &Bindings::default()).is_err()
        );
    }

    #[test]
    fn cookies_that_we_set_have_the_recorded_attributes() {
        let mut recorded = exchange("{}");
        recorded
            .response_headers
            .insert("set-cookie".into(), json!(["access=x; expires=y; HttpOnly; Max-Age=300; Path=/; SameSite=Lax"]));
        let mut ours = answer(200, "{}");
        assert!(cookies(&recorded, &ours).is_ok());
        ours.headers.push(("set-cookie".into(), "access=z; Path=/; HttpOnly; SameSite=Lax; Max-Age=300".into()));
        assert!(cookies(&recorded, &ours).is_ok());
        ours.headers.push(("set-cookie".into(), "access=z; Path=/".into()));
        assert!(cookies(&recorded, &ours).is_err());
    }
}
