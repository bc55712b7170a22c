//! The numbers: what they say, and where they are not.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use crate::client::{Client, PATIENCE};
use crate::server::{PASSWORD, Server};

async fn numbers(server: &Server) -> String {
    let answer = Client(server.metrics.unwrap()).ask("GET", "/metrics", None, "").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    answer.body
}

#[tokio::test]
async fn the_numbers_tell_what_happened() {
    let limits = [("LIMITS__ENABLED", "true"), ("LIMITS__LOGIN", "2/h/ip"), ("METRICS__LISTEN", "127.0.0.1:0")];
    let server = Server::start(&limits).await;
    let client = server.client();
    let key = server.register("ana").await;
    for status in [400, 400, 429] {
        assert_eq!(client.post("/auth/login/", &json!({ "username": "ana", "password": "no" })).await.status, status);
    }
    for _ in 0..32 {
        client.ask("GET", "/auth/user/", Some(&key), "").await;
    }
    client.ask("MADE-UP", "/auth/user/", Some(&key), "").await;
    client.ask("GET", "/auth/sign-in/", None, "").await;
    client.ask("GET", "/auth/zzz/", None, "").await;
    client.ask("GET", &format!("/{}", "z".repeat(9_000)), None, "").await;
    client.ask("POST", "/auth/logout/", Some(&key), "").await;
    let text = numbers(&server).await;
    for line in [
        r#"vestibule_http_requests_total{endpoint="registration",method="POST",status="2xx"} 1"#,
        r#"vestibule_http_requests_total{endpoint="login",method="POST",status="4xx"} 3"#,
        r#"vestibule_http_requests_total{endpoint="user",method="GET",status="2xx"} 32"#,
        r#"vestibule_http_requests_total{endpoint="user",method="other",status="4xx"} 1"#,
        r#"vestibule_http_requests_total{endpoint="sign-in",method="GET",status="2xx"} 1"#,
        r#"vestibule_http_request_seconds_count{endpoint="sign-in"} 1"#,
        r#"vestibule_http_requests_total{endpoint="none",method="any",status="4xx"} 1"#,
        r#"vestibule_http_request_seconds_count{endpoint="user"} 33"#,
        r#"vestibule_http_refused_total{status="414"} 1"#,
        r#"vestibule_limits_refused_total{action="login"} 1"#,
        r#"vestibule_events_total{event="session.opened"} 1"#,
        r#"vestibule_events_total{event="login.failed"} 2"#,
        r#"vestibule_sessions_ended_total{why="logout"} 1"#,
        "vestibule_hashes_total 3",
        "vestibule_hashes_refused_total 0",
        "vestibule_hash_queue_length 0",
        r#"vestibule_connections_open{listener="metrics"} 1"#,
        "# HELP vestibule_http_requests_total Requests by endpoint, method and class of status.",
        "# TYPE vestibule_db_unit_seconds histogram",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    let seen = |name: &str| text.lines().any(|line| line.starts_with(name) && !line.ends_with(" 0"));
    assert!(seen("vestibule_db_unit_seconds_count") && seen("vestibule_db_read_seconds_count"), "{text}");
    for secret in ["ana", "zzz", "MADE-UP", "127.0.0.1", &key] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
}

/// What a mail on the terminal leads to: the two parts of its link.
async fn reset_link(server: &Server) -> (String, String) {
    let began = Instant::now();
    loop {
        let log = server.log();
        if let Some((_, rest)) = log.split_once("/password/reset/confirm/") {
            let mut parts = rest.split('/').map(str::to_owned);
            return (parts.next().unwrap(), parts.next().unwrap());
        }
        assert!(began.elapsed() < PATIENCE, "no mail in\n{log}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn endings_of_sessions_are_counted_by_their_reason() {
    let server = Server::start(&[("METRICS__LISTEN", "127.0.0.1:0")]).await;
    let client = server.client();
    let ask = async |method: &str, path: &str, key: &str, body: serde_json::Value| {
        client.ask(method, path, Some(key), &body.to_string()).await
    };
    let log_in = async || client.post("/auth/login/", &json!({ "username": "ana", "password": PASSWORD })).await;
    let key = server.register("ana").await;
    for _ in 0..3 {
        assert_eq!(log_in().await.status, 200);
    }
    let listed = client.ask("GET", "/auth/sessions/", Some(&key), "").await.json();
    let other = listed.as_array().unwrap().iter().find(|session| session["current"] == false).unwrap()["id"].clone();
    let one = client.ask("DELETE", &format!("/auth/sessions/{}/", other.as_str().unwrap()), Some(&key), "").await;
    assert_eq!(one.status, 204);
    assert_eq!(ask("POST", "/auth/sessions/end-others/", &key, json!({})).await.json(), json!({ "ended": 2 }));
    assert_eq!(log_in().await.status, 200);
    let change = json!({ "old_password": PASSWORD, "new_password1": PASSWORD, "new_password2": PASSWORD });
    assert_eq!(ask("POST", "/auth/password/change/", &key, change).await.status, 200);
    assert_eq!(log_in().await.status, 200);
    assert_eq!(client.post("/auth/password/reset/", &json!({ "email": "ana@example.test" })).await.status, 200);
    let (uid, token) = reset_link(&server).await;
    let body = json!({ "uid": uid, "token": token, "new_password1": PASSWORD, "new_password2": PASSWORD });
    let done = client.post("/auth/password/reset/confirm/", &body).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let text = numbers(&server).await;
    for (why, sessions) in [("ended", 3), ("password_change", 1), ("password_reset", 2)] {
        let line = format!("vestibule_sessions_ended_total{{why=\"{why}\"}} {sessions}");
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    assert!(text.contains("vestibule_events_total{event=\"password.reset_requested\"} 1"), "{text}");
}

#[tokio::test]
async fn t79_the_numbers_are_on_their_own_listener_and_only_when_asked_for() {
    let server = Server::start(&[("METRICS__LISTEN", "127.0.0.1:0")]).await;
    assert_eq!(server.client().ask("GET", "/metrics", None, "").await.status, 404);
    let there = Client(server.metrics.unwrap());
    assert_eq!(there.ask("GET", "/auth/user/", None, "").await.status, 404);
    assert_eq!(there.ask("POST", "/metrics", None, "").await.status, 405);
    assert!(Server::start(&[]).await.metrics.is_none());
}

#[test]
fn a_port_that_is_taken_is_told_with_the_setting_to_change() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (key, variable) in [("SERVER__LISTEN", "VESTIBULE__SERVER__LISTEN="), ("METRICS__LISTEN", "VESTIBULE__METRICS__LISTEN=")]
    {
        let output = Server::refused(&[(key, &address)]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.starts_with(&format!("vestibule: cannot listen on {address}: another program listens there")), "{text}");
        assert!(text.contains(variable), "{text}");
    }
}
