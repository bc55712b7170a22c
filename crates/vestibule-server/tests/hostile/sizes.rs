//! T73: what is too large is refused at once, with the status that says so, and costs no memory.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::client::{Client, request};
use crate::http2::Http2;
use crate::server::Server;

/// The most that a refusal may take.
const AT_ONCE: Duration = Duration::from_secs(1);

/// One byte more than `server.body_max` allows.
const TOO_MUCH: usize = 64 * 1024 + 1;

const JSON: &str = "content-type: application/json\r\n";
const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

fn chunked() -> Vec<u8> {
    let mut bytes = request("POST", "/auth/login/", &format!("{JSON}transfer-encoding: chunked\r\n"), b"");
    for _ in 0..=64 {
        bytes.extend_from_slice(format!("400\r\n{}\r\n", "x".repeat(1024)).as_bytes());
    }
    [bytes, b"0\r\n\r\n".to_vec()].concat()
}

/// What it is, its bytes, and the statuses that are right.
fn requests() -> Vec<(&'static str, Vec<u8>, &'static [u16])> {
    let post = |headers: &str, body: &[u8]| request("POST", "/auth/login/", headers, body);
    let get = |target: &str, headers: &str| request("GET", target, headers, b"");
    let fields: String = (0..10_000).map(|n| format!("{n}=&")).collect();
    let large: String = (0..100).map(|n| format!("x-{n}: {}\r\n", "a".repeat(10_000))).collect();
    let cookies = |between: &str| (0..1000).map(|n| format!("c{n}=1")).collect::<Vec<_>>().join(between);
    vec![
        ("an announced body", post(JSON, &vec![b'x'; TOO_MUCH]), &[413]),
        ("a chunked body", chunked(), &[413]),
        ("a body of 4 MiB", post(JSON, &vec![b'x'; 4 << 20]), &[413]),
        ("4 GiB announced", post(&format!("{JSON}content-length: 4294967296\r\n"), b""), &[413]),
        ("more than a number holds", post(&format!("{JSON}content-length: 18446744073709551616\r\n"), b""), &[400, 413]),
        ("a compressed body", post(&format!("{JSON}content-encoding: gzip\r\n"), &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), &[415]),
        ("10,000 fields", post(FORM, fields.as_bytes()), &[400, 413]),
        ("large headers", get("/auth/login/", &large), &[431]),
        ("a long address", get(&format!("/auth/login/?{}", "a".repeat(1 << 20)), ""), &[414]),
        ("a longish address", get(&format!("/auth/login/?{}", "a".repeat(8192)), ""), &[414]),
        ("1,000 cookies in one line", get("/auth/login/", &format!("cookie: {}\r\n", cookies("; "))), &[431]),
        ("1,000 cookies in lines", get("/auth/login/", &format!("cookie: {}\r\n", cookies("\r\ncookie: "))), &[431]),
    ]
}

async fn refuse(client: Client, name: &str, bytes: Vec<u8>, statuses: &[u16], within: Duration) {
    let began = Instant::now();
    let answer = client.raw(bytes).await;
    assert!(statuses.contains(&answer.status), "{name}: {answer:?}");
    assert!(answer.json().is_object(), "{name}");
    assert!(began.elapsed() < within, "{name} took {:?}", began.elapsed());
}

#[tokio::test]
async fn t73_what_is_too_large_is_refused_at_once_and_the_client_learns_why() {
    let server = Server::start(&[]).await;
    for (name, bytes, statuses) in requests() {
        refuse(server.client(), name, bytes, statuses, AT_ONCE).await;
    }
}

#[tokio::test]
async fn t73_a_hundred_at_once_cost_less_than_32_mib() {
    let server = Server::start(&[]).await;
    server.client().ask("GET", "/auth/user/", None, "").await;
    for (name, bytes, statuses) in requests() {
        server.forget_peak();
        let before = server.peak_kib();
        let mut all = JoinSet::new();
        for _ in 0..100 {
            let (client, bytes) = (server.client(), bytes.clone());
            all.spawn(async move { refuse(client, name, bytes, statuses, crate::client::PATIENCE).await });
        }
        all.join_all().await;
        let rise = server.peak_kib().saturating_sub(before);
        assert!(rise < 32 * 1024, "{name}: {rise} KiB");
    }
}

#[tokio::test]
async fn t73_http_2_is_bounded_alike() {
    let server = Server::start(&[]).await;
    let mut http2 = Http2::dial(&server.client()).await;
    let json = ("content-type", "application/json");
    let cookies = (0..1000).map(|n| format!("c{n}=1")).collect::<Vec<_>>().join("; ");
    let long = format!("/auth/login/?{}", "a".repeat(8192));
    let fields: String = (0..10_000).map(|n| format!("{n}=&")).collect();
    let form = ("content-type", "application/x-www-form-urlencoded");
    assert_eq!(http2.send("POST", "/auth/login/", &[json], &vec![b'x'; TOO_MUCH]).await.status, 413);
    assert_eq!(http2.send("POST", "/auth/login/", &[json, ("content-encoding", "gzip")], b"\x1f\x8b").await.status, 415);
    assert_eq!(http2.send("POST", "/auth/login/", &[form], fields.as_bytes()).await.status, 400);
    assert_eq!(http2.send("GET", "/auth/login/", &[("cookie", &cookies)], b"").await.status, 431);
    assert_eq!(http2.send("GET", &long, &[], b"").await.status, 414);
    assert_eq!(http2.send("GET", "/livez", &[], b"").await.status, 200, "the connection goes on");
}
