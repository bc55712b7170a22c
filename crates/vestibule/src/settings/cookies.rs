//! What cookies are called and whom they go to (design decision 18, T41).

use super::check::Found;
use super::{SameSite, Settings};

/// The names of the cookies, made once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieNames {
    /// Carries the key of a browser's session.
    pub session: String,
    /// Carries an access token.
    pub access: String,
    /// Carries a refresh token.
    pub refresh: String,
    /// Carries the value that scripts repeat in `X-CSRFToken`.
    pub csrf: String,
    /// Ties the forms of our own pages to one browser.
    pub form: String,
    /// Tells a browser in which an account's owner came in before.
    pub device: String,
}

impl Settings {
    /// The names of the cookies.
    pub fn cookie_names(&self) -> CookieNames {
        CookieNames {
            session: self.session_cookie_name(),
            access: self.access_cookie(),
            refresh: self.refresh_cookie(),
            csrf: self.csrf_cookie_name(),
            form: format!("{}form", self.host_prefix()),
            device: format!("{}device", self.host_prefix()),
        }
    }

    /// What the names of cookies for this host alone begin with.
    fn host_prefix(&self) -> &'static str {
        if self.cookie_secure() { "__Host-" } else { "" }
    }

    /// The name of the session cookie: the reference's in the profile `compat`.
    pub fn session_cookie_name(&self) -> String {
        let own = || if self.compat() { "sessionid".to_owned() } else { format!("{}session", self.host_prefix()) };
        self.tokens.session_cookie_name.clone().unwrap_or_else(own)
    }

    /// The name of the cookie against forged requests, which scripts read; it is the same everywhere, as they know it.
    pub fn csrf_cookie_name(&self) -> String {
        self.tokens.csrf_cookie_name.clone().unwrap_or_else(|| "csrftoken".to_owned())
    }

    /// Whether cookies are sent over https alone.
    pub fn cookie_secure(&self) -> bool {
        self.jwt.cookie_secure.unwrap_or(self.https())
    }

    /// The path that the refresh token's cookie is sent to.
    pub fn refresh_cookie_path(&self) -> String {
        self.jwt.refresh_cookie_path.clone().unwrap_or_else(|| format!("{}/", self.server.base_path))
    }

    /// The name of the access token's cookie. Browsers take a `__Host-` cookie only without a domain (RFC 6265bis §4.1.3.2).
    pub fn access_cookie(&self) -> String {
        let prefix = match (self.cookie_secure(), &self.jwt.cookie_domain) {
            (false, _) => "",
            (true, None) => "__Host-",
            (true, Some(_)) => "__Secure-",
        };
        self.jwt.access_cookie.clone().unwrap_or_else(|| format!("{prefix}access"))
    }

    /// The name of the refresh token's cookie.
    pub fn refresh_cookie(&self) -> String {
        let prefix = if self.cookie_secure() { "__Secure-" } else { "" };
        self.jwt.refresh_cookie.clone().unwrap_or_else(|| format!("{prefix}refresh"))
    }
}

pub(super) fn check(settings: &Settings, found: &mut Found) {
    attributes(settings, found);
    let jwt = &settings.jwt;
    name(settings, found, "jwt.access_cookie", jwt.access_cookie.as_deref(), jwt.cookie_domain.is_none());
    let at_root = settings.refresh_cookie_path() == "/" && jwt.cookie_domain.is_none();
    name(settings, found, "jwt.refresh_cookie", jwt.refresh_cookie.as_deref(), at_root);
    name(settings, found, "tokens.session_cookie_name", settings.tokens.session_cookie_name.as_deref(), true);
    name(settings, found, "tokens.csrf_cookie_name", settings.tokens.csrf_cookie_name.as_deref(), true);
    different(settings, found);
}

/// Two cookies of one name would overwrite each other.
fn different(settings: &Settings, found: &mut Found) {
    let names = settings.cookie_names();
    let social = format!("{}social", settings.host_prefix());
    // The first three have no setting, so they are never at fault.
    let all = [
        ("", &names.form, "the cookie of our own pages' forms"),
        ("", &names.device, "the cookie that knows a browser again"),
        ("", &social, "the cookie of the way over sign-in providers"),
        ("jwt.access_cookie", &names.access, "the access token's cookie"),
        ("jwt.refresh_cookie", &names.refresh, "the refresh token's cookie"),
        ("tokens.session_cookie_name", &names.session, "the session cookie"),
        ("tokens.csrf_cookie_name", &names.csrf, "the cookie against forged requests"),
    ];
    for (at, (key, name, _)) in all.iter().enumerate().skip(1) {
        if let Some((_, _, whose)) = all[..at].iter().find(|(_, other, _)| other == name) {
            found.add(*key, format!("is the name of {whose} too"), "Give the two cookies different names.");
        }
    }
}

