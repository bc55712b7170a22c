//! Tries a provider's settings out without logging anybody in, and says in words what is wrong.

use http::StatusCode;
use http::header::LOCATION;
use http_body_util::Full;

use crate::ground::secrets::MasterKey;
use crate::ground::{Entropy, Secret, Time};

use super::authorize::{self, FlowKey};
use super::discovery::Metadata;
use super::exchange::{self, Code};
use super::failure::Failure;
use super::one_line;
use super::provider::Provider;

/// What was found out about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether nothing has to be done.
    pub fine: bool,
    /// What it is, and what to do about it where something has to be done.
    pub text: String,
}

fn fine(text: impl Into<String>) -> Finding {
    Finding { fine: true, text: text.into() }
}

fn wrong(text: impl Into<String>) -> Finding {
    Finding { fine: false, text: text.into() }
}

/// Asks the provider for its description and its keys, shows it a request to log in, and offers it a code that it never made: what
/// it says tells whether it knows the client, the redirect, the scopes and the secret.
pub async fn run(provider: &Provider, now: Time) -> Vec<Finding> {
    let mut found = vec![fine(format!("the callback to enter at the provider: {}", provider.callback))];
    if provider.front_callback != provider.callback {
        let text = format!("and, for codes that your front end fetches itself: {}", provider.front_callback);
        found.push(fine(text));
    }
    let metadata = match provider.metadata(now).await {
        Ok(metadata) => metadata,
        Err(failure) => {
            found.push(wrong(format!("issuer: {failure}")));
            return found;
        }
    };
    found.push(fine(format!("issuer: {}", metadata.issuer)));
    found.push(scopes(provider, &metadata));
    if let Some(url) = &metadata.keys {
        found.push(match provider.keys.count(&provider.out, url).await {
            Ok(0) => wrong("keys: none of them can check a signature"),
            Ok(count) => fine(format!("keys: {count}")),
            Err(failure) => wrong(failure.to_string()),
        });
    }
    found.push(request(provider, &metadata).await);
    found.push(secret(provider, now).await);
    found
}

fn scopes(provider: &Provider, metadata: &Metadata) -> Finding {
    let asked = provider.scopes();
    let unknown: Vec<&String> =
        asked.iter().filter(|scope| !metadata.scopes.is_empty() && !metadata.scopes.contains(scope)).collect();
    if provider.speaks_openid() && !asked.iter().any(|scope| scope == "openid") {
        return wrong("scopes: without \"openid\" the provider gives no ID token; add it");
    }
    if unknown.is_empty() {
        return fine(format!("scopes: {}", asked.join(" ")));
    }
    let names: Vec<&str> = unknown.into_iter().map(String::as_str).collect();
    wrong(format!("scopes: the provider does not say that it knows {}; set scopes to what it lists", names.join(", ")))
}

/// Shows the provider the request with which people would come.
async fn request(provider: &Provider, metadata: &Metadata) -> Finding {
    let ties = Secret::from("a-key-for-one-request-that-nobody-answers");
    let ties = MasterKey::new(&ties).map_err(|_| ()).and_then(|key| FlowKey::new(&key).map_err(|_| ()));
    let Ok(Ok(ties)) = ties.map(|key| key.fresh(&Entropy::System)) else {
        return wrong("there is no randomness on this machine");
    };
    let url = authorize::url(provider, metadata, &ties);
    let request = http::Request::get(url.as_str()).body(Full::default());
    let reply = match request {
        Ok(request) => provider.out.send(request).await,
        Err(error) => return wrong(format!("client_id and callback: {error}")),
    };
    let remedy = "compare client_id with the provider's, and enter the callback above there, to the letter";
    match reply {
        Err(trouble) => wrong(format!("client_id and callback: the provider's page {trouble}")),
        Ok(reply) => {
            let to = reply.headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
            let refuses = to.contains("error=");
            match (reply.status, refuses) {
                (status, false) if status.is_success() || status.is_redirection() => {
                    fine("client_id and callback: the provider shows its page for them")
                }
                (_, true) => wrong(format!("client_id and callback: refused ({}); {remedy}", one_line(error_of(to)))),
                (StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS, _) => {
                    fine("client_id and callback: the provider shows its page to browsers only; log in once to try them")
                }
                (status, _) => wrong(format!("client_id and callback: refused with {}; {remedy}", status.as_u16())),
            }
        }
    }
}

fn error_of(location: &str) -> &str {
    location.split(['?', '&', '#']).find(|part| part.starts_with("error")).unwrap_or("error")
}

/// Offers a code that the provider never made: a provider that knows the secret says that the code is wrong.
async fn secret(provider: &Provider, now: Time) -> Finding {
    let code = Secret::from("a-code-that-was-never-made");
    let code = Code { code: &code, redirect: &provider.callback, verifier: None, nonce: None };
    match exchange::by_code(provider, &code, now).await {
        Err(Failure::Refused(_)) => fine("client_secret: the provider knows it"),
        Err(Failure::Misconfigured(why)) => wrong(format!(
            "client_secret: {why}; make a new one at the provider and set client_secret or client_secret_file to it"
        )),
        Err(failure) => wrong(format!("client_secret: could not be tried: {failure}")),
        Ok(_) => wrong("the provider takes a code that it never made: do not use it"),
    }
}
