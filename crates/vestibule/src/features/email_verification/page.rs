//! The page behind the link of a verification mail, and the one that says that it is on its way.

use http::Method;
use minijinja::context;

use crate::forms::Completeness;
use crate::ground::{Error, FieldErrors, Result};
use crate::http::page::{Page, PageCall, Shown};

use super::flow;

/// `registration/account-confirm-email/{key}/`: asks for a click, and confirms without one only where
/// `account.confirm_email_on_get` says so. `HEAD` never spends anything: mail scanners send it (T22).
pub fn page() -> Page {
    Page { path: "registration/account-confirm-email/{key}", run: |call| Box::pin(show(call)) }
}

async fn show(call: PageCall) -> Result<Shown> {
    let settings = call.auth.settings();
    let spends = call.method == Method::POST || (call.method == Method::GET && settings.account.confirm_email_on_get);
    if !spends {
        return Ok(Shown::Template(200, "pages/email_confirm.html", context! {}));
    }
    let key = call.parameters.first().cloned().unwrap_or_default();
    let values = flow::with_key(&key);
    match flow::verify(&call.auth, &call.who, &values, FieldErrors::default()).await {
        Ok(()) => match &settings.frontend.login_url {
            Some(url) => Ok(Shown::Elsewhere(if call.method == Method::POST { 303 } else { 302 }, url.clone())),
            None => Ok(Shown::Template(200, "pages/email_confirmed.html", context! { confirmed => true })),
        },
        Err(Error::Refused(404, _)) => Ok(Shown::Template(
            if call.method == Method::GET { 200 } else { 404 },
            "pages/email_confirmed.html",
            context! { confirmed => false },
        )),
        Err(other) => Err(other),
    }
}

/// `registration/account-email-verification-sent/`: says that a mail is on its way, and sends another one when the form is sent.
/// Says the same of every address (T12).
pub fn sent_page() -> Page {
    Page { path: "registration/account-email-verification-sent", run: |call| Box::pin(sent(call)) }
}

async fn sent(call: PageCall) -> Result<Shown> {
    let shown = |status, sent: Option<&str>, wrong: &FieldErrors| {
        let wrong = wrong.sentences(&call.language);
        call.form(status, "pages/verification_sent.html", context! { sent, wrong })
    };
    if call.method != Method::POST {
        return shown(200, None, &FieldErrors::default());
    }
    call.admit()?;
    let (values, errors) = flow::resend_form(&call.auth).read(&call.input, Completeness::Whole);
    if !errors.is_empty() {
        return shown(400, None, &errors);
    }
    flow::resend(&call.auth, &call.who, &values).await?;
    shown(200, values.email("email").map(|address| address.shown()), &errors)
}
