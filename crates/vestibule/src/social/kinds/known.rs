//! The providers that are known by name. Facts as their makers document them.

use super::{Addresses, Ask, Audience, Beside, ClientProof, Kind, Members, Speech};
use crate::social::dev::{DEV, ISSUER};

/// The claims of OpenID Connect Core §5.1.
const STANDARD: Members = Members {
    subject: &["sub"],
    email: "email",
    email_verified: "email_verified",
    username: "preferred_username",
    first_name: "given_name",
    last_name: "family_name",
    name: "name",
};

const OPENID: Speech = Speech::OpenId { tenants: false, foreign_azp: false };

const OWN_OPENID: Kind = Kind {
    name: "oidc",
    label: "OpenID Connect",
    issuer: "",
    speech: OPENID,
    scopes: &["openid", "email", "profile"],
    extra: &[],
    pkce: true,
    client: ClientProof::Described,
    members: STANDARD,
    addresses: None,
    audience: None,
};

const OWN_OAUTH: Kind = Kind {
    name: "oauth2",
    label: "OAuth",
    issuer: "",
    speech: Speech::OAuth { authorize: "", token: "", userinfo: "" },
    scopes: &[],
    extra: &[],
    pkce: true,
    client: ClientProof::Basic,
    members: STANDARD,
    addresses: None,
    audience: None,
};

