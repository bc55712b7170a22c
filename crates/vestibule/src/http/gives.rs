//! What an operation answers when all is well, and the refusals that only it has: a status, what it means, and the body's schema.
//!
//! What every operation may answer besides (a refused body, a missing credential, too many tries) follows from its [`Endpoint`].
//!
//! [`Endpoint`]: super::Endpoint

use serde_json::{Value, json};

use crate::accounts::Auth;
use crate::forms::Form;
use crate::ground::Message;
use crate::settings::TokenMode;

/// One answer.
#[derive(Clone, Debug)]
pub struct Gives {
    /// The status.
    pub status: u16,
    /// What it means, as a sentence.
    pub meaning: &'static str,
    /// What the body is.
    pub shape: Shape,
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub enum Shape {
    /// No body.
    Nothing,
    /// `{"detail": …}` with that sentence, and the code that a problem has instead.
    Says(String, &'static str),
    /// A value with a name of its own among the document's components.
    Named {
        /// The name, in the form of a type: `User`.
        name: &'static str,
        /// Its schema (JSON Schema, draft 2020-12).
        schema: Value,
        /// A value that fits.
        example: Option<Value>,
    },
    /// An array of these.
    List(Box<Shape>),
}

impl Gives {
    /// No body.
    pub fn nothing(status: u16, meaning: &'static str) -> Self {
        Self { status, meaning, shape: Shape::Nothing }
    }

    /// `{"detail": …}` with that sentence.
    pub fn says(status: u16, meaning: &'static str, message: &Message) -> Self {
        Self { status, meaning, shape: Shape::Says(message.text().into_owned(), message.code()) }
    }

    /// `{"detail": "ok"}`.
    pub fn ok(meaning: &'static str) -> Self {
        Self { status: 200, meaning, shape: Shape::Says("ok".to_owned(), "ok") }
    }

    /// An object with the fields of a form, all of them.
    pub fn form(status: u16, meaning: &'static str, name: &'static str, form: &Form) -> Self {
        Self { status, meaning, shape: Shape::form(name, form) }
    }

    /// A value of that schema. `name` is a type of its own in generated clients; one name has one schema.
    pub fn named(status: u16, meaning: &'static str, name: &'static str, schema: Value, example: Value) -> Self {
        Self { status, meaning, shape: Shape::Named { name, schema, example: Some(example) } }
    }

    /// An array of that.
    #[must_use]
    pub fn listed(mut self) -> Self {
        self.shape = Shape::List(Box::new(self.shape));
        self
    }

    /// What opens a session: a key, or the tokens that the settings call for.
    pub fn session(status: u16, meaning: &'static str, auth: &Auth) -> Self {
        Self { status, meaning, shape: Shape::session(auth) }
    }
}

impl Shape {
    /// An object with the fields of a form, all of them.
    pub fn form(name: &'static str, form: &Form) -> Self {
        Self::Named { name, schema: form.schema_given(), example: form.example_given() }
    }

    fn session(auth: &Auth) -> Self {
        match auth.settings.tokens.mode {
            TokenMode::Opaque => Self::key(),
            TokenMode::Jwt | TokenMode::JwtCookie => Self::tokens(auth),
        }
    }

    fn key() -> Self {
        let key = json!({
            "type": "string",
            "description": "The key of the new session. It is shown this once: send it as `Authorization: Token …`.",
        });
        Self::Named {
            name: "Key",
            schema: json!({ "type": "object", "properties": { "key": key }, "required": ["key"] }),
            example: Some(json!({ "key": "8d2f0c5b6a1e4f7d9c3b2a1908f7e6d5c4b3a291" })),
        }
    }

    fn tokens(auth: &Auth) -> Self {
        let mut schema = json!({ "type": "object", "properties": {
            "access": access(),
            "user": auth.shapes.details.schema_given(),
            "refresh": {
                "type": "string",
                "description": "The refresh token, for `token/refresh/`; empty where a cookie that no script can read carries it.",
            },
        }, "required": ["access", "user", "refresh"] });
        if auth.settings.jwt.return_expiration {
            expirations(&mut schema);
        }
        // What a token is made of says nothing, so the example is none.
        Self::Named { name: "Tokens", schema, example: None }
    }
}

fn access() -> Value {
    json!({ "type": "string", "description": "The access token: send it as `Authorization: Bearer …`." })
}

/// The members that tell when tokens expire. Not every answer has them.
fn expirations(schema: &mut Value) {
    for (name, ends) in [("access_expiration", "access"), ("refresh_expiration", "refresh")] {
        let description = format!("When the {ends} token expires.");
        schema["properties"][name] = json!({ "type": "string", "format": "date-time", "description": description });
    }
}

impl Gives {
    /// The pair with which a session goes on.
    pub fn refreshed(meaning: &'static str, auth: &Auth) -> Self {
        let refresh = "The refresh token that comes next; not there where it stays the same, or where a cookie carries it.";
        let mut schema = json!({ "type": "object", "properties": {
            "access": access(),
            "refresh": { "type": "string", "description": refresh },
        }, "required": ["access"] });
        expirations(&mut schema);
        let hidden = auth.settings.tokens.mode == TokenMode::JwtCookie && auth.settings.jwt.cookie_http_only;
        if hidden && let Some(properties) = schema["properties"].as_object_mut() {
            properties.remove("refresh");
            properties.remove("refresh_expiration");
        }
        Self { status: 200, meaning, shape: Shape::Named { name: "Refreshed", schema, example: None } }
    }
}
