//! The page where a reset is asked for, and the page behind the link of its mail.

use http::Method;
use minijinja::context;

use crate::forms::{Completeness, Datum};
use crate::ground::{Error, FieldErrors, Result};
use crate::http::page::{Page, PageCall, Shown};

use super::flow;

/// `password/reset/confirm/{uid}/{token}/`: asks for the new password, and sets it when the form is sent.
pub fn page() -> Page {
    Page { path: "password/reset/confirm/{uid}/{token}", run: |call| Box::pin(show(call)) }
}

/// `forgot-password/`: asks for the address, and for the mail when the form is sent. Says the same of every address (T10).
pub fn request_page() -> Page {
    Page { path: "forgot-password", run: |call| Box::pin(ask(call)) }
}

async fn ask(call: PageCall) -> Result<Shown> {
    let shown = |status, sent: Option<&str>, wrong: &FieldErrors| {
        let wrong = wrong.sentences(&call.language);
        call.form(status, "pages/forgot_password.html", context! { sent, wrong })
    };
    if call.method != Method::POST {
        return shown(200, None, &FieldErrors::default());
    }
    call.admit()?;
    let (values, errors) = flow::request_form().read(&call.input, Completeness::Whole);
    if !errors.is_empty() {
        return shown(400, None, &errors);
    }
    flow::request(&call.auth, &call.who, &values).await?;
    shown(200, values.email("email").map(|address| address.shown()), &errors)
}

async fn show(call: PageCall) -> Result<Shown> {
    let (Some(uid), Some(token)) = (call.parameters.first(), call.parameters.get(1)) else {
        return Ok(gone());
    };
    if call.method != Method::POST {
        let counts = flow::counts(&call.auth, uid, token).await?;
        return Ok(if counts { form(&call, 200, &FieldErrors::default()) } else { gone() });
    }
    let (mut values, mut errors) = flow::confirm_form(&call.auth).read(&call.input, Completeness::Partial);
    values.set("uid", Datum::Text(uid.clone()));
    values.set("token", Datum::Secret(token.as_str().into()));
    if values.secret("new_password1").is_none() && errors.is_empty() {
        errors.add("new_password1", crate::ground::Message::Required);
    }
    let done = match errors.into_result() {
        Ok(()) => flow::confirm(&call.auth, &call.who, &values).await,
        Err(wrong) => Err(wrong),
    };
    match done {
        Ok(()) => Ok(Shown::Template(200, "pages/password_reset_done.html", context! { done => true })),
        Err(Error::Fields(wrong)) if wrong.has("token") || wrong.has("uid") => Ok(gone()),
        Err(Error::Fields(wrong)) => Ok(form(&call, 400, &wrong)),
        Err(other) => Err(other),
    }
}

fn form(call: &PageCall, status: u16, wrong: &FieldErrors) -> Shown {
    Shown::Template(status, "pages/password_reset_confirm.html", context! { wrong => wrong.sentences(&call.language) })
}

fn gone() -> Shown {
    Shown::Template(404, "pages/password_reset_done.html", context! { done => false })
}
