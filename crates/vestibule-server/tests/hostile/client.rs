//! HTTP/1.1, byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take before the test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Whoever asks the server at that address.
#[derive(Clone, Copy)]
pub(crate) struct Client(pub(crate) SocketAddr);

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()));
        Some(Self { status, headers: headers.collect(), body: body.to_owned() })
    }

    /// A header's text, if it is there once; more than once is a fault.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n == name);
        let first = found.next();
        assert!(found.next().is_none(), "{name} twice: {self:?}");
        first.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Client {
    pub(crate) async fn dial(&self) -> TcpStream {
        timeout(PATIENCE, TcpStream::connect(self.0)).await.unwrap().unwrap()
    }

    /// One request, whatever its bytes are, on a connection of its own. The client goes on writing while the server answers, and
    /// reads to the end: a connection that is reset on the way is a failure.
    pub(crate) async fn raw(&self, request: Vec<u8>) -> Answer {
        let (mut read, mut write) = self.dial().await.into_split();
        let writing = tokio::spawn(async move {
            // The server may have enough of it; what counts is that its answer arrives.
            let _ = write.write_all(&request).await;
            write
        });
        let mut bytes = Vec::new();
        timeout(PATIENCE, read.read_to_end(&mut bytes)).await.expect("an answer in time").expect("a clean end");
        drop(writing.await.unwrap());
        Answer::parse(&bytes).unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&bytes)))
    }

    /// A request with these header lines and that body.
    pub(crate) async fn send(&self, method: &str, target: &str, headers: &str, body: &[u8]) -> Answer {
        self.raw(request(method, target, headers, body)).await
    }

    /// A request with that key and that JSON body, none if it is empty.
    pub(crate) async fn ask(&self, method: &str, target: &str, key: Option<&str>, body: &str) -> Answer {
        let mut headers = key.map(|key| format!("authorization: Token {key}\r\n")).unwrap_or_default();
        if !body.is_empty() {
            headers.push_str("content-type: application/json\r\n");
        }
        self.send(method, target, &headers, body.as_bytes()).await
    }

    pub(crate) async fn post(&self, target: &str, body: &Value) -> Answer {
        self.ask("POST", target, None, &body.to_string()).await
    }
}

/// The bytes of a request that ends its connection. A body is announced if there is one.
pub(crate) fn request(method: &str, target: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let head = format!("{method} {target} HTTP/1.1\r\nhost: example.test\r\nconnection: close\r\n{headers}{length}\r\n");
    [head.as_bytes(), body].concat()
}
