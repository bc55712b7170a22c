//! A PostgreSQL of one test alone, which may be stopped, cut off, filled and looked into.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// How many connections it takes, three of them from its superuser only.
const SLOTS: u32 = 50;

/// Reached by its socket. The superuser is `vestibule`; `app` may do what a service needs, and no more.
pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let cluster = Self { folder: tempfile::tempdir().unwrap(), programs: programs() };
        give(cluster.folder.path());
        cluster.run("initdb", &["--username=vestibule", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        cluster.up();
        let mut session = cluster.session();
        session.run("CREATE ROLE app LOGIN");
        session.run("CREATE DATABASE app OWNER app");
        cluster
    }

    /// The service's database, by the socket.
    pub(crate) fn url(&self) -> String {
        format!("postgres://app@/app?host={}", self.folder.path().display())
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }

    pub(crate) fn up(&self) {
        let folder = self.folder.path().display();
        let options =
            format!("-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off -c max_connections={SLOTS}");
        self.run("pg_ctl", &["-w", "-t", "60", "-l", &format!("{folder}/server.log"), "-o", &options, "start"]);
    }

    /// Ends it as a crash does.
    pub(crate) fn down(&self) {
        self.run("pg_ctl", &["-m", "immediate", "stop"]);
    }

    /// Ends it with its connections, and starts it again.
    pub(crate) fn restart(&self) {
        self.run("pg_ctl", &["-w", "-t", "60", "-m", "fast", "stop"]);
        self.up();
    }

    /// A connection of its superuser.
    pub(crate) fn session(&self) -> Session {
        self.try_session().expect("a free connection")
    }

    fn try_session(&self) -> io::Result<Session> {
        Session::open(&self.socket())
    }

    /// Ends all connections of the service.
    pub(crate) fn terminate(&self, by: &mut Session) {
        by.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
    }

    /// Takes every connection that there is, also those of the service, until the sessions are dropped.
    pub(crate) fn fill(&self) -> Vec<Session> {
        let mut all = vec![self.session()];
        let taken = |all: &mut Vec<Session>| {
            while let Ok(session) = self.try_session() {
                all.push(session);
            }
        };
        taken(&mut all);
        while all.len() < SLOTS as usize {
            let mut first = all.remove(0);
            self.terminate(&mut first);
            all.push(first);
            taken(&mut all);
        }
        all
    }

    /// A program that comes with the server.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(self.programs.join(name))
    }

    /// PostgreSQL refuses to run as root.
    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.arg("-D").arg(self.folder.path().join("data")).args(arguments).current_dir(self.folder.path());
        let log = std::fs::File::create(self.folder.path().join("commands.log")).unwrap();
        let status = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).status().unwrap();
        assert!(status.success(), "{arguments:?}: {status}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.folder.path().join("data/postmaster.pid").exists() {
            self.down();
        }
    }
}

/// Lets PostgreSQL's own user have a folder, where we are root.
pub(crate) fn give(folder: &Path) {
    if rustix::process::geteuid().is_root() {
        assert!(Command::new("chown").arg("postgres").arg(folder).status().unwrap().success());
    }
}

/// The newest installed server's programs.
fn programs() -> PathBuf {
    let installed =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let newest = installed.filter(|bin| bin.join("initdb").exists()).max_by_key(|bin| version(bin));
    newest.expect("this test starts a PostgreSQL of its own: install the package postgresql")
}

fn version(bin: &Path) -> u32 {
    bin.parent().and_then(|folder| folder.file_name()?.to_str()?.parse().ok()).unwrap_or_default()
}

/// A connection by PostgreSQL's own protocol, so that a test needs no other program and takes exactly one slot.
pub(crate) struct Session(UnixStream);

impl Session {
    fn open(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut session = Self(stream);
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        body.extend(b"user\0vestibule\0database\0postgres\0\0");
        session.send(None, &body)?;
        session.until_ready()?;
        Ok(session)
    }

    /// Runs a statement; its rows are not looked at.
    pub(crate) fn run(&mut self, sql: &str) {
        self.send(Some(b'Q'), format!("{sql}\0").as_bytes()).unwrap();
        self.until_ready().unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn send(&mut self, kind: Option<u8>, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        self.0.write_all(&[kind.as_slice(), &length, body].concat())
    }

    /// Reads messages until it may be asked again. The first error that is among them is the outcome.
    fn until_ready(&mut self) -> io::Result<()> {
        let mut failed = None;
        loop {
            let mut head = [0; 5];
            if let Err(end) = self.0.read_exact(&mut head) {
                return Err(failed.unwrap_or(end));
            }
            let [kind, length @ ..] = head;
            let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
            self.0.read_exact(&mut body)?;
            match kind {
                b'E' => failed = failed.or_else(|| Some(io::Error::other(String::from_utf8_lossy(&body).into_owned()))),
                b'Z' => return failed.map_or(Ok(()), Err),
                _ => {}
            }
        }
    }
}
