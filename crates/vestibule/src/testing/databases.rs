//! Throw-away databases: a claim about a query is tested on both.
//!
//! SQLite lies in a temporary folder (in memory where `/dev/shm` is), PostgreSQL in a schema of its own in the database of
//! `VESTIBULE_TEST_POSTGRES`. Both are gone when their [`TestDb`] is dropped.
//!
//! A test that cannot have its database panics and says what to set; it never passes without having run.

#[cfg(feature = "postgres")]
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::db::Options;
use crate::db::{Db, migrate};
use crate::ground::Time;

/// The variable that names the PostgreSQL database in which tests may make schemas.
pub const POSTGRES: &str = "VESTIBULE_TEST_POSTGRES";

/// An open database that nobody else uses.
pub struct TestDb {
    /// The database.
    pub db: Db,
    /// Its URL, to open it once more.
    pub url: String,
    /// What removes it, once this is dropped.
    _place: Box<dyn std::any::Any + Send + Sync>,
}

/// One database of each kind that was compiled in, with all tables.
pub async fn each_database() -> Vec<TestDb> {
    let mut each = each_empty_database().await;
    for test in &mut each {
        migrate_now(&test.db).await;
    }
    each
}

/// One database of each kind that was compiled in, without tables.
pub async fn each_empty_database() -> Vec<TestDb> {
    vec![
        #[cfg(feature = "sqlite")]
        empty_sqlite().await,
        #[cfg(feature = "postgres")]
        empty_postgres().await,
    ]
}

/// A SQLite file with all tables.
#[cfg(feature = "sqlite")]
pub async fn fresh_sqlite() -> TestDb {
    let test = empty_sqlite().await;
    migrate_now(&test.db).await;
    test
}

/// A schema in PostgreSQL with all tables.
#[cfg(feature = "postgres")]
pub async fn fresh_postgres() -> TestDb {
    let test = empty_postgres().await;
    migrate_now(&test.db).await;
    test
}

/// A SQLite file without tables.
#[cfg(feature = "sqlite")]
pub async fn empty_sqlite() -> TestDb {
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let folder = folder.unwrap_or_else(|error| panic!("no temporary folder can be made: {error}"));
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    TestDb { db: open(&url).await, url, _place: Box::new(folder) }
}

/// A schema in PostgreSQL without tables.
#[cfg(feature = "postgres")]
pub async fn empty_postgres() -> TestDb {
    static SCHEMAS: AtomicU64 = AtomicU64::new(0);
    let Ok(server) = std::env::var(POSTGRES) else {
        panic!("set {POSTGRES} to a PostgreSQL database in which tests may make schemas: postgres://user:password@host/name");
    };
    let name = format!("test_{}_{}", std::process::id(), SCHEMAS.fetch_add(1, Ordering::Relaxed));
    let schema = Schema { server, name };
    schema.run(&format!("DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}", schema.name));
    let mark = if schema.server.contains('?') { '&' } else { '?' };
    let url = format!("{}{mark}options=-c%20search_path%3D{}", schema.server, schema.name);
    TestDb { db: open(&url).await, url, _place: Box::new(schema) }
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
async fn open(url: &str) -> Db {
    let options = Options { connections: 8, ..Options::default() };
    Db::open(url, options).await.unwrap_or_else(|error| panic!("the test's database cannot be opened: {error}"))
}

async fn migrate_now(db: &Db) {
    migrate::migrate(db, Time::from_millis(0)).await.unwrap_or_else(|error| panic!("the test's database: {error}"));
}

#[cfg(feature = "postgres")]
struct Schema {
    server: String,
    name: String,
}

#[cfg(feature = "postgres")]
impl Schema {
    /// Runs statements on a connection and a thread of their own, since the test's runtime may be about to end.
    fn run(&self, sql: &str) {
        let done = std::thread::scope(|scope| {
            let run = || -> Result<(), String> {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
                runtime.block_on(async {
                    let config: tokio_postgres::Config = self.server.parse().map_err(|_| "no PostgreSQL URL".to_owned())?;
                    let (client, connection) = config.connect(tokio_postgres::NoTls).await.map_err(|e| format!("{e:?}"))?;
                    let connection = tokio::spawn(connection);
                    client.batch_execute(sql).await.map_err(|e| format!("{e:?}"))?;
                    drop(client);
                    connection.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())
                })
            };
            scope.spawn(run).join().unwrap_or_else(|_| Err("panicked".into()))
        });
        if let Err(error) = done
            && !std::thread::panicking()
        {
            panic!("{POSTGRES}: {error}");
        }
    }
}

#[cfg(feature = "postgres")]
impl Drop for Schema {
    fn drop(&mut self) {
        self.run(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name));
    }
}
