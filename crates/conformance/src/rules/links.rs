//! What the links in mails do.

use serde_json::json;
use vestibule::accounts::tokens::Purpose;

use crate::compare::{Body, Expected};

use super::{Asked, Instead, Rule};

/// How long a reset link counts, by default.
const RESET_SECONDS: i64 = 3600;

pub(super) const PROVEN_BY_RESET: Rule = Rule {
    name: "A reset proves the address",
    when: "The password was reset by mail, and the reference still takes the address for unproven: at `login/`, and at `registration/resend-email/`.",
    instead: "The login succeeds; no further mail is sent.",
    reason: "Whoever opens the link of the mail reads the mail of the address, which is all that a verification shows.",
    source: "T23, T25; design §4, 13",
    answer: |asked| {
        let names = ["username", "email"].iter().filter_map(|name| asked.member(name));
        let proven = names.into_iter().any(|name| asked.history.proven.contains(&name.trim().to_lowercase()));
        let unproven = json!({ "non_field_errors": ["E-mail is not verified."] });
        match proven {
            true if asked.is("POST", "login") && asked.recorded() == Some(unproven) => Instead::granted(asked),
            true if asked.is("POST", "registration/resend-email") && asked.status() == 200 => Some(Instead::Mails(Vec::new())),
            _ => None,
        }
    },
};

pub(super) const ENDED_BY_RESET: Rule = Rule {
    name: "A reset ends every other link",
    when: "`registration/verify-email/` with a key that was mailed before the password was reset.",
    instead: "404 `Not found.`; the reset has proven the address already.",
    reason: "Whoever resets a password because somebody else knew it wants nothing open that this somebody may have asked for.",
    source: "T18",
    answer: |asked| {
        let taken = asked.is("POST", "registration/verify-email") && asked.status() == 200;
        let ended = asked.link().is_some_and(|link| link.ended_by_reset);
        (taken && ended).then(|| Instead::detail(404, "Not found."))?
    },
};

pub(super) const OUTLIVES_LOGIN: Rule = Rule {
    name: "A login does not end a reset link",
    when: "`password/reset/confirm/` with a link that came before the last login, which the reference refuses.",
    instead: "200 `Password has been reset with the new password.`",
    reason: "Somebody else's login must not take the link away from the owner of the address; a link ends by its use, by another new password, and by its age.",
    source: "T18",
    answer: |asked| {
        let refused = asked.recorded() == Some(json!({ "token": ["Invalid value"] }));
        let outlived = asked.link().is_some_and(|link| link.outlived_login && link.purpose == Purpose::ResetPassword);
        (is_confirmation(asked) && refused && outlived).then(|| Instead::detail(200, super::passwords::RESET))?
    },
};

pub(super) const AN_HOUR: Rule = Rule {
    name: "A reset link counts for an hour",
    when: "`password/reset/confirm/` with a link that is older than an hour; those of the reference count for three days.",
    instead: "400 `{\"token\": [\"Invalid value\"]}`.",
    reason: "A mailbox that is read later by somebody else holds no way in; `password.reset_ttl` moves the bound, up to a day.",
    source: "T17; design §5 password.reset_ttl",
    answer: |asked| {
        let old = asked.link().is_some_and(|link| link.age >= RESET_SECONDS && link.purpose == Purpose::ResetPassword);
        (is_confirmation(asked) && asked.status() == 200 && old).then(|| Instead::field("token", "Invalid value"))?
    },
};

pub(super) const DISABLED: Rule = Rule {
    name: "A disabled account gets no new password",
    when: "`password/reset/confirm/` with a link of a disabled account.",
    instead: "400 `{\"token\": [\"Invalid value\"]}`.",
    reason: "Disabling an account ends what was mailed to it; when it is enabled again, no old link sets its password.",
    source: "T18 (e)",
    answer: |asked| {
        let disabled = asked.link().is_some_and(|link| asked.history.disabled.contains(&link.whose.to_lowercase()));
        (is_confirmation(asked) && asked.status() == 200 && disabled).then(|| Instead::field("token", "Invalid value"))?
    },
};

pub(super) const BASE_36: Rule = Rule {
    name: "The account in a reset link is written in base 36",
    when: "`password/reset/confirm/` with the number of the account in base 36, on a reference without allauth, which writes it in base 64.",
    instead: "200 `Password has been reset with the new password.`, if the token counts.",
    reason: "One form for all installations: that of the reference with allauth, and in the profile `strict` one that tells no number.",
    source: "T13; design §4, 12",
    answer: |asked| {
        let unread = asked.recorded() == Some(json!({ "uid": ["Invalid value"] }));
        (is_confirmation(asked) && unread && asked.link().is_some()).then(|| Instead::detail(200, super::passwords::RESET))?
    },
};

