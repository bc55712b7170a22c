//! Cookies: reading what a browser sends (RFC 6265 §5.4), and writing what it is to keep (§4.1).
//!
//! A browser sends its cookies without being asked, so one that cannot be read is never a reason to fail; it only shows nobody.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue, SET_COOKIE};

use crate::accounts::browsers::{DEVICE_LIVES, Device};
use crate::accounts::pairs::Pair;
use crate::accounts::sessions::{Caller, Opened};
use crate::accounts::{Auth, Client, UserId};
use crate::ground::{Result, Secret, Time};
use crate::settings::{SameSite, TokenMode};

/// The most bytes of one cookie that are looked at: no browser keeps more (RFC 6265 §6.1).
const MAX_BYTES: usize = 4096;

/// How long scripts keep the value that they repeat; it counts as long as its session.
const CSRF_LIVES: Duration = Duration::from_secs(364 * 24 * 60 * 60);

/// What a request sends under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent<'a> {
    /// No such cookie.
    Nothing,
    /// One value.
    One(&'a str),
    /// Several values, or one that no cookie of ours can have. Somebody who can set cookies for a neighbouring host may have
    /// put one of them there, and nothing tells which, so none of them counts.
    Unusable,
}

/// What the request sends under that name.
pub(super) fn sent<'a>(headers: &'a HeaderMap, name: &str) -> Sent<'a> {
    let mut found = Sent::Nothing;
    for line in headers.get_all(COOKIE) {
        for pair in line.as_bytes().split(|byte| *byte == b';') {
            let Some(value) = value_of(pair.trim_ascii(), name) else { continue };
            found = match (found, readable(value)) {
                (Sent::Nothing, Some(value)) => Sent::One(value),
                (Sent::One(before), Some(value)) if before == value => found,
                _ => Sent::Unusable,
            };
        }
    }
    found
}

/// The lines with cookies alone. Costs nothing where there is none.
pub(super) fn lines(headers: &HeaderMap) -> HeaderMap {
    let mut lines = HeaderMap::new();
    for line in headers.get_all(COOKIE) {
        lines.append(COOKIE, line.clone());
    }
    lines
}

/// The value of a pair of that name. Names are compared as bytes: `Session` is not `session`.
fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let rest = pair.strip_prefix(name.as_bytes())?.trim_ascii_start();
    rest.strip_prefix(b"=").map(<[u8]>::trim_ascii)
}

fn readable(value: &[u8]) -> Option<&str> {
    let value = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
    let fits = value.len() <= MAX_BYTES && value.iter().all(u8::is_ascii_graphic);
    std::str::from_utf8(value).ok().filter(|_| fits)
}

/// A cookie of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Carries the key of a browser's session.
    Session,
    /// Carries an access token.
    Access,
    /// Carries a refresh token.
    Refresh,
    /// Carries the value that scripts repeat in `X-CSRFToken`: the only one that they may read.
    Csrf,
    /// Ties the forms of our own pages to one browser.
    Form,
    /// Tells a browser in which an account's owner came in before.
    Device,
}

impl Kind {
    pub(super) fn name(self, auth: &Auth) -> &str {
        match self {
            Self::Session => &auth.cookies.session,
            Self::Access => &auth.cookies.access,
            Self::Refresh => &auth.cookies.refresh,
            Self::Csrf => &auth.cookies.csrf,
            Self::Form => &auth.cookies.form,
            Self::Device => &auth.cookies.device,
        }
    }

    fn is_hidden_from_scripts(self, auth: &Auth) -> bool {
        match self {
            Self::Session | Self::Form | Self::Device => true,
            Self::Access | Self::Refresh => auth.settings.jwt.cookie_http_only,
            Self::Csrf => false,
        }
    }

