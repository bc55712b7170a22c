//! Mails posted to a delivery service.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::settings::HttpTransport;

use super::message::Letter;
use super::{SendError, reply, tls};

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
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
    headers: HeaderMap,
    template: Template,
    limit: Duration,
}

impl Http {
    /// The service of the settings. Nothing is connected yet, but the template is read and tried.
    pub(super) fn new(settings: &HttpTransport) -> Result<Self, String> {
        let url: Uri =
            settings.url.as_deref().ok_or("email.http.url: is not set")?.parse().map_err(|_| "email.http.url: is no URL")?;
        let headers = headers(settings)?;
        let template = Template::read(settings.body_template.as_deref(), headers.get(CONTENT_TYPE))?;
        Ok(Self { client: client(&url)?, url, headers, template, limit: ANSWER })
    }

    /// Posts one mail. A redirect is not followed: the mail and the service's key would go where nobody told them to.
    pub(super) async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let body = self.template.render(&letter.mail, &letter.from).map_err(SendError::Later)?;
        let mut request = Request::post(self.url.clone()).body(Full::new(Bytes::from(body))).map_err(|error| broken(&error))?;
        request.headers_mut().extend(self.headers.clone());
        let (status, said) = match tokio::time::timeout(self.limit, self.ask(request)).await {
            Ok(answer) => answer?,
            Err(_) => return Err(SendError::Transport(format!("the mail service did not answer within {:?}", self.limit))),
        };
        if status.is_success() { Ok(()) } else { Err(judged(status, &reply::shown(&said, &letter.mail))) }
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, String), SendError> {
        let answer = self.client.request(request).await.map_err(|error| broken(&error))?;
        let status = answer.status();
        // What is too long or cut off is not worth more: the status is the answer.
        let said = Limited::new(answer.into_body(), LARGEST).collect().await.map(http_body_util::Collected::to_bytes);
        Ok((status, String::from_utf8_lossy(&said.unwrap_or_default()).into_owned()))
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

/// The chain of causes, since the first one only says that something went wrong.
fn broken(error: &dyn std::error::Error) -> SendError {
    let mut what = format!("the mail service: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        what.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    SendError::Transport(what)
}

fn client(url: &Uri) -> Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>, String> {
    let authorities = match url.scheme_str() {
        Some("https") => tls::authorities().map_err(|what| format!("email.http.url: {what}"))?,
        _ => Vec::new(),
    };
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(CONNECT));
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls::client(authorities)?).https_or_http().enable_http1();
    Ok(Client::builder(TokioExecutor::new()).build(connector.wrap_connector(tcp)))
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
