//! From a code, or from a token that a client brings, to a person.

use serde_json::Value;
use url::Url;

use crate::ground::{Secret, Time};

use super::discovery::Metadata;
use super::documents::{Asking, said};
use super::failure::Failure;
use super::id_token::{self, Came, Expected};
use super::jws::Unverified;
use super::kinds::{ClientProof, Speech};
use super::person::{self, Person};
use super::proof;
use super::provider::Provider;

/// What a provider gave for a code.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// With which more can be asked.
    pub access: Option<Secret>,
    /// With which new ones can be had.
    pub refresh: Option<Secret>,
    /// Who it is.
    pub id: Option<Secret>,
    /// For how many seconds the access token counts, as the provider says.
    pub expires_in: Option<i64>,
}

/// A code, and what ties it to its request.
pub struct Code<'a> {
    /// The code.
    pub code: &'a Secret,
    /// Where the provider sent it to.
    pub redirect: &'a str,
    /// The verifier, where the request had a challenge.
    pub verifier: Option<&'a Secret>,
    /// The nonce, where we made the request.
    pub nonce: Option<&'a Secret>,
}

/// Exchanges a code and asks who it is.
///
/// # Errors
/// Whose fault it is that this did not work.
pub async fn by_code(provider: &Provider, code: &Code<'_>, now: Time) -> Result<(Person, Tokens), Failure> {
    let metadata = provider.metadata(now).await?;
    let tokens = exchange(provider, &metadata, code, now).await?;
    let person = match (provider.speaks_openid(), &tokens.id) {
        (true, Some(token)) => {
            let (claims, issuer, _) =
                verified(provider, &metadata, token, Came::ForCode(code.nonce.map(Secret::expose)), now).await?;
            complete(provider, &metadata, claims, issuer, tokens.access.as_ref()).await?
        }
        (true, None) => return Err(Failure::Untrusted("the provider gave no ID token; is `openid` among the scopes?".into())),
        (false, _) => by_userinfo(provider, &metadata, tokens.access.as_ref()).await?,
    };
    Ok((person, tokens))
}

/// Who an ID token says that it is, and until when it counts. It must not count twice: that is the caller's to see to (T50).
///
/// # Errors
/// Whose fault it is that this did not work; a provider without ID tokens never takes one.
pub async fn by_id_token(provider: &Provider, token: &Secret, now: Time) -> Result<(Person, Time), Failure> {
    let Speech::OpenId { foreign_azp, .. } = provider.kind.speech else {
        return Err(Failure::Untrusted("this provider has no ID tokens".into()));
    };
    let metadata = provider.metadata(now).await?;
    let (claims, issuer, ends) = verified(provider, &metadata, token, Came::Brought { foreign_azp }, now).await?;
    Ok((provider.reading.person(&claims, issuer)?, ends))
}

/// Who an access token says that it is, once it is proven that it was made for this client.
///
/// # Errors
/// Whose fault it is that this did not work.
pub async fn by_access_token(provider: &Provider, token: &Secret, now: Time) -> Result<Person, Failure> {
    let metadata = provider.metadata(now).await?;
    proof::is_ours(provider, &metadata, token).await?;
    by_userinfo(provider, &metadata, Some(token)).await
}

async fn exchange(provider: &Provider, metadata: &Metadata, code: &Code<'_>, now: Time) -> Result<Tokens, Failure> {
    let mut form = vec![("grant_type", "authorization_code"), ("code", code.code.expose()), ("redirect_uri", code.redirect)];
    if let Some(verifier) = code.verifier {
        form.push(("code_verifier", verifier.expose()));
    }
    let answer = ask_as_client(provider, metadata, &metadata.token, form, now).await?;
    let text = |name: &str| answer[name].as_str().filter(|text| !text.is_empty()).map(Secret::from);
    let tokens = Tokens {
        access: text("access_token"),
        refresh: text("refresh_token"),
        id: text("id_token"),
        expires_in: answer["expires_in"].as_i64(),
    };
    if tokens.access.is_none() && tokens.id.is_none() {
        return Err(Failure::Unavailable("token endpoint: the answer holds no token".into()));
    }
    Ok(tokens)
}

