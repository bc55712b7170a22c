//! What Rust types say of their fields.

use serde::{Deserialize, Serialize};

use super::*;
use crate::ground::Secret;
use crate::ground::names::{EmailAddress, PhoneNumber};

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Plain {
    One,
    Two,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Told {
    /// The first.
    One,
    #[schemars(title = "Second one")]
    /// Not this.
    Two,
    Three,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Each {
    #[schemars(length(min = 2, max = 9), regex(pattern = "^[a-z]+$"))]
    nick: String,
    /// How we call you.
    #[schemars(title = "Motto")]
    motto: Option<String>,
    plain: Plain,
    perhaps: Option<Plain>,
    told: Told,
    told_perhaps: Option<Told>,
    phone: PhoneNumber,
    mail: Option<EmailAddress>,
    #[schemars(extend("format" = "date", "readOnly" = true))]
    born: String,
    #[schemars(url)]
    site: String,
    small: u8,
    middle: Option<i32>,
    #[schemars(range(min = 18, max = 120))]
    age: i64,
    #[serde(default)]
    news: bool,
    #[schemars(extend("x-unique" = true, "x-register" = false, "writeOnly" = true))]
    badge: String,
}

fn field(name: &str) -> FieldSettings {
    Outline::of_taken::<Each>().member(name).unwrap().declared().unwrap()
}

fn values(name: &str) -> Vec<(String, String)> {
    field(name).choices.iter().map(|choice| (choice.value.clone(), choice.label().to_owned())).collect()
}

#[test]
fn members_become_the_fields_that_one_would_declare() {
    let kinds =
        Outline::of_taken::<Each>().members.iter().map(|member| member.declared().unwrap().kind.word()).collect::<Vec<_>>();
    assert_eq!(
        kinds,
        [
            "text", "text", "choice", "choice", "choice", "choice", "phone", "email", "date", "url", "integer", "integer",
            "integer", "boolean", "text"
        ]
    );
    let nick = field("nick");
    assert_eq!(
        (nick.min_length, nick.max_length, nick.pattern.as_deref(), nick.required),
        (Some(2), Some(9), Some("[a-z]+"), true)
    );
    let motto = field("motto");
    assert_eq!((motto.label.as_deref(), motto.help.as_deref(), motto.required), (Some("Motto"), Some("How we call you."), false));
    let pair = |value: &str, label: &str| (value.to_owned(), label.to_owned());
    assert_eq!(values("plain"), [pair("one", "one"), pair("two", "two")]);
    assert_eq!(values("perhaps"), values("plain"));
    assert!(field("plain").required && !field("perhaps").required && !field("told_perhaps").required);
    let mut told = values("told");
    told.sort();
    assert_eq!(told, [pair("one", "The first"), pair("three", "three"), pair("two", "Second one")]);
    assert_eq!(values("told_perhaps"), values("told"));
    assert_eq!(field("mail").max_length, None);
    assert_eq!(field("born").details, Details::ReadOnly);
    assert_eq!((field("small").minimum, field("small").maximum), (Some(0), Some(255)));
    assert_eq!((field("middle").minimum, field("middle").maximum), (Some(i32::MIN.into()), Some(i32::MAX.into())));
    assert_eq!((field("age").minimum, field("age").maximum), (Some(18), Some(120)));
    assert!(!field("news").required);
    let badge = field("badge");
    assert_eq!((badge.unique, badge.register, badge.details), (true, false, Details::Hidden));
}

#[test]
fn what_no_field_can_hold_is_told() {
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Holding {
        Nothing,
        Number(i64),
    }
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Wrong {
        list: Vec<String>,
        float: f64,
        pair: (i64, i64),
        holding: Holding,
        secret: Secret,
        any: serde_json::Value,
        nested: Option<Box<Wrong>>,
    }
    for member in Outline::of_taken::<Wrong>().members {
        assert!(member.declared().is_err(), "{}", member.name);
    }
    assert!(Outline::of_taken::<Wrong>().member("secret").unwrap().is_secret());
    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Closed {
        a: String,
    }
    assert!(Outline::of_taken::<Closed>().problem.is_some());
    assert!(Outline::of_taken::<Plain>().problem.is_some());
    assert!(Outline::of_taken::<(i64, i64)>().problem.is_some());
}

#[test]
fn a_pattern_means_what_it_means_in_json_schema() {
    for (pattern, fits, fits_not) in [
        ("^[a-z]+$", "abc", "abc1"),
        ("[0-9]", "a1b", "ab"),
        ("^a", "abc", "ba"),
        ("a$", "ba", "ab"),
        ("^a|b$", "axx", "xa"),
        ("^(a|b)$", "b", "ab"),
        (r"^a\$", "a$b", "a"),
        (r"^\d+$", "12", "1a"),
    ] {
        let field = FieldSettings { pattern: Some(whole(pattern)), ..FieldSettings::new("x", FieldKind::Text) };
        let regex = field.regex().unwrap().unwrap();
        assert!(regex.is_match(fits) && !regex.is_match(fits_not), "{pattern} {}", regex.as_str());
    }
}
