//! Bodies that are JSON, by value and with placeholders.

use serde_json::{Map, Value};

use super::language::Words;
use super::{Captured, claims, cut};
use crate::placeholders::{Bindings, captures, is_bound};

/// Stands before a placeholder that is a number.
const NUMBER: char = '\0';

/// Sentences of which only the beginning is the reference's.
const PREFIXES: [&str; 2] = ["JSON parse error - ", "Multipart form parse error - "];

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

/// A comparison of one body.
pub(super) struct Comparison<'a> {
    /// What placeholders stand for so far.
    pub bindings: &'a Bindings,
    /// How sentences are compared.
    pub words: Words,
    /// What placeholders stand for in this body.
    pub captured: Captured,
}

impl Comparison<'_> {
    /// Compares a value at a place.
    ///
    /// # Errors
    /// The first difference.
    pub(super) fn value(&mut self, expected: &Value, ours: &Value, place: &str) -> Result<(), String> {
        match (expected, ours) {
            (Value::String(expected), _) => self.text(expected, ours, place),
            (Value::Object(expected), Value::Object(ours)) => self.members(expected, ours, place),
            (Value::Array(expected), Value::Array(list)) if expected.len() == list.len() => {
                let pairs = expected.iter().zip(list).enumerate();
                pairs
                    .into_iter()
                    .try_for_each(|(index, (expected, ours))| self.value(expected, ours, &format!("{place}[{index}]")))
            }
            (expected, ours) if expected == ours => Ok(()),
            (expected, ours) => Err(format!("{place} is {} instead of {}", cut(&ours.to_string()), cut(&expected.to_string()))),
        }
    }

    fn members(&mut self, expected: &Map<String, Value>, ours: &Map<String, Value>, place: &str) -> Result<(), String> {
        if let Some(name) = ours.keys().find(|name| !expected.contains_key(*name)) {
            return Err(format!("{place}.{name} is {}, which the reference does not have", cut(&ours[name].to_string())));
        }
        for (name, inner) in expected {
            let found =
                ours.get(name).ok_or_else(|| format!("{place}.{name} is missing, which is {}", cut(&inner.to_string())))?;
            self.value(inner, found, &format!("{place}.{name}"))?;
        }
        Ok(())
    }

    fn text(&mut self, expected: &str, ours: &Value, place: &str) -> Result<(), String> {
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
        let Some(new) = captures(expected, &found) else { return self.words.compare(expected, &found, place) };
        for (label, value) in new {
            // A number names a user for ever; everything else may be issued anew.
            if label.starts_with("pk:") && self.bindings.get(&label).is_some_and(|bound| bound != value) {
                return Err(format!("{place} is {value} instead of {:?}, which is {label}", self.bindings.get(&label)));
            }
            claims::check(&label, &value).map_err(|why| format!("{place}: {why}"))?;
            if is_bound(&label) {
                self.captured.push((label, value));
            }
        }
        Ok(())
    }
}
