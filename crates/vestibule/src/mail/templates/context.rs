//! What a template is told.

use std::collections::BTreeMap;
use std::time::Duration;

use minijinja::Value;
use minijinja::value::Serde;
use serde_json::json;

use crate::ground::language::expiry_in_words;
use crate::ground::{Language, Secret};
use crate::settings::Settings;

use super::kinds::Kind;

/// The values that every mail has, by name; what a mail has no use for is empty.
pub(crate) const NAMES: [&str; 17] = [
    "site",
    "public_url",
    "user",
    "display_name",
    "email",
    "new_email",
    "link",
    "code",
    "key",
    "uid",
    "token",
    "expiry",
    "code_expiry",
    "language",
    "subject",
    "vars",
    "kind",
];

/// Whose account a mail is about.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// Empty where accounts have no names.
    pub username: String,
    /// The address of the account.
    pub email: String,
    /// Empty if unknown.
    pub first_name: String,
    /// Empty if unknown.
    pub last_name: String,
    /// The values of the declared fields, by name.
    pub profile: serde_json::Value,
}

/// What one mail is about.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The account.
    pub user: Person,
    /// The address that is proven or was left; where it is empty, the one of the account.
    pub email: String,
    /// The address that an account was changed to.
    pub new_email: String,
    /// The page that the reader shall open.
    pub link: Option<Secret>,
    /// The code that does the same as the link.
    pub code: Option<Secret>,
    /// The key of the link, for an owner who makes another link of it.
    pub key: Option<Secret>,
    /// The account's name in a reset link, for the same.
    pub uid: Option<Secret>,
    /// The token of a reset link, for the same.
    pub token: Option<Secret>,
    /// How long the link is valid.
    pub valid_for: Duration,
    /// How long the code is valid.
    pub code_valid_for: Duration,
}

/// What all mails of an installation have in common.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    site: Value,
    public_url: Value,
    vars: Value,
    /// The names of the declared fields.
    fields: Vec<String>,
}

impl Shared {
    pub(super) fn new(settings: &Settings) -> Self {
        let url = settings.public_url();
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", &url));
        let domain = rest.split(['/', '?']).next().unwrap_or(rest);
        Self {
            site: Value::from_pairs([("name", settings.site.name.as_str()), ("domain", domain), ("scheme", scheme)]),
            vars: Value::from(settings.templates.vars.clone()),
            fields: settings.user.fields.iter().map(|field| field.name.clone()).collect(),
            public_url: url.into(),
        }
    }

    /// The values of one mail.
    pub(super) fn values(&self, kind: &'static str, about: &About, language: &Language) -> BTreeMap<&'static str, Value> {
        let open = |secret: &Option<Secret>| Value::from(secret.as_ref().map_or("", Secret::expose));
        let email = if about.email.is_empty() { &about.user.email } else { &about.email };
        BTreeMap::from([
            ("site", self.site.clone()),
            ("public_url", self.public_url.clone()),
            ("vars", self.vars.clone()),
            ("kind", kind.into()),
            ("user", self.user(&about.user)),
            ("display_name", about.user.display_name().unwrap_or_else(|| email.clone()).into()),
            ("email", email.as_str().into()),
            ("new_email", about.new_email.as_str().into()),
            ("link", open(&about.link)),
            ("code", open(&about.code)),
            ("key", open(&about.key)),
            ("uid", open(&about.uid)),
            ("token", open(&about.token)),
            ("expiry", expiry_in_words(about.valid_for, language).into()),
            ("code_expiry", expiry_in_words(about.code_valid_for, language).into()),
            ("language", language.tag().into()),
            ("subject", "".into()),
        ])
    }

    /// A field without a value is an empty text, so that no mail says "none".
    fn user(&self, user: &Person) -> Value {
        let mut values: BTreeMap<String, Value> = self.fields.iter().map(|name| (name.clone(), Value::from(""))).collect();
        let given = user.profile.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        values.extend(given.map(|(name, value)| (name.clone(), Value::from(Serde(value)))));
        let standard = [
            ("username", &user.username),
            ("email", &user.email),
            ("first_name", &user.first_name),
            ("last_name", &user.last_name),
        ];
        values.extend(standard.map(|(name, value)| (name.to_owned(), Value::from(value.as_str()))));
        Value::from(values)
    }
}

impl Person {
    /// The name that the reader is called by: the username, else the full name.
    fn display_name(&self) -> Option<String> {
        let full = format!("{} {}", self.first_name, self.last_name);
        let name = if self.username.is_empty() { full.trim() } else { &self.username };
        (!name.is_empty()).then(|| name.to_owned())
    }
}

impl About {
    /// An account with everything, or with as little as an account can have, and a mail about it; `link` is where it leads.
    pub(super) fn sample(settings: &Settings, kind: Kind, everything: bool, with_code: bool, link: &str) -> Self {
        let reset = kind == Kind::PasswordReset;
        let valid_for = if reset { settings.password.reset_ttl } else { settings.email.verification_ttl };
        let word = |text: &str| if everything { text.to_owned() } else { String::new() };
        let email = "ana@example.org".to_owned();
        let profile = settings.user.fields.iter().filter(|_| everything).map(|field| (field.name.clone(), json!("example")));
        Self {
            user: Person {
                username: word("ana"),
                email: email.clone(),
                first_name: word("Ana"),
                last_name: word("Lima"),
                profile: profile.collect(),
            },
            email,
            new_email: "ana.lima@example.org".into(),
            link: Some(link.into()),
            code: with_code.then(|| CODE.into()),
            key: Some(KEY.into()),
            uid: Some(UID.into()),
            token: Some(TOKEN.into()),
            valid_for: valid_for.duration(),
            code_valid_for: settings.email.code_ttl.duration(),
        }
    }
}

/// Samples, by which a text is known to use a value.
pub(super) const CODE: &str = "BCDF-GHJK";
pub(super) const KEY: &str = "sample-key-3f9a";
pub(super) const UID: &str = "sample-uid-3f9a";
pub(super) const TOKEN: &str = "sample-token-3f9a";
