//! How a mail leaves the house.
//!
//! A [`Mail`] goes to one person. [`Transport::send`] refuses what must not stand in a header and hands the rest over in one of
//! five ways: printed, to a mail server, into a folder, to a delivery service, or through the host's own [`SendMail`]. Nothing
//! here knows why a mail is sent or tries twice: whoever calls decides that from the [`SendError`].

mod console;
pub mod convert;
mod file;
mod http;
mod message;
mod reply;
#[cfg(feature = "smtp")]
mod smtp;
mod smtp_url;
pub mod templates;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::ground::{Clock, Entropy};
use crate::settings::{self, Settings};

pub(crate) use message::is_sender;
pub(crate) use smtp_url::SmtpUrl;

use console::Console;
use file::Folder;
use http::Http;
use message::{Letter, Stamp};
#[cfg(feature = "smtp")]
use smtp::Smtp;

/// A mail to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Names the mail: the same for every try of it, and no other mail's. It is in `Message-ID`.
    pub id: String,
    /// The address it goes to: always one that is stored, never one that was just submitted (T20).
    pub to: String,
    /// The sender, as in `Example <noreply@example.org>`.
    pub from: String,
    /// The subject, in one line.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The same as HTML.
    pub html: Option<String>,
    /// The link that the body is about, if it is about one.
    pub link: Option<String>,
    /// What it is about: `email_confirmation`, `password_changed` and so on.
    pub kind: &'static str,
}

/// Only the kind: the rest names a person and carries keys (T80).
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Why a mail was not sent, and so what to do with it. The texts are for the operator and repeat nothing that the mail carries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The server, the network or our own settings are at fault: no mail would be sent now, all can be tried later.
    #[error("{0}")]
    Transport(String),
    /// This recipient or this mail is refused for good.
    #[error("{0}")]
    Recipient(String),
    /// This recipient or this mail is refused for now; others may be sent.
    #[error("{0}")]
    Later(String),
}

/// A way out of the host's own.
///
/// ```
/// use vestibule::mail::{Mail, SendError, SendMail};
///
/// struct Spool(std::path::PathBuf);
///
/// impl SendMail for Spool {
///     async fn send(&self, mail: &Mail) -> Result<(), SendError> {
///         std::fs::write(self.0.join(mail.kind), &mail.text).map_err(|error| SendError::Transport(error.to_string()))
///     }
/// }
/// ```
pub trait SendMail: Send + Sync + 'static {
    /// Hands over one mail. Its header values have no line breaks and its address is in the ASCII form. It is cut off after
    /// 30 seconds.
    ///
    /// # Errors
    /// [`SendError`] says whether to try again, and whether other mails should wait too. After an error the mail may have been
    /// sent nevertheless; it is then sent twice rather than never.
    fn send(&self, mail: &Mail) -> impl Future<Output = Result<(), SendError>> + Send;
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send + 'a>>;

/// [`SendMail`] without its type, so that nothing else in the house is generic over it.
trait AnySendMail: Send + Sync {
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a>;
}

impl<S: SendMail> AnySendMail for S {
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a> {
        Box::pin(SendMail::send(self, mail))
    }
}

/// How long one mail may take in all, so that no server can keep a worker.
const LIMIT: Duration = Duration::from_secs(30);

/// The way out that an installation has.
pub struct Transport {
    way: Way,
    host: String,
    clock: Clock,
    entropy: Entropy,
    limit: Duration,
}

enum Way {
    Console(Console),
    #[cfg(feature = "smtp")]
    Smtp(Box<Smtp>),
    File(Folder),
    Http(Box<Http>),
    Own(Box<dyn AnySendMail>),
}

impl Transport {
    /// The way that `email.transport` names.
    ///
    /// # Errors
    /// A sentence for the operator that begins with the setting at fault.
    pub fn from_settings(settings: &Settings) -> Result<Self, String> {
        Self::of(settings, true)
    }

    /// The same; where it is not `making`, the folder of mails need not be there and is not made.
    pub(crate) fn of(settings: &Settings, making: bool) -> Result<Self, String> {
        let email = &settings.email;
        let way = match email.transport {
            settings::Transport::Console => Way::Console(Console::default()),
            settings::Transport::File => Way::File(Folder::open(&email.file, making)?),
            settings::Transport::Http => Way::Http(Box::new(Http::new(&email.http)?)),
            #[cfg(feature = "smtp")]
            settings::Transport::Smtp => Way::Smtp(Box::new(Smtp::from_settings(settings)?)),
            #[cfg(not(feature = "smtp"))]
            settings::Transport::Smtp => return Err(format!("email.transport: {NO_SMTP}")),
        };
        Ok(Self { host: settings.public_host(), ..Self::by(way) })
    }

    /// A way of the host's own, whatever the settings say.
    pub fn own(sender: impl SendMail) -> Self {
        Self::by(Way::Own(Box::new(sender)))
    }

    fn by(way: Way) -> Self {
        Self { way, host: "localhost".into(), clock: Clock::System, entropy: Entropy::System, limit: LIMIT }
    }

    /// Prints with `print` instead of on standard output, if this is the way `console`; `print` gets a whole mail at a time.
    #[must_use]
    pub fn print_with(mut self, print: impl Fn(&str) + Send + Sync + 'static) -> Self {
        if let Way::Console(console) = &mut self.way {
            *console = Console::new(print);
        }
        self
    }

    /// Its name: the word of `email.transport`, or `own`.
    pub fn word(&self) -> &'static str {
        match self.way {
            Way::Console(_) => settings::Transport::Console.word(),
            #[cfg(feature = "smtp")]
            Way::Smtp(_) => settings::Transport::Smtp.word(),
            Way::File(_) => settings::Transport::File.word(),
            Way::Http(_) => settings::Transport::Http.word(),
            Way::Own(_) => "own",
        }
    }

    /// Sends one mail to one recipient, within 30 seconds.
    ///
    /// # Errors
    /// [`SendError::Recipient`] when the address is none or a header value has a line break; else what the way says.
    pub async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let letter = Letter::of(mail)?;
        let sent = tokio::time::timeout(self.limit, self.hand_over(&letter)).await;
        sent.unwrap_or_else(|_| Err(SendError::Transport(format!("took longer than {:?}", self.limit))))
    }

    async fn hand_over(&self, letter: &Letter) -> Result<(), SendError> {
        match &self.way {
            Way::Console(console) => console.send(&letter.mail),
            #[cfg(feature = "smtp")]
            Way::Smtp(smtp) => smtp.send(letter, &letter.format(&self.stamp()?)?).await,
            Way::File(folder) => {
                let stamp = self.stamp()?;
                folder.send(letter.format(&stamp)?, &stamp).await
            }
            Way::Http(http) => http.send(letter).await,
            Way::Own(own) => own.send(&letter.mail).await,
        }
    }

    fn stamp(&self) -> Result<Stamp, SendError> {
        let random = self.entropy.bytes().map_err(|error| SendError::Transport(format!("{error:?}")))?;
        Ok(Stamp { at: self.clock.now(), random, host: self.host.clone() })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transport").field(&self.word()).finish()
    }
}

/// What is wrong with `smtp` in a build without it, to follow the setting in a sentence.
#[cfg(not(feature = "smtp"))]
pub(crate) const NO_SMTP: &str = "is smtp, which this build does not have; build it with the cargo feature smtp";

#[cfg(test)]
mod tests;
