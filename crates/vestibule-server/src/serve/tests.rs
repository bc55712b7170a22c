//! The loop against clients that misbehave, over real sockets and with short limits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::routing::{get, post};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use vestibule::http::peer::Peer;

use super::*;

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

fn limits() -> Limits {
    Limits { max_connections: 64, header_timeout: LONG, body_timeout: LONG, idle_timeout: LONG }
}

/// A running server and the way to stop it.
struct Running {
    at: SocketAddr,
    stop: oneshot::Sender<()>,
    end: JoinHandle<Outcome>,
}

impl Running {
    async fn start(limits: Limits, grace: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        Self {
            at,
            stop,
            end: tokio::spawn(serve(Listener { socket: listener, name: "test", https: false }, app(), limits, stopped, grace)),
        }
    }

    async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.at).await.unwrap()
    }

    async fn ask(&self, request: &[u8]) -> String {
        let mut stream = self.dial().await;
        stream.write_all(request).await.unwrap();
        answer(&mut stream).await
    }
}

fn app() -> Router {
    Router::new()
        .route("/", get(async |request: Request| request.extensions().get::<Peer>().unwrap().0.to_string()))
        .route("/slow", get(async || sleep(SHORT * 4).await))
        .route("/forever", get(async || sleep(LONG * 10).await))
        .route("/huge", get(async || Body::from(vec![b'x'; 64 << 20])))
        .route("/length", post(async |body: Body| to_bytes(body, 1 << 20).await.unwrap_or_default().len().to_string()))
        .route("/refuse", post(async || StatusCode::PAYLOAD_TOO_LARGE))
        .route("/panic", get(async || -> () { panic!("in a test") }))
}

/// One answer, up to the end of its body if that has a length.
async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        let mut chunk = [0; 4096];
        match timeout(LONG, stream.read(&mut chunk)).await.expect("an answer in time").expect("no reset") {
            0 => return text,
            n => bytes.extend_from_slice(&chunk[..n]),
        }
    }
}

