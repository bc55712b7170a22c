//! The threads that hash, and the bounded queue before them.
//!
//! Hashing never runs on the threads that serve requests (T84): it would hold up everybody for 15 ms per password.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::workspace::Workspace;
use crate::ground::{Error, Result, meters};

/// When a client that met a full queue may come back.
const RETRY: Duration = Duration::from_secs(1);

/// How far hashing steps back behind the threads that serve requests.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Threads with a bounded queue. Dropping it ends the threads; each finishes the computation it is in.
#[derive(Debug)]
pub(super) struct Pool(Arc<Queue>);

impl Pool {
    /// Starts `threads` threads, each with a workspace of its own. At most `capacity` jobs wait (at least one). A thread without
    /// work for `idle` gives its memory back.
    ///
    /// # Errors
    /// [`Error::Internal`] when the operating system gives no thread.
    pub(super) fn start(threads: usize, capacity: usize, idle: Duration, workspace: impl Fn() -> Workspace) -> Result<Self> {
        let queue = Queue {
            state: Mutex::default(),
            wake: Condvar::new(),
            capacity: capacity.max(1),
            length: metrics::gauge!(meters::HASH_QUEUE),
            refused: metrics::counter!(meters::HASHES_REFUSED),
        };
        let pool = Self(Arc::new(queue));
        for number in 0..threads.max(1) {
            let (queue, mut workspace) = (Arc::clone(&pool.0), workspace());
            thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || serve(&queue, &mut workspace, idle))
                .map_err(|error| Error::internal(format!("no thread for hashing: {error}")))?;
        }
        Ok(pool)
    }

    /// Waits for a thread to do `work` and gives its answer. Whoever drops the future before the work began gives the place
    /// back and nothing is computed (T84).
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the queue is full, [`Error::Internal`] when the work panicked, and what the work answers.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Workspace) -> Result<T> + Send + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        self.0.push(Box::new(Task { answer, work }))?;
        receiver.await.unwrap_or_else(|_| Err(Error::internal("a hashing thread ended without an answer")))
    }

    /// How many jobs wait that somebody still wants.
    pub(super) fn waiting(&self) -> usize {
        self.0.lock().jobs.iter().filter(|job| !job.abandoned()).count()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wake.notify_all();
    }
}

#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    capacity: usize,
    length: metrics::Gauge,
    refused: metrics::Counter,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Box<dyn Job>>,
    /// Threads that wait for work: that many jobs are as good as begun and take no place.
    idle: usize,
    closed: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("jobs", &self.jobs.len()).field("idle", &self.idle).finish_non_exhaustive()
    }
}

enum Next {
    Job(Box<dyn Job>),
    Idle,
    Closed,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Box<dyn Job>) -> Result<()> {
        let mut state = self.lock();
        let most = self.capacity + state.idle;
        if state.jobs.len() >= most {
            state.jobs.retain(|job| !job.abandoned());
        }
        if state.jobs.len() >= most {
            self.refused.increment(1);
            return Err(Error::Unavailable(RETRY));
        }
        state.jobs.push_back(job);
        self.tell_length(&state);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Told under the lock, so that a later length never comes before an earlier one.
    fn tell_length(&self, state: &State) {
        self.length.set(f64::from(u32::try_from(state.jobs.len()).unwrap_or(u32::MAX)));
    }

    /// The next job that somebody still wants; [`Next::Idle`] after `patience` without one.
    fn next(&self, patience: Option<Duration>) -> Next {
        let mut state = self.lock();
        loop {
            if state.closed {
                return Next::Closed;
            }
            let next = loop {
                match state.jobs.pop_front() {
                    Some(job) if job.abandoned() => {}
                    next => break next,
                }
            };
            self.tell_length(&state);
            if let Some(job) = next {
                return Next::Job(job);
            }
            state.idle += 1;
            let nothing = |state: &mut State| state.jobs.is_empty() && !state.closed;
            let (woken, timed_out) = match patience {
                Some(span) => {
                    let (state, result) =
                        self.wake.wait_timeout_while(state, span, nothing).unwrap_or_else(PoisonError::into_inner);
                    (state, result.timed_out())
                }
                None => (self.wake.wait_while(state, nothing).unwrap_or_else(PoisonError::into_inner), false),
            };
            state = woken;
            state.idle -= 1;
            if timed_out {
                return Next::Idle;
            }
        }
    }
}

fn serve(queue: &Queue, workspace: &mut Workspace, idle: Duration) {
    step_back();
    loop {
        match queue.next(workspace.holds().then_some(idle)) {
            Next::Job(job) => job.run(workspace),
            Next::Idle => workspace.free(),
            Next::Closed => return,
        }
    }
}

