//! Whose session a request carries. `Authorization` decides where it names a credential of ours; else a cookie may.

use http::HeaderMap;
use http::header::COOKIE;

use crate::accounts::Auth;
use crate::accounts::sessions::{self, Caller};
use crate::ground::{Error, Result, Secret};

use super::authorization::{self, Presented};
use super::cookies::{self, Sent};

/// By what a request says who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Nothing.
    Nothing,
    /// The header, which only whoever holds the credential can write.
    Header,
    /// A cookie, which a browser adds whoever makes it send the request.
    Cookie,
}

/// Who sends the request, and by what that is said.
pub(super) async fn caller(auth: &Auth, headers: &HeaderMap) -> (By, Result<Option<Caller>>) {
    match authorization::presented(headers) {
        Presented::Malformed(message) => (By::Header, Err(Error::Unauthenticated(message))),
        Presented::Key(key) => (By::Header, sessions::authenticate(auth, &key).await.map(Some)),
        Presented::Nothing if headers.contains_key(COOKIE) => by_cookie(auth, headers).await,
        Presented::Nothing => (By::Nothing, Ok(None)),
    }
}

async fn by_cookie(auth: &Auth, headers: &HeaderMap) -> (By, Result<Option<Caller>>) {
    match cookies::sent(headers, &auth.cookies.session) {
        Sent::One(cookie) => (By::Cookie, sessions::authenticate_cookie(auth, &Secret::from(cookie)).await),
        Sent::Nothing | Sent::Unusable => (By::Nothing, Ok(None)),
    }
}
