//! What an earlier step did that explains a later answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use vestibule::accounts::tokens::Purpose;

use crate::compare;
use crate::report::Verdict;

/// What a replay remembers of the steps before.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Keys and tokens that this server has given out, and those that fixtures made.
    pub keys: BTreeSet<String>,
    /// The addresses of the accounts that they are of.
    pub owners: BTreeMap<String, String>,
    /// Keys that a change or reset of the password ended here, while the reference keeps them.
    pub ended: BTreeSet<String>,
    /// Keys whose login ended here by a request that did not carry them.
    pub logged_out: BTreeSet<String>,
    /// Passwords that were set with white space around them, without it.
    pub trimmed: BTreeSet<String>,
    /// Accounts that the reference made and this server refused: the rule by which it did, by name and address in small letters.
    pub refused: BTreeMap<String, &'static str>,
    /// Addresses of accounts that the reference has, in small letters.
    pub addresses: BTreeSet<String>,
    /// Addresses of accounts that were opened without a user name.
    pub nameless: BTreeSet<String>,
    /// Addresses of accounts that are in the reference's table of users alone, not in the one of addresses, in small letters.
    pub unlisted: BTreeSet<String>,
    /// Names and addresses of disabled accounts, in small letters.
    pub disabled: BTreeSet<String>,
    /// Names and addresses of accounts whose address a reset has proven here, in small letters.
    pub proven: BTreeSet<String>,
    /// Values of declared fields that accounts were made with, in small letters.
    pub own_words: BTreeSet<String>,
    /// What the placeholders of links stand for.
    pub links: BTreeMap<String, Link>,
    /// Why a placeholder stands for nothing here.
    pub unbound: HashMap<String, Origin>,
}

impl History {
    /// Whether a token is a refresh token.
    pub fn is_refresh(&self, token: &str) -> bool {
        compare::token_type(token).is_some_and(|kind| kind == "refresh")
    }
}

/// A token that a mail or a fixture has brought and that the reference has not taken yet.
#[derive(Clone, Debug)]
pub struct Link {
    /// What it does.
    pub purpose: Purpose,
    /// The name or address of the account.
    pub whose: String,
    /// How long ago it was made, in seconds, at the moment of the fixture.
    pub age: i64,
    /// The token here.
    pub token: String,
    /// Whether a login came after it, which ends it in the reference.
    pub outlived_login: bool,
    /// Whether a reset came after it, which ends it here.
    pub ended_by_reset: bool,
}

/// Why a placeholder stands for nothing: the verdict on the exchange that would have shown it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// That exchange's verdict.
    pub verdict: Verdict,
    /// The rule that hit there.
    pub rule: Option<&'static str>,
    /// In words.
    pub why: String,
}