/// Posts a form as the client that this service is.
pub(super) async fn ask_as_client(
    provider: &Provider,
    metadata: &Metadata,
    url: &Url,
    mut form: Vec<(&str, &str)>,
    now: Time,
) -> Result<Value, Failure> {
    let secret = secret(provider, metadata, now)?;
    let basic = match provider.kind.client {
        ClientProof::Basic => true,
        ClientProof::Described => metadata.takes_basic,
        ClientProof::Body | ClientProof::Signed => false,
    };
    let credential = secret.as_ref().filter(|_| basic).map(|secret| basic_credential(&provider.client_id, secret));
    if credential.is_none() {
        form.push(("client_id", &provider.client_id));
        form.extend(secret.as_ref().map(|secret| ("client_secret", secret.expose())));
    }
    let mut asking = Asking::form(url, &form);
    if let Some(credential) = &credential {
        asking = asking.authorized("Basic", credential);
    }
    let (status, answer) = asking.send(&provider.out, "token endpoint").await?;
    // GitHub and Slack tell of errors with the status of success.
    let refused = answer["error"].as_str().or_else(|| answer["error"]["type"].as_str());
    match (status.is_success(), refused) {
        (true, None) => Ok(answer),
        (_, Some("invalid_client" | "unauthorized_client" | "redirect_uri_mismatch" | "incorrect_client_credentials")) => {
            Err(Failure::Misconfigured(format!("token endpoint: {}", said(&answer))))
        }
        _ if status.is_server_error() || status.as_u16() == 429 => {
            Err(Failure::Unavailable(format!("token endpoint: {} {}", status.as_u16(), said(&answer))))
        }
        (false, None) if status.as_u16() == 401 => Err(Failure::Misconfigured("token endpoint: 401".into())),
        _ => Err(Failure::Refused(format!("token endpoint: {} {}", status.as_u16(), said(&answer)))),
    }
}

fn secret(provider: &Provider, metadata: &Metadata, now: Time) -> Result<Option<Secret>, Failure> {
    let Some(key) = &provider.signing else { return Ok(provider.secret.clone()) };
    let own = &provider.settings;
    let (key_id, team) = (own.key_id.as_deref().unwrap_or_default(), own.team_id.as_deref().unwrap_or_default());
    let signed = key.client_secret(key_id, team, &provider.client_id, &metadata.issuer, now);
    signed.map(Some).ok_or_else(|| Failure::Misconfigured("the client secret cannot be signed".into()))
}

/// Both halves as a form would write them (RFC 6749 §2.3.1), so that a colon in one does not end it.
pub(super) fn basic_credential(client: &str, secret: &Secret) -> Secret {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    let written = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    STANDARD.encode(format!("{}:{}", written(client), written(secret.expose()))).into()
}

/// The claims of an ID token that counts, who made it, and when it ends.
async fn verified(
    provider: &Provider,
    metadata: &Metadata,
    token: &Secret,
    came: Came<'_>,
    now: Time,
) -> Result<(Value, String, Time), Failure> {
    let untrusted = |why: &str| Failure::Untrusted(format!("ID token: {why}"));
    let token = Unverified::read(token.expose()).ok_or_else(|| untrusted("is none"))?;
    if token.header.contains_key("crit") {
        return Err(untrusted("has demands in its header (RFC 7515 §4.1.11)"));
    }
    // Cheap checks first: a token for somebody else is not worth asking for keys.
    let expected = Expected { issuer: &metadata.issuer, client: &provider.client_id, came, now };
    let checked = id_token::check(&token.claims, &expected).map_err(|why| untrusted(&why))?;
    let url = metadata.keys.as_ref().ok_or_else(|| Failure::Misconfigured("the provider has no keys".into()))?;
    if !provider.keys.have_signed(&token, &provider.out, url, now).await? {
        return Err(untrusted("the signature is none of the provider's"));
    }
    Ok((Value::Object(token.claims), checked.issuer, checked.expires_at))
}

/// Fills what an ID token leaves out: many providers tell the address at the userinfo endpoint only.
async fn complete(
    provider: &Provider,
    metadata: &Metadata,
    mut claims: Value,
    issuer: String,
    access: Option<&Secret>,
) -> Result<Person, Failure> {
    if let (true, Some(url), Some(access)) = (provider.reading.is_poor(&claims), &metadata.userinfo, access) {
        let more = Asking::get(url).authorized("Bearer", access).document(&provider.out, "userinfo").await?;
        // Another subject's address would be another person's (OpenID Connect Core §5.3.2).
        if more["sub"] != claims["sub"] {
            return Err(Failure::Untrusted("userinfo tells of another subject than the ID token".into()));
        }
        if let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) {
            for (name, value) in more {
                claims.entry(name).or_insert(value);
            }
        }
    }
    provider.reading.person(&claims, issuer)
}

async fn by_userinfo(provider: &Provider, metadata: &Metadata, access: Option<&Secret>) -> Result<Person, Failure> {
    let access = access.ok_or_else(|| Failure::Unavailable("token endpoint: the answer holds no access token".into()))?;
    let url = metadata.userinfo.as_ref().ok_or_else(|| Failure::Misconfigured("the provider has no userinfo endpoint".into()))?;
    let ask = |url: &Url| Asking::get(url).authorized("Bearer", access);
    let document = ask(url).document(&provider.out, "userinfo").await?;
    let mut person = provider.reading.person(&document, metadata.issuer.clone())?;
    if let Some(addresses) = &provider.kind.addresses
        && let Ok(beside) = url.join(addresses.path)
    {
        match ask(&beside).document(&provider.out, "addresses").await {
            Ok(list) => person::choose(&mut person, addresses, &list),
            // The scope for it was not given: there is no address then, and the rest goes on.
            Err(Failure::Refused(why)) => tracing::warn!(provider = provider.id, why, "a provider does not tell addresses"),
            Err(failure) => return Err(failure),
        }
    }
    Ok(person)
}
