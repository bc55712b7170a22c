//! Mails in your own words. `templates/` holds the texts that differ; all others are the built-in ones. The subject has a prefix,
//! the link of a reset leads to the shop's own page, and the texts use a value of the settings and a function of the application.

use std::path::Path;

use axum::Router;
use serde_json::{Value, json};
use vestibule::settings::Verification;
use vestibule::{Auth, Builder, Settings};

/// What is not as by default.
#[must_use]
pub fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.site.name = "The Shop".to_owned();
    settings.account.email_verification = Verification::Mandatory;
    settings.email.subject_prefix = Some("Shop: ".to_owned());
    settings.frontend.password_reset_url = Some("http://127.0.0.1:3000/new-password/{uid}/{token}".to_owned());
    settings.templates.dir = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"));
    settings.templates.vars.insert("help_desk".to_owned(), "help@shop.example".to_owned());
    settings
}

/// The service with the function that the texts call.
#[must_use]
pub fn accounts(builder: Builder) -> Builder {
    builder.template_function("opening_hours", |arguments| {
        let weekend = arguments.first().and_then(Value::as_str) == Some("weekend");
        json!(if weekend { "10 to 16" } else { "8 to 20" })
    })
}

/// The application.
pub fn app(auth: Auth) -> Router {
    Router::new().nest("/auth", auth.router()).merge(auth.well_known())
}
