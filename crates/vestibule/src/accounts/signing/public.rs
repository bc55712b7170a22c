//! Public keys as they are published (RFC 7517, RFC 8037), and what they verify.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::settings::Algorithm;

/// A public key, as the JSON document shows it. It has no room for a private member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// The kind of key: `EC`, `OKP` or `RSA`.
    pub kty: String,
    /// What it is for: signatures.
    #[serde(rename = "use")]
    pub usage: String,
    /// The algorithm, which verifiers must not take from a token.
    pub alg: Algorithm,
    /// The key's name: its thumbprint (RFC 7638).
    pub kid: String,
    /// The curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// A coordinate, or the whole of an Ed25519 key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The other coordinate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// The modulus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// The exponent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}

impl Jwk {
    fn new(kty: &str, alg: Algorithm) -> Self {
        let (kty, usage, kid) = (kty.to_owned(), "sig".to_owned(), String::new());
        Self { kty, usage, alg, kid, crv: None, x: None, y: None, n: None, e: None }
    }

    /// Of a point on P-256, uncompressed.
    pub(super) fn p256(point: &[u8]) -> Option<Self> {
        let (x, y) = point.strip_prefix(&[4]).filter(|rest| rest.len() == 64)?.split_at(32);
        let jwk = Self { crv: Some("P-256".into()), x: encoded(x), y: encoded(y), ..Self::new("EC", Algorithm::Es256) };
        Some(jwk.named())
    }

    /// Of an Ed25519 key.
    pub(super) fn ed25519(key: &[u8]) -> Self {
        Self { crv: Some("Ed25519".into()), x: encoded(key), ..Self::new("OKP", Algorithm::EdDsa) }.named()
    }

    /// Of an RSA key; both numbers without leading zeros.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        Self { n: encoded(modulus), e: encoded(exponent), ..Self::new("RSA", Algorithm::Rs256) }.named()
    }

    fn named(mut self) -> Self {
        self.kid = self.thumbprint();
        self
    }

    /// SHA-256 over the members that make the key, in the order of their names (RFC 7638 §3).
    fn thumbprint(&self) -> String {
        let members = [("crv", &self.crv), ("e", &self.e)];
        let behind = [("n", &self.n), ("x", &self.x), ("y", &self.y)];
        let kty = Some(self.kty.clone());
        let all = members.into_iter().chain([("kty", &kty)]).chain(behind);
        let texts: Vec<String> = all.filter_map(|(name, value)| Some(format!("\"{name}\":\"{}\"", value.as_ref()?))).collect();
        let json = format!("{{{}}}", texts.join(","));
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, json.as_bytes()))
    }

    /// The key, ready to verify; nothing when it is not a sound key of its algorithm.
    pub(super) fn parse(&self) -> Option<ParsedPublicKey> {
        let is = |kty: &str, crv: Option<&str>| self.kty == kty && self.crv.as_deref() == crv && self.usage == "sig";
        match self.alg {
            Algorithm::Es256 if is("EC", Some("P-256")) => {
                let (x, y) = (exactly_32(&self.x)?, exactly_32(&self.y)?);
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4][..], &x, &y].concat()).ok()
            }
            Algorithm::EdDsa if is("OKP", Some("Ed25519")) => ParsedPublicKey::new(&ED25519, exactly_32(&self.x)?).ok(),
            Algorithm::Rs256 if is("RSA", None) => {
                let (n, e) = (decoded(&self.n)?, decoded(&self.e)?);
                // 2048 to 8192 bits; the parser leaves that to each verification.
                let parts = RsaPublicKeyComponents { n: &n, e: &e };
                let key = (256..=1024).contains(&n.len()).then(|| parts.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256));
                key?.ok()
            }
            _ => None,
        }
    }
}

fn encoded(bytes: &[u8]) -> Option<String> {
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

fn decoded(text: &Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.as_ref()?).ok()
}

fn exactly_32(text: &Option<String>) -> Option<Vec<u8>> {
    decoded(text).filter(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_that_of_the_standards() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        // RFC 7638 §3.1 and RFC 8037 appendix A.3.
        let rsa = Jwk::rsa(&URL_SAFE_NO_PAD.decode(n).unwrap(), &[1, 0, 1]);
        assert_eq!(rsa.kid, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        let ed = Jwk::ed25519(&URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap());
        assert_eq!(ed.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert!(rsa.parse().is_some() && ed.parse().is_some());
    }

    #[test]
    fn t40_a_key_that_is_weak_or_of_another_kind_is_no_key() {
        assert!(Jwk::rsa(&[0xff; 128], &[1, 0, 1]).parse().is_none(), "1024 bits");
        assert!(Jwk::p256(&[4; 65]).unwrap().parse().is_none(), "not on the curve");
        let ed = Jwk::ed25519(&URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap());
        assert!(Jwk { alg: Algorithm::Rs256, ..ed.clone() }.parse().is_none());
        assert!(Jwk { alg: Algorithm::Hs256, ..ed.clone() }.parse().is_none());
        assert!(Jwk { usage: "enc".into(), ..ed }.parse().is_none());
    }
}
