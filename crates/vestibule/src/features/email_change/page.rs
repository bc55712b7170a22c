//! The page where another address is asked for, and the one behind the link that confirms it.

use http::Method;
use minijinja::context;

use crate::forms::Completeness;
use crate::ground::{Error, FieldErrors, Message, Result};
use crate::http::page::{Page, PageCall, Shown};
use crate::settings::Presence;

use super::flow;

/// `email/change/confirm/{key}/`: asks for a click. Only the click changes anything: programs that look into mails open links (T22).
pub fn confirm_page() -> Page {
    Page { path: "email/change/confirm/{key}", run: |call| Box::pin(show(call)) }
}

async fn show(call: PageCall) -> Result<Shown> {
    if call.method != Method::POST {
        return Ok(Shown::Template(200, "pages/email_change.html", context! {}));
    }
    let key = call.parameters.first().cloned().unwrap_or_default();
    match flow::confirm(&call.auth, &call.who, &flow::with_key(&key), FieldErrors::default()).await {
        Ok(()) => Ok(Shown::Template(200, "pages/email_changed.html", context! { changed => true })),
        Err(Error::Fields(_)) => Ok(Shown::Template(404, "pages/email_changed.html", context! { changed => false })),
        Err(other) => Err(other),
    }
}

/// `account/email/`: asks for the new address and the password.
pub fn request_page() -> Page {
    Page { path: "account/email", run: |call| Box::pin(ask(call)) }
}

async fn ask(call: PageCall) -> Result<Shown> {
    if call.auth.settings.account.email == Presence::Off {
        return Err(Error::Refused(404, Message::NotFound));
    }
    let Some(caller) = call.caller().await? else { return call.to_sign_in("account/email") };
    let form = flow::request_form();
    let shown = |status, wrong: &FieldErrors, sent: Option<&str>| {
        let values = context! { wrong => wrong.sentences(&call.language), values => call.typed(&form), sent };
        call.form(status, "pages/change_email.html", values)
    };
    if !call.is_sent() {
        return shown(200, &FieldErrors::default(), None);
    }
    call.admit()?;
    let (values, mut errors) = form.read(&call.input, Completeness::Whole);
    if values.secret("password").is_none() && !errors.has("password") {
        errors.add("password", Message::Required);
    }
    let done = match errors.into_result() {
        Ok(()) => flow::request(&call.auth, &call.who, &caller, &values).await,
        Err(wrong) => Err(wrong),
    };
    match done {
        Ok(()) => shown(200, &FieldErrors::default(), values.email("email").map(|address| address.shown())),
        Err(Error::Fields(wrong)) => shown(400, &wrong, None),
        Err(other) => Err(other),
    }
}