/// How long it takes until the server closes.
async fn closed(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    let mut rest = Vec::new();
    let _ = timeout(LONG / 2, stream.read_to_end(&mut rest)).await.expect("the server closes the connection");
    start.elapsed()
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: example.test\r\n\r\n";

#[tokio::test]
async fn a_connection_serves_many_requests_and_tells_the_router_who_asks() {
    let server = Running::start(limits(), LONG).await;
    let mut stream = server.dial().await;
    for _ in 0..3 {
        stream.write_all(GET).await.unwrap();
        let text = answer(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("127.0.0.1"), "{text}");
    }
}

#[tokio::test]
async fn t74_a_slow_head_is_cut_however_steadily_its_bytes_arrive() {
    let server = Running::start(Limits { header_timeout: SHORT, ..limits() }, LONG).await;
    let (mut first, mut later) = (server.dial().await, server.dial().await);
    later.write_all(GET).await.unwrap();
    answer(&mut later).await;
    for stream in [&mut first, &mut later] {
        let start = Instant::now();
        while stream.write_all(b"G").await.is_ok() {
            assert!(start.elapsed() < LONG / 2, "still open");
            sleep(SHORT / 6).await;
        }
        assert!(start.elapsed() >= SHORT / 2);
    }
}

#[tokio::test]
async fn t74_a_silent_newcomer_is_cut_after_the_header_timeout() {
    let server = Running::start(Limits { header_timeout: SHORT, ..limits() }, LONG).await;
    assert!(closed(&mut server.dial().await).await >= SHORT / 2);
}

#[tokio::test]
async fn t74_a_slow_body_is_answered_with_408() {
    let server = Running::start(Limits { body_timeout: SHORT, ..limits() }, LONG).await;
    let mut stream = server.dial().await;
    stream.write_all(b"POST /length HTTP/1.1\r\nhost: example.test\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let drip = tokio::spawn(async move {
        while write.write_all(b"x").await.is_ok() {
            sleep(SHORT / 6).await;
        }
    });
    let mut text = Vec::new();
    let _ = timeout(LONG / 2, read.read_to_end(&mut text)).await.expect("the server closes the connection");
    let text = String::from_utf8(text).unwrap();
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert!(text.ends_with(r#"{"detail":"The request body did not arrive in time."}"#), "{text}");
    drip.abort();
}

#[tokio::test]
async fn a_body_in_time_reaches_the_router() {
    let server = Running::start(limits(), LONG).await;
    let text = server.ask(b"POST /length HTTP/1.1\r\nhost: example.test\r\ncontent-length: 5\r\n\r\nhello").await;
    assert!(text.ends_with("\r\n\r\n5"), "{text}");
}

#[tokio::test]
async fn t74_an_idle_connection_is_closed() {
    let server = Running::start(Limits { idle_timeout: SHORT, ..limits() }, LONG).await;
    let mut stream = server.dial().await;
    stream.write_all(GET).await.unwrap();
    answer(&mut stream).await;
    let took = closed(&mut stream).await;
    assert!(took >= SHORT / 2 && took < LONG / 4, "{took:?}");
}

#[tokio::test]
async fn t74_a_client_that_does_not_read_its_answer_is_cut() {
    let server = Running::start(Limits { max_connections: 1, body_timeout: SHORT, ..limits() }, LONG).await;
    let mut deaf = server.dial().await;
    deaf.write_all(b"GET /huge HTTP/1.1\r\nhost: example.test\r\n\r\n").await.unwrap();
    let text = timeout(LONG / 2, server.ask(GET)).await.expect("the only seat is free again");
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
}

#[tokio::test]
async fn the_cap_makes_further_connections_wait() {
    let server = Running::start(Limits { max_connections: 2, ..limits() }, LONG).await;
    let held = [server.dial().await, server.dial().await];
    sleep(SHORT / 3).await;
    let mut third = server.dial().await;
    third.write_all(GET).await.unwrap();
    assert!(timeout(SHORT, answer(&mut third)).await.is_err(), "the third waits");
    drop(held);
    assert!(answer(&mut third).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn t79_a_panic_is_a_500_for_that_request_alone() {
    let server = Running::start(limits(), LONG).await;
    let mut stream = server.dial().await;
    stream.write_all(b"GET /panic HTTP/1.1\r\nhost: example.test\r\n\r\n").await.unwrap();
    let text = answer(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 500 "), "{text}");
    assert!(text.contains("content-type: application/json\r\n"), "{text}");
    assert!(text.ends_with(r#"{"detail":"Internal server error."}"#), "{text}");
    stream.write_all(GET).await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn t73_a_long_address_is_414_even_when_it_does_not_fit() {
    let server = Running::start(limits(), LONG).await;
    for length in [TOO_LONG, 1 << 20] {
        let request = format!("GET /{} HTTP/1.1\r\nhost: example.test\r\n\r\n", "a".repeat(length));
        let text = server.ask(request.as_bytes()).await;
        assert!(text.starts_with("HTTP/1.1 414 "), "{length}: {text}");
    }
}

const TOO_LONG: usize = 8192;

#[tokio::test]
async fn t73_too_many_or_too_large_headers_are_431() {
    let server = Running::start(limits(), LONG).await;
    let many = "a: b\r\n".repeat(150);
    let large = format!("a: {}\r\n", "b".repeat(200_000));
    for headers in [many, large] {
        let text = server.ask(format!("GET / HTTP/1.1\r\nhost: example.test\r\n{headers}\r\n").as_bytes()).await;
        assert!(text.starts_with("HTTP/1.1 431 "), "{text}");
    }
}

#[tokio::test]
async fn t73_a_client_that_is_refused_while_it_sends_can_read_why() {
    let server = Running::start(limits(), LONG).await;
    for _ in 0..10 {
        let mut stream = server.dial().await;
        stream.write_all(b"POST /refuse HTTP/1.1\r\nhost: example.test\r\ncontent-length: 4000000\r\n\r\n").await.unwrap();
        stream.write_all(&vec![b'x'; 4_000_000]).await.unwrap();
        let text = answer(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    }
}

#[tokio::test]
async fn t89_a_request_that_has_begun_is_finished_before_the_end() {
    let server = Running::start(limits(), LONG).await;
    let (mut idle, mut busy) = (server.dial().await, server.dial().await);
    idle.write_all(GET).await.unwrap();
    answer(&mut idle).await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: example.test\r\n\r\n").await.unwrap();
    sleep(SHORT).await;
    server.stop.send(()).unwrap();
    assert!(closed(&mut idle).await < LONG / 4, "an idle connection ends at once");
    assert!(TcpStream::connect(server.at).await.is_err(), "no new connections");
    assert!(answer(&mut busy).await.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(server.end.await.unwrap(), Outcome::Finished);
}

#[tokio::test]
async fn t89_what_outlives_the_grace_is_cut() {
    let server = Running::start(limits(), SHORT).await;
    let mut stream = server.dial().await;
    stream.write_all(b"GET /forever HTTP/1.1\r\nhost: example.test\r\n\r\n").await.unwrap();
    sleep(SHORT).await;
    server.stop.send(()).unwrap();
    assert_eq!(server.end.await.unwrap(), Outcome::Cut(1));
    assert!(closed(&mut stream).await < LONG / 4);
}

mod http2 {
    use http_body_util::{BodyExt, Empty};
    use hyper::client::conn::http2::{Builder, SendRequest};

    use super::*;

    async fn dial(server: &Running, window: u32) -> SendRequest<Empty<bytes::Bytes>> {
        let (send, drive) = Builder::new(TokioExecutor::new())
            .initial_stream_window_size(window)
            .handshake(TokioIo::new(server.dial().await))
            .await
            .unwrap();
        tokio::spawn(drive);
        send
    }

    fn get(path: &str) -> http::Request<Empty<bytes::Bytes>> {
        http::Request::get(format!("http://example.test{path}")).body(Empty::new()).unwrap()
    }

    #[tokio::test]
    async fn is_served_to_clients_that_know_beforehand() {
        let server = Running::start(limits(), LONG).await;
        let mut send = dial(&server, 65_535).await;
        let answer = send.send_request(get("/")).await.unwrap();
        assert_eq!((answer.status(), answer.version()), (StatusCode::OK, http::Version::HTTP_2));
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "127.0.0.1");
    }

    #[tokio::test]
    async fn t79_a_panic_is_a_500_for_that_stream_alone() {
        let server = Running::start(limits(), LONG).await;
        let mut send = dial(&server, 65_535).await;
        assert_eq!(send.send_request(get("/panic")).await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(send.send_request(get("/")).await.unwrap().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn t73_many_headers_and_long_addresses_are_refused_as_in_http_1() {
        let server = Running::start(limits(), LONG).await;
        let mut send = dial(&server, 65_535).await;
        let mut many = get("/");
        (0..150).for_each(|n| {
            many.headers_mut().insert(http::HeaderName::try_from(format!("x-{n}")).unwrap(), http::HeaderValue::from_static("a"));
        });
        assert_eq!(send.send_request(many).await.unwrap().status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        let long = get(&format!("/{}", "a".repeat(TOO_LONG)));
        assert_eq!(send.send_request(long).await.unwrap().status(), StatusCode::URI_TOO_LONG);
    }

    #[tokio::test]
    async fn t74_idle_connections_and_streams_nobody_reads_are_cut() {
        let server = Running::start(Limits { idle_timeout: SHORT, body_timeout: SHORT, ..limits() }, LONG).await;
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let before = tasks();
        for window in [65_535, 0] {
            let mut send = dial(&server, window).await;
            let answer = send.send_request(get("/")).await.unwrap();
            let closed = async {
                while !send.is_closed() || tasks() > before {
                    sleep(SHORT / 6).await;
                }
            };
            timeout(LONG / 2, closed).await.unwrap_or_else(|_| panic!("window {window}: {} tasks", tasks() - before));
            drop(answer);
        }
    }

    #[tokio::test]
    async fn t89_a_stream_that_has_begun_is_finished_before_the_end() {
        let server = Running::start(limits(), LONG).await;
        let mut send = dial(&server, 65_535).await;
        let slow = tokio::spawn(send.send_request(get("/slow")));
        sleep(SHORT).await;
        server.stop.send(()).unwrap();
        assert_eq!(slow.await.unwrap().unwrap().status(), StatusCode::OK);
        assert_eq!(server.end.await.unwrap(), Outcome::Finished);
    }
}

#[tokio::test]
async fn a_signal_asks_to_stop() {
    let signals = signals::Signals::listen().unwrap();
    let id = std::process::id().to_string();
    let told = std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(told.success());
    timeout(LONG, signals.stop()).await.expect("the signal arrives");
}

#[tokio::test]
async fn five_hundred_connections_at_once_are_all_answered() {
    let server = Arc::new(Running::start(limits(), LONG).await);
    let answered = Arc::new(AtomicUsize::new(0));
    let mut all = JoinSet::new();
    for _ in 0..500 {
        let (server, answered) = (Arc::clone(&server), Arc::clone(&answered));
        all.spawn(async move {
            let text = server.ask(GET).await;
            answered.fetch_add(usize::from(text.starts_with("HTTP/1.1 200 OK")), Ordering::Relaxed);
        });
    }
    all.join_all().await;
    assert_eq!(answered.load(Ordering::Relaxed), 500);
}
