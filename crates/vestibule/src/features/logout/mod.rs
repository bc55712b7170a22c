//! `logout/`: ends the session in hand, at once and in every process. Without a session there is nothing to end, and that is
//! answered alike.

use http::Method;

use crate::accounts::{Auth, links, refresh, session_list};
use crate::ground::{Error, Message, Result};
use crate::http::page::{Page, PageCall, Shown};
use crate::http::{Answer, Call, Endpoint, Gives, Operation};
use crate::settings::TokenMode;

/// `POST logout/`, and `GET` only where `account.logout_on_get` says so: a link or an image must not log anybody out (T46).
pub fn endpoint(auth: &Auth) -> Endpoint {
    let endpoint = Endpoint::new("logout", "Logout")
        .described("Ends the session that the request carries.")
        .spending_cookies()
        .allowing("GET, POST, HEAD, OPTIONS")
        .with(operation(Method::POST).called("logout", "Log out"));
    // A key that counts no more is told so, as recorded; a token is over so soon that nobody should have to refresh it to log out.
    let endpoint = if auth.settings().tokens.mode == TokenMode::Opaque { endpoint } else { endpoint.forgiving() };
    if auth.settings().account.logout_on_get {
        endpoint.with(operation(Method::GET).called("logoutByLink", "Log out by a link"))
    } else {
        endpoint
    }
}

fn operation(method: Method) -> Operation {
    let gives = Gives::says(200, "The session is ended, or there was none.", &Message::LoggedOut);
    Operation::new(method, |call| Box::pin(post(call))).gives(gives)
}

async fn post(call: Call) -> Result<Answer> {
    if let Some(caller) = &call.caller {
        session_list::log_out(&call.auth, &call.who, caller.user.id, &caller.session.held()).await?;
    }
    // Also when the access token is over, missing or another session's: whoever holds a refresh token may end what it keeps alive.
    if call.auth.settings().tokens.mode != TokenMode::Opaque
        && let Some(token) = call.refresh_token()
        && let Some((user, held)) = refresh::kept_by(&call.auth, token.expose()).await?
    {
        session_list::log_out(&call.auth, &call.who, user, &held).await?;
    }
    Ok(Answer::says(200, Message::LoggedOut).with_cookies(call.removed_cookies()))
}

/// `sign-out/`: ends the browser's session by the button of a page of ours, and leads to where people sign in.
pub fn page() -> Page {
    Page { path: "sign-out", run: |call| Box::pin(sign_out(call)) }
}

async fn sign_out(call: PageCall) -> Result<Shown> {
    let settings = &call.auth.settings;
    if !call.is_sent() {
        let account = links::page_if_there(settings, "account").ok_or(Error::Refused(404, Message::NotFound))?;
        return Ok(Shown::Elsewhere(303, account));
    }
    call.admit()?;
    if let Some(caller) = call.caller().await? {
        session_list::log_out(&call.auth, &call.who, caller.user.id, &caller.session.held()).await?;
    }
    let own = || links::page_if_there(settings, "sign-in").unwrap_or_else(|| "/".to_owned());
    let next = settings.frontend.login_url.clone().unwrap_or_else(own);
    Ok(Shown::Elsewhere(303, next).with(call.removed_cookies()))
}
