//! What is measured: a bare server, ours on each database, and peers that run already.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use vestibule::db::{self, Db};

use super::Options;
use crate::client::patches::Freshness;
use crate::machine::{self, Server};
use crate::seed::{Amount, seed};
use crate::{Result, output};

/// The key of every installation that a run makes.
pub(super) const SECRET_KEY: &str = "a-key-that-only-benchmarks-have-0123456789";

/// What a run has made on the machine. Dropped, it is gone.
pub(crate) struct Machine {
    server: PathBuf,
    folder: TempDir,
    postgres: Option<Postgres>,
    pub(crate) runtime: Runtime,
}

struct Postgres {
    url: String,
    /// The process that starts one for each connection.
    postmaster: u32,
}

/// A server that is measured.
pub(super) struct Target {
    pub(super) name: String,
    pub(super) address: SocketAddr,
    pub(super) kind: Kind,
    server: Option<Server>,
}

pub(super) enum Kind {
    /// The least that an answer costs.
    Bare(Arc<Freshness>),
    /// Ours.
    Ours { freshness: Arc<Freshness>, amount: Amount, has_postgres: bool, is_big: bool },
    /// Somebody else's.
    Peer { path: String, headers: Arc<[String]> },
}

impl Target {
    /// The server's process, where a run has started it.
    pub(super) fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Whether it is ours, on a small database.
    pub(super) fn is_small(&self) -> bool {
        matches!(self.kind, Kind::Ours { is_big: false, .. })
    }
}

impl Machine {
    pub(super) fn new(options: &Options) -> Result<Self> {
        let machine = Self::with(options.server.clone(), options.folder.clone(), options.postgres.as_deref())?;
        if machine.postgres.is_none() {
            output::note("no --postgres: only SQLite is measured");
        }
        Ok(machine)
    }

    /// A machine with that program (the one beside this one if none is named), and files in that folder.
    ///
    /// # Errors
    /// When there is no such program, or no PostgreSQL at that URL.
    pub(crate) fn with(server: Option<PathBuf>, folder: Option<PathBuf>, postgres: Option<&str>) -> Result<Self> {
        let beside = || std::env::current_exe().map(|path| path.with_file_name("vestibule"));
        let server = server.map_or_else(beside, Ok)?;
        if !server.is_file() {
            return Err(format!("{} is not there; build it, or name it with --server", server.display()).into());
        }
        let folder = folder.unwrap_or_else(std::env::temp_dir);
        let runtime = Runtime::new()?;
        let postgres = postgres.map(|url| runtime.block_on(Postgres::new(url))).transpose()?;
        Ok(Self { server, folder: tempfile::tempdir_in(folder)?, postgres, runtime })
    }

    /// All servers, started, their databases filled.
    pub(super) fn targets(&self, options: &Options) -> Result<Vec<Target>> {
        let mut targets = vec![self.bare(options)?];
        let mut ours = vec![("", options.small(), false)];
        ours.extend(options.big().map(|amount| (", big", amount, true)));
        for (suffix, amount, is_big) in ours {
            let url = self.sqlite(&format!("users{}.db", amount.users));
            targets.push(self.ours(format!("vestibule, SQLite{suffix}"), &url, amount, is_big, false)?);
            if let Some(postgres) = &self.postgres {
                let url = self.runtime.block_on(postgres.schema(if is_big { BIG } else { SMALL }))?;
                targets.push(self.ours(format!("vestibule, PostgreSQL{suffix}"), &url, amount, is_big, true)?);
            }
        }
        for peer in &options.peer {
            targets.push(named(peer)?);
        }
        Ok(targets)
    }

    /// The least that an answer costs.
    pub(super) fn bare(&self, options: &Options) -> Result<Target> {
        bare(options.small())
    }

    /// The URL of a new schema in PostgreSQL, where there is one.
    pub(super) fn postgres(&self, schema: Schema) -> Result<Option<String>> {
        self.postgres.as_ref().map(|postgres| self.runtime.block_on(postgres.schema(schema))).transpose()
    }

    /// The URL of an SQLite file of this run.
    pub(crate) fn sqlite(&self, name: &str) -> String {
        format!("sqlite://{}", self.folder.path().join(name).display())
    }

    /// The folder of this run's files.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The processor time of all of PostgreSQL, in seconds.
    pub(super) fn database_cpu(&self) -> Result<f64> {
        self.postgres.as_ref().map_or(Ok(0.0), |postgres| machine::family_cpu(postgres.postmaster))
    }

