//! What a service without our database needs to verify access tokens: the published keys and what to expect.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::signature::ParsedPublicKey;
use serde_json::Value;

use crate::ground::Time;

use super::Fault;
use super::claims::{Claims, Kind, Rules};
use super::jws::Parts;
use super::public::Jwk;

/// The most keys of a document that are looked at; ours has two or three.
const MOST_KEYS: usize = 32;

/// The most bytes of a document.
pub const LARGEST_DOCUMENT: usize = 64 * 1024;

/// Published keys, parsed.
#[derive(Default)]
pub struct PublicKeys(Vec<(Jwk, ParsedPublicKey)>);

impl PublicKeys {
    /// The keys of the document at `/.well-known/jwks.json`. Keys of kinds that Vestibule does not use are passed over; an HMAC key
    /// is never one.
    ///
    /// # Errors
    /// What is wrong with the document as a whole.
    pub fn from_json(document: &[u8]) -> Result<Self, String> {
        if document.len() > LARGEST_DOCUMENT {
            return Err(format!("the document has more than {LARGEST_DOCUMENT} bytes"));
        }
        let document: Value = serde_json::from_slice(document).map_err(|error| format!("the document is no JSON: {error}"))?;
        let keys = document["keys"].as_array().ok_or("the document has no keys")?.iter().take(MOST_KEYS);
        let sound = keys.filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
        Ok(Self(sound.filter_map(|jwk| Some((jwk.parse()?, jwk))).map(|(key, jwk)| (jwk, key)).collect()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, kid: &str) -> Option<&(Jwk, ParsedPublicKey)> {
        self.0.iter().find(|(jwk, _)| jwk.kid == kid)
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(jwk, _)| &jwk.kid)).finish()
    }
}

/// Which access tokens count for a service.
#[derive(Clone, Debug)]
pub struct Expected(Rules);

/// Why a token does not count for a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// It names a key that is not among those at hand; newer ones may have it.
    UnknownKey,
    /// It does not count.
    Fault(Fault),
}

impl From<Fault> for Unverified {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Default for Expected {
    fn default() -> Self {
        Self(Rules { issuer: None, audience: None, leeway: 0, id_claim: "user_id".into() })
    }
}

impl Expected {
    /// Tokens of this issuer: the server's `jwt.issuer`.
    pub fn issuer(&mut self, issuer: impl Into<String>) {
        self.0.issuer = Some(issuer.into());
    }

    /// Tokens for this audience: the server's `jwt.audience`.
    pub fn audience(&mut self, audience: impl Into<String>) {
        self.0.audience = Some(audience.into());
    }

    /// How far clocks may differ; a minute at most.
    pub fn leeway(&mut self, leeway: Duration) {
        self.0.leeway = i64::try_from(leeway.as_secs().min(60)).unwrap_or(0);
    }

    /// The claim that names the account: the server's `user.id_claim`.
    pub fn id_claim(&mut self, name: impl Into<String>) {
        self.0.id_claim = name.into();
    }

    /// What an access token says. Whether its session still counts, only the server knows: a token counts here until it ends.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn verify(&self, keys: &PublicKeys, token: &str, now: Time) -> Result<Claims, Unverified> {
        let parts = Parts::of(token).ok_or(Fault::Invalid)?;
        let (jwk, key) = keys.find(parts.header.kid.as_deref().ok_or(Fault::Invalid)?).ok_or(Unverified::UnknownKey)?;
        let signature = parts.signature().filter(|_| parts.header.alg == jwk.alg.word()).ok_or(Fault::Invalid)?;
        key.verify_sig(parts.message, &signature).map_err(|_| Fault::Invalid)?;
        Ok(self.0.read(Kind::Access, &parts.payload().ok_or(Fault::Invalid)?, now)?)
    }
}
