//! The templates of the pages. They are ours alone: what an owner may replace stands in `crate::pages`.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::{AutoEscape, Environment, Value, context};

use crate::ground::secrets::Digest;

const STYLE: &str = include_str!("../../../templates/browse/style.css");

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    engine.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, text) in [
        ("base.html", include_str!("../../../templates/browse/base.html")),
        ("page.html", include_str!("../../../templates/browse/page.html")),
        ("reader.html", include_str!("../../../templates/browse/reader.html")),
    ] {
        if let Err(error) = engine.add_template(name, text) {
            tracing::error!(name, %error, "a page of our own cannot be read");
        }
    }
    engine
});

/// Nothing is loaded and nothing runs; the one style sheet that counts is ours, named by its hash (CSP Level 3 §2.3.1).
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Digest::of(STYLE.as_bytes()).as_bytes());
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
});

/// The policy that every page is sent with.
pub(super) fn policy() -> &'static str {
    &POLICY
}

/// A page. That its template can be rendered is tested.
pub(super) fn render(name: &str, values: Value) -> String {
    let all = context! { ..values, ..context! { style => STYLE } };
    let page = TEMPLATES.get_template(name).and_then(|template| template.render(all));
    page.unwrap_or_else(|error| {
        tracing::error!(name, error = format!("{error:#}"), "a page could not be made");
        String::new()
    })
}
