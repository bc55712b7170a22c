//! Connections that are as slow as they may be.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::Result;

/// A byte so often.
const DRIP: Duration = Duration::from_secs(5);

/// How much longer than its timeout a connection may live, before it counts as not cut.
const PATIENCE: Duration = Duration::from_secs(30);

/// How HTTP/2 begins (RFC 9113 §3.4).
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// SETTINGS: a stream may send nothing (INITIAL_WINDOW_SIZE = 0).
const NO_ROOM: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
/// HEADERS of stream 1, which is then closed: GET, http, localhost, /livez (RFC 7541 §6).
const ASKS: &[u8] = b"\0\0\x15\x01\x05\0\0\0\x01\x82\x86\x41\x09localhost\x44\x06/livez";

/// In which way a connection is slow.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Head,
    Body,
    ReadsNothing,
    Idle,
}

/// All of them.
pub(super) const KINDS: [Kind; 4] = [Kind::Head, Kind::Body, Kind::ReadsNothing, Kind::Idle];

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Head => "a byte of the head every 5 s",
            Self::Body => "a byte of the body every 5 s",
            Self::ReadsNothing => "HTTP/2, taking no byte of the answer",
            Self::Idle => "idle after one answer",
        }
    }

    /// The server's default for it.
    pub(super) fn timeout(self) -> Duration {
        Duration::from_secs(match self {
            Self::Head => 10,
            Self::Body | Self::ReadsNothing => 15,
            Self::Idle => 75,
        })
    }
}

/// How many were cut by the server, and how long the last one lived.
type Held = Result<(usize, Duration)>;

/// Opens that many, and keeps each as long as it can.
pub(super) fn hold(runtime: &Runtime, address: SocketAddr, kind: Kind, many: usize) -> JoinHandle<Held> {
    runtime.spawn(async move {
        let mut all = JoinSet::new();
        for number in 0..many {
            // Not all in one moment: the queue of a listener is shorter.
            if number % 100 == 0 {
                sleep(Duration::from_millis(10)).await;
            }
            all.spawn(async move {
                let began = Instant::now();
                let cut = timeout(kind.timeout() + PATIENCE, keep(address, kind)).await.is_ok();
                (cut, began.elapsed())
            });
        }
        let lives = all.join_all().await;
        let cut = lives.iter().filter(|(cut, _)| *cut).count();
        Ok((cut, lives.iter().map(|(_, life)| *life).max().unwrap_or_default()))
    })
}

/// Ends when the server has ended the connection.
async fn keep(address: SocketAddr, kind: Kind) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    match kind {
        Kind::Head => drip(&mut stream, b"GET /livez HTTP/1.1\r\nHost: localhost\r\nA: ").await,
        Kind::Body => {
            let head = b"POST /auth/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n";
            drip(&mut stream, head).await
        }
        Kind::ReadsNothing => {
            stream.write_all(&[HTTP2, NO_ROOM, ASKS].concat()).await?;
            stream.read_to_end(&mut Vec::new()).await.map(|_| ())
        }
        Kind::Idle => {
            stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
            stream.read_to_end(&mut Vec::new()).await.map(|_| ())
        }
    }
}

/// Sends `first` and then a byte now and then, until that fails or the server closes.
async fn drip(stream: &mut TcpStream, first: &[u8]) -> io::Result<()> {
    stream.write_all(first).await?;
    let (mut read, mut write) = stream.split();
    let mut rest = Vec::new();
    tokio::select! {
        end = read.read_to_end(&mut rest) => end.map(|_| ()),
        end = async { loop { sleep(DRIP).await; write.write_all(b"x").await? } } => end,
    }
}
