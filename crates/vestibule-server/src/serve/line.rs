//! The socket, which tells the connection's clock of bytes and closes in a way that lets the client read the last answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::answers::last_words;
use super::pace::Pace;

/// How long, and for how many bytes, a client that got a refusal may go on sending what nobody reads.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 8 * 1024 * 1024;

/// A client's socket.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    pace: Arc<Pace>,
    /// Whether a line has ended in what was read since the last answer.
    line_ended: bool,
    /// Whether the last answer refused something, perhaps before it was read whole.
    refused: bool,
    /// What is still to be written in place of an answer of hyper's own.
    instead: Bytes,
    https: bool,
    linger: Option<Linger>,
}

#[derive(Debug)]
struct Linger {
    until: Pin<Box<Sleep>>,
    left: usize,
}

impl Line {
    /// An accepted socket.
    pub(super) fn new(stream: TcpStream, pace: Arc<Pace>, https: bool) -> Self {
        Self { stream, pace, line_ended: false, refused: false, instead: Bytes::new(), https, linger: None }
    }

    /// What goes out in place of `bytes`, if they are an answer of hyper's own: it knows neither bodies nor our headers, and says
    /// that the head is too large when not even the first line fitted (RFC 9110 §15.5.15; T73, T78).
    fn replacement(&mut self, bytes: &[u8]) -> Option<Bytes> {
        if !bytes.starts_with(b"HTTP/1.") {
            return None;
        }
        self.refused = matches!(bytes.get(9), Some(b'4' | b'5'));
        let first_line_only = !std::mem::take(&mut self.line_ended);
        last_words(bytes, first_line_only, self.https)
    }

    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.instead.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.instead))?;
            self.instead.advance(written);
        }
        Poll::Ready(Ok(()))
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
        if let Some(answer) = self.replacement(bytes) {
            // Taken as written: what the socket does not take now goes with the flush.
            self.instead = answer;
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(self.poll_instead(cx))?;
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.pace.sent(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Closes our half. After a refusal it reads on for a moment: closing a socket with unread bytes resets the connection, and the
    /// client would lose the answer (RFC 9112 §9.6).
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        if line.linger.is_none() {
            ready!(line.poll_instead(cx))?;
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
