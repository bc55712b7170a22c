//! What a form of a page says beside its fields: another method than `POST`, or a body as JSON. Only our own forms can say so; their
//! token shows it (design decision 17, T46).

use axum::body::Body;
use http::{HeaderMap, Method};

use crate::forms::{Completeness, Field, Input, Source, Value};
use crate::ground::{Error, Message, Result};

use super::super::Endpoint;
use super::super::body;

/// The member that names the method.
const METHOD: &str = "_method";

/// The member that holds a body as JSON.
const CONTENT: &str = "_content";

/// A request whose body is still to be read, or was read to see what it asks for.
pub(in crate::http) enum Submitted {
    /// Nothing was looked at.
    Unread(Body),
    /// What the body says, or why it says nothing.
    Read(Result<Input>),
}

impl Submitted {
    /// Reads the body now or hands over what was read.
    ///
    /// # Errors
    /// Those of [`body::read`].
    pub(in crate::http) async fn input(self, headers: &HeaderMap, max: usize) -> Result<Input> {
        match self {
            Self::Unread(sent) => body::read(headers, sent, max).await,
            Self::Read(input) => input,
        }
    }
}

/// What a form of ours asks for: the method and the body.
///
/// # Errors
/// 405 for a method that no form of ours names; those of reading JSON.
pub(in crate::http) fn asked(endpoint: &Endpoint, form: Input) -> Result<(Method, Result<Input>)> {
    let method = match form.get(METHOD) {
        None => Method::POST,
        Some(Value::Text(name)) => named(name)?,
        Some(_) => return Err(Error::Refused(405, Message::MethodNotAllowed(String::new()))),
    };
    let input = match form.get(CONTENT) {
        Some(Value::Text(text)) => body::json(text.as_bytes()),
        _ => Ok(without_untouched(endpoint, &method, form)),
    };
    Ok((method, input))
}

/// Whether a form says more than its fields.
pub(in crate::http) fn says_more(form: &Input) -> bool {
    form.get(METHOD).is_some() || form.get(CONTENT).is_some()
}

fn named(name: &str) -> Result<Method> {
    let known = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    let shown: String = name.chars().take(20).collect();
    known.into_iter().find(|method| method.as_str() == name).ok_or(Error::Refused(405, Message::MethodNotAllowed(shown)))
}

/// A browser sends every field of a form. What was left empty and cannot be empty was not meant.
fn without_untouched(endpoint: &Endpoint, method: &Method, sent: Input) -> Input {
    let Some(operation) = endpoint.operation(method) else { return sent };
    let Some(form) = &operation.takes else { return sent };
    let needed = |field: &Field| field.required && operation.completeness == Completeness::Whole;
    let members = form.fields.iter().filter_map(|field| Some((field, sent.get(&field.name)?)));
    let meant =
        members.filter(|(field, value)| **value != Value::Text(String::new()) || needed(field) || field.nullable || field.blank);
    Input::new(Source::Form, meant.map(|(field, value)| (field.name.clone(), value.clone())).collect())
}