    fn path(self, auth: &Auth) -> Cow<'static, str> {
        if self == Self::Refresh { auth.settings.refresh_cookie_path().into() } else { "/".into() }
    }

    /// Whether it goes where the tokens go: they do, and scripts on a neighbouring host repeat the value beside them.
    fn follows_tokens(self, auth: &Auth) -> bool {
        match self {
            Self::Access | Self::Refresh => true,
            Self::Csrf | Self::Device => auth.settings.tokens.mode == TokenMode::JwtCookie,
            Self::Session | Self::Form => false,
        }
    }

    fn domain(self, auth: &Auth) -> Option<&str> {
        let spreads = self.follows_tokens(auth) && self != Self::Device;
        auth.settings.jwt.cookie_domain.as_deref().filter(|_| spreads)
    }

    fn same_site(self, auth: &Auth) -> SameSite {
        if self.follows_tokens(auth) { auth.settings.jwt.cookie_samesite } else { SameSite::Lax }
    }

    /// How long a browser keeps it; until it is closed where nothing is said.
    fn lives(self, auth: &Auth) -> Option<Duration> {
        match self {
            Self::Session => Some(auth.settings.tokens.absolute_ttl.duration()),
            Self::Access => Some(auth.settings.jwt.access_ttl.duration()),
            Self::Refresh => Some(auth.settings.jwt.refresh_ttl.duration()),
            Self::Csrf => Some(CSRF_LIVES),
            Self::Device => Some(DEVICE_LIVES),
            Self::Form => None,
        }
    }
}

/// A `Set-Cookie` header. It shows its value to nobody but the browser.
#[derive(Clone)]
pub struct SetCookie(Secret);

impl fmt::Debug for SetCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetCookie(…)")
    }
}

impl SetCookie {
    /// Sets a cookie.
    pub(crate) fn set(auth: &Auth, kind: Kind, value: &Secret) -> Self {
        Self::written(auth, kind, value.expose(), kind.lives(auth))
    }

    /// Removes a cookie. A browser does so only when name, path and domain are those that set it (RFC 6265 §5.3).
    pub(crate) fn removed(auth: &Auth, kind: Kind) -> Self {
        Self::written(auth, kind, "\"\"", Some(Duration::ZERO))
    }

    fn written(auth: &Auth, kind: Kind, value: &str, lives: Option<Duration>) -> Self {
        let mut text = format!("{}={value}", kind.name(auth));
        if let Some(domain) = kind.domain(auth) {
            text.push_str("; Domain=");
            text.push_str(domain);
        }
        let removes = lives == Some(Duration::ZERO);
        if removes {
            text.push_str("; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        }
        // What is removed needs no hiding, and the reference says so too.
        if kind.is_hidden_from_scripts(auth) && !removes {
            text.push_str("; HttpOnly");
        }
        if let Some(lives) = lives {
            text.push_str(&format!("; Max-Age={}", lives.as_secs()));
        }
        text.push_str(&format!("; Path={}; SameSite={}", kind.path(auth), kind.same_site(auth).word()));
        if auth.settings.cookie_secure() {
            text.push_str("; Secure");
        }
        Self(Secret::from(text))
    }

    /// Adds it to the headers of an answer.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        if let Ok(mut value) = HeaderValue::from_str(self.0.expose()) {
            value.set_sensitive(true);
            headers.append(SET_COOKIE, value);
        }
    }
}

/// The session cookie, for a browser that gets one.
pub(super) fn of_browser(auth: &Auth, session: &Opened) -> Vec<SetCookie> {
    session.cookie.iter().map(|cookie| SetCookie::set(auth, Kind::Session, cookie)).collect()
}

/// The cookies that go with a session which was opened or goes on under another name. `pair` are its tokens, if it has any.
pub(super) fn of_session(auth: &Auth, session: &Opened, pair: Option<&Pair>) -> Vec<SetCookie> {
    let mut cookies = pair.map_or_else(Vec::new, |pair| of_pair(auth, session.expires_at, pair));
    cookies.extend(of_browser(auth, session));
    if auth.settings.jwt.csrf && !cookies.is_empty() {
        cookies.push(SetCookie::set(auth, Kind::Csrf, &auth.browsers.csrf(&session.sid).into()));
    }
    cookies
}

/// The cookies of a pair, where cookies carry it. None outlives its session.
pub(super) fn of_pair(auth: &Auth, session_ends: Time, pair: &Pair) -> Vec<SetCookie> {
    if auth.settings.tokens.mode != TokenMode::JwtCookie {
        return Vec::new();
    }
    let rest = auth.clock.now().until(session_ends);
    let tokens = [(Kind::Access, Some(&pair.access)), (Kind::Refresh, pair.refresh.as_ref())];
    let there = tokens.into_iter().filter_map(|(kind, minted)| Some((kind, minted?)));
    there
        .map(|(kind, minted)| SetCookie::written(auth, kind, minted.token.expose(), kind.lives(auth).map(|ttl| ttl.min(rest))))
        .collect()
}

