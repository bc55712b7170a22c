//! The page behind the link of a verification mail.

use http::Method;
use minijinja::context;

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
