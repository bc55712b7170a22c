//! How a client shows whose session it is.

use serde_json::{Map, Value, json};

use crate::http::{Endpoint, Guard};
use crate::settings::{Settings, TokenMode};

/// What a client does with what a login gave it.
pub(super) fn about(settings: &Settings) -> &'static str {
    match settings.tokens.mode {
        TokenMode::Opaque => "A login gives a key. Send it as `Authorization: Token <key>` or `Authorization: Bearer <key>`.",
        TokenMode::Jwt => {
            "A login gives an access and a refresh token. Send the access token as `Authorization: Bearer <token>`."
        }
        TokenMode::JwtCookie => {
            "A login sets an access and a refresh token as cookies. A client that keeps no cookies sends the access token as \
             `Authorization: Bearer <token>`."
        }
    }
}

/// The security schemes of these settings, by name.
pub(super) fn schemes(settings: &Settings) -> Map<String, Value> {
    let mut out = Map::new();
    match settings.tokens.mode {
        TokenMode::Opaque => {
            out.insert(
                "bearer".into(),
                json!({ "type": "http", "scheme": "bearer", "description": "The key that a login gave." }),
            );
            let token = "The word `Token`, a space, and the key that a login gave.";
            out.insert(
                "token".into(),
                json!({ "type": "apiKey", "in": "header", "name": "Authorization", "description": token }),
            );
        }
        TokenMode::Jwt | TokenMode::JwtCookie => {
            let bearer = "The access token that a login gave.";
            out.insert(
                "bearer".into(),
                json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": bearer }),
            );
        }
    }
    if settings.tokens.mode == TokenMode::JwtCookie {
        let cookie = "The access token, as a login set it.";
        out.insert(
            "accessCookie".into(),
            json!({ "type": "apiKey", "in": "cookie", "name": settings.access_cookie(), "description": cookie }),
        );
    }
    if settings.session_cookie() {
        let cookie = "The session, as a login set it for this browser.";
        out.insert(
            "sessionCookie".into(),
            json!({ "type": "apiKey", "in": "cookie", "name": settings.session_cookie_name(), "description": cookie }),
        );
    }
    out
}

/// Which of them an endpoint wants: any one. Where nobody needs a session but one counts, none is one of the choices.
pub(super) fn wanted(settings: &Settings, endpoint: &Endpoint) -> Value {
    let all = schemes(settings).into_iter().map(|(name, _)| json!({ name: [] }));
    match endpoint.guard {
        Guard::Anybody if endpoint.forgiving => json!([]),
        Guard::Anybody => all.chain([json!({})]).collect(),
        Guard::User | Guard::Staff => all.collect(),
    }
}
