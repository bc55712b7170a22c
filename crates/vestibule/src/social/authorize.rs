//! The request with which somebody is sent to a provider, and the secrets that tie the answer to it.

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use crate::ground::secrets::MasterKey;
use crate::ground::{Entropy, Result, Secret};

use super::discovery::Metadata;
use super::provider::Provider;

/// The key from which the secrets of a request are derived: the database keeps none of them.
pub struct FlowKey(hmac::Key);

/// The secrets of one request. Verifier and nonce follow from the state and a key that only this service has.
pub struct Ties {
    /// What the answer must bring back (RFC 6749 §10.12); 192 random bits.
    pub state: Secret,
    /// What the code is bound to (RFC 7636): 43 characters.
    pub verifier: Secret,
    /// What the ID token must repeat (OpenID Connect Core §3.1.2.1).
    pub nonce: Secret,
}

impl FlowKey {
    /// The key of this installation.
    ///
    /// # Errors
    /// [`crate::ground::Error::Internal`] when it cannot be derived.
    pub fn new(master: &MasterKey) -> Result<Self> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, master.derive("social flows")?.as_ref())))
    }

    /// Fresh secrets for a request.
    ///
    /// # Errors
    /// [`crate::ground::Error::Internal`] when there is no randomness to be had.
    pub fn fresh(&self, entropy: &Entropy) -> Result<Ties> {
        Ok(self.of(URL_SAFE_NO_PAD.encode(entropy.bytes::<24>()?).into()))
    }

    /// The secrets of the request with that state.
    pub fn of(&self, state: Secret) -> Ties {
        let derived = |what: &str| {
            let text = format!("{what}\0{}", state.expose());
            Secret::from(URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, text.as_bytes()).as_ref()))
        };
        Ties { verifier: derived("verifier"), nonce: derived("nonce"), state }
    }
}

/// Where somebody is sent to log in.
pub fn url(provider: &Provider, metadata: &Metadata, ties: &Ties) -> Url {
    let mut url = metadata.authorize.clone();
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("response_type", "code");
        query.append_pair("client_id", &provider.client_id);
        query.append_pair("redirect_uri", &provider.callback);
        query.append_pair("scope", &provider.scopes().join(" "));
        query.append_pair("state", ties.state.expose());
        if provider.speaks_openid() {
            query.append_pair("nonce", ties.nonce.expose());
        }
        if provider.kind.pkce {
            let hash = digest::digest(&digest::SHA256, ties.verifier.expose().as_bytes());
            query.append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(hash));
            query.append_pair("code_challenge_method", "S256");
        }
        for (name, value) in provider.kind.extra {
            query.append_pair(name, value);
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn t48_the_secrets_of_each_request_are_fresh_and_long_enough() {
        let key = FlowKey::new(&MasterKey::new(&"a-test-key-of-32-characters-or-more".into()).unwrap()).unwrap();
        let entropy = Entropy::seeded(1);
        let mut seen = HashSet::new();
        for _ in 0..100 {
            let ties = key.fresh(&entropy).unwrap();
            assert!(ties.state.expose().len() >= 22, "128 bits");
            assert!(ties.nonce.expose().len() >= 22 && (43..=128).contains(&ties.verifier.expose().len()));
            let again = key.of(ties.state.clone());
            assert!(again.verifier == ties.verifier && again.nonce == ties.nonce);
            for secret in [ties.state, ties.verifier, ties.nonce] {
                assert!(seen.insert(secret.expose().to_owned()));
            }
        }
    }
}
