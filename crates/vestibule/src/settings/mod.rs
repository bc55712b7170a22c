//! Everything that an owner can set, with its default and its check.
//!
//! The names and defaults are a contract: tools outside this project are written against them. Start with [`Settings`]; what a
//! value means when it is left out and depends on others is answered by the methods of `effective`; what must not be
//! combined is refused by [`Settings::check`], everything at once. Nothing here reads a file's or a variable's settings: a
//! host fills the struct as it likes, the server binary merges a TOML file and the environment.

mod account;
mod check;
mod cookies;
mod effective;
mod email;
mod endpoints;
mod fields;
mod formats;
mod mail;
mod pages;
mod providers;
mod rates;
mod reach;
mod server;
pub(crate) mod signing;
mod social;
mod tokens;
mod units;
mod user;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

pub use account::{Account, HashQueue, HashThreads, LoginMethod, Password, Presence, Profile, Registration, Verification};
pub use check::Problem;
pub use cookies::CookieNames;
pub use email::{Email, FileTransport, HttpTransport, Notices, SmtpTransport, Transport};
pub use endpoints::Endpoints;
pub use formats::{Moment, SecretUrl, Unreadable, check_format, read_secret_file};
pub use pages::{Docs, Frontend, Languages, Templates};
pub use rates::{Limits, Rate, RateLimits, Scope};
pub use server::{Database, Environment, Log, LogFormat, LogLevel, LogRequests, Metrics, Server, Site};
pub use social::{Link, Social};
pub use tokens::{Algorithm, Jwt, SameSite, TokenMode, Tokens};
pub use units::{ByteSize, Span};
pub use user::{Choice, Details, FieldKind, FieldSettings, Standard, User};

pub(crate) use fields::check_asked;

use crate::ground::Secret;

/// All settings of one installation.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether this is a developer's machine or serves real people; `production` refuses what would be unsafe there.
    pub environment: Environment,
    /// The secret from which all keys are derived: at least 32 random characters, as `openssl rand -hex 32` gives them; made
    /// beside the database in development.
    #[serde(serialize_with = "formats::masked")]
    pub secret_key: Option<Secret>,
    /// A file that holds `secret_key` and that other users of the machine cannot read.
    #[schemars(example = "/etc/vestibule/secret.key")]
    pub secret_key_file: Option<PathBuf>,
    /// Where requests come in, and what they may cost.
    pub server: Server,
    /// What the service calls itself.
    pub site: Site,
    /// Where accounts are kept.
    pub database: Database,
    /// What is written to the log.
    pub log: Log,
    /// Numbers for a monitoring system.
    pub metrics: Metrics,
    /// Who may have an account and how people log in.
    pub account: Account,
    /// What a password must be and how it is kept.
    pub password: Password,
    /// How mail is sent and how an address is proven.
    pub email: Email,
    /// Where the pages of your front end are; what is left out is served by built-in pages.
    pub frontend: Frontend,
    /// Your own texts for mails and pages.
    pub templates: Templates,
    /// The languages of mails and messages.
    pub languages: Languages,
    /// Which endpoints there are, and where.
    pub endpoints: Endpoints,
    /// What a login gives to the client, and for how long.
    pub tokens: Tokens,
    /// How JSON Web Tokens and their cookies look, when `tokens.mode` is one of the JWT modes.
    pub jwt: Jwt,
    /// What an account shows and which fields of your own it has.
    pub user: User,
    /// Providers that people may log in with, by a name of your choice that becomes part of the path.
    pub social: BTreeMap<String, Social>,
    /// How often things may be tried: `N/period/scope, …`, where a period is `m`, `5m`, `h`, `24h` and so on and a scope is `ip`,
    /// `account` or `account+ip`; an empty text is no limit.
    pub limits: Limits,
    /// Descriptions of the interface for people and programs.
    pub docs: Docs,
}

