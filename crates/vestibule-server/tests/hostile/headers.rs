//! T78: no answer goes without its headers, whoever gives it: an endpoint, the router, the accept loop, or hyper.

use serde_json::json;
use tokio::task::JoinSet;

use crate::client::{Answer, Client, request};
use crate::http2::Http2;
use crate::server::{PASSWORD, PRODUCTION, Server};

#[track_caller]
fn guarded(what: &str, answer: &Answer) {
    let expected = [
        ("content-type", "application/json"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("strict-transport-security", "max-age=63072000"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.header(name), Some(value), "{what}: {name} in {answer:?}");
    }
    let vary = answer.header("vary").unwrap_or_default();
    for dependence in ["Accept", "Cookie", "Origin"] {
        assert!(vary.split(", ").any(|name| name == dependence), "{what}: {vary}");
    }
    assert!(answer.header("x-request-id").is_some_and(|id| id.len() == 16), "{what}: {answer:?}");
    for absent in ["server", "x-powered-by", "location", "access-control-allow-origin"] {
        assert_eq!(answer.header(absent), None, "{what}: {answer:?}");
    }
    // The one cookie of opaque keys: by it a browser is known again (T69). Whoever did not come in gets none.
    if let Some(cookie) = answer.header("set-cookie") {
        assert!(matches!(what, "registration" | "login") && cookie.starts_with("__Host-device="), "{what}: {answer:?}");
        assert!(["; HttpOnly", "; Secure", "; SameSite=Lax", "; Path=/"].iter().all(|part| cookie.contains(part)), "{cookie}");
    }
    assert_eq!(answer.header("retry-after").is_some(), matches!(answer.status, 429 | 503), "{what}: {answer:?}");
    assert_eq!(answer.header("www-authenticate").is_some(), answer.status == 401, "{what}: {answer:?}");
}

async fn check(what: &str, status: u16, answer: Answer) -> Answer {
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    guarded(what, &answer);
    answer
}

fn account(name: &str) -> serde_json::Value {
    json!({ "username": name, "email": format!("{name}@example.test"), "password1": PASSWORD, "password2": PASSWORD })
}

#[tokio::test]
async fn t78_every_endpoint_answers_with_its_headers_in_success_and_failure() {
    let server = Server::start(&PRODUCTION).await;
    let client = server.client();
    let made = check("registration", 201, client.post("/auth/registration/", &account("ana")).await).await;
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let key = Some(key.as_str());
    check("taken", 400, client.post("/auth/registration/", &account("ana")).await).await;
    check("login", 200, client.post("/auth/login/", &json!({ "username": "ana", "password": PASSWORD })).await).await;
    check("no login", 400, client.post("/auth/login/", &json!({ "username": "ana", "password": "no" })).await).await;
    check("user", 200, client.ask("GET", "/auth/user/", key, "").await).await;
    check("nobody", 401, client.ask("GET", "/auth/user/", None, "").await).await;
    check("head", 200, client.ask("HEAD", "/auth/user/", key, "").await).await;
    check("options", 200, client.ask("OPTIONS", "/auth/user/", key, "").await).await;
    check("edit", 200, client.ask("PATCH", "/auth/user/", key, r#"{"first_name": "A"}"#).await).await;
    check("bad edit", 400, client.ask("PATCH", "/auth/user/", key, "[]").await).await;
    check("bad change", 400, client.ask("POST", "/auth/password/change/", key, "{}").await).await;
    let new = "An0ther-pass-7q";
    let change = json!({ "old_password": PASSWORD, "new_password1": new, "new_password2": new }).to_string();
    check("change", 200, client.ask("POST", "/auth/password/change/", key, &change).await).await;
    check("logout", 200, client.ask("POST", "/auth/logout/", key, "").await).await;
    check("logged out", 401, client.ask("POST", "/auth/logout/", key, "").await).await;
    check("alive", 200, client.ask("GET", "/livez", None, "").await).await;
    check("ready", 200, client.ask("GET", "/readyz", None, "").await).await;
}

#[tokio::test]
async fn t78_every_refusal_has_its_headers() {
    let settings = [&PRODUCTION[..], &[("LIMITS__LOGIN", "1/h/ip"), ("SERVER__BODY_TIMEOUT", "1s")]].concat();
    let server = Server::start(&settings).await;
    let client = server.client();
    let wrong = json!({ "username": "ana", "password": "wrong-pass-77" });
    check("wrong", 400, client.post("/auth/login/", &wrong).await).await;
    check("limited", 429, client.post("/auth/login/", &wrong).await).await;
    check("nothing below the base", 404, client.ask("GET", "/auth/nothing/", None, "").await).await;
    check("nothing at all", 404, client.ask("GET", "/", None, "").await).await;
    check("method", 405, client.ask("DELETE", "/auth/login/", None, "").await).await;
    check("accept", 406, client.send("POST", "/auth/login/", "accept: image/png\r\n", b"").await).await;
    check("encoding", 415, client.send("POST", "/auth/login/", "content-encoding: gzip\r\n", b"x").await).await;
    check("large", 413, client.send("POST", "/auth/login/", "", &vec![b'x'; 70_000]).await).await;
    check("target", 414, client.ask("GET", &format!("/{}", "a".repeat(9_000)), None, "").await).await;
    check("long target", 414, client.ask("GET", &format!("/{}", "a".repeat(200_000)), None, "").await).await;
    check("fields", 431, client.send("GET", "/livez", &"a: b\r\n".repeat(99), b"").await).await;
    check("head", 431, client.send("GET", "/livez", &format!("a: {}\r\n", "b".repeat(200_000)), b"").await).await;
    check("no request", 400, client.raw(b"GET /livez HTTP/1.1\r\nbad header\r\n\r\n".to_vec()).await).await;
    let slow = "POST /auth/login/ HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\nconnection: close\r\n\r\nx";
    check("slow", 408, client.raw(slow.as_bytes().to_vec()).await).await;
    let mut http2 = Http2::dial(&client).await;
    check("HTTP/2, nothing", 404, http2.send("GET", "/nothing", &[], b"").await).await;
    check("HTTP/2, method", 405, http2.send("DELETE", "/auth/login/", &[], b"").await).await;
}

#[tokio::test]
async fn t78_an_overloaded_server_answers_503_with_its_headers() {
    let server =
        Server::start(&[&PRODUCTION[..], &[("PASSWORD__HASH_THREADS", "1"), ("PASSWORD__HASH_QUEUE", "1")]].concat()).await;
    let mut all = JoinSet::new();
    for n in 0..20 {
        let client: Client = server.client();
        let body = json!({ "username": format!("nobody{n}"), "password": "wrong-pass-77" }).to_string();
        let bytes = request("POST", "/auth/login/", "content-type: application/json\r\n", body.as_bytes());
        all.spawn(async move { client.raw(bytes).await });
    }
    let answers = all.join_all().await;
    let busy: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!busy.is_empty());
    for answer in busy {
        guarded("busy", answer);
        assert_eq!(answer.body, r#"{"detail":"The service is temporarily unavailable. Please try again."}"#);
    }
}

#[tokio::test]
async fn t78_over_plain_http_no_browser_is_told_to_stay_encrypted() {
    let server = Server::start(&[]).await;
    for target in ["/auth/user/", "/auth/nothing", "/nothing", "/livez"] {
        let answer = server.client().ask("GET", target, None, "").await;
        assert_eq!(answer.header("strict-transport-security"), None, "{target}");
    }
}

#[tokio::test]
async fn t78_a_page_may_not_be_framed() {
    let server = Server::start(&[]).await;
    let page = server.client().send("GET", "/auth/user/", "accept: text/html\r\n", b"").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("frame-ancestors 'none'")), "{page:?}");
    let closed = Server::start(&PRODUCTION).await;
    let answer = closed.client().send("GET", "/auth/user/", "accept: text/html\r\n", b"").await;
    assert_eq!((answer.status, answer.header("content-security-policy")), (406, None), "no pages in production");
}
