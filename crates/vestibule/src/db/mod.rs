//! The database room: one SQL text for SQLite and PostgreSQL.
//!
//! Reads are one statement without a transaction: [`Db::one`] and [`Db::all`]. Every write is a unit, [`Db::unit`]: all of its
//! statements happen or none, and the answer comes after the commit. SQL is static and portable: `$1`, `RETURNING`, `ON CONFLICT`,
//! BIGINT for numbers and times, `CAST(SUM(…) AS BIGINT)`, no `now()`; a test of a query runs on both databases.
//!
//! ```no_run
//! # use vestibule::{db::{Db, Error}, params};
//! # async fn example(db: Db, user: i64) -> Result<(), Error> {
//! let ended = db.unit(move |tx| async move { tx.run("DELETE FROM auth_sessions WHERE user_id = $1", params![user]).await }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Rules of a unit, the same on both: no hashing, network or mail inside; after a failed statement nothing of it is kept; a client that
//! leaves cannot cut it; a `Tx` that outlives it is refused; awaiting something other than its own statements is limited, by default
//! to 250 ms on SQLite (where all other writes wait meanwhile) and 2 s on PostgreSQL.
//! Start with [`sqlite`] and [`writer`], then [`postgres`], then [`migrate`].

#![cfg_attr(
    not(any(feature = "sqlite", feature = "postgres")),
    allow(unreachable_code, unused, reason = "built without a database, none of this can run, but all of it compiles")
)]

mod error;
pub mod migrate;
mod param;
#[cfg(feature = "postgres")]
pub mod postgres;
mod row;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(test)]
mod tests;
#[cfg(feature = "sqlite")]
pub mod writer;

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::ground::{self, meters};

pub use error::{Error, OpenError, Result};
pub use param::Param;
pub use row::{Column, FromRow, Row};

/// An open database. Cloning is cheap and shares it.
#[derive(Clone)]
pub enum Db {
    /// A file, with readers on the calling threads and one writer.
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Sqlite),
    /// A server, behind a pool of connections.
    #[cfg(feature = "postgres")]
    Postgres(postgres::Postgres),
}

/// One unit of work while it runs. It lives no longer than the unit: kept or sent elsewhere, its statements are refused.
pub enum Tx {
    /// On SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(writer::Unit),
    /// On PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(postgres::Unit),
}

/// What a unit does, with its types forgotten as far as possible: the machinery is compiled once for each kind of answer.
type Work<T, E> = Box<dyn FnOnce(Tx) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send>> + Send>;

/// How to open a database.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The most connections to PostgreSQL at once; SQLite does not ask.
    pub connections: usize,
    /// How long a unit may await something other than its own statements (a hook that uses the network) before it is rolled back.
    /// `None`: 250 ms on SQLite, 2 s on PostgreSQL.
    pub hook_wait: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self { connections: 16, hook_wait: None }
    }
}

/// What kind of unit it is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A unit of our own statements.
    Plain,
    /// A unit in which the host's hooks run.
    Hooked,
    /// A migration, which may take its time.
    Migration,
}

impl Db {
    /// Opens the database of an URL: `sqlite://file.db` (relative to the working directory), `sqlite:///absolute/file.db`, or
    /// `postgres://user:password@host/name` with PostgreSQL's own parameters (see [`postgres`]). A missing SQLite file is made,
    /// readable by its owner only (T80). Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// A sentence for the operator that says what to do. It never holds the URL's password.
    pub async fn open(url: &str, options: Options) -> Result<Self, OpenError> {
        #[cfg(feature = "sqlite")]
        if let Some(path) = url.strip_prefix("sqlite://") {
            return Ok(Self::Sqlite(sqlite::Sqlite::open(path, options).await?));
        }
        #[cfg(feature = "postgres")]
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(postgres::Postgres::open(url, options).await?));
        }
        Err(OpenError(format!(
            "database.url must begin with {}",
            match (cfg!(feature = "sqlite"), cfg!(feature = "postgres")) {
                (true, true) => "sqlite:// or postgres://",
                (true, false) => "sqlite:// (this program was built without PostgreSQL)",
                (false, true) => "postgres:// (this program was built without SQLite)",
                (false, false) => "what it was built for: this program was built without a database",
            }
        )))
    }

    /// Whether several processes may serve from this database: so on PostgreSQL.
    pub fn is_shared(&self) -> bool {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => true,
        }
    }

    /// Reads at most one row, by a statement that gives it at once: on PostgreSQL others wait behind it in the same connection.
    ///
    /// # Errors
    /// [`Error::Other`] when there are two; else what the database says.
    pub async fn one<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<T>> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref db) => db.point(sql, params),
            #[cfg(feature = "postgres")]
            // In a box, so that a read from SQLite does not carry the room for one from here along.
            Self::Postgres(ref db) => at_most_one(Box::pin(db.point(sql, params)).await?),
        }
    }

    /// Reads all rows. On SQLite this runs on a thread for blocking work, so it may be a scan.
    ///
    /// # Errors
    /// What the database says.
    pub async fn all<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<T>> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref db) => db.scan(sql, params).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(ref db) => db.read(sql, params).await,
        }
    }

    /// Runs a unit of work: kept if it returns `Ok`, undone if it returns `Err` or panics. The answer comes after the commit.
    ///
    /// # Errors
    /// The unit's own, or the database's: [`Error::Busy`], [`Error::Slow`], [`Error::Full`], [`Error::Lost`] (then the unit may have
    /// happened or not), and [`Error::Poisoned`] when it returned `Ok` over a failed statement.
    ///
    /// # Panics
    /// When the unit panics, with its panic.
    pub async fn unit<T: Send + 'static, E, Fut>(&self, work: impl FnOnce(Tx) -> Fut + Send + 'static) -> Result<T, E>
    where
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.run_unit(Kind::Plain, Box::new(|tx| Box::pin(work(tx)))).await
    }

    /// As [`Db::unit`], for a unit in which the host's hooks run: on SQLite it begins a group of its own, so that the units before it
    /// do not wait for the hooks with an answer that they have earned.
    ///
    /// # Errors
    /// As [`Db::unit`].
    ///
    /// # Panics
    /// As [`Db::unit`].
    pub async fn unit_with_hooks<T: Send + 'static, E, Fut>(&self, work: impl FnOnce(Tx) -> Fut + Send + 'static) -> Result<T, E>
    where
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.run_unit(Kind::Hooked, Box::new(|tx| Box::pin(work(tx)))).await
    }

    async fn run_unit<T: Send + 'static, E: From<Error> + Send + 'static>(&self, kind: Kind, work: Work<T, E>) -> Result<T, E> {
        let began = Instant::now();
        let done: Result<T, E> = match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref db) => db.unit(kind, work).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(ref db) => db.unit(kind, work).await,
        };
        count_unit(began, done.as_ref().err().map(|error| error as &dyn Any));
        done
    }
}

