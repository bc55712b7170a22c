//! T89: told to stop, a server answers what has begun, and then ends.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vestibule::testing::races::say;

use crate::driver::{PASSWORD, connect, read, registration, request};
use crate::place::Place;
use crate::server::Server;

/// A registration of which half has been sent.
fn begin(server: &Server, name: &str) -> (TcpStream, Vec<u8>) {
    let begun = half(server, "registration/", &registration(name, PASSWORD));
    // The server has to have read the head.
    thread::sleep(Duration::from_millis(200));
    begun
}

/// The first part is sent, the rest is given back.
fn half(server: &Server, path: &str, body: &Value) -> (TcpStream, Vec<u8>) {
    let mut bytes = request("POST", path, None, Some(body));
    let rest = bytes.split_off(bytes.len() - 40);
    let mut stream = connect(server.address()).unwrap();
    stream.write_all(&bytes).unwrap();
    (stream, rest)
}

fn wait_until_closed(server: &Server) {
    let began = Instant::now();
    while connect(server.address()).is_ok() {
        assert!(began.elapsed() < Duration::from_secs(5), "new connections are still accepted");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn t89_after_term_requests_that_have_begun_are_answered_and_the_exit_status_is_0() {
    for place in Place::both() {
        let mut server = place.serve();
        // A connection that waits for nothing must not keep the server.
        let _idle = connect(server.address()).unwrap();
        let begun: Vec<_> = ["ana", "ben", "eve"].map(|name| begin(&server, name)).into();
        server.term();
        wait_until_closed(&server);
        assert_eq!(server.end(Duration::ZERO), None, "it waits for what has begun");
        for (mut stream, rest) in begun {
            stream.write_all(&rest).unwrap();
            read(stream).unwrap().expect(201);
        }
        let status = server.end(Duration::from_secs(5)).expect("an end");
        assert_eq!(status.code(), Some(0), "{}", server.log());
        let server = place.serve();
        server.driver().login("eve", PASSWORD).expect(200);
        assert_eq!(place.faults(), []);
    }
}

#[test]
fn t89_told_twice_it_ends_at_once_and_says_that_not_everything_was_finished() {
    let place = Place::sqlite();
    let mut server = place.serve();
    let _begun = begin(&server, "ana");
    server.term();
    wait_until_closed(&server);
    assert_eq!(server.end(Duration::from_millis(300)), None);
    server.term();
    assert_eq!(server.end(Duration::from_secs(2)).expect("an end").code(), Some(1));
}

#[test]
fn t89_of_a_hundred_requests_in_flight_none_is_cut() {
    for place in Place::both() {
        // Each hash takes its time, so that most of the logins wait for a thread.
        let costly = [("VESTIBULE__PASSWORD__MEMORY_KIB", "19456"), ("VESTIBULE__PASSWORD__ITERATIONS", "2")];
        let mut server = place.serve_with(&costly);
        let login = json!({ "username": "nobody", "password": PASSWORD });
        let begun: Vec<_> = (0..100).map(|_| half(&server, "login/", &login)).collect();
        thread::sleep(Duration::from_secs(1));
        let (mut waiting, mut late): (Vec<_>, Vec<_>) = begun.into_iter().enumerate().partition(|(number, _)| number % 2 == 0);
        let finish = |all: &mut [(usize, (TcpStream, Vec<u8>))]| {
            all.iter_mut().for_each(|(_, (stream, rest))| stream.write_all(rest).unwrap());
        };
        finish(&mut waiting);
        thread::sleep(Duration::from_millis(100));
        let told = Instant::now();
        server.term();
        wait_until_closed(&server);
        finish(&mut late);
        let streams = waiting.into_iter().chain(late).map(|(_, (stream, _))| stream);
        let statuses: Vec<u16> = streams.map(|stream| read(stream).expect("a whole answer").status).collect();
        assert!(statuses.iter().all(|status| matches!(status, 400 | 503)), "{statuses:?}");
        let status = server.end(Duration::from_secs(30)).expect("an end");
        assert_eq!(status.code(), Some(0), "{}", server.log());
        let refused = statuses.iter().filter(|status| **status == 503).count();
        say(&format!(
            "T89 TERM with 100 in flight on {}: {} answered, {refused} × 503, ended after {:.1?}",
            place.kind,
            100 - refused,
            told.elapsed()
        ));
    }
}

/// A mail service that takes a mail and does not say whether it has it.
#[test]
fn t89_a_mail_that_was_in_hand_is_handed_back() {
    for place in Place::both() {
        let service = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mail", service.local_addr().unwrap());
        let settings = [("VESTIBULE__EMAIL__TRANSPORT", "http"), ("VESTIBULE__EMAIL__HTTP__URL", url.as_str())];
        let mut server = place.serve_with(&settings);
        server.driver().register("ana");
        let (_in_hand, _) = service.accept().unwrap();
        server.driver().register("ben");
        let told = Instant::now();
        server.term();
        let status = server.end(Duration::from_secs(15)).expect("an end");
        assert_eq!(status.code(), Some(0), "{}", server.log());
        assert_eq!(place.count("SELECT count(*) FROM auth_jobs WHERE lease IS NOT NULL OR leased_until > 0"), 0);
        assert_eq!(place.count("SELECT count(*) FROM auth_jobs"), 2);
        say(&format!("T89 TERM with a mail in hand on {}: ended after {:.1?}", place.kind, told.elapsed()));
        let folder = place.folder.path().join("mails");
        let dir = folder.display().to_string();
        let _next = place.serve_with(&[("VESTIBULE__EMAIL__TRANSPORT", "file"), ("VESTIBULE__EMAIL__FILE__DIR", &dir)]);
        let began = Instant::now();
        while std::fs::read_dir(&folder).unwrap().count() < 2 {
            assert!(began.elapsed() < Duration::from_secs(10), "the mails are not sent by the next server");
            thread::sleep(Duration::from_millis(20));
        }
    }
}
