//! Races: many requests let go at one moment, again and again, on both databases, against one service and against two that share
//! a database (T16, T31, T38, T55, T59, T65, T68, T83).
//!
//! A claim about a race is a claim about every order in which things can happen, so a round alone proves little: each runs on
//! fresh accounts, and `VESTIBULE_RACE_ROUNDS` sets how many rounds there are (50 is what the procedure of the threat checks asks for).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Barrier;

use super::app::{TestAnswer, TestApp};
use super::databases;
use crate::settings::Settings;

/// The variable that sets the number of rounds.
pub const ROUNDS: &str = "VESTIBULE_RACE_ROUNDS";

/// Where a race is run: a database of its own, and one or two services on it.
pub struct Arena {
    /// The database and how many services there are, in words.
    pub name: String,
    /// The first service, for what is done before and after the race.
    pub app: Arc<TestApp>,
    doors: Vec<Arc<TestApp>>,
    answers: Mutex<BTreeMap<u16, u64>>,
}

/// Runs `round` so often (or [`ROUNDS`] times) in each arena: SQLite and PostgreSQL, each with one service and with two. Every
/// round makes the accounts that it needs. The statuses of all raced answers are counted and written to standard error, past the
/// test runner's capture, so that a run shows what was raced.
///
/// # Panics
/// As `round` does. Needs a runtime with several threads: on one thread nothing happens at once.
pub async fn race(claim: &str, rounds: u32, change: impl Fn(&mut Settings), round: impl AsyncFn(&Arena)) {
    let rounds =
        std::env::var(ROUNDS).ok().map_or(rounds, |text| text.parse().unwrap_or_else(|_| panic!("{ROUNDS} is no number")));
    for doors in [1, 2] {
        for database in databases::each_database().await {
            let arena = Arena::build(database, doors, &change).await;
            let began = Instant::now();
            for number in 1..=rounds {
                let _told = OnPanic(|| say(&format!("{claim}: round {number} failed on {}", arena.name)));
                round(&arena).await;
            }
            say(&format!("{claim}: {rounds} rounds on {}: {} in {:.1?}", arena.name, arena.tally(), began.elapsed()));
        }
    }
}

impl Arena {
    async fn build(database: databases::TestDb, doors: usize, change: impl Fn(&mut Settings)) -> Self {
        let kind = database.url.split(':').next().unwrap_or_default().to_owned();
        let app = Arc::new(TestApp::on(database, change).await);
        let mut all = vec![app.clone()];
        while all.len() < doors {
            all.push(Arc::new(app.twin().await));
        }
        let services = if doors == 1 { "one service" } else { "two services" };
        Self { name: format!("{kind}, {services}"), app, doors: all, answers: Mutex::default() }
    }

    /// Does `way(0)`, `way(1)`, … all at once, in turn at one service and the other, and gives what came of each.
    ///
    /// # Panics
    /// When one of them does.
    pub async fn at_once<T, F>(&self, ways: usize, way: impl Fn(usize, Arc<TestApp>) -> F) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let barrier = Arc::new(Barrier::new(ways));
        let run = |number: usize| {
            let (barrier, runs) = (barrier.clone(), way(number, self.doors[number % self.doors.len()].clone()));
            tokio::spawn(async move {
                barrier.wait().await;
                runs.await
            })
        };
        let tasks: Vec<_> = (0..ways).map(run).collect();
        let mut done = Vec::with_capacity(ways);
        for task in tasks {
            done.push(task.await.unwrap_or_else(|error| panic!("{error}")));
        }
        done
    }

    /// As [`Arena::at_once`], of requests. None may be answered with a fault of ours: a race is no excuse for a 5xx (T83).
    ///
    /// # Panics
    /// When an answer is one.
    pub async fn requests<F>(&self, ways: usize, way: impl Fn(usize, Arc<TestApp>) -> F) -> Vec<TestAnswer>
    where
        F: Future<Output = TestAnswer> + Send + 'static,
    {
        let answers = self.at_once(ways, way).await;
        answers.iter().for_each(|answer| self.note(answer));
        answers
    }

    /// Counts an answer for the figures.
    ///
    /// # Panics
    /// When it tells of a fault of ours.
    pub fn note(&self, answer: &TestAnswer) {
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(answer.status).or_default() += 1;
        assert!(answer.status < 500, "on {}: {} {}", self.name, answer.status, answer.text);
    }

    /// Password hashes that all services of the arena have computed.
    pub fn hash_computations(&self) -> u64 {
        self.doors.iter().map(|door| door.auth.hash_computations()).sum()
    }

    fn tally(&self) -> String {
        let mut text = String::new();
        for (status, count) in &*self.answers.lock().unwrap_or_else(PoisonError::into_inner) {
            // Writing to a text cannot fail.
            let _ = write!(text, "{}{count} × {status}", if text.is_empty() { "" } else { ", " });
        }
        text
    }
}

/// How many answers have that status.
pub fn count(answers: &[TestAnswer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// Writes a line that is seen although the test passes: figures are there to be read.
pub fn say(line: &str) {
    // A reader that has left does not make a test fail.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Tells which round it was when one fails.
struct OnPanic<F: Fn()>(F);

impl<F: Fn()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)();
        }
    }
}
