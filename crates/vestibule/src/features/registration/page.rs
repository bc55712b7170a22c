//! The page where people sign up.

use minijinja::context;

use crate::accounts::links;
use crate::forms::Completeness;
use crate::ground::{Error, FieldErrors, Message, Result};
use crate::http::page::{Page, PageCall, Shown};
use crate::http::{self, fields};
use crate::settings::Registration;

use super::flow::{self, Registered};

/// The page that says that a mail is on its way.
const SENT: &str = "registration/account-email-verification-sent";

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
        Ok(Registered::ToVerify) => match links::page_if_there(&call.auth.settings, SENT) {
            Some(page) => Ok(Shown::Elsewhere(303, page)),
            // It cannot send another mail, but whoever waits for one must know.
            None => Ok(Shown::Template(200, "pages/verification_sent.html", context! {})),
        },
        Err(Error::Fields(wrong)) => asked(&call, 400, &wrong),
        Err(other) => Err(other),
    }
}

fn asked(call: &PageCall, status: u16, wrong: &FieldErrors) -> Result<Shown> {
    let form = flow::form(&call.auth);
    let (fields, values) = (fields::fields(&form), call.typed(&form));
    call.form(status, "pages/sign_up.html", context! { fields, values, wrong => wrong.sentences(&call.language) })
}
