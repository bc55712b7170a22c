//! What the provider answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::{Asked, CLIENT, Dialect, Fault, Grant, SECRET, Shared, State, change, locked, signing};

type Members = BTreeMap<String, String>;

/// Answers one request.
pub(super) async fn answer(shared: Arc<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let path = parts.uri.path();
    let query = members(parts.uri.query().unwrap_or_default().as_bytes());
    if path.ends_with("/authorize") {
        return match authorize(&mut locked(&shared), query) {
            Ok(back) => (StatusCode::FOUND, [(LOCATION, back)]).into_response(),
            Err(what) => (StatusCode::BAD_REQUEST, what).into_response(),
        };
    }
    let asked = match path {
        "/.well-known/openid-configuration" => Asked::Description,
        "/keys" => Asked::Keys,
        "/token" | "/login/oauth/access_token" => Asked::Token,
        "/userinfo" | "/user" => Asked::Userinfo,
        "/user/emails" => Asked::Addresses,
        "/tokeninfo" | "/introspect" => Asked::Audience,
        _ if path.starts_with("/applications/") => Asked::Audience,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let fault = {
        let mut state = locked(&shared);
        *state.asked.entry(asked).or_default() += 1;
        state.script.faults.get(&asked).cloned()
    };
    match fault {
        Some(Fault::Redirect(to)) => return (StatusCode::FOUND, [(LOCATION, to)]).into_response(),
        Some(Fault::Endless) => return (StatusCode::OK, Body::new(Endless)).into_response(),
        Some(Fault::Huge(size)) => return (StatusCode::OK, vec![b' '; size]).into_response(),
        Some(Fault::Status(status)) => return StatusCode::from_u16(status).unwrap_or_default().into_response(),
        Some(Fault::Slow(wait)) => tokio::time::sleep(wait).await,
        Some(Fault::ManyKeys(_)) | None => {}
    }
    let others = if let Some(Fault::ManyKeys(others)) = fault { others } else { 0 };
    let (status, value) = say(&shared, asked, path, &query, &parts.headers, &body, others);
    (status, [(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

fn say(
    shared: &Shared,
    asked: Asked,
    path: &str,
    query: &Members,
    headers: &HeaderMap,
    body: &Bytes,
    others: usize,
) -> (StatusCode, Value) {
    let mut state = locked(shared);
    match asked {
        Asked::Description => (StatusCode::OK, description(shared, &state)),
        Asked::Keys => (StatusCode::OK, signing::document(others)),
        Asked::Token => token(shared, &mut state, headers, &members(body)),
        Asked::Userinfo => match person(&state, headers) {
            Some(person) => (StatusCode::OK, Value::Object(person)),
            None => (StatusCode::UNAUTHORIZED, json!({ "message": "Bad credentials" })),
        },
        Asked::Addresses => match person(&state, headers) {
            Some(person) => (StatusCode::OK, addresses(&state, &person)),
            None => (StatusCode::UNAUTHORIZED, json!({ "message": "Bad credentials" })),
        },
        Asked::Audience => audience(&state, path, query, headers, body),
    }
}

fn description(shared: &Shared, state: &State) -> Value {
    let url = &shared.url;
    let mut document = json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"), "jwks_uri": format!("{url}/keys"),
        "introspection_endpoint": format!("{url}/introspect"), "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256", "RS256", "EdDSA"],
        "scopes_supported": ["openid", "email", "profile"],
    });
    if let Some(members) = document.as_object_mut() {
        change(members, &state.script.description);
    }
    document
}

/// The address that a browser is sent back to.
pub(super) fn authorize(state: &mut State, query: Members) -> Result<String, String> {
    state.visits.push(query.clone());
    if query.get("client_id").map(String::as_str) != Some(CLIENT) {
        return Err("nobody knows this client".into());
    }
    let redirect = query.get("redirect_uri").ok_or("redirect_uri is missing")?;
    let mut back = url::Url::parse(redirect).map_err(|error| format!("redirect_uri: {error}"))?;
    let mut answer: Vec<(String, String)> =
        query.get("state").map(|state| ("state".to_owned(), state.clone())).into_iter().collect();
    if let Some(error) = &state.script.refuses {
        answer.push(("error".into(), error.clone()));
    } else {
        let code = state.name("code");
        let get = |name: &str| query.get(name).cloned();
        let person = state.script.person.clone();
        let grant = Grant { redirect: get("redirect_uri"), challenge: get("code_challenge"), nonce: get("nonce"), person };
        state.codes.insert(code.clone(), grant);
        answer.push(("code".into(), code));
    }
    for (name, value) in &state.script.answer {
        answer.retain(|(other, _)| other != name);
        answer.push((name.clone(), value.clone()));
    }
    back.query_pairs_mut().extend_pairs(answer);
    Ok(back.into())
}

fn token(shared: &Shared, state: &mut State, headers: &HeaderMap, form: &Members) -> (StatusCode, Value) {
    let refuse = |error: &str| match shared.dialect {
        Dialect::GitHub => (StatusCode::OK, json!({ "error": error, "error_description": "It does not count." })),
        _ => (StatusCode::BAD_REQUEST, json!({ "error": error })),
    };
    if !is_client(headers, form) {
        return match shared.dialect {
            Dialect::GitHub => refuse("incorrect_client_credentials"),
            _ => (StatusCode::UNAUTHORIZED, json!({ "error": "invalid_client" })),
        };
    }
    let bad = if shared.dialect == Dialect::GitHub { "bad_verification_code" } else { "invalid_grant" };
    let Some(grant) = form.get("code").and_then(|code| state.codes.remove(code)) else { return refuse(bad) };
    let hash = |verifier: &String| URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    let verified = grant.challenge == form.get("code_verifier").map(hash);
    let redirected = grant.redirect.is_none() || grant.redirect.as_ref() == form.get("redirect_uri");
    if !verified || !redirected || form.get("redirect_uri").is_none() {
        return refuse(bad);
    }
    let access = state.name("access");
    state.access.insert(access.clone(), (CLIENT.into(), grant.person.clone()));
    let mut answer = json!({ "access_token": access, "token_type": "bearer", "expires_in": 3600 });
    if shared.dialect != Dialect::GitHub {
        answer["refresh_token"] = state.name("refresh").into();
        answer["id_token"] = id_token(shared, state, &grant.person, grant.nonce.as_deref()).into();
    }
    (StatusCode::OK, answer)
}

/// The client by HTTP Basic, or in the form.
fn is_client(headers: &HeaderMap, form: &Members) -> bool {
    let written = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", written(CLIENT), written(SECRET))));
    let in_form = |name: &str| form.get(name).map(String::as_str);
    headers.get(AUTHORIZATION).is_some_and(|value| value.as_bytes() == basic.as_bytes())
        || (in_form("client_id"), in_form("client_secret")) == (Some(CLIENT), Some(SECRET))
}

/// An ID token for somebody.
pub(super) fn id_token(shared: &Shared, state: &mut State, person: &Map<String, Value>, nonce: Option<&str>) -> String {
    let now = state.clock.now().millis() / 1000;
    let mut claims = person.clone();
    if state.script.bare_id_tokens {
        claims.retain(|name, _| name == "sub");
    }
    let made = state.name("token");
    let usual = json!({ "iss": shared.url, "aud": CLIENT, "iat": now, "exp": now + 3600, "jti": made, "nonce": nonce });
    change(&mut claims, usual.as_object().unwrap_or(&Map::new()));
    change(&mut claims, &state.script.claims);
    signing::token(state.script.signing, &claims)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn person(state: &State, headers: &HeaderMap) -> Option<Map<String, Value>> {
    state.access.get(bearer(headers)?).map(|(_, person)| person.clone())
}

fn addresses(state: &State, person: &Map<String, Value>) -> Value {
    state.script.addresses.clone().unwrap_or_else(|| {
        let verified = person.get("email_verified").cloned().unwrap_or(Value::Bool(false));
        json!([{ "email": person.get("email"), "primary": true, "verified": verified, "visibility": "private" }])
    })
}

fn audience(state: &State, path: &str, query: &Members, headers: &HeaderMap, body: &Bytes) -> (StatusCode, Value) {
    let form = members(body);
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let token = query.get("access_token").or_else(|| form.get("token")).map(String::as_str).or(json["access_token"].as_str());
    let found = token.and_then(|token| state.access.get(token));
    match (path, found) {
        ("/introspect", _) if !is_client(headers, &form) => (StatusCode::UNAUTHORIZED, json!({ "error": "invalid_client" })),
        ("/introspect", found) => {
            (StatusCode::OK, json!({ "active": found.is_some(), "client_id": found.map(|(client, _)| client) }))
        }
        ("/tokeninfo", Some((client, _))) => (StatusCode::OK, json!({ "aud": client, "azp": client })),
        ("/tokeninfo", None) => (StatusCode::BAD_REQUEST, json!({ "error": "invalid_token" })),
        // GitHub knows a token only at the address of the client that it was made for.
        (path, Some((client, _))) if is_client(headers, &form) && path == format!("/applications/{client}/token") => {
            (StatusCode::OK, json!({ "app": { "client_id": client } }))
        }
        _ => (StatusCode::NOT_FOUND, json!({ "message": "Not Found" })),
    }
}

fn members(text: &[u8]) -> Members {
    form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// A body that goes on for as long as anybody reads it.
struct Endless;

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(&[b' '; 4096])))))
    }
}
