//! T89: told to stop, a server answers what has begun, and then ends.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::driver::{PASSWORD, connect, read, registration, request};
use crate::place::Place;
use crate::server::Server;

/// A registration of which half has been sent.
fn begin(server: &Server, name: &str) -> (TcpStream, Vec<u8>) {
    let mut bytes = request("POST", "registration/", None, Some(&registration(name, PASSWORD)));
    let rest = bytes.split_off(bytes.len() - 40);
    let mut stream = connect(server.address()).unwrap();
    stream.write_all(&bytes).unwrap();
    // The server has to have read the head.
    thread::sleep(Duration::from_millis(200));
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