impl Settings {
    /// The JSON Schema of all settings without references: texts that are read further carry a `format` that
    /// [`check_format`] knows.
    pub fn schema() -> serde_json::Value {
        let generator = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).into_generator();
        generator.into_root_schema_for::<Self>().into()
    }
}
#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Every key of the contract with its default; `null` is "left out".
    fn contract() -> Value {
        json!({
            "environment": "development", "secret_key": null, "secret_key_file": null,
            "server": {
                "listen": "127.0.0.1:8000", "public_url": null, "base_path": "/auth", "trusted_proxies": [], "cors_origins": [],
                "max_connections": 4096, "header_timeout": "10s", "body_timeout": "15s", "idle_timeout": "75s", "body_max": "64KiB",
            },
            "site": { "name": "Vestibule" },
            "database": { "url": "sqlite://vestibule.db", "migrate": true },
            "log": { "level": "info", "format": "auto", "requests": "errors" },
            "metrics": { "listen": null },
            "account": {
                "profile": "strict", "login_methods": ["username", "email"], "username": "required", "email": "required",
                "email_verification": "optional", "confirm_email_on_get": false, "username_min_length": 1,
                "username_denylist": [], "registration": "open", "logout_on_get": false, "logout_on_password_change": false,
            },
            "password": {
                "min_length": 8, "max_bytes": 1024, "require_old": null, "reset_ttl": "1h", "reset_code": false,
                "memory_kib": 19456, "iterations": 2, "hash_threads": "cores", "hash_queue": "auto",
            },
            "email": {
                "verification_ttl": "3d", "code_ttl": "10m", "code_tries": 5, "give_up_after": "3d", "transport": "console",
                "from": null, "subject_prefix": null, "smtp": { "url": null }, "file": { "dir": null },
                "http": { "url": null, "headers": {}, "body_template": null }, "notices": {},
            },
            "frontend": {
                "confirm_email_url": null, "password_reset_url": null, "change_email_url": null, "login_url": null,
                "after_login_url": null, "error_url": null, "return_urls": [],
            },
            "templates": { "dir": null, "vars": {} },
            "languages": { "default": "en", "enabled": null, "dir": null },
            "endpoints": { "off": [], "moved": {} },
            "tokens": {
                "mode": "opaque", "idle_ttl": "14d", "absolute_ttl": "90d", "session_cookie": null,
                "session_cookie_name": null, "csrf_cookie_name": null,
            },
            "jwt": {
                "algorithm": "ES256", "access_ttl": "5m", "refresh_ttl": "7d", "rotate_refresh": true, "refresh_grace": "10s",
                "leeway": "0s", "issuer": null, "audience": null, "return_expiration": false, "secret": null,
                "secret_file": null, "private_key_file": null, "accept_legacy_until": null, "access_cookie": null,
                "refresh_cookie": null, "refresh_cookie_path": null, "cookie_secure": null, "cookie_samesite": "Lax",
                "cookie_domain": null, "cookie_http_only": true, "csrf": false,
            },
            "user": {
                "id_claim": "user_id", "fields": [],
                "standard": { "username": "editable", "email": "read_only", "first_name": "editable", "last_name": "editable" },
            },
            "social": {},
            "limits": {
                "enabled": true, "login": "30/m/ip", "login_failed": "10/m/ip, 10/5m/account+ip, 100/24h/account",
                "registration": "20/m/ip", "reset": "20/m/ip", "mail": "3/h/account",
            },
            "docs": { "browsable": null, "openapi": null },
        })
    }

    fn holds(ours: &Value, theirs: &Value, key: &str) {
        match theirs {
            Value::Object(members) => members.iter().for_each(|(name, theirs)| {
                let key = format!("{key}.{name}");
                holds(ours.get(name).unwrap_or_else(|| panic!("{key} is missing")), theirs, &key);
            }),
            leaf => assert_eq!(ours, leaf, "{key}"),
        }
    }

    #[test]
    fn every_key_of_the_contract_is_there_with_its_default() {
        holds(&serde_json::to_value(Settings::default()).unwrap(), &contract(), "");
    }

    #[test]
    fn the_words_of_the_contract_are_read() {
        for (pointer, words) in [
            ("environment", &["development", "production"][..]),
            ("log.level", &["error", "warn", "info", "debug", "trace"]),
            ("log.format", &["auto", "pretty", "json"]),
            ("log.requests", &["errors", "all", "none"]),
            ("account.profile", &["strict", "compat"]),
            ("account.username", &["required", "optional", "off"]),
            ("account.email_verification", &["optional", "mandatory", "none"]),
            ("account.registration", &["open", "closed"]),
            ("email.transport", &["console", "smtp", "file", "http"]),
            ("tokens.mode", &["opaque", "jwt", "jwt-cookie"]),
            ("jwt.algorithm", &["ES256", "EdDSA", "HS256", "RS256"]),
            ("jwt.cookie_samesite", &["Lax", "Strict", "None"]),
            ("user.standard.email", &["editable", "read_only", "hidden"]),
            ("social.x.link", &["verified", "ask", "never"]),
        ] {
            for word in words {
                let written = pointer.rsplit('.').fold(json!(word), |inner, name| json!({ name: inner }));
                assert!(serde_json::from_value::<Settings>(written).is_ok(), "{pointer} {word}");
            }
        }
    }

    #[test]
    fn a_key_that_does_not_exist_is_refused_at_every_depth() {
        for written in [
            json!({"x": 1}),
            json!({"server": {"x": 1}}),
            json!({"email": {"smtp": {"x": 1}}}),
            json!({"social": {"a": {"x": 1}}}),
        ] {
            assert!(serde_json::from_value::<Settings>(written).is_err());
        }
    }

    fn described(schema: &Value, key: &str) {
        for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let key = format!("{key}.{name}");
            let about = inner["description"].as_str().unwrap_or_else(|| panic!("{key} has no description"));
            assert!(about.ends_with('.'), "{key}: {about}");
            described(inner, &key);
        }
    }

    #[test]
    fn every_key_has_a_description_and_the_schema_needs_no_references() {
        let schema = Settings::schema();
        described(&schema, "");
        assert!(!schema.to_string().contains("$ref"));
    }

    #[test]
    fn t80_settings_never_show_a_secret() {
        let written = json!({
            "secret_key": "s3cret", "database": { "url": "postgres://ana:s3cret@db/app" }, "jwt": { "secret": "s3cret" },
            "email": { "smtp": { "url": "smtp://ana:s3cret@mail" }, "http": { "headers": { "authorization": "s3cret" } } },
            "social": { "x": { "client_secret": "s3cret" } },
        });
        let settings: Settings = serde_json::from_value(written).unwrap();
        assert_eq!(settings.secret_key.as_ref().map(Secret::expose), Some("s3cret"));
        assert!(!format!("{settings:?}").contains("s3cret"));
        assert!(!serde_json::to_string(&settings).unwrap().contains("s3cret"));
    }
}
