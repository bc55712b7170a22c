//! `application/x-www-form-urlencoded`, as browsers write it.

use percent_encoding::percent_decode;

use crate::forms::{Input, Source, Value};
use crate::ground::{Error, Message, Result};

/// Reads a form body. A percent sign without two hexadecimal digits stands for itself, `+` is a space, and a name without
/// `=` has the empty text.
///
/// # Errors
/// 400 [`Message::FormError`] for more than a thousand fields, a name that is not UTF-8 or a name that occurs twice (T20, T73).
pub(super) fn read(body: &[u8]) -> Result<Input> {
    let mut members = Vec::new();
    for field in body.split(|byte| *byte == b'&').filter(|field| !field.is_empty()) {
        if members.len() == super::MAX_FIELDS {
            return Err(refused(&format!("more than {} fields", super::MAX_FIELDS)));
        }
        members.push(member(field)?);
    }
    if super::repeats_a_name(&members) {
        return Err(refused("a name occurs twice"));
    }
    Ok(Input::new(Source::Form, members))
}

fn member(field: &[u8]) -> Result<(String, Value)> {
    let mut halves = field.splitn(2, |byte| *byte == b'=');
    let name = String::from_utf8(decoded(halves.next().unwrap_or_default())).map_err(|_| refused("a name is not UTF-8"))?;
    Ok((name, super::value_of(decoded(halves.next().unwrap_or_default()))))
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

fn refused(why: &str) -> Error {
    Error::Refused(400, Message::FormError(why.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member_of(body: &[u8], name: &str) -> Value {
        read(body).unwrap().get(name).unwrap().clone()
    }

    fn form_error(body: &[u8]) -> String {
        match read(body) {
            Err(Error::Refused(400, message @ Message::FormError(_))) => message.text().into_owned(),
            other => panic!("{other:?}"),
        }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn fields_are_decoded_as_browsers_encode_them() {
        let body = b"email=a%40example.com&first_name=Ana+Mar%c3%ADa+%2B&empty=&bare&&x=a=b";
        assert_eq!(member_of(body, "email"), text("a@example.com"));
        assert_eq!(member_of(body, "first_name"), text("Ana María +"));
        assert_eq!(member_of(body, "empty"), text(""));
        assert_eq!(member_of(body, "bare"), text(""));
        assert_eq!(member_of(body, "x"), text("a=b"));
        assert_eq!(read(body).unwrap().source, Source::Form);
    }

    #[test]
    fn t72_broken_percent_signs_stand_for_themselves_and_bad_bytes_for_nothing() {
        let body = b"email=%zz%&password=%ff&u=a%00%40example.com&o=%c0%af&raw=\xff";
        assert_eq!(member_of(body, "email"), text("%zz%"));
        assert_eq!(member_of(body, "password"), Value::NotUtf8);
        assert_eq!(member_of(body, "u"), text("a\0@example.com"));
        assert_eq!(member_of(body, "o"), Value::NotUtf8);
        assert_eq!(member_of(body, "raw"), Value::NotUtf8);
        form_error(b"%ff=x");
    }

    #[test]
    fn json_in_a_form_is_one_strange_name() {
        let input = read(br#"{"email":"a@example.com","password":"x"}"#).unwrap();
        assert_eq!(input.get("password"), None);
    }

    #[test]
    fn t20_a_field_that_occurs_twice_is_refused() {
        let sentence = form_error(b"email=mike%40example.test&email=evil%40example.test&password=x");
        assert_eq!(sentence, "Form parse error - a name occurs twice");
        form_error(b"email=a&%65mail=b");
    }

    #[test]
    fn t73_a_thousand_fields_and_no_more() {
        let form = |count: usize| (0..count).map(|n| format!("f{n}=1")).collect::<Vec<_>>().join("&");
        assert!(read(form(1000).as_bytes()).is_ok());
        form_error(form(1001).as_bytes());
        form_error(form(10_000).as_bytes());
    }

    proptest! {
        #[test]
        fn t75_no_bytes_make_the_reader_panic(body: Vec<u8>) {
            let _ = read(&body);
        }

        #[test]
        fn t75_no_near_form_makes_the_reader_panic(body in "(a|b|=|&|%|%f|%ff|%41|\\+){0,60}") {
            let _ = read(body.as_bytes());
        }

        #[test]
        fn every_text_survives(value: String) {
            let body = form_urlencoded::Serializer::new(String::new()).append_pair("password", &value).finish();
            prop_assert_eq!(member_of(body.as_bytes(), "password"), Value::Text(value));
        }
    }
}
