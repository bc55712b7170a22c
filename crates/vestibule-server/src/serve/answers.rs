//! The answers that are given before or instead of the router's, and the headers that none goes without.

use axum::body::Body;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{Response, StatusCode};
use vestibule::ground::{Entropy, Message};

/// The header by which a client tells us which of our answers it means.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The headers that every answer has (T78).
const STANDING: [(HeaderName, &str); 5] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (VARY, "Accept, Accept-Language, Authorization, Cookie, Origin"),
];

/// As the library says it; see its `http::render`.
const STAY_ENCRYPTED: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// `{"detail": "…"}`; [`complete`] adds the rest.
pub(super) fn detail(status: StatusCode, message: &Message) -> Response<Body> {
    let mut response = Response::new(Body::from(json(message)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn json(message: &Message) -> String {
    serde_json::json!({ "detail": message.text() }).to_string()
}

/// The answer with everything that it lacks. An endpoint's own lacks nothing, and shows that by its request id.
pub(super) fn complete<B>(mut response: Response<B>, https: bool) -> Response<B> {
    let headers = response.headers_mut();
    if headers.contains_key(REQUEST_ID) {
        return response;
    }
    for (name, value) in STANDING {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https {
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(STAY_ENCRYPTED);
    }
    if let Ok(id) = HeaderValue::try_from(request_id()) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// A name for a request that never reached an endpoint.
pub(super) fn request_id() -> String {
    Entropy::System.bytes::<8>().map_or_else(|_| "unknown".to_owned(), hex::encode)
}

/// The answer with that id, for what the log has told of under it.
pub(super) fn named(mut response: Response<Body>, id: &str, https: bool) -> Response<Body> {
    response = complete(response, https);
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// What goes over the line for a request that hyper could not read: as any other refusal, and the connection's last.
pub(super) fn last_words(hypers: &[u8], first_line_only: bool, https: bool) -> Option<Bytes> {
    let head = hypers.strip_prefix(b"HTTP/1.1 4")?;
    if head.windows(REQUEST_ID.as_str().len()).any(|part| part == REQUEST_ID.as_str().as_bytes()) {
        return None;
    }
    let (status, message) = match head.get(..2)? {
        b"31" if first_line_only => (StatusCode::URI_TOO_LONG, Message::UriTooLong),
        b"14" => (StatusCode::URI_TOO_LONG, Message::UriTooLong),
        b"31" => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Message::HeadTooLarge),
        _ => (StatusCode::BAD_REQUEST, Message::RequestUnreadable),
    };
    super::meters::refused(status);
    let body = json(&message);
    let response = complete(detail(status, &message), https);
    let mut text = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in response.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
    }
    Some(Bytes::from(text + "\r\n" + &body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t78_what_hyper_refuses_by_itself_has_a_body_and_all_headers() {
        let hypers = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        for (first_line_only, status) in [(false, "431 "), (true, "414 ")] {
            let words = last_words(hypers, first_line_only, true).unwrap();
            let text = std::str::from_utf8(&words).unwrap();
            assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
            for (name, value) in STANDING {
                assert!(text.contains(&format!("\r\n{name}: {value}\r\n")), "{name} in {text}");
            }
            assert!(text.contains("\r\nstrict-transport-security: max-age=") && text.contains("\r\nx-request-id: "), "{text}");
            let (_, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(text.contains(&format!("content-length: {}\r\n", body.len())));
            assert!(serde_json::from_str::<serde_json::Value>(body).unwrap()["detail"].is_string());
        }
    }

    #[test]
    fn an_answer_of_our_own_goes_out_as_it_is() {
        assert_eq!(last_words(b"HTTP/1.1 404 Not Found\r\nx-request-id: 1\r\n\r\n", false, false), None);
        assert_eq!(last_words(b"HTTP/1.1 200 OK\r\n\r\n", false, false), None);
        assert_eq!(last_words(b"{\"detail\"", false, false), None);
    }
}
