//! `/.well-known/jwks.json`: the public keys, for services that verify access tokens themselves (RFC 7517 §5).

use axum::body::Body;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use serde_json::json;

use crate::accounts::Auth;
use crate::accounts::signing::rotation::PUBLISHED_FOR;
use crate::ground::secrets::Digest;

use super::render;

/// The path, at the root whatever the base path is.
pub const PATH: &str = "/.well-known/jwks.json";

/// Answers with the keys that count and those that will sign soon. They are for everybody: any page may read them, no cookie is
/// looked at, and a cache may keep them as long as a new key waits before it signs.
pub async fn answer(auth: &Auth, method: &Method, headers: &HeaderMap) -> Response<Body> {
    let keys = match &auth.signing {
        Some(signing) => signing.public_keys().await,
        None => Vec::new(),
    };
    let body = json!({ "keys": keys }).to_string();
    let tag = format!("\"{}\"", hex::encode(&Digest::of(body.as_bytes()).as_bytes()[..16]));
    let is_known = headers.get_all(header::IF_NONE_MATCH).iter().any(|known| names(known, &tag));
    let body = if is_known || method == Method::HEAD { Body::empty() } else { Body::from(body) };
    let mut response = render::secured(Response::new(body), auth);
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    put(headers, header::CACHE_CONTROL, &format!("public, max-age={}", PUBLISHED_FOR.as_secs()));
    put(headers, header::ETAG, &tag);
    response
}

/// Whether an `If-None-Match` names that tag (RFC 9110 §13.1.2).
fn names(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    known.split(',').map(str::trim).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
