//! Signatures of JSON Web Tokens (RFC 7515, RFC 7518): checks those of providers, and makes the one that Apple asks for.
//!
//! Which algorithm a signature is checked with is decided by the key, never by the token alone (RFC 8725 §3.1).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair, ParsedPublicKey, RsaParameters};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::ground::{Secret, Time};

/// The most characters of a token that are looked at.
const LONGEST: usize = 16 * 1024;

/// A token taken apart, before anything of it is believed.
pub(super) struct Unverified<'a> {
    /// What its header says.
    pub(super) header: Map<String, Value>,
    /// What its body says.
    pub(super) claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    pub(super) fn read(token: &'a str) -> Option<Self> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let object = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        Some(Self {
            header: object(header)?,
            claims: object(claims)?,
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// The algorithm that the header names.
    pub(super) fn algorithm(&self) -> &str {
        self.header.get("alg").and_then(Value::as_str).unwrap_or_default()
    }

    /// The key that the header names.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// Whether the signature is this key's, by the algorithm that the key is for.
    pub(super) fn is_signed_by(&self, key: &Key) -> bool {
        key.algorithms.contains(&self.algorithm()) && key.verifies(self.algorithm(), self.signed.as_bytes(), &self.signature)
    }
}

/// A public key of a provider.
pub(super) struct Key {
    /// Its name.
    pub(super) id: Option<String>,
    /// The algorithms that it is for.
    pub(super) algorithms: Vec<&'static str>,
    material: Material,
}

enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Curve(ParsedPublicKey),
}

/// RSA signatures that are taken; without a word about it in the key, only the default of OpenID Connect (Core §2).
const RSA: [(&str, &RsaParameters); 6] = [
    ("RS256", &signature::RSA_PKCS1_2048_8192_SHA256),
    ("RS384", &signature::RSA_PKCS1_2048_8192_SHA384),
    ("RS512", &signature::RSA_PKCS1_2048_8192_SHA512),
    ("PS256", &signature::RSA_PSS_2048_8192_SHA256),
    ("PS384", &signature::RSA_PSS_2048_8192_SHA384),
    ("PS512", &signature::RSA_PSS_2048_8192_SHA512),
];

impl Key {
    /// Reads a JSON Web Key (RFC 7517) that signatures can be checked with; `None` for every other, symmetric ones above all.
    pub(super) fn read(jwk: &Value) -> Option<Self> {
        if jwk["use"].as_str().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok();
        let (material, usual) = match (jwk["kty"].as_str()?, jwk["crv"].as_str()) {
            ("RSA", _) => (Material::Rsa { n: bytes("n")?, e: bytes("e")? }, "RS256"),
            ("EC", Some("P-256")) => (point(&signature::ECDSA_P256_SHA256_FIXED, &bytes("x")?, &bytes("y")?, 32)?, "ES256"),
            ("EC", Some("P-384")) => (point(&signature::ECDSA_P384_SHA384_FIXED, &bytes("x")?, &bytes("y")?, 48)?, "ES384"),
            ("OKP", Some("Ed25519")) => (curve(&signature::ED25519, &bytes("x")?)?, "EdDSA"),
            _ => return None,
        };
        let algorithms = match (jwk["alg"].as_str(), &material) {
            (None, _) => vec![usual],
            (Some(named), Material::Rsa { .. }) => RSA.iter().map(|(name, _)| *name).filter(|name| *name == named).collect(),
            (Some("Ed25519"), Material::Curve(_)) if usual == "EdDSA" => vec!["EdDSA", "Ed25519"],
            (Some(named), Material::Curve(_)) => {
                if named == usual {
                    vec![usual]
                } else {
                    Vec::new()
                }
            }
        };
        Some(Self { id: jwk["kid"].as_str().map(str::to_owned), algorithms, material })
    }

    fn verifies(&self, algorithm: &str, signed: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Rsa { n, e } => {
                let parameters = RSA.iter().find(|(name, _)| *name == algorithm).map(|(_, parameters)| *parameters);
                parameters.is_some_and(|parameters| PublicKeyComponents { n, e }.verify(parameters, signed, signature).is_ok())
            }
            Material::Curve(key) => key.verify_sig(signed, signature).is_ok(),
        }
    }
}

fn point(algorithm: &'static dyn signature::VerificationAlgorithm, x: &[u8], y: &[u8], size: usize) -> Option<Material> {
    if x.len() != size || y.len() != size {
        return None;
    }
    curve(algorithm, &[&[4], x, y].concat())
}

