//! More logins than the threads can hash.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use crate::Result;
use crate::client::Work;
use crate::client::connection::{Connection, Reply};
use crate::client::histogram::Histogram;
use crate::client::work::post;
use crate::keys::{PASSWORD, username};

use super::AMOUNT;

/// How long a login is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// After what time an impatient client leaves.
const LEAVES_AFTER: Duration = Duration::from_millis(100);

/// How long one who was turned away waits; the server asks for longer.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What became of the logins.
#[derive(Default)]
pub(super) struct Crowd {
    pub(super) done: u64,
    pub(super) refused: u64,
    pub(super) left: u64,
    pub(super) failed: u64,
    pub(super) first_failure: Option<String>,
    /// How long it took to be turned away.
    pub(super) refusals: Histogram,
}

impl Crowd {
    fn add(&mut self, other: Self) {
        self.done += other.done;
        self.refused += other.refused;
        self.left += other.left;
        self.failed += other.failed;
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.refusals.merge(&other.refusals);
    }
}

/// Lets that many clients log in again and again.
pub(super) fn press(address: SocketAddr, many: usize, span: Duration) -> Result<Crowd> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let end = Instant::now() + span;
    LocalSet::new().block_on(&runtime, async {
        let clients = (0..many).map(|number| tokio::task::spawn_local(client(address, number, end)));
        let running: Vec<_> = clients.collect();
        let mut all = Crowd::default();
        for one in running {
            all.add(one.await?);
        }
        Ok(all)
    })
}

async fn client(address: SocketAddr, number: usize, end: Instant) -> Crowd {
    let (mut crowd, mut request) = (Crowd::default(), Vec::new());
    let name = username(u64::try_from(number).unwrap_or(0) % AMOUNT.users + 1);
    post(&mut request, "/auth/login/", &format!(r#"{{"username":"{name}","password":"{PASSWORD}"}}"#));
    let mut connection = Connection::new(address);
    while Instant::now() < end {
        if number % 2 == 1 {
            match leave_early(address, &request).await {
                Ok(()) => crowd.left += 1,
                Err(_) => crowd.failed += 1,
            }
            continue;
        }
        let began = Instant::now();
        match timeout(PATIENCE, connection.ask(&request)).await {
            Ok(Ok(Reply { status: 200, .. })) => crowd.done += 1,
            Ok(Ok(Reply { status: 503, .. })) => {
                crowd.refused += 1;
                crowd.refusals.record(began.elapsed());
                sleep(AGAIN_AFTER).await;
            }
            Ok(Ok(reply)) => {
                let why = || format!("a login: {} {}", reply.status, String::from_utf8_lossy(reply.body));
                crowd.first_failure.get_or_insert_with(why);
            }
            Ok(Err(_)) | Err(_) => {
                crowd.failed += 1;
                connection = Connection::new(address);
            }
        }
    }
    crowd
}

async fn leave_early(address: SocketAddr, request: &[u8]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    sleep(LEAVES_AFTER).await;
    Ok(())
}

/// Asks whether the process lives.
pub(super) struct Alive(pub(super) Arc<str>);

impl Work for Alive {
    fn request(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", self.0).as_bytes());
    }

    fn check(&mut self, reply: &Reply<'_>) -> std::result::Result<(), String> {
        if reply.status == 200 { Ok(()) } else { Err("not alive".to_owned()) }
    }
}