/// Counts a unit. The kind of a database's error inside a unit's own is told by what it turns into: in a unit nothing else is
/// unavailable.
fn count_unit(began: Instant, failed: Option<&dyn Any>) {
    metrics::histogram!(meters::UNIT_SECONDS).record(began.elapsed());
    let Some(failed) = failed else { return };
    if let Some(error) = failed.downcast_ref::<Error>() {
        error.count();
    } else if let Some(error) = failed.downcast_ref::<ground::Error>() {
        let kinds = [Error::Busy, Error::Slow, Error::Lost, Error::Full];
        match kinds.into_iter().find(|kind| ground::Error::from(kind.clone()) == *error) {
            Some(kind) => kind.count(),
            None if matches!(error, ground::Error::Internal(_)) => Error::Poisoned.count(),
            None => {}
        }
    }
}

impl Error {
    /// Counts the error by its kind.
    pub(crate) fn count(&self) {
        let kind = match self {
            Self::Busy => "busy",
            Self::Lost => "lost",
            Self::Full => "full",
            Self::Slow => "slow",
            Self::Unique(_) | Self::Poisoned | Self::Other(_) => "fault",
        };
        metrics::counter!(meters::DB_ERRORS, "kind" => kind).increment(1);
    }
}

impl Tx {
    /// Whether several processes may write at a time: so on PostgreSQL.
    pub fn is_shared(&self) -> bool {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => true,
        }
    }

    /// Runs a statement that gives at most one row.
    ///
    /// # Errors
    /// [`Error::Other`] when there are two; else what the database says. The unit cannot be kept after it.
    pub async fn one<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<T>> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref unit) => unit.on(|connection| sqlite::row(connection, sql, params)),
            #[cfg(feature = "postgres")]
            Self::Postgres(ref unit) => unit.on(async |client| at_most_one(postgres::rows(client, sql, params).await?)).await,
        }
    }

    /// Runs a statement and gives all of its rows.
    ///
    /// # Errors
    /// What the database says. The unit cannot be kept after it.
    pub async fn all<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<T>> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref unit) => unit.on(|connection| sqlite::rows(connection, sql, params)),
            #[cfg(feature = "postgres")]
            Self::Postgres(ref unit) => unit.on(async |client| postgres::rows(client, sql, params).await).await,
        }
    }

    /// Runs a statement and gives the number of rows that it wrote.
    ///
    /// # Errors
    /// What the database says. The unit cannot be kept after it.
    pub async fn run(&self, sql: &'static str, params: &[Param<'_>]) -> Result<u64> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref unit) => unit.on(|connection| sqlite::run(connection, sql, params)),
            #[cfg(feature = "postgres")]
            Self::Postgres(ref unit) => unit.on(async |client| postgres::run(client, sql, params).await).await,
        }
    }

    /// Runs several statements without parameters or answers: migrations.
    async fn script(&self, sql: &'static str) -> Result<()> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref unit) => unit.on(|connection| Ok(connection.execute_batch(sql)?)),
            #[cfg(feature = "postgres")]
            Self::Postgres(ref unit) => unit.on(async |client| Ok(client.batch_execute(sql).await?)).await,
        }
    }
}

#[cfg(feature = "postgres")]
fn at_most_one<T>(mut rows: Vec<T>) -> Result<Option<T>> {
    if rows.len() > 1 { Err(error::two_rows()) } else { Ok(rows.pop()) }
}

/// `work`, with a panic as a value; polled inside `runtime`, so that a hook finds its timers and sockets on the writer's thread too.
async fn caught<T>(runtime: Option<Handle>, work: impl Future<Output = T>) -> thread::Result<T> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let _inside = runtime.as_ref().map(Handle::enter);
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}
