//! Encryption of what must be read back: AES-256-GCM with a key that is not in the database (T80).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::entropy::Entropy;
use super::error::{Error, Result};
use super::secrets::MasterKey;

/// Encrypts for one purpose.
pub struct SealingKey(LessSafeKey);

impl SealingKey {
    /// The key for that purpose, derived from the installation's secret key.
    ///
    /// # Errors
    /// As [`MasterKey::derive`].
    pub fn new(master: &MasterKey, purpose: &str) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, master.derive(purpose)?.as_ref());
        key.map(|key| Self(LessSafeKey::new(key))).map_err(|_| Error::internal("a sealing key could not be made"))
    }

    /// Encrypts `plain`, bound to where it stands: moved elsewhere, it cannot be opened. A random nonce stands in front; that is
    /// safe for 2³² sealings under one key (NIST SP 800-38D §8.3).
    ///
    /// # Errors
    /// [`Error::Internal`] without randomness.
    pub fn seal(&self, entropy: &Entropy, bound_to: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = entropy.bytes::<NONCE_LEN>()?;
        let mut rest = plain.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound_to.as_bytes()), &mut rest)
            .map_err(|_| Error::internal("sealing failed"))?;
        Ok([&nonce[..], &rest].concat())
    }

    /// Decrypts what was sealed there.
    ///
    /// # Errors
    /// [`Error::Internal`] when it was sealed elsewhere, with another key, or was changed.
    pub fn open(&self, bound_to: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let broken = || Error::internal(format!("what is sealed for {bound_to:?} cannot be opened"));
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut rest = Zeroizing::new(rest.to_vec());
        let length = self.0.open_in_place(nonce, Aad::from(bound_to.as_bytes()), &mut rest).map_err(|_| broken())?.len();
        rest.truncate(length);
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> SealingKey {
        SealingKey::new(&MasterKey::new(&text.into()).unwrap(), "test").unwrap()
    }

    #[test]
    fn t80_what_is_sealed_opens_in_its_place_only() {
        let (entropy, mine) = (Entropy::seeded(1), key("one-key-of-32-characters-or-more"));
        let sealed = mine.seal(&entropy, "row 1", b"secret").unwrap();
        assert_eq!(mine.open("row 1", &sealed).unwrap().as_slice(), b"secret");
        assert!(mine.open("row 2", &sealed).is_err());
        assert!(key("other-key-of-32-characters-or-mo").open("row 1", &sealed).is_err());
        assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));
        assert_ne!(mine.seal(&entropy, "row 1", b"secret").unwrap(), sealed);
    }

    #[test]
    fn t80_every_changed_byte_is_noticed() {
        let mine = key("one-key-of-32-characters-or-more");
        let sealed = mine.seal(&Entropy::seeded(1), "row 1", b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(mine.open("row 1", &changed).is_err(), "byte {at}");
            assert!(mine.open("row 1", &sealed[..at]).is_err(), "cut at {at}");
        }
    }
}