    /// Starts our server on a database.
    pub(crate) fn serve(&self, url: &str) -> Result<Server> {
        self.serve_with(url, &[])
    }

    /// As [`Machine::serve`], with settings on top: `("LIMITS__ENABLED", "true")`.
    pub(crate) fn serve_with(&self, url: &str, settings: &[(&str, &str)]) -> Result<Server> {
        let on_top = settings;
        let address = machine::free_address()?;
        let mut command = Command::new(&self.server);
        command.arg("serve").current_dir(self.folder.path());
        let settings = [
            ("SERVER__LISTEN", address.to_string()),
            ("DATABASE__URL", url.to_owned()),
            ("SECRET_KEY", SECRET_KEY.to_owned()),
            ("LIMITS__ENABLED", "false".to_owned()),
            ("LOG__LEVEL", "warn".to_owned()),
        ];
        command.envs(settings.map(|(name, value)| (format!("VESTIBULE__{name}"), value)));
        command.envs(on_top.iter().map(|(name, value)| (format!("VESTIBULE__{name}"), value)));
        Server::start(command, address)
    }

    fn ours(&self, name: String, url: &str, amount: Amount, is_big: bool, has_postgres: bool) -> Result<Target> {
        output::note(&format!("filling {name}: {} users, {} sessions", amount.users, amount.sessions()));
        self.runtime.block_on(seed(url, amount))?;
        let server = self.serve(url)?;
        let kind = Kind::Ours { freshness: Freshness::new(amount.sessions()), amount, has_postgres, is_big };
        Ok(Target { name, address: server.address, kind, server: Some(server) })
    }
}

fn bare(amount: Amount) -> Result<Target> {
    let address = machine::free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bare", "--listen", &address.to_string()]);
    let server = Server::start(command, address)?;
    let kind = Kind::Bare(Freshness::new(amount.sessions()));
    Ok(Target { name: "bare axum".to_owned(), address, kind, server: Some(server) })
}

/// The peer that an argument names.
fn named(peer: &str) -> Result<Target> {
    let wrong = || format!("--peer {peer}: must be NAME=http://HOST:PORT/PATH and perhaps a header line or @FILE");
    let (name, rest) = peer.split_once("=http://").ok_or_else(wrong)?;
    let (url, header) = rest.split_once(' ').unwrap_or((rest, ""));
    let (host, path) = url.split_once('/').ok_or_else(wrong)?;
    let headers: Arc<[String]> = match header.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file)?.lines().map(str::to_owned).collect(),
        None => [header.to_owned()].into(),
    };
    let address = host.to_socket_addrs()?.next().ok_or_else(wrong)?;
    let kind = Kind::Peer { path: format!("/{path}"), headers };
    Ok(Target { name: name.to_owned(), address, kind, server: None })
}

impl Postgres {
    async fn new(url: &str) -> Result<Self> {
        let db = Db::open(url, db::Options::default()).await?;
        let found = db.one::<(i64,)>("SELECT pg_backend_pid()::bigint", &[]).await?;
        let (backend,) = found.ok_or("PostgreSQL does not name its process")?;
        // A server elsewhere can be measured too, only not its processor time.
        let postmaster = u32::try_from(backend).map_err(Into::into).and_then(machine::parent).unwrap_or(0);
        Ok(Self { url: url.to_owned(), postmaster })
    }

    /// A new schema, and the URL with which a connection finds it. An older one of the same name goes.
    async fn schema(&self, schema: Schema) -> Result<String> {
        let db = Db::open(&self.url, db::Options::default()).await?;
        for statement in [schema.drop, schema.create] {
            db.unit(move |tx| async move { tx.run(statement, &[]).await }).await?;
        }
        let mark = if self.url.contains('?') { '&' } else { '?' };
        Ok(format!("{}{mark}options=-c%20search_path%3D{}", self.url, schema.name))
    }
}

/// The name of a schema of a run, and the statements that make it anew: statements are static.
#[derive(Clone, Copy)]
pub(super) struct Schema {
    name: &'static str,
    drop: &'static str,
    create: &'static str,
}

macro_rules! schema {
    ($name:literal) => {
        Schema {
            name: $name,
            drop: concat!("DROP SCHEMA IF EXISTS ", $name, " CASCADE"),
            create: concat!("CREATE SCHEMA ", $name),
        }
    };
}

const SMALL: Schema = schema!("bench_small");
const BIG: Schema = schema!("bench_big");
pub(super) const HS256: Schema = schema!("bench_hs256");
pub(super) const ES256: Schema = schema!("bench_es256");
pub(super) const COMMITS: Schema = schema!("bench_commits");
