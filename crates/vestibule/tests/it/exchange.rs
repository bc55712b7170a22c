//! Tables of requests and of what each must be answered with.
//!
//! In an expected body, `{key}` stands for a key of 40 hexadecimal digits, and a text that ends in `…` for every text that
//! begins like it.

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::accounts::User;
use vestibule::accounts::admin::{self, NewAccount};
use vestibule::settings::{Choice, Details, FieldKind, FieldSettings, LoginMethod, Presence, Profile, Verification};
use vestibule::testing::{TestAnswer, TestApp, TestRequest};

/// The password of every account.
pub(crate) const PASSWORD: &str = vestibule::testing::app::PASSWORD;

/// The password that it is changed to.
pub(crate) const OTHER: &str = "An0ther-pass-7q";

/// The one answer to a login that fails.
pub(crate) fn login_failed() -> Value {
    non_field("Unable to log in with provided credentials.")
}

/// A message about no single field.
pub(crate) fn non_field(message: &str) -> Value {
    json!({ "non_field_errors": [message] })
}

/// A body with one sentence.
pub(crate) fn detail(message: &str) -> Value {
    json!({ "detail": message })
}

/// A body with the key of a new session.
pub(crate) fn any_key() -> Value {
    json!({ "key": "{key}" })
}

/// A JSON body and what comes back.
pub(crate) type Row = (Value, u16, Value);

/// Sends every body as JSON.
pub(crate) async fn json_rows(app: &TestApp, method: Method, path: &str, token: Option<&str>, rows: Vec<Row>) {
    for (body, status, expected) in rows {
        let request = with(app.request(method.clone(), path).json(body.clone()), token);
        check(path, &request.send().await, status, &expected, &body.to_string());
    }
}

/// The type and the bytes of a body, and what comes back.
pub(crate) type RawRow<'a> = (&'a str, &'a [u8], u16, Value);

/// Sends every body as it stands; an empty type is left out.
pub(crate) async fn raw_rows(app: &TestApp, method: Method, path: &str, token: Option<&str>, rows: &[RawRow<'_>]) {
    for (kind, body, status, expected) in rows {
        let request = app.request(method.clone(), path);
        let request = if kind.is_empty() { request } else { request.raw(kind, body.to_vec()) };
        let what = format!("{kind}: {}", String::from_utf8_lossy(body));
        check(path, &with(request, token).send().await, *status, expected, &what);
    }
}

fn with<'a>(request: TestRequest<'a>, token: Option<&str>) -> TestRequest<'a> {
    match token {
        Some(token) => request.token(token),
        None => request,
    }
}

/// Whether an answer has that status and body, and the headers that every answer of that path has.
#[track_caller]
pub(crate) fn check(path: &str, answer: &TestAnswer, status: u16, expected: &Value, what: &str) {
    assert_eq!(answer.status, status, "{path} {what}: {}", answer.text);
    assert!(matches(expected, &answer.json()), "{path} {what}: {} instead of {expected}", answer.text);
    assert_eq!(answer.header("allow"), allow(path), "{path} {what}");
    assert_eq!(answer.header("www-authenticate"), if status == 401 { "Token" } else { "" }, "{path} {what}");
    assert_eq!(answer.header("content-type"), "application/json", "{path} {what}");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), value, "{path} {what}");
    }
}

/// `Allow` as recorded.
pub(crate) fn allow(path: &str) -> &'static str {
    match path.trim_end_matches('/') {
        "logout" => "GET, POST, HEAD, OPTIONS",
        "user" => "GET, PUT, PATCH, HEAD, OPTIONS",
        _ => "POST, OPTIONS",
    }
}

/// Whether a body is as expected.
pub(crate) fn matches(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::String(expected), Value::String(got)) if expected == "{key}" => {
            got.len() == 40 && got.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        }
        (Value::String(expected), Value::String(got)) => match expected.strip_suffix('…') {
            Some(beginning) => got.starts_with(beginning),
            None => got == expected,
        },
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| matches(expected, got))
        }
        (Value::Object(expected), Value::Object(got)) => {
            expected.len() == got.len()
                && expected.iter().all(|(name, expected)| got.get(name).is_some_and(|got| matches(expected, got)))
        }
        _ => expected == got,
    }
}

/// `body` with some members set anew; `null` as JSON `null`.
pub(crate) fn but(mut body: Value, changes: Value) -> Value {
    if let (Value::Object(body), Value::Object(changes)) = (&mut body, changes) {
        body.extend(changes);
    }
    body
}

/// A form of several parts.
pub(crate) fn multipart(members: &[(&str, &str)]) -> (&'static str, String) {
    let part =
        |(name, value): &(&str, &str)| format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    ("multipart/form-data; boundary=B", format!("{}--B--\r\n", members.iter().map(part).collect::<String>()))
}

/// The user of the article: known by the address alone, with a gender and a phone number that is asked for once.
pub(crate) fn article(settings: &mut Settings) {
    settings.account.username = Presence::Off;
    settings.account.login_methods = vec![LoginMethod::Email];
    settings.account.email_verification = Verification::None;
    settings.user.standard.first_name = Details::Hidden;
    settings.user.standard.last_name = Details::Hidden;
    let choice = |value: &str, label: &str| Choice { value: value.into(), label: Some(label.into()) };
    settings.user.fields = vec![
        FieldSettings {
            choices: vec![choice("M", "Male"), choice("F", "Female"), choice("NS", "Not Specified")],
            required: true,
            ..FieldSettings::new("gender", FieldKind::Choice)
        },
        FieldSettings {
            max_length: Some(30),
            required: true,
            details: Details::ReadOnly,
            ..FieldSettings::new("phone_number", FieldKind::Text)
        },
    ];
}

/// What the article's user registers with.
pub(crate) fn articles_user(email: &str) -> Value {
    json!({ "email": email, "password1": PASSWORD, "password2": PASSWORD, "gender": "F", "phone_number": "+15550100" })
}

/// Accounts as the reference has them unless told otherwise: known by a name, the address may be left out.
pub(crate) fn stock(settings: &mut Settings) {
    settings.account.login_methods = vec![LoginMethod::Username];
    settings.account.email = Presence::Optional;
}

/// What somebody with a name registers with.
pub(crate) fn named(username: &str) -> Value {
    json!({ "username": username, "password1": PASSWORD, "password2": PASSWORD })
}

/// The answers of the reference, where they differ by profile.
pub(crate) fn compat(settings: &mut Settings) {
    settings.account.profile = Profile::Compat;
}

/// Somebody whom the operator made, with [`PASSWORD`] and a proven address.
pub(crate) fn somebody(email: &str) -> NewAccount {
    NewAccount { email: Some(email.into()), email_verified: true, password: Some(PASSWORD.into()), ..NewAccount::default() }
}

/// Makes an account as the operator does.
pub(crate) async fn made(app: &TestApp, account: NewAccount) -> User {
    admin::create_user(&app.auth, account).await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// How many accounts there are.
pub(crate) async fn accounts(app: &TestApp) -> i64 {
    app.count("SELECT COUNT(*) FROM auth_users").await
}