/// Makes the browser one in which that user came in before, where tries are counted at all.
///
/// # Errors
/// [`crate::ground::Error::Internal`] without randomness.
pub(super) fn of_device(auth: &Auth, user: UserId, epoch: i64) -> Result<Vec<SetCookie>> {
    if !auth.settings.limits.enabled {
        return Ok(Vec::new());
    }
    let device = auth.browsers.device(&auth.entropy, user, epoch, auth.clock.now())?;
    Ok(vec![SetCookie::set(auth, Kind::Device, &device)])
}

/// The same where one that was known stays so: its own user has ended the credentials of before, which raises the epoch by one.
///
/// # Errors
/// As [`of_device`].
pub(super) fn of_known_device(auth: &Auth, who: &Client, caller: &Caller) -> Result<Vec<SetCookie>> {
    let user = &caller.user;
    match who.device.as_ref().and_then(|device| device.counter(user)) {
        Some(_) => of_device(auth, user.id, user.epoch + 1),
        None => Ok(Vec::new()),
    }
}

/// The browser that the request comes from, if somebody came in in it before.
pub(super) fn device(auth: &Auth, headers: &HeaderMap) -> Option<Device> {
    match sent(headers, Kind::Device.name(auth)) {
        Sent::One(text) => auth.browsers.read_device(text, auth.clock.now()),
        Sent::Nothing | Sent::Unusable => None,
    }
}

/// Removes what may be there: the cookies of tokens in any case, since the refresh token's may go to another path only, the others
/// where the request has shown them.
pub(super) fn removed(auth: &Auth, headers: &HeaderMap) -> Vec<SetCookie> {
    let all = [Kind::Access, Kind::Refresh, Kind::Session, Kind::Csrf];
    let may_be_there = |kind: &Kind| match kind {
        Kind::Access | Kind::Refresh => auth.settings.tokens.mode == TokenMode::JwtCookie,
        // A known browser stays known: that is what it is for.
        Kind::Session | Kind::Csrf | Kind::Form | Kind::Device => sent(headers, kind.name(auth)) != Sent::Nothing,
    };
    all.into_iter().filter(may_be_there).map(|kind| SetCookie::removed(auth, kind)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_found_by_its_exact_name_in_any_line() {
        let cases: [(&[&[u8]], Sent<'_>); 14] = [
            (&[], Sent::Nothing),
            (&[b""], Sent::Nothing),
            (&[b"a=1"], Sent::One("1")),
            (&[b"b=2; a=1"], Sent::One("1")),
            (&[b"b=2", b"c=3;a=1"], Sent::One("1")),
            (&[b" a = \"1\" ;"], Sent::One("1")),
            (&[b"a="], Sent::One("")),
            (&[b"a"], Sent::Nothing),
            (&[b"A=1; aa=2; =3; ;;"], Sent::Nothing),
            (&[b"a=1=2"], Sent::One("1=2")),
            (&[b"a=1; a=1"], Sent::One("1")),
            (&[b"a=1; a=2"], Sent::Unusable),
            (&[b"a=1", b"a=2; a=1"], Sent::Unusable),
            (&[b"a=\xff"], Sent::Unusable),
        ];
        for (lines, expected) in cases {
            assert_eq!(sent(&headers(lines), "a"), expected, "{lines:?}");
        }
        let long = format!("a={}", "x".repeat(MAX_BYTES + 1));
        assert_eq!(sent(&headers(&[long.as_bytes()]), "a"), Sent::Unusable);
    }

    proptest! {
        #[test]
        fn t75_no_cookie_header_makes_the_reader_panic(line in prop::collection::vec(prop_oneof![Just(b'\t'), Just(b';'), Just(b'='), Just(b'a'), 0x20..0x7fu8, 0x80..=0xffu8], 0..60)) {
            let headers = headers(&[&line]);
            if let Sent::One(value) = sent(&headers, "a") {
                prop_assert!(value.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
