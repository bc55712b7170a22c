//! T87: PostgreSQL goes away and comes back; the server tells the truth meanwhile and needs no restart.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use vestibule::testing::races::say;

use crate::cluster::Cluster;
use crate::driver::{Driver, PASSWORD, registration};
use crate::load::{PROMISE, SLACK, back, outage, times, unavailable, while_asking};
use crate::place::Place;
use crate::proxy::Proxy;

/// Every kind of request is refused in time, all of them at once; the process lives, and says that it is not ready.
fn is_unavailable(to: Driver, key: &str) {
    let ben = registration("ben", PASSWORD);
    let login = json!({ "username": "watched", "password": PASSWORD });
    let edit = json!({ "first_name": "Lost" });
    thread::scope(|scope| {
        for (method, path, key, body) in [
            ("GET", "user/", Some(key), None),
            ("PATCH", "user/", Some(key), Some(&edit)),
            ("POST", "login/", None, Some(&login)),
            ("POST", "registration/", None, Some(&ben)),
            ("POST", "logout/", Some(key), Some(&edit)),
            ("GET", "/readyz", None, None),
        ] {
            scope.spawn(move || {
                let began = Instant::now();
                let answer = to.send(method, path, key, body).unwrap();
                let took = began.elapsed();
                assert!(took < PROMISE + SLACK, "{method} {path} took {took:?}");
                match path {
                    "/readyz" => drop(answer.expect(503)),
                    _ => unavailable(path, &answer),
                }
            });
        }
    });
    to.send("GET", "/livez", None, None).unwrap().expect(200);
}

/// What was refused has not happened, and afterwards all is as before.
fn nothing_happened(to: Driver, key: &str) {
    assert_eq!(to.get("user/", key).expect(200).json()["first_name"], "");
    to.register("ben");
}

#[test]
fn t87_while_postgres_is_gone_the_answer_is_503_and_afterwards_all_is_as_before() {
    let cluster = Cluster::start();
    let place = Place::at(cluster.url());
    let server = place.serve();
    let to = server.driver();
    let mut longest = Duration::ZERO;
    let told = while_asking("T87 stopped", &place, to, |key| {
        for _ in 0..2 {
            cluster.down();
            is_unavailable(to, key);
            thread::sleep(outage(2));
            cluster.up();
            longest = longest.max(back(to, key));
        }
        nothing_happened(to, key);
    });
    assert!(told.fine > 0 && told.unavailable > 0);
    say(&format!("T87 stopped on postgres: 2 × {:?}, back after at most {longest:.1?}", outage(2)));
}

#[test]
fn t87_restarts_and_cut_connections_need_no_restart_of_ours() {
    let cluster = Cluster::start();
    let place = Place::at(cluster.url());
    let server = place.serve();
    let to = server.driver();
    let (mut longest, often) = (Duration::ZERO, times(3));
    let told = while_asking("T87 restarted and cut", &place, to, |key| {
        for _ in 0..often {
            cluster.restart();
            longest = longest.max(back(to, key));
        }
        let mut session = cluster.session();
        for _ in 0..often * 5 {
            cluster.terminate(&mut session);
            thread::sleep(Duration::from_millis(50));
            longest = longest.max(back(to, key));
        }
    });
    assert!(told.fine > 0);
    say(&format!("T87 on postgres: {often} restarts, connections cut {} times, back after at most {longest:.1?}", often * 5));
}

#[test]
fn t87_a_postgres_that_does_not_answer_holds_nobody_longer_than_promised() {
    let cluster = Cluster::start();
    let proxy = Proxy::before(cluster.socket());
    let place = Place::at(proxy.url());
    let server = place.serve();
    let to = server.driver();
    let mut longest = Duration::ZERO;
    let told = while_asking("T87 silent", &place, to, |key| {
        proxy.silent();
        is_unavailable(to, key);
        thread::sleep(outage(1));
        proxy.speak();
        longest = back(to, key);
        nothing_happened(to, key);
    });
    assert!(told.fine > 0 && told.unavailable > 0);
    say(&format!("T87 silent on postgres: back after {longest:.1?}"));
}

#[test]
fn t87_without_a_free_connection_the_answer_is_503_until_there_is_one() {
    let cluster = Cluster::start();
    let place = Place::at(cluster.url());
    let server = place.serve();
    let to = server.driver();
    let mut longest = Duration::ZERO;
    let told = while_asking("T87 full", &place, to, |key| {
        let taken = cluster.fill();
        is_unavailable(to, key);
        thread::sleep(outage(2));
        drop(taken);
        longest = back(to, key);
        nothing_happened(to, key);
    });
    assert!(told.fine > 0 && told.unavailable > 0);
    say(&format!("T87 full on postgres: back after {longest:.1?}"));
}
