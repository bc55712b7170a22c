//! Bodies that are not as they should be.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};

use super::{Instead, Rule};

/// The largest body, by default.
const LARGEST: usize = 64 * 1024;

/// How deep JSON may be nested.
const DEEPEST: usize = 64;

pub(super) const TOO_LARGE: Rule = Rule {
    name: "A large body is 413",
    when: "A body of more than 64 KiB.",
    instead: "413 `Request body is larger than 65536 bytes.`",
    reason: "It is refused before it is read; the reference reads megabytes and then answers 400 with a page. `server.body_max` moves the bound.",
    source: "T73",
    answer: |asked| {
        let sentence = format!("Request body is larger than {LARGEST} bytes.");
        (asked.body().len() > LARGEST).then(|| Instead::detail(413, &sentence))?
    },
};

pub(super) const NAMED_TWICE: Rule = Rule {
    name: "A member that is named twice is refused",
    when: "A JSON object or a form that has the same name twice.",
    instead: "400 `JSON parse error - …` or `Form parse error - a name occurs twice`.",
    reason: "A proxy or a log may look at the first while the server takes the last.",
    source: "T20, T75",
    answer: |asked| {
        if asked.is_form() {
            let names: Vec<String> = form_urlencoded::parse(asked.body()).map(|(name, _)| name.into_owned()).collect();
            let twice = names.iter().collect::<BTreeSet<_>>().len() < names.len();
            return twice.then(|| Instead::detail(400, "Form parse error - a name occurs twice"))?;
        }
        let Twice(twice) = serde_json::from_slice(asked.body()).ok()?;
        twice.then(|| Instead::detail(400, "JSON parse error - a name occurs twice"))?
    },
};

pub(super) const NOT_UTF8: Rule = Rule {
    name: "Bytes that are not UTF-8 are refused",
    when: "A form whose value is not UTF-8, where the reference puts question marks in their place.",
    instead: "400 `Not a valid string.` for that field, beside what else is wrong with others.",
    reason: "Two different passwords must not become the same.",
    source: "T72",
    answer: |asked| {
        if !asked.is_form() {
            return None;
        }
        // What could not be read is a replacement character here.
        let broken: Vec<String> =
            asked.members().into_iter().filter(|(_, value)| value.contains('\u{fffd}')).map(|(name, _)| name).collect();
        let mut fields = asked.recorded_fields().unwrap_or_default();
        fields.remove("non_field_errors");
        for name in &broken {
            let mut wrong = vec!["Not a valid string."];
            wrong.extend((name == "email").then_some("Enter a valid email address."));
            fields.insert(name.clone(), json!(wrong));
        }
        (!broken.is_empty()).then(|| Instead::json(400, Value::Object(fields)))?
    },
};

pub(super) const BROKEN_MULTIPART: Rule = Rule {
    name: "A multipart body ends where it says",
    when: "A multipart body without its closing boundary, of which the reference takes what it can read.",
    instead: "400 `Multipart form parse error - …`",
    reason: "Half of a form is not the form that somebody sent.",
    source: "T73, RFC 2046 §5.1.1",
    answer: |asked| {
        let kind = asked.request.header("content-type")?;
        let boundary = kind.split("boundary=").nth(1).filter(|_| kind.starts_with("multipart/form-data"))?.trim_matches('"');
        let ends = String::from_utf8_lossy(asked.body()).contains(&format!("--{boundary}--"));
        let read = !asked.recorded_detail().is_some_and(|detail| detail.starts_with("Multipart form parse error"));
        (read && !ends && !asked.body().is_empty()).then(|| Instead::detail(400, "Multipart form parse error - {{text}}"))?
    },
};

pub(super) const TOO_DEEP: Rule = Rule {
    name: "A body has at most 64 levels",
    when: "JSON that is nested deeper, which the reference reads.",
    instead: "400 `JSON parse error - …`",
    reason: "A bound before the work.",
    source: "T73",
    answer: |asked| {
        let read = !asked.recorded_detail().is_some_and(|detail| detail.starts_with("JSON parse error"));
        let brackets = asked.body().iter().filter(|byte| matches!(byte, b'[' | b'{')).count();
        let deep = depth(asked.body()) > DEEPEST && brackets > DEEPEST && !asked.is_form();
        (read && deep).then(|| Instead::detail(400, "JSON parse error - {{text}}"))?
    },
};

