//! The program, started in a folder of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::client::Client;

/// How long a start may take at most.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const PASSWORD: &str = "Tr1cky-pass-9x";

/// A running server on an SQLite file. Dropped, it is killed; in a failing test its log is shown.
pub(crate) struct Server {
    child: Child,
    folder: TempDir,
    at: SocketAddr,
    /// Where the numbers are, if the settings ask for them.
    pub(crate) metrics: Option<SocketAddr>,
}

/// What every server here has: cheap hashing and no limits, unless a test sets them.
const SETTINGS: [(&str, &str); 4] = [
    ("SERVER__LISTEN", "127.0.0.1:0"),
    ("PASSWORD__MEMORY_KIB", "8"),
    ("PASSWORD__ITERATIONS", "1"),
    ("LIMITS__ENABLED", "false"),
];

/// What production asks for, with limits too high to matter.
pub(crate) const PRODUCTION: [(&str, &str); 11] = [
    ("ENVIRONMENT", "production"),
    ("SERVER__PUBLIC_URL", "https://auth.example.test"),
    ("SECRET_KEY", "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92"),
    ("EMAIL__FROM", "auth@example.test"),
    // Nobody listens there: mails wait, as they do while a mail server is down.
    ("EMAIL__TRANSPORT", "http"),
    ("EMAIL__HTTP__URL", "http://127.0.0.1:9/mail"),
    ("PASSWORD__MEMORY_KIB", "7168"),
    ("PASSWORD__ITERATIONS", "5"),
    ("LIMITS__ENABLED", "true"),
    ("LIMITS__LOGIN", "10000/m/ip"),
    ("LIMITS__REGISTRATION", "10000/m/ip"),
];

/// The program in that folder, with these settings on top.
pub(crate) fn command(folder: &TempDir, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.arg("serve").current_dir(folder.path()).env_clear().stdin(Stdio::null());
    for (key, value) in SETTINGS.iter().chain(settings) {
        command.env(format!("VESTIBULE__{key}"), value);
    }
    command
}

impl Server {
    /// A server that is ready.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let child = command(&folder, settings).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut server = Self { child, folder, at: ([127, 0, 0, 1], 0).into(), metrics: None };
        let began = Instant::now();
        loop {
            assert!(server.child.try_wait().unwrap().is_none() && began.elapsed() < PATIENCE, "{}", server.log());
            if let Some(at) = place(&server.log(), "listens on http://") {
                server.at = at;
                if server.client().ask("GET", "/readyz", None, "").await.status == 200 {
                    break;
                }
            }
            sleep(Duration::from_millis(10)).await;
        }
        server.metrics = place(&server.log(), "metrics  http://");
        server
    }

    /// How a start with these settings ends, when it must not succeed.
    pub(crate) fn refused(settings: &[(&str, &str)]) -> Output {
        let folder = tempfile::tempdir().unwrap();
        command(&folder, settings).output().unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        Client(self.at)
    }

    /// Registers, and gives the key.
    pub(crate) async fn register(&self, name: &str) -> String {
        let email = format!("{name}@example.test");
        let body = json!({ "username": name, "email": email, "password1": PASSWORD, "password2": PASSWORD });
        let answer = self.client().post("/auth/registration/", &body).await;
        answer.json()["key"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    }

    /// The URL of its database.
    pub(crate) fn database(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("vestibule.db").display())
    }

    pub(crate) fn folder(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// What it has written so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }

    /// The most memory that it had since [`Server::forget_peak`], in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Begins to look for the peak anew.
    pub(crate) fn forget_peak(&self) {
        fs::write(self.proc("clear_refs"), "5").unwrap();
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(self.proc("fd")).unwrap().count()
    }
}

impl Drop for Server {
    #[expect(clippy::print_stderr, reason = "a failed test must show what the server said")]
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(20).collect();
            eprintln!("the server's log ends with:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
    }
}

/// Where it says that something is.
fn place(log: &str, before: &str) -> Option<SocketAddr> {
    log.split_once(before)?.1.split_once('/')?.0.parse().ok()
}
