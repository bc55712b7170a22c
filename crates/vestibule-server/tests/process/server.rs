//! A running server process.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use vestibule::testing::races::say;

use crate::driver::Driver;

/// How long a start may take at most, before the test gives up; claims about starting are narrower.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process of ours. Dropped, it is killed; in a failing test its log is shown.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    started: Instant,
    address: Option<SocketAddr>,
    /// From the start of the process until `/readyz` said yes.
    pub(crate) ready_after: Duration,
}

impl Server {
    pub(crate) fn spawn(mut command: Command, log: PathBuf) -> Self {
        let file = File::create(&log).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let started = Instant::now();
        let child = command.spawn().unwrap();
        Self { child, log, started, address: None, ready_after: Duration::ZERO }
    }

    /// Waits until it says that it is ready.
    pub(crate) fn wait_until_ready(&mut self) {
        while !self.is_ready() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the server ended with {status} before it was ready");
            }
            assert!(self.started.elapsed() < PATIENCE, "the server is not ready after {PATIENCE:?}");
            thread::sleep(Duration::from_millis(5));
        }
        self.ready_after = self.started.elapsed();
    }

    fn is_ready(&mut self) -> bool {
        self.address = self.address.or_else(|| address(&self.log()));
        let answer = self.address.map(|address| Driver(address).send("GET", "/readyz", None, None));
        matches!(answer, Some(Ok(answer)) if answer.status == 200)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("a server that is ready")
    }

    /// A client of it.
    pub(crate) fn driver(&self) -> Driver {
        Driver(self.address())
    }

    /// What it has written so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Kills it in the middle of whatever it does: SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop: SIGTERM.
    pub(crate) fn term(&self) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// How it ended, if it did within `patience`.
    pub(crate) fn end(&mut self, patience: Duration) -> Option<ExitStatus> {
        let began = Instant::now();
        loop {
            match self.child.try_wait().unwrap() {
                None if began.elapsed() < patience => thread::sleep(Duration::from_millis(5)),
                ended => return ended,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(20).collect();
            say(&format!("the server's log ends with:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n")));
        }
    }
}

/// Where it listens, as it says itself.
fn address(log: &str) -> Option<SocketAddr> {
    log.split_once("listens on http://")?.1.split_once("/auth/")?.0.parse().ok()
}
