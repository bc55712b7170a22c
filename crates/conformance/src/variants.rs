//! From the reference's settings to ours.
//!
//! `variants.json` says what each variant of the reference was set to. The translation goes setting by setting, so that a variant
//! that nobody has seen is translated too; what has no counterpart is left out and told.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

/// The table as it was recorded.
const RECORDED: &str = include_str!("../data/variants.json");

/// One variant of the reference.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Variant {
    /// `custom`: by address, with gender and telephone number; `stock`: with a user name.
    #[serde(default)]
    pub user_model: String,
    /// The switches of the recording.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Settings of the reference that differ from its defaults.
    #[serde(default)]
    pub overrides: Value,
}

/// The variants by name: those of the directory, else those that came with this program.
///
/// # Errors
/// What is wrong with the file.
pub fn table(directory: &Path) -> Result<BTreeMap<String, Variant>, String> {
    let file = [directory.join("variants.json"), directory.join("../variants.json")].into_iter().find(|file| file.is_file());
    let text = match &file {
        Some(file) => std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?,
        None => RECORDED.to_owned(),
    };
    serde_json::from_str(&text).map_err(|error| format!("variants.json: {error}"))
}

impl Variant {
    fn env(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str)
    }

    fn rest_auth(&self, name: &str) -> Option<&Value> {
        self.overrides.get("REST_AUTH")?.get(name)
    }

    /// Whether the user model is the article's: no user name, two fields of its own.
    fn is_custom(&self) -> bool {
        self.user_model == "custom"
    }

    /// Our settings for the variant, without those that name a place on this machine.
    pub fn settings(&self) -> Value {
        let mut settings = json!({
            "server": { "base_path": "/dj-rest-auth" },
            "account": self.account(),
            "password": { "memory_kib": 8, "iterations": 1, "hash_threads": 1 },
            "user": self.user(),
            "tokens": self.tokens(),
            "jwt": self.jwt(),
            "email": self.email(),
            "social": providers(),
            "limits": self.limits(),
            "log": { "level": "warn" },
        });
        if let Some(value) = self.rest_auth("OLD_PASSWORD_FIELD_ENABLED") {
            settings["password"]["require_old"] = value.clone();
        }
        if let Some(Value::String(path)) = self.overrides.get("LOGIN_URL") {
            settings["frontend"] = json!({ "login_url": format!("http://testserver.local{path}") });
        }
        settings
    }

    fn email(&self) -> Value {
        // What the reference calls notifications.
        let tells = self.overrides.get("ACCOUNT_EMAIL_NOTIFICATIONS") == Some(&Value::Bool(true));
        let mut email = json!({
            "notices": { "password_changed": tells, "password_reset": tells, "email_changed": tells },
        });
        for (theirs, ours) in [("DEFAULT_FROM_EMAIL", "from"), ("ACCOUNT_EMAIL_SUBJECT_PREFIX", "subject_prefix")] {
            if let Some(value) = self.overrides.get(theirs) {
                email[ours] = value.clone();
            }
        }
        email
    }

    fn account(&self) -> Value {
        let with_allauth = self.env("LAB_ALLAUTH") != Some("0");
        let methods: Vec<&str> = match (self.env("LAB_LOGIN_METHODS"), with_allauth) {
            (Some(methods), _) => methods.split(',').collect(),
            (None, _) if self.is_custom() => vec!["email"],
            // Without allauth the reference takes either.
            (None, false) => vec!["username", "email"],
            (None, true) => vec!["username"],
        };
        let verification = if with_allauth { self.env("LAB_EMAIL_VERIFICATION").unwrap_or("optional") } else { "none" };
        let mut account = json!({
            "profile": "compat",
            "login_methods": methods,
            "username": self.presence("username"),
            "email": self.presence("email"),
            "email_verification": verification,
            // The reference without allauth, or for administrators only, has no door for strangers.
            "registration": if with_allauth && self.rest_auth("REGISTER_PERMISSION_CLASSES").is_none() { "open" } else { "closed" },
        });
        for (theirs, ours) in [
            ("ACCOUNT_USERNAME_MIN_LENGTH", "username_min_length"),
            ("ACCOUNT_USERNAME_BLACKLIST", "username_denylist"),
            ("ACCOUNT_CONFIRM_EMAIL_ON_GET", "confirm_email_on_get"),
            ("ACCOUNT_LOGOUT_ON_GET", "logout_on_get"),
        ] {
            if let Some(value) = self.overrides.get(theirs) {
                account[ours] = value.clone();
            }
        }
        if let Some(value) = self.rest_auth("LOGOUT_ON_PASSWORD_CHANGE") {
            account["logout_on_password_change"] = value.clone();
        }
        account
    }

    /// Whether registration asks for a field: a star in `ACCOUNT_SIGNUP_FIELDS` means that it must be given. The reference demands
    /// a user name that the list leaves out all the same.
    fn presence(&self, field: &str) -> &'static str {
        match (self.is_custom(), field) {
            (true, "username") => return "off",
            (true, _) => return "required",
            _ => {}
        }
        let listed = self.overrides.get("ACCOUNT_SIGNUP_FIELDS").and_then(Value::as_array);
        let Some(listed) = listed else { return if field == "username" { "required" } else { "optional" } };
        let names: Vec<&str> = listed.iter().filter_map(Value::as_str).collect();
        if names.contains(&field) { "optional" } else { "required" }
    }

    fn user(&self) -> Value {
        if !self.is_custom() {
            return json!({});
        }
        json!({
            "standard": { "first_name": "hidden", "last_name": "hidden" },
            "fields": [
                { "name": "gender", "kind": "choice", "required": true, "choices": [
                    { "value": "M", "label": "Male" }, { "value": "F", "label": "Female" }, { "value": "NS", "label": "Not Specified" },
                ] },
                // The recorded model takes any 30 characters.
                { "name": "phone_number", "kind": "text", "required": true, "max_length": 30, "details": "read_only" },
            ],
        })
    }

    fn tokens(&self) -> Value {
        // The reference's sessions last two weeks from the login on (`SESSION_COOKIE_AGE`).
        let mut tokens = json!({ "idle_ttl": "14d", "absolute_ttl": "14d" });
        match self.env("LAB_AUTH") {
            Some("jwt") => tokens["mode"] = json!("jwt"),
            Some("jwtcookie") => tokens["mode"] = json!("jwt-cookie"),
            // Nothing but the session cookie.
            Some("session") => tokens["session_cookie"] = json!(true),
            _ => {}
        }
        if let Some(Value::Bool(false)) = self.rest_auth("SESSION_LOGIN") {
            tokens["session_cookie"] = json!(false);
        }
        tokens
    }

    fn jwt(&self) -> Value {
        let lifetime = |name: &str| {
            let seconds = self.overrides.pointer(&format!("/SIMPLE_JWT/{name}/seconds")).and_then(Value::as_u64)?;
            Some(format!("{seconds}s"))
        };
        let rotates = self.overrides.pointer("/SIMPLE_JWT/ROTATE_REFRESH_TOKENS") == Some(&Value::Bool(true));
        let mut jwt = json!({
            "access_ttl": lifetime("ACCESS_TOKEN_LIFETIME").unwrap_or_else(|| "5m".into()),
            "refresh_ttl": lifetime("REFRESH_TOKEN_LIFETIME").unwrap_or_else(|| "1d".into()),
            "rotate_refresh": rotates,
            "refresh_cookie_path": "/",
            // The reference asks everybody who comes by the session cookie alone for its CSRF token.
            "csrf": self.env("LAB_AUTH") == Some("session"),
        });
        if self.env("LAB_AUTH") == Some("jwtcookie") {
            jwt["access_cookie"] = json!("my-app-auth");
            jwt["refresh_cookie"] = json!("my-refresh-token");
        }
        for (theirs, ours) in [
            ("JWT_AUTH_COOKIE", "access_cookie"),
            ("JWT_AUTH_REFRESH_COOKIE", "refresh_cookie"),
            ("JWT_AUTH_REFRESH_COOKIE_PATH", "refresh_cookie_path"),
            ("JWT_AUTH_SECURE", "cookie_secure"),
            ("JWT_AUTH_SAMESITE", "cookie_samesite"),
            ("JWT_AUTH_COOKIE_DOMAIN", "cookie_domain"),
            ("JWT_AUTH_HTTPONLY", "cookie_http_only"),
            ("JWT_AUTH_RETURN_EXPIRATION", "return_expiration"),
            ("JWT_AUTH_COOKIE_USE_CSRF", "csrf"),
        ] {
            if let Some(value) = self.rest_auth(theirs) {
                jwt[ours] = value.clone();
            }
        }
        jwt
    }

    /// The reference's throttle counts every request of a view's scope; ours count attempts. The same rate for each of them.
    fn limits(&self) -> Value {
        let rate = self.overrides.pointer("/REST_FRAMEWORK/DEFAULT_THROTTLE_RATES/dj_rest_auth").and_then(Value::as_str);
        let Some(rate) = rate.and_then(translated) else { return json!({ "enabled": false }) };
        json!({ "enabled": true, "login": rate, "registration": rate, "reset": rate, "login_failed": "", "mail": "" })
    }
}

