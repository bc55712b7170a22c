//! Keys and claims of tokens that would not work as they are set (T40).

use super::check::Found;
use super::{Algorithm, Settings};

/// The claims of a token that are ours alone, beside the one that names the account.
pub(crate) const CLAIMS: [&str; 8] = ["token_type", "exp", "iat", "nbf", "jti", "sid", "iss", "aud"];

/// Keys that everybody can read: that of our test kit, and the samples of the standards and of tools for tokens.
const SAMPLES: [&str; 4] = [
    "a-test-key-of-32-characters-or-more",
    "a-string-secret-at-least-256-bits-long",
    "your-256-bit-secret-your-256-bit-secret",
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
];

pub(super) fn check(settings: &Settings, found: &mut Found) {
    let jwt = &settings.jwt;
    if settings.exposed() {
        for (key, secret) in [("secret_key", &settings.secret_key), ("jwt.secret", &jwt.secret)] {
            if secret.as_ref().is_some_and(|secret| SAMPLES.contains(&secret.expose().trim())) {
                found.add(key, "is a sample that everybody can read", "Use the output of `openssl rand -hex 32`.");
            }
        }
    }
    if jwt.accept_legacy_until.is_some() && jwt.secret.is_none() && jwt.secret_file.is_none() {
        let remedy = "Set it to the SIGNING_KEY (or SECRET_KEY) of the old system, or remove jwt.accept_legacy_until.";
        found.add("jwt.secret", "is not set, so tokens of the old system cannot be verified", remedy);
    }
    if jwt.algorithm == Algorithm::Hs256 && jwt.private_key_file.is_some() {
        let what = "does not fit jwt.algorithm HS256, which has no private key";
        found.add("jwt.private_key_file", what, "Set jwt.secret_file instead, or another algorithm.");
    }
    claim("jwt.issuer", "an issuer", jwt.issuer.as_deref(), found);
    claim("jwt.audience", "an audience", jwt.audience.as_deref(), found);
}

/// A text that a token carries whole and that is compared byte by byte.
fn claim(key: &str, what: &str, text: Option<&str>, found: &mut Found) {
    if text.is_some_and(|text| text.is_empty() || text.len() > 255 || text.chars().any(char::is_control)) {
        found.add(key, format!("is not {what}"), "Write an address or a name of at most 255 characters, or remove it.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::check::tests::keys;

    #[test]
    fn t40_a_key_that_does_not_fit_its_algorithm_is_refused() {
        let mut settings = Settings::default();
        settings.jwt.private_key_file = Some("jwt.pem".into());
        assert_eq!(keys(&settings), [""; 0]);
        settings.jwt.algorithm = Algorithm::Hs256;
        assert_eq!(keys(&settings), ["jwt.private_key_file"]);
    }

    #[test]
    fn t40_a_sample_is_no_key_where_strangers_come() {
        for sample in SAMPLES {
            let mut settings = Settings { secret_key: Some(sample.into()), ..Settings::default() };
            settings.jwt.secret = Some(sample.into());
            assert_eq!(keys(&settings), [""; 0]);
            settings.environment = crate::settings::Environment::Production;
            let found = settings.check();
            let told = found.iter().filter(|problem| problem.what.contains("sample")).map(|problem| problem.key.as_str());
            assert_eq!(told.collect::<Vec<_>>(), ["secret_key", "jwt.secret"]);
            assert!(!format!("{found:?}").contains(sample));
        }
    }

    #[test]
    fn old_tokens_need_the_old_key() {
        let mut settings = Settings::default();
        settings.jwt.accept_legacy_until = "2030-12-31".parse().ok();
        assert_eq!(keys(&settings), ["jwt.secret"]);
        settings.jwt.secret = Some("an-old-key-of-32-characters-or-more".into());
        assert_eq!(keys(&settings), [""; 0]);
    }

    #[test]
    fn t34_the_account_is_not_named_by_a_claim_that_means_something_else() {
        for name in ["exp", "jti", "sid", "", "token_type"] {
            let mut settings = Settings::default();
            settings.user.id_claim = name.into();
            assert_eq!(keys(&settings), ["user.id_claim"], "{name}");
        }
        let mut settings = Settings::default();
        settings.user.id_claim = "sub".into();
        (settings.jwt.issuer, settings.jwt.audience) = (Some(String::new()), Some("two\nlines".into()));
        assert_eq!(keys(&settings), ["jwt.issuer", "jwt.audience"]);
    }
}
