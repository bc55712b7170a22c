//! Links in mails. They come from the settings, never from a request (T21).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::settings::Settings;

/// Where an address is confirmed: the front end's page, or ours.
pub fn confirm_email(settings: &Settings, key: &str) -> String {
    match &settings.frontend.confirm_email_url {
        Some(url) => url.replace("{key}", &encode(key)),
        None => format!("{}{}/", page_url(settings, "registration/account-confirm-email"), encode(key)),
    }
}

/// Where a new password is chosen: the front end's page, or ours.
pub fn reset_password(settings: &Settings, uid: &str, token: &str) -> String {
    match &settings.frontend.password_reset_url {
        Some(url) => url.replace("{uid}", &encode(uid)).replace("{token}", &encode(token)),
        None => format!("{}{}/{}/", page_url(settings, "password/reset/confirm"), encode(uid), encode(token)),
    }
}

/// Where a change of address is confirmed: the front end's page, or ours.
pub fn change_email(settings: &Settings, key: &str) -> String {
    match &settings.frontend.change_email_url {
        Some(url) => url.replace("{key}", &encode(key)),
        None => format!("{}{}/", page_url(settings, "email/change/confirm"), encode(key)),
    }
}

/// The path of a page of ours, as a browser asks for it: `/auth/sign-in/`.
pub fn page(settings: &Settings, path: &str) -> String {
    let whole = page_url(settings, path);
    let rest = whole.split_once("://").map_or(whole.as_str(), |(_, rest)| rest);
    rest.find('/').map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned())
}

/// The same, where the settings have that page.
pub fn page_if_there(settings: &Settings, path: &str) -> Option<String> {
    settings.endpoints.place(path).map(|_| page(settings, path))
}

/// The public address of a page of ours, wherever it was moved to. That a link's page is left out is refused at the start.
pub fn page_url(settings: &Settings, path: &str) -> String {
    let place = settings.endpoints.place(path).unwrap_or_else(|| path.to_owned());
    format!("{}/{place}/", base(settings))
}

/// Where people sign in: the front end's page, or ours.
pub fn sign_in(settings: &Settings) -> Option<String> {
    login_or(settings, "sign-in")
}

/// Where people ask for a new password: at the front end's sign-in page, or on a page of ours.
pub fn forgot_password(settings: &Settings) -> Option<String> {
    login_or(settings, "forgot-password")
}

/// The front end's sign-in page, or a page of ours if it is there.
fn login_or(settings: &Settings, path: &str) -> Option<String> {
    let own = || settings.endpoints.place(path).map(|_| page_url(settings, path));
    settings.frontend.login_url.clone().or_else(own)
}

/// The public address of the endpoints.
fn base(settings: &Settings) -> String {
    format!("{}{}", settings.public_url().trim_end_matches('/'), settings.server.base_path.trim_end_matches('/'))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t21_links_begin_with_the_public_address() {
        let mut settings = Settings::default();
        settings.server.public_url = Some("https://app.example.test/".into());
        let base = "https://app.example.test/auth";
        assert_eq!(confirm_email(&settings, "k"), format!("{base}/registration/account-confirm-email/k/"));
        assert_eq!(reset_password(&settings, "1", "t"), format!("{base}/password/reset/confirm/1/t/"));
        assert_eq!(change_email(&settings, "k"), format!("{base}/email/change/confirm/k/"));
        assert_eq!(page(&settings, "sign-in"), "/auth/sign-in/");
        assert_eq!(forgot_password(&settings).as_deref(), Some("https://app.example.test/auth/forgot-password/"));
        settings.endpoints.off = vec!["password/reset".into()];
        assert_eq!(forgot_password(&settings), None, "a notice leads to no page that is left out");
        assert_eq!(page_if_there(&settings, "forgot-password"), None);
    }
}
