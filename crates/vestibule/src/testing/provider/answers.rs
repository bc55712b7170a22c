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

use crate::social::kinds::ClientProof;

use super::places::Places;
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
    let Some(asked) = wanted(&shared, path) else { return StatusCode::NOT_FOUND.into_response() };
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

/// What is asked for at that path.
fn wanted(shared: &Shared, path: &str) -> Option<Asked> {
    if let Some(places) = &shared.places {
        return places.asked(path);
    }
    match path {
        "/.well-known/openid-configuration" => Some(Asked::Description),
        "/keys" => Some(Asked::Keys),
        "/token" | "/login/oauth/access_token" => Some(Asked::Token),
        "/userinfo" | "/user" => Some(Asked::Userinfo),
        "/user/emails" => Some(Asked::Addresses),
        "/tokeninfo" | "/introspect" => Some(Asked::Audience),
        _ if path.starts_with("/applications/") => Some(Asked::Audience),
        _ => None,
    }
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
        Asked::Audience => match &shared.places {
            Some(places) => audience_of(places, &state, query, headers),
            None => audience(&state, path, query, headers, body),
        },
    }
}

fn description(shared: &Shared, state: &State) -> Value {
    let url = &shared.url;
    let mut document = json!({
        "issuer": shared.issuer, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
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
    state.exchanges.push(form.clone());
    let refusal = state.script.refusal.clone();
    let refuse = |error: &str| match (shared.dialect, &refusal) {
        (_, Some((status, value))) => (StatusCode::from_u16(*status).unwrap_or_default(), value.clone()),
        (Dialect::GitHub, _) => (StatusCode::OK, json!({ "error": error, "error_description": "It does not count." })),
        _ => (StatusCode::BAD_REQUEST, json!({ "error": error })),
    };
    if !is_client_of(shared, headers, form) {
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
    }
    let speaks_openid = shared.places.as_ref().map_or(shared.dialect != Dialect::GitHub, Places::speaks_openid);
    if speaks_openid {
        answer["id_token"] = id_token(shared, state, &grant.person, grant.nonce.as_deref()).into();
    }
    if let Some(members) = answer.as_object_mut() {
        change(members, &state.script.tokens);
    }
    (StatusCode::OK, answer)
}

/// The client, proven in the one way that its kind takes, where that is known. A secret that the client signs is taken as it comes:
/// [`super::Provider::exchanges`] shows it.
fn is_client_of(shared: &Shared, headers: &HeaderMap, form: &Members) -> bool {
    let has_secret = form.contains_key("client_secret");
    match shared.places.as_ref().map(|places| places.kind.client) {
        Some(ClientProof::Basic) => !has_secret && is_client(headers, form),
        Some(ClientProof::Body) => !headers.contains_key(AUTHORIZATION) && is_client(headers, form),
        Some(ClientProof::Signed) => has_secret && form.get("client_id").map(String::as_str) == Some(CLIENT),
        Some(ClientProof::Described) | None => is_client(headers, form),
    }
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
    let tenant = claims.get("tid").and_then(Value::as_str).unwrap_or_default();
    let issuer = shared.issuer.replace("{tenantid}", tenant);
    let usual = json!({ "iss": issuer, "aud": CLIENT, "iat": now, "exp": now + 3600, "jti": made, "nonce": nonce });
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

/// The same as a known kind tells it: to the token in a header of any scheme, or in the query, there with the client's own name and
/// secret (Facebook).
fn audience_of(places: &Places, state: &State, query: &Members, headers: &HeaderMap) -> (StatusCode, Value) {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
    let own = format!("{CLIENT}|{SECRET}");
    let token = match query.get("input_token") {
        Some(token) => Some(token.as_str()).filter(|_| query.get("access_token") == Some(&own)),
        None => header.map(|(_, token)| token),
    };
    match token.and_then(|token| state.access.get(token)) {
        Some((client, _)) => (StatusCode::OK, places.audience(client)),
        None => (StatusCode::UNAUTHORIZED, json!({ "message": "invalid access token" })),
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
