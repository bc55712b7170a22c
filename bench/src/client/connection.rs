//! One HTTP/1.1 connection that is kept alive: as little of the protocol as a benchmark needs.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is opened when it is needed.
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    /// The status.
    pub(crate) status: u16,
    /// The body; with the sizes of its chunks where it was sent in chunks.
    pub(crate) body: &'a [u8],
}

struct Head {
    status: u16,
    body: Range<usize>,
    closes: bool,
}

impl Connection {
    /// A connection to `address`, not yet open.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, buffer: Vec::with_capacity(4096) }
    }

    /// Sends a request and reads its answer. A connection that was closed since the last one is opened again.
    ///
    /// # Errors
    /// What the socket says; [`io::ErrorKind::InvalidData`] when the answer is not HTTP.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<Reply<'_>> {
        let used = self.stream.is_some();
        let head = match self.exchange(request).await {
            Err(_) if used && self.buffer.is_empty() => {
                self.stream = None;
                self.exchange(request).await
            }
            done => done,
        };
        if head.as_ref().map_or(true, |head| head.closes) {
            self.stream = None;
        }
        let head = head?;
        Ok(Reply { status: head.status, body: self.buffer.get(head.body).unwrap_or_default() })
    }

    async fn exchange(&mut self, request: &[u8]) -> io::Result<Head> {
        self.buffer.clear();
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                none.insert(stream)
            }
        };
        stream.write_all(request).await?;
        loop {
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = complete(&self.buffer)? {
                return Ok(head);
            }
        }
    }
}

/// The head of an answer that has arrived whole.
fn complete(bytes: &[u8]) -> io::Result<Option<Head>> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| invalid())?;
    let status = text.get(9..12).and_then(|digits| digits.parse().ok()).ok_or_else(invalid)?;
    let (mut length, mut chunked, mut closes) = (0, false, false);
    for (name, value) in text.split("\r\n").filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.len() {
            14 if name.eq_ignore_ascii_case("content-length") => length = value.parse().map_err(|_| invalid())?,
            17 if name.eq_ignore_ascii_case("transfer-encoding") => chunked = value.eq_ignore_ascii_case("chunked"),
            10 if name.eq_ignore_ascii_case("connection") => closes = value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    let start = end + 4;
    let until = if chunked { bytes.len() } else { start + length };
    let whole = if chunked { bytes.ends_with(b"0\r\n\r\n") } else { bytes.len() >= until };
    Ok(whole.then_some(Head { status, body: start..until, closes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_last_byte() {
        for whole in [
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
        ] {
            for end in 0..whole.len() {
                assert!(complete(&whole.as_bytes()[..end]).unwrap().is_none(), "{whole} {end}");
            }
            let head = complete(whole.as_bytes()).unwrap().unwrap();
            assert_eq!(head.status, whole[9..12].parse::<u16>().unwrap());
            assert_eq!(head.closes, whole.contains("close"));
            assert!(whole[head.body].contains("{}") || head.status == 204);
        }
    }
}
