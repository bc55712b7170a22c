//! What a mail carries.

use serde_json::json;

use crate::compare::{Body, Expected};

use super::{Instead, Rule};

pub(super) const HEAD_SPENDS_NOTHING: Rule = Rule {
    name: "HEAD never confirms an address",
    when: "`HEAD` on the link of a verification mail, where opening the link confirms.",
    instead: "200, and the key still counts.",
    reason: "Scanners of mail send `HEAD`; a person's click must find the key unspent.",
    source: "T22",
    answer: |asked| {
        let opens = asked.request.method == "HEAD" && asked.path().starts_with("registration/account-confirm-email/");
        (opens && asked.status() == 302).then(|| Instead::Answer(Expected::ours(200, Body::Empty)))
    },
};

pub(super) const CODE_BESIDE_KEY: Rule = Rule {
    name: "An address is proven by a code too",
    when: "`OPTIONS registration/verify-email/`, which the reference describes with a `key` alone.",
    instead: "The same with `code` and `email`, which together do what the `key` does.",
    reason: "Every mail carries a short code beside its link, for those who read it on another device.",
    source: "design §4, 16",
    answer: |asked| {
        let text = |label: &str| json!({ "type": "string", "required": false, "read_only": false, "label": label });
        let mut key = text("Key");
        key["required"] = true.into();
        let mut email = text("Email");
        email["type"] = "email".into();
        let actions = json!({ "POST": { "key": key, "code": text("Code"), "email": email } });
        let any = "{{any}}";
        let answer = json!({ "name": "{{text}}", "description": "{{text}}", "renders": any, "parses": any, "actions": actions });
        asked.is("OPTIONS", "registration/verify-email").then(|| Instead::json(200, answer))?
    },
};
