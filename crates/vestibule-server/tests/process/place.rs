//! Where a server keeps its data: a folder and a database that nobody else uses, gone afterwards.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use vestibule::db::{Db, Options};
use vestibule::params;
use vestibule::testing::databases::{self, TestDb};

use crate::server::Server;

/// A folder to run in and a database.
pub(crate) struct Place {
    /// `sqlite` or `postgres`.
    pub(crate) kind: &'static str,
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    servers: AtomicU64,
    /// The schema, dropped with this. An SQLite file is not held open: a killed server must not find that somebody kept house.
    _schema: Option<(TestDb, Runtime)>,
}

impl Place {
    /// An SQLite file that is not there yet.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().to_owned();
        Self { folder, ..Self::sqlite_in(&at) }
    }

    /// As [`Place::sqlite`], with the file in a folder of somebody else's; the server's log is not there.
    pub(crate) fn sqlite_in(at: &Path) -> Self {
        let url = format!("sqlite://{}", at.join("vestibule.db").display());
        Self { kind: "sqlite", url, folder: tempfile::tempdir().unwrap(), servers: AtomicU64::new(0), _schema: None }
    }

    /// An empty schema in the PostgreSQL of the tests.
    pub(crate) fn postgres() -> Self {
        let runtime = Runtime::new().unwrap();
        let database = runtime.block_on(databases::empty_postgres());
        let folder = tempfile::tempdir().unwrap();
        let url = database.url.clone();
        Self { kind: "postgres", url, folder, servers: AtomicU64::new(0), _schema: Some((database, runtime)) }
    }

    /// On another PostgreSQL.
    pub(crate) fn at(url: String) -> Self {
        Self { kind: "postgres", url, folder: tempfile::tempdir().unwrap(), servers: AtomicU64::new(0), _schema: None }
    }

    pub(crate) fn both() -> [Self; 2] {
        [Self::sqlite(), Self::postgres()]
    }

    /// The program with cheap hashing and no limits, in a folder and an environment of its own; `settings` come on top.
    pub(crate) fn command(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("VESTIBULE__DATABASE__URL", &self.url);
        command.env("VESTIBULE__SERVER__LISTEN", "127.0.0.1:0");
        command.env("VESTIBULE__PASSWORD__MEMORY_KIB", "8");
        command.env("VESTIBULE__PASSWORD__ITERATIONS", "1");
        command.env("VESTIBULE__PASSWORD__HASH_QUEUE", "1000");
        command.env("VESTIBULE__LIMITS__ENABLED", "false");
        command.envs(settings.iter().copied());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
        self.command(arguments, settings).output().unwrap()
    }

    /// A server that is ready.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// As [`Place::serve`], with settings.
    pub(crate) fn serve_with(&self, settings: &[(&str, &str)]) -> Server {
        let mut server = self.spawn(settings);
        server.wait_until_ready();
        server
    }

    /// A server that was started just now.
    pub(crate) fn spawn(&self, settings: &[(&str, &str)]) -> Server {
        let number = self.servers.fetch_add(1, Ordering::Relaxed);
        Server::spawn(self.command(&["serve"], settings), self.log(number))
    }

    fn log(&self, number: u64) -> PathBuf {
        self.folder.path().join(format!("server-{number}.log"))
    }

    /// What a query counts. On a thread and connections of its own, all of them closed afterwards.
    pub(crate) fn count(&self, sql: &'static str) -> i64 {
        self.look(sql, async |db| db.one::<(i64,)>(sql, params![]).await.unwrap().unwrap().0)
    }

    /// The first column of what a query finds.
    pub(crate) fn numbers(&self, sql: &'static str) -> Vec<i64> {
        self.look(sql, async |db| db.all::<(i64,)>(sql, params![]).await.unwrap().into_iter().map(|(number,)| number).collect())
    }

    /// The same, where it is a text.
    pub(crate) fn texts(&self, sql: &'static str) -> Vec<String> {
        self.look(sql, async |db| db.all::<(String,)>(sql, params![]).await.unwrap().into_iter().map(|(text,)| text).collect())
    }

    fn look<T: Send>(&self, why: &str, look: impl AsyncFnOnce(Db) -> T + Send) -> T {
        let asked = || {
            let runtime = Runtime::new().unwrap();
            runtime.block_on(async {
                let options = Options { connections: 1, ..Options::default() };
                look(Db::open(&self.url, options).await.unwrap_or_else(|error| panic!("{why}: {error}"))).await
            })
        };
        std::thread::scope(|scope| scope.spawn(asked).join().unwrap())
    }

    /// Changes the database as a strange program would.
    pub(crate) fn change(&self, sql: &'static str) {
        self.look(sql, async |db| db.unit(move |tx| async move { tx.run(sql, params![]).await.map(drop) }).await.unwrap());
    }

    /// Rows that must not be: the database is sound, every reference has its target, and no account is half made.
    pub(crate) fn faults(&self) -> Vec<(&'static str, i64)> {
        let own: &[&str] = match self.kind {
            "sqlite" => &[
                "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
                "SELECT count(*) FROM pragma_foreign_key_check",
            ],
            _ => &[],
        };
        own.iter().chain(&HALVES).map(|sql| (*sql, self.count(sql))).filter(|(_, rows)| *rows > 0).collect()
    }
}

/// The program just built, or the one that `VESTIBULE_TEST_SERVER` names: a release, say.
fn program() -> PathBuf {
    std::env::var_os("VESTIBULE_TEST_SERVER").map_or_else(|| env!("CARGO_BIN_EXE_vestibule").into(), PathBuf::from)
}

/// Rows that no whole unit leaves behind.
const HALVES: [&str; 6] = [
    "SELECT count(*) FROM auth_sessions s WHERE NOT EXISTS (SELECT 1 FROM auth_users u WHERE u.id = s.user_id)",
    "SELECT count(*) FROM auth_unique_values v WHERE NOT EXISTS (SELECT 1 FROM auth_users u WHERE u.id = v.user_id)",
    // A change of password moves its own session along and removes the others in one unit.
    "SELECT count(*) FROM auth_sessions s JOIN auth_users u ON u.id = s.user_id WHERE s.epoch <> u.epoch",
    "SELECT count(*) FROM auth_users WHERE username_key IS NULL OR email_owner IS NULL OR password IS NULL",
    // T81: the trail commits with what it tells of.
    "SELECT count(*) FROM auth_users u WHERE (SELECT count(*) FROM auth_audit a WHERE a.user_id = u.id AND a.event = 'user.registered') <> 1",
    "SELECT count(*) FROM auth_users u WHERE u.epoch - 1 <> \
     (SELECT count(*) FROM auth_audit a WHERE a.user_id = u.id AND a.event = 'password.changed')",
];
