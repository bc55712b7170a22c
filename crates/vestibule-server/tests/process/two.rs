//! Two servers on one database are one service.

use std::sync::Barrier;
use std::thread;

use serde_json::json;
use vestibule::testing::races::say;

use crate::driver::{Answer, Driver, PASSWORD};
use crate::place::Place;
use crate::server::Server;

const OTHER: &str = "An0ther-pass-7q";

fn two(place: &Place, settings: &[(&str, &str)]) -> [Server; 2] {
    [place.serve_with(settings), place.serve_with(settings)]
}

/// Does `way(0)`, `way(1)`, … at once, in turn at one server and the other.
fn at_once(servers: &[Server; 2], ways: usize, way: impl Fn(usize, Driver) -> Answer + Sync) -> Vec<Answer> {
    let (barrier, way) = (Barrier::new(ways), &way);
    thread::scope(|scope| {
        let run = |number: usize| {
            let (barrier, to) = (&barrier, servers[number % 2].driver());
            scope.spawn(move || {
                barrier.wait();
                way(number, to)
            })
        };
        let threads: Vec<_> = (0..ways).map(run).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[test]
fn t26_what_ends_at_one_server_has_ended_at_the_other_at_the_next_request() {
    for place in Place::both() {
        let servers = two(&place, &[]);
        let [one, other] = servers.each_ref().map(Server::driver);
        let keys = [one.register("ana"), other.login("ana", PASSWORD).expect(200).key(), one.login("ana", PASSWORD).key()];
        assert_eq!(keys.each_ref().map(|key| other.status_of(key)), [200; 3]);
        one.change(&keys[0], PASSWORD, OTHER).expect(200);
        assert_eq!(keys.each_ref().map(|key| other.status_of(key)), [200, 401, 401]);
        other.login("ana", PASSWORD).expect(400);
        other.post("logout/", Some(&keys[0]), &json!({})).expect(200);
        assert_eq!(one.status_of(&keys[0]), 401);
    }
}

#[test]
fn t31_after_a_change_of_password_at_one_server_no_login_at_the_other_survives() {
    let place = Place::postgres();
    let servers = two(&place, &[]);
    let (mut rounds, mut cut) = (0, 0);
    for round in 0..10 {
        let (name, ask) = (format!("ana{round}"), servers[1].driver());
        let mut keys = vec![ask.register(&name)];
        keys.extend((0..5).map(|_| ask.login(&name, PASSWORD).expect(200).key()));
        let answers = at_once(&servers, 32, |way, to| match way {
            0 => to.change(&keys[0], PASSWORD, OTHER),
            _ if way % 3 == 0 => to.get("user/", &keys[way % keys.len()]),
            _ => to.login(&name, PASSWORD),
        });
        assert!(answers.iter().all(|answer| answer.status < 500));
        assert_eq!(answers[0].status, 200, "{}", answers[0].text);
        let minted: Vec<String> = answers.iter().filter(|answer| answer.json().get("key").is_some()).map(Answer::key).collect();
        for key in keys[1..].iter().chain(&minted) {
            assert_eq!(servers.each_ref().map(|server| server.driver().status_of(key)), [401, 401]);
        }
        assert_eq!(servers.each_ref().map(|server| server.driver().status_of(&keys[0])), [200, 200]);
        rounds += 1;
        cut += minted.len();
    }
    assert_eq!(place.faults(), []);
    say(&format!("T31 at two processes on postgres: {rounds} rounds, {cut} sessions opened during a change, all ended by it"));
}

#[test]
fn t68_of_64_guesses_at_two_servers_ten_are_looked_at() {
    for _ in 0..3 {
        let place = Place::postgres();
        // Without a mail, which has a counter of its own.
        let settings = [("VESTIBULE__LIMITS__ENABLED", "true"), ("VESTIBULE__ACCOUNT__EMAIL_VERIFICATION", "none")];
        let servers = two(&place, &settings);
        servers[0].driver().register("ana");
        let answers = at_once(&servers, 64, |_, to| to.login("ana", "wr0ng-password-1"));
        assert_eq!((count(&answers, 400), count(&answers, 429)), (10, 54));
        assert!(answers.iter().all(|answer| answer.status == 400 || answer.header("retry-after").is_some()));
        // Logins of the address, failures of the address, of the account there and of the account, and the registration.
        assert_eq!(place.numbers("SELECT hits FROM auth_limits ORDER BY hits DESC"), [30, 10, 10, 10, 1]);
        assert_eq!(place.count("SELECT count(*) FROM auth_audit WHERE event = 'login.locked'"), 1);
        servers[1].driver().login("ana", PASSWORD).expect(429);
    }
    say("T68 at two processes on postgres: 3 rounds, 30 × 400, 162 × 429, one lock each");
}
