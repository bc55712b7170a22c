//! What sending mail needs, and where mail may be sent to.

use http::{HeaderName, HeaderValue, Uri};

use super::check::Found;
use super::{HttpTransport, Presence, Settings, SmtpTransport, Transport};
use crate::ground::address::is_loopback_host;
use crate::mail::{SmtpUrl, is_sender};

pub(super) fn check(settings: &Settings, found: &mut Found) {
    let email = &settings.email;
    if settings.account.email != Presence::Off {
        demanded(settings, found);
    }
    if email.from.as_deref().is_some_and(|from| !is_sender(from)) {
        found.add("email.from", "is not an address with or without a name", "Write it as in \"Example <noreply@example.org>\".");
    }
    if email.notices.already_exists == Some(false) && !settings.compat() {
        let what = "is false in the profile strict, where the answer hides what only this mail tells";
        found.add("email.notices.already_exists", what, "Remove it, or set account.profile to compat.");
    }
    match email.transport {
        Transport::Console => {}
        Transport::Smtp => smtp(&email.smtp, found),
        Transport::File if email.file.dir.is_none() => {
            found.add("email.file.dir", "is required by email.transport file", "Name the folder that mails are written to.");
        }
        Transport::File => {}
        Transport::Http => http(&email.http, settings.production(), found),
    }
}

/// Where people are served, what is mailed to them must reach them (design decision 20).
fn demanded(settings: &Settings, found: &mut Found) {
    if settings.exposed() && settings.email.transport == Transport::Console {
        let what = format!("is console {}, so no mail would reach anybody", super::reach::reason(settings));
        found.add("email.transport", what, "Set it to smtp, http or file, or set account.email to off.");
    }
    if settings.production() && settings.email.from.is_none() {
        found.add("email.from", "is required in production", "Write the sender as in \"Example <noreply@example.org>\".");
    }
}

fn smtp(smtp: &SmtpTransport, found: &mut Found) {
    #[cfg(not(feature = "smtp"))]
    found.add("email.transport", crate::mail::NO_SMTP, "Set it to http or file.");
    let remedy = "Write it as in \"smtp://user:password@mail.example.org:587?tls=required\".";
    match &smtp.url {
        None if smtp.url_file.is_none() => found.add("email.smtp.url", "is required by email.transport smtp", remedy),
        None => {}
        Some(url) => {
            if let Err(what) = SmtpUrl::parse(url.expose()) {
                found.add("email.smtp.url", what, remedy);
            }
        }
    }
}

