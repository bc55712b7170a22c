//! Who may have an account, how people log in, what a password must be.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Span;

/// Who may have an account and how people log in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// Whether answers hide who has an account or repeat those of dj-rest-auth.
    pub profile: Profile,
    /// What people may name themselves with when they log in.
    pub login_methods: Vec<LoginMethod>,
    /// Whether an account has a user name.
    pub username: Presence,
    /// Whether an account has an e-mail address.
    pub email: Presence,
    /// Whether an address must be proven.
    pub email_verification: Verification,
    /// Whether opening the link in a mail is enough to prove the address; programs that look into mails open links too.
    pub confirm_email_on_get: bool,
    /// The fewest characters of a user name.
    pub username_min_length: u32,
    /// User names that nobody may have, whatever their case.
    #[schemars(example = ["admin", "root"])]
    pub username_denylist: Vec<String>,
    /// Whether people may make accounts themselves.
    pub registration: Registration,
    /// Whether `GET logout/` logs out; any page can make a browser send one.
    pub logout_on_get: bool,
    /// Whether the session that changes the password ends too; all others always end.
    pub logout_on_password_change: bool,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            profile: Profile::Strict,
            login_methods: vec![LoginMethod::Username, LoginMethod::Email],
            username: Presence::Required,
            email: Presence::Required,
            email_verification: Verification::Optional,
            confirm_email_on_get: false,
            username_min_length: 1,
            username_denylist: Vec::new(),
            registration: Registration::Open,
            logout_on_get: false,
            logout_on_password_change: false,
        }
    }
}

/// How much answers tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Hides whether an account exists.
    #[default]
    Strict,
    /// Answers as dj-rest-auth does.
    Compat,
}

/// What people may name themselves with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginMethod {
    /// The user name.
    Username,
    /// The e-mail address.
    Email,
}

impl LoginMethod {
    /// The word of the settings, which is the member's name in a login too.
    pub fn word(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
        }
    }
}

/// Whether an account has something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Every account has one.
    #[default]
    Required,
    /// An account may have one.
    Optional,
    /// No account has one.
    Off,
}

/// Whether an address must be proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// People are asked to, and may log in before.
    #[default]
    Optional,
    /// Nobody logs in before.
    Mandatory,
    /// Nobody is asked.
    None,
}

/// Whether people may make accounts themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Anybody may.
    #[default]
    Open,
    /// Only the operator makes accounts.
    Closed,
}

/// What a password must be and how it is kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Password {
    /// The fewest characters; at least 8, and 15 are advised where there is no second factor.
    pub min_length: u32,
    /// The most bytes; at least 512, so that 128 characters always fit.
    pub max_bytes: u32,
    /// Whether the old password is asked for when it is changed; by default in the profile `strict` and not in `compat`.
    #[schemars(example = true)]
    pub require_old: Option<bool>,
    /// How long a reset link is valid; at most 24h.
    pub reset_ttl: Span,
    /// Whether the reset mail holds a code besides the link, to be typed together with the address.
    pub reset_code: bool,
    /// The memory of one hash (argon2id), in KiB.
    pub memory_kib: u32,
    /// The passes of one hash over its memory.
    pub iterations: u32,
    /// How many hashes are made at a time: `cores` or a number.
    pub hash_threads: HashThreads,
    /// How many requests may wait for a hash: `auto` (a second of work, at least 128) or a number; more get 503.
    pub hash_queue: HashQueue,
}

impl Default for Password {
    fn default() -> Self {
        Self {
            min_length: 8,
            max_bytes: 1024,
            require_old: None,
            reset_ttl: Span::hours(1),
            reset_code: false,
            memory_kib: 19_456,
            iterations: 2,
            hash_threads: HashThreads::Cores,
            hash_queue: HashQueue::Auto,
        }
    }
}

macro_rules! word_or_number {
    ($(#[$doc:meta])* $name:ident, $(#[$word_doc:meta])* $variant:ident = $word:literal, $format:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $(#[$word_doc])*
            $variant,
            /// That many.
            Count(u32),
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                if text == $word {
                    return Ok(Self::$variant);
                }
                let count = text.parse().ok().filter(|n| (1..=$max).contains(n));
                count.map(Self::Count).ok_or_else(|| format!("is neither {} nor a whole number from 1 to {}", $word, $max))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::$variant => f.write_str($word),
                    Self::Count(n) => write!(f, "{n}"),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    Self::$variant => serializer.serialize_str($word),
                    Self::Count(n) => serializer.serialize_u32(*n),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                WordOrNumber::deserialize(deserializer)?.text().parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": ["integer", "string"], "minimum": 1, "maximum": $max, "format": $format })
            }
        }
    };
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WordOrNumber {
    Number(u64),
    Word(String),
}

impl WordOrNumber {
    fn text(self) -> String {
        match self {
            Self::Number(n) => n.to_string(),
            Self::Word(word) => word,
        }
    }
}

word_or_number!(
    /// How many password hashes are made at a time.
    HashThreads,
    /// One for each core of the machine.
    Cores = "cores",
    "cores-or-number",
    1024
);

word_or_number!(
    /// How many requests may wait for a password hash.
    HashQueue,
    /// One second of work at the rate measured at start, at least 128.
    Auto = "auto",
    "auto-or-number",
    1_000_000
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_and_queue_are_a_word_or_a_number() {
        assert_eq!(serde_json::from_str::<HashThreads>("\"cores\"").unwrap(), HashThreads::Cores);
        assert_eq!(serde_json::from_str::<HashThreads>("3").unwrap(), HashThreads::Count(3));
        assert_eq!(serde_json::from_str::<HashQueue>("\"auto\"").unwrap(), HashQueue::Auto);
        assert_eq!(serde_json::from_str::<HashQueue>("\"500\"").unwrap().to_string(), "500");
        for text in ["0", "\"auto\"", "1025", "-1"] {
            assert!(serde_json::from_str::<HashThreads>(text).is_err(), "{text}");
        }
    }
}
