//! `token/verify/`, `token/refresh/` and `token/introspect/` over HTTP.

use ::http::Method;
use serde_json::json;

use crate::accounts::{Auth, pairs, refresh};
use crate::forms::{Field, Form, Kind};
use crate::ground::{Error, Message, Result};
use crate::http::{self, Answer, Call, Endpoint, Gives, Guard, Operation};

use super::introspect;

/// `POST token/verify/`.
pub fn verify(_: &Auth) -> Endpoint {
    let nothing = Gives::named(200, "The token counts.", "Empty", json!({ "type": "object" }), json!({}));
    Endpoint::new("token/verify", "Token Verify").described("Tells whether a token counts now.").forgiving().with(
        Operation::new(Method::POST, |call| Box::pin(post_verify(call)))
            .called("verifyToken", "Ask whether a token counts")
            .taking(one("token"))
            .changing_nothing()
            .gives(nothing)
            .gives(Gives::says(401, "The token does not count, or it counts no more.", &Message::JwtInvalid)),
    )
}

/// `POST token/refresh/`, with the token in the body or in its cookie.
pub fn refresh(auth: &Auth) -> Endpoint {
    let form = Form::new(vec![Field::new("refresh", Kind::Password).optional().helped("Counts before the cookie.")]);
    Endpoint::new("token/refresh", "Token Refresh")
        .described("Gives a new access token for a refresh token, which its successor uses up.")
        .forgiving()
        .spending_cookies()
        .with(
            Operation::new(Method::POST, |call| Box::pin(post_refresh(call)))
                .called("refreshToken", "Get new tokens for a refresh token")
                .taking(form)
                .gives(Gives::refreshed("The session goes on.", auth))
                .gives(Gives::says(401, "The refresh token is missing, or it counts no more.", &Message::JwtInvalid)),
        )
}

/// `POST token/introspect/` (RFC 7662).
pub fn introspection(_: &Auth) -> Endpoint {
    Endpoint::new("token/introspect", "Token Introspection")
        .described("Tells what a token says and whether it counts now: to staff of every token, to others of their own.")
        .guarded(Guard::User)
        .with(
            Operation::new(Method::POST, |call| Box::pin(post_introspect(call)))
                .called("introspectToken", "Ask what a token says")
                .taking(one("token"))
                .gives(told()),
        )
}

fn told() -> Gives {
    let text = || json!({ "type": "string" });
    let schema = json!({
        "type": "object",
        "required": ["active"],
        "properties": {
            "active": { "type": "boolean", "description": "Whether it counts now. Where it does not, nothing else is told." },
            "token_type": { "type": "string", "enum": ["key", "access", "refresh"] },
            "sub": { "type": "string", "description": "The account's key." },
            "username": text(), "sid": text(), "jti": text(), "iss": text(),
            "aud": { "type": ["string", "array"], "items": text() },
            "iat": { "type": "integer" }, "exp": { "type": "integer" },
        },
    });
    Gives::named(200, "What the token says (RFC 7662).", "Introspection", schema, json!({ "active": false }))
}

fn one(name: &str) -> Form {
    Form::new(vec![Field::new(name, Kind::Password)])
}

async fn post_verify(call: Call) -> Result<Answer> {
    let values = call.values()?;
    let token = values.secret("token").ok_or_else(|| Error::field("token", Message::Required))?;
    pairs::verify(&call.auth, token.expose()).await?;
    Ok(Answer::json(200, json!({})))
}

async fn post_refresh(call: Call) -> Result<Answer> {
    let token = call.values()?.secret("refresh").cloned().or_else(|| call.refresh_cookie());
    let token = token.ok_or(Error::Refused(401, Message::RefreshMissing))?;
    let (pair, session_ends) = refresh::refresh(&call.auth, &call.who, &token).await?;
    Ok(http::refreshed(&call.auth, session_ends, &pair))
}

async fn post_introspect(call: Call) -> Result<Answer> {
    let values = call.values()?;
    let token = values.secret("token").ok_or_else(|| Error::field("token", Message::Required))?;
    Ok(Answer::json(200, introspect::introspect(&call.auth, call.caller()?, token).await?))
}
