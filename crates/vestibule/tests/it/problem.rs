//! Errors as problem details (RFC 9457), for whoever asks for them.

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::settings::{Registration, Verification};
use vestibule::testing::{TestAnswer, TestApp, TestRequest, on_both};

use crate::exchange::*;

async fn problem(request: TestRequest<'_>) -> TestAnswer {
    request.header("accept", "application/problem+json, application/json").send().await
}

#[track_caller]
fn is_problem(answer: &TestAnswer, expected: &Value) {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.text);
    assert_eq!(&answer.json(), expected);
    assert_eq!(expected["status"], answer.status);
    assert_eq!(answer.header("cache-control"), "no-store");
}

fn about(status: u16, title: &str, code: &str, detail: &str) -> Value {
    json!({ "type": "about:blank", "title": title, "status": status, "code": code, "detail": detail })
}

fn invalid(errors: &[(&str, &str, &str)]) -> Value {
    let errors: Vec<_> =
        errors.iter().map(|(field, code, detail)| json!({ "field": field, "code": code, "detail": detail })).collect();
    json!({ "type": "about:blank", "title": "Bad Request", "status": 400, "code": "invalid", "errors": errors })
}

#[tokio::test]
async fn every_message_has_a_field_and_a_stable_code() {
    on_both(article, async |app: TestApp| {
        let required = "This field is required.";
        let answer = problem(app.post("registration/", json!({}))).await;
        let each = ["email", "password1", "password2", "gender", "phone_number"].map(|field| (field, "required", required));
        is_problem(&answer, &invalid(&each));
        let body = json!({
            "email": "nope", "password1": "123", "password2": "", "gender": "X", "phone_number": "1".repeat(31)
        });
        let expected = invalid(&[
            ("email", "invalid_email", "Enter a valid email address."),
            ("password2", "blank", "This field may not be blank."),
            ("gender", "invalid_choice", "\"X\" is not a valid choice."),
            ("phone_number", "max_length", "Ensure this field has no more than 30 characters."),
            ("password1", "password_too_short", "This password is too short. It must contain at least 8 characters."),
            ("password1", "password_too_common", "This password is too common."),
            ("password1", "password_entirely_numeric", "This password is entirely numeric."),
        ]);
        is_problem(&problem(app.post("registration/", body)).await, &expected);
        let login = json!({ "email": "ana@example.com", "password": "x" });
        let failed = ("non_field_errors", "login_failed", "Unable to log in with provided credentials.");
        is_problem(&problem(app.post("login/", login)).await, &invalid(&[failed]));
        let differ = but(articles_user("ana@example.com"), json!({ "password2": "zzz" }));
        let differ = problem(app.post("registration/", differ)).await;
        let message = ("non_field_errors", "password_mismatch", "The two password fields didn't match.");
        is_problem(&differ, &invalid(&[message]));
    })
    .await;
}

#[tokio::test]
async fn every_status_has_its_code_and_keeps_its_headers() {
    on_both(article, async |app: TestApp| {
        let missing = problem(app.get("user/")).await;
        let sentence = "Authentication credentials were not provided.";
        is_problem(&missing, &about(401, "Unauthorized", "not_authenticated", sentence));
        assert_eq!(missing.header("www-authenticate"), "Token");
        let bad = problem(app.get("user/").token("bad")).await;
        is_problem(&bad, &about(401, "Unauthorized", "invalid_token", "Invalid token."));
        let method = problem(app.get("login/")).await;
        is_problem(&method, &about(405, "Method Not Allowed", "method_not_allowed", "Method \"GET\" not allowed."));
        assert_eq!(method.header("allow"), "POST, OPTIONS");
        let text = problem(app.request(Method::POST, "login/").raw("text/plain", "x")).await;
        let sentence = "Unsupported media type \"text/plain\" in request.";
        is_problem(&text, &about(415, "Unsupported Media Type", "unsupported_media_type", sentence));
        let large = problem(app.request(Method::POST, "login/").raw("application/json", " ".repeat(65_537))).await;
        let sentence = "Request body is larger than 65536 bytes.";
        is_problem(&large, &about(413, "Payload Too Large", "body_too_large", sentence));
        let broken = problem(app.request(Method::POST, "login/").raw("application/json", "{")).await;
        assert_eq!((broken.status, &broken.json()["code"]), (400, &json!("parse_error")));
    })
    .await;
}

#[tokio::test]
async fn refusals_by_rank_and_by_number_have_their_codes() {
    let closed = |settings: &mut Settings| {
        article(settings);
        settings.account.registration = Registration::Closed;
        settings.account.email_verification = Verification::Mandatory;
        settings.limits.enabled = true;
        settings.limits.login = "1/m/ip".parse().unwrap();
    };
    on_both(closed, async |app: TestApp| {
        made(&app, somebody("ana@example.com")).await;
        let login = || app.post("login/", json!({ "email": "ana@example.com", "password": PASSWORD }));
        let key = login().send().await.expect(200).key();
        let denied = problem(app.post("registration/", json!({})).token(&key)).await;
        let sentence = "You do not have permission to perform this action.";
        is_problem(&denied, &about(403, "Forbidden", "permission_denied", sentence));
        let limited = problem(login()).await;
        let seconds = limited.retry_after().as_secs();
        let sentence = format!("Request was throttled. Expected available in {seconds} seconds.");
        is_problem(&limited, &about(429, "Too Many Requests", "throttled", &sentence));
    })
    .await;
}

#[tokio::test]
async fn successes_and_those_who_did_not_ask_get_plain_json() {
    on_both(article, async |app: TestApp| {
        let made = problem(app.post("registration/", articles_user("ana@example.com"))).await;
        check("registration/", &made, 201, &any_key(), "a success");
        for accept in ["*/*", "application/*", "application/json", "application/problem+json;q=0, application/json"] {
            let answer = app.post("login/", json!({})).header("accept", accept).send().await;
            check("login/", &answer, 400, &json!({ "password": ["This field is required."] }), accept);
        }
        let alone = app.post("login/", json!({})).header("accept", "application/problem+json").send().await;
        is_problem(&alone, &invalid(&[("password", "required", "This field is required.")]));
    })
    .await;
}
