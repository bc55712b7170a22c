//! Where a provider of a known kind is asked for what.

use serde_json::{Value, json};
use url::Url;

use crate::settings::Social;
use crate::social::kinds::{Beside, Kind, Speech, by_name};

use super::Asked;

/// The endpoints of a kind, below the address of a provider on loopback: the same paths as the company has them.
pub(super) struct Places {
    pub(super) kind: &'static Kind,
    authorize: Url,
    token: Url,
    userinfo: Url,
    addresses: Option<Url>,
    audience: Option<Url>,
}

impl Places {
    /// Those of the kind of that name.
    pub(super) fn new(name: &str, url: &str) -> Self {
        let kind = by_name(name).unwrap_or_else(|| panic!("{name} is no kind of provider"));
        let (authorize, token, userinfo) = match kind.speech {
            Speech::OAuth { authorize, token, userinfo } if !authorize.is_empty() => (authorize, token, userinfo),
            _ => ("https://x/authorize", "https://x/token", "https://x/userinfo"),
        };
        let moved = |place: &str| {
            let path = place.splitn(4, '/').nth(3).unwrap_or_default();
            format!("{url}/{path}").parse::<Url>().unwrap_or_else(|error| panic!("{place}: {error}"))
        };
        let (token, userinfo) = (moved(token), moved(userinfo));
        let addresses = kind.addresses.and_then(|addresses| userinfo.join(addresses.path).ok());
        let audience = kind.audience.and_then(|audience| match audience.beside {
            Beside::Token => token.join(audience.path).ok(),
            Beside::Userinfo => userinfo.join(audience.path).ok(),
        });
        Self { kind, authorize: moved(authorize), token, userinfo, addresses, audience }
    }

    pub(super) fn speaks_openid(&self) -> bool {
        matches!(self.kind.speech, Speech::OpenId { .. })
    }

    /// What is asked for at that path.
    pub(super) fn asked(&self, path: &str) -> Option<Asked> {
        let is = |place: &Option<Url>| place.as_ref().is_some_and(|place| place.path() == path);
        let description = self.speaks_openid() && path.ends_with("/.well-known/openid-configuration");
        let all = [
            (description, Asked::Description),
            (self.speaks_openid() && path == "/keys", Asked::Keys),
            (self.token.path() == path, Asked::Token),
            (self.userinfo.path() == path, Asked::Userinfo),
            (is(&self.addresses), Asked::Addresses),
            (is(&self.audience), Asked::Audience),
        ];
        all.into_iter().find(|(fits, _)| *fits).map(|(_, asked)| asked)
    }

    /// What stands behind the address in issuers of this kind: in tokens and descriptions, and in settings.
    pub(super) fn issuer(&self) -> (&'static str, &'static str) {
        match self.kind.name {
            "auth0" => ("/", "/"),
            "keycloak" => ("/realms/acme", "/realms/acme"),
            "okta" => ("/oauth2/default", "/oauth2/default"),
            "twitch" => ("/oauth2", "/oauth2"),
            "microsoft" => ("/{tenantid}/v2.0", "/common/v2.0"),
            _ => ("", ""),
        }
    }

    /// The settings with which a service finds it.
    pub(super) fn settings(&self, url: &str, own: Social) -> Social {
        let own = Social { kind: self.kind.name.to_owned(), ..own };
        if self.speaks_openid() {
            return Social { issuer: Some(format!("{url}{}", self.issuer().1)), ..own };
        }
        let at = |place: &Url| Some(place.to_string());
        Social {
            // People are filed under the server that tells of them, and this is not the company's.
            issuer: Some(url.to_owned()),
            authorize_url: at(&self.authorize),
            token_url: at(&self.token),
            userinfo_url: at(&self.userinfo),
            ..own
        }
    }

    /// The answer that an access token was made for that client.
    pub(super) fn audience(&self, client: &str) -> Value {
        let path = self.kind.audience.map_or("client_id", |audience| audience.client);
        path.split('.').rev().fold(json!(client), |value, name| json!({ name: value }))
    }
}
