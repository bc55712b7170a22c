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

    /// A new pair for a refresh token.
    pub fn refreshed(auth: &Auth) -> Self {
        let text = |what: &str| json!({ "type": "string", "description": what });
        let at = |what: &str| json!({ "type": "string", "format": "date-time", "description": what });
        let schema = json!({
            "type": "object",
            "required": ["access", "access_expiration"],
            "properties": {
                "access": text("The new access token."),
                "access_expiration": at("When it expires."),
                "refresh": text("The new refresh token; absent where the old one goes on, or where a cookie carries it."),
                "refresh_expiration": at("When that expires."),
            },
        });
        let mut example = json!({ "access": "eyJ…", "access_expiration": "2026-01-01T00:05:00.000000Z" });
        if auth.settings.tokens.mode == TokenMode::Jwt && auth.settings.jwt.rotate_refresh {
            (example["refresh"], example["refresh_expiration"]) = (json!("eyJ…"), json!("2026-01-08T00:00:00.000000Z"));
        }
        Self::named(200, "A new access token, and a new refresh token where they are used up.", "Refreshed", schema, example)
    }

    /// `{"detail": …, "code": …}` about a token that does not count.
    pub fn not_valid(status: u16, meaning: &'static str, message: &Message) -> Self {
        let text = json!({ "type": "string" });
        let schema = json!({
            "type": "object", "required": ["detail", "code"], "properties": { "detail": text, "code": text },
        });
        Self::named(status, meaning, "TokenNotValid", schema, json!({ "detail": message.text(), "code": message.code() }))
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
        let user = auth.shapes.details.schema_given();
        let mut properties = json!({
            "access": { "type": "string", "description": "The access token: send it as `Authorization: Bearer …`." },
            "refresh": {
                "type": "string",
                "description": "The refresh token, for `token/refresh/`; empty where a cookie that no script can read carries it.",
            },
            "user": user,
        });
        let mut example = json!({ "access": "eyJ…", "refresh": "eyJ…", "user": auth.shapes.details.example_given() });
        if auth.settings.jwt.return_expiration {
            for (name, ends) in [("access_expiration", "access"), ("refresh_expiration", "refresh")] {
                let description = format!("When the {ends} token expires.");
                properties[name] = json!({ "type": "string", "format": "date-time", "description": description });
                example[name] = json!("2026-01-01T00:05:00Z");
            }
        }
        // A registration tells no ends of tokens.
        let schema = json!({ "type": "object", "properties": properties, "required": ["access", "refresh", "user"] });
        Self::Named { name: "Tokens", schema, example: Some(example) }
    }
}
