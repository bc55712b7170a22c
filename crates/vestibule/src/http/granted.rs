//! What whoever came in is answered with, as the settings call for: a key, or a pair of JSON Web Tokens in the body or in cookies.

use serde::Serialize;
use serde_json::json;

use crate::accounts::Auth;
use crate::accounts::login::Granted;
use crate::accounts::pairs::{self, Pair};
use crate::accounts::sessions::{Caller, Method, Opened};
use crate::ground::{Error, Result};
use crate::settings::TokenMode;

use super::cookies::{self, SetCookie};
use super::page::PageCall;
use super::{Answer, Call};

/// The answer to a login, a registration or another way in: the key or the tokens of the new session, and its cookies.
///
/// # Errors
/// Those of signing and of the database.
pub async fn granted(auth: &Auth, status: u16, granted: &Granted) -> Result<Answer> {
    let (session, user) = (&granted.session, &granted.user);
    let device = cookies::of_device(auth, user.id, user.epoch)?;
    if auth.settings.tokens.mode == TokenMode::Opaque {
        let key = session.key.as_ref().ok_or_else(|| Error::internal("a session without a key was to be answered with it"))?;
        return Ok(Answer::key(status, key).with_cookies(cookies::of_session(auth, session, None)).with_cookies(device));
    }
    let pair = Box::pin(pairs::of(auth, user.id, session)).await?;
    let mut body = json!({ "access": pair.access.token.expose(), "user": auth.shapes.view(user) });
    body["refresh"] = shown(auth, &pair).unwrap_or_default().into();
    // The reference tells them at a login alone.
    if auth.settings.jwt.return_expiration && granted.method != Method::Registration {
        body["access_expiration"] = pairs::moment(pair.access.expires_at).into();
        if let Some(refresh) = &pair.refresh {
            body["refresh_expiration"] = pairs::moment(refresh.expires_at).into();
        }
    }
    Ok(Answer::tokens(status, &body).with_cookies(cookies::of_session(auth, session, Some(&pair))).with_cookies(device))
}

/// The cookies for whoever came in on a page of ours ([`crate::accounts::login::finish_on_page`]): the session's, whatever the
/// settings say, and the one by which the browser is known.
///
/// # Errors
/// [`Error::Internal`] without randomness.
pub fn granted_on_page(auth: &Auth, granted: &Granted) -> Result<Vec<SetCookie>> {
    let mut cookies = cookies::of_browser(auth, &granted.session);
    cookies.extend(cookies::of_device(auth, granted.user.id, granted.user.epoch)?);
    Ok(cookies)
}

#[derive(Serialize)]
struct Refreshed<'a> {
    access: &'a str,
    access_expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_expiration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<&'a str>,
}

/// The answer to a refresh token.
pub fn refreshed(auth: &Auth, session_ends: crate::ground::Time, pair: &Pair) -> Answer {
    let shown = shown(auth, pair);
    let body = Refreshed {
        access: pair.access.token.expose(),
        access_expiration: pairs::moment(pair.access.expires_at),
        refresh_expiration: pair.refresh.as_ref().filter(|_| shown.is_some()).map(|minted| pairs::moment(minted.expires_at)),
        refresh: shown,
    };
    Answer::tokens(200, &body).with_cookies(cookies::of_pair(auth, session_ends, pair))
}

impl Call {
    /// The same answer to whoever's session goes on: with a new cookie or under a new name where a browser holds it.
    ///
    /// # Errors
    /// Those of signing and of the database.
    pub async fn renewed(&self, answer: Answer, session: Option<&Opened>) -> Result<Answer> {
        let (auth, caller) = (&self.auth, self.caller()?);
        let Some(session) = session else { return Ok(answer) };
        let pair = match auth.settings.tokens.mode {
            TokenMode::JwtCookie if session.sid != caller.session.sid => {
                Some(Box::pin(pairs::of(auth, caller.user.id, session)).await?)
            }
            TokenMode::Opaque | TokenMode::Jwt | TokenMode::JwtCookie => None,
        };
        Ok(answer.with_cookies(cookies::of_session(auth, session, pair.as_ref())))
    }

    /// The same answer to whoever has ended all other credentials of the account, by which the browser stays known.
    ///
    /// # Errors
    /// [`Error::Internal`] without randomness.
    pub fn still_known(&self, answer: Answer) -> Result<Answer> {
        Ok(answer.with_cookies(cookies::of_known_device(&self.auth, &self.who, self.caller()?)?))
    }
}

impl PageCall {
    /// The cookies for whoever has ended all other credentials of the account on a page of ours: the session's, if that goes on, and
    /// the one by which the browser stays known.
    ///
    /// # Errors
    /// [`Error::Internal`] without randomness.
    pub fn renewed(&self, caller: &Caller, session: Option<&Opened>) -> Result<Vec<SetCookie>> {
        let mut cookies = session.map_or_else(Vec::new, |session| cookies::of_browser(&self.auth, session));
        cookies.extend(cookies::of_known_device(&self.auth, &self.who, caller)?);
        Ok(cookies)
    }
}

/// The refresh token, unless a cookie that no script can read carries it: then it is nowhere else (T42).
fn shown<'a>(auth: &Auth, pair: &'a Pair) -> Option<&'a str> {
    let hidden = auth.settings.tokens.mode == TokenMode::JwtCookie && auth.settings.jwt.cookie_http_only;
    pair.refresh.as_ref().filter(|_| !hidden).map(|minted| minted.token.expose())
}
