//! Links in mails. They come from the settings, never from a request (T21).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::settings::Settings;

/// Where an address is confirmed: the front end's page, or ours.
pub fn confirm_email(settings: &Settings, key: &str) -> String {
    match &settings.frontend.confirm_email_url {
        Some(url) => url.replace("{key}", &encode(key)),
        None => format!("{}/registration/account-confirm-email/{}/", base(settings), encode(key)),
    }
}

/// Where a new password is chosen: the front end's page, or ours.
pub fn reset_password(settings: &Settings, uid: &str, token: &str) -> String {
    match &settings.frontend.password_reset_url {
        Some(url) => url.replace("{uid}", &encode(uid)).replace("{token}", &encode(token)),
        None => format!("{}/password/reset/confirm/{}/{}/", base(settings), encode(uid), encode(token)),
    }
}

/// The public address of the endpoints.
fn base(settings: &Settings) -> String {
    format!("{}{}", settings.public_url().trim_end_matches('/'), settings.server.base_path.trim_end_matches('/'))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
