//! JSON Web Tokens, their cookies, and what ends them.

use serde_json::json;

use super::{Asked, Instead, Rule};
use crate::compare::{Body, Expected};
use crate::history::sids;
use crate::offered;

pub(super) const LOGOUT: Rule = Rule {
    name: "Logging out always succeeds",
    when: "`POST logout/` with tokens where the reference wants a refresh token in one place and finds none, a broken or a used one; where it says that it cannot end tokens; or where it crashes.",
    instead: "200 `Successfully logged out.`; whatever session the request names has ended, and its cookies are removed.",
    reason: "Whoever logs out must be out, also with a token that is over or half of the cookies.",
    source: "T27; design §4, 6",
    answer: |asked| {
        let differs =
            asked.status() >= 400 || asked.recorded_detail().is_some_and(|detail| detail.starts_with("Neither cookies"));
        let english = asked.request.header("accept-language").is_none_or(|tag| tag.starts_with("en"));
        let sentence = if english { "Successfully logged out." } else { "{{text}}" };
        (asked.mode() != "opaque" && asked.is("POST", "logout") && differs).then(|| Instead::detail(200, sentence))?
    },
};

pub(super) const ENDED: Rule = Rule {
    name: "What ends a session ends its tokens",
    when: "A token whose session has ended here: by logging out with it or beside it, or, where cookies carry tokens, by a change of password, which gives new ones.",
    instead: "401, or for `token/verify/` of a refresh token 400; a refresh token is `Token is blacklisted`, an access token `Token is invalid`.",
    reason: "The reference ends refresh tokens at most, and access tokens go on until they are over.",
    source: "T06, T27, T29; design §4, 6",
    answer: |asked| {
        let ended = sids(asked.request).iter().any(|sid| asked.history.ended_sids.contains(sid));
        if !ended || asked.mode() == "opaque" {
            return None;
        }
        match asked.path().trim_end_matches('/') {
            "token/refresh" => Instead::json(401, json!({ "detail": "Token is blacklisted", "code": "token_not_valid" })),
            "token/verify" => Instead::field("non_field_errors", "Token is blacklisted"),
            "user" | "password/change" => refused_access("Token is invalid"),
            _ => None,
        }
    },
};

fn refused_access(why: &str) -> Option<Instead> {
    let message = json!({ "token_class": "AccessToken", "token_type": "access", "message": why });
    let sentence = "Given token not valid for any token type";
    Instead::json(401, json!({ "detail": sentence, "code": "token_not_valid", "messages": [message] }))
}

pub(super) const LOST_ANSWER: Rule = Rule {
    name: "A lost answer is given again",
    when: "`token/refresh/` with the refresh token before the present one, within `jwt.refresh_grace` and while the present one was not used.",
    instead: "200 with the present one once more, in the body or in its cookie.",
    reason: "A client whose answer was lost on the way, or whose two tabs refresh at once, would be logged out. Later, or after the next refresh, the session ends.",
    source: "T37; design §4, 7",
    answer: |asked| {
        let used = asked.recorded_detail().as_deref() == Some("Token is blacklisted");
        let rotates = asked.is_set("/jwt/rotate_refresh");
        (used && rotates && asked.is("POST", "token/refresh")).then(|| Instead::Answer(Expected::ours(200, Body::Any)))
    },
};

pub(super) const COOKIES_AT_ONCE: Rule = Rule {
    name: "Registration gives cookies like a login",
    when: "A registration that logs in where cookies carry tokens.",
    instead: "The cookies of a login; the refresh token is not in the body beside a cookie that scripts cannot read.",
    reason: "A refresh token in a body is within the reach of every script of the page, which the cookie is there to prevent.",
    source: "T42",
    answer: |asked| {
        if asked.mode() != "jwt-cookie" || !asked.is("POST", "registration") || asked.status() != 201 {
            return None;
        }
        let mut body = asked.recorded().filter(|body| body.get("refresh").is_some())?;
        if asked.settings.pointer("/jwt/cookie_http_only") != Some(&false.into()) {
            body["refresh"] = "".into();
        }
        // Verification may be a mail beside.
        Some(Instead::Answer(Expected { mails: None, ..Expected::ours(201, Body::Json(body)) }))
    },
};

