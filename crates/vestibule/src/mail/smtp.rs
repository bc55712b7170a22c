//! Mails handed to a mail server (RFC 5321), encrypted by `STARTTLS` (RFC 3207) or from the first byte (RFC 8314).
//!
//! lettre speaks the protocol; connections are kept here. Its own pool would take back a connection whose conversation was cut
//! off by a time limit, and would then read the answer to an old command as that to a new one.

use std::error::Error as _;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Quit, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use crate::outgoing::tls;
use crate::settings::{Settings, read_secret_file};

use super::message::Letter;
use super::smtp_url::{SmtpTls, SmtpUrl};
use super::{SendError, reply};

/// How long a connection may take to be ready for a mail, and how long the answer to one command may take.
const STEP: Duration = Duration::from_secs(10);

/// How long an unused connection is kept; servers close them after five minutes (RFC 5321 §4.5.3.2.7), many sooner.
const IDLE: Duration = Duration::from_secs(30);

/// How many unused connections are kept.
const MOST_IDLE: usize = 4;

/// A mail server.
pub(super) struct Smtp {
    place: SmtpUrl,
    tls: Option<TlsParameters>,
    hello: ClientId,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
    step: Duration,
}

/// How far a conversation had come when it was refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before the server knew whom the mail is for.
    Before,
    /// When it was told, or had read the mail.
    Mail,
}

impl Smtp {
    /// The server of the settings. Nothing is connected yet.
    pub(super) fn from_settings(settings: &Settings) -> Result<Self, String> {
        let smtp = &settings.email.smtp;
        let text = match (&smtp.url, &smtp.url_file) {
            (Some(url), _) => url.expose().to_owned(),
            (None, Some(path)) => {
                let read = read_secret_file(path).map_err(|error| format!("email.smtp.url_file: {}", error.what))?;
                read.expose().to_owned()
            }
            (None, None) => return Err("email.smtp.url: is not set".into()),
        };
        let place = SmtpUrl::parse(&text).map_err(|what| format!("email.smtp.url: {what}"))?;
        let authorities = match place.tls {
            SmtpTls::None => Vec::new(),
            _ => tls::authorities().map_err(|what| format!("email.smtp.url: {what}"))?,
        };
        Self::new(place, &settings.public_host(), authorities)
    }

    pub(super) fn new(place: SmtpUrl, own_host: &str, authorities: Vec<CertificateDer<'static>>) -> Result<Self, String> {
        let tls = match place.tls {
            SmtpTls::None => None,
            _ => Some(parameters(&place.host, authorities).map_err(|error| format!("email.smtp.url: {error}"))?),
        };
        let hello = match own_host.trim_matches(['[', ']']).parse() {
            Ok(IpAddr::V4(ip)) => ClientId::Ipv4(ip),
            Ok(IpAddr::V6(ip)) => ClientId::Ipv6(ip),
            Err(_) => ClientId::Domain(own_host.to_owned()),
        };
        Ok(Self { place, tls, hello, idle: Mutex::default(), step: STEP })
    }

    /// Hands over one message. The connection is kept only if everything went well.
    pub(super) async fn send(&self, letter: &Letter, message: &[u8]) -> Result<(), SendError> {
        let mut connection = match self.unused().await {
            Some(connection) => connection,
            None => self.connect(letter).await?,
        };
        let sent = self.hand_over(&mut connection, letter, message).await;
        match sent {
            Ok(()) => self.keep(connection),
            // The conversation is in order, so it is ended as it should be.
            Err(SendError::Recipient(_) | SendError::Later(_)) => drop(self.answer(connection.command(Quit)).await),
            Err(SendError::Transport(_)) => {}
        }
        sent
    }

