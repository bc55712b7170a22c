//! The body of a request, read into [`Input`]: bounded, never decompressed, and refused when it says one thing twice.
//!
//! Error sentences carry no byte of the body: any member may be a password (T81).

mod form;
mod json;
mod multipart;

use std::collections::HashSet;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError};

use crate::forms::{Input, Source, Value};
use crate::ground::{Error, Message, Result};

/// The most fields that a form may have (T73).
const MAX_FIELDS: usize = 1000;

/// The most characters of a header that an error sentence repeats.
const MAX_ECHO: usize = 100;

/// What `Content-Type` says of the body.
enum Kind {
    Json,
    UrlEncoded,
    Multipart(String),
    Other(String),
}

/// Reads a body of at most `max` bytes.
///
/// # Errors
/// [`Error::Refused`] with 413 over `max` bytes (announced or sent), with 415 for a content encoding or for a non-empty body
/// of another type, with 400 for a body that cannot be read or that repeats a name (T73, T75); [`Error::Fields`] for JSON
/// that is not an object.
pub async fn read(headers: &HeaderMap, body: Body, max: usize) -> Result<Input> {
    if body.is_end_stream() && ![CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LENGTH].iter().any(|name| headers.contains_key(name)) {
        return Ok(Input::new(Source::Json, Vec::new()));
    }
    refuse_encoding(headers)?;
    let kind = Kind::of(headers);
    let bytes = collect(headers, body, max).await?;
    if bytes.is_empty() {
        return Ok(Input::new(kind.source(), Vec::new()));
    }
    match kind {
        Kind::Json => json::read(&bytes),
        Kind::UrlEncoded => form::read(&bytes),
        // Rare and large: in a box, so that it is not part of every request's future.
        Kind::Multipart(content_type) => Box::pin(multipart::read(&content_type, bytes)).await,
        Kind::Other(sent) => Err(Error::Refused(415, Message::UnsupportedMediaType(sent))),
    }
}

/// Reads a body that was sent as JSON, wherever it stood.
///
/// # Errors
/// As [`read`].
pub(super) fn json(bytes: &[u8]) -> Result<Input> {
    json::read(bytes)
}

/// Whether the headers announce a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    matches!(Kind::of(headers), Kind::UrlEncoded | Kind::Multipart(_))
}

impl Kind {
    fn of(headers: &HeaderMap) -> Self {
        let sent = joined(headers, CONTENT_TYPE);
        // Two readers may choose differently among two types, so two are none.
        if headers.get_all(CONTENT_TYPE).iter().count() > 1 {
            return Self::Other(shortened(&sent));
        }
        let essence = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Self::Json,
            "application/x-www-form-urlencoded" => Self::UrlEncoded,
            "multipart/form-data" => Self::Multipart(sent),
            _ => Self::Other(shortened(&sent)),
        }
    }

    fn source(&self) -> Source {
        match self {
            Self::UrlEncoded | Self::Multipart(_) => Source::Form,
            Self::Json | Self::Other(_) => Source::Json,
        }
    }
}

/// No request is decompressed: ten mebibytes may stand for ten gibibytes (T73).
fn refuse_encoding(headers: &HeaderMap) -> Result<()> {
    let sent = joined(headers, CONTENT_ENCODING);
    if sent.split(',').map(str::trim).all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case("identity")) {
        return Ok(());
    }
    Err(Error::Refused(415, Message::UnsupportedEncoding(shortened(&sent))))
}

async fn collect(headers: &HeaderMap, mut body: Body, max: usize) -> Result<Bytes> {
    let too_large = || Error::Refused(413, Message::BodyTooLarge(max));
    if announces_more_than(headers, max) || body.size_hint().lower() > max as u64 {
        return Err(too_large());
    }
    // Copied into one buffer: a list of one-byte chunks would take fifty times what was sent.
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| if is_length_limit(&error) { too_large() } else { incomplete() })?;
        let Ok(chunk) = frame.into_data() else { continue };
        if chunk.len() > max - bytes.len() {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn announces_more_than(headers: &HeaderMap, max: usize) -> bool {
    headers.get_all(CONTENT_LENGTH).iter().filter_map(|value| value.to_str().ok()).any(|length| {
        // Digits that do not fit are a length too, only a larger one.
        let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        digits && length.parse::<u64>().map_or(true, |length| length > max as u64)
    })
}

fn incomplete() -> Error {
    Error::Refused(400, Message::BodyIncomplete)
}

/// Whether a layer of the host's has cut the body at a limit of its own.
fn is_length_limit(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<LengthLimitError>())
}

fn joined(headers: &HeaderMap, name: http::HeaderName) -> String {
    let lines: Vec<_> = headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    lines.join(", ")
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_ECHO).collect()
}

/// Whether two members share a name: whoever reads the first and whoever reads the last would disagree (T20, T75).
fn repeats_a_name(members: &[(String, Value)]) -> bool {
    let mut seen = HashSet::with_capacity(members.len());
    !members.iter().all(|(name, _)| seen.insert(name.as_str()))
}

/// A form's value: text if it is UTF-8.
fn value_of(bytes: Vec<u8>) -> Value {
    String::from_utf8(bytes).map_or(Value::NotUtf8, Value::Text)
}

#[cfg(test)]
mod tests;
