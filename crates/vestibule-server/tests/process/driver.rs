//! A client that trusts nothing: one connection for each request, and an answer counts only if it came whole.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

/// How long an answer is waited for; the server promises one within 5 s.
const PATIENCE: Duration = Duration::from_secs(10);

/// A password that every policy takes.
pub(crate) const PASSWORD: &str = "Tr1cky-pass-9x";

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) text: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.text);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    #[track_caller]
    pub(crate) fn key(&self) -> String {
        self.json()["key"].as_str().unwrap_or_else(|| panic!("no key in {}", self.text)).to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    fn parse(bytes: &[u8]) -> io::Result<Self> {
        let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "the answer was cut");
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut)?;
        let answer = Self { status, head: head.to_owned(), text: body.to_owned() };
        match answer.header("content-length").and_then(|length| length.parse::<usize>().ok()) {
            Some(length) if length == answer.text.len() => Ok(answer),
            _ => Err(cut()),
        }
    }
}

/// Reads the one answer of a connection, which the server then closes.
pub(crate) fn read(mut stream: TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    // A reset after the answer does not take it back: what came is looked at first.
    let end = stream.read_to_end(&mut bytes);
    Answer::parse(&bytes).or_else(|cut| end.and(Err(cut)))
}

/// Connects.
pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A request as bytes. Paths begin below the base path, unless they begin with a slash.
pub(crate) fn request(method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> Vec<u8> {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/auth/{path}") };
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    if let Some(key) = key {
        text.push_str(&format!("Authorization: Token {key}\r\n"));
    }
    let body = body.map(ToString::to_string).unwrap_or_default();
    if !body.is_empty() {
        text.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
    }
    format!("{text}\r\n{body}").into_bytes()
}

/// Whoever asks one server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Driver(pub(crate) SocketAddr);

impl Driver {
    /// Sends a request.
    ///
    /// # Errors
    /// When no whole answer came: then it may have been done or not.
    pub(crate) fn send(self, method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> io::Result<Answer> {
        let mut stream = connect(self.0)?;
        stream.write_all(&request(method, path, key, body))?;
        read(stream)
    }

    #[track_caller]
    pub(crate) fn get(self, path: &str, key: &str) -> Answer {
        self.send("GET", path, Some(key), None).expect("an answer")
    }

    #[track_caller]
    pub(crate) fn post(self, path: &str, key: Option<&str>, body: &Value) -> Answer {
        self.send("POST", path, key, Some(body)).expect("an answer")
    }

    /// The status of `GET user/`.
    #[track_caller]
    pub(crate) fn status_of(self, key: &str) -> u16 {
        self.get("user/", key).status
    }

    /// Registers with [`PASSWORD`] and gives the key.
    #[track_caller]
    pub(crate) fn register(self, name: &str) -> String {
        self.post("registration/", None, &registration(name, PASSWORD)).expect(201).key()
    }

    #[track_caller]
    pub(crate) fn login(self, name: &str, password: &str) -> Answer {
        self.post("login/", None, &json!({ "username": name, "password": password }))
    }

    #[track_caller]
    pub(crate) fn change(self, key: &str, old: &str, new: &str) -> Answer {
        self.post("password/change/", Some(key), &password_change(old, new))
    }
}

/// The body of a registration.
pub(crate) fn registration(name: &str, password: &str) -> Value {
    json!({ "username": name, "email": format!("{name}@example.org"), "password1": password, "password2": password })
}

/// The body of a change of password.
pub(crate) fn password_change(old: &str, new: &str) -> Value {
    json!({ "old_password": old, "new_password1": new, "new_password2": new })
}
