//! What several operations share: schemas, the refusals that any of them may give, and how a session is shown.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::ground::Message;
use crate::settings::Settings;

use super::security;

/// Collects what is referred to.
pub(super) struct Components {
    schemas: Map<String, Value>,
    responses: Map<String, Value>,
    security: Map<String, Value>,
}

impl Components {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut schemas = Map::new();
        schemas.insert("Detail".into(), detail());
        schemas.insert("Problem".into(), problem());
        Self { schemas, responses: Map::new(), security: security::schemes(settings) }
    }

    /// A reference to a schema of that name. The first of a name stays.
    pub(super) fn schema(&mut self, name: &str, schema: Value) -> Value {
        self.schemas.entry(name).or_insert(schema);
        reference("schemas", name)
    }

    /// A reference to the refusal with that status, as every operation may give it.
    pub(super) fn refusal(&mut self, status: u16, settings: &Settings) -> Value {
        let name = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        self.responses.entry(name.clone()).or_insert_with(|| refusal(status, settings));
        reference("responses", &name)
    }

    pub(super) fn written(self) -> Value {
        json!({ "schemas": self.schemas, "responses": self.responses, "securitySchemes": self.security })
    }
}

/// A reference to one of the components.
fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// The content of a refusal in both of its shapes.
pub(super) fn refused(schema: &Value, example: &Value, status: u16, code: &str) -> Value {
    let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let mut problem = json!({ "type": "about:blank", "title": title, "status": status, "code": code });
    if let Some(detail) = example.get("detail") {
        problem["detail"] = detail.clone();
    }
    json!({
        "application/json": { "schema": schema, "example": example },
        "application/problem+json": { "schema": reference("schemas", "Problem"), "example": problem },
    })
}

fn refusal(status: u16, settings: &Settings) -> Value {
    let (description, message) = meaning(status, settings);
    let content = refused(&reference("schemas", "Detail"), &json!({ "detail": message.text() }), status, message.code());
    let mut out = json!({ "description": description, "content": content });
    let header = match status {
        401 => Some(("WWW-Authenticate", "The scheme that is asked for.", json!({ "type": "string" }))),
        429 | 503 => Some(("Retry-After", "In how many seconds to come back.", json!({ "type": "integer", "minimum": 1 }))),
        _ => None,
    };
    if let Some((name, description, schema)) = header {
        out["headers"] = json!({ name: { "description": description, "schema": schema } });
    }
    out
}

fn meaning(status: u16, settings: &Settings) -> (&'static str, Message) {
    let max = usize::try_from(settings.server.body_max.bytes()).unwrap_or(usize::MAX);
    match status {
        400 => ("The body cannot be read.", Message::JsonError("…".into())),
        401 => ("The credential is missing, or it counts no more.", Message::NotAuthenticated),
        403 => ("Not allowed.", Message::PermissionDenied),
        404 => ("No such thing.", Message::NotFound),
        406 => ("None of the types that the request accepts can be given.", Message::NotAcceptable),
        408 => ("The body did not arrive in time.", Message::RequestTimeout),
        413 => ("The body is too large.", Message::BodyTooLarge(max)),
        415 => (
            "The body is of a type that is not read here, or it is compressed.",
            Message::UnsupportedMediaType("text/plain".into()),
        ),
        429 => ("Too many tries.", Message::Throttled(30)),
        503 => ("The service cannot answer now.", Message::Unavailable),
        _ => ("A fault of the service.", Message::Internal),
    }
}

fn detail() -> Value {
    let detail = json!({ "type": "string", "description": "A sentence for people." });
    json!({ "type": "object", "properties": { "detail": detail }, "required": ["detail"] })
}

fn problem() -> Value {
    let error = json!({
        "type": "object",
        "properties": {
            "field": { "type": "string", "description": "The member, or `non_field_errors`." },
            "code": { "type": "string", "description": "What is wrong, the same in every language." },
            "detail": { "type": "string", "description": "The same as a sentence for people." },
        },
        "required": ["field", "code", "detail"],
    });
    json!({
        "type": "object",
        "description": "Problem details (RFC 9457).",
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "code": { "type": "string", "description": "What is wrong, the same in every language." },
            "detail": { "type": "string", "description": "A sentence for people, where no single field is to blame." },
            "errors": { "type": "array", "items": error },
        },
        "required": ["type", "title", "status", "code"],
    })
}