/// How deep a JSON text is nested, as far as it can be read.
fn depth(body: &[u8]) -> usize {
    let (mut now, mut deepest, mut inside, mut escaped) = (0_usize, 0, false, false);
    for byte in body {
        match byte {
            b'"' if !escaped => inside = !inside,
            b'[' | b'{' if !inside => now += 1,
            b']' | b'}' if !inside => now = now.saturating_sub(1),
            _ => {}
        }
        escaped = *byte == b'\\' && !escaped;
        deepest = deepest.max(now);
    }
    deepest
}

pub(super) const LONG_NUMBER: Rule = Rule {
    name: "A number may have any length",
    when: "JSON with a number of more than 4300 digits, which the reference cannot read.",
    instead: "A proper answer: the number is no value of any field.",
    reason: "The limit is one of the language that the reference is written in; ours is the one on the body.",
    source: "T73",
    answer: |asked| {
        let detail = asked.recorded_detail()?;
        detail.starts_with("JSON parse error - Exceeds the limit").then_some(Instead::Better)
    },
};

pub(super) const BODY_OF_LOGOUT: Rule = Rule {
    name: "A broken body is told, also at logout",
    when: "`logout/` with a body that cannot be read or is no object, which the reference does not look at.",
    instead: "What `login/` says to the same body.",
    reason: "One reader for all endpoints; a client that sends garbage should hear of it.",
    source: "T73, T75",
    answer: |asked| {
        let body = !asked.body().is_empty() && !matches!(serde_json::from_slice(asked.body()), Ok(Value::Object(_)));
        let overlooked = asked.is("POST", "logout") && asked.status() == 200 && body && !asked.is_form();
        let login = asked.request.path.replace("logout", "login");
        overlooked.then(|| Instead::SameAs(asked.with_header("Authorization", None)).at(login))
    },
};

/// The same request with other values for some members; nothing for a body that has no members.
pub(super) fn with_members(asked: &super::Asked<'_>, changed: Vec<(String, String)>) -> Option<crate::wire::Request> {
    let body = if asked.is_form() {
        let value = |name: &str, old: String| changed.iter().find(|(key, _)| key == name).map_or(old, |(_, value)| value.clone());
        let pairs = asked.members().into_iter().map(|(name, old)| (name.clone(), value(&name, old)));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    } else {
        let mut body: Value = serde_json::from_slice(asked.body()).ok()?;
        for (name, value) in changed {
            *body.get_mut(&name)? = value.into();
        }
        body.to_string()
    };
    Some(crate::wire::Request { body: Some(body.into_bytes()), ..asked.request.clone() })
}

/// Whether a name occurs twice in an object, however deep.
struct Twice(bool);

impl<'de> Deserialize<'de> for Twice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Twice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Twice, A::Error> {
        let mut seen = BTreeSet::new();
        let mut twice = false;
        while let Some((name, Twice(inner))) = map.next_entry::<String, Twice>()? {
            twice |= inner || !seen.insert(name);
        }
        Ok(Twice(twice))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Twice, A::Error> {
        let mut twice = false;
        while let Some(Twice(inner)) = list.next_element()? {
            twice |= inner;
        }
        Ok(Twice(twice))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Twice, E> {
        Ok(Twice(false))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Twice, E> {
        Ok(Twice(false))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Twice, E> {
        Ok(Twice(false))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Twice, E> {
        Ok(Twice(false))
    }

    fn visit_str<E>(self, _: &str) -> Result<Twice, E> {
        Ok(Twice(false))
    }

    fn visit_unit<E>(self) -> Result<Twice, E> {
        Ok(Twice(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_that_of_the_structure_and_not_of_texts() {
        assert_eq!((depth(b"[[{}]]"), depth(br#"{"[[[": "\"[["}"#), depth(b"[][]")), (3, 1, 1));
    }

    #[test]
    fn names_are_looked_for_at_every_depth() {
        let twice = |text: &str| serde_json::from_str::<Twice>(text).unwrap().0;
        assert!(twice(r#"{"a": 1, "a": 2}"#) && twice(r#"[{"b": {"a": 1, "a": 2}}]"#));
        assert!(!twice(r#"{"a": {"a": [1, 2.5, null, true, "x"]}}"#));
    }
}