/// The providers of the recording, none of which could be reached.
fn providers() -> Value {
    let nowhere = "http://127.0.0.1:9";
    let own = json!({
        "client_id": "recorded-client", "client_secret": "recorded-secret", "allow_private_network": true,
        "issuer": nowhere, "token_url": nowhere, "userinfo_url": nowhere, "authorize_url": nowhere,
    });
    json!({ "google": own, "github": own, "oidc": own })
}

/// `3/min` as we write it.
fn translated(rate: &str) -> Option<String> {
    let (count, period) = rate.split_once('/')?;
    Some(format!("{count}/{}/ip", period.get(..1)?))
}

#[cfg(test)]
mod tests {
    use vestibule::Settings;

    use super::*;

    #[test]
    fn every_recorded_variant_becomes_settings_that_exist() {
        let table = table(Path::new("nowhere")).unwrap();
        assert_eq!(table.len(), 32);
        for (name, variant) in table {
            let settings = variant.settings();
            let read = serde_json::from_value::<Settings>(settings.clone());
            assert!(read.is_ok(), "{name}: {:?}\n{settings}", read.err());
            assert!(read.unwrap().compat(), "{name}");
        }
    }

    #[test]
    fn signup_fields_say_what_registration_asks_for() {
        let variant = |fields: Value| Variant { overrides: json!({ "ACCOUNT_SIGNUP_FIELDS": fields }), ..Variant::default() };
        assert_eq!(variant(json!(["email*", "username"])).presence("username"), "optional");
        assert_eq!(variant(json!(["email*", "username"])).presence("email"), "required");
        assert_eq!(variant(json!(["email*"])).presence("username"), "required");
        assert_eq!(Variant::default().presence("email"), "optional");
        assert_eq!(Variant { user_model: "custom".into(), ..Variant::default() }.presence("username"), "off");
    }

    #[test]
    fn a_throttle_becomes_a_limit() {
        assert_eq!(translated("3/min").unwrap(), "3/m/ip");
        assert_eq!(translated("100/day").unwrap(), "100/d/ip");
    }
}
