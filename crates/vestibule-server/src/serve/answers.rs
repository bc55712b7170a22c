//! The answers that are given before or instead of the router's.

use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use vestibule::ground::Message;

/// `{"detail": "…"}` with the headers that every answer has (T78).
pub(crate) fn detail(status: StatusCode, message: &Message) -> Response<Body> {
    let body = serde_json::json!({ "detail": message.text() }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
