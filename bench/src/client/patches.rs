//! The other client: it edits users while they are read, and remembers what every later read must show.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use memchr::memmem;

use super::connection::Connection;
use super::work;
use crate::Result;
use crate::keys::key;
use crate::random::Random;

/// What stands before a version in an answer.
const MARK: &[u8] = br#""first_name":"v"#;

/// For each token the version that was acknowledged last, and how much was asked.
pub(crate) struct Freshness {
    versions: Vec<AtomicU64>,
    next: AtomicU64,
    reads: AtomicU64,
}

impl Freshness {
    /// Nothing was written yet to the users of `tokens` tokens.
    pub(crate) fn new(tokens: u64) -> Arc<Self> {
        let versions = (0..tokens).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { versions, next: AtomicU64::new(1), reads: AtomicU64::new(0) })
    }

    /// How many tokens there are.
    pub(crate) fn tokens(&self) -> u64 {
        u64::try_from(self.versions.len()).unwrap_or(u64::MAX)
    }

    /// The version that was acknowledged last for a token, counted from 1; 0 if there was none.
    pub(crate) fn version(&self, token: u64) -> u64 {
        self.at(token).map_or(0, |version| version.load(Ordering::SeqCst))
    }

    /// Counts a read.
    pub(crate) fn read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether an answer shows that version or a later one.
    pub(crate) fn shows(body: &[u8], version: u64) -> bool {
        if version == 0 {
            return true;
        }
        let Some(at) = memmem::find(body, MARK) else { return false };
        let digits = body[at + MARK.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0_u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))) >= version
    }

    fn at(&self, token: u64) -> Option<&AtomicU64> {
        usize::try_from(token - 1).ok().and_then(|at| self.versions.get(at))
    }
}

/// The other client at work.
pub(crate) struct Patches {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<u64>>,
}

impl Patches {
    /// Edits one user for every `reads_each` reads, and reads each back at once.
    pub(crate) fn start(address: SocketAddr, path: &str, freshness: &Arc<Freshness>, reads_each: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, path, freshness) = (stop.clone(), path.to_owned(), freshness.clone());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(edit(address, &path, &freshness, reads_each, &told))
        });
        Self { stop, thread }
    }

    /// Ends it. How many requests it sent.
    ///
    /// # Errors
    /// What was wrong with an answer.
    pub(crate) fn end(self) -> Result<u64> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap_or_else(|_| Err("the client that edits panicked".into()))
    }
}

async fn edit(address: SocketAddr, path: &str, freshness: &Freshness, reads_each: u64, stop: &AtomicBool) -> Result<u64> {
    let (mut connection, mut request, mut sent) = (Connection::new(address), Vec::new(), 0);
    let mut random = Random::new(freshness.next.load(Ordering::SeqCst) + 77);
    let before = freshness.reads.load(Ordering::Relaxed);
    while !stop.load(Ordering::SeqCst) {
        if (freshness.reads.load(Ordering::Relaxed) - before) / reads_each * 2 <= sent {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        let token = random.below(freshness.tokens()) + 1;
        let version = freshness.next.fetch_add(1, Ordering::SeqCst);
        for is_edit in [true, false] {
            request.clear();
            match is_edit {
                true => work::patch(&mut request, path, &key(token), &format!(r#"{{"first_name":"v{version}"}}"#)),
                false => work::get(&mut request, path, &key(token)),
            }
            let reply = connection.ask(&request).await?;
            if reply.status != 200 || !Freshness::shows(reply.body, version) {
                let body = String::from_utf8_lossy(reply.body);
                return Err(format!("version {version} was written but not shown: {} {body}", reply.status).into());
            }
            if let Some(at) = freshness.at(token).filter(|_| is_edit) {
                at.store(version, Ordering::SeqCst);
            }
            sent += 1;
        }
    }
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_version_or_none_is_stale() {
        let body = br#"{"pk":1,"first_name":"v12","last_name":""}"#;
        assert!(Freshness::shows(body, 12) && Freshness::shows(body, 11) && Freshness::shows(b"{}", 0));
        assert!(!Freshness::shows(body, 13) && !Freshness::shows(br#"{"first_name":""}"#, 1));
    }
}
