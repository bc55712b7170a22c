//! HTTP/2 to a server that is known to speak it.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::client::{Answer, Client};

/// A connection.
pub(crate) struct Http2(pub(crate) SendRequest<Full<Bytes>>);

impl Http2 {
    pub(crate) async fn dial(client: &Client) -> Self {
        let (send, drive) = Builder::new(TokioExecutor::new()).handshake(TokioIo::new(client.dial().await)).await.unwrap();
        tokio::spawn(drive);
        Self(send)
    }

    pub(crate) async fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = http::Request::builder().method(method).uri(format!("http://example.test{target}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.0.send_request(request.body(Full::from(body.to_vec())).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status.as_u16(), headers, body: String::from_utf8_lossy(&bytes).into_owned() }
    }
}
