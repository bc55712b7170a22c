//! Two servers on one database are one service.

use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use vestibule::testing::races::say;

use crate::driver::{Answer, Driver, PASSWORD, registration};
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

#[test]
fn t83_of_64_registrations_at_two_servers_one_gets_the_name_and_one_the_address() {
    let place = Place::postgres();
    let servers = two(&place, &[]);
    for round in 0..5 {
        let account = |name: String, email: String| json!({ "username": name, "email": email, "password1": PASSWORD, "password2": PASSWORD });
        let by_name = at_once(&servers, 64, |way, to| {
            to.post("registration/", None, &account(format!("same{round}"), format!("n{round}w{way}@example.org")))
        });
        let by_address = at_once(&servers, 64, |way, to| {
            to.post("registration/", None, &account(format!("a{round}w{way}"), format!("same{round}@example.org")))
        });
        for answers in [by_name, by_address] {
            assert_eq!((count(&answers, 201), count(&answers, 400)), (1, 63));
        }
    }
    assert_eq!(place.count("SELECT count(*) FROM auth_users"), 10);
    assert_eq!(place.faults(), []);
    say("T83 at two processes on postgres: 5 rounds of 64 for one name and 64 for one address, one of each");
}

/// The key in the link of a mail in a folder. What is still being written has another name.
fn key_in(folder: &Path) -> Option<String> {
    let files = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let whole = files.filter(|path| path.extension().is_some_and(|ending| ending == "eml"));
    let mails = whole.filter_map(|path| std::fs::read_to_string(path).ok());
    // Quoted-printable breaks long lines.
    let found = mails.filter_map(|mail| {
        let mail = mail.replace("=\r\n", "").replace("=\n", "");
        let (_, rest) = mail.split_once("account-confirm-email/")?;
        Some(rest.split(['/', '"']).next()?.to_owned())
    });
    found.last()
}

#[test]
fn t16_a_key_from_a_mail_is_used_once_at_two_servers() {
    for round in 0..3 {
        let place = Place::postgres();
        let mails = place.folder.path().join("mails");
        let dir = mails.display().to_string();
        let settings = [
            ("VESTIBULE__EMAIL__TRANSPORT", "file"),
            ("VESTIBULE__EMAIL__FILE__DIR", dir.as_str()),
            ("VESTIBULE__ACCOUNT__EMAIL_VERIFICATION", "mandatory"),
        ];
        let servers = two(&place, &settings);
        servers[0].driver().post("registration/", None, &registration("ana", PASSWORD)).expect(201);
        let began = Instant::now();
        let key = loop {
            if let Some(key) = key_in(&mails) {
                break key;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "no mail in round {round}");
            thread::sleep(Duration::from_millis(20));
        };
        let answers = at_once(&servers, 32, |_, to| to.post("registration/verify-email/", None, &json!({ "key": key })));
        assert_eq!(count(&answers, 200), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        assert!(answers.iter().all(|answer| answer.status == 200 || (400..500).contains(&answer.status)));
        servers[1].driver().login("ana", PASSWORD).expect(200);
    }
    say("T16 at two processes on postgres: 3 rounds of 32 uses of one key, one counts");
}

#[test]
fn t05_a_password_with_old_parameters_is_hashed_anew_once_it_is_right_at_two_servers() {
    let place = Place::postgres();
    let old = place.serve();
    old.driver().register("ana");
    old.kill();
    let servers = two(&place, &[("VESTIBULE__PASSWORD__MEMORY_KIB", "16")]);
    let [one, other] = servers.each_ref().map(Server::driver);
    one.login("ana", "wr0ng-password-1").expect(400);
    let anew = "SELECT count(*) FROM auth_users WHERE password LIKE '%m=16,%'";
    assert_eq!(place.count(anew), 0);
    let answers = at_once(&servers, 32, |_, to| to.login("ana", PASSWORD));
    assert_eq!(count(&answers, 200), 32);
    assert_eq!(place.count(anew), 1);
    assert!(answers.iter().all(|answer| other.status_of(&answer.key()) == 200), "no session is lost by it");
    other.login("ana", PASSWORD).expect(200);
    assert_eq!(place.faults(), []);
}
