//! Private keys: made, read from the owner's file, and signing. Each is parsed once.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use crate::ground::{Entropy, Error, Result, Secret};
use crate::settings::Algorithm;

use super::low_s;
use super::public::Jwk;

/// A key that signs and verifies.
pub(super) struct KeyPair {
    pub(super) kid: String,
    /// The public part; an HMAC key has none.
    pub(super) jwk: Option<Jwk>,
    /// The first part of every token that this key signs.
    pub(super) header: String,
    private: Private,
    public: Option<ParsedPublicKey>,
}

enum Private {
    Es256(Box<EcdsaKeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
    Rs256(Box<RsaKeyPair>),
    Hs256(Box<hmac::Key>),
}

/// The bytes of a new private key: PKCS#8, or the HMAC key itself.
///
/// # Errors
/// [`Error::Internal`] when the operating system has no randomness to give.
pub(super) fn generate(algorithm: Algorithm, entropy: &Entropy) -> Result<Zeroizing<Vec<u8>>> {
    let failed = |_| Error::internal("a signing key could not be made");
    // ECDSA and RSA keys are drawn by the library itself, from the operating system's generator as everything here.
    let bytes = match algorithm {
        Algorithm::Hs256 => entropy.bytes::<32>()?.to_vec(),
        Algorithm::EdDsa => {
            let seed = Zeroizing::new(entropy.bytes::<32>()?);
            let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).map_err(|_| failed(aws_lc_rs::error::Unspecified))?;
            pair.to_pkcs8().map_err(failed)?.as_ref().to_vec()
        }
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
            pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec()
        }
        Algorithm::Rs256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
            AsDer::as_der(&pair).map_err(failed)?.as_ref().to_vec()
        }
    };
    Ok(Zeroizing::new(bytes))
}

impl KeyPair {
    /// The key from [`generate`]'s bytes, or nothing when they are no sound key of that algorithm.
    pub(super) fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        let private = match algorithm {
            Algorithm::Es256 => Private::Es256(Box::new(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes).ok()?)),
            Algorithm::EdDsa => Private::EdDsa(Box::new(Ed25519KeyPair::from_pkcs8(bytes).ok()?)),
            Algorithm::Rs256 => Private::Rs256(Box::new(RsaKeyPair::from_pkcs8(bytes).ok()?)),
            Algorithm::Hs256 => Private::Hs256(Box::new(hmac::Key::new(hmac::HMAC_SHA256, bytes))),
        };
        Self::of(algorithm, private)
    }

    /// The key in the owner's PEM text: PKCS#8, or the older forms of RSA (PKCS#1) and EC (SEC 1).
    ///
    /// # Errors
    /// What is wrong, to follow the setting's name; never the text.
    pub(super) fn from_pem(algorithm: Algorithm, pem: &Secret) -> Result<Self, String> {
        let der = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes());
        let der = der.map_err(|_| "holds no private key in PEM without a passphrase".to_owned())?;
        let private = match (algorithm, &der) {
            (Algorithm::Es256, PrivateKeyDer::Sec1(key)) => {
                let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, key.secret_sec1_der());
                pair.ok().map(|pair| Private::Es256(Box::new(pair)))
            }
            (Algorithm::Rs256, PrivateKeyDer::Pkcs1(key)) => {
                RsaKeyPair::from_der(key.secret_pkcs1_der()).ok().map(|pair| Private::Rs256(Box::new(pair)))
            }
            (_, PrivateKeyDer::Pkcs8(key)) => return Self::from_pkcs8(algorithm, key.secret_pkcs8_der()),
            _ => None,
        };
        private.and_then(|private| Self::of(algorithm, private)).ok_or_else(|| unfit(algorithm))
    }

    fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, String> {
        Self::from_bytes(algorithm, der).ok_or_else(|| unfit(algorithm))
    }

    /// The owner's HMAC key.
    pub(super) fn from_secret(secret: &Secret) -> Option<Self> {
        Self::from_bytes(Algorithm::Hs256, secret.expose().as_bytes())
    }

    fn of(algorithm: Algorithm, private: Private) -> Option<Self> {
        let jwk = match &private {
            Private::Es256(pair) => Some(Jwk::p256(pair.public_key().as_ref())?),
            Private::EdDsa(pair) => Some(Jwk::ed25519(pair.public_key().as_ref())),
            Private::Rs256(pair) => {
                let public = pair.public_key();
                Some(Jwk::rsa(
                    public.modulus().big_endian_without_leading_zero(),
                    public.exponent().big_endian_without_leading_zero(),
                ))
            }
            Private::Hs256(_) => None,
        };
        // A thumbprint of an HMAC key would be a hash of the secret for everybody to see; a tag under it tells nothing.
        let kid = match (&jwk, &private) {
            (Some(jwk), _) => jwk.kid.clone(),
            (None, Private::Hs256(key)) => URL_SAFE_NO_PAD.encode(hmac::sign(key, b"vestibule kid")),
            (None, _) => return None,
        };
        let public = match &jwk {
            Some(jwk) => Some(jwk.parse()?),
            None => None,
        };
        let header = format!(r#"{{"alg":"{}","typ":"JWT","kid":"{kid}"}}"#, algorithm.word());
        Some(Self { header: URL_SAFE_NO_PAD.encode(header), kid, jwk, private, public })
    }

    /// The token with this payload.
    ///
    /// # Errors
    /// [`Error::Internal`] when the library cannot sign.
    pub(super) fn sign(&self, payload: &str) -> Result<Secret> {
        let failed = |_| Error::internal("a token could not be signed");
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(payload));
        let message = token.as_bytes();
        let signature = match &self.private {
            Private::Es256(pair) => {
                let mut signature = pair.sign(&SystemRandom::new(), message).map_err(failed)?.as_ref().to_vec();
                if !low_s::is_low(&signature) {
                    low_s::flip(&mut signature);
                }
                signature
            }
            Private::EdDsa(pair) => pair.try_sign(message).map_err(failed)?.as_ref().to_vec(),
            Private::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(failed)?;
                signature
            }
            Private::Hs256(key) => hmac::sign(key, message).as_ref().to_vec(),
        };
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token.into())
    }

    /// Whether this key has signed that.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match (&self.private, &self.public) {
            (Private::Es256(_), _) if !low_s::is_low(signature) => false,
            (Private::Hs256(key), _) => hmac::verify(key, message, signature).is_ok(),
            (_, Some(public)) => public.verify_sig(message, signature).is_ok(),
            (_, None) => false,
        }
    }
}

fn unfit(algorithm: Algorithm) -> String {
    let wanted = match algorithm {
        Algorithm::Es256 => "an EC key on the curve P-256",
        Algorithm::EdDsa => "an Ed25519 key",
        Algorithm::Rs256 => "an RSA key of 2048 to 8192 bits",
        Algorithm::Hs256 => "a secret",
    };
    format!("holds a private key that does not fit jwt.algorithm {}, which needs {wanted}", algorithm.word())
}
