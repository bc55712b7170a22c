//! Where mails are handed to a mail server.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::ground::Secret;

/// What `email.smtp.url` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SmtpUrl {
    /// The server's name or address, without brackets.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// How the connection is encrypted.
    pub(crate) tls: SmtpTls,
    /// Name and password.
    pub(crate) login: Option<(String, Secret)>,
}

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SmtpTls {
    /// From its first byte (RFC 8314 §3.3).
    Implicit,
    /// By `STARTTLS`, or there is no connection.
    Required,
    /// By `STARTTLS` where the server offers it; an attacker in between can take that away.
    Opportunistic,
    /// Not at all: for a server on the same machine.
    None,
}

impl SmtpUrl {
    /// Reads `smtp://name:password@host:587?tls=required` or `smtps://name:password@host`. Without `tls`, it is `required`. Without a
    /// port, it is 465 for `smtps`, 25 for `tls=none`, else 587.
    ///
    /// # Errors
    /// What is wrong, to follow the key in a sentence; never a part of the text, which holds a password.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let shape = "is not of the form smtp://user:password@host:587?tls=required, where special characters of the user and the \
                     password are percent-encoded";
        let url = Url::parse(text).map_err(|_| shape)?;
        let tls = tls(&url)?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
        if host.is_empty() || !host.chars().all(is_host) || !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(shape);
        }
        let standard = match tls {
            SmtpTls::Implicit => 465,
            SmtpTls::Required | SmtpTls::Opportunistic => 587,
            SmtpTls::None => 25,
        };
        Ok(Self { host: host.to_owned(), port: url.port().unwrap_or(standard), tls, login: login(&url)? })
    }
}

fn tls(url: &Url) -> Result<SmtpTls, &'static str> {
    let mut word = None;
    for (name, value) in url.query_pairs() {
        if name != "tls" || word.replace(value).is_some() {
            return Err("has something other after the question mark than one tls");
        }
    }
    match (url.scheme(), word.as_deref()) {
        ("smtps", None | Some("required")) => Ok(SmtpTls::Implicit),
        ("smtps", Some(_)) => Err("has a tls that smtps:// cannot have: it is always encrypted"),
        ("smtp", None | Some("required")) => Ok(SmtpTls::Required),
        ("smtp", Some("opportunistic")) => Ok(SmtpTls::Opportunistic),
        ("smtp", Some("none")) => Ok(SmtpTls::None),
        ("smtp", Some(_)) => Err("has a tls that is not required, opportunistic or none"),
        _ => Err("begins with neither smtp:// nor smtps://"),
    }
}

fn login(url: &Url) -> Result<Option<(String, Secret)>, &'static str> {
    let decoded = |text| percent_decode_str(text).decode_utf8().map_err(|_| "has a user or a password that is not UTF-8");
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None) => Err("has only one of user and password"),
        (user, Some(password)) => Ok(Some((decoded(user)?.into_owned(), Secret::from(decoded(password)?.into_owned())))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_is_required_unless_it_is_said_otherwise() {
        for (text, host, port, tls) in [
            ("smtp://mail.example.org", "mail.example.org", 587, SmtpTls::Required),
            ("smtp://mail.example.org:2525?tls=required", "mail.example.org", 2525, SmtpTls::Required),
            ("smtp://mail.example.org/?tls=opportunistic", "mail.example.org", 587, SmtpTls::Opportunistic),
            ("smtp://127.0.0.1?tls=none", "127.0.0.1", 25, SmtpTls::None),
            ("smtps://mail.example.org", "mail.example.org", 465, SmtpTls::Implicit),
            ("smtps://[::1]:4650", "::1", 4650, SmtpTls::Implicit),
        ] {
            assert_eq!(SmtpUrl::parse(text), Ok(SmtpUrl { host: host.into(), port, tls, login: None }), "{text}");
        }
    }

    #[test]
    fn a_password_may_have_every_character() {
        let url = SmtpUrl::parse("smtps://ana%40example.org:p%2Fw%3A%40%20d@mail.example.org").unwrap();
        assert_eq!(url.login, Some(("ana@example.org".into(), "p/w:@ d".into())));
    }

    #[test]
    fn t80_what_is_no_mail_server_is_refused_without_being_shown() {
        for text in [
            "",
            "mail.example.org",
            "mail.example.org:587",
            "http://mail.example.org",
            "smtp://",
            "smtp://?tls=none",
            "smtp://mail.example.org/path",
            "smtp://mail.example.org?tls=maybe",
            "smtp://mail.example.org?tls=none&tls=required",
            "smtp://mail.example.org?ssl=1",
            "smtps://mail.example.org?tls=none",
            "smtp://ana@mail.example.org",
            "smtp://:s3cret@mail.example.org",
            "smtp://ana:s3/cret@mail.example.org",
            "smtp://ana:%ff@mail.example.org",
            "smtp://mail example.org",
        ] {
            let refused = SmtpUrl::parse(text).expect_err(text);
            assert!(!refused.contains("s3") && !refused.contains("ana"), "{refused}");
        }
    }
}
