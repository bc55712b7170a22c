//! The page behind the link of a reset mail.

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

async fn show(call: PageCall) -> Result<Shown> {
    let (Some(uid), Some(token)) = (call.parameters.first(), call.parameters.get(1)) else {
        return Ok(gone());
    };
    if call.method != Method::POST {
        let counts = flow::counts(&call.auth, uid, token).await?;
        return Ok(if counts { form(200, Vec::new()) } else { gone() });
    }
    let (mut values, mut errors) = flow::confirm_form().read(&call.input, Completeness::Partial);
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
        Err(Error::Fields(wrong)) => Ok(form(400, sentences(&wrong))),
        Err(other) => Err(other),
    }
}

fn sentences(wrong: &FieldErrors) -> Vec<String> {
    wrong.iter().flat_map(|(_, messages)| messages.iter().map(|message| message.text().into_owned())).collect()
}

fn form(status: u16, errors: Vec<String>) -> Shown {
    Shown::Template(status, "pages/password_reset_confirm.html", context! { errors })
}

fn gone() -> Shown {
    Shown::Template(404, "pages/password_reset_done.html", context! { done => false })
}
