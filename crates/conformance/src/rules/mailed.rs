//! What a mail carries.

use serde_json::json;

use crate::compare::{Body, Expected};

use super::{Instead, Rule};

pub(super) const ANY_CASE: Rule = Rule {
    name: "An unproven address is found however it is written",
    when: "`registration/resend-email/` for an unproven address in another case, or one that stands with the account and not in the reference's table of addresses.",
    instead: "The same answer, and the mail is sent, to the address as it is stored.",
    reason: "A person who wrote the address with another capital would wait in vain; there is one place for the address of an account.",
    source: "T12",
    answer: |asked| {
        let ok = asked.is("POST", "registration/resend-email") && asked.status() == 200 && asked.exchange.emails_sent.is_empty();
        let written = asked.member("email")?.trim().to_owned();
        let stored = written.to_lowercase();
        let other = asked.history.addresses.contains(&stored) && (written != stored || asked.history.unlisted.contains(&stored));
        (ok && other).then_some(Instead::Mails(vec![stored]))
    },
};

pub(super) const NOTHING_TO_DISABLED: Rule = Rule {
    name: "A disabled account gets no mail",
    when: "`registration/resend-email/` for the address of a disabled account.",
    instead: "The same answer, and no mail.",
    reason: "A key that cannot be used is not sent.",
    source: "T10, T18 (e)",
    answer: |asked| {
        let sent = asked.is("POST", "registration/resend-email") && !asked.exchange.emails_sent.is_empty();
        let disabled = asked.history.disabled.contains(&asked.member("email")?.trim().to_lowercase());
        (sent && disabled).then(|| Instead::Mails(Vec::new()))
    },
};

pub(super) const ONE_MAIL: Rule = Rule {
    name: "One mail to one address",
    when: "Several accounts of the reference have the address that a mail is asked for, and each gets one.",
    instead: "The same answer, and one mail: to the account that has proven the address, else to the oldest.",
    reason: "Here one account has the address; further sign-ups with it are refused, or wait until one of them proves it.",
    source: "design §4, 13; T83",
    answer: |asked| {
        let all = asked.exchange.recipients();
        let mut one = all.clone();
        one.dedup();
        (one.len() < all.len()).then_some(Instead::Mails(one))
    },
};

pub(super) const OWN_KEY: Rule = Rule {
    name: "Every sign-up gets its own mail",
    when: "`registration/` with an address that another pending sign-up has, where the reference makes the account and sends nothing.",
    instead: "The same answer, and a mail with a key that proves the address for this sign-up.",
    reason: "Whose key is opened owns the address, with the password of that sign-up; without a key of its own an account could never be used.",
    source: "design §4, 13; T25",
    answer: |asked| {
        let made = asked.is("POST", "registration") && asked.status() == 201 && asked.exchange.emails_sent.is_empty();
        let email = asked.member("email")?.trim().to_lowercase();
        (made && asked.history.addresses.contains(&email)).then(|| Instead::Mails(vec![email]))
    },
};

pub(super) const NOTICE: Rule = Rule {
    name: "A new password is told by mail",
    when: "A password was changed or reset, with notices switched on; the reference sends them from its pages and not from these endpoints.",
    instead: "The same answer, and a notice to the address of the account.",
    reason: "Whoever did not do it learns of it; `email.notices` switches each kind off.",
    source: "T06, T23",
    answer: |asked| {
        let switched_on = match asked.path().trim_end_matches('/') {
            "password/reset/confirm" => asked.is_set("/email/notices/password_reset"),
            "password/change" => asked.is_set("/email/notices/password_changed"),
            _ => false,
        };
        let done = switched_on && asked.status() == 200 && asked.request.method == "POST";
        done.then(|| Some(Instead::Mails(vec![asked.whom?.to_owned()])))?
    },
};

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
