//! T87: another program holds SQLite's write lock.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Runtime;
use vestibule::db::{Db, Error, Options};
use vestibule::testing::races::say;

use crate::load::{PROMISE, SLACK, back, outage, unavailable, while_asking};
use crate::place::Place;

/// Holds the lock for so long, beginning before `meanwhile` runs.
fn locked(place: &Place, long: Duration, meanwhile: impl FnOnce()) {
    let (begun, begins) = mpsc::channel();
    let url = place.url.clone();
    thread::scope(|scope| {
        scope.spawn(move || {
            Runtime::new().unwrap().block_on(async {
                let options = Options { hook_wait: Some(long + SLACK), ..Options::default() };
                let db = Db::open(&url, options).await.unwrap();
                let hold = db.unit(move |_| async move {
                    begun.send(()).unwrap();
                    tokio::time::sleep(long).await;
                    Ok::<_, Error>(())
                });
                hold.await.unwrap();
            });
        });
        begins.recv().unwrap();
        meanwhile();
    });
}

#[test]
fn t87_a_lock_of_three_seconds_is_waited_for() {
    let place = Place::sqlite();
    let server = place.serve();
    let to = server.driver();
    let told = while_asking("T87 locked for 3 s", &place, to, |key| {
        locked(&place, Duration::from_secs(3), || {
            let began = Instant::now();
            assert_eq!(to.status_of(key), 200);
            assert!(began.elapsed() < Duration::from_secs(2), "a read waits for nobody");
            to.send("PATCH", "user/", Some(key), Some(&json!({ "first_name": "Ana" }))).unwrap().expect(200);
        });
        assert_eq!(to.get("user/", key).json()["first_name"], "Ana");
        back(to, key);
    });
    assert!(told.fine > 0 && told.unavailable == 0);
}

#[test]
fn t87_a_lock_that_is_held_for_long_is_answered_with_503_and_reads_go_on() {
    let place = Place::sqlite();
    let server = place.serve();
    let to = server.driver();
    // Half as long again as PostgreSQL's outage: 30 s at full length.
    let (mut longest, long) = (Duration::ZERO, outage(5) * 3 / 2);
    let told = while_asking("T87 locked for long", &place, to, |key| {
        locked(&place, long, || {
            let began = Instant::now();
            let edit = to.send("PATCH", "user/", Some(key), Some(&json!({ "first_name": "Lost" }))).unwrap();
            assert!(began.elapsed() < PROMISE + SLACK, "{:?}", began.elapsed());
            unavailable("PATCH user/", &edit);
            to.send("GET", "/livez", None, None).unwrap().expect(200);
            assert_eq!(to.status_of(key), 200);
        });
        longest = back(to, key);
        assert_eq!(to.get("user/", key).json()["first_name"], "");
    });
    assert!(told.fine > 0 && told.unavailable > 0);
    say(&format!("T87 locked for {long:?} on sqlite: back after {longest:.1?}"));
}

#[test]
fn t87_while_nothing_can_be_written_it_is_not_ready() {
    let place = Place::sqlite();
    let server = place.serve();
    let to = server.driver();
    locked(&place, Duration::from_secs(6), || {
        to.send("GET", "/readyz", None, None).unwrap().expect(503);
        to.send("GET", "/livez", None, None).unwrap().expect(200);
    });
    let key = to.register("ana");
    back(to, &key);
}
