//! Mails posted to a delivery service.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;

use crate::outgoing::{Bounds, Outgoing, Plain, Reach, Trouble, tls};
use crate::settings::HttpTransport;

use super::message::Letter;
use super::{SendError, reply};

mod body;

use body::Template;

/// How long a connection to the service may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long the service may take to answer, from the first byte to the last.
const ANSWER: Duration = Duration::from_secs(20);

/// The most bytes of an answer that are read; no more than its beginning is for people.
const LARGEST: usize = 16 * 1024;

/// A delivery service.
pub(super) struct Http {
    out: Outgoing,
    url: Uri,
    headers: HeaderMap,
    template: Template,
}

impl Http {
    /// The service of the settings. Nothing is connected yet, but the template is read and tried.
    pub(super) fn new(settings: &HttpTransport) -> Result<Self, String> {
        let url = settings.url.as_ref().ok_or("email.http.url: is not set")?;
        let url: Uri = url.expose().parse().map_err(|_| "email.http.url: is no URL")?;
        let headers = headers(settings)?;
        let template = Template::read(settings.body_template.as_deref(), headers.get(CONTENT_TYPE))?;
        Ok(Self { out: out(&url)?, url, headers, template })
    }

    /// Posts one mail. A redirect is not followed: the mail and the service's key would go where nobody told them to.
    pub(super) async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let body = self.template.render(&letter.mail, &letter.from).map_err(SendError::Later)?;
        let request = Request::post(self.url.clone()).body(Full::new(Bytes::from(body)));
        let mut request = request.map_err(|error| SendError::Transport(format!("the mail service: {error}")))?;
        request.headers_mut().extend(self.headers.clone());
        let answer = self.out.send(request).await.map_err(|trouble| broken(&trouble))?;
        if answer.status.is_success() {
            return Ok(());
        }
        // What is too long or cut off is not worth more: the status is the answer.
        let said = answer.body.unwrap_or_default();
        Err(judged(answer.status, &reply::shown(&String::from_utf8_lossy(&said), &letter.mail)))
    }
}

/// Whose fault a refusal is. Wrong keys, paths and rates (401 to 405, 408, 429) would meet every mail, so none is given up for them.
fn judged(status: StatusCode, said: &str) -> SendError {
    let what = format!("the mail service answered {} {said}", status.as_u16());
    match status.as_u16() {
        401..=405 | 407 | 408 | 429 => SendError::Transport(what),
        409 | 423 | 425 => SendError::Later(what),
        400..=499 => SendError::Recipient(what),
        _ => SendError::Transport(what),
    }
}

fn broken(trouble: &Trouble) -> SendError {
    SendError::Transport(match trouble {
        Trouble::Slow(_) | Trouble::Large(_) => format!("the mail service {trouble}"),
        Trouble::Forbidden(_) | Trouble::Broken(_) => format!("the mail service: {trouble}"),
    })
}

/// The owner named the service, so it may be anywhere.
fn out(url: &Uri) -> Result<Outgoing, String> {
    let authorities = match url.scheme_str() {
        Some("https") => tls::authorities().map_err(|what| format!("email.http.url: {what}"))?,
        _ => Vec::new(),
    };
    let bounds = Bounds { connect: CONNECT, answer: ANSWER, largest: LARGEST };
    Outgoing::new(Reach::Anywhere, Plain::Everywhere, bounds, authorities)
}

/// The headers of every request. Their values are keys, so no message shows one.
fn headers(settings: &HttpTransport) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("vestibule/", env!("CARGO_PKG_VERSION"))));
    for (name, secret) in &settings.headers {
        let (Ok(header), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(secret.expose())) else {
            return Err(format!("email.http.headers: {name:?} or its value cannot stand in a header"));
        };
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
