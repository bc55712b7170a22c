//! Tokens as an attacker would make them: taken apart, put together anew, and signed, also by the right key.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use vestibule::settings::{Algorithm, Settings, TokenMode};

/// The key under which the installation signs, where that is HS256.
pub(super) const SECRET: &str = "a-signing-key-of-32-characters-or-more";

/// A signing key that the attacker has, to see that even then nothing but our own form of a token counts.
pub(super) enum Forge {
    Hs256,
    EdDsa(Ed25519KeyPair, tempfile::TempDir),
}

impl Forge {
    /// One of each kind.
    pub(super) fn both() -> [Self; 2] {
        use std::os::unix::fs::PermissionsExt as _;
        let pem = include_str!("../../data/keys/ed25519.pem");
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        std::fs::write(&path, pem).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        [Self::Hs256, Self::EdDsa(Ed25519KeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap(), folder)]
    }

    /// An installation that signs with that key.
    pub(super) fn settings(&self, settings: &mut Settings) {
        settings.tokens.mode = TokenMode::Jwt;
        match self {
            Self::Hs256 => {
                (settings.jwt.algorithm, settings.jwt.secret) = (Algorithm::Hs256, Some(SECRET.into()));
            }
            Self::EdDsa(_, folder) => {
                settings.jwt.algorithm = Algorithm::EdDsa;
                settings.jwt.private_key_file = Some(folder.path().join("key.pem"));
            }
        }
    }

    /// The token with that header and these claims, whatever they are.
    pub(super) fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = match self {
            Self::Hs256 => hmac_of(hmac::HMAC_SHA256, SECRET.as_bytes(), &message),
            Self::EdDsa(key, _) => key.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encode(signature))
    }
}

/// A tag under a key that somebody takes for an HMAC key.
pub(super) fn hmac_of(algorithm: hmac::Algorithm, key: &[u8], message: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm, key), message.as_bytes()).as_ref().to_vec()
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a token's parts.
pub(super) fn parts(token: &str) -> Vec<Vec<u8>> {
    token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect()
}

/// The header and the claims of a token.
pub(super) fn opened(token: &str) -> (Value, Value) {
    let parts = parts(token);
    (serde_json::from_slice(&parts[0]).unwrap(), serde_json::from_slice(&parts[1]).unwrap())
}

/// The header with another member, or another value of one.
pub(super) fn header_with(header: &Value, name: &str, value: Value) -> String {
    let mut header = header.clone();
    header[name] = value;
    header.to_string()
}

/// Values that stand where a time does, and are none.
pub(super) fn no_times(now: i64) -> Vec<Value> {
    let texts = [json!(now.to_string()), json!(now as f64), json!(now as f64 + 0.5), json!(-1), json!(1e300), json!(i64::MAX)];
    texts.into_iter().chain([json!(null), json!([now]), json!({ "a": now }), json!(true)]).collect()
}
