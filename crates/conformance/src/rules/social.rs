//! Signing in with providers.

use serde_json::json;

use super::{Asked, Instead, Rule};
use crate::compare::{Body, Expected};

/// The first message about no single field.
fn recorded(asked: &Asked<'_>) -> Option<String> {
    Some(asked.recorded_fields()?.get("non_field_errors")?.get(0)?.as_str()?.to_owned())
}

/// 400 with some sentence about no single field.
fn refused() -> Instead {
    Instead::Answer(Expected::ours(400, Body::Json(json!({ "non_field_errors": ["{{text}}"] }))))
}

pub(super) const ID_TOKEN_ALONE: Rule = Rule {
    name: "An ID token alone is enough",
    when: "`{provider}/` with an `id_token` and neither `access_token` nor `code`, which the reference does not look at.",
    instead: "It is judged: a login, or 400 `Incorrect value`.",
    reason: "An ID token is what an app on a telephone gets; for whom it was made stands in it.",
    source: "issue 7, 2; T50",
    answer: |asked| {
        let incomplete = recorded(asked)?.starts_with("Incorrect input.");
        (incomplete && asked.member("id_token").is_some_and(|token| !token.is_empty())).then(refused)
    },
};

pub(super) const CALLBACK_IS_KNOWN: Rule = Rule {
    name: "A provider always has its callback",
    when: "`{provider}/` with a `code`, where the project of the reference forgot `callback_url`.",
    instead: "The code is exchanged, or 400 says why not.",
    reason: "The callback is made from `server.public_url` unless `callback_url` names another.",
    source: "design §5",
    answer: |asked| (recorded(asked)? == "Define callback_url in view").then(refused),
};

pub(super) const NO_SUCH_PROVIDER: Rule = Rule {
    name: "A provider that is not in the settings does not exist",
    when: "`{provider}/` of a provider without an adapter, to which the reference answers with a sentence for programmers.",
    instead: "404 `Not found.`",
    reason: "Which providers there are is decided at the start, and nothing of a request adds one.",
    source: "T53",
    answer: |asked| (recorded(asked)? == "Define adapter_class in view").then(|| Instead::detail(404, "Not found."))?,
};

pub(super) const LAST_WAY_IN: Rule = Rule {
    name: "The last way in stays",
    when: "`socialaccounts/{pk}/disconnect/` for the only identity of an account without a password.",
    instead: "400 with a sentence about it.",
    reason: "Nobody could log in to the account any more.",
    source: "T55",
    answer: |asked| {
        let path = asked.path().trim_end_matches('/');
        let disconnects = path.starts_with("socialaccounts/") && path.ends_with("/disconnect");
        (asked.request.method == "POST" && disconnects && asked.status() == 200).then(refused)
    },
};
