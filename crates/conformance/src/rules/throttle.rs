//! Limits.

use serde_json::json;

use crate::wire::Request;

use super::{Asked, Instead, Rule};

pub(super) const FORWARDED_BY_NOBODY: Rule = Rule {
    name: "A header that nobody vouches for opens no new count",
    when: "The reference counts by `X-Forwarded-For` although no proxy is trusted, so that another value gets another allowance.",
    instead: "429 as for the address of the socket; the header counts where `server.trusted_proxies` names the proxy.",
    reason: "Whoever guesses passwords can write any header.",
    source: "T67",
    answer: |asked| {
        let forwarded = asked.request.header("x-forwarded-for").is_some() && asked.status() != 429;
        forwarded.then(|| Instead::detail(429, "Request was throttled. Expected available in {{seconds}} seconds."))?
    },
};

pub(super) const KNOWN_BROWSER: Rule = Rule {
    name: "A browser that logged in is known again",
    when: "`login/` with limits switched on.",
    instead: "The same answer, and a cookie `device` beside.",
    reason: "A stranger's wrong guesses must not lock the owner of the account out of the browser that is used every day.",
    source: "T69",
    answer: |asked| {
        let login = asked.is("POST", "login") && asked.status() == 200 && asked.is_set("/limits/enabled");
        login.then(|| Instead::Beside(vec!["device".into()]))
    },
};

pub(super) const ATTEMPTS_NOT_REQUESTS: Rule = Rule {
    name: "Limits count attempts and not requests",
    when: "The reference answers 429 to a request that tries nothing: `OPTIONS`, a method that does not exist, `logout/`, or another action than the one that was tried too often.",
    instead: "What the request gets without a limit.",
    reason: "A limit is there against guessing and flooding; each action has its own, reserved before a password is hashed.",
    source: "T66, T68; design §4, 10",
    answer: |asked| {
        if asked.status() != 429 {
            return None;
        }
        let text = "{{text}}";
        let path = asked.path().trim_end_matches('/');
        match (asked.request.method.as_str(), path) {
            ("OPTIONS", "login" | "registration" | "password/change") => Instead::json(
                200,
                json!({ "name": text, "description": text, "renders": "{{any}}", "parses": "{{any}}", "actions": "{{any}}" }),
            ),
            ("OPTIONS", "logout") => {
                Instead::json(200, json!({ "name": text, "description": text, "renders": "{{any}}", "parses": "{{any}}" }))
            }
            ("POST", "logout") => Instead::detail(200, "Successfully logged out."),
            // The form of the installation says what is missing; an empty form lacks the same.
            ("POST", "registration" | "password/change" | "password/reset" | "password/reset/confirm") if is_empty(asked) => {
                Some(Instead::SameAs(empty_form(asked)))
            }
            ("POST", _) => None,
            (method, "login" | "registration" | "logout" | "password/change") => {
                Instead::detail(405, &format!("Method \"{method}\" not allowed."))
            }
            _ => None,
        }
    },
};

fn is_empty(asked: &Asked<'_>) -> bool {
    matches!(asked.body().trim_ascii(), b"" | b"{}")
}

fn empty_form(asked: &Asked<'_>) -> Request {
    let kind = if asked.is_form() { "application/json" } else { "application/x-www-form-urlencoded" };
    Request { body: Some(Vec::new()), ..asked.with_header("Content-Type", Some(kind.into())) }
}
