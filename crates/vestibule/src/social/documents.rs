//! Reads JSON documents from providers.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::request::Builder;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::Value;
use url::Url;

use crate::ground::Secret;
use crate::outgoing::Outgoing;

use super::failure::Failure;

/// A request that is being made up.
pub(super) struct Asking {
    request: Builder,
    body: Vec<u8>,
}

impl Asking {
    /// Asks for a JSON document.
    pub(super) fn get(url: &Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// Sends a form.
    pub(super) fn form(url: &Url, members: &[(&str, &str)]) -> Self {
        let mut asking = Self::new(Method::POST, url);
        asking.body = form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish().into_bytes();
        asking.request = asking.request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        asking
    }

    /// Sends a JSON body.
    pub(super) fn json(url: &Url, body: &Value) -> Self {
        let mut asking = Self::new(Method::POST, url);
        asking.body = body.to_string().into_bytes();
        asking.request = asking.request.header(CONTENT_TYPE, "application/json");
        asking
    }

    fn new(method: Method, url: &Url) -> Self {
        let request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("vestibule/", env!("CARGO_PKG_VERSION")));
        Self { request, body: Vec::new() }
    }

    /// With a credential: `Bearer`, `Basic` and what belongs to it.
    pub(super) fn authorized(mut self, scheme: &str, credential: &Secret) -> Self {
        if let Ok(mut value) = HeaderValue::try_from(format!("{scheme} {}", credential.expose())) {
            value.set_sensitive(true);
            self.request = self.request.header(AUTHORIZATION, value);
        }
        self
    }

    /// Sends it, and reads the answer as JSON whatever the status is.
    pub(super) async fn send(self, out: &Outgoing, what: &str) -> Result<(StatusCode, Value), Failure> {
        let request = self.request.body(Full::new(Bytes::from(self.body)));
        let request = request.map_err(|error| Failure::Unavailable(format!("{what}: {error}")))?;
        let reply = out.send(request).await.map_err(|trouble| Failure::of(&trouble, what))?;
        let is_form = reply.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form"));
        let body = reply.body.map_err(|trouble| Failure::of(&trouble, what))?;
        if reply.status.is_redirection() {
            return Err(Failure::Unavailable(format!("{what}: answers with a redirect, which is not followed")));
        }
        let read = if is_form { Some(members(&body)) } else { serde_json::from_slice(&body).ok() };
        match read {
            Some(value) => Ok((reply.status, value)),
            // A status that says what is wrong needs no document.
            None if !reply.status.is_success() => Ok((reply.status, Value::Null)),
            None => Err(Failure::Unavailable(format!("{what}: the answer is no JSON"))),
        }
    }

    /// As [`Asking::send`], where only success will do.
    pub(super) async fn document(self, out: &Outgoing, what: &str) -> Result<Value, Failure> {
        let (status, value) = self.send(out, what).await?;
        if status.is_success() {
            return Ok(value);
        }
        let why = said(&value);
        match status.as_u16() {
            400..=499 if status != StatusCode::TOO_MANY_REQUESTS => {
                Err(Failure::Refused(format!("{what}: {} {why}", status.as_u16())))
            }
            _ => Err(Failure::Unavailable(format!("{what}: {} {why}", status.as_u16()))),
        }
    }
}

/// A form as an object, as GitHub and Facebook once answered and some still do.
fn members(body: &[u8]) -> Value {
    Value::Object(form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.into())).collect())
}

/// What an answer says of an error, for the log: short, and on one line.
pub(super) fn said(answer: &Value) -> String {
    let texts = ["error", "error_description", "message"].iter().filter_map(|name| match &answer[*name] {
        Value::String(text) => Some(text.as_str()),
        Value::Object(inner) => inner.get("message").and_then(Value::as_str),
        _ => None,
    });
    one_line(&texts.collect::<Vec<_>>().join(": "))
}

/// A stranger's text, cut and without control characters.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_provider_says_of_an_error_is_found_in_the_usual_places() {
        for (answer, words) in [
            (json!({ "error": "invalid_grant", "error_description": "used\nalready" }), "invalid_grant: used already"),
            (json!({ "error": { "message": "Bad code", "code": 100 } }), "Bad code"),
            (json!({ "message": "Bad credentials" }), "Bad credentials"),
            (json!([1]), ""),
        ] {
            assert_eq!(said(&answer), words);
        }
        assert_eq!(one_line(&"x".repeat(1_000)).len(), 200);
    }

    #[test]
    fn a_form_is_read_as_an_object() {
        assert_eq!(members(b"access_token=a%2Bb&scope=user"), json!({ "access_token": "a+b", "scope": "user" }));
    }
}