fn attributes(settings: &Settings, found: &mut Found) {
    let jwt = &settings.jwt;
    if jwt.cookie_samesite == SameSite::None && !settings.cookie_secure() {
        found.add(
            "jwt.cookie_samesite",
            "is None while cookies are not limited to https, which browsers refuse",
            "Set it to Lax or Strict, or serve https: an https server.public_url makes cookies secure.",
        );
    }
    if settings.production() && jwt.cookie_secure == Some(false) {
        found.add("jwt.cookie_secure", "is false in production", "Remove it: cookies must be limited to https.");
    }
    let path_fits = |p: &String| p.starts_with('/') && fits_attribute(p);
    if jwt.refresh_cookie_path.as_ref().is_some_and(|p| !path_fits(p)) {
        found.add("jwt.refresh_cookie_path", "is not a path", "Begin it with a slash and use no semicolons or spaces.");
    }
    if jwt.cookie_domain.as_ref().is_some_and(|d| d.is_empty() || !fits_attribute(d)) {
        found.add("jwt.cookie_domain", "is not a domain", "Write a domain as in \"example.org\", or remove it.");
    }
}

/// A value that cannot end its attribute early (RFC 6265 §4.1.1).
fn fits_attribute(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && b != b';')
}

fn name(settings: &Settings, found: &mut Found, key: &str, name: Option<&str>, host_fits: bool) {
    let Some(name) = name else { return };
    let is_token = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if !is_token {
        found.add(key, "is not a name that a cookie can have", "Use letters, digits, hyphens and underscores.");
    }
    let lower = name.to_ascii_lowercase();
    if (lower.starts_with("__host-") || lower.starts_with("__secure-")) && !settings.cookie_secure() {
        found.add(key, "has a prefix that browsers take over https alone", "Serve https, or choose a name without the prefix.");
    } else if lower.starts_with("__host-") && !host_fits {
        let remedy = "Use the prefix __Secure-, or remove jwt.cookie_domain and give the cookie the path /.";
        found.add(key, "has the prefix __Host-, which goes with no domain and the path / alone", remedy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::check::tests::keys;

    #[test]
    fn t41_names_and_flags_follow_the_public_url() {
        let mut settings = Settings::default();
        assert_eq!((settings.access_cookie().as_str(), settings.refresh_cookie().as_str()), ("access", "refresh"));
        assert_eq!(settings.refresh_cookie_path(), "/auth/");
        settings.server.public_url = Some("https://auth.example.org".into());
        assert!(settings.cookie_secure());
        assert_eq!(
            (settings.access_cookie().as_str(), settings.refresh_cookie().as_str()),
            ("__Host-access", "__Secure-refresh")
        );
        settings.jwt.cookie_domain = Some("example.org".into());
        assert_eq!(settings.access_cookie(), "__Secure-access");
        settings.jwt.access_cookie = Some("mine".into());
        assert_eq!(settings.access_cookie(), "mine");
    }

    #[test]
    fn t41_the_session_cookie_is_for_this_host_alone_and_keeps_the_recorded_name_in_compat() {
        let mut settings = Settings::default();
        assert_eq!((settings.session_cookie_name().as_str(), settings.csrf_cookie_name().as_str()), ("session", "csrftoken"));
        settings.server.public_url = Some("https://auth.example.org".into());
        assert_eq!(settings.session_cookie_name(), "__Host-session");
        settings.account.profile = crate::settings::Profile::Compat;
        assert_eq!(settings.session_cookie_name(), "sessionid");
        settings.tokens.session_cookie_name = Some("mine".into());
        assert_eq!(settings.session_cookie_name(), "mine");
        settings.tokens.csrf_cookie_name = Some("mine".into());
        assert_eq!(keys(&settings), ["tokens.csrf_cookie_name"]);
    }

    #[test]
    fn t41_no_cookie_has_the_name_of_one_that_is_always_there() {
        for name in ["form", "device", "social", "csrftoken"] {
            let mut settings = Settings::default();
            settings.tokens.session_cookie_name = Some(name.into());
            settings.jwt.access_cookie = Some(format!("{name}2"));
            assert_eq!(keys(&settings).len(), 1, "{name}");
            settings.server.public_url = Some("https://auth.example.org".into());
            assert_eq!(keys(&settings).is_empty(), name != "csrftoken", "__Host-{name} is another");
            settings.jwt.access_cookie = Some(format!("__Host-{name}"));
            assert_eq!(keys(&settings).len(), 1, "{name}");
        }
    }

    #[test]
    fn t41_samesite_none_needs_secure() {
        let mut settings = Settings::default();
        settings.jwt.cookie_samesite = SameSite::None;
        assert_eq!(keys(&settings), ["jwt.cookie_samesite"]);
        settings.server.public_url = Some("https://auth.example.org".into());
        assert!(keys(&settings).is_empty());
        settings.jwt.cookie_secure = Some(false);
        assert_eq!(keys(&settings), ["jwt.cookie_samesite"]);
    }

    #[test]
    fn t41_a_cookie_cannot_carry_a_second_attribute_or_a_false_prefix() {
        let mut settings = Settings::default();
        settings.jwt.refresh_cookie_path = Some("/; Domain=example.org".into());
        settings.jwt.cookie_domain = Some("a;b".into());
        settings.jwt.access_cookie = Some("a=b".into());
        settings.jwt.refresh_cookie = Some("__Host-r".into());
        let expected = ["jwt.refresh_cookie_path", "jwt.cookie_domain", "jwt.access_cookie", "jwt.refresh_cookie"];
        assert_eq!(keys(&settings), expected);
    }
}
