//! Moving in: tokens that simplejwt made, for as long as the owner says.

use aws_lc_rs::hmac;

use crate::ground::Time;
use crate::settings::Settings;

use super::Fault;
use super::claims::{Claims, Kind, Rules};
use super::jws::Parts;

/// Tokens of the system before this one: HS256 under `jwt.secret`, without a key's name and without a session.
pub(super) struct Legacy {
    key: hmac::Key,
    until: Time,
}

impl Legacy {
    /// What the settings say, if they say it.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        let (secret, until) = (settings.jwt.secret.as_ref()?, settings.jwt.accept_legacy_until?.time());
        Some(Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()), until })
    }

    pub(super) fn read(&self, rules: &Rules, kind: Kind, parts: &Parts<'_>, now: Time) -> Result<Claims, Fault> {
        let signature = parts.signature().filter(|_| now < self.until && parts.header.alg == "HS256").ok_or(Fault::Invalid)?;
        hmac::verify(&self.key, parts.message, &signature).map_err(|_| Fault::Invalid)?;
        rules.read_legacy(kind, &parts.payload().ok_or(Fault::Invalid)?, now)
    }
}
