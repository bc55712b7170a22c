//! An exchange as rules see it.

use serde_json::{Map, Value};

use crate::compare;
use crate::history::{History, Link};
use crate::offered::{self, BASE};
use crate::steps::Exchange;
use crate::wire::Request;

/// An exchange as rules see it.
pub struct Asked<'a> {
    /// The recorded exchange.
    pub exchange: &'a Exchange,
    /// What was sent to us.
    pub request: &'a Request,
    /// What went before.
    pub history: &'a History,
    /// The server's settings.
    pub settings: &'a Value,
    /// The address of the account that the request is about, by its key or its link.
    pub whom: Option<&'a str>,
}

impl Asked<'_> {
    /// The path below the base, without its query.
    pub fn path(&self) -> &str {
        let path = self.request.path.split('?').next().unwrap_or_default();
        path.strip_prefix(BASE).unwrap_or(path)
    }

    /// Whether it is that method on that endpoint.
    pub fn is(&self, method: &str, endpoint: &str) -> bool {
        self.request.method == method && self.path().trim_end_matches('/') == endpoint
    }

    /// The recorded status.
    pub fn status(&self) -> u16 {
        self.exchange.status
    }

    /// The recorded body, if it is JSON.
    pub fn recorded(&self) -> Option<Value> {
        compare::pattern(self.exchange.response_body.as_deref()?, &self.exchange.method).ok()
    }

    /// The recorded sentence of an error without fields.
    pub fn recorded_detail(&self) -> Option<String> {
        Some(self.recorded()?.get("detail")?.as_str()?.to_owned())
    }

    /// The recorded messages by field.
    pub fn recorded_fields(&self) -> Option<Map<String, Value>> {
        let Value::Object(fields) = self.recorded()? else { return None };
        (self.status() == 400 && !fields.contains_key("detail")).then_some(fields)
    }

    /// Whether the reference answered with an error page instead of JSON.
    pub fn is_error_page(&self) -> bool {
        let kind = self.exchange.recorded_header("content-type").unwrap_or_default();
        kind.starts_with("text/html") && !offered::is_page(self.exchange)
    }

    /// The members of a JSON object or a form that are texts, in order.
    pub fn members(&self) -> Vec<(String, String)> {
        members(self.request.header("content-type"), self.body())
    }

    /// A text member of the body.
    pub fn member(&self, name: &str) -> Option<String> {
        self.members().into_iter().rfind(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The link whose token the body carries.
    pub fn link(&self) -> Option<&Link> {
        let token = self.member("token").or_else(|| self.member("key"))?;
        self.history.links.values().find(|link| link.token == token)
    }

    /// What a login gives out: the value of `tokens.mode`.
    pub fn mode(&self) -> &str {
        self.settings.pointer("/tokens/mode").and_then(Value::as_str).unwrap_or("opaque")
    }

    /// Whether a setting of the server is switched on.
    pub fn is_set(&self, pointer: &str) -> bool {
        self.settings.pointer(pointer) == Some(&Value::Bool(true))
    }

    /// The bytes of the body.
    pub fn body(&self) -> &[u8] {
        self.request.body.as_deref().unwrap_or_default()
    }

    /// Whether the body is a form.
    pub fn is_form(&self) -> bool {
        is_form(self.request.header("content-type"))
    }

    /// The scheme and the key of `Authorization`.
    pub fn credential(&self) -> Option<(&str, &str)> {
        self.request.header("authorization")?.trim().split_once(' ')
    }

    /// The same request with another path.
    pub fn with_path(&self, path: String) -> Request {
        Request { path, ..self.request.clone() }
    }

    /// The same request with another header, or without it.
    pub fn with_header(&self, name: &str, value: Option<String>) -> Request {
        let mut request = self.request.clone();
        request.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        request.headers.extend(value.map(|value| (name.to_owned(), value)));
        request
    }
}

fn is_form(kind: Option<&str>) -> bool {
    kind.unwrap_or_default().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

/// The members of a JSON object or a form that are texts, in order.
pub fn members(kind: Option<&str>, body: &[u8]) -> Vec<(String, String)> {
    if is_form(kind) {
        return form_urlencoded::parse(body).into_owned().collect();
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else { return Vec::new() };
    members.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}
