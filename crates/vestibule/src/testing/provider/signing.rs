//! The keys of the provider, and how it signs.

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::SECRET;

/// How ID tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// With the key of the curve P-256.
    Es256,
    /// With the RSA key.
    Rs256,
    /// With the key of the curve Ed25519.
    EdDsa,
    /// Not at all: `alg` is `none`.
    None,
    /// With the client's secret, which everybody has who can read the front end's settings.
    Hs256,
    /// With a stranger's key, under the name of the right one.
    Stranger,
    /// With a key whose name nobody knows.
    UnknownKey,
}

struct Ring {
    p256: EcdsaKeyPair,
    stranger: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
    rsa: RsaKeyPair,
}

/// One ring for all: making an RSA key takes a while.
static RING: LazyLock<Ring> = LazyLock::new(|| {
    let p256 = || EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING);
    match (p256(), p256(), Ed25519KeyPair::generate(), RsaKeyPair::generate(KeySize::Rsa2048)) {
        (Ok(p256), Ok(stranger), Ok(ed25519), Ok(rsa)) => Ring { p256, stranger, ed25519, rsa },
        _ => panic!("keys cannot be made"),
    }
});

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The 2048 bits of the modulus, which in this encoding (RFC 8017 §A.1.1) always stand at the same place.
fn modulus() -> &'static [u8] {
    &RING.rsa.public_key().as_ref()[9..265]
}

/// The public keys, as the provider tells them, with that many others before them.
pub(super) fn document(others: usize) -> Value {
    let point = RING.p256.public_key().as_ref();
    let ours = [
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": "p256", "x": encode(&point[1..33]), "y": encode(&point[33..]) }),
        json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "ed25519", "x": encode(RING.ed25519.public_key().as_ref()) }),
        json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "rsa", "n": encode(modulus()), "e": "AQAB" }),
    ];
    let others = (0..others).map(|number| json!({ "kty": "oct", "kid": format!("other-{number}"), "k": "AAAA" }));
    json!({ "keys": others.chain(ours).collect::<Vec<_>>() })
}

/// A signed token.
pub(super) fn token(signing: Signing, claims: &Map<String, Value>) -> String {
    let (algorithm, key) = match signing {
        Signing::Es256 | Signing::Stranger => ("ES256", "p256"),
        Signing::UnknownKey => ("ES256", "unknown"),
        Signing::Rs256 => ("RS256", "rsa"),
        Signing::EdDsa => ("EdDSA", "ed25519"),
        Signing::None => ("none", "p256"),
        Signing::Hs256 => ("HS256", "p256"),
    };
    let header = json!({ "typ": "JWT", "alg": algorithm, "kid": key });
    let signed =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(Value::Object(claims.clone()).to_string().as_bytes()));
    format!("{signed}.{}", encode(&sign(signing, signed.as_bytes())))
}

fn sign(signing: Signing, text: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    let made = match signing {
        Signing::Es256 | Signing::UnknownKey => RING.p256.sign(&random, text).map(|made| made.as_ref().to_vec()),
        Signing::Stranger => RING.stranger.sign(&random, text).map(|made| made.as_ref().to_vec()),
        Signing::EdDsa => Ok(RING.ed25519.sign(text).as_ref().to_vec()),
        Signing::Rs256 => {
            let mut made = vec![0; RING.rsa.public_modulus_len()];
            RING.rsa.sign(&signature::RSA_PKCS1_SHA256, &random, text, &mut made).map(|()| made)
        }
        Signing::Hs256 => Ok(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), text).as_ref().to_vec()),
        Signing::None => Ok(Vec::new()),
    };
    made.unwrap_or_else(|_| panic!("a token cannot be signed"))
}
