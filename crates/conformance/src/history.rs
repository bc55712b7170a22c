//! What an earlier step did that explains a later answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::report::Verdict;

/// What a replay remembers of the steps before.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Keys that this server has given out, and those that fixtures made.
    pub keys: BTreeSet<String>,
    /// Keys that a change or reset of the password ended here, while the reference keeps them.
    pub ended: BTreeSet<String>,
    /// Passwords that were set with white space around them, without it.
    pub trimmed: BTreeSet<String>,
    /// Accounts that the reference made and this server refused: the rule by which it did, by name and address in small letters.
    pub refused: BTreeMap<String, &'static str>,
    /// Addresses of accounts that the reference has, in small letters.
    pub addresses: BTreeSet<String>,
    /// Addresses of accounts that were opened without a user name.
    pub nameless: BTreeSet<String>,
    /// Whose account a `uid` placeholder names.
    pub uids: HashMap<String, String>,
    /// Why a placeholder stands for nothing here.
    pub unbound: HashMap<String, Origin>,
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
