//! Texts with a meaning of their own: how they are described, read and kept from sight.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::{ByteSize, HashQueue, HashThreads, RateLimits, Span};
use crate::ground::{Secret, Time};

/// What is shown of a secret that is set.
const MASK: &str = "…(set)";

/// Why a text does not fit its `format`, and what would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What is wrong, to follow the key in a sentence; it may repeat the text.
    pub what: String,
    /// What to write instead.
    pub remedy: &'static str,
}

/// Whether `text` fits a `format` of [`super::Settings::schema`]; formats that say nothing more than "text" fit everything.
///
/// # Errors
/// What is wrong and what to write instead.
pub fn check_format(format: &str, text: &str) -> Result<(), Unreadable> {
    fn read<T: FromStr>(text: &str, remedy: &'static str) -> Result<(), Unreadable>
    where
        T::Err: fmt::Display,
    {
        text.parse::<T>().map(|_| ()).map_err(|e| Unreadable { what: e.to_string(), remedy })
    }
    let named = |fits: bool, what: &str, remedy| if fits { Ok(()) } else { Err(Unreadable { what: what.into(), remedy }) };
    match format {
        "span" => read::<Span>(text, "Write a whole number and one of ms, s, m, h, d, as in \"15m\"."),
        "byte-size" => read::<ByteSize>(text, "Write a whole number, alone or with KiB or MiB, as in \"64KiB\"."),
        "rates" => read::<RateLimits>(text, "Write limits as in \"10/m/ip, 100/24h/account\", or \"\" for none."),
        "cores-or-number" => read::<HashThreads>(text, "Write \"cores\" or a whole number from 1."),
        "auto-or-number" => read::<HashQueue>(text, "Write \"auto\" or a whole number from 1."),
        "moment" => read::<Moment>(text, "Write a date as in \"2030-12-31\" or a time as in \"2030-12-31T12:00:00Z\"."),
        "socket-address" => {
            let remedy = "Write an address and a port, as in \"127.0.0.1:8000\" or \"[::1]:8000\".";
            named(text.parse::<SocketAddr>().is_ok(), "is not an IP address with a port", remedy)
        }
        "cidr" => {
            let remedy = "Write an address and the length of its prefix, as in \"10.0.0.0/8\" or \"10.1.2.3/32\".";
            named(text.parse::<IpNet>().is_ok(), "is not a network", remedy)
        }
        _ => Ok(()),
    }
}

/// Shows whether a secret is set, and nothing of it.
pub(super) fn masked<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| MASK).serialize(serializer)
}

/// Shows the names of secrets, and nothing of them.
pub(super) fn masked_map<S: Serializer>(secrets: &BTreeMap<String, Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(secrets.keys().map(|name| (name, MASK)))
}

pub(super) fn socket_address(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "socket-address" })
}

pub(super) fn optional_socket_address(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "format": "socket-address" })
}

pub(super) fn cidrs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string", "format": "cidr" } })
}

/// An address that may hold a password. It can be shown: the password is left out, and on the web all values of the query, since any
/// of them may be a key.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct SecretUrl(Secret);

impl SecretUrl {
    /// The whole address. Whoever calls this must not log, store or answer it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl From<String> for SecretUrl {
    fn from(text: String) -> Self {
        Self(Secret::from(text))
    }
}

impl From<&str> for SecretUrl {
    fn from(text: &str) -> Self {
        Self(Secret::from(text))
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.expose().split_once("://") else { return f.write_str(MASK) };
        // The last @, because a password may hold one that was not encoded: rather hide too much than too little.
        let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(user, rest)| (user, rest));
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        let on_the_web = scheme.to_ascii_lowercase().starts_with("http");
        write!(f, "{scheme}://")?;
        match user.split_once(':') {
            Some((name, _)) => write!(f, "{name}:…@")?,
            None if user.is_empty() => {}
            None => write!(f, "{user}@")?,
        }
        f.write_str(place)?;
        for (i, part) in query.into_iter().flat_map(|q| q.split('&')).enumerate() {
            let (name, lower) = (part.split_once('=').map(|(name, _)| name), part.to_ascii_lowercase());
            let secret = lower.split('=').next().unwrap_or_default().contains("pass");
            let shown = match name {
                _ if secret => Cow::Borrowed("password=…"),
                Some(name) if on_the_web => Cow::Owned(format!("{name}=…")),
                None if on_the_web => Cow::Borrowed("…"),
                _ => Cow::Borrowed(part),
            };
            write!(f, "{}{shown}", if i == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({self})")
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for SecretUrl {
    fn schema_name() -> Cow<'static, str> {
        "SecretUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "secret-url" })
    }
}

/// A moment as a date (its first instant in UTC) or a time with an offset (RFC 3339).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Moment(Time);

impl Moment {
    /// The moment for the rest of the program.
    pub fn time(self) -> Time {
        self.0
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day = |text: &str| Some(text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp());
        let at = if text.len() == 10 { day(text) } else { text.parse::<jiff::Timestamp>().ok() };
        at.map(|at| Self(Time::from_millis(at.as_millisecond()))).ok_or_else(|| "is not a date or time".into())
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = jiff::Timestamp::from_millisecond(self.0.millis()).map_err(serde::ser::Error::custom)?;
        serializer.collect_str(&at)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "moment" })
    }
}

