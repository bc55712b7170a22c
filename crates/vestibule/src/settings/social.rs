//! Providers that people may log in with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::formats;
use crate::ground::Secret;

/// One provider.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Social {
    /// What kind of provider it is; the name of the section when left out. `oidc` and `oauth2` are for providers that have no kind
    /// of their own; `social.dev` alone is a provider for development, which believes what one types.
    #[schemars(example = &"oidc")]
    pub kind: String,
    /// The identifier that the provider gave to this service.
    #[schemars(example = "id-from-the-provider")]
    pub client_id: Option<String>,
    /// The secret that the provider gave to this service.
    #[serde(serialize_with = "formats::masked")]
    pub client_secret: Option<Secret>,
    /// A file that holds `client_secret` and that other users of the machine cannot read.
    #[schemars(example = "/etc/vestibule/provider.secret")]
    pub client_secret_file: Option<PathBuf>,
    /// The provider's issuer, to the letter, under which its description is found; known for the kinds of one company.
    #[schemars(example = "https://login.example.org")]
    pub issuer: Option<String>,
    /// What the provider is asked for; its usual scopes when left out.
    #[schemars(example = ["openid", "email"])]
    pub scopes: Option<Vec<String>>,
    /// Where the provider sends people back to; made from the public URL when left out. The address of your front end if that
    /// makes the request itself and sends the code to `{provider}/`.
    #[schemars(example = "https://app.example.org/callback")]
    pub callback_url: Option<String>,
    /// Whether a client may send an access token that it got itself; when left out, in the profile `compat` where the provider
    /// tells for whom a token was made.
    #[schemars(example = false)]
    pub accept_access_token: Option<bool>,
    /// What happens when the provider's address belongs to an account.
    pub link: Link,
    /// Whether the provider's word that an address is proven counts. It lets whoever has the address there into the account that
    /// has it here, so say so only of a provider that proves addresses.
    pub trust_email: bool,
    /// Whether the provider's tokens are kept, encrypted.
    pub store_tokens: bool,
    /// Whether the provider may be on a private network.
    pub allow_private_network: bool,
    /// Where people log in, for a provider without a description.
    #[schemars(example = "https://login.example.org/authorize")]
    pub authorize_url: Option<String>,
    /// Where a code is exchanged, for a provider without a description.
    #[schemars(example = "https://login.example.org/token")]
    pub token_url: Option<String>,
    /// Where the provider tells about a person, for a provider without a description.
    #[schemars(example = "https://login.example.org/userinfo")]
    pub userinfo_url: Option<String>,
    /// Which of the provider's members becomes which field of the account: `subject`, `email`, `email_verified`, `username`,
    /// `first_name`, `last_name`, `name` or a field of your own; a dot leads into a member.
    pub map: BTreeMap<String, String>,
    /// The team that signs client secrets.
    #[schemars(example = &"TEAM123456")]
    pub team_id: Option<String>,
    /// The name of the key that signs client secrets.
    #[schemars(example = &"KEY1234567")]
    pub key_id: Option<String>,
    /// A file with the key that signs client secrets, which other users of the machine cannot read.
    #[schemars(example = "/etc/vestibule/provider.pem")]
    pub private_key_file: Option<PathBuf>,
}

/// What happens when the provider's address belongs to an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// They are connected if both sides have proven the address.
    #[default]
    Verified,
    /// The person is asked to log in first.
    Ask,
    /// Never connected by address.
    Never,
}