/// Mails carry keys, so in production they travel encrypted, unless they stay on the machine.
fn http(http: &HttpTransport, production: bool, found: &mut Found) {
    let remedy = "Write it as in \"https://mail.example.org/send\".";
    let Some(text) = &http.url else {
        return found.add("email.http.url", "is required by email.transport http", remedy);
    };
    let url: Option<Uri> = text.expose().parse().ok();
    let host = url.as_ref().and_then(Uri::authority).filter(|whole| !whole.as_str().contains('@')).map(|whole| whole.host());
    match (url.as_ref().and_then(Uri::scheme_str), host) {
        (Some("https"), Some(_)) => {}
        (Some("http"), Some(host)) if !production || is_loopback_host(host) => {}
        (Some("http"), Some(_)) => found.add("email.http.url", "must be https in production", "Begin it with https://."),
        _ => found.add("email.http.url", "is not an address that a request can be sent to", remedy),
    }
    for (name, value) in &http.headers {
        if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value.expose()).is_err() {
            found.add(format!("email.http.headers.{name}"), "cannot stand in a header", "Write it in one line.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::check::tests::keys;
    use crate::settings::{Environment, LoginMethod, SecretUrl};

    fn by(transport: Transport) -> Settings {
        let mut settings = Settings::default();
        settings.email.transport = transport;
        settings
    }

    /// A service for real people that lacks nothing but mail.
    fn production() -> Settings {
        let mut settings = Settings { environment: Environment::Production, ..Settings::default() };
        settings.server.public_url = Some("https://auth.example.org".into());
        settings.secret_key = Some("0123456789abcdef0123456789abcdef".into());
        settings
    }

    #[test]
    fn a_way_has_what_it_needs() {
        let mut smtp = by(Transport::Smtp);
        let mut file = by(Transport::File);
        let mut http = by(Transport::Http);
        #[cfg(feature = "smtp")]
        assert_eq!(keys(&smtp), ["email.smtp.url"]);
        assert_eq!(keys(&file), ["email.file.dir"]);
        assert_eq!(keys(&http), ["email.http.url"]);
        smtp.email.smtp.url = Some(SecretUrl::from("smtp://mail.example.org"));
        file.email.file.dir = Some("mails".into());
        http.email.http.url = Some("https://mail.example.org/send".into());
        #[cfg(feature = "smtp")]
        assert_eq!(keys(&smtp), [""; 0]);
        assert_eq!(keys(&file), [""; 0]);
        assert_eq!(keys(&http), [""; 0]);
    }

    #[cfg(not(feature = "smtp"))]
    #[test]
    fn a_build_without_smtp_says_so() {
        let mut settings = by(Transport::Smtp);
        settings.email.smtp.url = Some(SecretUrl::from("smtp://mail.example.org"));
        assert!(settings.check()[0].to_string().contains("this build does not have"));
        assert!(crate::mail::Transport::from_settings(&settings).is_err());
    }

    #[cfg(feature = "smtp")]
    #[test]
    fn t80_a_mail_server_that_cannot_be_read_is_refused_without_its_password() {
        let mut settings = by(Transport::Smtp);
        settings.email.smtp.url = Some(SecretUrl::from("smtp://ana:s3cret@mail.example.org?tls=perhaps"));
        assert_eq!(keys(&settings), ["email.smtp.url"]);
        assert!(!format!("{:?}", settings.check()).contains("s3cret"));
    }

    #[test]
    fn mails_to_a_service_travel_encrypted_in_production() {
        for (url, development, in_production) in [
            ("https://mail.example.org/send", true, true),
            ("http://127.0.0.1:8080/send", true, true),
            ("http://localhost:8080/send", true, true),
            ("http://[::1]/send", true, true),
            ("http://mail.example.org/send", true, false),
            ("http://127.0.0.1.example.org/send", true, false),
            ("https://key@mail.example.org/send", false, false),
            ("ftp://mail.example.org", false, false),
            ("mail.example.org", false, false),
            ("/send", false, false),
        ] {
            for (mut settings, fits) in [(by(Transport::Http), development), (production(), in_production)] {
                settings.email.transport = Transport::Http;
                settings.email.from = Some("noreply@example.org".into());
                settings.email.http.url = Some(url.into());
                assert_eq!(keys(&settings).is_empty(), fits, "{url}");
            }
        }
    }

    #[test]
    fn a_header_of_two_lines_is_refused_without_being_shown() {
        let mut settings = by(Transport::Http);
        settings.email.http.url = Some("https://mail.example.org/send".into());
        settings.email.http.headers.insert("authorization".into(), "s3cret\r\nx: y".into());
        assert_eq!(keys(&settings), ["email.http.headers.authorization"]);
        assert!(!format!("{:?}", settings.check()).contains("s3cret"));
    }

    #[test]
    fn t77_the_sender_is_one_address() {
        for (from, fits) in [
            ("noreply@example.org", true),
            ("Example, Ltd. <noreply@example.org>", true),
            ("Example", false),
            ("Example <noreply@example.org>\r\nBcc: evil@example.test", false),
            ("a@example.org, b@example.org", false),
        ] {
            let mut settings = Settings::default();
            settings.email.from = Some(from.into());
            assert_eq!(keys(&settings).is_empty(), fits, "{from:?}");
        }
    }

    #[test]
    fn where_people_are_served_mail_reaches_them_or_nobody_has_an_address() {
        let mut settings = production();
        assert_eq!(keys(&settings), ["email.transport", "email.from"]);
        settings.account.email = Presence::Off;
        settings.account.login_methods = vec![LoginMethod::Username];
        assert_eq!(keys(&settings), [""; 0]);
    }
}
