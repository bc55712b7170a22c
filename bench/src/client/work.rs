//! What the connections ask for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Work;
use super::connection::Reply;
use super::patches::Freshness;
use crate::keys::{PASSWORD, key, username};
use crate::random::Random;

/// `GET user/` with a token drawn from all.
pub(crate) struct Reads {
    /// Where `user/` is.
    pub(crate) path: Arc<str>,
    /// How many tokens there are.
    pub(crate) tokens: u64,
    /// What was written to whom.
    pub(crate) freshness: Arc<Freshness>,
    /// Which token is next.
    pub(crate) random: Random,
    /// The least version that the answer must show.
    pub(crate) expected: u64,
}

impl Reads {
    /// The works of `connections` connections.
    pub(crate) fn of(connections: u64, path: &str, freshness: &Arc<Freshness>) -> Vec<Self> {
        let (path, tokens) = (Arc::<str>::from(path), freshness.tokens());
        let one =
            |seed| Self { path: path.clone(), tokens, freshness: freshness.clone(), random: Random::new(seed), expected: 0 };
        (1..=connections).map(one).collect()
    }
}

impl Work for Reads {
    fn request(&mut self, out: &mut Vec<u8>) {
        let token = self.random.below(self.tokens) + 1;
        self.expected = self.freshness.version(token);
        get(out, &self.path, &key(token));
    }

    fn check(&mut self, reply: &Reply<'_>) -> Result<(), String> {
        self.freshness.read();
        expect(reply, 200)?;
        if Freshness::shows(reply.body, self.expected) {
            Ok(())
        } else {
            Err(format!("stale, version {} was acknowledged", self.expected))
        }
    }
}

/// `POST login/` of users in turn.
pub(crate) struct Logins {
    /// Where `login/` is.
    pub(crate) path: Arc<str>,
    /// How many users there are.
    pub(crate) users: u64,
    /// Who is next.
    pub(crate) random: Random,
}

impl Logins {
    /// The works of `connections` connections.
    pub(crate) fn of(connections: u64, path: &str, users: u64) -> Vec<Self> {
        let path = Arc::<str>::from(path);
        (1..=connections).map(|seed| Self { path: path.clone(), users, random: Random::new(seed + 1_000) }).collect()
    }
}

impl Work for Logins {
    fn request(&mut self, out: &mut Vec<u8>) {
        let name = username(self.random.below(self.users) + 1);
        post(out, &self.path, &format!(r#"{{"username":"{name}","password":"{PASSWORD}"}}"#));
    }

    fn check(&mut self, reply: &Reply<'_>) -> Result<(), String> {
        expect(reply, 200)
    }
}

/// `POST registration/` of people who were never here.
pub(crate) struct Registrations {
    path: Arc<str>,
    next: Arc<AtomicU64>,
}

impl Registrations {
    /// The works of `connections` connections; `next` numbers the people.
    pub(crate) fn of(connections: u64, path: &str, next: &Arc<AtomicU64>) -> Vec<Self> {
        let path = Arc::<str>::from(path);
        (0..connections).map(|_| Self { path: path.clone(), next: next.clone() }).collect()
    }
}

impl Work for Registrations {
    fn request(&mut self, out: &mut Vec<u8>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let body = format!(
            r#"{{"username":"new{number}","email":"new{number}@example.org","password1":"{PASSWORD}","password2":"{PASSWORD}"}}"#
        );
        post(out, &self.path, &body);
    }

    fn check(&mut self, reply: &Reply<'_>) -> Result<(), String> {
        expect(reply, 201)
    }
}

/// The same `GET` of a peer, with one of some header lines.
pub(crate) struct Peer {
    path: Arc<str>,
    headers: Arc<[String]>,
    random: Random,
}

impl Peer {
    /// The works of `connections` connections.
    pub(crate) fn of(connections: u64, path: &str, headers: &Arc<[String]>) -> Vec<Self> {
        let path = Arc::<str>::from(path);
        (1..=connections).map(|seed| Self { path: path.clone(), headers: headers.clone(), random: Random::new(seed) }).collect()
    }
}

impl Work for Peer {
    fn request(&mut self, out: &mut Vec<u8>) {
        let at = self.random.below(u64::try_from(self.headers.len()).unwrap_or(1));
        let header = usize::try_from(at).ok().and_then(|at| self.headers.get(at)).map_or("", String::as_str);
        push(out, &["GET ", &self.path, " HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n", header]);
        push(out, &[if header.is_empty() { "\r\n" } else { "\r\n\r\n" }]);
    }

    fn check(&mut self, reply: &Reply<'_>) -> Result<(), String> {
        expect(reply, 200)
    }
}

/// Writes a `GET` with a token.
pub(crate) fn get(out: &mut Vec<u8>, path: &str, key: &str) {
    push(
        out,
        &["GET ", path, " HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nAuthorization: Token ", key, "\r\n\r\n"],
    );
}

/// Writes a `GET` with a JSON Web Token.
pub(super) fn bearing(out: &mut Vec<u8>, path: &str, token: &str) {
    let behind = " HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nAuthorization: Bearer ";
    push(out, &["GET ", path, behind, token, "\r\n\r\n"]);
}

/// Writes a `PATCH` with a token and a JSON body.
pub(super) fn patch(out: &mut Vec<u8>, path: &str, key: &str, body: &str) {
    push(out, &["PATCH ", path, " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token ", key, "\r\n"]);
    push_body(out, body);
}

/// Writes a `POST` with a JSON body.
pub(crate) fn post(out: &mut Vec<u8>, path: &str, body: &str) {
    push(out, &["POST ", path, " HTTP/1.1\r\nHost: localhost\r\n"]);
    push_body(out, body);
}

fn push_body(out: &mut Vec<u8>, body: &str) {
    let length = body.len().to_string();
    push(out, &["Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: ", &length, "\r\n\r\n", body]);
}

fn push(out: &mut Vec<u8>, parts: &[&str]) {
    parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
}

pub(super) fn expect(reply: &Reply<'_>, status: u16) -> Result<(), String> {
    if reply.status == status { Ok(()) } else { Err(format!("not {status}")) }
}
