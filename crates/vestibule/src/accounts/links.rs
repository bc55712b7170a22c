//! Links in mails. They come from the settings, never from a request (T21).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::settings::Settings;

/// Where an address is confirmed: the front end's page, or ours.
pub fn confirm_email(settings: &Settings, key: &str) -> String {
    match &settings.frontend.confirm_email_url {
        Some(url) => url.replace("{key}", &encode(key)),
        None => format!("{}/{}/", page(settings, "registration/account-confirm-email"), encode(key)),
    }
}

/// Where a new password is chosen: the front end's page, or ours.
pub fn reset_password(settings: &Settings, uid: &str, token: &str) -> String {
    match &settings.frontend.password_reset_url {
        Some(url) => url.replace("{uid}", &encode(uid)).replace("{token}", &encode(token)),
        None => format!("{}/{}/{}/", page(settings, "password/reset/confirm"), encode(uid), encode(token)),
    }
}

/// The public address of a page of ours, wherever it was moved to. That a link's page is left out is refused at the start.
fn page(settings: &Settings, path: &str) -> String {
    let place = settings.endpoints.place(path).unwrap_or_else(|| path.to_owned());
    let (url, base) = (settings.public_url(), &settings.server.base_path);
    format!("{}{}/{place}", url.trim_end_matches('/'), base.trim_end_matches('/'))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
