//! What a provider says of itself (OpenID Connect Discovery 1.0).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use crate::ground::Time;
use crate::outgoing::Outgoing;

use super::documents::Asking;
use super::failure::Failure;

/// How long a description counts.
const FRESH: Duration = Duration::from_secs(3600);

/// How long a failure is the answer to everybody who comes meanwhile: nobody waits in line for a provider that is away.
const PAUSE: Duration = Duration::from_secs(10);

/// The endpoints of a provider.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Who it is, or the template for it where there are tenants.
    pub issuer: String,
    /// Where people log in.
    pub authorize: Url,
    /// Where a code is exchanged.
    pub token: Url,
    /// Where it tells about a person.
    pub userinfo: Option<Url>,
    /// Where its keys are.
    pub keys: Option<Url>,
    /// Where it tells about an access token (RFC 7662).
    pub introspection: Option<Url>,
    /// Whether answers carry `iss` (RFC 9207).
    pub names_itself: bool,
    /// Whether the token endpoint takes client and secret as HTTP Basic.
    pub takes_basic: bool,
    /// The scopes that it says it knows; empty where it does not say.
    pub scopes: Vec<String>,
}

/// A description that is fetched when it is needed.
#[derive(Default)]
pub(super) struct Description(Mutex<State>);

#[derive(Default)]
struct State {
    known: Option<(Time, Arc<Metadata>)>,
    failed: Option<(Time, Failure)>,
}

impl Description {
    /// The description of the issuer.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when it cannot be had, [`Failure::Misconfigured`] when it is another issuer's (T53).
    pub(super) async fn get(&self, out: &Outgoing, issuer: &str, tenants: bool, now: Time) -> Result<Arc<Metadata>, Failure> {
        let mut state = self.0.lock().await;
        if let Some((at, known)) = &state.known
            && now < at.plus(FRESH)
        {
            return Ok(known.clone());
        }
        if let Some((at, failure)) = &state.failed
            && now < at.plus(PAUSE)
        {
            return state.known.as_ref().map_or_else(|| Err(failure.clone()), |(_, known)| Ok(known.clone()));
        }
        match fetch(out, issuer, tenants).await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *state = State { known: Some((now, metadata.clone())), failed: None };
                Ok(metadata)
            }
            Err(failure) => {
                tracing::error!(issuer, %failure, "a provider's description cannot be used");
                state.failed = Some((now, failure.clone()));
                // An outage of the document is no reason to stop while the last one is at hand.
                match (&failure, &state.known) {
                    (Failure::Unavailable(_), Some((_, known))) => Ok(known.clone()),
                    _ => Err(failure),
                }
            }
        }
    }
}

async fn fetch(out: &Outgoing, issuer: &str, tenants: bool) -> Result<Metadata, Failure> {
    let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let place = Url::parse(&place).map_err(|_| Failure::Misconfigured(format!("{issuer:?} is no issuer")))?;
    let document =
        Asking::get(&place).document(out, "description").await.map_err(|failure| Failure::Unavailable(failure.to_string()))?;
    read(&document, issuer, tenants)
}

/// Reads a description. Its issuer must be the one it was asked for, to the letter: else it is somebody else's (T53).
fn read(document: &Value, issuer: &str, tenants: bool) -> Result<Metadata, Failure> {
    let theirs = document["issuer"].as_str().unwrap_or_default();
    if theirs != issuer && !(tenants && is_template_of(theirs, issuer)) {
        return Err(Failure::Misconfigured(format!(
            "the description is that of {:?}, and the setting `issuer` says {issuer:?}",
            super::documents::one_line(theirs)
        )));
    }
    let url = |name: &str| document[name].as_str().and_then(|text| Url::parse(text).ok());
    let needed = |name: &str| url(name).ok_or_else(|| Failure::Unavailable(format!("description: lacks {name}")));
    let texts = |name: &str| -> Vec<String> {
        document[name].as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let methods = texts("token_endpoint_auth_methods_supported");
    Ok(Metadata {
        issuer: theirs.to_owned(),
        authorize: needed("authorization_endpoint")?,
        token: needed("token_endpoint")?,
        userinfo: url("userinfo_endpoint"),
        keys: Some(needed("jwks_uri")?),
        introspection: url("introspection_endpoint"),
        names_itself: document["authorization_response_iss_parameter_supported"] == Value::Bool(true),
        // Without a word about it, Basic is what there is (Discovery §3).
        takes_basic: methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic"),
        scopes: texts("scopes_supported"),
    })
}

/// Where the template stands for the tenant of a token.
pub(super) const TENANT: &str = "{tenantid}";

/// Whether a template is the configured issuer's own: they differ in nothing but the tenant's segment.
fn is_template_of(template: &str, issuer: &str) -> bool {
    let Some((before, after)) = template.split_once(TENANT) else { return false };
    let middle = issuer.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    middle.is_some_and(|tenant| matches!(tenant, "common" | "organizations" | "consumers"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(issuer: &str) -> Value {
        json!({
            "issuer": issuer, "authorization_endpoint": "https://idp.example.test/a", "token_endpoint": "https://idp.example.test/t",
            "jwks_uri": "https://idp.example.test/k",
        })
    }

    #[test]
    fn t53_the_description_is_of_the_issuer_to_the_letter() {
        let issuer = "https://idp.example.test/realm";
        assert!(read(&document(issuer), issuer, false).is_ok());
        for other in [
            "https://idp.example.test/realm/",
            "https://IDP.example.test/realm",
            "https://idp.example.test/Realm",
            "https://idp.example.test/other",
            "https://idp.example.test",
            "https://evil.test/realm",
            "http://idp.example.test/realm",
            "https://idp.example.test/{tenantid}",
            "",
        ] {
            assert!(matches!(read(&document(other), issuer, false), Err(Failure::Misconfigured(_))), "{other}");
        }
    }

    #[test]
    fn t53_a_template_counts_for_the_shared_tenants_of_its_own_host_alone() {
        let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
        for (issuer, fits) in [
            ("https://login.microsoftonline.com/common/v2.0", true),
            ("https://login.microsoftonline.com/organizations/v2.0", true),
            ("https://login.microsoftonline.com/0f8fad5b-d9cb-469f-a165-70867728950e/v2.0", false),
            ("https://login.microsoftonline.com/common/v2.0/", false),
            ("https://evil.test/common/v2.0", false),
        ] {
            assert_eq!(read(&document(template), issuer, true).is_ok(), fits, "{issuer}");
            assert!(read(&document(template), issuer, false).is_err(), "{issuer}");
        }
    }

    #[test]
    fn how_the_client_proves_itself_is_read() {
        let issuer = "https://idp.example.test";
        let with = |methods: Value| {
            let mut document = document(issuer);
            document["token_endpoint_auth_methods_supported"] = methods;
            read(&document, issuer, false).unwrap().takes_basic
        };
        assert!(with(Value::Null) && with(json!(["client_secret_post", "client_secret_basic"])));
        assert!(!with(json!(["client_secret_post"])));
    }
}
