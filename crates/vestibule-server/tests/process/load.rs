//! Clients that go on asking while something fails, and a book of what they were told.
//!
//! An answer is what was asked for or 503 with `Retry-After`, and comes in time; nothing else is allowed. Whoever had a 503 is left
//! alone until the end: what he asked for may have happened or not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use vestibule::testing::races::say;

use crate::driver::{Answer, Driver, PASSWORD};
use crate::people::{People, choose, compare};
use crate::place::Place;

/// The longest that an answer may take, and the longest until the service works again.
pub(crate) const PROMISE: Duration = Duration::from_secs(5);

/// What a busy machine may add to it.
pub(crate) const SLACK: Duration = Duration::from_secs(3);

/// Together they ask 200 times in a second, if the machine can.
const CLIENTS: usize = 8;
const PACE: Duration = Duration::from_millis(40);

/// How long they ask before anything fails, and afterwards.
const QUIET: Duration = Duration::from_millis(500);

/// Whose key is watched.
const WATCHED: &str = "watched";

/// How long an outage lasts: short in every run, `VESTIBULE_OUTAGE_SECONDS` at full length.
pub(crate) fn outage(short: u64) -> Duration {
    Duration::from_secs(full("VESTIBULE_OUTAGE_SECONDS").unwrap_or(short))
}

/// How often something short happens: `VESTIBULE_OUTAGE_TIMES` at full length.
pub(crate) fn times(few: u64) -> u64 {
    full("VESTIBULE_OUTAGE_TIMES").unwrap_or(few)
}

fn full(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// What the clients were told.
#[derive(Default)]
pub(crate) struct Told {
    people: People,
    pub(crate) fine: usize,
    pub(crate) unavailable: usize,
    pub(crate) slowest: Duration,
}

impl Told {
    fn add(&mut self, other: Self) {
        self.people.0.extend(other.people.0);
        self.fine += other.fine;
        self.unavailable += other.unavailable;
        self.slowest = self.slowest.max(other.slowest);
    }

    /// Whether it was done. Anything but a success or an honest 503 is a failure of the test.
    #[track_caller]
    fn done(&mut self, what: &str, answer: &Answer, right: u16, took: Duration) -> bool {
        self.slowest = self.slowest.max(took);
        let fine = if right == 200 { (200..300).contains(&answer.status) } else { answer.status == right };
        if fine {
            self.fine += 1;
        } else {
            unavailable(what, answer);
            self.unavailable += 1;
        }
        fine
    }
}

#[track_caller]
pub(crate) fn unavailable(what: &str, answer: &Answer) {
    assert_eq!(answer.status, 503, "{what}: {}", answer.text);
    let seconds = answer.header("retry-after").expect("Retry-After").parse::<u32>().unwrap();
    assert!((1..=30).contains(&seconds), "{what}: {seconds}");
}

/// Ends the asking, also when the test fails meanwhile.
struct StopWhenDropped<'a>(&'a AtomicBool);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Lets clients ask while `failing` is done; then nothing that was acknowledged may be lost and nothing may be there by half.
/// `failing` is given a key that counts all the time.
#[track_caller]
pub(crate) fn while_asking(what: &str, place: &Place, to: Driver, failing: impl FnOnce(&str)) -> Told {
    let key = to.register(WATCHED);
    let stop = AtomicBool::new(false);
    let mut told = thread::scope(|scope| {
        let mut all: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn({
                    let stop = &stop;
                    move || act(to, client, stop)
                })
            })
            .collect();
        all.push(scope.spawn(|| watch(to, &key, &stop)));
        let ended = StopWhenDropped(&stop);
        thread::sleep(QUIET);
        failing(&key);
        thread::sleep(QUIET);
        drop(ended);
        all.into_iter().map(|thread| thread.join().unwrap()).fold(Told::default(), |mut sum, told| {
            sum.add(told);
            sum
        })
    });
    let Told { fine, unavailable, slowest, .. } = told;
    let people = told.people.0.len();
    say(&format!(
        "{what} on {}: {fine} × done, {unavailable} × 503, slowest answer {slowest:.1?}, {people} accounts",
        place.kind
    ));
    assert!(slowest < PROMISE + SLACK, "an answer took {slowest:?}");
    let wrong = compare(told.people.0.iter_mut(), to).wrong;
    assert!(wrong.is_empty(), "{} claims do not hold, the first: {:?}", wrong.len(), wrong.first());
    to.login(WATCHED, "wr0ng-password-1").expect(400);
    to.login(WATCHED, PASSWORD).expect(200);
    assert_eq!(place.faults(), []);
    told
}

/// Does one thing after the other.
fn act(to: Driver, client: usize, stop: &AtomicBool) -> Told {
    let (mut told, mut active) = (Told::default(), People::default());
    for count in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let began = Instant::now();
        let deed = choose(&active, format!("c{client}n{count}"));
        let answer = deed.send(to).expect("an answer");
        let done = told.done(&format!("{deed:?}"), &answer, 200, began.elapsed());
        let key = (done && !answer.text.is_empty()).then(|| answer.json()["key"].as_str().map(str::to_owned)).flatten();
        active.note(&deed, done.then_some(key));
        if !done && let Some(person) = active.0.remove(deed.name()) {
            told.people.0.insert(deed.name().to_owned(), person);
        }
        thread::sleep(PACE.saturating_sub(began.elapsed()));
    }
    told.people.0.extend(active.0);
    told
}

/// Sees that no check is skipped because it could not run: a key that counts is never refused, a stranger's key and a wrong password
/// never count, and the process says that it lives.
fn watch(to: Driver, key: &str, stop: &AtomicBool) -> Told {
    let mut told = Told::default();
    let stranger = "0000000000000000000000000000000000000000";
    let guess = json!({ "username": WATCHED, "password": "wr0ng-password-1" });
    while !stop.load(Ordering::SeqCst) {
        for (path, key, body, right) in
            [("user/", Some(key), None, 200), ("user/", Some(stranger), None, 401), ("login/", None, Some(&guess), 400)]
        {
            let began = Instant::now();
            let method = if body.is_some() { "POST" } else { "GET" };
            let answer = to.send(method, path, key, body).expect("an answer");
            told.done(&format!("{method} {path}"), &answer, right, began.elapsed());
        }
        to.send("GET", "/livez", None, None).expect("an answer").expect(200);
        thread::sleep(Duration::from_millis(20));
    }
    told
}

/// How long it takes until it is ready and knows the key again.
#[track_caller]
pub(crate) fn back(to: Driver, key: &str) -> Duration {
    let began = Instant::now();
    while to.send("GET", "/readyz", None, None).unwrap().status != 200 || to.status_of(key) != 200 {
        assert!(began.elapsed() < PROMISE + SLACK, "not back after {:?}", began.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
    began.elapsed()
}
