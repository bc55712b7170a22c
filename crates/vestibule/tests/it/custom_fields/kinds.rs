//! Every kind: what it takes, what it refuses, and how it is shown.

use http::Method;
use serde_json::{Value, json};
use vestibule::testing::{TestApp, on_both};

use super::{each_kind, register, shown, somebody_with, with};
use crate::exchange::*;

/// What is taken, and how it is shown.
fn good() -> Vec<(&'static str, Value, Value)> {
    vec![
        ("nick", json!("ab"), json!("ab")),
        ("nick", json!("  ab cd "), json!("ab cd")),
        ("nick", json!("é☃é☃é☃é☃é☃"), json!("é☃é☃é☃é☃é☃")),
        ("nick", json!(""), json!("")),
        ("nick", Value::Null, json!("")),
        ("color", json!("red"), json!("red")),
        ("color", json!(1), json!("1")),
        ("color", json!(""), json!("")),
        ("color", Value::Null, json!("")),
        ("phone", json!("+1 (555) 01-00"), json!("+15550100")),
        ("phone", json!(15550100), json!("15550100")),
        ("phone", json!(" "), json!("")),
        ("age", json!(41), json!(41)),
        ("age", json!("-7"), json!(-7)),
        ("age", json!("7.0"), json!(7)),
        ("age", json!(i64::MAX), json!(i64::MAX)),
        ("age", json!(""), Value::Null),
        ("age", Value::Null, Value::Null),
        ("news", json!(true), json!(true)),
        ("news", json!("off"), json!(false)),
        ("news", json!(1), json!(true)),
        ("news", json!(""), Value::Null),
        ("news", Value::Null, Value::Null),
        ("born_on", json!("2000-02-29"), json!("2000-02-29")),
        ("born_on", json!(""), Value::Null),
        ("site", json!("https://example.org/a?b=c#d"), json!("https://example.org/a?b=c#d")),
        ("site", json!(""), json!("")),
        ("second_email", json!(" B@Example.ORG "), json!("b@example.org")),
        ("second_email", json!(""), json!("")),
    ]
}

/// What is refused, and with which messages.
fn bad() -> Vec<(&'static str, Value, &'static [&'static str])> {
    const NO_MATCH: &str = "Enter a valid value.";
    const NO_TEXT: &[&str] = &["Not a valid string."];
    const NO_DATE: &[&str] = &["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."];
    const NO_URL: &[&str] = &["Enter a valid URL."];
    const NO_PHONE: &[&str] = &["Enter a valid phone number."];
    const NO_EMAIL: &[&str] = &["Enter a valid email address."];
    vec![
        ("nick", json!("a"), &["Ensure this field has at least 2 characters."]),
        ("nick", json!("abcdefghijk"), &["Ensure this field has no more than 10 characters."]),
        ("nick", json!("AB"), &[NO_MATCH]),
        ("nick", json!("A"), &["Ensure this field has at least 2 characters.", NO_MATCH]),
        ("nick", json!("ab\ncd"), &["Control characters are not allowed."]),
        ("nick", json!("ab\0"), &["Null characters are not allowed."]),
        ("nick", json!(true), NO_TEXT),
        ("nick", json!({}), NO_TEXT),
        ("color", json!("Red"), &["\"Red\" is not a valid choice."]),
        ("color", json!(["red"]), &["\"['red']\" is not a valid choice."]),
        ("color", json!(true), &["\"True\" is not a valid choice."]),
        ("phone", json!("555-CALL"), NO_PHONE),
        ("phone", json!("+1"), NO_PHONE),
        ("phone", json!("1234567890123"), &["Ensure this field has no more than 12 characters."]),
        ("phone", json!(["1"]), NO_TEXT),
        ("age", json!("old"), &["A valid integer is required."]),
        ("age", json!(1.5), &["A valid integer is required."]),
        ("age", json!(true), &["A valid integer is required."]),
        ("age", json!("9223372036854775808"), &["Integer value too large."]),
        ("news", json!("maybe"), &["Must be a valid boolean."]),
        ("news", json!([true]), &["Must be a valid boolean."]),
        ("born_on", json!("2001-02-29"), NO_DATE),
        ("born_on", json!("29.02.2000"), NO_DATE),
        ("born_on", json!(20000229), NO_DATE),
        ("site", json!("javascript:alert(1)"), NO_URL),
        ("site", json!("example.org"), NO_URL),
        ("site", json!("http://example.org/"), &[NO_MATCH]),
        ("second_email", json!("b@"), NO_EMAIL),
        ("second_email", json!(5), NO_EMAIL),
        ("second_email", json!(["b@example.org"]), NO_EMAIL),
        (
            "second_email",
            json!("a-rather-long-one@example-of-length.org"),
            &["Ensure this field has no more than 30 characters."],
        ),
    ]
}

#[tokio::test]
async fn every_kind_keeps_its_rules_at_registration() {
    on_both(with(each_kind()), async |app: TestApp| {
        for (name, sent, expected) in good() {
            let key = register(&app, json!({ name: sent })).await;
            assert_eq!(shown(&app, &key, name).await, expected, "{name}: {sent}");
        }
        let before = accounts(&app).await;
        for (name, sent, messages) in bad() {
            let answer = app.post("registration/", somebody_with(&app, json!({ name: sent }))).send().await;
            check("registration/", &answer, 400, &json!({ name: messages }), &sent.to_string());
        }
        assert_eq!(accounts(&app).await, before);
    })
    .await;
}

#[tokio::test]
async fn every_kind_keeps_its_rules_when_it_is_edited() {
    on_both(with(each_kind()), async |app: TestApp| {
        let key = register(&app, json!({})).await;
        for method in [Method::PATCH, Method::PUT] {
            let edit = |name: &str, sent: &Value| {
                app.request(method.clone(), "user/").json(json!({ "username": "person0", name: sent })).token(&key)
            };
            for (name, sent, expected) in good() {
                let answer = edit(name, &sent).send().await.expect(200);
                assert_eq!(answer.json()[name], expected, "{method} {name}: {sent}");
                assert_eq!(shown(&app, &key, name).await, expected, "{method} {name}: {sent}");
            }
            let before = app.get("user/").token(&key).send().await.json();
            for (name, sent, messages) in bad() {
                check("user/", &edit(name, &sent).send().await, 400, &json!({ name: messages }), &sent.to_string());
            }
            assert_eq!(app.get("user/").token(&key).send().await.json(), before, "what was refused is not written");
        }
    })
    .await;
}
