//! A client that sends exactly what was recorded, also where no proper client would.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most characters of a body that an outline has.
const LONGEST_OUTLINE: usize = 400;

/// A request with nothing left to fill in.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers, `Host` among them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, with lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All headers of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body, if it is JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }

    /// Status, cookies and body in a line, without what is another with each run: texts with digits, and numbers.
    pub fn outline(&self) -> String {
        let cookies = self.all("set-cookie").filter_map(|cookie| {
            let (name, rest) = cookie.split_once('=')?;
            Some(if rest.starts_with("\"\"") { format!("-{name}") } else { format!("+{name}") })
        });
        let body = match self.json() {
            Some(json) => masked(json).to_string(),
            None if self.body.is_empty() => "nothing".into(),
            None => self.header("content-type").unwrap_or("no type").to_owned(),
        };
        let body: String = body.chars().take(LONGEST_OUTLINE).collect();
        [self.status.to_string()].into_iter().chain(cookies).chain([body]).collect::<Vec<_>>().join(" ")
    }

    /// Whether the server says that it knows no such path. What it knows has methods to tell.
    pub fn is_no_such_path(&self) -> bool {
        self.status == 404 && self.header("allow").is_none()
    }
}

impl Request {
    /// A header of the request, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Sends the request on a connection of its own.
    ///
    /// # Errors
    /// When there is no connection, or no answer that is HTTP.
    pub fn send(&self, server: SocketAddr) -> Result<Answer, String> {
        let told = |error: std::io::Error| format!("{} {}: {error}", self.method, self.path);
        let mut stream = TcpStream::connect_timeout(&server, PATIENCE).map_err(told)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(told)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(told)?;
        let sent = stream.write_all(&self.head()).and_then(|()| stream.write_all(self.body.as_deref().unwrap_or_default()));
        match sent {
            // The server may have answered before it read everything; the answer is still there to be read.
            Err(error) if !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => return Err(told(error)),
            _ => {}
        }
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes) {
            Err(error) if bytes.is_empty() => return Err(told(error)),
            _ => {}
        }
        read(&bytes, self.method == "HEAD").ok_or_else(|| format!("{} {}: the answer is not HTTP", self.method, self.path))
    }

    fn head(&self) -> Vec<u8> {
        let mut head = latin1(&format!("{} ", self.method));
        head.extend(self.path.as_bytes());
        head.extend(b" HTTP/1.1\r\n");
        for (name, value) in &self.headers {
            head.extend(latin1(&format!("{name}: {value}\r\n")));
        }
        let has_length = self.header("content-length").is_some();
        if !has_length && (self.body.is_some() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH")) {
            head.extend(format!("Content-Length: {}\r\n", self.body.as_ref().map_or(0, Vec::len)).into_bytes());
        }
        head.extend(b"Connection: close\r\n\r\n");
        head
    }
}

fn masked(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains(|character: char| character.is_ascii_digit()) => "…".into(),
        Value::Number(_) => "number".into(),
        Value::Array(all) => all.into_iter().map(masked).collect(),
        // In one order, whatever the features of the JSON library.
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, masked(value))).collect::<BTreeMap<_, _>>().into_iter().collect()
        }
        other => other,
    }
}

/// The bytes of a header: recordings write each byte as the character of that number.
fn latin1(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u8::try_from(u32::from(character)) {
            Ok(byte) => out.push(byte),
            Err(_) => out.extend(character.to_string().bytes()),
        }
    }
    out
}

fn read(bytes: &[u8], bodiless: bool) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(bytes.get(..end)?).into_owned();
    let rest = bytes.get(end + 4..)?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value.eq_ignore_ascii_case("chunked"));
    let body = match (bodiless, chunked) {
        (true, _) => Vec::new(),
        (false, true) => unchunked(rest)?,
        (false, false) => rest.to_vec(),
    };
    Some(Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..end)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(out);
        }
        out.extend(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 4 + size..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_with_and_without_chunks() {
        let plain =
            read(b"HTTP/1.1 400 Bad Request\r\nAllow: POST\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\r\n{}", false).unwrap();
        assert_eq!((plain.status, plain.body.as_str(), plain.header("allow")), (400, "{}", Some("POST")));
        assert_eq!(plain.all("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        assert_eq!(read(chunked, false).unwrap().body, "abcde");
        assert!(read(b"garbage", false).is_none());
    }

    #[test]
    fn an_outline_is_the_same_with_each_run() {
        let answer = |key: &str| {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nset-cookie: access=\"\"; Path=/\r\nset-cookie: refresh=x\r\n\r\n";
            read(format!("{head}{{\"key\":\"{key}\",\"detail\":\"No.\",\"pk\":{}}}", key.len()).as_bytes(), false)
                .unwrap()
                .outline()
        };
        assert_eq!(answer("a1"), r#"200 -access +refresh {"detail":"No.","key":"…","pk":"number"}"#);
        assert_eq!(answer("a1"), answer("b22"));
    }

    #[test]
    fn a_recorded_header_keeps_its_bytes() {
        assert_eq!(latin1("Token ÿþ"), b"Token \xff\xfe");
        assert_eq!(latin1("名"), "名".as_bytes());
    }
}
