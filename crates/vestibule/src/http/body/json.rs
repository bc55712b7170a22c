//! `application/json`: strict RFC 8259, one object.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::forms::{Input, Source, Value};
use crate::ground::{Error, Message, Result};

/// The deepest nesting that is read. Our forms need three levels (T75).
const MAX_DEPTH: usize = 64;

/// Reads a JSON body.
///
/// # Errors
/// 400 [`Message::JsonError`] for what is not JSON, nests too deep or repeats a name at the top; a message about no single
/// field for JSON that is not an object.
pub(super) fn read(body: &[u8]) -> Result<Input> {
    let text = std::str::from_utf8(body).map_err(|error| refused(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
    if is_too_deep(text) {
        return Err(refused(format!("nested deeper than {MAX_DEPTH} levels")));
    }
    // The whole text is checked first, so that what follows never meets a broken value.
    let whole: &RawValue = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    if let Some(message) = no_object(whole.get()) {
        return Err(Error::non_field(message));
    }
    let Members(raw) = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    let members = raw
        .into_iter()
        .map(|(name, raw)| Ok((name, value(raw.get())?)))
        .collect::<Result<Vec<_>, serde_json::Error>>()
        .map_err(|error| unreadable(&error))?;
    if super::repeats_a_name(&members) {
        return Err(refused("a name occurs twice".into()));
    }
    Ok(Input::new(Source::Json, members))
}

/// What the text is, if it is not an object, in the reference's words.
fn no_object(json: &str) -> Option<Message> {
    let kind = match json.as_bytes().first() {
        Some(b'{') => return None,
        Some(b'n') => return Some(Message::NoData),
        Some(b'[') => "list",
        Some(b'"') => "str",
        Some(b't' | b'f') => "bool",
        _ if json.contains(['.', 'e', 'E']) => "float",
        _ => "int",
    };
    Some(Message::NotAnObject(kind.into()))
}

/// One member's value. Numbers, lists and objects stay as they were written.
fn value(json: &str) -> Result<Value, serde_json::Error> {
    Ok(match json.as_bytes().first() {
        Some(b'n') => Value::Null,
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'[') => Value::List(json.into()),
        Some(b'{') => Value::Dict(json.into()),
        Some(b'"') => {
            let Characters(bytes) = serde_json::from_str(json)?;
            String::from_utf8(bytes).map_or_else(|error| half_pair(error.as_bytes()), Value::Text)
        }
        _ => Value::Number(json.into()),
    })
}

/// The first half of a UTF-16 pair among bytes that are UTF-8 otherwise: the three bytes that U+D800 to U+DFFF would have.
fn half_pair(bytes: &[u8]) -> Value {
    let half = bytes.windows(3).find(|three| three[0] == 0xED && three[1] >= 0xA0);
    half.map_or(Value::NotUtf8, |three| Value::Surrogate(0xD000 | u16::from(three[1] & 0x3F) << 6 | u16::from(three[2] & 0x3F)))
}

/// Counts brackets outside of strings, without recursion. In a text that is not JSON the count means nothing, and the text
/// is refused anyway.
fn is_too_deep(text: &str) -> bool {
    // Where there are so few brackets, they need no pairing.
    if text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() <= MAX_DEPTH {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

fn refused(why: String) -> Error {
    Error::Refused(400, Message::JsonError(why))
}

/// Says where, never what: the parser's own sentence may quote the text.
fn unreadable(error: &serde_json::Error) -> Error {
    let what = if error.is_eof() { "ends too early" } else { "unexpected character" };
    refused(format!("{what}: line {} column {}", error.line(), error.column()))
}

/// The members of an object, all of them and in order: a map would hide a repeated name.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A JSON string asked for as bytes: the one way to be given half a UTF-16 pair rather than an error.
struct Characters(Vec<u8>);

impl<'de> Deserialize<'de> for Characters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Characters;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Characters, E> {
                Ok(Characters(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(body: &str, name: &str) -> Value {
        read(body.as_bytes()).unwrap().get(name).unwrap().clone()
    }

    fn parse_error(body: &[u8]) -> String {
        match read(body) {
            Err(Error::Refused(400, message @ Message::JsonError(_))) => message.text().into_owned(),
            other => panic!("{other:?} for {:?}", String::from_utf8_lossy(body)),
        }
    }

    #[test]
    fn members_come_as_they_were_written() {
        let body = r#"{"email": ["a@example.com"], "username": {"a": 1}, "password": true, "n": 12345678, "z": null, "t": "a\"\u00e9\ud83d\ude00"}"#;
        assert_eq!(member(body, "email"), Value::List(r#"["a@example.com"]"#.into()));
        assert_eq!(member(body, "username"), Value::Dict(r#"{"a": 1}"#.into()));
        assert_eq!(member(body, "password"), Value::Bool(true));
        assert_eq!(member(body, "n"), Value::Number("12345678".into()));
        assert_eq!(member(body, "z"), Value::Null);
        assert_eq!(member(body, "t"), Value::Text("a\"é😀".into()));
    }

    #[test]
    fn t75_numbers_of_any_size_stay_as_written() {
        let huge = "9".repeat(5000);
        for number in ["1e400", "-0", "0.1", "-1E-400", huge.as_str()] {
            assert_eq!(member(&format!(r#"{{"password":{number}}}"#), "password"), Value::Number(number.into()));
        }
    }

    #[test]
    fn t75_a_body_that_is_no_object_says_what_it_is() {
        let cases = [
            (r#"[{"email": "a@example.com", "password": "Tr1cky-pass-9x"}]"#, "list"),
            (r#""hello""#, "str"),
            ("5", "int"),
            ("-5.0", "float"),
            ("1e400", "float"),
            ("true", "bool"),
            (" false\n", "bool"),
        ];
        for (body, kind) in cases {
            assert_eq!(read(body.as_bytes()).unwrap_err(), Error::non_field(Message::NotAnObject(kind.into())), "{body}");
        }
        assert_eq!(read(b"null").unwrap_err(), Error::non_field(Message::NoData));
    }

    #[test]
    fn t75_what_is_not_json_is_refused_with_the_recorded_prefix() {
        let recorded: [&[u8]; 16] = [
            br#"{"email": "a@example.com", "#,
            b"hello",
            b"{\"email\": \"\xff\xfe\", \"password\": \"x\"}",
            br#"{"email": NaN}"#,
            br#"{"email": -Infinity}"#,
            b"\xef\xbb\xbf{\"password\":\"x\"}",
            b"  \n",
            br#"{"password":"x"} tail"#,
            b"{'password':'x'}",
            b"{\"password\":\"a\tb\"}",
            br#"{"password":"\x"}"#,
            b"{",
            br#"{"a":1,}"#,
            br#"{"a":1} // comment"#,
            br#"{"a":01}"#,
            b"{\"a\":\"\xc0\xaf\"}",
        ];
        for body in recorded {
            assert!(parse_error(body).starts_with("JSON parse error - "));
        }
    }

    #[test]
    fn t81_a_parse_error_repeats_nothing_of_the_body() {
        for body in [
            r#"{"password":"hunter2secret" x}"#,
            r#"{"hunter2secret":"\q"}"#,
            "hunter2secret",
            r#"{"hunter2secret":1,"hunter2secret":2}"#,
        ] {
            assert!(!parse_error(body.as_bytes()).contains("hunter2secret"));
        }
    }

    #[test]
    fn t75_a_name_that_occurs_twice_is_refused() {
        parse_error(br#"{"email":"bad","email":"nobody@example.com","password":"x"}"#);
        parse_error(br#"{"password":"a","p\u0061ssword":"b"}"#);
    }

    #[test]
    fn t72_half_a_pair_is_the_fields_fault_and_in_a_name_the_bodys() {
        assert_eq!(member(r#"{"username":"\ud800"}"#, "username"), Value::Surrogate(0xD800));
        assert_eq!(member(r#"{"username":"é\udfffx"}"#, "username"), Value::Surrogate(0xDFFF));
        assert_eq!(member(r#"{"username":"\ud800\ud801\udc00"}"#, "username"), Value::Surrogate(0xD800));
        assert_eq!(member(r#"{"username":"퟿"}"#, "username"), Value::Text("퟿".into()));
        parse_error(br#"{"\ud800":"x"}"#);
    }

    #[test]
    fn t72_control_characters_arrive_only_escaped() {
        assert_eq!(member(r#"{"password":"abc\u0000def"}"#, "password"), Value::Text("abc\0def".into()));
        parse_error(b"{\"password\":\"a\0b\"}");
    }

    #[test]
    fn t75_deep_nesting_is_refused_without_stack() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested = |levels: usize| format!(r#"{{"x":{}1{}}}"#, open.repeat(levels), close.repeat(levels));
            assert!(read(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
            for levels in [MAX_DEPTH, 10_000] {
                assert!(parse_error(nested(levels).as_bytes()).ends_with("nested deeper than 64 levels"));
            }
        }
        parse_error("[".repeat(60_000).as_bytes());
        assert!(read(format!(r#"{{"x":"\"{}"}}"#, "[".repeat(100)).as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn t75_no_bytes_make_the_reader_panic(body: Vec<u8>) {
            let _ = read(&body);
        }

        #[test]
        fn t75_no_near_json_makes_the_reader_panic(body in r#"(\{|\}|\[|\]|,|:|"|\\u|\\|d800|dc00|1e400|-|true|null|a| |\n){0,40}"#) {
            let _ = read(body.as_bytes());
        }

        #[test]
        fn every_text_survives(text: String) {
            let body = serde_json::json!({ "password": text }).to_string();
            prop_assert_eq!(member(&body, "password"), Value::Text(text));
        }
    }
}
