//! The page where people sign in.

use minijinja::context;

#[cfg(feature = "social")]
use crate::accounts::{links, returns};
use crate::forms::{Completeness, Datum, Field, Form, Kind, Values};
use crate::ground::{Error, FieldErrors, Message, NON_FIELD, Result};
use crate::http;
use crate::http::page::{Page, PageCall, Shown};
use crate::settings::LoginMethod;

use super::flow;

/// `sign-in/`: asks for the name or address and the password, and gives the browser a session.
pub fn page() -> Page {
    Page { path: "sign-in", run: |call| Box::pin(show(call)) }
}

/// One field for either, since people do not care which it is.
fn form(call: &PageCall) -> Form {
    let by_email = call.auth.settings.account.login_methods == [LoginMethod::Email];
    let name = Field::new("name", if by_email { Kind::Email } else { Kind::Text });
    Form::new(vec![name, Field::new("password", Kind::Password)])
}

async fn show(call: PageCall) -> Result<Shown> {
    if !call.is_sent() {
        return match call.caller().await? {
            Some(_) => Ok(Shown::Elsewhere(303, call.onward())),
            None => asked(&call, 200, &FieldErrors::default()),
        };
    }
    call.admit()?;
    let (typed, errors) = form(&call).read(&call.input, Completeness::Whole);
    match flow::login_on_page(&call.auth, &call.who, &named(typed), errors).await {
        Ok(granted) => Ok(Shown::Elsewhere(303, call.onward()).with(http::granted_on_page(&call.auth, &granted)?)),
        Err(Error::Fields(wrong)) => asked(&call, 400, &wrong),
        Err(other) => Err(other),
    }
}

/// What was typed as name, in the field of the endpoint that takes it.
fn named(mut values: Values) -> Values {
    match values.get("name").cloned() {
        Some(Datum::Text(name)) => values.set("username", Datum::Text(name)),
        Some(Datum::Email(address)) => values.set("email", Datum::Email(address)),
        _ => {}
    }
    values
}

/// The providers with which one may sign in, each with what stands on its button and where it leads.
#[cfg(feature = "social")]
fn providers(call: &PageCall) -> minijinja::Value {
    let next = call.query("next");
    let settings = &call.auth.settings;
    let there = call.auth.social.providers.iter().filter(|provider| settings.endpoints.place(provider.paths.start).is_some());
    let each = there.map(|provider| {
        let members = [("from", "page")].into_iter().chain(next.as_deref().map(|next| ("next", next)));
        let url = returns::with(&links::page_url(settings, provider.paths.start), &members.collect::<Vec<_>>());
        context! { label => provider.label(), url }
    });
    each.collect()
}

/// None without them.
#[cfg(not(feature = "social"))]
fn providers(_: &PageCall) -> minijinja::Value {
    ().into()
}

fn asked(call: &PageCall, status: u16, wrong: &FieldErrors) -> Result<Shown> {
    let unverified = wrong.iter().any(|(field, messages)| field == NON_FIELD && messages.contains(&Message::EmailNotVerified));
    let values = context! {
        wrong => wrong.sentences(&call.language),
        values => call.typed(&form(call)),
        unverified,
        providers => providers(call),
        // Only that it failed: a text from an address is shown to nobody.
        provider_failed => call.query("error").is_some(),
    };
    call.form(status, "pages/sign_in.html", values)
}
