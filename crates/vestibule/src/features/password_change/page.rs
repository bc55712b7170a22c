//! The page where the password is changed.

use minijinja::context;

use crate::forms::{Completeness, Field, Form, Kind};
use crate::ground::{Error, FieldErrors, Result};
use crate::http::page::{Page, PageCall, Shown};

use super::flow;

/// `account/password/`: asks for the old password, whatever the settings say, and for the new one.
pub fn page() -> Page {
    Page { path: "account/password", run: |call| Box::pin(show(call)) }
}

async fn show(call: PageCall) -> Result<Shown> {
    let Some(caller) = call.caller().await? else { return call.to_sign_in("account/password") };
    let shown = |status, wrong: &FieldErrors, done: bool| {
        call.form(status, "pages/change_password.html", context! { wrong => wrong.sentences(&call.language), done })
    };
    if !call.is_sent() {
        return shown(200, &FieldErrors::default(), false);
    }
    call.admit()?;
    let fields = ["old_password", "new_password1", "new_password2"].map(|name| Field::new(name, Kind::Password));
    let (values, errors) = Form::new(fields.into()).read(&call.input, Completeness::Whole);
    let done = match errors.into_result() {
        Ok(()) => flow::change(&call.auth, &call.who, &caller, &values).await,
        Err(wrong) => Err(wrong),
    };
    match done {
        Ok(renewed) => Ok(shown(200, &FieldErrors::default(), true)?.with(call.renewed(&caller, renewed.as_ref())?)),
        Err(Error::Fields(wrong)) => shown(400, &wrong, false),
        Err(other) => Err(other),
    }
}
