//! What people see: your front end's pages, texts, languages, and descriptions of the interface.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the pages of your front end are; what is left out is served by built-in pages.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Frontend {
    /// The page that proves an address, with `{key}` where the key goes.
    #[schemars(example = "https://app.example.org/confirm-email/{key}")]
    pub confirm_email_url: Option<String>,
    /// The page that sets a new password, with `{uid}` and `{token}`.
    #[schemars(example = "https://app.example.org/reset/{uid}/{token}")]
    pub password_reset_url: Option<String>,
    /// The page that confirms a new address, with `{key}`.
    #[schemars(example = "https://app.example.org/change-email/{key}")]
    pub change_email_url: Option<String>,
    /// The page that people log in at.
    #[schemars(example = "https://app.example.org/login")]
    pub login_url: Option<String>,
    /// The page that people come to after they logged in on one of ours.
    #[schemars(example = "https://app.example.org/")]
    pub after_login_url: Option<String>,
    /// The page that people come to when a login with a provider failed.
    #[schemars(example = "https://app.example.org/login-failed")]
    pub error_url: Option<String>,
    /// The addresses that a client may ask to be sent to; everything below them is allowed too.
    #[schemars(example = ["https://app.example.org/"])]
    pub return_urls: Vec<String>,
}

/// Your own texts for mails and pages.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Templates {
    /// The folder with templates of your own; what it lacks is taken from the built-in ones.
    #[schemars(example = "/etc/vestibule/templates")]
    pub dir: Option<PathBuf>,
    /// Values that every template can use, by name.
    pub vars: BTreeMap<String, String>,
}

/// The languages of mails and messages.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Languages {
    /// The language for those who ask for none that is enabled.
    pub default: String,
    /// The languages that clients can ask for; all that are built in when left out.
    #[schemars(example = ["en", "de"])]
    pub enabled: Option<Vec<String>>,
    /// The folder with translations of your own.
    #[schemars(example = "/etc/vestibule/locales")]
    pub dir: Option<PathBuf>,
}

impl Default for Languages {
    fn default() -> Self {
        Self { default: "en".into(), enabled: None, dir: None }
    }
}

/// Descriptions of the interface for people and programs.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Docs {
    /// Whether a browser gets pages to try the interface with; by default in development and not in production.
    #[schemars(example = true)]
    pub browsable: Option<bool>,
    /// Whether the OpenAPI document is served; by default in development and not in production.
    #[schemars(example = true)]
    pub openapi: Option<bool>,
}
