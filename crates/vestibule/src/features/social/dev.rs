//! The page of `social.dev`, where whoever comes says who they are.

use http::Method;
use minijinja::context;
use serde_json::{Map, Value, json};

use crate::forms::{Completeness, Datum, Field, Form, Kind, Values};
use crate::ground::{Error, FieldErrors, Message, Result};
use crate::http::fields;
use crate::http::page::{Page, PageCall, Shown};
use crate::social::dev;

/// `social/dev/provider/`: as any provider's page, it asks who somebody is, and sends them back. There is no password: it believes
/// what it is told.
pub(super) fn page() -> Page {
    Page { path: dev::PAGE, run: |call| Box::pin(show(call)) }
}

fn form() -> Form {
    Form::new(vec![
        Field::new("subject", Kind::Text).at_most(100),
        Field::new("email", Kind::Email).optional().blank(),
        Field::new("email_verified", Kind::Boolean).optional(),
        Field::new("name", Kind::Text).optional().blank().at_most(100),
    ])
}

async fn show(call: PageCall) -> Result<Shown> {
    let not_found = Error::Refused(404, Message::NotFound);
    let provider = call.auth.social.dev().ok_or_else(|| not_found.clone())?;
    let visit = provider.visit(|name| call.query(name)).ok_or(not_found)?;
    if call.method != Method::POST {
        return asked(&call, 200, &FieldErrors::default(), somebody());
    }
    call.admit()?;
    let (values, errors) = form().read(&call.input, Completeness::Whole);
    let refuses = call.input.get("answer") == Some(&crate::forms::Value::Text("refuse".into()));
    if refuses {
        return Ok(Shown::Elsewhere(303, provider.refused(&visit)));
    }
    if !errors.is_empty() {
        return asked(&call, 400, &errors, call.typed(&form()));
    }
    Ok(Shown::Elsewhere(303, provider.agreed(visit, person(&values), call.auth.clock.now())?))
}

/// Whom the page proposes to be.
fn somebody() -> minijinja::Value {
    context! { subject => "ana", email => "ana@example.org", email_verified => "true", name => "Ana Lind" }
}

/// The claims of what was typed; what was left empty is not told.
fn person(values: &Values) -> Map<String, Value> {
    let text = |name: &str| values.text(name).filter(|text| !text.is_empty()).map(Value::from);
    let email = values.email("email").map(|address| Value::from(address.shown()));
    let verified = email.is_some().then(|| json!(matches!(values.get("email_verified"), Some(Datum::Boolean(true)))));
    let claims = [("sub", text("subject")), ("email", email), ("email_verified", verified), ("name", text("name"))];
    claims.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn asked(call: &PageCall, status: u16, wrong: &FieldErrors, values: minijinja::Value) -> Result<Shown> {
    let values = context! { fields => fields::fields(&form()), values, wrong => wrong.sentences(&call.language) };
    call.form(status, "pages/dev_provider.html", values)
}
