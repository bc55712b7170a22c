//! Where the service can be reached, and what it must have before others can reach it (design decision 20).

use http::Uri;

use super::check::Found;
use super::{Frontend, Settings};

pub(super) fn check(settings: &Settings, found: &mut Found) {
    public_url(settings, found);
    if settings.exposed() {
        demand_public_url(settings, found);
        demand_key(settings, found);
    }
    base_path(&settings.server.base_path, found);
    for origin in &settings.server.cors_origins {
        cors_origin(origin, found);
    }
    pages(settings, found);
    database(settings, found);
    if settings.site.name.trim().is_empty() || settings.site.name.chars().any(char::is_control) {
        found.add("site.name", "is empty or has control characters", "Write a name of one line.");
    }
}

/// Why more is demanded than on a developer's machine.
pub(super) fn reason(settings: &Settings) -> &'static str {
    if settings.production() { "in production" } else { "when server.listen is reachable from other machines" }
}

fn demand_public_url(settings: &Settings, found: &mut Found) {
    let (key, when) = ("server.public_url", reason(settings));
    match &settings.server.public_url {
        None => found.add(key, format!("is required {when}"), "Set it to the https address that people see."),
        Some(_) if !settings.https() => {
            found.add(key, format!("must be https {when}"), "Set it to the https address of the proxy in front of this service.");
        }
        Some(_) => {}
    }
}

fn demand_key(settings: &Settings, found: &mut Found) {
    if settings.secret_key.is_none() && settings.secret_key_file.is_none() {
        let what = format!("is required {}", reason(settings));
        let remedy = "Write the output of `openssl rand -hex 32` into a file of mode 600 and set secret_key_file to it.";
        found.add("secret_key", what, remedy);
    }
}

fn public_url(settings: &Settings, found: &mut Found) {
    if settings.server.public_url.as_deref().is_some_and(|url| origin(url.strip_suffix('/').unwrap_or(url)).is_none()) {
        let what = "is not a scheme (http or https), a host and perhaps a port";
        found.add(
            "server.public_url",
            what,
            "Write it as in \"https://auth.example.org\"; a path belongs into server.base_path.",
        );
    }
}

/// The parts of an origin: scheme and host. Nothing else may be there, not even a slash.
fn origin(text: &str) -> Option<Uri> {
    let (scheme, rest) = text.split_once("://")?;
    let plain = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic() && !b"/?#@\\*".contains(&b));
    let uri: Uri = text.parse().ok().filter(|_| plain && matches!(scheme, "http" | "https"))?;
    uri.host().is_some_and(|host| !host.is_empty()).then_some(())?;
    let colon = rest.rfind(':').filter(|at| !rest[*at..].contains(']'));
    (colon.is_none() || uri.port_u16().is_some()).then_some(uri)
}

/// A wildcard together with cookies would hand every account to every page (T45).
fn cors_origin(text: &str, found: &mut Found) {
    let key = "server.cors_origins";
    if text.contains('*') {
        let what = format!("has {text:?}, but cookies are never shared with origins that are not named");
        found.add(key, what, "Name each origin.");
    } else if origin(text).is_none() {
        let what = format!("has {text:?}, which is not a scheme (http or https), a host and perhaps a port");
        found.add(key, what, "Write each as in \"https://app.example.org\", without a slash at the end.");
    } else if text.bytes().any(|b| b.is_ascii_uppercase()) {
        found.add(key, format!("has {text:?}, but browsers write origins in small letters"), "Write it in small letters.");
    }
}

fn base_path(path: &str, found: &mut Found) {
    let part = |p: &str| {
        !matches!(p, "" | "." | "..") && p.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~'))
    };
    let fits = path.is_empty() || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part));
    if !fits {
        let what = format!("is {path:?}, which is not a path of letters, digits, hyphens and underscores");
        let remedy = "Begin it with a slash and end it without one, as in \"/auth\"; \"\" is the root.";
        found.add("server.base_path", what, remedy);
    }
}

fn database(settings: &Settings, found: &mut Found) {
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if !known.iter().any(|scheme| settings.database.url.expose().starts_with(scheme)) {
        let remedy = "Write \"sqlite://\" and a file, or \"postgres://user:password@host/name\".";
        found.add("database.url", "names neither SQLite nor PostgreSQL", remedy);
    }
}

fn pages(settings: &Settings, found: &mut Found) {
    let Frontend { confirm_email_url, password_reset_url, change_email_url, login_url, after_login_url, error_url, return_urls } =
        &settings.frontend;
    let none: &[&str] = &[];
    for (name, url, marks) in [
        ("confirm_email_url", confirm_email_url, &["{key}"][..]),
        ("password_reset_url", password_reset_url, &["{uid}", "{token}"][..]),
        ("change_email_url", change_email_url, &["{key}"][..]),
        ("login_url", login_url, none),
        ("after_login_url", after_login_url, none),
        ("error_url", error_url, none),
    ] {
        let Some(url) = url else { continue };
        let key = format!("frontend.{name}");
        for mark in marks.iter().filter(|mark| !url.contains(**mark)) {
            found.add(&key, format!("has no {mark}"), format!("Write {mark} where the page expects it."));
        }
        let bare = marks.iter().fold(url.clone(), |url, mark| url.replace(mark, "x"));
        page(&key, &bare, settings.production(), found);
    }
    for url in return_urls {
        page("frontend.return_urls", url, settings.production(), found);
    }
}

