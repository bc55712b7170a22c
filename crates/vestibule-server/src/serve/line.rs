//! The socket, which tells the connection's clock of bytes and closes in a way that lets the client read the last answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::pace::Pace;

/// How long, and for how many bytes, a client that got a refusal may go on sending what nobody reads.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 8 * 1024 * 1024;

/// What hyper writes when the head does not fit, and what is true when not even its first line did (RFC 9110 §15.5.15; T73). Both
/// have the same length, as hyper counts the bytes.
const HEAD_TOO_LARGE: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n";
const TARGET_TOO_LONG: &[u8] = b"HTTP/1.1 414 The Request Target Is Too Long.\r\n";

/// A client's socket.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    pace: Arc<Pace>,
    /// Whether a line has ended in what was read since the last answer.
    line_ended: bool,
    /// Whether the last answer refused something, perhaps before it was read whole.
    refused: bool,
    linger: Option<Linger>,
}

#[derive(Debug)]
struct Linger {
    until: Pin<Box<Sleep>>,
    left: usize,
}

impl Line {
    /// An accepted socket.
    pub(super) fn new(stream: TcpStream, pace: Arc<Pace>) -> Self {
        Self { stream, pace, line_ended: false, refused: false, linger: None }
    }

    /// What really goes out for `bytes`.
    fn outgoing<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if !bytes.starts_with(b"HTTP/1.") {
            return bytes;
        }
        self.refused = matches!(bytes.get(9), Some(b'4' | b'5'));
        let first_line_only = !std::mem::take(&mut self.line_ended);
        if first_line_only && bytes.starts_with(HEAD_TOO_LARGE) { TARGET_TOO_LONG } else { bytes }
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let new = buf.filled().get(before..).unwrap_or_default();
        if !new.is_empty() {
            self.line_ended = self.line_ended || new.contains(&b'\n');
            self.pace.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = self.outgoing(bytes);
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.pace.sent(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Closes our half. After a refusal it reads on for a moment: closing a socket with unread bytes resets the connection, and the
    /// client would lose the answer (RFC 9112 §9.6).
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        if line.linger.is_none() {
            ready!(Pin::new(&mut line.stream).poll_shutdown(cx))?;
        }
        if !line.refused {
            return Poll::Ready(Ok(()));
        }
        let linger = line.linger.get_or_insert_with(|| Linger { until: Box::pin(sleep(LINGER)), left: LINGER_BYTES });
        let mut rest = [0; 8192];
        loop {
            if linger.until.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buf = ReadBuf::new(&mut rest);
            let end = ready!(Pin::new(&mut line.stream).poll_read(cx, &mut buf)).is_err();
            let read = buf.filled().len();
            if end || read == 0 || read >= linger.left {
                return Poll::Ready(Ok(()));
            }
            linger.left -= read;
        }
    }
}