/// The most bytes that a file with a secret may have.
const LARGEST_SECRET_FILE: u64 = 64 * 1024;

/// The secret in a file, without the line break at its end.
///
/// # Errors
/// What is wrong, in words that follow the setting's name and never hold the secret: the file cannot be read, everybody on
/// the machine can read it (T40), it is empty, too large or not text.
pub fn read_secret_file(path: &Path) -> Result<Secret, Unreadable> {
    let wrong = |what: String, remedy| Unreadable { what: format!("names the file {}, which {what}", path.display()), remedy };
    let unreadable = |e: std::io::Error| wrong(format!("cannot be read: {e}"), "Make the file readable for this process.");
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if open_to_everybody(&about) {
        return Err(wrong(
            "everybody on this machine can read or change".into(),
            "Take the rights of others away: chmod o= on it.",
        ));
    }
    if !about.is_file() || about.len() > LARGEST_SECRET_FILE {
        return Err(wrong("is not a file of at most 64 KiB".into(), "Name a file that holds the secret and nothing else."));
    }
    let bytes = zeroize::Zeroizing::new(std::fs::read(path).map_err(unreadable)?);
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() {
        return Err(wrong("is empty or not text".into(), "Write the secret into the file as text."));
    }
    Ok(Secret::from(text))
}

#[cfg(unix)]
fn open_to_everybody(about: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    about.permissions().mode() & 0o006 != 0
}

#[cfg(not(unix))]
fn open_to_everybody(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (whole, shown) in [
            ("sqlite://vestibule.db", "sqlite://vestibule.db"),
            ("postgres://ana:s3cret@db:5432/app", "postgres://ana:…@db:5432/app"),
            ("postgres://ana:s3/c@r?t@db/app", "postgres://ana:…@db/app"),
            ("postgres://ana@db/app?password=s3cret&sslmode=require", "postgres://ana@db/app?password=…&sslmode=require"),
            ("https://mail.example.org/send?key=s3cret&region=eu", "https://mail.example.org/send?key=…&region=…"),
            ("HTTP://127.0.0.1:8080/send?s3cret", "HTTP://127.0.0.1:8080/send?…"),
            ("host=db password=s3cret", "…(set)"),
        ] {
            let url = SecretUrl::from(whole);
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("s3"), "{url:?}");
            assert_eq!(url.expose(), whole);
        }
    }

    #[test]
    fn moments_are_dates_or_times() {
        assert_eq!("1970-01-02".parse::<Moment>().unwrap().time().millis(), 86_400_000);
        assert_eq!("1970-01-02T01:00:00+01:00".parse::<Moment>().unwrap().time().millis(), 86_400_000);
        for text in ["", "tomorrow", "1970-13-01", "1970-01-02T00:00:00"] {
            assert!(text.parse::<Moment>().is_err(), "{text:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn t40_a_key_file_that_everybody_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("vestibule-key-{}", std::process::id()));
        std::fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
        let mode = |bits| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(bits)).unwrap();
        mode(0o644);
        let refused = read_secret_file(&path).unwrap_err();
        mode(0o640);
        let read = read_secret_file(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(refused.what.contains("everybody") && !refused.what.contains("0123"), "{refused:?}");
        assert_eq!(read.unwrap().expose(), "0123456789abcdef0123456789abcdef");
    }
}
