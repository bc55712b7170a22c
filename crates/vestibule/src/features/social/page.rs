//! The page where whoever signs in with a provider tells what the provider did not.

use minijinja::context;

use crate::forms::{Completeness, Datum, Form};
use crate::ground::{Error, FieldErrors, NON_FIELD, Result, Secret};
use crate::http::fields;
use crate::http::page::{Page, PageCall, Shown};

use super::flow::{self, Rest};
use super::{crossing, details, http_crossing};

/// `sign-up/complete/`: asks for the fields that are missing, and for no others. The address names whom it is about, and counts in
/// the browser alone that was at the provider.
pub(super) fn page() -> Page {
    Page { path: crossing::COMPLETION, run: |call| Box::pin(show(call)) }
}

async fn show(call: PageCall) -> Result<Shown> {
    let token = call.query(details::TOKEN).map(Secret::from);
    let (Some(token), Some(browser)) = (token, http_crossing::browser(&call.auth, |name| call.cookie(name))) else {
        return gone(&call);
    };
    let Some(missing) = flow::missing(&call.auth, &token, &browser, &call.language).await? else { return gone(&call) };
    let form = details::form_of(&call.auth, &missing);
    if !call.is_sent() {
        return asked(&call, &form, 200, FieldErrors::default());
    }
    call.admit()?;
    let (mut values, errors) = form.read(&call.input, Completeness::Whole);
    values.set(details::TOKEN, Datum::Secret(token));
    let (from, next) = (call.query("from"), call.query("next"));
    let onward = http_crossing::onward(from.as_deref(), next.as_deref());
    let rest = Rest { values, errors, browser: Some(browser) };
    match crossing::complete(&call.auth, &call.who, rest, onward, &call.language).await {
        Ok(landed) => {
            let cookies = http_crossing::cookies(&call.auth, &landed).await?;
            Ok(Shown::Elsewhere(303, landed.to).with(cookies))
        }
        Err(Error::Fields(wrong)) => asked(&call, &form, 400, wrong),
        Err(Error::Refused(404, _)) => gone(&call),
        Err(other) => Err(other),
    }
}

fn asked(call: &PageCall, form: &Form, status: u16, wrong: FieldErrors) -> Result<Shown> {
    let (fields, values) = (fields::fields(form), call.typed(form));
    let wrong = seen(form, &wrong);
    let values = context! { asked => true, fields, values, wrong => wrong.sentences(&call.language) };
    call.form(status, "pages/sign_up_complete.html", values)
}

/// What is wrong with a field that is not asked for stands above the others.
fn seen(form: &Form, wrong: &FieldErrors) -> FieldErrors {
    let mut all = FieldErrors::default();
    for (name, messages) in wrong.iter() {
        let is_asked = form.fields.iter().any(|field| field.name == name);
        let place = if is_asked { name } else { NON_FIELD };
        messages.iter().for_each(|message| all.add(place, message.clone()));
    }
    all
}

fn gone(call: &PageCall) -> Result<Shown> {
    call.form(404, "pages/sign_up_complete.html", context! { asked => false })
}
