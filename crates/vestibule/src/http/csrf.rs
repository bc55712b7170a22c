//! Requests that another site made a browser send (design decision 17, T43, T44).
//!
//! A browser adds its cookies to whatever a page makes it send. So a request that would change something and that cookies speak
//! for must come from here or from an origin of `server.cors_origins`; the browser says so in `Origin` (RFC 6454 §7) and
//! `Sec-Fetch-Site`, which no script can set. With `jwt.csrf`, a script must also show that it can read the `csrftoken` cookie.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method};

use crate::accounts::Auth;
use crate::accounts::browsers::CSRF_LENGTH;
use crate::accounts::sessions::Caller;
use crate::ground::{Error, Message, Result};

use super::cookies::{self, Sent};

/// The most characters of an origin that an error sentence repeats.
const MAX_ECHO: usize = 100;

/// Which site started a request, as far as the browser says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// This one, or one of those in the settings.
    Ours,
    /// Another.
    Elsewhere(Message),
    /// The client does not say: a program, or a very old browser.
    Untold,
}

/// Whether a request with that method changes nothing (RFC 9110 §9.2.1).
pub(super) fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

/// Lets a request in that a cookie speaks for.
///
/// # Errors
/// [`Error::Refused`] with 403 and one of the sentences `CSRF Failed: …`.
pub(super) fn admit(auth: &Auth, headers: &HeaderMap, caller: &Caller) -> Result<()> {
    admit_cookies(auth, headers)?;
    if auth.settings.jwt.csrf { double_submit(auth, headers, &caller.session.sid) } else { Ok(()) }
}

/// The same where cookies are used up or given out and nobody's session is asked for: a browser says where the request was
/// started, or, in the profile `compat`, says nothing.
///
/// # Errors
/// As [`admit`].
pub(super) fn admit_cookies(auth: &Auth, headers: &HeaderMap) -> Result<()> {
    match from(auth, headers) {
        From::Ours => Ok(()),
        From::Untold if auth.settings.compat() => Ok(()),
        From::Untold => Err(Error::Refused(403, Message::CsrfUntold)),
        From::Elsewhere(message) => Err(Error::Refused(403, message)),
    }
}

/// The same where the request brings no cookie but would get some: only a browser can be tricked, and browsers say where they are.
///
/// # Errors
/// As [`admit`].
pub(super) fn admit_newcomer(auth: &Auth, headers: &HeaderMap) -> Result<()> {
    match from(auth, headers) {
        From::Ours | From::Untold => Ok(()),
        From::Elsewhere(message) => Err(Error::Refused(403, message)),
    }
}

/// Which site started the request.
pub(super) fn from(auth: &Auth, headers: &HeaderMap) -> From {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (origin, second) = (origins.next(), origins.next());
    let site = headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes);
    let listed = origin.is_some_and(|origin| is_listed(auth, origin.as_bytes()));
    let own = origin.is_some_and(|origin| is_own(auth, headers, origin.as_bytes()));
    match (origin, site) {
        _ if second.is_some() => From::Elsewhere(Message::CsrfSite),
        (Some(origin), _) if !listed && !own => From::Elsewhere(Message::CsrfOrigin(shortened(origin.as_bytes()))),
        // A page that this browser's user opened or wrote the address of.
        (_, Some(b"same-origin" | b"none")) => From::Ours,
        (_, Some(_)) if listed => From::Ours,
        (_, Some(_)) => From::Elsewhere(Message::CsrfSite),
        (Some(_), None) => From::Ours,
        (None, None) => From::Untold,
    }
}

/// Whether the settings name the origin. Compared as bytes: browsers write origins in one way only (RFC 6454 §6.2).
pub(super) fn is_listed(auth: &Auth, origin: &[u8]) -> bool {
    auth.settings.server.cors_origins.iter().any(|listed| listed.as_bytes() == origin)
}

/// Whether the origin is ours: that of the public URL, or the host that the request was sent to by the public URL's scheme. A
/// page cannot choose the `Host` of what it sends, and a host name that leads here without being ours has none of our cookies.
fn is_own(auth: &Auth, headers: &HeaderMap, origin: &[u8]) -> bool {
    let public = auth.settings.public_url();
    if origin.eq_ignore_ascii_case(public.as_bytes()) {
        return true;
    }
    let scheme: &[u8] = if auth.settings.https() { b"https://" } else { b"http://" };
    let host = headers.get(HOST).map(http::HeaderValue::as_bytes).filter(|host| !host.is_empty());
    origin.strip_prefix(scheme).zip(host).is_some_and(|(ours, host)| ours.eq_ignore_ascii_case(host))
}

/// Whether a script could read the cookie of this very session, and repeats it.
fn double_submit(auth: &Auth, headers: &HeaderMap, sid: &str) -> Result<()> {
    let refused = |message| Err(Error::Refused(403, message));
    let Sent::One(cookie) = cookies::sent(headers, &auth.cookies.csrf) else { return refused(Message::CsrfCookieMissing) };
    let Some(repeated) = headers.get("x-csrftoken") else { return refused(Message::CsrfTokenMissing) };
    match repeated.to_str() {
        Ok(repeated) if repeated.len() != CSRF_LENGTH => refused(Message::CsrfTokenLength),
        Ok(repeated) if repeated == cookie && auth.browsers.is_csrf(sid, repeated) => Ok(()),
        _ => refused(Message::CsrfTokenWrong),
    }
}

fn shortened(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().take(MAX_ECHO).collect()
}