/// Links carry keys, so in production they travel encrypted; addresses of apps on a telephone have schemes of their own.
fn page(key: &str, url: &str, production: bool, found: &mut Found) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return found.add(key, "is not a whole address", "Begin it with https:// and a host.");
    };
    let scheme_fits = scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'))
        && scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && !matches!(scheme, "javascript" | "data" | "vbscript" | "file");
    let plain = rest.bytes().all(|b| b.is_ascii_graphic() && !b"{}*\\<>\"".contains(&b));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let web = matches!(scheme, "http" | "https");
    if !scheme_fits || !plain || (web && origin(&format!("{scheme}://{host}")).is_none()) {
        found.add(key, "is not an address that a link can have", "Write it as in \"https://app.example.org/page\".");
    } else if production && scheme == "http" {
        found.add(key, "is not https in production", "Begin it with https://.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::check::tests::keys;
    use crate::settings::{Environment, SecretUrl, Transport};

    #[test]
    fn production_names_everything_that_is_missing_at_once() {
        let mut settings = Settings { environment: Environment::Production, ..Settings::default() };
        assert_eq!(keys(&settings), ["server.public_url", "secret_key", "email.transport", "email.from"]);
        settings.server.public_url = Some("http://auth.example.org".into());
        assert_eq!(keys(&settings), ["server.public_url", "secret_key", "email.transport", "email.from"]);
        settings.server.public_url = Some("https://auth.example.org".into());
        settings.secret_key = Some("0123456789abcdef0123456789abcdef".into());
        settings.email.transport = Transport::File;
        settings.email.file.dir = Some("mails".into());
        settings.email.from = Some("noreply@example.org".into());
        assert_eq!(keys(&settings), [""; 0]);
    }

    #[test]
    fn t21_listening_beyond_loopback_demands_the_same() {
        let mut settings = Settings::default();
        settings.server.listen = "0.0.0.0:8000".parse().unwrap();
        assert_eq!(keys(&settings), ["server.public_url", "secret_key", "email.transport"]);
        assert!(settings.check()[0].what.contains("server.listen"));
    }

    #[test]
    fn t45_an_origin_is_named_exactly_and_never_a_wildcard() {
        for (origin, fits) in [
            ("https://app.example.test", true),
            ("https://app.example.test:8443", true),
            ("http://localhost:3000", true),
            ("http://[::1]:3000", true),
            ("*", false),
            ("https://*.example.test", false),
            ("null", false),
            ("https://app.example.test/", false),
            ("https://App.example.test", false),
            ("https://ana@app.example.test", false),
            ("https://app.example.test:", false),
            ("https://app.example.test:99999", false),
            ("ftp://app.example.test", false),
            ("app.example.test", false),
            ("https://", false),
        ] {
            let mut settings = Settings::default();
            settings.server.cors_origins = vec![origin.into()];
            assert_eq!(keys(&settings).is_empty(), fits, "{origin}");
        }
    }

    #[test]
    fn a_public_url_has_no_path() {
        for (url, fits) in [
            ("https://auth.example.org", true),
            ("https://auth.example.org/", true),
            ("https://auth.example.org//", false),
            ("https://auth.example.org/auth", false),
            ("https://auth.example.org#x", false),
            ("https://ana:pw@auth.example.org", false),
            ("auth.example.org", false),
        ] {
            let mut settings = Settings::default();
            settings.server.public_url = Some(url.into());
            assert_eq!(keys(&settings).is_empty(), fits, "{url}");
        }
    }

    #[test]
    fn a_base_path_begins_with_one_slash_and_ends_without() {
        for (path, fits) in [
            ("/auth", true),
            ("/api/v1/auth", true),
            ("", true),
            ("/", false),
            ("auth", false),
            ("/auth/", false),
            ("//auth", false),
            ("/a//b", false),
            ("/..", false),
            ("/a b", false),
            ("/{id}", false),
        ] {
            let mut settings = Settings::default();
            settings.server.base_path = path.into();
            assert_eq!(keys(&settings).is_empty(), fits, "{path:?}");
        }
    }

    #[test]
    fn a_page_has_the_places_for_what_a_link_carries() {
        for (url, fits) in [
            ("https://app.example.org/reset/{uid}/{token}", true),
            ("myapp://reset?uid={uid}&token={token}", true),
            ("https://app.example.org/#/reset/{uid}/{token}", true),
            ("https://app.example.org/reset/{uid}", false),
            ("https://app.example.org/reset/{uid}/{token}/{key}", false),
            ("/reset/{uid}/{token}", false),
            ("javascript://x/{uid}/{token}", false),
            ("https://ana@app.example.org/{uid}/{token}", false),
        ] {
            let mut settings = Settings::default();
            settings.frontend.password_reset_url = Some(url.into());
            assert_eq!(keys(&settings).is_empty(), fits, "{url}");
        }
    }

    #[test]
    fn a_database_of_another_make_is_refused_without_its_password() {
        let mut settings = Settings::default();
        settings.database.url = SecretUrl::from("mysql://ana:s3cret@db/app");
        assert_eq!(keys(&settings), ["database.url"]);
        assert!(!format!("{:?}", settings.check()).contains("s3cret"));
    }
}
