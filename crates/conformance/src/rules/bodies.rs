//! Bodies that are not as they should be.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};

use super::{Instead, Rule};

/// The largest body, by default.
const LARGEST: usize = 64 * 1024;

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
            let wrong = if name == "email" { "Enter a valid email address." } else { "Not a valid string." };
            fields.insert(name.clone(), json!([wrong]));
        }
        (!broken.is_empty()).then(|| Instead::json(400, Value::Object(fields)))?
    },
};

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
    fn names_are_looked_for_at_every_depth() {
        let twice = |text: &str| serde_json::from_str::<Twice>(text).unwrap().0;
        assert!(twice(r#"{"a": 1, "a": 2}"#) && twice(r#"[{"b": {"a": 1, "a": 2}}]"#));
        assert!(!twice(r#"{"a": {"a": [1, 2.5, null, true, "x"]}}"#));
    }
}