pub(super) const REFRESH_IN_BODY: Rule = Rule {
    name: "A refresh token that no cookie carries is in the body",
    when: "A login without cookies where the reference hides the refresh token all the same (`JWT_AUTH_HTTPONLY` without cookie names).",
    instead: "The same with the refresh token.",
    reason: "It would be nowhere, and nobody could go on after the access token's end.",
    source: "design §5, `tokens.mode`",
    answer: |asked| {
        let mut body = asked.recorded().filter(|_| asked.mode() == "jwt" && asked.is("POST", "login"))?;
        (body.get("refresh")? == "").then_some(())?;
        body["refresh"] = "{{jwt_refresh}}".into();
        Instead::json(asked.status(), body)
    },
};

pub(super) const NEW_COOKIES: Rule = Rule {
    name: "A changed password gives the browser new tokens",
    when: "A change of password by a cookie that carries a token.",
    instead: "The same sentence, and new cookies; those of before count no more.",
    reason: "Whoever has copied the cookie must be out.",
    source: "T06",
    answer: |asked| {
        let changed = asked.is("POST", "password/change") && asked.status() == 200 && asked.mode() == "jwt-cookie";
        let body = asked.recorded().filter(|_| changed && asked.request.header("cookie").is_some())?;
        Instead::json(200, body)
    },
};

pub(super) const SCHEME: Rule = Rule {
    name: "The case of `Bearer` does not matter",
    when: "`Authorization: bearer …` in another case than the reference knows.",
    instead: "What `Bearer` gets.",
    reason: "The name of a scheme has no case.",
    source: "RFC 9110 §11.1",
    answer: |asked| {
        let (scheme, token) = asked.credential()?;
        let other_case = scheme.eq_ignore_ascii_case("bearer") && scheme != "Bearer" && asked.status() == 401;
        other_case.then(|| Instead::SameAs(asked.with_header("Authorization", Some(format!("Bearer {token}")))))
    },
};

pub(super) const BROKEN_COOKIE: Rule = Rule {
    name: "A broken cookie breaks nothing public",
    when: "An endpoint that is open to everybody, with the cookie of a token that does not count.",
    instead: "What the same request without cookies gets.",
    reason: "A browser sends its cookies without being asked; nobody could log in again until they are gone.",
    source: "design §4, 17",
    answer: |asked| {
        let public = matches!(asked.path().trim_end_matches('/'), "login" | "registration" | "token/verify" | "password/reset");
        let broken = asked.status() == 401 && asked.request.header("cookie").is_some();
        (public && broken).then(|| Instead::SameAs(asked.with_header("Cookie", None)))
    },
};

pub(super) const OWN_VALUE: Rule = Rule {
    name: "A CSRF token counts for the session that got it",
    when: "A request with `jwt.csrf` that repeats a value which the client has made up.",
    instead: "403 `CSRF Failed: CSRF token from the 'X-Csrftoken' HTTP header incorrect.`",
    reason: "Whoever can set cookies for a neighbouring host could make up one too.",
    source: "T43",
    answer: |asked| {
        let repeated = asked.request.header("x-csrftoken").filter(|_| asked.is_set("/jwt/csrf") && asked.status() < 400)?;
        let ours = repeated.len() == 32 && repeated.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let sentence = "CSRF Failed: CSRF token from the 'X-Csrftoken' HTTP header incorrect.";
        (!ours).then(|| Instead::detail(403, sentence))?
    },
};

pub(super) const FORM_COOKIE: Rule = Rule {
    name: "A page with forms knows its browser",
    when: "A page to browse.",
    instead: "The same, with a cookie of ours that ties its forms to this browser.",
    reason: "A form is taken only from the browser that was shown it; scripts cannot read this cookie, as they can `csrftoken`.",
    source: "T46; design §4, 17",
    answer: |asked| offered::is_page(asked.exchange).then_some(Instead::Beside("form")),
};

pub(super) const KNOWN_BROWSER: Rule = Rule {
    name: "A browser in which one came in is known",
    when: "A login that succeeds where failed ones are limited.",
    instead: "The same, with the cookie `device`.",
    reason: "Its failures are counted apart, so that a stranger's do not lock the owner out.",
    source: "T69",
    answer: |asked| came_in(asked).then_some(Instead::Beside("device")),
};

fn came_in(asked: &Asked<'_>) -> bool {
    asked.is_set("/limits/enabled") && asked.status() < 300 && (asked.is("POST", "login") || asked.is("POST", "registration"))
}
