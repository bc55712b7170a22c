//! PostgreSQL: a pool of connections, reads that survive its restart, and units in tasks of their own.
//!
//! The URL takes tokio-postgres' parameters, among them `host=/run/postgresql` (a socket's folder), `options=-c search_path=…` and
//! `sslmode`: `disable`; `prefer` (the default; TLS if the server has it and its certificate counts, else plain text); `require`,
//! `verify-ca` and `verify-full`, which all check certificate and host name against the system's certificates (or `SSL_CERT_FILE`).
//!
//! Nothing here takes longer than 5 s, whatever the server does (T87): every wait has an end, and a connection whose state is not
//! known is never used again.

mod outage;
mod readers;

use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{Error, OpenError, Result};
use super::param::Param;
use super::row::{FromRow, Row};
use super::{Kind, Options, Tx, Work, caught};
use outage::Outage;
use readers::Readers;

/// How long a free or a new connection is waited for.
const CONNECT_LIMIT: Duration = Duration::from_secs(4);

/// How long a read, or a unit before its end, may take in all.
const LIMIT: Duration = Duration::from_millis(4_500);

/// How long a migration may take.
const MIGRATION_LIMIT: Duration = Duration::from_secs(3_600);

/// How long the end of a unit may take.
const END_LIMIT: Duration = Duration::from_millis(400);

/// How long a unit may await something other than its own statements.
const HOOK_WAIT: Duration = Duration::from_secs(2);

/// What every connection is told first. Read-only, so that a write outside of a unit fails here as it does on SQLite.
const SESSION: &str = "SET statement_timeout = 4000; SET lock_timeout = 3000; SET idle_in_transaction_session_timeout = 10000; \
                       SET default_transaction_read_only = on";

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// A pool of connections to one server.
#[derive(Clone)]
pub struct Postgres {
    pool: Pool,
    readers: Arc<Readers>,
    outage: Arc<Outage>,
    hook_wait: Duration,
}

impl Postgres {
    pub(super) async fn open(url: &str, options: Options) -> Result<Self, OpenError> {
        let (config, dial) = configure(url)?;
        let outage = Arc::new(Outage::default());
        let readers = Arc::new(Readers::new(config.clone(), dial.clone(), outage.clone()));
        let manager = Manager::from_connect(config, dial, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(CONNECT_LIMIT))
            .create_timeout(Some(CONNECT_LIMIT))
            .build()
            .map_err(|error| OpenError(format!("PostgreSQL: {error}")))?;
        let unreachable = |why: String| {
            OpenError(format!(
                "PostgreSQL cannot be reached: {why}; start it, or change host, port, user or password in database.url"
            ))
        };
        let client = pool.get().await.map_err(|error| unreachable(explain(&error)))?;
        match rows(&client, "SELECT current_setting('server_version_num')::bigint", &[]).await.as_deref() {
            Ok([(130_000_i64..,)]) => {
                Ok(Self { pool: pool.clone(), readers, outage, hook_wait: options.hook_wait.unwrap_or(HOOK_WAIT) })
            }
            Ok(_) => Err(OpenError("PostgreSQL is older than version 13; update it".into())),
            Err(error) => Err(unreachable(error.to_string())),
        }
    }

