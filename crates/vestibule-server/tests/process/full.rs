//! T88: no room left, for the database or for the log.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use vestibule::testing::races::say;

use crate::cluster::{Cluster, give};
use crate::driver::{Driver, PASSWORD, registration};
use crate::load::{PROMISE, back, outage, unavailable, while_asking};
use crate::place::Place;
use crate::server::Server;
use crate::volume::Volume;

/// Fills the volume while clients ask; once writes are refused, they all are, and reads are not.
fn fill(volume: &Volume, place: &Place, to: Driver) {
    let mut room = 0;
    let told = while_asking("T88 full", place, to, |key| {
        let filler = volume.fill();
        // What the database had set aside already is used up first.
        while to.send("POST", "registration/", None, Some(&registration(&format!("late{room}"), PASSWORD))).unwrap().status != 503
        {
            room += 1;
            assert!(room < 5_000, "a full volume takes everything");
        }
        let login = json!({ "username": "watched", "password": PASSWORD });
        let mut logins = 0;
        let refused = loop {
            let answer = to.send("POST", "login/", None, Some(&login)).unwrap();
            if answer.status != 200 {
                break answer;
            }
            // Small rows go into pages that have room.
            assert_eq!(to.status_of(&answer.key()), 200, "no key that was not stored");
            logins += 1;
            assert!(logins < 5_000, "a full volume takes everything");
        };
        unavailable("login/", &refused);
        for _ in 0..20 {
            assert_eq!(to.status_of(key), 200, "a key that counts is still known");
        }
        to.send("GET", "/livez", None, None).unwrap().expect(200);
        thread::sleep(outage(1));
        assert_eq!(to.status_of(key), 200);
        drop(filler);
        back(to, key);
        to.register("ben");
        to.send("PATCH", "user/", Some(key), Some(&json!({ "first_name": "Ana" }))).unwrap().expect(200);
    });
    assert!(told.fine > 0 && told.unavailable > 0);
    for late in 0..room {
        to.login(&format!("late{late}"), PASSWORD).expect(200);
    }
    say(&format!("T88 on {}: {room} registrations went into the last room, all of them are there", place.kind));
}

#[test]
fn t88_a_full_disk_on_sqlite_refuses_writes_and_nothing_else() {
    let Some(volume) = Volume::of("24m", "T88 on sqlite") else { return };
    let place = Place::sqlite_in(volume.path());
    let server = place.serve();
    fill(&volume, &place, server.driver());
    server.kill();
    place.serve().driver().login("watched", PASSWORD).expect(200);
    assert_eq!(place.faults(), []);
}

#[test]
fn t88_a_full_disk_on_postgres_refuses_writes_and_nothing_else() {
    let Some(volume) = Volume::of("32m", "T88 on postgres") else { return };
    give(volume.path());
    let cluster = Cluster::start();
    let mut session = cluster.session();
    session.run(&format!("CREATE TABLESPACE small LOCATION '{}'", volume.path().display()));
    session.run("GRANT CREATE ON TABLESPACE small TO app");
    session.run("ALTER ROLE app SET default_tablespace = small");
    let place = Place::at(cluster.url());
    let server = place.serve();
    fill(&volume, &place, server.driver());
}

#[test]
fn t88_a_full_log_volume_stops_nothing_and_is_told_afterwards() {
    let Some(volume) = Volume::of("256k", "T88 for the log") else { return };
    let place = Place::sqlite();
    let log = volume.path().join("log");
    let settings = [("VESTIBULE__LOG__REQUESTS", "all"), ("VESTIBULE__METRICS__LISTEN", "127.0.0.1:0")];
    let mut server = Server::spawn(place.command(&["serve"], &settings), log.clone());
    server.wait_until_ready();
    let to = server.driver();
    let key = to.register("ana");
    let filler = volume.fill();
    let before = fs::metadata(&log).unwrap().len();
    for _ in 0..200 {
        assert_eq!(to.status_of(&key), 200);
    }
    to.login("ana", "wr0ng-password-1").expect(400);
    let late = to.login("ana", PASSWORD).expect(200).key();
    assert!(fs::metadata(&log).unwrap().len() < before + 8192, "the volume was not full");
    drop(filler);
    assert_eq!(to.status_of(&late), 200);
    let began = Instant::now();
    let (text, told) = loop {
        let text = fs::read_to_string(&log).unwrap();
        if let Some(told) = text.lines().find(|line| line.contains("lines of the log could not be written")) {
            break (text.clone(), told.to_owned());
        }
        assert!(began.elapsed() < PROMISE, "nobody tells of lost lines");
        thread::sleep(Duration::from_millis(50));
    };
    let last = text.lines().next_back().unwrap();
    assert!(last.starts_with('{') && last.ends_with('}'), "what is written afterwards is a line of its own: {last:?}");
    say(&format!("T88 for the log: {told}"));
}
