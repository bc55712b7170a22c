//! T79: what goes wrong inside is answered alike, and tells nothing.

use serde_json::json;
use vestibule::db::{Db, Options};

use crate::client::Answer;
use crate::server::{PASSWORD, PRODUCTION, Server};

/// Words that only the inside knows.
const INSIDE: [&str; 14] = [
    "auth_",
    "sql",
    "select",
    "insert",
    "table",
    "panicked",
    ".rs",
    "rusqlite",
    "vestibule::",
    "/home",
    "/tmp",
    "backtrace",
    "secret",
    "8d969eef",
];

#[track_caller]
fn tells_nothing(what: &str, server: &Server, answer: &Answer) {
    let text = format!("{:?} {}", answer.headers, answer.body).to_lowercase();
    for word in INSIDE {
        assert!(!text.contains(word), "{what}: {word:?} in {text}");
    }
    assert!(!text.contains(&server.folder()), "{what}: {text}");
}

async fn destroy(server: &Server, sql: &'static str) {
    let url = server.database();
    let db = Db::open(&url, Options { connections: 1, ..Options::default() }).await.unwrap();
    db.unit(move |tx| async move { tx.run(sql, &[]).await.map(|_| ()) }).await.unwrap();
}

#[tokio::test]
async fn t79_a_broken_database_is_answered_with_a_fixed_body_and_the_log_has_the_cause() {
    let server = Server::start(&PRODUCTION).await;
    let key = server.register("ana").await;
    let client = server.client();
    destroy(&server, "DROP TABLE auth_sessions").await;
    let login = json!({ "username": "ana", "password": PASSWORD }).to_string();
    let mut ids = Vec::new();
    for (method, target, key, body) in [
        ("GET", "/auth/user/", Some(key.as_str()), ""),
        ("POST", "/auth/login/", None, login.as_str()),
        ("POST", "/auth/logout/", Some(key.as_str()), ""),
    ] {
        let answer = client.ask(method, target, key, body).await;
        assert_eq!((answer.status, answer.body.as_str()), (500, r#"{"detail":"Internal server error."}"#), "{target}");
        tells_nothing(target, &server, &answer);
        ids.push(answer.header("x-request-id").unwrap().to_owned());
    }
    let log = server.log();
    for id in ids {
        let line = log.lines().find(|line| line.contains(&id)).unwrap_or_else(|| panic!("{id} in {log}"));
        assert!(line.contains("no such table"), "{line}");
    }
    assert_eq!(client.ask("GET", "/livez", None, "").await.status, 200, "the process goes on");
}

#[tokio::test]
async fn t79_strange_requests_learn_nothing_and_are_not_repeated() {
    let server = Server::start(&PRODUCTION).await;
    let client = server.client();
    let host = b"GET /auth/user/ HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-host: evil.example\r\nconnection: close\r\n\r\n";
    let unknown = client.raw(host.to_vec()).await;
    assert_eq!(unknown.status, 401);
    assert!(!format!("{unknown:?}").contains("evil"));
    tells_nothing("host", &server, &unknown);
    let typed = client.send("POST", "/auth/login/", "content-type: application/xml\r\n", b"<a/>").await;
    assert_eq!(typed.status, 415);
    tells_nothing("type", &server, &typed);
    for target in ["/metrics", "/auth/metrics", "/debug", "/auth/openapi.json", "/auth/docs/", "/.env", "/auth/../Cargo.toml"] {
        let answer = client.ask("GET", target, None, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (404, r#"{"detail":"Not found."}"#), "{target}");
    }
}

#[tokio::test]
async fn t72_a_request_that_names_no_host_or_two_is_refused() {
    let server = Server::start(&PRODUCTION).await;
    let raw: [&[u8]; 8] = [
        b"",
        b"host: a\r\nhost: a\r\n",
        b"host: a b\r\n",
        b"host: a/b\r\n",
        b"host: user@a\r\n",
        b"host: \xff\xfe\r\n",
        b"host: a\"<script>\r\n",
        b"host: a\x01b\r\n",
    ];
    for host in raw {
        let request = [b"GET /livez HTTP/1.1\r\nconnection: close\r\n", host, b"\r\n"].concat();
        let answer = server.client().raw(request).await;
        assert_eq!(answer.status, 400, "{:?}: {answer:?}", String::from_utf8_lossy(host));
        assert!(answer.json()["detail"].is_string());
        tells_nothing("host", &server, &answer);
    }
    for (version, host) in [("1.1", "host: [::1]:8000\r\n"), ("1.1", "host:\r\n"), ("1.1", "host: a.example:80\r\n"), ("1.0", "")]
    {
        let request = format!("GET /livez HTTP/{version}\r\nconnection: close\r\n{host}\r\n");
        assert_eq!(server.client().raw(request.into_bytes()).await.status, 200, "{version} {host:?}");
    }
}

#[tokio::test]
async fn t72_raw_bytes_in_request_lines_and_headers_are_no_fault_of_ours() {
    let server = Server::start(&[]).await;
    let key = server.register("ana").await;
    let strange: [&[u8]; 7] = [b"\x00", b"\x01", b"\x1f", b"\x7f", b"\xc0\xaf", b"\xed\xa0\x80", b"\xff\xfe"];
    for bytes in strange {
        let close = b"\r\nhost: a\r\nconnection: close\r\n\r\n";
        let key = key.as_bytes();
        let requests = [
            [b"GET /auth/user/", bytes, b" HTTP/1.1", close].concat(),
            [b"GET /auth/user/?x=", bytes, b" HTTP/1.1", close].concat(),
            [b"G", bytes, b"T /auth/user/ HTTP/1.1", close].concat(),
            [b"GET /auth/user/ HTTP/1.1\r\nauthorization: Token ", key, bytes, close].concat(),
            [b"GET /auth/user/ HTTP/1.1\r\ncookie: a=", bytes, close].concat(),
            [b"GET /auth/user/ HTTP/1.1\r\naccept-language: ", bytes, b"\r\naccept: ", bytes, close].concat(),
            [b"GET /auth/user/ HTTP/1.1\r\nx-forwarded-for: ", bytes, b"\r\norigin: ", bytes, close].concat(),
            [b"GET /auth/user/ HTTP/1.1\r\nx", bytes, b": y", close].concat(),
        ];
        for request in requests {
            let shown = String::from_utf8_lossy(&request).into_owned();
            let answer = server.client().raw(request).await;
            assert!((400..500).contains(&answer.status), "{shown:?}: {answer:?}");
            tells_nothing(&shown, &server, &answer);
        }
    }
    let log = server.log();
    assert!(!log.contains("panic"), "{log}");
}