    /// The rows of a statement that gives them at once, through a connection that many such share. A connection that died since its
    /// last use is replaced, and the statement sent again.
    pub(super) async fn point<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<T>> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let taken = self.readers.take(deadline).await?;
            let result = timeout_at(deadline, taken.reader.rows(sql, params)).await.unwrap_or(Err(Error::Lost));
            if !matches!(result, Err(Error::Lost)) {
                return result;
            }
            taken.retire();
            if taken.fresh || Instant::now() >= deadline {
                return result;
            }
        }
    }

    /// The rows of a statement outside of a unit. A connection that died since its last use is replaced, and the statement sent again.
    pub(super) async fn read<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<T>> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let (client, fresh) = self.connection(deadline).await?;
            let result = timeout_at(deadline, rows(&client, sql, params)).await.unwrap_or(Err(Error::Lost));
            if !matches!(result, Err(Error::Lost)) {
                return result;
            }
            drop(Object::take(client));
            if fresh || Instant::now() >= deadline {
                return result;
            }
        }
    }

    async fn connection(&self, deadline: Instant) -> Result<(Object, bool)> {
        match timeout_at(deadline, self.pool.get()).await {
            Ok(Ok(client)) => {
                let fresh = Object::metrics(&client).recycle_count == 0;
                Ok((client, fresh))
            }
            Ok(Err(PoolError::Timeout(TimeoutType::Wait))) => Err(Error::Busy),
            Ok(Err(error)) => {
                self.outage.tell(&explain(&error));
                Err(Error::Lost)
            }
            Err(_) => Err(Error::Lost),
        }
    }

    pub(super) async fn unit<T: Send + 'static, E: From<Error> + Send + 'static>(
        &self,
        kind: Kind,
        work: Work<T, E>,
    ) -> Result<T, E> {
        let this = self.clone();
        // A task of its own, so that a client that leaves does not cut it.
        match tokio::spawn(async move { this.perform(kind, work).await }).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Err(Error::Lost.into()),
        }
    }

    async fn perform<T, E: From<Error>>(&self, kind: Kind, work: Work<T, E>) -> thread::Result<Result<T, E>> {
        let deadline = Instant::now() + if kind == Kind::Migration { MIGRATION_LIMIT } else { LIMIT };
        let lease = match self.begin(deadline).await {
            Ok(lease) => lease,
            Err(error) => return Ok(Err(error.into())),
        };
        let open = Arc::new(Open { lease: Mutex::new(Some(lease)), failed: AtomicBool::new(false) });
        let tx = Tx::Postgres(Unit(open.clone()));
        let outcome = open.bounded(caught(None, async move { work(tx).await }), self.hook_wait, deadline).await;
        let outcome = outcome.unwrap_or_else(|| Ok(Err(Error::Slow.into())));
        let failed = open.failed.load(Ordering::SeqCst);
        let end = if matches!(outcome, Ok(Ok(_))) && !failed { "COMMIT" } else { "ROLLBACK" };
        let ended = timeout_at(deadline + END_LIMIT, async {
            // From here on a Tx that was kept finds nothing.
            let Some(lease) = open.lease.lock().await.take() else { return Err(Error::Lost) };
            lease.client()?.batch_execute(end).await?;
            lease.give_back();
            Ok(())
        });
        match (ended.await.unwrap_or(Err(Error::Lost)), &outcome) {
            (Err(error), Ok(Ok(_))) => Ok(Err(error.into())),
            (Ok(()), Ok(Ok(_))) if failed => Ok(Err(Error::Poisoned.into())),
            _ => outcome,
        }
    }

    async fn begin(&self, deadline: Instant) -> Result<Lease> {
        loop {
            let (client, fresh) = self.connection(deadline).await?;
            let lease = Lease(Some(client));
            match timeout_at(deadline, lease.client()?.batch_execute(BEGIN)).await {
                Ok(Ok(())) => return Ok(lease),
                Ok(Err(error)) => match Error::from(error) {
                    Error::Lost if !fresh => {}
                    error => return Err(error),
                },
                Err(_) => return Err(Error::Lost),
            }
        }
    }
}

/// A connection in a transaction: closed, unless it is given back after a clean end.
struct Lease(Option<Object>);

impl Lease {
    fn client(&self) -> Result<&Object> {
        self.0.as_ref().ok_or(Error::Lost)
    }

    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}

/// A unit as its statements see it.
pub struct Unit(Arc<Open>);

struct Open {
    /// Locked while a statement runs; empty after the unit.
    lease: Mutex<Option<Lease>>,
    /// Whether a statement failed or was given up, so that the unit cannot be kept.
    failed: AtomicBool,
}

impl Unit {
    pub(super) async fn on<T>(&self, work: impl AsyncFnOnce(&Object) -> Result<T>) -> Result<T> {
        let lease = self.0.lease.lock().await;
        let Some(lease) = lease.as_ref() else {
            return Err(Error::Other("a Tx was used after its unit".into()));
        };
        // Until it has succeeded: a statement whose future is dropped may fail with nobody there to see it.
        if self.0.failed.swap(true, Ordering::SeqCst) {
            return Err(Error::Poisoned);
        }
        let result = work(lease.client()?).await;
        self.0.failed.store(result.is_err(), Ordering::SeqCst);
        result
    }
}

