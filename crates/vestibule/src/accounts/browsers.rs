//! What a browser carries beside its session: the value that a script repeats in a header, and the token of a form of ours.
//!
//! Nothing of it is kept: each is a keyed hash of what it belongs to, with a key of its own for each purpose (T35).

use aws_lc_rs::hmac;

use crate::ground::Result;
use crate::ground::secrets::MasterKey;

/// The keys by which browsers are recognised.
pub struct Browsers {
    csrf: hmac::Key,
    forms: hmac::Key,
}

impl Browsers {
    /// The keys of an installation.
    ///
    /// # Errors
    /// Those of [`MasterKey::derive`].
    pub fn new(master: &MasterKey) -> Result<Self> {
        let key = |purpose| master.derive(purpose).map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()));
        Ok(Self { csrf: key("csrf")?, forms: key("forms")? })
    }

    /// What a script that acts for this session repeats in a header: 32 hexadecimal digits, another for each session (T43).
    pub fn csrf(&self, sid: &str) -> String {
        hex::encode(&hmac::sign(&self.csrf, sid.as_bytes()).as_ref()[..CSRF_BYTES])
    }

    /// Whether that is what a script of the session repeats. Takes as long for a wrong value as for a right one.
    pub fn is_csrf(&self, sid: &str, sent: &str) -> bool {
        let expected = self.csrf(sid);
        aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), sent.as_bytes()).is_ok()
    }

    /// The token of forms for whoever holds `held`, a random text that only that browser has.
    pub fn form_token(&self, held: &str) -> String {
        hex::encode(hmac::sign(&self.forms, held.as_bytes()))
    }

    /// Whether that is the token of forms for whoever holds `held`.
    pub fn is_form_token(&self, held: &str, sent: &str) -> bool {
        hex::decode(sent).is_ok_and(|tag| hmac::verify(&self.forms, held.as_bytes(), &tag).is_ok())
    }
}

/// 128 bits, as the reference's values have characters.
const CSRF_BYTES: usize = 16;

/// How many characters [`Browsers::csrf`] has.
pub const CSRF_LENGTH: usize = 2 * CSRF_BYTES;

#[cfg(test)]
mod tests {
    use crate::ground::Secret;

    use super::*;

    #[test]
    fn t43_a_value_is_one_sessions_and_no_form_token() {
        let master = MasterKey::new(&Secret::from("a-test-key-of-32-characters-or-more")).unwrap();
        let browsers = Browsers::new(&master).unwrap();
        let value = browsers.csrf("one");
        assert_eq!(value.len(), CSRF_LENGTH);
        assert!(browsers.is_csrf("one", &value));
        assert!(!browsers.is_csrf("two", &value) && !browsers.is_csrf("one", "") && !browsers.is_csrf("one", &value[1..]));
        let token = browsers.form_token("one");
        assert!(browsers.is_form_token("one", &token) && !browsers.is_form_token("two", &token));
        assert!(!browsers.is_form_token("one", "no hexadecimal digits") && !browsers.is_form_token("one", &value));
        assert_ne!(value, token[..CSRF_LENGTH]);
    }
}
