//! What an operation answers, before it is bytes.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::ground::{Error, Language, Message, Secret};
use crate::settings::TokenMode;

use super::cookies::SetCookie;

/// A status and a body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Body,
    /// Headers beside those that every answer has.
    pub headers: Vec<(&'static str, String)>,
    /// The cookies that a browser is to keep or to drop.
    pub cookies: Vec<SetCookie>,
}

/// The body of an answer. A secret stands apart, so that nothing that prints an answer prints it.
#[derive(Clone, Debug)]
pub enum Body {
    /// A JSON value without secrets.
    Json(Value),
    /// The same, written already on one line.
    Written(Vec<u8>),
    /// `{"key": …}`.
    Key(Secret),
    /// JSON with tokens in it.
    Tokens(Secret),
    /// `{"detail": …}`, in the client's language.
    Says(Message),
    /// Nothing at all.
    Empty,
}

impl Body {
    /// The value that goes on the wire.
    pub fn value(self) -> Value {
        match self {
            Self::Json(value) => value,
            Self::Written(json) => serde_json::from_slice(&json).unwrap_or_default(),
            Self::Key(key) => json!({ "key": key.expose() }),
            Self::Tokens(json) => serde_json::from_str(json.expose()).unwrap_or_default(),
            Self::Empty => Value::Null,
            Self::Says(message) => json!({ "detail": message.text() }),
        }
    }

    /// The bytes that go on the wire, on one line.
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Self::Written(json) => json,
            Self::Tokens(json) => json.expose().as_bytes().to_vec(),
            Self::Empty => Vec::new(),
            other => serde_json::to_vec(&other.value()).unwrap_or_default(),
        }
    }
}

impl Answer {
    /// A JSON answer.
    pub fn json(status: u16, body: Value) -> Self {
        Self { status, body: Body::Json(body), headers: Vec::new(), cookies: Vec::new() }
    }

    /// A JSON answer that is written already.
    pub fn written(status: u16, json: Vec<u8>) -> Self {
        Self { status, body: Body::Written(json), headers: Vec::new(), cookies: Vec::new() }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, body: Body::Empty, headers: Vec::new(), cookies: Vec::new() }
    }

    /// A JSON answer with tokens in it.
    pub fn tokens(status: u16, body: &impl Serialize) -> Self {
        let body = Body::Tokens(Secret::from(serde_json::to_string(body).unwrap_or_default()));
        Self { status, body, headers: Vec::new(), cookies: Vec::new() }
    }

    /// A sentence for the client, in its language.
    pub fn says(status: u16, message: Message) -> Self {
        Self { status, body: Body::Says(message), headers: Vec::new(), cookies: Vec::new() }
    }

    /// The same, asking for `Bearer` where access is by token (RFC 6750 §3).
    #[must_use]
    pub fn challenging(mut self, mode: TokenMode) -> Self {
        if mode != TokenMode::Opaque
            && let Some((_, challenge)) = self.headers.iter_mut().find(|(name, _)| *name == "www-authenticate")
        {
            "Bearer realm=\"api\"".clone_into(challenge);
        }
        self
    }

    /// The same, with its sentence in that language.
    #[must_use]
    pub fn in_language(mut self, language: &Language) -> Self {
        if let Body::Says(message) = &self.body {
            self.body = Body::Json(json!({ "detail": message.in_language(language) }));
        }
        self
    }

    /// The key of a new session.
    pub fn key(status: u16, key: &Secret) -> Self {
        Self { status, body: Body::Key(key.clone()), headers: Vec::new(), cookies: Vec::new() }
    }

    /// The same, which sets or removes these cookies besides.
    #[must_use]
    pub fn with_cookies(mut self, cookies: Vec<SetCookie>) -> Self {
        self.cookies.extend(cookies);
        self
    }

    /// An error in the reference's shape.
    pub fn error(error: &Error, language: &Language) -> Self {
        let body = match error {
            Error::Fields(fields) => {
                Value::Object(fields.iter().map(|(field, messages)| (field.to_owned(), texts(messages, language))).collect())
            }
            Error::Unauthenticated(why) if why.is_of_a_jwt() => {
                let messages =
                    json!([{ "token_class": "AccessToken", "token_type": "access", "message": why.in_language(language) }]);
                json!({ "detail": Message::JwtRefused.in_language(language), "code": why.code(), "messages": messages })
            }
            Error::Refused(401, why) | Error::Unauthenticated(why @ Message::JwtUserInactive) => {
                json!({ "detail": why.in_language(language), "code": why.code() })
            }
            other => json!({ "detail": message(other).in_language(language) }),
        };
        Self { status: status(error), body: Body::Json(body), headers: headers(error), cookies: Vec::new() }
    }

    /// An error as problem details (RFC 9457), with a stable code for each field; the codes are the same in every language.
    pub fn problem(error: &Error, language: &Language) -> Self {
        let status = status(error);
        let mut body = Map::new();
        body.insert("type".into(), "about:blank".into());
        body.insert("title".into(), title(status).into());
        body.insert("status".into(), status.into());
        match error {
            Error::Fields(fields) => {
                body.insert("code".into(), "invalid".into());
                let each = fields.iter().flat_map(|(field, messages)| messages.iter().map(move |message| (field, message)));
                let errors = each.map(
                    |(field, message)| json!({ "field": field, "code": message.code(), "detail": message.in_language(language) }),
                );
                body.insert("errors".into(), errors.collect());
            }
            other => {
                let message = message(other);
                body.insert("code".into(), message.code().into());
                body.insert("detail".into(), message.in_language(language).into());
            }
        }
        Self { status, body: Body::Json(Value::Object(body)), headers: headers(error), cookies: Vec::new() }
    }
}

fn texts(messages: &[Message], language: &Language) -> Value {
    messages.iter().map(|message| Value::from(message.in_language(language))).collect()
}

fn status(error: &Error) -> u16 {
    match error {
        Error::Fields(_) => 400,
        Error::Refused(status, _) => *status,
        Error::Unauthenticated(_) => 401,
        Error::Limited(_) => 429,
        Error::Unavailable(_) => 503,
        Error::Internal(_) => 500,
    }
}

fn message(error: &Error) -> Message {
    match error {
        Error::Refused(_, message) | Error::Unauthenticated(message) => message.clone(),
        Error::Limited(wait) => Message::Throttled(seconds(*wait)),
        Error::Unavailable(_) => Message::Unavailable,
        Error::Fields(_) | Error::Internal(_) => Message::Internal,
    }
}

fn headers(error: &Error) -> Vec<(&'static str, String)> {
    match error {
        Error::Unauthenticated(_) | Error::Refused(401, _) => vec![("www-authenticate", "Token".to_owned())],
        Error::Limited(wait) | Error::Unavailable(wait) => vec![("retry-after", seconds(*wait).to_string())],
        _ => Vec::new(),
    }
}

/// Whole seconds, never too few and never none: whoever comes back then is let in.
fn seconds(wait: std::time::Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

fn title(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error")
}