/// Lets the threads that serve requests go first. Only Linux has a priority for each thread; where it is refused, hashing goes
/// on as before.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE) {
        tracing::debug!(%error, "hashing runs at the priority of everything else");
    }
}

trait Job: Send {
    /// Whether nobody waits for the answer any more.
    fn abandoned(&self) -> bool;
    fn run(self: Box<Self>, workspace: &mut Workspace);
}

struct Task<T, F> {
    answer: oneshot::Sender<Result<T>>,
    work: F,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Workspace) -> Result<T> + Send,
{
    fn abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>, workspace: &mut Workspace) {
        let Self { answer, work } = *self;
        let result = catch_unwind(AssertUnwindSafe(|| work(workspace))).unwrap_or_else(|_| {
            workspace.free();
            metrics::counter!(meters::PANICS, "where" => "hashing").increment(1);
            Err(Error::internal("hashing a password panicked"))
        });
        // Nobody is left to hear it if the client went away meanwhile.
        drop(answer.send(result));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    use super::*;

    fn pool(capacity: usize, idle: Duration) -> Arc<Pool> {
        Arc::new(Pool::start(1, capacity, idle, || Workspace::new(8, Arc::default())).unwrap())
    }

    /// Holds the pool's only thread until the sender is dropped.
    async fn hold(pool: &Arc<Pool>) -> mpsc::Sender<()> {
        let (gate, closed) = mpsc::channel();
        let (began, begun) = oneshot::channel();
        let pool = Arc::clone(pool);
        tokio::spawn(async move { pool.run(move |_| Ok((began.send(()), closed.recv()))).await.is_ok() });
        begun.await.unwrap();
        gate
    }

    #[tokio::test]
    async fn t84_hashing_runs_on_a_thread_of_its_own_behind_the_others() {
        let pool = pool(1, Duration::from_secs(10));
        let name = pool.run(|_| Ok(thread::current().name().map(str::to_owned))).await.unwrap();
        assert_eq!(name.as_deref(), Some("hash-0"));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_the_hashing_threads_step_back() {
        let nice = || rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap();
        let own = nice();
        let theirs = pool(1, Duration::from_secs(10)).run(move |_| Ok(nice())).await.unwrap();
        assert_eq!((theirs, nice()), (own.max(NICE), own));
    }

    /// A caller that waits for the held thread, and what tells whether its work was done.
    async fn waiter(pool: &Arc<Pool>) -> (tokio::task::JoinHandle<Result<bool>>, Arc<AtomicBool>) {
        let ran = Arc::new(AtomicBool::new(false));
        let (theirs, flag) = (Arc::clone(pool), Arc::clone(&ran));
        let waiter = tokio::spawn(async move { theirs.run(move |_| Ok(flag.swap(true, Ordering::SeqCst))).await });
        while pool.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        (waiter, ran)
    }

    #[tokio::test]
    async fn t84_a_caller_that_leaves_gives_its_place_back() {
        let pool = pool(1, Duration::from_secs(10));
        let gate = hold(&pool).await;
        let (leaver, _) = waiter(&pool).await;
        assert_eq!(pool.run(|_| Ok(())).await, Err(Error::Unavailable(RETRY)), "the queue is full");
        leaver.abort();
        assert!(leaver.await.is_err());
        assert_eq!(pool.waiting(), 0);
        let (taken, ()) = tokio::join!(pool.run(|_| Ok(7)), async { drop(gate) });
        assert_eq!(taken, Ok(7));
    }

    #[tokio::test]
    async fn t84_nothing_is_computed_for_a_caller_that_left() {
        let pool = pool(2, Duration::from_secs(10));
        let gate = hold(&pool).await;
        let (leaver, ran) = waiter(&pool).await;
        leaver.abort();
        assert!(leaver.await.is_err());
        drop(gate);
        assert_eq!(pool.run(|_| Ok(7)).await, Ok(7));
        assert!(!ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_panic_reaches_its_caller_alone() {
        let pool = pool(1, Duration::from_secs(10));
        let answer: Result<()> = pool.run(|_| panic!("on purpose")).await;
        assert!(matches!(answer, Err(Error::Internal(_))));
        assert_eq!(pool.run(|_| Ok(7)).await, Ok(7));
    }

    #[tokio::test]
    async fn memory_is_kept_between_passwords_and_given_back_when_idle() {
        for (idle, kept) in [(Duration::from_secs(60), true), (Duration::ZERO, false)] {
            let pool = pool(1, idle);
            pool.run(|workspace| workspace.with(8, |_| Ok(()))).await.unwrap();
            let mut held = true;
            for _ in 0..200 {
                thread::sleep(Duration::from_millis(1));
                held = pool.run(|workspace| Ok(workspace.holds())).await.unwrap();
                if held == kept {
                    break;
                }
            }
            assert_eq!(held, kept, "{idle:?}");
        }
    }
}
