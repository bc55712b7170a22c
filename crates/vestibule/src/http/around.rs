//! What goes around everything that is answered, endpoint or page: a panic costs one request, and each request is told of under the
//! id that its answer carries.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::accounts::{Auth, Client};
use crate::ground::{Error, Result, meters};
use crate::settings::LogRequests;

/// What `work` gives; a panic in it, be it a host's hook, is a fault of this request alone (T79). The panic's text may hold what a
/// client sent, so it is left to the process's own panic hook.
pub(super) async fn caught<T>(mut work: Pin<&mut impl Future<Output = Result<T>>>) -> Result<T> {
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(_) => Poll::Ready(Err(panicked())),
    })
    .await
}

/// The same for work that waits for nothing.
pub(super) fn caught_at_once<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked()))
}

fn panicked() -> Error {
    metrics::counter!(meters::PANICS, "where" => "request").increment(1);
    Error::internal("a panic")
}

/// The header that names a request.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request in the headers of its answer.
pub(super) fn name(headers: &mut HeaderMap, who: &Client) {
    if let Ok(id) = HeaderValue::from_str(&who.request_id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// Tells the log of a request, where the settings want it. The path is the endpoint's or page's, not the request's: that and a query
/// may hold a secret (T81).
pub(super) fn log(auth: &Auth, method: &Method, path: &'static str, status: u16, who: &Client, took: Duration) {
    let wanted = match auth.settings.log.requests {
        LogRequests::All => true,
        LogRequests::Errors => status >= 500 || status == 429,
        LogRequests::None => false,
    };
    if wanted {
        tracing::info!(
            target: "vestibule::request", %method, path, status, ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            ip = who.ip_text(), request_id = %who.request_id, "request"
        );
    }
}