pub(super) const PLAIN_UID: Rule = Rule {
    name: "A number in base 36 is letters and digits",
    when: "`password/reset/confirm/` with an account that only the reference can read: with a sign, with digits of other scripts, in base 64.",
    instead: "400 `{\"uid\": [\"Invalid value\"]}`.",
    reason: "One account has one name.",
    source: "T13; design §4, 12",
    answer: |asked| {
        let fields = asked.recorded_fields().filter(|_| is_confirmation(asked))?;
        let read = fields.contains_key("token") || fields.contains_key("new_password2");
        let uid = asked.member("uid")?;
        let other = asked.link().is_none() || !uid.trim().bytes().all(|byte| byte.is_ascii_alphanumeric());
        (read && !fields.contains_key("uid") && other && !uid.trim().is_empty())
            .then(|| Instead::field("uid", "Invalid value"))?
    },
};

pub(super) const CONFIRMATION_IS_A_PAGE: Rule = Rule {
    name: "The page behind a verification link is one page",
    when: "`registration/account-confirm-email/{key}/`: `GET` for JSON, which tells the address and the name of the account; `POST` without the reference's CSRF token; a key of other characters; other methods.",
    instead: "The page: 200 for `GET` and `HEAD`, for `POST` what comes of the key. Other methods get 405. A front end that has a page of its own names it in `frontend.confirm_email_url` and sends the key to `registration/verify-email/`.",
    reason: "A key proves an address and is no key to what the account is called; whoever has the key needs no other proof.",
    source: "T22; design §5 frontend.confirm_email_url",
    answer: |asked| {
        let start = asked.path().strip_prefix("registration/account-")?;
        let key = start.strip_prefix("confirm-email/").or_else(|| start.strip_prefix("email-verification-sent"))?;
        let method = asked.request.method.as_str();
        let json = asked.exchange.recorded_header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        let refused = matches!(asked.status(), 403 | 404);
        match method {
            _ if key.trim_end_matches('/').is_empty() && start.starts_with("confirm") => None,
            "GET" | "HEAD" if json || refused => Some(Instead::Answer(Expected::ours(200, Body::Html))),
            "POST" if refused => Some(Instead::Better),
            "GET" | "HEAD" | "POST" => None,
            _ => Some(Instead::Plain(Expected::ours(405, Body::Any))),
        }
    },
};

fn is_confirmation(asked: &Asked<'_>) -> bool {
    asked.is("POST", "password/reset/confirm")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::history::{History, Link};
    use crate::steps::Exchange;
    use crate::wire::Request;

    fn hits(rule: &Rule, path: &str, status: u16, recorded: &str, link: Link) -> bool {
        let exchange = Exchange { method: "POST".into(), status, response_body: Some(recorded.into()), ..Exchange::default() };
        let member = if link.purpose == Purpose::VerifyEmail { "key" } else { "token" };
        let request = Request {
            method: "POST".into(),
            path: format!("/dj-rest-auth/{path}/"),
            headers: vec![("Content-Type".into(), "application/json".into())],
            body: Some(json!({ member: link.token }).to_string().into_bytes()),
        };
        let history = History {
            links: [("reset_token:1".to_owned(), link)].into(),
            disabled: ["off@example.com".to_owned()].into(),
            ..History::default()
        };
        (rule.answer)(&Asked { exchange: &exchange, request: &request, history: &history, settings: &Value::Null, whom: None })
            .is_some()
    }

    fn link(purpose: Purpose) -> Link {
        Link { purpose, whose: "a@example.com".into(), age: 0, token: "t".into(), outlived_login: false, ended_by_reset: false }
    }

    #[test]
    fn only_a_link_that_a_login_came_after_is_explained_by_the_login() {
        let (path, refused) = ("password/reset/confirm", r#"{"token":["Invalid value"]}"#);
        let reset = || link(Purpose::ResetPassword);
        assert!(hits(&OUTLIVES_LOGIN, path, 400, refused, Link { outlived_login: true, ..reset() }));
        assert!(!hits(&OUTLIVES_LOGIN, path, 400, refused, reset()));
        assert!(hits(&AN_HOUR, path, 200, "{}", Link { age: 4000, ..reset() }) && !hits(&AN_HOUR, path, 200, "{}", reset()));
        assert!(hits(&DISABLED, path, 200, "{}", Link { whose: "Off@example.com".into(), ..reset() }));
        assert!(!hits(&DISABLED, path, 200, "{}", reset()));
        let verify = || link(Purpose::VerifyEmail);
        let path = "registration/verify-email";
        assert!(hits(&ENDED_BY_RESET, path, 200, "{}", Link { ended_by_reset: true, ..verify() }));
        assert!(!hits(&ENDED_BY_RESET, path, 200, "{}", verify()));
    }
}
