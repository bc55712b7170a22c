//! A provider for development that believes what it is told: whoever comes types who they are (`social.dev`).
//!
//! It speaks OpenID Connect like any other, so nothing about a sign-in is different but the page. It is asked within the process
//! and keeps nothing: a code carries what it stands for, sealed with a key that lives as long as the process. Where others than this
//! machine could reach it, it is not made at all: it would let anybody in as anybody.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use crate::ground::seal::SealingKey;
use crate::ground::secrets::MasterKey;
use crate::ground::{Entropy, Result, Time};
use crate::outgoing::Reply;

use super::jws::SigningKey;

/// The kind, and the only name that its section may have.
pub const DEV: &str = "dev";

/// Where the page stands on which one types who one is.
pub const PAGE: &str = "social/dev/provider";

/// Its issuer, under which nobody is found (RFC 2606 §2): the same whatever the port is, so that accounts stay.
pub(super) const ISSUER: &str = "https://dev.invalid";

/// For how many seconds its tokens count.
const LIVES: i64 = 3600;

type Members = BTreeMap<String, String>;

/// The provider.
pub struct DevProvider {
    client: String,
    /// Where people may be sent back to.
    callbacks: [String; 2],
    /// The whole address of its page.
    page: String,
    seal: SealingKey,
    signing: SigningKey,
}

/// Somebody who was sent here to say who they are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Visit {
    redirect: String,
    state: Option<String>,
    nonce: Option<String>,
    challenge: Option<String>,
}

/// What a code stands for.
#[derive(Serialize, Deserialize)]
struct Grant {
    visit: Visit,
    person: Map<String, Value>,
    /// When it was given, in seconds.
    at: i64,
}

impl DevProvider {
    /// The provider for that client, with keys of its own.
    pub(super) fn new(client: &str, callbacks: [String; 2], page: String) -> std::result::Result<Self, String> {
        let key = Entropy::System.bytes::<32>().map(hex::encode);
        let master = MasterKey::new(&key.map_err(|error| format!("{error:?}"))?.into())?;
        let seal = SealingKey::new(&master, "dev provider").map_err(|error| format!("{error:?}"))?;
        Ok(Self { client: client.to_owned(), callbacks, page, seal, signing: SigningKey::fresh()? })
    }

    /// The authorization request with these members, if it is one of this service.
    pub fn visit(&self, query: impl Fn(&str) -> Option<String>) -> Option<Visit> {
        let redirect = query("redirect_uri").filter(|redirect| self.callbacks.contains(redirect))?;
        let is_ours = query("client_id").as_deref() == Some(&self.client) && query("response_type").as_deref() == Some("code");
        let visit = Visit { redirect, state: query("state"), nonce: query("nonce"), challenge: query("code_challenge") };
        is_ours.then_some(visit)
    }

    /// Where somebody is sent back to who is that person.
    ///
    /// # Errors
    /// [`crate::ground::Error::Internal`] without randomness.
    pub fn agreed(&self, visit: Visit, person: Map<String, Value>, now: Time) -> Result<String> {
        let grant = Grant { visit: visit.clone(), person, at: now.millis() / 1000 };
        let code = self.sealed("code", &grant)?;
        Ok(back(&visit, ("code", &code)))
    }

    /// Where somebody is sent back to who says no.
    pub fn refused(&self, visit: &Visit) -> String {
        back(visit, ("error", "access_denied"))
    }

    /// Answers what a client asks of a provider, as over a network.
    pub(super) fn answer(&self, request: &Request<Bytes>) -> Reply {
        let (status, document) = match request.uri().path() {
            "/.well-known/openid-configuration" => (StatusCode::OK, self.description()),
            "/keys" => (StatusCode::OK, json!({ "keys": [self.signing.public(DEV)] })),
            "/token" => self.tokens(&members(request.body())),
            "/userinfo" => self.userinfo(request.headers()),
            // The page itself, of which a client only sees whether it is shown.
            _ => match self.visit(|name| members(request.uri().query().unwrap_or_default().as_bytes()).remove(name)) {
                Some(_) => (StatusCode::OK, json!({})),
                None => (StatusCode::BAD_REQUEST, json!({ "error": "unauthorized_client" })),
            },
        };
        Reply { status, headers: HeaderMap::new(), body: Ok(document.to_string().into()) }
    }

    fn description(&self) -> Value {
        let at = |path: &str| format!("{ISSUER}/{path}");
        json!({
            "issuer": ISSUER, "authorization_endpoint": self.page, "token_endpoint": at("token"),
            "userinfo_endpoint": at("userinfo"), "jwks_uri": at("keys"), "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
            "scopes_supported": ["openid", "email", "profile"], "authorization_response_iss_parameter_supported": true,
        })
    }