/// Every kind that is known.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "google",
        label: "Google",
        issuer: "https://accounts.google.com",
        speech: Speech::OpenId { tenants: false, foreign_azp: true },
        client: ClientProof::Body,
        audience: Some(Audience { beside: Beside::Token, path: "tokeninfo", ask: Ask::Query("access_token"), client: "aud" }),
        ..OWN_OPENID
    },
    Kind {
        name: "github",
        label: "GitHub",
        issuer: "https://github.com",
        speech: Speech::OAuth {
            authorize: "https://github.com/login/oauth/authorize",
            token: "https://github.com/login/oauth/access_token",
            userinfo: "https://api.github.com/user",
        },
        scopes: &["read:user", "user:email"],
        client: ClientProof::Body,
        members: Members { subject: &["id"], email_verified: "", username: "login", ..STANDARD },
        addresses: Some(Addresses { path: "user/emails", list: "", primary: "primary", verified: "verified" }),
        audience: Some(Audience {
            beside: Beside::Userinfo,
            path: "applications/{client_id}/token",
            ask: Ask::Basic,
            client: "app.client_id",
        }),
        ..OWN_OAUTH
    },
    Kind { name: "gitlab", label: "GitLab", issuer: "https://gitlab.com", ..OWN_OPENID },
    Kind {
        name: "microsoft",
        label: "Microsoft",
        issuer: "https://login.microsoftonline.com/common/v2.0",
        speech: Speech::OpenId { tenants: true, foreign_azp: false },
        // A tenant's own administrator writes `email`; only this optional claim says that its domain is theirs.
        members: Members { email_verified: "xms_edov", ..STANDARD },
        ..OWN_OPENID
    },
    Kind {
        name: "apple",
        label: "Apple",
        issuer: "https://appleid.apple.com",
        scopes: &["openid", "email", "name"],
        extra: &[("response_mode", "form_post")],
        client: ClientProof::Signed,
        ..OWN_OPENID
    },
    Kind {
        name: "facebook",
        label: "Facebook",
        issuer: "https://www.facebook.com",
        speech: Speech::OAuth {
            authorize: "https://www.facebook.com/v23.0/dialog/oauth",
            token: "https://graph.facebook.com/v23.0/oauth/access_token",
            userinfo: "https://graph.facebook.com/v23.0/me?fields=id,name,first_name,last_name,email",
        },
        scopes: &["email", "public_profile"],
        client: ClientProof::Body,
        members: Members {
            subject: &["id"],
            email_verified: "",
            username: "",
            first_name: "first_name",
            last_name: "last_name",
            ..STANDARD
        },
        audience: Some(Audience { beside: Beside::Userinfo, path: "debug_token", ask: Ask::Debug, client: "data.app_id" }),
        ..OWN_OAUTH
    },
    Kind {
        name: "linkedin",
        label: "LinkedIn",
        issuer: "https://www.linkedin.com/oauth",
        // Its ID tokens carry no nonce, so what counts is asked for with the access token.
        speech: Speech::OAuth {
            authorize: "https://www.linkedin.com/oauth/v2/authorization",
            token: "https://www.linkedin.com/oauth/v2/accessToken",
            userinfo: "https://api.linkedin.com/v2/userinfo",
        },
        scopes: &["openid", "profile", "email"],
        pkce: false,
        client: ClientProof::Body,
        ..OWN_OAUTH
    },
    Kind {
        name: "discord",
        label: "Discord",
        issuer: "https://discord.com",
        speech: Speech::OAuth {
            authorize: "https://discord.com/oauth2/authorize",
            token: "https://discord.com/api/oauth2/token",
            userinfo: "https://discord.com/api/users/@me",
        },
        scopes: &["identify", "email"],
        members: Members { subject: &["id"], email_verified: "verified", username: "username", name: "global_name", ..STANDARD },
        audience: Some(Audience {
            beside: Beside::Userinfo,
            path: "../oauth2/@me",
            ask: Ask::Header("Bearer"),
            client: "application.id",
        }),
        ..OWN_OAUTH
    },
    Kind {
        name: "slack",
        label: "Slack",
        issuer: "https://slack.com",
        pkce: false,
        client: ClientProof::Body,
        // A user's number is only certain to be unique within a workspace.
        members: Members { subject: &["https://slack.com/team_id", "sub"], username: "", ..STANDARD },
        ..OWN_OPENID
    },
    Kind {
        name: "twitch",
        label: "Twitch",
        issuer: "https://id.twitch.tv/oauth2",
        scopes: &["openid", "user:read:email"],
        extra: &[("claims", r#"{"id_token":{"email":null,"email_verified":null,"preferred_username":null}}"#)],
        client: ClientProof::Body,
        audience: Some(Audience { beside: Beside::Token, path: "validate", ask: Ask::Header("OAuth"), client: "client_id" }),
        ..OWN_OPENID
    },
    Kind {
        name: "spotify",
        label: "Spotify",
        issuer: "https://accounts.spotify.com",
        speech: Speech::OAuth {
            authorize: "https://accounts.spotify.com/authorize",
            token: "https://accounts.spotify.com/api/token",
            userinfo: "https://api.spotify.com/v1/me",
        },
        scopes: &["user-read-email"],
        members: Members { subject: &["id"], email_verified: "", username: "", name: "display_name", ..STANDARD },
        ..OWN_OAUTH
    },
    Kind {
        name: "x",
        label: "X",
        issuer: "https://x.com",
        speech: Speech::OAuth {
            authorize: "https://x.com/i/oauth2/authorize",
            token: "https://api.x.com/2/oauth2/token",
            userinfo: "https://api.x.com/2/users/me?user.fields=confirmed_email,name,username",
        },
        scopes: &["users.read", "tweet.read", "users.email"],
        members: Members {
            subject: &["data.id"],
            email: "data.confirmed_email",
            email_verified: "",
            username: "data.username",
            name: "data.name",
            ..STANDARD
        },
        ..OWN_OAUTH
    },
    Kind {
        name: "bitbucket",
        label: "Bitbucket",
        issuer: "https://bitbucket.org",
        speech: Speech::OAuth {
            authorize: "https://bitbucket.org/site/oauth2/authorize",
            token: "https://bitbucket.org/site/oauth2/access_token",
            userinfo: "https://api.bitbucket.org/2.0/user",
        },
        scopes: &["account", "email"],
        members: Members { subject: &["uuid"], email_verified: "", username: "username", name: "display_name", ..STANDARD },
        addresses: Some(Addresses { path: "user/emails", list: "values", primary: "is_primary", verified: "is_confirmed" }),
        ..OWN_OAUTH
    },
    Kind { name: "keycloak", label: "Keycloak", ..OWN_OPENID },
    Kind { name: "auth0", label: "Auth0", members: Members { username: "nickname", ..STANDARD }, ..OWN_OPENID },
    Kind { name: "okta", label: "Okta", ..OWN_OPENID },
    Kind { name: DEV, label: "social.dev", issuer: ISSUER, client: ClientProof::Body, ..OWN_OPENID },
    OWN_OPENID,
    OWN_OAUTH,
];
