//! What an earlier step did that explains a later answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use vestibule::accounts::tokens::Purpose;

use crate::report::Verdict;
use crate::wire::Request;

/// The sessions that the JSON Web Tokens of a request name, wherever in it they stand. Nothing is verified.
pub fn sids(request: &Request) -> BTreeSet<String> {
    let headers = ["authorization", "cookie"].into_iter().filter_map(|name| request.header(name)).map(str::to_owned);
    let body = request.body.as_deref().map(|body| String::from_utf8_lossy(body).into_owned());
    let all: Vec<String> = headers.chain(body).collect();
    let is_of_a_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let words = all.iter().flat_map(|text| text.split(|c| !is_of_a_token(c)));
    words.filter_map(sid).collect()
}

fn sid(token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    Some(claims.get("sid")?.as_str()?.to_owned())
}

/// What a replay remembers of the steps before.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Keys that this server has given out, and those that fixtures made.
    pub keys: BTreeSet<String>,
    /// Keys that a change or reset of the password ended here, while the reference keeps them.
    pub ended: BTreeSet<String>,
    /// Sessions that ended here, by the name that their tokens carry.
    pub ended_sids: BTreeSet<String>,
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
