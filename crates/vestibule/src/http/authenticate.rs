//! Whose session a request carries. `Authorization` decides where it names a credential of ours; else a cookie may.

use std::pin::Pin;

use http::HeaderMap;
use http::header::COOKIE;

use crate::accounts::sessions::{self, Caller};
use crate::accounts::{Auth, pairs};
use crate::ground::{Error, Message, Result, Secret};
use crate::settings::TokenMode;

use super::authorization::{self, Presented, Scheme};
use super::cookies::{self, Kind, Sent};

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
pub(super) async fn caller(auth: &Auth, headers: &HeaderMap) -> (By, Result<Option<Box<Caller>>>) {
    let presented = authorization::presented(headers);
    if matches!(presented, Presented::Nothing) {
        return if headers.contains_key(COOKIE) { by_cookie(auth, headers).await } else { (By::Nothing, Ok(None)) };
    }
    let found = match (auth.settings.tokens.mode, presented) {
        (TokenMode::Opaque, Presented::Key(_, key)) if is_of_old_system(auth, &key) => by_token(auth, key).await.map(Some),
        (TokenMode::Opaque, Presented::Key(_, key)) => sessions::authenticate(auth, &key).await.map(Some),
        (TokenMode::Opaque, Presented::Malformed(_, message)) => Err(Error::Unauthenticated(message)),
        (_, Presented::Key(Scheme::Bearer, token)) => by_token(auth, token).await.map(Some),
        (_, Presented::Malformed(Scheme::Bearer, message)) => Err(malformed(message)),
        // As the reference has it: a key is nobody's where tokens are asked for, and no cookie speaks beside it.
        (_, Presented::Key(Scheme::Token, _) | Presented::Malformed(Scheme::Token, _) | Presented::Nothing) => Ok(None),
    };
    (By::Header, found)
}

/// Whether it may be a token of the system before this one: a key of ours has no dots.
fn is_of_old_system(auth: &Auth, key: &Secret) -> bool {
    auth.signing.is_some() && key.expose().contains('.')
}

fn malformed(message: Message) -> Error {
    match message {
        // The reference tells its code too.
        Message::BearerMalformed => Error::Refused(401, message),
        _ => Error::Unauthenticated(Message::JwtInvalid),
    }
}

/// In a box: reading a token takes more room than every other request should carry along.
fn by_token(auth: &Auth, token: Secret) -> Pin<Box<dyn Future<Output = Result<Box<Caller>>> + Send + '_>> {
    Box::pin(async move { pairs::authenticate(auth, token.expose()).await })
}

/// A token in its cookie comes before the session cookie: a script that finds its token over knows by the refusal to refresh it.
async fn by_cookie(auth: &Auth, headers: &HeaderMap) -> (By, Result<Option<Box<Caller>>>) {
    if auth.settings.tokens.mode == TokenMode::JwtCookie {
        match cookies::sent(headers, Kind::Access.name(auth)) {
            Sent::One(token) => {
                return (By::Cookie, by_token(auth, Secret::from(token)).await.map(|caller| Some(caller.by_browser())));
            }
            Sent::Unusable => return (By::Cookie, Err(Error::Unauthenticated(Message::JwtInvalid))),
            Sent::Nothing => {}
        }
    }
    match cookies::sent(headers, Kind::Session.name(auth)) {
        Sent::One(cookie) => (By::Cookie, sessions::authenticate_cookie(auth, &Secret::from(cookie)).await),
        Sent::Nothing | Sent::Unusable => (By::Nothing, Ok(None)),
    }
}
