//! T74: slow clients are cut in time, and nobody else notices them. The numbers are small; the timeouts are, too.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2::Builder;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::http2::Http2;
use crate::server::Server;

/// How many connections there are of each kind.
const MANY: usize = 300;
/// Near the shortest that the settings allow; a normal client must not be cut on a busy machine.
const SHORT: &[(&str, &str)] =
    &[("SERVER__HEADER_TIMEOUT", "2s"), ("SERVER__BODY_TIMEOUT", "2s"), ("SERVER__IDLE_TIMEOUT", "2s")];
/// Until when each must be cut: the timeout, the goodbye, and a machine that is busy with other tests.
const CUT: Duration = Duration::from_secs(10);

const LOGIN: &str = r#"{"username": "nobody", "password": "wrong-pass-77"}"#;
const GET: &[u8] = b"GET /livez HTTP/1.1\r\nhost: example.test\r\n\r\n";

#[derive(Clone, Copy, Debug)]
enum Kind {
    Silent,
    HeadDrip,
    BodyDrip,
    ReadsNothing,
    IdleAfterOne,
}

const KINDS: [Kind; 5] = [Kind::Silent, Kind::HeadDrip, Kind::BodyDrip, Kind::ReadsNothing, Kind::IdleAfterOne];

/// Keeps a connection as long as it can. It ends when the server has cut it.
async fn hold(client: Client, kind: Kind) {
    let mut stream = client.dial().await;
    match kind {
        Kind::Silent => {}
        Kind::HeadDrip => drip(&mut stream, b"GET /livez HTTP/1.1\r\n").await,
        Kind::BodyDrip => {
            let head = "POST /auth/login/ HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n";
            drip(&mut stream, head.as_bytes()).await;
        }
        Kind::ReadsNothing => return hold_without_reading(stream).await,
        Kind::IdleAfterOne => stream.write_all(GET).await.unwrap(),
    }
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// Asks over HTTP/2 and allows no byte of the answer to be sent.
async fn hold_without_reading(stream: TcpStream) {
    let window = Builder::new(TokioExecutor::new()).initial_stream_window_size(0).handshake(TokioIo::new(stream));
    let (mut send, drive) = window.await.unwrap();
    let driving = tokio::spawn(drive);
    let answer = send.send_request(http::Request::get("http://example.test/livez").body(Full::<Bytes>::default()).unwrap());
    let _held = answer.await;
    let _ = driving.await;
}

/// Sends `first` and then a byte now and then, until that fails or the server closes.
async fn drip(stream: &mut TcpStream, first: &[u8]) {
    stream.write_all(first).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut rest = Vec::new();
    tokio::select! {
        _ = read.read_to_end(&mut rest) => {}
        () = async { while write.write_all(b"x").await.is_ok() { sleep(Duration::from_millis(200)).await } } => {}
    }
}

/// A normal client's login, and how long it took.
async fn login(client: Client) -> Duration {
    let began = Instant::now();
    assert_eq!(client.ask("POST", "/auth/login/", None, LOGIN).await.status, 400);
    began.elapsed()
}

#[tokio::test]
async fn t74_slow_connections_are_cut_in_time_and_a_normal_client_is_served_meanwhile() {
    let server = Server::start(SHORT).await;
    login(server.client()).await;
    let before = server.descriptors();
    for kind in KINDS {
        let mut held = JoinSet::new();
        for _ in 0..MANY {
            let client = server.client();
            held.spawn(async move { timeout(CUT, hold(client, kind)).await.is_ok() });
        }
        let began = Instant::now();
        while server.descriptors() < before + MANY / 2 {
            assert!(began.elapsed() < CUT, "{kind:?}: they never came");
            sleep(Duration::from_millis(10)).await;
        }
        let mut worst = Duration::ZERO;
        while !held.is_empty() {
            worst = worst.max(login(server.client()).await);
            sleep(Duration::from_millis(50)).await;
            while let Some(cut) = held.try_join_next() {
                assert!(cut.unwrap(), "{kind:?}: still open after {CUT:?}");
            }
        }
        assert!(worst < Duration::from_secs(2), "{kind:?}: a login took {worst:?}");
    }
    let began = Instant::now();
    // The server's own pools may have grown by a few.
    while server.descriptors() > before + 8 {
        assert!(began.elapsed() < CUT, "{} descriptors, {before} before", server.descriptors());
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn t74_a_client_that_resets_its_streams_loses_its_connection() {
    let server = Server::start(&[]).await;
    let mut http2 = Http2::dial(&server.client()).await;
    let mut sent = 0;
    let end = timeout(CUT, async {
        loop {
            let request = http::Request::post("http://example.test/auth/login/").header("content-type", "application/json");
            let answer = http2.0.send_request(request.body(Full::from(Bytes::from_static(LOGIN.as_bytes()))).unwrap());
            // Sent, then reset at once.
            if timeout(Duration::from_micros(50), answer).await.is_ok_and(|answer| answer.is_err()) || http2.0.is_closed() {
                break;
            }
            sent += 1;
            assert!(sent < 50_000, "nobody minds {sent} resets");
        }
    });
    end.await.expect("the connection is ended");
    assert_eq!(server.client().ask("GET", "/livez", None, "").await.status, 200);
}