    async fn hand_over(&self, connection: &mut AsyncSmtpConnection, letter: &Letter, message: &[u8]) -> Result<(), SendError> {
        let judged = |stage| move |failure: Failure| failure.judged(stage, letter);
        let sender = Some(letter.from.email.clone());
        self.answer(connection.command(Mail::new(sender, Vec::new()))).await.map_err(judged(Stage::Before))?;
        self.answer(connection.command(Rcpt::new(letter.to.clone(), Vec::new()))).await.map_err(judged(Stage::Mail))?;
        self.answer(connection.command(Data)).await.map_err(judged(Stage::Mail))?;
        self.answer(connection.message(message)).await.map_err(judged(Stage::Mail)).map(|_| ())
    }

    async fn connect(&self, letter: &Letter) -> Result<AsyncSmtpConnection, SendError> {
        self.answer(self.open()).await.map_err(|failure| failure.judged(Stage::Before, letter))
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Failure> {
        let place = (&*self.place.host, self.place.port);
        let first = self.tls.clone().filter(|_| self.place.tls == SmtpTls::Implicit);
        let mut connection = AsyncSmtpConnection::connect_tokio1(place, Some(self.step), &self.hello, first, None).await?;
        let upgrade = match self.place.tls {
            SmtpTls::Required => true,
            SmtpTls::Opportunistic => connection.can_starttls(),
            SmtpTls::Implicit | SmtpTls::None => false,
        };
        if let Some(tls) = self.tls.as_ref().filter(|_| upgrade) {
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some((user, password)) = &self.place.login {
            if self.place.tls == SmtpTls::Opportunistic && !connection.is_encrypted() {
                return Err(Failure::Broken("offers no encryption, and the password is not sent without it".into()));
            }
            let credentials = Credentials::new(user.clone(), password.expose().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }

    /// Waits for the end of one step, and no longer than a step may take.
    async fn answer<T, E: Into<Failure>>(&self, step: impl Future<Output = Result<T, E>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.step, step).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(_) => Err(Failure::Broken(format!("did not answer within {:?}", self.step))),
        }
    }

    /// A connection that was used before and still answers. If one does not, the others need not be waited for.
    async fn unused(&self) -> Option<AsyncSmtpConnection> {
        let (mut connection, since) = self.idle().pop()?;
        if since.elapsed() < IDLE && self.answer(connection.command(Noop)).await.is_ok() {
            return Some(connection);
        }
        self.idle().clear();
        None
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(AsyncSmtpConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle();
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        if idle.len() < MOST_IDLE {
            idle.push((connection, Instant::now()));
        }
    }
}

fn parameters(host: &str, authorities: Vec<CertificateDer<'static>>) -> Result<TlsParameters, Error> {
    let mut builder = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::None);
    for authority in authorities {
        builder = builder.add_root_certificate(Certificate::from_der(authority.to_vec())?);
    }
    builder.build()
}

/// Why a step did not succeed.
enum Failure {
    /// The server said no: its code and words.
    Refused(u16, String),
    /// There was no answer that could be understood.
    Broken(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.status() {
            Some(code) => Self::Refused(code.into(), error.source().map(ToString::to_string).unwrap_or_default()),
            None => Self::Broken(error.to_string()),
        }
    }
}

impl Failure {
    /// Whose fault it is. A refusal of our connection, our login or our sender would meet every mail; so does 421, by which a
    /// server closes (RFC 5321 §3.8), and 530 to 538, by which it wants a login or encryption (RFC 4954 §6).
    fn judged(self, stage: Stage, letter: &Letter) -> SendError {
        match self {
            Self::Broken(what) => SendError::Transport(format!("the mail server: {}", reply::shown(&what, &letter.mail))),
            Self::Refused(code, said) => {
                let what = format!("the mail server answered {code} {}", reply::shown(&said, &letter.mail));
                match (stage, code) {
                    (Stage::Before, _) | (_, 421 | 530..=538) => SendError::Transport(what),
                    (Stage::Mail, 400..=499) => SendError::Later(what),
                    (Stage::Mail, _) => SendError::Recipient(what),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
