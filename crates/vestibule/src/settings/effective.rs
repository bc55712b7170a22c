//! What a setting means when it is left out and depends on others.

use std::net::IpAddr;

use http::Uri;
use serde_json::{Value, json};

use crate::ground::address::is_loopback_host;

use super::{Environment, Profile, Settings, TokenMode};

impl Settings {
    /// Whether real people are served.
    pub fn production(&self) -> bool {
        self.environment == Environment::Production
    }

    /// Whether others can reach the service: in production, or when it listens beyond loopback.
    pub fn exposed(&self) -> bool {
        self.production() || !self.server.listen.ip().to_canonical().is_loopback()
    }

    /// Whether this machine alone sees the service, as far as the settings tell: in development, on loopback, under its address.
    pub fn local(&self) -> bool {
        !self.exposed() && is_loopback_host(&self.public_host())
    }

    /// Whether answers repeat those of dj-rest-auth, also where they tell who has an account.
    pub fn compat(&self) -> bool {
        self.account.profile == Profile::Compat
    }

    /// The address that people see, without a slash at its end; made from `server.listen` when it is left out.
    pub fn public_url(&self) -> String {
        match &self.server.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.server.listen),
        }
    }

    /// Whether people see https.
    pub fn https(&self) -> bool {
        self.public_url().get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    }

    /// The host of the public URL, without its port.
    pub fn public_host(&self) -> String {
        let url: Option<Uri> = self.public_url().parse().ok();
        url.as_ref().and_then(Uri::host).unwrap_or("localhost").to_owned()
    }

    /// Whether the old password is asked for when it is changed.
    pub fn require_old(&self) -> bool {
        self.password.require_old.unwrap_or(!self.compat())
    }

    /// Whether a login sets a session cookie besides.
    pub fn session_cookie(&self) -> bool {
        self.tokens.session_cookie.unwrap_or(self.compat())
    }

    /// Whether a login gives a browser cookies to keep.
    pub fn gives_cookies(&self) -> bool {
        self.session_cookie() || self.tokens.mode == TokenMode::JwtCookie
    }

    /// Whether a browser gets pages to try the interface with (T79).
    pub fn docs_browsable(&self) -> bool {
        self.docs.browsable.unwrap_or(!self.production())
    }

    /// Whether the OpenAPI document is served.
    pub fn docs_openapi(&self) -> bool {
        self.docs.openapi.unwrap_or(!self.production())
    }

    /// The sender of mails; nothing in production when it is left out.
    pub fn email_from(&self) -> Option<String> {
        let made = || {
            let host = self.public_host();
            let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
            // A bare IP address is no domain of a mail address (RFC 5321 §4.1.3).
            let host = if is_address { "localhost" } else { &host };
            format!("{} <noreply@{host}>", self.site.name)
        };
        self.email.from.clone().or_else(|| (!self.production()).then(made))
    }

    /// Whether the owner of an address hears that somebody wanted another account with it.
    pub fn tells_already_exists(&self) -> bool {
        self.email.notices.already_exists.unwrap_or(!self.compat())
    }

    /// What every subject begins with.
    pub fn subject_prefix(&self) -> String {
        self.email.subject_prefix.clone().unwrap_or_else(|| format!("[{}] ", self.site.name))
    }

    /// Every setting that is left out and follows others: its key, what it comes to, and why.
    pub fn derived(&self) -> Vec<(&'static str, Value, &'static str)> {
        let profile = "follows account.profile";
        let environment = "follows environment";
        let public = "follows server.public_url";
        let all = [
            ("server.public_url", self.server.public_url.is_some(), json!(self.public_url()), "follows server.listen"),
            ("password.require_old", self.password.require_old.is_some(), json!(self.require_old()), profile),
            ("tokens.session_cookie", self.tokens.session_cookie.is_some(), json!(self.session_cookie()), profile),
            ("tokens.session_cookie_name", self.tokens.session_cookie_name.is_some(), json!(self.session_cookie_name()), public),
            ("tokens.csrf_cookie_name", self.tokens.csrf_cookie_name.is_some(), json!(self.csrf_cookie_name()), "the usual name"),
            ("email.from", self.email.from.is_some(), json!(self.email_from()), "follows site.name and server.public_url"),
            (
                "email.notices.already_exists",
                self.email.notices.already_exists.is_some(),
                json!(self.tells_already_exists()),
                profile,
            ),
            ("email.subject_prefix", self.email.subject_prefix.is_some(), json!(self.subject_prefix()), "follows site.name"),
            ("jwt.access_cookie", self.jwt.access_cookie.is_some(), json!(self.access_cookie()), public),
            ("jwt.refresh_cookie", self.jwt.refresh_cookie.is_some(), json!(self.refresh_cookie()), public),
            (
                "jwt.refresh_cookie_path",
                self.jwt.refresh_cookie_path.is_some(),
                json!(self.refresh_cookie_path()),
                "follows server.base_path",
            ),
            ("jwt.cookie_secure", self.jwt.cookie_secure.is_some(), json!(self.cookie_secure()), public),
            ("docs.browsable", self.docs.browsable.is_some(), json!(self.docs_browsable()), environment),
            ("docs.openapi", self.docs.openapi.is_some(), json!(self.docs_openapi()), environment),
        ];
        let left_out = all.into_iter().filter(|(_, set, value, _)| !set && !value.is_null());
        left_out.map(|(key, _, value, why)| (key, value, why)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_moves_two_defaults_and_only_when_they_are_left_out() {
        let mut settings = Settings::default();
        assert!(settings.require_old() && !settings.session_cookie());
        settings.account.profile = Profile::Compat;
        assert!(!settings.require_old() && settings.session_cookie());
        settings.password.require_old = Some(true);
        settings.tokens.session_cookie = Some(false);
        assert!(settings.require_old() && !settings.session_cookie());
    }

    #[test]
    fn t79_pages_and_document_are_closed_in_production() {
        let mut settings = Settings::default();
        assert!(settings.docs_browsable() && settings.docs_openapi());
        settings.environment = Environment::Production;
        assert!(!settings.docs_browsable() && !settings.docs_openapi());
    }

    #[test]
    fn the_public_url_comes_from_listen_and_the_sender_from_both() {
        let mut settings = Settings::default();
        assert_eq!(settings.public_url(), "http://127.0.0.1:8000");
        assert_eq!(settings.email_from().as_deref(), Some("Vestibule <noreply@localhost>"));
        settings.server.public_url = Some("https://auth.example.org:8443/".into());
        settings.site.name = "Acme".into();
        assert_eq!(settings.public_url(), "https://auth.example.org:8443");
        assert!(settings.https());
        assert_eq!(settings.email_from().as_deref(), Some("Acme <noreply@auth.example.org>"));
        assert_eq!(settings.subject_prefix(), "[Acme] ");
        settings.environment = Environment::Production;
        assert_eq!(settings.email_from(), None);
    }

    #[test]
    fn listening_beyond_loopback_is_being_exposed() {
        let mut settings = Settings::default();
        for (listen, exposed) in [
            ("127.0.0.1:1", false),
            ("[::1]:1", false),
            ("[::ffff:127.0.0.1]:1", false),
            ("0.0.0.0:1", true),
            ("10.0.0.1:1", true),
        ] {
            settings.server.listen = listen.parse().unwrap();
            assert_eq!(settings.exposed(), exposed, "{listen}");
        }
    }
}