    fn tokens(&self, form: &Members) -> (StatusCode, Value) {
        if form.get("client_id") != Some(&self.client) {
            return (StatusCode::UNAUTHORIZED, json!({ "error": "invalid_client" }));
        }
        let refused = || (StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" }));
        let Some(grant) = form.get("code").and_then(|code| self.opened("code", code)) else { return refused() };
        let hash = |verifier: &String| URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
        let visit = &grant.visit;
        if visit.challenge != form.get("code_verifier").map(hash) || form.get("redirect_uri") != Some(&visit.redirect) {
            return refused();
        }
        let mut claims = grant.person.clone();
        let usual = json!({ "iss": ISSUER, "aud": self.client, "iat": grant.at, "exp": grant.at + LIVES, "nonce": visit.nonce });
        claims.extend(usual.as_object().cloned().unwrap_or_default());
        let tokens = (self.sealed("access", &grant).ok(), self.signing.token(DEV, &claims.into()));
        let (Some(access), Some(id)) = tokens else { return (StatusCode::INTERNAL_SERVER_ERROR, json!({})) };
        (StatusCode::OK, json!({ "access_token": access, "token_type": "Bearer", "expires_in": LIVES, "id_token": id }))
    }

    fn userinfo(&self, headers: &HeaderMap) -> (StatusCode, Value) {
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        match bearer.and_then(|token| self.opened("access", token)) {
            Some(grant) => (StatusCode::OK, grant.person.into()),
            None => (StatusCode::UNAUTHORIZED, json!({ "error": "invalid_token" })),
        }
    }

    fn sealed(&self, purpose: &str, grant: &Grant) -> Result<String> {
        let plain = serde_json::to_vec(grant).unwrap_or_default();
        Ok(URL_SAFE_NO_PAD.encode(self.seal.seal(&Entropy::System, purpose, &plain)?))
    }

    fn opened(&self, purpose: &str, text: &str) -> Option<Grant> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        serde_json::from_slice(&self.seal.open(purpose, &sealed).ok()?).ok()
    }
}

fn back(visit: &Visit, (name, value): (&str, &str)) -> String {
    let Ok(mut url) = Url::parse(&visit.redirect) else { return visit.redirect.clone() };
    url.query_pairs_mut().append_pair(name, value).append_pair("iss", ISSUER);
    if let Some(state) = &visit.state {
        url.query_pairs_mut().append_pair("state", state);
    }
    url.into()
}

fn members(text: &[u8]) -> Members {
    form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> DevProvider {
        let callbacks = ["http://127.0.0.1:8000/back/".to_owned(), "http://localhost:5173/back".to_owned()];
        DevProvider::new("dev", callbacks, "http://127.0.0.1:8000/page/".into()).unwrap()
    }

    fn query<'q>(members: &'q [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'q {
        |name| members.iter().find(|(member, _)| *member == name).map(|(_, value)| (*value).to_owned())
    }

    const USUAL: [(&str, &str); 3] =
        [("client_id", "dev"), ("response_type", "code"), ("redirect_uri", "http://127.0.0.1:8000/back/")];

    #[test]
    fn t56_nobody_is_sent_anywhere_but_to_the_callbacks() {
        let provider = provider();
        assert!(provider.visit(query(&USUAL)).is_some());
        for (name, value) in [
            ("redirect_uri", "http://127.0.0.1:8000/back"),
            ("redirect_uri", "https://evil.test/"),
            ("client_id", "other"),
            ("response_type", "token"),
        ] {
            let changed = USUAL.map(|(member, usual)| (member, if member == name { value } else { usual }));
            assert!(provider.visit(query(&changed)).is_none(), "{name} {value}");
        }
    }

    #[test]
    fn a_code_is_bound_to_its_verifier_and_callback_and_is_no_access_token() {
        let provider = provider();
        let verifier = "a-verifier-of-forty-three-characters-or-more";
        let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
        let members = [USUAL.as_slice(), &[("code_challenge", &challenge), ("state", "s")]].concat();
        let visit = provider.visit(query(&members)).unwrap();
        let person = json!({ "sub": "ana" }).as_object().unwrap().clone();
        let back = provider.agreed(visit.clone(), person, Time::from_millis(9_000)).unwrap();
        let code = back.split_once("code=").unwrap().1.split('&').next().unwrap();
        assert!(back.ends_with("&iss=https%3A%2F%2Fdev.invalid&state=s"), "{back}");
        let tokens = |changes: &[(&str, &str)]| {
            let usual = [("client_id", "dev"), ("code", code), ("code_verifier", verifier), ("redirect_uri", USUAL[2].1)];
            let all = usual.iter().chain(changes).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            provider.tokens(&all.collect())
        };
        for change in [("code_verifier", "another"), ("redirect_uri", "http://localhost:5173/back"), ("code", "x")] {
            assert_eq!(tokens(&[change]).0, 400, "{change:?}");
        }
        assert_eq!(tokens(&[("client_id", "other")]).0, 401);
        let (status, given) = tokens(&[]);
        assert_eq!((status.as_u16(), given["expires_in"].as_i64()), (200, Some(3600)));
        for (token, status) in [(given["access_token"].as_str().unwrap(), 200), (code, 401), ("x", 401)] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            assert_eq!(provider.userinfo(&headers).0, status);
        }
        assert!(provider.refused(&visit).contains("/back/?error=access_denied&"));
    }
}
