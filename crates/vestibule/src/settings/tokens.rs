//! What a login gives to the client.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;
use super::formats::{self, Moment};
use crate::ground::Secret;

/// What a login gives to the client, and for how long.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// What a login gives to the client.
    pub mode: TokenMode,
    /// How long a session lives without being used.
    pub idle_ttl: Span,
    /// How long a session lives at most, however much it is used.
    pub absolute_ttl: Span,
    /// Whether a login sets a session cookie besides; by default in the profile `compat` and not in `strict`.
    #[schemars(example = false)]
    pub session_cookie: Option<bool>,
    /// The name of the session cookie, taken as it is written; `sessionid` in the profile `compat`, else `__Host-session`, or
    /// `session` over http, when left out.
    #[schemars(example = &"sessionid")]
    pub session_cookie_name: Option<String>,
    /// The name of the cookie against forged requests, taken as it is written; `csrftoken` when left out.
    #[schemars(example = &"csrftoken")]
    pub csrf_cookie_name: Option<String>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            mode: TokenMode::Opaque,
            idle_ttl: Span::days(14),
            absolute_ttl: Span::days(90),
            session_cookie: None,
            session_cookie_name: None,
            csrf_cookie_name: None,
        }
    }
}

/// What a login gives to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenMode {
    /// A random key.
    #[default]
    Opaque,
    /// A pair of JSON Web Tokens in the body.
    Jwt,
    /// A pair of JSON Web Tokens in cookies.
    JwtCookie,
}

impl TokenMode {
    /// The word for it in the settings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::Jwt => "jwt",
            Self::JwtCookie => "jwt-cookie",
        }
    }
}

/// How JSON Web Tokens and their cookies look.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Jwt {
    /// How tokens are signed.
    pub algorithm: Algorithm,
    /// How long an access token is valid.
    pub access_ttl: Span,
    /// How long a refresh token is valid.
    pub refresh_ttl: Span,
    /// Whether every refresh gives a new refresh token and spends the old one.
    pub rotate_refresh: bool,
    /// How long a spent refresh token still gives its successor again, for an answer that was lost on the way; at most
    /// 60s.
    pub refresh_grace: Span,
    /// How far clocks may differ; at most 60s.
    pub leeway: Span,
    /// The `iss` of tokens.
    #[schemars(example = "https://auth.example.org")]
    pub issuer: Option<String>,
    /// The `aud` of tokens.
    #[schemars(example = "https://api.example.org")]
    pub audience: Option<String>,
    /// Whether a login's answer tells when its tokens expire.
    pub return_expiration: bool,
    /// The key of `HS256`: at least 32 characters; made and kept when left out.
    #[serde(serialize_with = "formats::masked")]
    pub secret: Option<Secret>,
    /// A file that holds `secret` and that other users of the machine cannot read.
    #[schemars(example = "/etc/vestibule/jwt.secret")]
    pub secret_file: Option<PathBuf>,
    /// A file with the private key (PEM) of the other algorithms, which other users of the machine cannot read; made and kept
    /// when left out.
    #[schemars(example = "/etc/vestibule/jwt.pem")]
    pub private_key_file: Option<PathBuf>,
    /// Until when tokens of the system before this one are taken, as a date or time.
    #[schemars(example = "2030-12-31")]
    pub accept_legacy_until: Option<Moment>,
    /// The name of the access token's cookie, taken as it is written; `__Host-access`, or `access` over http, when left out.
    #[schemars(example = &"access")]
    pub access_cookie: Option<String>,
    /// The name of the refresh token's cookie, taken as it is written; `__Secure-refresh`, or `refresh` over http, when left out.
    #[schemars(example = &"refresh")]
    pub refresh_cookie: Option<String>,
    /// The path that the refresh token's cookie is sent to; `server.base_path` with a slash when left out.
    #[schemars(example = "/auth/token/")]
    pub refresh_cookie_path: Option<String>,
    /// Whether cookies are sent over https alone; follows the public URL when left out.
    #[schemars(example = true)]
    pub cookie_secure: Option<bool>,
    /// Whether cookies go along with requests that other sites start.
    pub cookie_samesite: SameSite,
    /// The domain that gets the cookies besides this host.
    #[schemars(example = "example.org")]
    pub cookie_domain: Option<String>,
    /// Whether the cookies are hidden from scripts.
    pub cookie_http_only: bool,
    /// Whether a request with cookies must repeat the `csrftoken` cookie in the header `X-CSRFToken`.
    pub csrf: bool,
}

impl Default for Jwt {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Es256,
            access_ttl: Span::minutes(5),
            refresh_ttl: Span::days(7),
            rotate_refresh: true,
            refresh_grace: Span::seconds(10),
            leeway: Span::seconds(0),
            issuer: None,
            audience: None,
            return_expiration: false,
            secret: None,
            secret_file: None,
            private_key_file: None,
            accept_legacy_until: None,
            access_cookie: None,
            refresh_cookie: None,
            refresh_cookie_path: None,
            cookie_secure: None,
            cookie_samesite: SameSite::Lax,
            cookie_domain: None,
            cookie_http_only: true,
            csrf: false,
        }
    }
}

/// How tokens are signed (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// HMAC with SHA-256: whoever can check a token can make one.
    #[serde(rename = "HS256")]
    Hs256,
    /// RSA with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    /// The word for it in the settings and in tokens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
        }
    }
}

/// Whether cookies go along with requests that other sites start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SameSite {
    /// With links, not with anything else.
    #[default]
    Lax,
    /// Never.
    Strict,
    /// Always; needs cookies that are sent over https alone.
    None,
}

impl SameSite {
    /// The word for it in a cookie.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }
}
