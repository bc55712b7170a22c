//! The accept loop: connections are counted, watched and, at the end, allowed to finish (design decision 22).
//!
//! `axum::serve` installs no timer and counts nothing, so that slow clients could hold every descriptor (T74). Here each
//! connection is one task that drives hyper beside a clock: [`pace`] says how long the present step may take, [`line`] is the
//! socket that tells it of bytes, [`door`] is the way of one request into the router and back.

pub(crate) mod answers;
mod body;
pub(crate) mod descriptors;
mod door;
mod line;
pub(crate) mod meters;
mod pace;
pub(crate) mod signals;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::metrics::{Counter, Gauge};
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use door::Door;
use line::Line;
use meters::Meters;
use pace::Pace;

/// The most bytes that a request's head may have (T73). HTTP/1.1 answers 431 beyond it, HTTP/2 per stream.
const HEAD_BYTES: usize = 64 * 1024;
/// The streams that one HTTP/2 connection may have open at once.
const STREAMS: u32 = 100;
/// The streams reset by the client that may wait to be looked at before the connection is ended (T74, CVE-2023-44487).
const PENDING_RESETS: usize = 20;
/// The streams that we may reset because of the client's faults before the connection is ended (CVE-2025-8671).
const FAULTY_STREAMS: usize = 128;
/// Body bytes that an HTTP/2 client may send ahead, for one stream and for all together: what a connection can make us hold.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// How long a connection that is told to go may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long to wait when the machine has no descriptor or memory for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What one client may take of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections open at once; further ones wait in the listener's queue.
    pub(crate) max_connections: usize,
    /// From the first byte of a request, or from accepting the connection, until its head is complete.
    pub(crate) header_timeout: Duration,
    /// From the end of a request's head until its body is complete; also the longest pause of a client that is being answered.
    pub(crate) body_timeout: Duration,
    /// Between the end of one answer and the first byte of the next request.
    pub(crate) idle_timeout: Duration,
}

/// Where requests come in.
#[derive(Debug)]
pub(crate) struct Listener {
    /// The socket.
    pub(crate) socket: TcpListener,
    /// What the numbers call it.
    pub(crate) name: &'static str,
    /// Whether people come here by https, through a proxy, and should never come without it.
    pub(crate) https: bool,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every request that had begun was answered.
    Finished,
    /// The grace ran out while this many connections were still busy.
    Cut(usize),
}

/// Serves `app` until `stop` is ready, then accepts nothing more and lets the requests that have begun finish for up to `grace`.
///
/// Speaks HTTP/1.1 and, to clients that know beforehand, HTTP/2. Each request carries the socket's address as
/// [`vestibule::http::peer::Peer`] in its extensions.
pub(crate) async fn serve(
    listener: Listener,
    app: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
    grace: Duration,
) -> Outcome {
    let meters = Meters::of(listener.name);
    let (leave, leaving) = watch::channel(false);
    let seats = Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let protocol = Arc::new(protocol());
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(end) = connections.join_next() => report(end),
            (stream, from, seat) = accept(&listener.socket, &seats, &meters) => {
                meters.accepted.increment(1);
                let pace = Arc::new(Pace::new(limits));
                let door = Door::new(app.clone(), from, Arc::clone(&pace), limits.body_timeout, listener.https);
                let line = Line::new(stream, Arc::clone(&pace), listener.https);
                let run = connection(Arc::clone(&protocol), line, door, pace, leaving.clone(), meters.cut.clone());
                let seat = Seat::taken(seat, &meters.open);
                connections.spawn(async move {
                    run.await;
                    drop(seat);
                });
            }
        }
    }
    drop(listener);
    leave.send_replace(true);
    finish(connections, grace).await
}

/// A connection's place, counted until it is dropped, however that comes.
struct Seat {
    _permit: OwnedSemaphorePermit,
    open: Gauge,
}

impl Seat {
    fn taken(permit: OwnedSemaphorePermit, open: &Gauge) -> Self {
        open.increment(1.0);
        Self { _permit: permit, open: open.clone() }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.open.decrement(1.0);
    }
}

/// Waits for the connections, up to `grace`.
async fn finish(mut connections: JoinSet<()>, grace: Duration) -> Outcome {
    let all = async {
        while let Some(end) = connections.join_next().await {
            report(end);
        }
    };
    if timeout(grace, all).await.is_ok() {
        return Outcome::Finished;
    }
    let cut = connections.len();
    connections.shutdown().await;
    Outcome::Cut(cut)
}

/// The next connection, once there is a seat for it.
///
/// A failure to accept is the client's (it left again) or the machine's (no descriptors); neither ends the server.
async fn accept(
    listener: &TcpListener,
    seats: &Arc<Semaphore>,
    meters: &Meters,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    if seats.available_permits() == 0 {
        meters.full.increment(1);
    }
    loop {
        // The semaphore is never closed.
        let Ok(seat) = Arc::clone(seats).acquire_owned().await else { continue };
        match listener.accept().await {
            // Answers are small and written whole: waiting for more to fill a packet only delays them.
            Ok((stream, from)) if stream.set_nodelay(true).is_ok() => return (stream, from, seat),
            // The client left again.
            Ok(_) => {}
            Err(error) if left_again(&error) => {}
            Err(error) => {
                meters.failed.increment(1);
                tracing::error!(%error, "cannot accept connections for the moment");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn left_again(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// hyper with our bounds. Its own header timer would also run between two requests, so [`pace`] keeps time instead; the bound of
/// 100 header fields is hyper's default, which it holds on the stack.
fn protocol() -> Builder<TokioExecutor> {
    let mut protocol = Builder::new(TokioExecutor::new());
    protocol.http1().max_buf_size(HEAD_BYTES).header_read_timeout(None);
    protocol
        .http2()
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(FAULTY_STREAMS)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(HEAD_BYTES);
    protocol
}

/// Drives one connection until it ends, is overdue, or the server leaves.
async fn connection(
    protocol: Arc<Builder<TokioExecutor>>,
    line: Line,
    door: Door,
    pace: Arc<Pace>,
    mut leaving: watch::Receiver<bool>,
    cut: Counter,
) {
    let mut talk = pin!(protocol.serve_connection(TokioIo::new(line), door));
    let mut overdue = pin!(pace.overdue());
    let mut told = false;
    loop {
        tokio::select! {
            biased;
            end = talk.as_mut() => {
                if let Err(error) = end {
                    tracing::debug!(error, "a connection ended early");
                }
                return;
            }
            () = overdue.as_mut() => break,
            _ = leaving.wait_for(|leave| *leave), if !told => {
                told = true;
                talk.as_mut().graceful_shutdown();
            }
        }
    }
    cut.increment(1);
    tracing::debug!("a client took too long");
    talk.as_mut().graceful_shutdown();
    let _ = timeout(GOODBYE, talk).await;
}

/// A connection's task ends by itself; a panic in it (outside of a request, which [`door`] guards) is our fault and cost one client.
fn report(end: Result<(), JoinError>) {
    if end.is_err_and(|error| error.is_panic()) {
        meters::panicked("connection");
        tracing::error!("the task of a connection panicked");
    }
}
