//! J. What stands in headers and cookies, whatever it is, is answered: T75 for every reader on the way to an endpoint at once. Each
//! reader has such a test of its own beside it.

use http::Method;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use tokio::runtime::Runtime;
use vestibule::settings::{Settings, TokenMode};
use vestibule::testing::{TestApp, databases};

/// Everything that reads a header is on.
fn everything(settings: &mut Settings) {
    settings.tokens.mode = TokenMode::JwtCookie;
    settings.tokens.session_cookie = Some(true);
    settings.jwt.csrf = true;
    settings.limits.enabled = true;
    settings.limits.login = vestibule::settings::RateLimits::default();
    settings.limits.login_failed = "1000000/h/account".parse().unwrap();
    settings.server.cors_origins = vec!["https://app.example.test".into()];
    settings.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    settings.jwt.secret = Some("an-old-key-of-32-characters-or-more".into());
    settings.jwt.accept_legacy_until = "2090-01-01".parse().ok();
}

const HEADERS: [&str; 14] = [
    "authorization",
    "cookie",
    "origin",
    "sec-fetch-site",
    "x-csrftoken",
    "x-forwarded-for",
    "x-forwarded-proto",
    "forwarded",
    "accept",
    "accept-language",
    "content-type",
    "if-none-match",
    "access-control-request-method",
    "host",
];

/// Pieces that lead deep into the readers, and anything else that a header may hold.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~\t]{0,12}",
        "[ä-ü€😀]{1,3}",
        prop::sample::select(vec![
            "Bearer ",
            "Token ",
            ", ",
            ".",
            "\"",
            "=",
            "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IngifQ",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
            "https://",
            "app.example.test",
            "null",
            "same-origin",
            "for=\"[::1]:80\"",
            "127.0.0.1",
            "::1",
            "*/*;q=0.",
            "de-DE;q=1",
            "W/\"",
            "application/json",
            "; charset=",
            "multipart/form-data; boundary=",
            "POST",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Cookies of ours with values that no cookie of ours has.
fn cookies() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["access", "refresh", "session", "csrftoken", "device", "form"]);
    let odd = ["", "\"", "\"\"", "\"x", "x\"", "=", ".", "..", "...", "1.1.9.x.", "ey.ey.ey", "e30.e30.e30", "%00", "\t", "ÿ"];
    let value = prop_oneof![prop::sample::select(odd.to_vec()).prop_map(str::to_owned), pieces()];
    let pair = (name, value).prop_map(|(name, value)| format!("{name}={value}"));
    prop::collection::vec(pair, 1..5).prop_map(|pairs| pairs.join("; "))
}

/// A header with its value.
fn header() -> impl Strategy<Value = (&'static str, String)> {
    prop_oneof![
        (prop::sample::select(HEADERS.to_vec()), pieces()),
        cookies().prop_map(|value| ("cookie", value)),
        ("(Bearer|Token|bearer|) ?[ -~]{0,20}").prop_map(|value| ("authorization", value)),
    ]
}

#[test]
fn t75_no_headers_and_no_cookies_make_a_request_fail() {
    let runtime = Runtime::new().unwrap();
    let app = runtime.block_on(async {
        let app = TestApp::on(databases::fresh_sqlite().await, everything).await;
        app.post("registration/", super::registration("ana", super::PASSWORD)).send().await.expect(201);
        app.deliver().await;
        app
    });
    let asked = (
        prop::collection::vec(header(), 1..5),
        prop::sample::select(vec![
            (Method::GET, "user/"),
            (Method::PATCH, "user/"),
            (Method::POST, "login/"),
            (Method::POST, "logout/"),
            (Method::POST, "token/refresh/"),
            (Method::POST, "token/verify/"),
            (Method::OPTIONS, "login/"),
            (Method::GET, "sign-in/"),
            (Method::POST, "sign-in/"),
            (Method::GET, "/.well-known/jwks.json"),
        ]),
    );
    let mut runner = TestRunner::new(Config { cases: 2_000, failure_persistence: None, ..Config::default() });
    let held = runner.run(&asked, |(headers, (method, path))| {
        let mut request = app.request(method.clone(), path).json(json!({ "username": "ana", "token": "x" }));
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let status = runtime.block_on(request.send()).status;
        // A panic is caught where it happens, and answered with 500.
        prop_assert!(status < 500, "{status}: {method} {path} {headers:?}");
        Ok(())
    });
    held.unwrap_or_else(|error| panic!("{error}"));
}
