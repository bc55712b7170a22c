//! The page behind the link that confirms a new address.

use http::Method;
use minijinja::context;

use crate::ground::{Error, FieldErrors, Result};
use crate::http::page::{Page, PageCall, Shown};

use super::flow;

/// `email/change/confirm/{key}/`: asks for a click. Only the click changes anything: programs that look into mails open links (T22).
pub fn page() -> Page {
    Page { path: "email/change/confirm/{key}", run: |call| Box::pin(show(call)) }
}

async fn show(call: PageCall) -> Result<Shown> {
    if call.method != Method::POST {
        return Ok(Shown::Template(200, "pages/email_change.html", context! {}));
    }
    let key = call.parameters.first().cloned().unwrap_or_default();
    match flow::confirm(&call.auth, &call.who, &flow::with_key(&key), FieldErrors::default()).await {
        Ok(()) => Ok(Shown::Template(200, "pages/email_changed.html", context! { changed => true })),
        Err(Error::Fields(_)) => Ok(Shown::Template(404, "pages/email_changed.html", context! { changed => false })),
        Err(other) => Err(other),
    }
}
