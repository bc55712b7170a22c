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
        let ended = asked.history.ended.contains(key) && asked.mode() == "opaque";
        ended.then(|| Instead::detail(401, "Invalid token."))?
    },
};

pub(super) const LOGGED_OUT: Rule = Rule {
    name: "One login is one session",
    when: "The request carries a key whose login was ended by its cookie; in the reference the two have nothing to do with each other.",
    instead: "401 `Invalid token.`",
    reason: "Whoever logs out is out, whichever credential the request came with.",
    source: "T26, T27; design §4, 6",
    answer: |asked| {
        let (_, key) = asked.credential()?;
        let ended = asked.history.logged_out.contains(key) && asked.status() != 401 && asked.mode() == "opaque";
        ended.then(|| Instead::detail(401, "Invalid token."))?
    },
};

pub(super) const NO_BASIC: Rule = Rule {
    name: "No password with every request",
    when: "`Authorization: Basic`, which a reference without keys takes.",
    instead: "401 `Authentication credentials were not provided.`",
    reason: "A password is hashed once for a session, not for each request, and is not kept by a client.",
    source: "threats §0.2 UNAUTH; design §4, 6",
    answer: |asked| {
        let (scheme, _) = asked.credential()?;
        let tried = scheme.eq_ignore_ascii_case("basic") && asked.status() != 401;
        tried.then(|| Instead::detail(401, "Authentication credentials were not provided."))?
    },
};

pub(super) const ALWAYS_A_KEY: Rule = Rule {
    name: "A login answers with its key, beside the cookie too",
    when: "`login/` or `registration/` on a reference without keys, which answers 204 and sets the session cookie.",
    instead: "200 or 201 with `{\"key\": …}`, and the cookie.",
    reason: "A client that lives by the cookie has no use for the key; one answer whatever the client lives by.",
    source: "design §5 tokens.session_cookie",
    answer: |asked| {
        let status = match asked.path().trim_end_matches('/') {
            "login" => 200,
            "registration" => 201,
            _ => return None,
        };
        let silent = asked.status() == 204 && asked.request.method == "POST";
        silent.then(|| Instead::json(status, serde_json::json!({ "key": "{{token}}" })))?
    },
};

pub(super) const NO_ORIGIN: Rule = Rule {
    name: "What comes from no page needs no token against pages",
    when: "A request by the session cookie with neither `Origin` nor `Sec-Fetch-Site`, for which the reference wants its CSRF token.",
    instead: "What the request gets with an `Origin` of the server's own.",
    reason: "Every browser says where a request was started; a request that does not say so is none that a page made one send.",
    source: "T43; design §4, 12 and 17",
    answer: |asked| {
        let refused = asked.recorded_detail().is_some_and(|detail| detail.starts_with("CSRF Failed: CSRF"));
        let untold = ["origin", "sec-fetch-site"].iter().all(|name| asked.request.header(name).is_none());
        let own = Some(format!("http://{}", asked.request.header("host").unwrap_or_default()));
        let any = refused && untold && asked.status() == 403 && !asked.is_set("/jwt/csrf");
        any.then(|| Instead::SameAs(asked.with_header("Origin", own)))
    },
};

pub(super) const BEARER: Rule = Rule {
    name: "Keys are taken as Bearer too",
    when: "`Authorization: Bearer` where the reference knows keys alone, and takes the request for one without a credential.",
    instead: "What `Authorization: Token` with the same text gets.",
    reason: "A client keeps its header when the server changes from keys to JSON Web Tokens.",
    source: "RFC 6750 §2.1, T75",
    answer: |asked| {
        let (scheme, key) = asked.credential()?;
        let overlooked = scheme.eq_ignore_ascii_case("bearer") && asked.mode() == "opaque";
        overlooked.then(|| Instead::SameAs(asked.with_header("Authorization", Some(format!("Token {key}")))))
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

pub(super) const FORGIVING: Rule = Rule {
    name: "An old key does not stand in the way of a new one",
    when: "An endpoint for everybody (`login/`, `registration/` and what is below, `password/reset/` and what is below, with JSON Web Tokens `logout/` and `token/` too) with an `Authorization` that does not count.",
    instead: "What the same request without `Authorization` gets.",
    reason: "A front end that sends its expired key with every request could never log in again.",
    source: "T75, design §4, 17",
    answer: |asked| {
        let path = asked.path().trim_end_matches('/');
        let with_tokens = asked.mode() != "opaque" && (path == "logout" || path.starts_with("token/"));
        let for_everybody =
            path == "login" || path.starts_with("registration") || path.starts_with("password/reset") || with_tokens;
        let has_header = asked.request.header("authorization").is_some();
        let refused = asked.status() == 401 && for_everybody && has_header;
        refused.then(|| Instead::SameAs(asked.with_header("Authorization", None)))
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
    fn a_json_web_token_is_no_key() {
        let exchange = Exchange { method: "GET".into(), status: 401, ..Exchange::default() };
        let headers = vec![("Authorization".to_owned(), "Bearer k".to_owned())];
        let request = Request { method: "GET".into(), path: "/dj-rest-auth/user/".into(), headers, body: None };
        let history = History::default();
        let hits = |settings: &serde_json::Value| {
            (BEARER.answer)(&Asked { exchange: &exchange, request: &request, history: &history, settings, whom: None }).is_some()
        };
        assert!(hits(&serde_json::json!({})) && !hits(&serde_json::json!({ "tokens": { "mode": "jwt" } })));
    }
}