impl Open {
    /// Runs `work` until the deadline, and until it has awaited something other than a statement for too long: then `None`.
    async fn bounded<T>(&self, work: impl Future<Output = T>, hook_wait: Duration, deadline: Instant) -> Option<T> {
        let (mut work, mut sleep) = (pin!(work), pin!(sleep_until(deadline)));
        let mut foreign = false;
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            if foreign != self.lease.try_lock().is_ok() {
                foreign = !foreign;
                let end = if foreign { deadline.min(Instant::now() + hook_wait) } else { deadline };
                sleep.as_mut().reset(end);
            }
            sleep.as_mut().poll(context).map(|()| None)
        })
        .await
    }
}

pub(super) async fn rows<T: FromRow>(client: &Object, sql: &str, params: &[Param<'_>]) -> Result<Vec<T>> {
    let statement = client.prepare_cached(sql).await?;
    let rows = client.query(&statement, &values(params)).await?;
    rows.iter().map(|row| T::from_row(&Row::Postgres(row))).collect()
}

pub(super) async fn run(client: &Object, sql: &str, params: &[Param<'_>]) -> Result<u64> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.execute(&statement, &values(params)).await?)
}

fn values<'a>(params: &'a [Param<'_>]) -> Vec<&'a (dyn postgres_types::ToSql + Sync)> {
    params.iter().map(|param| param as _).collect()
}

/// How a connection is made.
#[derive(Clone)]
struct Dial(MakeRustlsConnect);

type Connected = Result<(Client, JoinHandle<()>), tokio_postgres::Error>;

impl Connect for Dial {
    fn connect(&self, config: &Config) -> Pin<Box<dyn Future<Output = Connected> + Send + '_>> {
        let (tls, mut config) = (self.0.clone(), config.clone());
        Box::pin(async move {
            match dial(&config, tls).await {
                // TLS that nobody demanded is no protection, so plain text is no loss where its certificate does not count.
                Err(error) if config.get_ssl_mode() == SslMode::Prefer && error.as_db_error().is_none() => {
                    dial(config.ssl_mode(SslMode::Disable), NoTls).await
                }
                connected => connected,
            }
        })
    }
}

async fn dial<T>(config: &Config, tls: T) -> Connected
where
    T: tokio_postgres::tls::MakeTlsConnect<tokio_postgres::Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await?;
    let task = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %Error::from(error), "a connection to PostgreSQL ended");
        }
    });
    client.batch_execute(SESSION).await?;
    Ok((client, task))
}

fn configure(url: &str) -> Result<(Config, Dial), OpenError> {
    // tokio-postgres knows no more than `require`; with rustls that verifies everything.
    let url = match url.rsplit_once('?') {
        Some((place, query)) => {
            format!(
                "{place}?{}",
                query.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require")
            )
        }
        None => url.to_owned(),
    };
    let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        OpenError(format!(
            "database.url is not a PostgreSQL URL ({cause}); it looks like postgres://user:password@host:5432/name"
        ))
    })?;
    if config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) {
        config.ssl_mode(SslMode::Disable);
    }
    config.connect_timeout(CONNECT_LIMIT);
    if config.get_application_name().is_none() {
        config.application_name("vestibule");
    }
    Ok((config, Dial(tls()?)))
}

fn tls() -> Result<MakeRustlsConnect, OpenError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError(format!("TLS to PostgreSQL cannot be set up: {error}")))?;
    Ok(MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// Why there is no connection, in words for the operator; never with a value.
fn explain(error: &PoolError) -> String {
    match error {
        PoolError::Backend(error) => match (error.as_db_error(), std::error::Error::source(error)) {
            (Some(said), _) => said.message().to_owned(),
            (None, Some(cause)) => format!("{error}: {cause}"),
            (None, None) => error.to_string(),
        },
        PoolError::Timeout(_) => "it does not answer".into(),
        other => other.to_string(),
    }
}
