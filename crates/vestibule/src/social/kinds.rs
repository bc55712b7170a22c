//! What providers differ in, as data. Adding one is a row in `known.rs` and a page in `docs/social/`.
//!
//! Where a row and the settings differ, the settings count.

mod known;

pub use known::KINDS;

/// How one kind of provider speaks.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The word in the settings.
    pub name: &'static str,
    /// What people read on a button.
    pub label: &'static str,
    /// What identities are filed under, and for [`Speech::OpenId`] where the description is found. Empty: the settings must say.
    pub issuer: &'static str,
    /// Which protocol it speaks.
    pub speech: Speech,
    /// What it is asked for.
    pub scopes: &'static [&'static str],
    /// Members of the authorization request beside the usual ones.
    pub extra: &'static [(&'static str, &'static str)],
    /// Whether a code is bound to its request by a verifier (RFC 7636). Off where an app must be told apart for that.
    pub pkce: bool,
    /// How this service proves itself at the token endpoint.
    pub client: ClientProof,
    /// Where the members of a person are.
    pub members: Members,
    /// A list of addresses beside the person, relative to the userinfo endpoint.
    pub addresses: Option<Addresses>,
    /// How an access token tells for whom it was made.
    pub audience: Option<Audience>,
}

/// Which protocol a provider speaks.
#[derive(Clone, Copy, Debug)]
pub enum Speech {
    /// OpenID Connect, described by a document under the issuer.
    OpenId {
        /// Whether the issuer is a template for tenants, told by the token's `tid` (Microsoft).
        tenants: bool,
        /// Whether an ID token that an app brings may name another client in `azp`, while `aud` names this one (Google's apps).
        foreign_azp: bool,
    },
    /// OAuth 2.0 with these endpoints; empty ones must be in the settings.
    OAuth {
        /// Where people log in.
        authorize: &'static str,
        /// Where a code is exchanged.
        token: &'static str,
        /// Where the provider tells about a person.
        userinfo: &'static str,
    },
}

/// How this service proves itself at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientProof {
    /// As the provider's description says, else as [`ClientProof::Basic`].
    Described,
    /// HTTP Basic (RFC 6749 §2.3.1).
    Basic,
    /// In the body of the request.
    Body,
    /// In the body, with a secret that is signed for each request (Apple).
    Signed,
}

/// Where the members of a person are: names of members, or paths with dots.
#[derive(Clone, Copy, Debug)]
pub struct Members {
    /// What names the person for ever; several are joined with `_`.
    pub subject: &'static [&'static str],
    /// The address.
    pub email: &'static str,
    /// Whether the provider has proven the address. Empty: it never says so.
    pub email_verified: &'static str,
    /// The name that the person chose.
    pub username: &'static str,
    /// The given name.
    pub first_name: &'static str,
    /// The family name.
    pub last_name: &'static str,
    /// The whole name, where the parts are missing.
    pub name: &'static str,
}

/// A document that lists a person's addresses.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Relative to the userinfo endpoint.
    pub path: &'static str,
    /// The member that holds the list; empty when the document is the list.
    pub list: &'static str,
    /// The member that marks the address to use.
    pub primary: &'static str,
    /// The member that says that the address is proven.
    pub verified: &'static str,
}

/// A question about an access token, whose answer names the client that it was made for.
#[derive(Clone, Copy, Debug)]
pub struct Audience {
    /// Relative to which endpoint the question is asked.
    pub beside: Beside,
    /// The path; `{client_id}` stands for the own one.
    pub path: &'static str,
    /// How it is asked.
    pub ask: Ask,
    /// The member of the answer that must be the own client.
    pub client: &'static str,
}

/// Relative to which endpoint an address is.
#[derive(Clone, Copy, Debug)]
pub enum Beside {
    /// The token endpoint.
    Token,
    /// The userinfo endpoint.
    Userinfo,
}

/// How a question about an access token is asked.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    /// `GET` with the token in that member of the query.
    Query(&'static str),
    /// `GET` with the token in `Authorization`, under that scheme.
    Header(&'static str),
    /// `POST` of `{"access_token": …}` with client and secret as HTTP Basic (GitHub).
    Basic,
    /// `GET` with the token as `input_token` and `client|secret` as `access_token` (Facebook).
    Debug,
}

/// The kind of that name.
pub fn by_name(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[test]
    fn every_kind_is_whole() {
        for (at, kind) in KINDS.iter().enumerate() {
            assert!(!KINDS[..at].iter().any(|other| other.name == kind.name), "{} twice", kind.name);
            assert!(!kind.label.is_empty() && !kind.members.subject.is_empty(), "{}", kind.name);
            assert!(kind.issuer.is_empty() || kind.issuer.starts_with("https://"), "{}", kind.name);
            if let Speech::OAuth { authorize, token, userinfo } = kind.speech
                && kind.name != "oauth2"
            {
                for url in [authorize, token, userinfo] {
                    assert_eq!(Url::parse(url).unwrap().scheme(), "https", "{}", kind.name);
                }
            }
            if matches!(kind.speech, Speech::OpenId { .. }) {
                assert!(kind.scopes.contains(&"openid"), "{}", kind.name);
            }
        }
    }

    #[test]
    fn what_stands_beside_an_endpoint_is_where_the_provider_has_it() {
        for (base, path, whole) in [
            ("https://api.github.com/user", "user/emails", "https://api.github.com/user/emails"),
            ("https://github.example.org/api/v3/user", "user/emails", "https://github.example.org/api/v3/user/emails"),
            ("https://api.bitbucket.org/2.0/user", "user/emails", "https://api.bitbucket.org/2.0/user/emails"),
            ("https://discord.com/api/users/@me", "../oauth2/@me", "https://discord.com/api/oauth2/@me"),
            ("https://oauth2.googleapis.com/token", "tokeninfo", "https://oauth2.googleapis.com/tokeninfo"),
            ("https://id.twitch.tv/oauth2/token", "validate", "https://id.twitch.tv/oauth2/validate"),
            ("https://graph.facebook.com/v23.0/me?fields=id", "debug_token", "https://graph.facebook.com/v23.0/debug_token"),
        ] {
            assert_eq!(Url::parse(base).unwrap().join(path).unwrap().as_str(), whole);
        }
    }
}
