//! SQLite's one writer: a thread that runs units one after the other and commits them in groups.
//!
//! The thread polls each unit's future itself. A statement never waits, so a unit normally ends in one poll, and `Pending` means
//! exactly that it awaits something foreign. Each unit has a savepoint; a group lasts until the queue is empty, [`GROUP`] units
//! or [`GROUP_TIME`], and its units are answered after the shared COMMIT, which is where the disk is waited for.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, ffi};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::error::{Error, Result};
use super::sqlite::{Sqlite, connect};
use super::{Kind, Tx, Work, caught};

/// How many units may wait; one more is [`Error::Busy`].
pub(super) const QUEUE: usize = 8_192;

/// How long a unit may await something foreign, since all other units wait for it.
pub(super) const HOOK_WAIT: Duration = Duration::from_millis(250);

/// The most units that share a COMMIT.
pub const GROUP: usize = 128;

/// The longest time in which units join a group.
pub const GROUP_TIME: Duration = Duration::from_millis(2);

/// How long another process may hold the write lock before the waiting units are told that the database is busy (T87).
const PATIENCE: Duration = Duration::from_secs(4);

/// A unit on its way to the writer. Started with an error, it only passes that on.
pub(super) struct Job {
    /// Whether it begins a group of its own.
    alone: bool,
    start: Box<dyn FnOnce(Result<Unit>) -> Running + Send>,
}

type Running = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// A unit that has ended and waits for its group's COMMIT.
struct Ended {
    keep: bool,
    /// Answers the caller, with an error instead of the unit's own outcome if there is one.
    answer: Box<dyn FnOnce(Option<Error>) + Send>,
}

/// A unit as its statements see it: a number that is the writer's current one as long as the unit runs, and only on its thread.
pub struct Unit(u64);

struct Writer {
    connection: Connection,
    hook_wait: Duration,
    /// The number of the unit that runs, else 0.
    unit: Cell<u64>,
    /// Why the unit cannot be kept: its first failed statement.
    failed: RefCell<Option<Error>>,
    /// Whether the unit has awaited something foreign for too long.
    expired: Cell<bool>,
}

thread_local! {
    static WRITER: OnceCell<Writer> = const { OnceCell::new() };
}

/// No two units of any database have the same number.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

impl Unit {
    pub(super) fn on<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        WRITER.with(|writer| {
            let Some(writer) = writer.get().filter(|writer| writer.unit.get() == self.0) else {
                return Err(Error::Other("a Tx was used after its unit or on another thread".into()));
            };
            if writer.failed.borrow().is_some() {
                return Err(Error::Poisoned);
            }
            let result = work(&writer.connection);
            if let Err(error) = &result {
                *writer.failed.borrow_mut() = Some(error.clone());
            }
            result
        })
    }
}

impl Sqlite {
    pub(super) async fn unit<T: Send + 'static, E: From<Error> + Send + 'static>(
        &self,
        kind: Kind,
        work: Work<T, E>,
    ) -> Result<T, E> {
        let (answer, answered) = oneshot::channel::<thread::Result<Result<T, E>>>();
        let runtime = Handle::try_current().ok();
        let start = move |unit: Result<Unit>| -> Running {
            Box::pin(async move {
                let outcome = match unit {
                    Ok(unit) => unless_expired(caught(runtime, async move { work(Tx::Sqlite(unit)).await })).await,
                    Err(error) => Ok(Err(error.into())),
                };
                let keep = matches!(outcome, Ok(Ok(_)));
                let answer = move |instead: Option<Error>| {
                    // Nobody listens where the client has left; the unit stands all the same.
                    let _ = answer.send(instead.map_or(outcome, |error| Ok(Err(error.into()))));
                };
                Ended { keep, answer: Box::new(answer) }
            })
        };
        self.queue().try_send(Job { alone: kind != Kind::Plain, start: Box::new(start) }).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Closed(_) => Error::Lost,
        })?;
        match answered.await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Err(Error::Lost.into()),
        }
    }
}

async fn unless_expired<T, E: From<Error>>(
    work: impl Future<Output = thread::Result<Result<T, E>>>,
) -> thread::Result<Result<T, E>> {
    let mut work = pin!(work);
    poll_fn(|context| {
        if WRITER.with(|writer| writer.get().is_some_and(|writer| writer.expired.get())) {
            return Poll::Ready(Ok(Err(Error::Slow.into())));
        }
        work.as_mut().poll(context)
    })
    .await
}

