//! Migrations: the tables that this program needs, embedded in it.
//!
//! `migrations/sqlite/NNNN_name.sql` and its PostgreSQL twin run in one transaction together with their row in the ledger
//! `auth_migrations`, so a process that is killed leaves nothing half done, and of two that start at once each migration is run by
//! exactly one (T89). A migration that has been released is never edited: a ledger that differs is refused.
//!
//! SQLite keeps foreign keys on inside of a transaction: a migration that rebuilds a table must not drop one that others refer to.

use super::error::{Error, Result};
use super::{Db, Kind, Tx};
use crate::ground::Time;
use crate::ground::secrets::Digest;

/// One step of the schema, for both databases.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    pub(super) version: i64,
    pub(super) name: &'static str,
    #[cfg(feature = "sqlite")]
    pub(super) sqlite: &'static str,
    #[cfg(feature = "postgres")]
    pub(super) postgres: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal),* $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            #[cfg(feature = "sqlite")]
            sqlite: include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            #[cfg(feature = "postgres")]
            postgres: include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        }),*]
    };
}

/// All migrations, in order.
pub static MIGRATIONS: &[Migration] = migrations![
    1 "0001_accounts", 2 "0002_mail", 3 "0003_keys", 4 "0004_sessions", 5 "0005_email", 6 "0006_social", 7 "0007_moving"
];

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS auth_migrations \
                      (version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";

/// A lock that one migrating process holds at a time; a migration may take longer than a request.
#[cfg(feature = "postgres")]
const POSTGRES_LOCK: &str =
    "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock(7311146993)";

/// How often a busy SQLite file is tried again, each time for some seconds.
const TRIES: usize = 15;

/// Why the schema cannot be brought up to date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MigrateError {
    /// The database has been used by a later version of this program.
    #[error(
        "the database has migration {0}, which this program does not know: run the newer program, or restore an older backup"
    )]
    Newer(String),
    /// The text of a migration is not the one that was applied.
    #[error("migration {0} differs from the one that this database was made with: use the program as it was released")]
    Altered(String),
    /// A migration failed; nothing of it was kept.
    #[error("migration {0} failed: {1}")]
    Failed(&'static str, Error),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] Error),
}

/// Applies what is missing and gives the names of what it applied.
///
/// # Errors
/// [`MigrateError`]; migrations before the one that failed are kept.
pub async fn migrate(db: &Db, now: Time) -> Result<Vec<&'static str>, MigrateError> {
    apply(db, MIGRATIONS, now).await
}

/// The names of what [`migrate`] would apply. Writes nothing.
///
/// # Errors
/// [`MigrateError`].
pub async fn pending(db: &Db) -> Result<Vec<&'static str>, MigrateError> {
    let ledger = match *db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(_) => "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = 'auth_migrations'",
        #[cfg(feature = "postgres")]
        Db::Postgres(_) => "SELECT to_regclass('auth_migrations') IS NOT NULL",
    };
    let applied = match db.one::<(bool,)>(ledger, &[]).await? {
        Some((true,)) => db.all(APPLIED, &[]).await?,
        _ => Vec::new(),
    };
    Ok(missing(MIGRATIONS, &applied, |migration| migration.text(db))?.iter().map(|migration| migration.name).collect())
}

type Applied = (i64, String, String);

const APPLIED: &str = "SELECT version, name, checksum FROM auth_migrations ORDER BY version";

pub(super) async fn apply(db: &Db, known: &'static [Migration], now: Time) -> Result<Vec<&'static str>, MigrateError> {
    let mut done = Vec::new();
    let mut tries = 0;
    loop {
        let this = db.clone();
        let work = Box::new(move |tx| Box::pin(async move { step(&this, &tx, known, now).await }) as _);
        match db.run_unit(Kind::Migration, work).await {
            Ok(Some(name)) => done.push(name),
            Ok(None) => return Ok(done),
            Err(MigrateError::Database(Error::Busy)) if tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Applies the next migration, if one is missing, and gives its name.
async fn step(db: &Db, tx: &Tx, known: &'static [Migration], now: Time) -> Result<Option<&'static str>, MigrateError> {
    match *db {
        // The unit holds the write lock from its begin.
        #[cfg(feature = "sqlite")]
        Db::Sqlite(_) => {}
        #[cfg(feature = "postgres")]
        Db::Postgres(_) => tx.script(POSTGRES_LOCK).await?,
    }
    tx.script(LEDGER).await?;
    let applied: Vec<Applied> = tx.all(APPLIED, &[]).await?;
    let Some(next) = missing(known, &applied, |migration| migration.text(db))?.first().copied() else { return Ok(None) };
    tx.script(next.text(db)).await.map_err(|error| MigrateError::Failed(next.name, error))?;
    let checksum = checksum(next.text(db));
    let sql = "INSERT INTO auth_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";
    tx.run(sql, crate::params![next.version, next.name, &checksum, now]).await?;
    Ok(Some(next.name))
}

impl Migration {
    fn text(&self, db: &Db) -> &'static str {
        match *db {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => self.sqlite,
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => self.postgres,
        }
    }
}

/// What is known but not applied, if what is applied is known and the same.
fn missing<'a>(
    known: &'a [Migration],
    applied: &[Applied],
    text: impl Fn(&Migration) -> &'static str,
) -> Result<Vec<&'a Migration>, MigrateError> {
    for (version, name, sum) in applied {
        match known.iter().find(|migration| migration.version == *version) {
            None => return Err(MigrateError::Newer(name.clone())),
            Some(migration) if checksum(text(migration)) != *sum => return Err(MigrateError::Altered(name.clone())),
            Some(_) => {}
        }
    }
    Ok(known.iter().filter(|migration| applied.iter().all(|(version, ..)| *version != migration.version)).collect())
}

/// SHA-256 of the text, whatever a checkout made of its line ends.
fn checksum(sql: &str) -> String {
    hex::encode(Digest::of(sql.replace('\r', "").as_bytes()).as_bytes())
}
