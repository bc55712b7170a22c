//! What a browser carries beside its session: the value that a script repeats in a header, the token of a form of
//! ours, and that its owner came in before.
//!
//! Nothing of it is kept: each is a keyed hash of what it belongs to, with a key of its own for each purpose (T35).

use std::time::Duration;

use aws_lc_rs::hmac;

use crate::ground::secrets::MasterKey;
use crate::ground::{Entropy, Result, Secret, Time};

use super::{User, UserId};

/// The keys by which browsers are recognised.
pub struct Browsers {
    csrf: hmac::Key,
    forms: hmac::Key,
    devices: hmac::Key,
}

/// A browser in which an account's owner came in before: its failures are counted apart, so that a stranger's do not lock the owner
/// out (T69). It opens nothing. A change of password or the end of all sessions makes it a stranger's again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    user: UserId,
    epoch: i64,
    id: String,
}

impl Device {
    /// What its tries at that account are counted by, if it is known to it.
    pub fn counter(&self, user: &User) -> Option<String> {
        (self.user == user.id && self.epoch == user.epoch).then(|| format!("device:{}", self.id))
    }
}

/// How long a browser stays known.
pub const DEVICE_LIVES: Duration = Duration::from_secs(180 * 24 * 60 * 60);

impl Browsers {
    /// The keys of an installation.
    ///
    /// # Errors
    /// Those of [`MasterKey::derive`].
    pub fn new(master: &MasterKey) -> Result<Self> {
        let key = |purpose| master.derive(purpose).map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()));
        Ok(Self { csrf: key("csrf")?, forms: key("forms")?, devices: key("devices")? })
    }

    /// What a script that acts for this session repeats in a header: 32 hexadecimal digits, another for each session (T43).
    pub fn csrf(&self, sid: &str) -> String {
        hex::encode(&hmac::sign(&self.csrf, sid.as_bytes()).as_ref()[..CSRF_BYTES])
    }

    /// Whether that is what a script of the session repeats. Takes as long for a wrong value as for a right one.
    pub fn is_csrf(&self, sid: &str, sent: &str) -> bool {
        is_same(&self.csrf(sid), sent)
    }

    /// What a browser carries in which that user came in now.
    ///
    /// # Errors
    /// [`crate::ground::Error::Internal`] without randomness.
    pub fn device(&self, entropy: &Entropy, user: UserId, epoch: i64, now: Time) -> Result<Secret> {
        let (id, until) = (hex::encode(entropy.bytes::<8>()?), now.plus(DEVICE_LIVES).millis());
        let said = format!("{user}.{epoch}.{until}.{id}");
        let tag = hex::encode(hmac::sign(&self.devices, said.as_bytes()));
        Ok(Secret::from(format!("{said}.{tag}")))
    }

    /// The browser that carries that, if we made it and it is not over.
    pub fn read_device(&self, text: &str, now: Time) -> Option<Device> {
        let (said, tag) = text.rsplit_once('.')?;
        is_same(&hex::encode(hmac::sign(&self.devices, said.as_bytes())), tag).then_some(())?;
        let mut parts = said.split('.');
        let mut number = || parts.next()?.parse::<i64>().ok();
        let (user, epoch, until) = (number()?, number()?, number()?);
        let id = parts.next()?.to_owned();
        (now.millis() < until).then(|| Device { user: UserId::from_i64(user), epoch, id })
    }

    /// The token of forms for whoever holds `held`, a random text that only that browser has.
    pub fn form_token(&self, held: &str) -> String {
        hex::encode(hmac::sign(&self.forms, held.as_bytes()))
    }

    /// Whether that is the token of forms for whoever holds `held`.
    pub fn is_form_token(&self, held: &str, sent: &str) -> bool {
        is_same(&self.form_token(held), sent)
    }
}

/// Whether both are one text. Takes as long wherever they differ.
fn is_same(expected: &str, sent: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), sent.as_bytes()).is_ok()
}

/// 128 bits, as the reference's values have characters.
const CSRF_BYTES: usize = 16;

/// How many characters [`Browsers::csrf`] has.
pub const CSRF_LENGTH: usize = 2 * CSRF_BYTES;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn browsers() -> Browsers {
        Browsers::new(&MasterKey::new(&Secret::from("a-test-key-of-32-characters-or-more")).unwrap()).unwrap()
    }

    #[test]
    fn t69_a_device_is_what_we_made_and_for_a_while() {
        let master = MasterKey::new(&Secret::from("a-test-key-of-32-characters-or-more")).unwrap();
        let browsers = Browsers::new(&master).unwrap();
        let (user, now) = (UserId::from_i64(7), Time::from_millis(0));
        let text = browsers.device(&Entropy::seeded(1), user, 3, now).unwrap();
        let device = browsers.read_device(text.expose(), now).unwrap();
        assert_eq!((device.user, device.epoch), (user, 3));
        assert!(browsers.read_device(text.expose(), now.plus(DEVICE_LIVES)).is_none());
        let forged = text.expose().replacen("7.", "8.", 1);
        for bad in [forged.as_str(), "", ".", "7.3.9999999999999.x", &text.expose()[1..]] {
            assert!(browsers.read_device(bad, now).is_none(), "{bad}");
        }
    }

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

    proptest! {
        #[test]
        fn t75_nothing_that_a_browser_carries_makes_a_reader_panic(text in prop_oneof!["\\PC{0,120}", r"(-?[0-9]{0,21}\.){0,4}[0-9a-f]{0,64}"]) {
            let (browsers, now) = (browsers(), Time::from_millis(0));
            prop_assert!(browsers.read_device(&text, now).is_none());
            prop_assert!(!browsers.is_csrf("one", &text) && !browsers.is_form_token("one", &text));
        }

        #[test]
        fn t69_t43_t46_nothing_that_was_changed_counts(which in 0..3_usize, from in 0..130_usize, to in 0..130_usize, with in "[0-9a-fA-F.]{0,8}") {
            let (browsers, now) = (browsers(), Time::from_millis(0));
            let device = browsers.device(&Entropy::seeded(1), UserId::from_i64(7), 3, now).unwrap();
            let text = [device.expose().to_owned(), browsers.csrf("one"), browsers.form_token("one")][which].clone();
            let (from, to) = (from.min(to).min(text.len()), from.max(to).min(text.len()));
            let changed = format!("{}{with}{}", &text[..from], &text[to..]);
            prop_assume!(changed != text);
            prop_assert!(browsers.read_device(&changed, now).is_none());
            prop_assert!(!browsers.is_csrf("one", &changed) && !browsers.is_form_token("one", &changed));
        }
    }

    #[test]
    fn t69_t43_t46_there_is_one_way_to_write_each() {
        let (browsers, now) = (browsers(), Time::from_millis(0));
        let device = browsers.device(&Entropy::seeded(1), UserId::from_i64(7), 3, now).unwrap();
        assert!(browsers.read_device(device.expose(), now).is_some());
        let (said, tag) = device.expose().rsplit_once('.').unwrap();
        assert!(browsers.read_device(&format!("{said}.{}", tag.to_uppercase()), now).is_none());
        assert!(!browsers.is_csrf("one", &browsers.csrf("one").to_uppercase()));
        assert!(!browsers.is_form_token("one", &browsers.form_token("one").to_uppercase()));
    }
}
