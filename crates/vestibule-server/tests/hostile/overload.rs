//! T84: more logins than the threads can hash are turned away at once, leavers give their place back, and reads go on.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::{Client, request};
use crate::server::Server;

fn login(n: usize) -> Vec<u8> {
    let body = json!({ "username": format!("nobody{n}"), "password": "wrong-pass-77" }).to_string();
    request("POST", "/auth/login/", "content-type: application/json\r\n", body.as_bytes())
}

/// A number that the server shows.
async fn number(server: &Server, name: &str) -> u64 {
    let text = Client(server.metrics.unwrap()).ask("GET", "/metrics", None, "").await.body;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {text}"));
    line.trim().parse().unwrap()
}

async fn reach(server: &Server, name: &str, value: u64) {
    let began = Instant::now();
    while number(server, name).await != value {
        assert!(began.elapsed() < Duration::from_secs(10), "{name} is {} and not {value}", number(server, name).await);
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn t84_beyond_the_queue_the_answer_is_503_at_once_and_reads_are_served_meanwhile() {
    let settings = [("PASSWORD__MEMORY_KIB", "19456"), ("PASSWORD__ITERATIONS", "4")];
    let few = [("PASSWORD__HASH_THREADS", "1"), ("PASSWORD__HASH_QUEUE", "8"), ("METRICS__LISTEN", "127.0.0.1:0")];
    let server = Server::start(&[&settings[..], &few[..]].concat()).await;
    let key = server.register("ana").await;
    server.forget_peak();
    let before = server.peak_kib();
    let mut logins = JoinSet::new();
    for n in 0..60 {
        let client = server.client();
        logins.spawn(async move {
            let began = Instant::now();
            (client.raw(login(n)).await, began.elapsed())
        });
    }
    let mut worst = Duration::ZERO;
    for _ in 0..40 {
        let began = Instant::now();
        assert_eq!(server.client().ask("GET", "/auth/user/", Some(&key), "").await.status, 200);
        assert_eq!(server.client().ask("GET", "/livez", None, "").await.status, 200);
        worst = worst.max(began.elapsed());
    }
    assert!(worst < Duration::from_secs(1), "a read took {worst:?}");
    let (mut served, mut turned_away) = (0, 0);
    for (answer, took) in logins.join_all().await {
        match answer.status {
            400 => served += 1,
            503 => {
                turned_away += 1;
                assert!(took < Duration::from_secs(1), "turned away after {took:?}");
                assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
            }
            other => panic!("{other}: {answer:?}"),
        }
    }
    assert!(served >= 8 && turned_away > 0, "{served} served, {turned_away} turned away");
    assert_eq!(number(&server, "vestibule_hashes_refused_total ").await, turned_away);
    assert_eq!(number(&server, "vestibule_hashes_total ").await, served + 1, "one for the registration, none for the others");
    let rise = server.peak_kib().saturating_sub(before);
    assert!(rise < (19 + 64) * 1024, "{rise} KiB");
}

#[tokio::test]
async fn t84_who_leaves_gives_the_place_back_and_nothing_is_computed() {
    // Each hash takes a while, so that the queue stands still during the test.
    let slow = [("PASSWORD__MEMORY_KIB", "65536"), ("PASSWORD__ITERATIONS", "30")];
    let few = [("PASSWORD__HASH_THREADS", "1"), ("PASSWORD__HASH_QUEUE", "4"), ("METRICS__LISTEN", "127.0.0.1:0")];
    let server = Server::start(&[&slow[..], &few[..]].concat()).await;
    let client = server.client();
    let first = tokio::spawn(async move { client.raw(login(0)).await });
    reach(&server, "vestibule_hashes_total ", 1).await;
    let mut waiting = Vec::new();
    for n in 1..=4 {
        let mut stream = server.client().dial().await;
        stream.write_all(&login(n)).await.unwrap();
        waiting.push(stream);
    }
    reach(&server, "vestibule_hash_queue_length ", 4).await;
    assert_eq!(server.client().raw(login(5)).await.status, 503, "the queue is full");
    drop(waiting);
    reach(&server, r#"vestibule_connections_open{listener="public"} "#, 1).await;
    assert_eq!(server.client().raw(login(6)).await.status, 400, "there is room again");
    assert_eq!(first.await.unwrap().status, 400);
    assert_eq!(number(&server, "vestibule_hashes_total ").await, 2, "nothing was computed for those who left");
}
