//! How mail is sent and how an address is proven.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;
use super::formats::{self, SecretUrl};
use crate::ground::Secret;

/// How mail is sent and how an address is proven.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Email {
    /// How mail leaves.
    pub transport: Transport,
    /// The sender; made from `site.name` and the host of the public URL in development.
    #[schemars(example = "Example <noreply@example.org>")]
    pub from: Option<String>,
    /// What every subject begins with; `[<site.name>] ` when left out.
    #[schemars(example = "[Example] ")]
    pub subject_prefix: Option<String>,
    /// How long a link that proves an address is valid; at most 7d.
    pub verification_ttl: Span,
    /// How long a code is valid, from its sending; at most 10m.
    pub code_ttl: Span,
    /// How many wrong codes may be tried before the code is dead; at most 5.
    pub code_tries: u32,
    /// How long delivery of a mail is tried.
    pub give_up_after: Span,
    /// The transport `smtp`.
    pub smtp: SmtpTransport,
    /// The transport `file`.
    pub file: FileTransport,
    /// The transport `http`.
    pub http: HttpTransport,
    /// Which changes of an account are told to its owner by mail.
    pub notices: Notices,
}

impl Default for Email {
    fn default() -> Self {
        Self {
            transport: Transport::Console,
            from: None,
            subject_prefix: None,
            verification_ttl: Span::days(3),
            code_ttl: Span::minutes(10),
            code_tries: 5,
            give_up_after: Span::days(3),
            smtp: SmtpTransport::default(),
            file: FileTransport::default(),
            http: HttpTransport::default(),
            notices: Notices::default(),
        }
    }
}

/// How mail leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Printed, for development.
    #[default]
    Console,
    /// Handed to a mail server.
    Smtp,
    /// Written to a folder, one file a mail.
    File,
    /// Posted to a delivery service.
    Http,
}

impl Transport {
    /// The word for it in the settings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Smtp => "smtp",
            Self::File => "file",
            Self::Http => "http",
        }
    }
}

/// The transport `smtp`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpTransport {
    /// The mail server: `smtp://user:password@host:587?tls=required`, where `tls` may also be `opportunistic` or `none`, or
    /// `smtps://user:password@host:465`.
    #[schemars(example = "smtp://mail.example.org:587?tls=required")]
    pub url: Option<SecretUrl>,
    /// A file that holds `url` and that other users of the machine cannot read.
    #[schemars(example = "/etc/vestibule/smtp.url")]
    pub url_file: Option<PathBuf>,
}

/// The transport `file`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileTransport {
    /// The folder that mails are written to.
    #[schemars(example = "/var/spool/vestibule")]
    pub dir: Option<PathBuf>,
}

/// The transport `http`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpTransport {
    /// Where the delivery service takes mails.
    #[schemars(example = "https://mail.example.org/send")]
    pub url: Option<SecretUrl>,
    /// Headers of every request to it, such as the one that carries its key.
    #[serde(serialize_with = "formats::masked_map")]
    pub headers: BTreeMap<String, Secret>,
    /// The file of the template for the body of the request; plain JSON when left out.
    #[schemars(example = "/etc/vestibule/mail.json")]
    pub body_template: Option<PathBuf>,
}

/// Which changes of an account are told to its owner by mail.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Notices {
    /// The password was changed.
    pub password_changed: bool,
    /// The password was set anew by a reset.
    pub password_reset: bool,
    /// The e-mail address was changed; told to the old one.
    pub email_changed: bool,
    /// Somebody used a copy of a session's key, and the session was ended.
    pub session_ended: bool,
    /// Somebody wanted an account with an address that has one: always told in the profile `strict`, where the answer hides it; in
    /// `compat`, where the answer says it, not by default.
    #[schemars(example = true)]
    pub already_exists: Option<bool>,
    /// A provider's account was connected.
    pub identity_connected: bool,
    /// A provider's account was disconnected.
    pub identity_disconnected: bool,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            password_changed: true,
            password_reset: true,
            email_changed: true,
            session_ended: true,
            already_exists: None,
            identity_connected: true,
            identity_disconnected: true,
        }
    }
}
