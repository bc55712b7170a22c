//! One connection to the server: enough of RFC 5321, 3207 and 4954 for a client to talk to.

use std::io;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Encryption, Fault, Manner, Received, Shared};

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<W: AsyncRead + AsyncWrite + Unpin + Send> Wire for W {}

struct Conversation {
    wire: BufReader<Box<dyn Wire>>,
    shared: Arc<Shared>,
    encrypted: bool,
    login: Option<String>,
    sender: Option<String>,
    recipients: Vec<String>,
}

/// What comes after a command.
enum Next {
    Command,
    Tls,
    End,
}

/// Talks until the client leaves. That it left in the middle of a sentence is no matter here.
pub(super) async fn hold(stream: TcpStream, shared: Arc<Shared>) {
    let _ = talk(stream, shared).await;
}

async fn talk(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let implicit = shared.manner().encryption == Encryption::Implicit;
    let wire: Box<dyn Wire> =
        if implicit { Box::new(shared.certificate.acceptor.accept(stream).await?) } else { Box::new(stream) };
    let mut conversation = Conversation {
        wire: BufReader::new(wire),
        shared,
        encrypted: implicit,
        login: None,
        sender: None,
        recipients: Vec::new(),
    };
    conversation.answer("220 sink ready").await?;
    loop {
        let line = conversation.line().await?;
        match conversation.command(&line).await? {
            Next::Command => {}
            Next::Tls => conversation = conversation.encrypted().await?,
            Next::End => return Ok(()),
        }
    }
}

impl Conversation {
    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.wire.read_line(&mut line).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    async fn answer(&mut self, text: &str) -> io::Result<()> {
        if let Fault::Tarpit(wait) = self.shared.manner().fault {
            tokio::time::sleep(wait).await;
        }
        self.wire.write_all(format!("{text}\r\n").as_bytes()).await?;
        self.wire.flush().await
    }

    async fn encrypted(self) -> io::Result<Self> {
        let wire = self.shared.certificate.acceptor.accept(self.wire.into_inner()).await?;
        Ok(Self { wire: BufReader::new(Box::new(wire)), encrypted: true, login: None, sender: None, ..self })
    }

    async fn command(&mut self, line: &str) -> io::Result<Next> {
        let manner = self.shared.manner();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (&*verb.to_ascii_uppercase(), manner.fault) {
            ("EHLO", _) => self.hello(&manner).await?,
            ("STARTTLS", _) if manner.encryption == Encryption::StartTls && !self.encrypted => {
                self.answer("220 go ahead").await?;
                return Ok(Next::Tls);
            }
            ("AUTH", _) => self.log_in(rest, &manner).await?,
            ("MAIL", Fault::Sender(code)) => self.answer(&format!("{code} sender refused")).await?,
            ("MAIL", _) if manner.encryption == Encryption::StartTls && !self.encrypted => {
                self.answer("530 STARTTLS first").await?
            }
            ("MAIL", _) if manner.login.is_some() && self.login.is_none() => self.answer("530 login first").await?,
            ("MAIL", _) => {
                self.sender = Some(path(rest));
                self.recipients.clear();
                self.answer("250 sender ok").await?;
            }
            ("RCPT", Fault::Recipient(code)) => self.answer(&format!("{code} recipient {} refused", path(rest))).await?,
            ("RCPT", _) if self.sender.is_some() => {
                self.recipients.push(path(rest));
                self.answer("250 recipient ok").await?;
            }
            ("DATA", _) if !self.recipients.is_empty() => return self.data(&manner).await,
            ("RSET", _) => {
                self.sender = None;
                self.answer("250 forgotten").await?;
            }
            ("NOOP", _) => self.answer("250 here").await?,
            ("QUIT", _) => {
                self.answer("221 bye").await?;
                return Ok(Next::End);
            }
            _ => self.answer("503 not now").await?,
        }
        Ok(Next::Command)
    }

    async fn hello(&mut self, manner: &Manner) -> io::Result<()> {
        let mut lines = vec!["sink", "8BITMIME"];
        let open = manner.encryption == Encryption::StartTls && !self.encrypted;
        if open {
            lines.push("STARTTLS");
        }
        if manner.login.is_some() && !open {
            lines.push(if manner.login_only { "AUTH LOGIN" } else { "AUTH PLAIN" });
        }
        let lines: Vec<String> = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
        self.answer(&(lines.concat() + "250 SIZE 1000000")).await
    }

    async fn log_in(&mut self, rest: &str, manner: &Manner) -> io::Result<()> {
        let given = match rest.split_once(' ').unwrap_or((rest, "")) {
            ("PLAIN", initial) if !manner.login_only => {
                let whole = decoded(initial);
                let mut parts = whole.splitn(3, '\0').skip(1).map(ToOwned::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            ("LOGIN", _) if manner.login_only => {
                self.answer(&format!("334 {}", STANDARD.encode("Username:"))).await?;
                let name = decoded(&self.line().await?);
                self.answer(&format!("334 {}", STANDARD.encode("Password:"))).await?;
                (name, decoded(&self.line().await?))
            }
            _ => return self.answer("504 another mechanism").await,
        };
        if manner.login.as_ref() != Some(&given) {
            return self.answer("535 5.7.8 wrong name or password").await;
        }
        self.login = Some(given.0);
        self.answer("235 welcome").await
    }

    async fn data(&mut self, manner: &Manner) -> io::Result<Next> {
        self.answer("354 go on").await?;
        let mut raw = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.wire.read_until(b'\n', &mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == b".\r\n" {
                break;
            }
            // RFC 5321 §4.5.2: a dot at the start of a line was doubled.
            raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        if let Fault::Content(code) = manner.fault {
            let said = format!("{code} content refused: {}", String::from_utf8_lossy(&raw).replace("\r\n", " "));
            self.answer(&said.chars().take(900).collect::<String>()).await?;
            return Ok(Next::Command);
        }
        let recipients = std::mem::take(&mut self.recipients);
        let sender = self.sender.take().unwrap_or_default();
        self.shared.take(Received { sender, recipients, raw, encrypted: self.encrypted, login: self.login.clone() });
        if manner.fault == Fault::DropBeforeOk {
            return Ok(Next::End);
        }
        self.answer("250 taken").await?;
        Ok(Next::Command)
    }
}

/// What stands between the angle brackets.
fn path(rest: &str) -> String {
    let inner = rest.split_once('<').and_then(|(_, rest)| rest.rsplit_once('>'));
    inner.map_or(rest, |(path, _)| path).to_owned()
}

fn decoded(text: &str) -> String {
    STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}
