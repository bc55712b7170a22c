//! Secrets as types that cannot be printed.

use std::fmt;

use aws_lc_rs::{digest, hkdf};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::error::{Error, Result};

/// A password or another text that must not appear anywhere. `Debug` shows dots, there is no `Display` and no `Serialize`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself. Whoever calls this must not log, store or answer it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl schemars::JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "secret" })
    }
}

/// SHA-256 of a credential with at least 128 random bits: what the database keeps of it.
///
/// A plain hash is enough for such a credential; only what people choose needs a slow one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The hash of `credential`.
    pub fn of(credential: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, credential).as_ref());
        Self(out)
    }

    /// The bytes as stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// The installation's secret key: every other key is derived from it, one for each purpose (RFC 5869).
#[derive(Clone)]
pub struct MasterKey(Zeroizing<Vec<u8>>);

/// The fewest characters that a secret key may have: 32 hexadecimal digits hold 128 bits.
pub const SHORTEST_KEY: usize = 32;

impl MasterKey {
    /// The key from the setting `secret_key`.
    ///
    /// # Errors
    /// A sentence for the operator when the text is too short or repeats one character; never the text itself.
    pub fn new(secret: &Secret) -> std::result::Result<Self, String> {
        let text = secret.expose().trim();
        if text.chars().count() < SHORTEST_KEY {
            return Err(format!("is shorter than {SHORTEST_KEY} characters"));
        }
        let first = text.chars().next();
        if text.chars().all(|c| Some(c) == first) {
            return Err("repeats a single character".into());
        }
        Ok(Self(Zeroizing::new(text.as_bytes().to_vec())))
    }

    /// The key for one purpose. Two purposes never share a key (T35).
    ///
    /// # Errors
    /// [`Error::Internal`] if the derivation fails, which the length asked for here cannot make it do.
    pub fn derive(&self, purpose: &str) -> Result<Zeroizing<[u8; 32]>> {
        let broken = |_| Error::internal("key derivation failed");
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"vestibule");
        let parts = [purpose.as_bytes()];
        let mut out = Zeroizing::new([0; 32]);
        salt.extract(&self.0).expand(&parts, hkdf::HKDF_SHA256).map_err(broken)?.fill(out.as_mut()).map_err(broken)?;
        Ok(out)
    }

    /// What the database keeps to recognise the key: derived, so it tells nothing about the key.
    ///
    /// # Errors
    /// As [`MasterKey::derive`].
    pub fn fingerprint(&self) -> Result<String> {
        Ok(hex::encode(&self.derive("fingerprint")?[..8]))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}