/// Starts the thread. It says whether the file could be opened, then serves until the last handle of the database is gone.
pub(super) fn spawn(
    path: PathBuf,
    jobs: mpsc::Receiver<Job>,
    opened: oneshot::Sender<rusqlite::Result<()>>,
    hook_wait: Duration,
) {
    // If no thread can be started, `opened` is dropped, which says so.
    let _ = thread::Builder::new().name("database-writer".into()).spawn(move || {
        let connection = match open(&path) {
            Ok(connection) => connection,
            Err(error) => return drop(opened.send(Err(error))),
        };
        let writer = Writer { connection, hook_wait, unit: Cell::new(0), failed: RefCell::new(None), expired: Cell::new(false) };
        WRITER.with(|place| {
            let writer = place.get_or_init(|| writer);
            if opened.send(Ok(())).is_ok() {
                writer.serve(jobs);
            }
        });
    });
}

fn open(path: &std::path::Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, PATIENCE)?;
    if connection.is_readonly("main")? {
        return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY), None));
    }
    let began = Instant::now();
    // SQLite does not wait for this lock by itself, and two servers may start at once.
    let mode: String = loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && began.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(20));
            }
            mode => break mode?,
        }
    };
    if mode != "wal" {
        tracing::warn!(mode, "the database's file system does not allow WAL: readers and the writer block each other");
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(connection)
}

impl Writer {
    fn serve(&self, mut queue: mpsc::Receiver<Job>) {
        let mut next = queue.blocking_recv();
        while let Some(job) = next {
            // A unit's panic is caught with the unit. This is for a value whose destructor panics: no unit may end the writer.
            next = catch_unwind(AssertUnwindSafe(|| self.group(job, &mut queue))).unwrap_or_else(|_| {
                self.unit.set(0);
                self.abandon();
                None
            });
            next = next.or_else(|| queue.blocking_recv());
        }
    }

    /// Runs units in one transaction. Gives back a unit that must begin a group of its own.
    fn group(&self, first: Job, queue: &mut mpsc::Receiver<Job>) -> Option<Job> {
        if let Err(error) = self.execute("BEGIN IMMEDIATE") {
            // These have waited as long as the lock was held, and waiting again would be more than the 5 s that a client is promised;
            // whoever comes from now on waits for itself.
            let waiting = queue.len();
            self.refuse(first, &error);
            for job in std::iter::from_fn(|| queue.try_recv().ok()).take(waiting) {
                self.refuse(job, &error);
            }
            return None;
        }
        let began = Instant::now();
        let (mut ended, mut failure, mut left_over) = (Vec::new(), None, None);
        let mut next = Some(first);
        while let Some(job) = next.take() {
            ended.push(self.unit(job, &mut failure));
            if failure.is_none() && ended.len() < GROUP && began.elapsed() < GROUP_TIME {
                (left_over, next) = match queue.try_recv().ok() {
                    Some(job) if job.alone => (Some(job), None),
                    job => (None, job),
                };
            }
        }
        let failure = failure.or_else(|| self.execute("COMMIT").err());
        self.abandon();
        for (ended, instead) in ended {
            (ended.answer)(failure.clone().or(instead));
        }
        left_over
    }

    /// Runs one unit to its end. `failure` is set when that ended the whole group.
    fn unit(&self, job: Job, failure: &mut Option<Error>) -> (Ended, Option<Error>) {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let began = self.execute("SAVEPOINT unit");
        *failure = began.as_ref().err().cloned();
        self.failed.replace(None);
        self.expired.set(false);
        self.unit.set(number);
        let ended = self.drive((job.start)(began.map(|()| Unit(number))));
        self.unit.set(0);
        let failed = self.failed.take();
        if self.connection.is_autocommit() {
            // Some errors of a statement (no room left above all) make SQLite roll back everything, the units before it too.
            *failure = Some(failed.clone().unwrap_or(Error::Full));
        } else if failure.is_none() {
            let kept = ended.keep && failed.is_none();
            let undone = if kept { Ok(()) } else { self.execute("ROLLBACK TO unit") };
            *failure = undone.and_then(|()| self.execute("RELEASE unit")).err();
        }
        let instead = failed.filter(|_| ended.keep).map(|_| Error::Poisoned);
        (ended, instead)
    }

    fn drive(&self, mut running: Running) -> Ended {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut end = None;
        loop {
            if let Poll::Ready(ended) = running.as_mut().poll(&mut context) {
                return ended;
            }
            let end = *end.get_or_insert_with(|| Instant::now() + self.hook_wait);
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.expired.set(true);
            } else {
                thread::park_timeout(left);
            }
        }
    }

    fn refuse(&self, job: Job, error: &Error) {
        (self.drive((job.start)(Err(error.clone()))).answer)(None);
    }

    fn execute(&self, sql: &str) -> Result<()> {
        Ok(self.connection.prepare_cached(sql).and_then(|mut statement| statement.raw_execute()).map(drop)?)
    }

    /// Ends a transaction that should be over.
    fn abandon(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
