//! Keys, and what happens without one.

use super::{Instead, Rule};

pub(super) const ENDED_KEY: Rule = Rule {
    name: "A changed password ends keys",
    when: "The request carries a key that a change or a reset of the password has ended: a reset ends all, a change all others, and with `account.logout_on_password_change` the one in hand too.",
    instead: "401 `Invalid token.`",
    reason: "Whoever changes a password because somebody else knew it must be alone afterwards; the reference keeps the one key of the account.",
    source: "T06, T23",
    answer: |asked| {
        let (_, key) = asked.credential()?;
        asked.history.ended.contains(key).then(|| Instead::detail(401, "Invalid token."))?
    },
};

pub(super) const BEARER: Rule = Rule {
    name: "Keys are taken as Bearer too",
    when: "`Authorization: Bearer` with a key that counts.",
    instead: "What `Authorization: Token` with the same key gets.",
    reason: "A client keeps its header when the server changes from keys to JSON Web Tokens; the reference reads `Bearer` in JWT mode only and takes the request for anonymous.",
    source: "RFC 6750 §2.1, T75",
    answer: |asked| {
        let (scheme, key) = asked.credential()?;
        let is_ours = scheme.eq_ignore_ascii_case("bearer") && asked.history.keys.contains(key) && asked.status() == 401;
        is_ours.then(|| Instead::SameAs(asked.with_header("Authorization", Some(format!("Token {key}")))))
    },
};

pub(super) const UNAUTHENTICATED: Rule = Rule {
    name: "A missing or unknown key is 401",
    when: "The reference answers 403 to a missing or unknown credential, as it does when its session authentication comes first.",
    instead: "401 with the same sentence and `WWW-Authenticate: Token`.",
    reason: "401 says that logging in would help, 403 that it would not; one answer whatever the mode.",
    source: "threats §0.2 UNAUTH, RFC 9110 §15.5.2",
    answer: |asked| {
        let detail = asked.recorded_detail().filter(|_| asked.status() == 403)?;
        let credential = ["Authentication credentials were not provided.", "Invalid token", "User inactive or deleted."];
        credential.iter().any(|start| detail.starts_with(start)).then(|| Instead::detail(401, &detail))?
    },
};

pub(super) const FORGIVING_LOGIN: Rule = Rule {
    name: "An old key does not stand in the way of a new one",
    when: "`login/` with an `Authorization` that does not count.",
    instead: "What the same request without `Authorization` gets.",
    reason: "A front end that sends its expired key with every request could never log in again.",
    source: "T75, design §4, 17",
    answer: |asked| {
        let is_refused = asked.status() == 401 && asked.path().trim_end_matches('/') == "login";
        let has_header = asked.request.header("authorization").is_some();
        (is_refused && has_header).then(|| Instead::SameAs(asked.with_header("Authorization", None)))
    },
};

pub(super) const LOGOUT_OF_NOBODY: Rule = Rule {
    name: "Logging out twice is no mistake",
    when: "`logout/` without a credential where the reference, with `SESSION_LOGIN` off, says that one should be logged in.",
    instead: "200 `Successfully logged out.`",
    reason: "There is nothing to end, which is what was asked for; the reference itself answers so in its other modes.",
    source: "T27",
    answer: |asked| {
        let anonymous = asked.request.header("authorization").is_none();
        let told = asked.recorded_detail().is_some_and(|detail| detail.starts_with("You should be logged in to logout."));
        (anonymous && told && asked.is("POST", "logout")).then(|| Instead::detail(200, "Successfully logged out."))?
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;
    use crate::rules::Asked;
    use crate::steps::Exchange;
    use crate::wire::Request;

    #[test]
    fn a_bearer_key_that_nobody_gave_out_is_no_deviation() {
        let exchange = Exchange { method: "GET".into(), status: 401, ..Exchange::default() };
        let headers = vec![("Authorization".to_owned(), "Bearer k".to_owned())];
        let request = Request { method: "GET".into(), path: "/dj-rest-auth/user/".into(), headers, body: None };
        let mut history = History::default();
        assert!(
            (BEARER.answer)(&Asked {
                exchange: &exchange,
                request: &request,
                history: &history,
                settings: &serde_json::Value::Null,
                whom: None
            })
            .is_none()
        );
        history.keys.insert("k".into());
        assert!(
            (BEARER.answer)(&Asked {
                exchange: &exchange,
                request: &request,
                history: &history,
                settings: &serde_json::Value::Null,
                whom: None
            })
            .is_some()
        );
    }
}
