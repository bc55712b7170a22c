//! The load client, one and the same for every server: HTTP/1.1 on kept connections, all of them driven by one thread.

pub(crate) mod connection;
pub(crate) mod histogram;
pub(crate) mod patches;
pub(crate) mod tokens;
pub(crate) mod work;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;
use tokio::time::{sleep_until, timeout};

use connection::{Connection, Reply};
use histogram::{Histogram, as_float};

use crate::Result;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one connection asks for again and again.
pub(crate) trait Work: Send {
    /// Writes the next request.
    fn request(&mut self, out: &mut Vec<u8>);

    /// Looks at its answer.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&mut self, reply: &Reply<'_>) -> std::result::Result<(), String>;
}

/// How hard to drive a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// How long.
    pub(crate) span: Duration,
    /// Requests a second of all connections together; as many as go if there is none.
    pub(crate) rate: Option<f64>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Answers, right or wrong.
    pub(crate) requests: u64,
    /// Answers that were wrong, and requests without one.
    pub(crate) failures: u64,
    /// What was wrong first.
    pub(crate) first_failure: Option<String>,
    /// How long it took, in seconds.
    pub(crate) seconds: f64,
    /// From sending to the last byte of the answer.
    pub(crate) latencies: Histogram,
}

impl Measured {
    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        as_float(self.requests) / self.seconds.max(f64::EPSILON)
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.failures += other.failures;
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.latencies.merge(&other.latencies);
    }

    fn fail(&mut self, why: impl FnOnce() -> String) {
        self.failures += 1;
        self.first_failure.get_or_insert_with(why);
    }
}

/// Drives a server with one connection for each work, on the calling thread.
///
/// # Errors
/// When the client's own runtime cannot be made.
pub(crate) fn drive<W: Work + 'static>(plan: Plan, works: Vec<W>) -> Result<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let connections = as_float(u64::try_from(works.len())?);
    let gap = plan.rate.map(|rate| Duration::from_secs_f64(connections / rate));
    let began = Instant::now();
    let tasks: Vec<_> = works.into_iter().map(|work| connected(plan, gap, began, work)).collect();
    let mut all = LocalSet::new().block_on(&runtime, async {
        let running: Vec<_> = tasks.into_iter().map(tokio::task::spawn_local).collect();
        let mut all = Measured::default();
        for task in running {
            all.add(task.await?);
        }
        Ok::<_, tokio::task::JoinError>(all)
    })?;
    all.seconds = began.elapsed().as_secs_f64();
    Ok(all)
}

/// One connection's part. With a rate, a request that had to wait for the one before it counts from when it was due.
async fn connected(plan: Plan, gap: Option<Duration>, began: Instant, mut work: impl Work) -> Measured {
    let (mut connection, mut request, mut measured) = (Connection::new(plan.address), Vec::new(), Measured::default());
    let (mut due, end) = (began, began + plan.span);
    loop {
        let mut start = Instant::now();
        if start >= end {
            return measured;
        }
        if let Some(gap) = gap {
            if start < due {
                sleep_until(due.into()).await;
                start = Instant::now();
            } else {
                start = due;
            }
            due += gap;
        }
        request.clear();
        work.request(&mut request);
        match timeout(PATIENCE, connection.ask(&request)).await {
            Ok(Ok(reply)) => {
                measured.requests += 1;
                if let Err(why) = work.check(&reply) {
                    measured.fail(|| format!("{why}: {} {}", reply.status, String::from_utf8_lossy(reply.body)));
                }
            }
            Ok(Err(error)) => measured.fail(|| error.to_string()),
            Err(_) => {
                connection = Connection::new(plan.address);
                measured.fail(|| "no answer".into());
            }
        }
        measured.latencies.record(start.elapsed());
    }
}
