//! SQLite: opening the file, the readers, and how a statement is run.
//!
//! Every calling thread has a reader of its own, since a point read is cheaper than handing it to another thread. WAL lets readers
//! go on while the one [`writer`] writes.

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, ToSql};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::Options;
use super::error::{Error, OpenError, Result, two_rows};
use super::param::Param;
use super::row::{FromRow, Row};
use super::writer::{self, Job};

/// How long a reader waits for a lock. Under WAL it never needs one, but for moments in which another process opens or closes the file;
/// it waits on a thread that serves others too.
const READER_PATIENCE: Duration = Duration::from_millis(250);

/// An open file.
#[derive(Clone)]
pub struct Sqlite(Arc<File>);

struct File {
    path: PathBuf,
    queue: mpsc::Sender<Job>,
}

thread_local! {
    /// This thread's readers. The `Weak` tells which database one belongs to, and whether that is still open.
    static READERS: RefCell<Vec<(Weak<File>, Connection)>> = const { RefCell::new(Vec::new()) };
}

impl Sqlite {
    pub(super) async fn open(path: &str, options: Options) -> Result<Self, OpenError> {
        if path.is_empty() || path.contains(['?', '#']) || path.starts_with(':') {
            return Err(OpenError("database.url must be sqlite:// and the path of a file, without parameters".into()));
        }
        let path = PathBuf::from(path);
        create(&path)?;
        let (queue, jobs) = mpsc::channel(writer::QUEUE);
        let (opened, answer) = oneshot::channel();
        writer::spawn(path.clone(), jobs, opened, options.hook_wait.unwrap_or(writer::HOOK_WAIT));
        match answer.await {
            Ok(Ok(())) => Ok(Self(Arc::new(File { path, queue }))),
            Ok(Err(error)) => Err(unopened(&path, &error)),
            Err(_) => {
                Err(OpenError("the thread that writes to the database cannot be started; raise the limit on threads".into()))
            }
        }
    }

    pub(super) fn queue(&self) -> &mpsc::Sender<Job> {
        &self.0.queue
    }

    pub(super) fn read<T: FromRow>(&self, sql: &'static str, params: &[impl ToSql]) -> Result<Vec<T>> {
        self.on_reader(|connection| rows(connection, sql, params))
    }

    pub(super) fn point<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<T>> {
        self.on_reader(|connection| row(connection, sql, params))
    }

    pub(super) async fn scan<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<T>> {
        let file = self.clone();
        let owned = params.iter().map(owned).collect::<Result<Vec<_>>>()?;
        match spawn_blocking(move || file.read(sql, &owned)).await {
            Ok(rows) => rows,
            Err(stopped) => match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Error::Lost),
            },
        }
    }

    /// Runs `work` on this thread's reader.
    fn on_reader<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        READERS.with_borrow_mut(|readers| {
            let here = readers.iter().position(|(file, _)| std::ptr::eq(file.as_ptr(), Arc::as_ptr(&self.0)));
            let at = match here {
                Some(at) => at,
                None => {
                    readers.retain(|(file, _)| file.strong_count() > 0);
                    readers.push((Arc::downgrade(&self.0), reader(&self.0.path)?));
                    readers.len() - 1
                }
            };
            let result = work(&readers[at].1);
            if matches!(result, Err(Error::Lost)) {
                readers.swap_remove(at);
            }
            result
        })
    }
}

/// No mapped memory: SQLite drops the whole mapping of a reader whenever somebody has written, and the page faults that follow cost more
/// than reading the pages again. Without writes both cost the same.
fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, READER_PATIENCE)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// A connection with the settings that every one of ours has.
pub(super) fn connect(path: &Path, patience: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(patience)?;
    // Without it, once somebody has run ANALYZE, every new value of a parameter prepares the statement again: 2.7 times the cost.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.pragma_update(None, "foreign_keys", true)?;
    // Rows that are being sorted must not lie in a temporary file.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Makes the file if there is none, for its owner alone; SQLite gives its companions the same mode (T80).
fn create(path: &Path) -> Result<(), OpenError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (file, folder) = (path.display(), folder.display());
    if path.is_dir() {
        return Err(OpenError(format!("database.url names the folder {file}; it must name a file")));
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(OpenError(format!("the folder {folder} of the database {file} does not exist; make it, or change database.url")))
        }
        Err(error) => Err(OpenError(format!(
            "the database {file} cannot be made ({error}); let the user this runs as write to the folder {folder}, or change database.url"
        ))),
    }
}

fn unopened(path: &Path, error: &rusqlite::Error) -> OpenError {
    let file = path.display();
    OpenError(match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            format!("{file} is not an SQLite database; move it away, or change database.url")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            format!("the database {file} cannot be written; let the user this runs as write to the file and its folder")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("another process holds the database {file}; end it, or try again")
        }
        _ => format!("the database {file} cannot be opened: {error}"),
    })
}

fn owned(param: &Param<'_>) -> Result<Value> {
    Ok(match param.to_sql()? {
        ToSqlOutput::Owned(value) => value,
        ToSqlOutput::Borrowed(value) => value.try_into().map_err(|_| Error::Other("a parameter cannot be copied".into()))?,
        _ => return Err(Error::Other("a parameter cannot be copied".into())),
    })
}

/// The prepared statement with its parameters. SQLite takes `$1`, and even `$1::jsonb`, as a name: the digits in it are the number.
fn prepared<'a>(connection: &'a Connection, sql: &str, params: &[impl ToSql]) -> Result<CachedStatement<'a>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut highest = 0;
    for at in 1..=statement.parameter_count() {
        let name = statement.parameter_name(at).and_then(|name| name.strip_prefix('$')).unwrap_or_default();
        let digits = name.find(|c: char| !c.is_ascii_digit()).map_or(name, |end| &name[..end]);
        let number: usize = digits.parse().unwrap_or_default();
        highest = highest.max(number);
        match number.checked_sub(1).and_then(|index| params.get(index)) {
            Some(param) => statement.raw_bind_parameter(at, param)?,
            None => return Err(Error::Other(format!("a statement names ${digits} but was given {} parameters", params.len()))),
        }
    }
    if highest < params.len() {
        return Err(Error::Other(format!("a statement takes {highest} parameters but was given {}", params.len())));
    }
    Ok(statement)
}

/// The rows of a statement, read to the end: only then has one with RETURNING written everything.
pub(super) fn rows<T: FromRow>(connection: &Connection, sql: &str, params: &[impl ToSql]) -> Result<Vec<T>> {
    let mut statement = prepared(connection, sql, params)?;
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(T::from_row(&Row::Sqlite(row))?);
    }
    Ok(found)
}

/// The row of a statement that gives at most one, read to the end too.
pub(super) fn row<T: FromRow>(connection: &Connection, sql: &str, params: &[impl ToSql]) -> Result<Option<T>> {
    let mut statement = prepared(connection, sql, params)?;
    let mut rows = statement.raw_query();
    let Some(first) = rows.next()? else { return Ok(None) };
    let found = T::from_row(&Row::Sqlite(first))?;
    if rows.next()?.is_some() { Err(two_rows()) } else { Ok(Some(found)) }
}

pub(super) fn run(connection: &Connection, sql: &str, params: &[impl ToSql]) -> Result<u64> {
    let mut statement = prepared(connection, sql, params)?;
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(connection.changes())
}