fn curve(algorithm: &'static dyn signature::VerificationAlgorithm, bytes: &[u8]) -> Option<Material> {
    ParsedPublicKey::new(algorithm, bytes).ok().map(Material::Curve)
}

/// A key with which tokens are signed: client secrets, and those of `social.dev`.
pub(super) struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    /// Reads a PKCS #8 key of the curve P-256, as Apple gives it.
    ///
    /// # Errors
    /// What is wrong, without a byte of the key.
    pub(super) fn from_pem(pem: &Secret) -> Result<Self, &'static str> {
        use rustls::pki_types::PrivatePkcs8KeyDer;
        use rustls::pki_types::pem::PemObject;

        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.expose().as_bytes()).map_err(|_| "holds no PEM with a PRIVATE KEY")?;
        EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, key.secret_pkcs8_der())
            .map(Self)
            .map_err(|_| "holds no key of the curve P-256")
    }

    /// A key that nobody has had before.
    ///
    /// # Errors
    /// A sentence without randomness.
    pub(super) fn fresh() -> Result<Self, &'static str> {
        EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).map(Self).map_err(|_| "no key can be made")
    }

    /// What checks its signatures, as a JSON Web Key of that name.
    pub(super) fn public(&self, key_id: &str) -> Value {
        // An uncompressed point (SEC 1 §2.3.3): a byte that says so, and two coordinates.
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": key_id, "x": encode(x), "y": encode(y) })
    }

    /// A token with these claims.
    pub(super) fn token(&self, key_id: &str, claims: &Value) -> Option<String> {
        let header = json!({ "alg": "ES256", "kid": key_id });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
    }

    /// A client secret for the next minutes (Apple's rules; RFC 7523 §3 has the same shape).
    pub(super) fn client_secret(&self, key_id: &str, team: &str, client: &str, audience: &str, now: Time) -> Option<Secret> {
        let seconds = now.millis() / 1000;
        let claims = json!({ "iss": team, "iat": seconds, "exp": seconds + 300, "aud": audience, "sub": client });
        self.token(key_id, &claims).map(Secret::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t48_a_key_is_for_its_own_algorithm_alone() {
        for (jwk, algorithms) in [
            (json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }), vec!["RS256"]),
            (json!({ "kty": "RSA", "alg": "PS384", "n": "AQAB", "e": "AQAB" }), vec!["PS384"]),
            (json!({ "kty": "RSA", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB" }), vec![]),
            (json!({ "kty": "RSA", "alg": "none", "n": "AQAB", "e": "AQAB" }), vec![]),
            (json!({ "kty": "RSA", "alg": "HS256", "n": "AQAB", "e": "AQAB" }), vec![]),
        ] {
            assert_eq!(Key::read(&jwk).unwrap().algorithms, algorithms, "{jwk}");
        }
        for jwk in [
            json!({ "kty": "oct", "k": "c2VjcmV0" }),
            json!({ "kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB" }),
            json!({ "kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB" }),
            json!({ "kty": "EC", "crv": "secp256k1", "x": "AQAB", "y": "AQAB" }),
            json!({}),
        ] {
            assert!(Key::read(&jwk).is_none(), "{jwk}");
        }
    }

    #[test]
    fn a_client_secret_is_signed_by_its_key() {
        let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let key = SigningKey(pair);
        let jwk = key.public("KEY");
        let secret = key.client_secret("KEY", "TEAM", "client", "https://idp", Time::from_millis(9_000)).unwrap();
        let token = Unverified::read(secret.expose()).unwrap();
        assert!(token.is_signed_by(&Key::read(&jwk).unwrap()));
        assert_eq!(token.key_id(), Some("KEY"));
        let claims = json!({ "iss": "TEAM", "iat": 9, "exp": 309, "aud": "https://idp", "sub": "client" });
        assert_eq!(Value::Object(token.claims), claims);
        assert!(SigningKey::from_pem(&"nonsense".into()).is_err());
    }

    #[test]
    fn what_is_no_token_is_not_read() {
        for text in ["", "a.b", "a.b.c", "..", "e30.e30.!", &format!("e30.e30.{}", "A".repeat(LONGEST))] {
            assert!(Unverified::read(text).is_none(), "{:.20}", text);
        }
        assert!(Unverified::read("e30.e30.").is_some(), "without a signature, which no key will have made");
    }
}
