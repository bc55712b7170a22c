//! Settings of the contract that this version cannot honour. They are refused: to ignore them would promise what is not done.

use super::Settings;
use super::check::Found;

pub(super) fn check(settings: &Settings, found: &mut Found) {
    for id in settings.social.keys() {
        found.add(format!("social.{id}"), "is a provider, which this version does not have yet", "Remove the section.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Social;
    use crate::settings::check::tests::keys;

    #[test]
    fn what_is_not_built_is_refused_and_never_ignored() {
        let mut settings = Settings::default();
        settings.social.insert("acme".into(), Social::default());
        let expected = ["social.acme"];
        assert_eq!(keys(&settings), expected);
    }

    #[test]
    fn what_weakens_nothing_may_be_set() {
        let mut settings = Settings::default();
        settings.tokens.mode = crate::settings::TokenMode::JwtCookie;
        settings.tokens.session_cookie = Some(true);
        settings.account.profile = crate::settings::Profile::Compat;
        settings.account.email_verification = crate::settings::Verification::Mandatory;
        settings.jwt.access_ttl = crate::settings::Span::minutes(10);
        assert_eq!(keys(&settings), [""; 0]);
    }
}
