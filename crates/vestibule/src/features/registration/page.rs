//! The page where people sign up.

use minijinja::context;

use crate::accounts::links;
use crate::forms::Completeness;
use crate::ground::{Error, FieldErrors, Message, Result};
use crate::http::page::{Page, PageCall, Shown};
use crate::http::{self, fields};
use crate::settings::Registration;

use super::flow::{self, Registered};

/// `sign-up/`: the form of `registration/`, with the fields that the settings declare.
pub fn page() -> Page {
    Page { path: "sign-up", run: |call| Box::pin(show(call)) }
}

async fn show(call: PageCall) -> Result<Shown> {
    if call.auth.settings.account.registration == Registration::Closed {
        return Err(Error::Refused(404, Message::NotFound));
    }
    if !call.is_sent() {
        return asked(&call, 200, &FieldErrors::default());
    }
    call.admit()?;
    let (values, errors) = flow::form(&call.auth).read(&call.input, Completeness::Whole);
    match flow::register_on_page(&call.auth, &call.who, values, errors, &call.language).await {
        Ok(Registered::LoggedIn(granted)) => {
            Ok(Shown::Elsewhere(303, call.onward()).with(http::granted_on_page(&call.auth, &granted)?))
        }
        Ok(Registered::ToVerify) => {
            Ok(Shown::Elsewhere(303, links::page(&call.auth.settings, "registration/account-email-verification-sent")))
        }
        Err(Error::Fields(wrong)) => asked(&call, 400, &wrong),
        Err(other) => Err(other),
    }
}

fn asked(call: &PageCall, status: u16, wrong: &FieldErrors) -> Result<Shown> {
    let form = flow::form(&call.auth);
    let (fields, values) = (fields::fields(&form), call.typed(&form));
    call.form(status, "pages/sign_up.html", context! { fields, values, wrong => wrong.sentences(&call.language) })
}
