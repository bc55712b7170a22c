//! For whom an access token was made. One that another application got would let it in as its user (T50).

use serde_json::{Value, json};
use url::Url;

use crate::ground::Secret;

use super::discovery::Metadata;
use super::documents::Asking;
use super::exchange::basic_credential;
use super::failure::Failure;
use super::kinds::{Ask, Audience, Beside};
use super::provider::Provider;

/// Whether the token was made for this client, as the provider says.
///
/// # Errors
/// [`Failure::Untrusted`] when it was made for another, or when nobody can tell.
pub(super) async fn is_ours(provider: &Provider, metadata: &Metadata, token: &Secret) -> Result<(), Failure> {
    let named = match (&provider.kind.audience, &metadata.introspection) {
        (Some(audience), _) => by_kind(provider, metadata, audience, token).await?,
        (None, Some(url)) => introspected(provider, url, token).await?,
        (None, None) => return Err(Failure::Untrusted("nobody can tell for whom the access token was made".into())),
    };
    if named.as_deref() == Some(provider.client_id.as_str()) {
        Ok(())
    } else {
        Err(Failure::Untrusted("the access token was made for another client".into()))
    }
}

async fn by_kind(
    provider: &Provider,
    metadata: &Metadata,
    audience: &Audience,
    token: &Secret,
) -> Result<Option<String>, Failure> {
    let base = match audience.beside {
        Beside::Token => Some(&metadata.token),
        Beside::Userinfo => metadata.userinfo.as_ref(),
    };
    let path = audience.path.replace("{client_id}", &provider.client_id);
    let url = base.and_then(|base| base.join(&path).ok());
    let mut url = url.ok_or_else(|| Failure::Misconfigured("there is no address to ask about access tokens".into()))?;
    let secret = provider.secret.clone().unwrap_or_default();
    let asking = match audience.ask {
        Ask::Query(member) => {
            url.query_pairs_mut().append_pair(member, token.expose());
            Asking::get(&url)
        }
        Ask::Header(scheme) => Asking::get(&url).authorized(scheme, token),
        Ask::Basic => Asking::json(&url, &json!({ "access_token": token.expose() }))
            .authorized("Basic", &basic_credential(&provider.client_id, &secret)),
        Ask::Debug => {
            let own = format!("{}|{}", provider.client_id, secret.expose());
            url.query_pairs_mut().append_pair("input_token", token.expose()).append_pair("access_token", &own);
            Asking::get(&url)
        }
    };
    let answer = asking.document(&provider.out, "the question about an access token").await?;
    Ok(audience.client.split('.').try_fold(&answer, |value, name| value.get(name)).and_then(Value::as_str).map(str::to_owned))
}

/// RFC 7662; the answer must say that the token is alive.
async fn introspected(provider: &Provider, url: &Url, token: &Secret) -> Result<Option<String>, Failure> {
    let secret = provider.secret.clone().unwrap_or_default();
    let asking = Asking::form(url, &[("token", token.expose())]);
    let asking = asking.authorized("Basic", &basic_credential(&provider.client_id, &secret));
    let answer = asking.document(&provider.out, "introspection").await?;
    if answer["active"] != Value::Bool(true) {
        return Err(Failure::Refused("introspection: the access token counts no more".into()));
    }
    Ok(answer["client_id"].as_str().map(str::to_owned))
}
