//! Placeholders: `{{kind:N}}` with modifiers, `{{repeat:TEXT:N}}`, and what each kind looks like in an answer.

use std::collections::HashMap;

use regex::Regex;

/// The values that placeholders stand for at the moment. A value seen again replaces the older one.
#[derive(Clone, Debug, Default)]
pub struct Bindings(HashMap<String, String>);

/// Where a text is cut.
enum Part<'a> {
    Literal(&'a str),
    Placeholder(&'a str),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inner, tail)) = after.split_once("}}") else { break };
        parts.push(Part::Literal(before));
        parts.push(Part::Placeholder(inner));
        rest = tail;
    }
    parts.push(Part::Literal(rest));
    parts
}

/// `repeat:TEXT:N` written out.
fn repeated(inner: &str) -> Option<String> {
    let (text, count) = inner.strip_prefix("repeat:")?.rsplit_once(':')?;
    Some(text.repeat(count.parse().ok()?))
}

impl Bindings {
    /// What a label stands for.
    pub fn get(&self, label: &str) -> Option<&str> {
        self.0.get(label).map(String::as_str)
    }

    /// Binds a label, such as `token:1`, to a value.
    pub fn set(&mut self, label: &str, value: impl Into<String>) {
        self.0.insert(label.to_owned(), value.into());
    }

    /// Binds whatever stands for a value to another.
    pub fn replace(&mut self, old: &str, new: &str) {
        self.0.values_mut().filter(|value| *value == old).for_each(|value| new.clone_into(value));
    }

    /// The values that are bound to labels of a kind.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(label, _)| kind_of(label) == kind).map(|(_, value)| value.as_str())
    }

    /// The text of a request with its placeholders filled in.
    ///
    /// # Errors
    /// The label of the first placeholder that stands for nothing yet.
    pub fn fill(&self, text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        for part in parts(text) {
            match part {
                Part::Literal(literal) => out.push_str(literal),
                Part::Placeholder(inner) => match repeated(inner) {
                    Some(long) => out.push_str(&long),
                    None => out.push_str(&self.value(inner)?),
                },
            }
        }
        Ok(out)
    }

    fn value(&self, inner: &str) -> Result<String, String> {
        let (label, modifiers) = inner.split_once('|').map_or((inner, ""), |(label, modifiers)| (label, modifiers));
        let value = match (self.get(label), label.strip_prefix("pk:")) {
            (Some(value), _) => value.to_owned(),
            // The recording's own number, for a user that nobody has seen.
            (None, Some(number)) => number.to_owned(),
            (None, None) => return Err(label.to_owned()),
        };
        Ok(modifiers.split('|').filter(|modifier| !modifier.is_empty()).fold(value, modified))
    }
}

fn modified(value: String, modifier: &str) -> String {
    match modifier.split_once('=') {
        Some((name, end)) if name.starts_with("last") => {
            let keep = value.chars().count().saturating_sub(end.chars().count());
            value.chars().take(keep).chain(end.chars()).collect()
        }
        _ if modifier == "upper" => value.to_uppercase(),
        _ if modifier == "urlencoded" => urlencoded(&value),
        _ => value,
    }
}

fn urlencoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
        out
    })
}

/// The kind of a label: what stands before its number.
pub fn kind_of(label: &str) -> &str {
    label.split(':').next().unwrap_or(label)
}

/// What a value of a kind looks like.
fn shape(kind: &str) -> &'static str {
    match kind {
        "token" => "[0-9a-f]{40}",
        "jwt_access" | "jwt_refresh" => r"[\w-]+\.[\w-]+\.[\w-]+",
        "text" => "(?s:.*)",
        "seconds" | "pk" => "[0-9]+",
        "digits" => "[0-9]*",
        "datetime_us" => r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
        "datetime_ms" => r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
        "datetime_s" => r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        "datetime_offset" => r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?\+00:00",
        "datetime" => r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d.*",
        "email_code" => "(?s:.+)",
        _ => r"\S+",
    }
}

/// Whether a text is what the pattern says, and what its placeholders stand for then: pairs of label and value.
pub fn captures(pattern: &str, text: &str) -> Option<Vec<(String, String)>> {
    if !pattern.contains("{{") {
        return (pattern == text).then(Vec::new);
    }
    let mut source = String::from(r"\A");
    let mut labels = Vec::new();
    for part in parts(pattern) {
        match part {
            Part::Literal(literal) => source.push_str(&regex::escape(literal)),
            Part::Placeholder(inner) => match repeated(inner) {
                Some(long) => source.push_str(&regex::escape(&long)),
                None => {
                    labels.push(inner.to_owned());
                    source.push_str(&format!("({})", shape(kind_of(inner))));
                }
            },
        }
    }
    source.push_str(r"\z");
    let found = Regex::new(&source).ok()?.captures(text)?;
    let values = found.iter().skip(1).map(|group| group.map_or("", |group| group.as_str()).to_owned());
    Some(labels.into_iter().zip(values).collect())
}

/// Whether a label names one value, which is bound and can be sent later: `token:1`, not `text`.
pub fn is_bound(label: &str) -> bool {
    label.contains(':') && !label.contains('|')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_filled_with_values_modifiers_and_repeats() {
        let mut bindings = Bindings::default();
        bindings.set("token:1", "abcdefgh");
        bindings.set("email_key:1", "a:b+c");
        assert_eq!(bindings.fill("Token {{token:1}}").unwrap(), "Token abcdefgh");
        assert_eq!(bindings.fill("{{token:1|last4=AAAA}}/{{token:1|upper}}").unwrap(), "abcdAAAA/ABCDEFGH");
        assert_eq!(bindings.fill("k={{email_key:1|urlencoded}}&{{repeat:ab:3}}").unwrap(), "k=a%3Ab%2Bc&ababab");
        assert_eq!(bindings.fill("{{pk:7}}").unwrap(), "7");
        assert_eq!(bindings.fill("{{uid:1}}").unwrap_err(), "uid:1");
        assert_eq!(bindings.fill("{{not closed").unwrap(), "{{not closed");
    }

    #[test]
    fn answers_are_typed_by_their_placeholders() {
        let key = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(captures("{{token:1}}", key).unwrap(), [("token:1".to_owned(), key.to_owned())]);
        assert!(captures("{{token:1}}", &key.to_uppercase()).is_none());
        assert!(captures("Expected available in {{seconds}} seconds.", "Expected available in 9 seconds.").is_some());
        assert!(captures("Expected available in {{seconds}} seconds.", "Expected available in 9.5 seconds.").is_none());
        assert!(captures("{{text}}", "any\nthing").is_some());
        assert!(captures("a.c", "abc").is_none());
    }
}
