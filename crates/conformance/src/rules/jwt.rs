//! JSON Web Tokens.

use serde_json::{Value, json};

use crate::compare::{Body, Expected};

use super::{Asked, Instead, Rule};

pub(super) const SESSION_ENDED: Rule = Rule {
    name: "A token ends with its session",
    when: "A JSON Web Token whose session was ended here by logging out or by a new password, and whose account the reference looks up or which it takes until it is over.",
    instead: "401 with `\"code\": \"token_not_valid\"`; from `token/verify/` of a refresh token 400 `Token is blacklisted`.",
    reason: "Every request reads the session's row, so that logging out, disabling and a changed password count at once, for access tokens too.",
    source: "T29; design §4, 6",
    answer: |asked| {
        let token = token(asked)?;
        let recorded = asked.recorded().unwrap_or_default();
        let looked_up = ["user_not_found", "user_inactive", "no_active_account"].iter().any(|code| recorded["code"] == *code);
        let inactive = recorded["detail"] == "No active account found for the given token.";
        let ended = asked.history.ended.contains(&token) || asked.history.logged_out.contains(&token);
        let differs = (ended && asked.status() < 500) || (looked_up || inactive) && asked.status() == 401;
        differs.then(|| invalid(asked, &token))?
    },
};

/// How a token that does not count is refused, by endpoint.
fn invalid(asked: &Asked<'_>, token: &str) -> Option<Instead> {
    let detail = |sentence: &str| json!({ "detail": sentence, "code": "token_not_valid" });
    let body = match asked.path().trim_end_matches('/') {
        "token/refresh" => detail("Token is blacklisted"),
        "token/verify" if asked.history.is_refresh(token) => {
            return Instead::field("non_field_errors", "Token is blacklisted");
        }
        "token/verify" => detail("Token is invalid"),
        _ => {
            let message = json!({ "token_class": "AccessToken", "token_type": "access", "message": "Token is invalid" });
            let mut body = detail("Given token not valid for any token type");
            body["messages"] = json!([message]);
            body
        }
    };
    Instead::json(401, body)
}

/// The token that the request is about: of the body, of the header, or of a cookie.
fn token(asked: &Asked<'_>) -> Option<String> {
    let in_body = match asked.path().trim_end_matches('/') {
        "token/refresh" => asked.member("refresh"),
        "token/verify" => asked.member("token"),
        _ => None,
    };
    let in_header = || asked.credential().map(|(_, token)| token.to_owned());
    let in_cookie = || {
        let cookies = asked.request.header("cookie")?.split(';').filter_map(|cookie| Some(cookie.split_once('=')?.1.trim()));
        cookies.map(str::to_owned).find(|value| value.split('.').count() == 3)
    };
    in_body.filter(|text| !text.is_empty()).or_else(in_header).or_else(in_cookie).filter(|token| token.contains('.'))
}

pub(super) const LOGOUT: Rule = Rule {
    name: "Logging out needs no refresh token",
    when: "`logout/` in the modes with JSON Web Tokens: without a refresh token, with one that does not count, or where the reference says that it cannot end anything.",
    instead: "200 `Successfully logged out.`, and the session of whatever token counts is ended.",
    reason: "A client that wants to be out is out, whatever it still has; there is a session to end in every mode.",
    source: "T27; design §4, 6",
    answer: |asked| {
        let refused = matches!(asked.status(), 400 | 401);
        let unable = asked.recorded_detail().is_some_and(|detail| detail.starts_with("Neither cookies or blacklist are enabled"));
        let differs = asked.is("POST", "logout") && asked.mode() != "opaque" && (refused || unable);
        differs.then(|| Instead::detail(200, "Successfully logged out."))?
    },
};

pub(super) const ANY_CASE: Rule = Rule {
    name: "The name of a scheme is read in any case",
    when: "`Authorization: bearer`, which the reference does not recognise.",
    instead: "What `Authorization: Bearer` gets.",
    reason: "The names of schemes are not told apart by case.",
    source: "RFC 9110 §11.1",
    answer: |asked| {
        let (scheme, token) = asked.credential()?;
        let other = scheme != "Bearer" && scheme.eq_ignore_ascii_case("bearer") && asked.mode() != "opaque";
        other.then(|| Instead::SameAs(asked.with_header("Authorization", Some(format!("Bearer {token}")))))
    },
};

pub(super) const GRACE: Rule = Rule {
    name: "A refresh token that was just used answers once more",
    when: "`token/refresh/` with a token that was exchanged moments ago, which the reference calls blacklisted.",
    instead: "200 with the same successor; later than `jwt.refresh_grace` the session is ended.",
    reason: "Two tabs, or an answer that was lost on the way, must not log anybody out.",
    source: "T38; design §4, 7",
    answer: |asked| {
        let blacklisted = asked.recorded_detail().is_some_and(|detail| detail == "Token is blacklisted");
        let exchanged = asked.is("POST", "token/refresh") && asked.status() == 401 && blacklisted;
        exchanged.then(|| Instead::Answer(Expected::ours(200, Body::Any)))
    },
};

pub(super) const SAME_AFTER_REGISTRATION: Rule = Rule {
    name: "A registration gives out its tokens as a login does",
    when: "`registration/` with tokens in cookies, where the reference sets no cookie and shows the refresh token to scripts.",
    instead: "The cookies of a login, and `refresh` as a login shows it.",
    reason: "A refresh token that scripts can read is what the cookie is there to prevent.",
    source: "T42",
    answer: |asked| {
        let mut body = asked.recorded().filter(|_| asked.is("POST", "registration") && asked.status() == 201)?;
        let shown = asked.settings.pointer("/jwt/cookie_http_only") == Some(&Value::Bool(false));
        body.get("refresh")?;
        body["refresh"] = if shown { "{{jwt_refresh}}".into() } else { "".into() };
        let mails = Some(asked.exchange.recipients());
        let expected = Expected { mails, ..Expected::ours(201, Body::Json(body)) };
        (asked.mode() == "jwt-cookie").then_some(Instead::Answer(expected))
    },
};

pub(super) const SOMEWHERE: Rule = Rule {
    name: "A refresh token is given out somewhere",
    when: "A login on a reference that hides the refresh token from scripts and has no cookie to put it in, so that nobody gets it.",
    instead: "The same with the token in `refresh`.",
    reason: "Whether tokens are in cookies is one setting here, `tokens.mode`, so nothing falls between two.",
    source: "T42; design §5 tokens.mode",
    answer: |asked| {
        let mut body = asked.recorded().filter(|body| body["refresh"] == "" && asked.status() < 300)?;
        body["refresh"] = "{{jwt_refresh}}".into();
        (asked.mode() == "jwt").then(|| Instead::json(asked.status(), body))?
    },
};

pub(super) const FORGIVING_COOKIE: Rule = Rule {
    name: "A broken cookie does not stand in the way of a login",
    when: "A cookie of a token that does not count, at an endpoint for everybody; elsewhere where the reference asks for its CSRF token first.",
    instead: "What the same request without cookies gets; where somebody must be logged in, 401.",
    reason: "A browser sends its cookie until somebody takes it away, and the login is what does.",
    source: "T75; design §4, 17",
    answer: |asked| {
        let path = asked.path().trim_end_matches('/');
        let public =
            path == "login" || path == "token/verify" || path.starts_with("registration") || path.starts_with("password/reset");
        let unchecked = asked.status() == 403 && asked.recorded_detail().is_some_and(|detail| detail.starts_with("CSRF Failed"));
        let counts = token(asked).is_some_and(|token| asked.history.keys.contains(&token));
        let refused = asked.status() == 401 && public || unchecked && !counts;
        let has_cookie = asked.request.header("cookie").is_some();
        (refused && has_cookie).then(|| {
            if public {
                Instead::SameAs(asked.with_header("Cookie", None))
            } else {
                Instead::Answer(Expected::ours(401, Body::Any))
            }
        })
    },
};

pub(super) const OWN_CSRF_TOKEN: Rule = Rule {
    name: "A CSRF token belongs to its session",
    when: "The CSRF cookie and header agree and are of no session here; the reference is content with any two that agree.",
    instead: "403 `CSRF Failed: CSRF token from the 'X-Csrftoken' HTTP header incorrect.`",
    reason: "Whoever can plant a cookie from a neighbouring host can plant one that agrees with what he sends.",
    source: "T44; design §4, 17",
    answer: |asked| {
        let header = asked.request.header("x-csrftoken")?;
        let cookie = asked.request.header("cookie")?.split(';').find_map(|cookie| cookie.trim().strip_prefix("csrftoken="))?;
        let sentence = "CSRF Failed: CSRF token from the 'X-Csrftoken' HTTP header incorrect.";
        (asked.is_set("/jwt/csrf") && header == cookie && asked.status() < 300).then(|| Instead::detail(403, sentence))?
    },
};

pub(super) const CSRF_COOKIE: Rule = Rule {
    name: "The CSRF cookie comes with the login",
    when: "`login/` with `jwt.csrf` where the reference opens no session, so that a front end has to get the CSRF cookie elsewhere.",
    instead: "The same answer, and the `csrftoken` cookie.",
    reason: "The next request that changes something needs it.",
    source: "T44; design §4, 17",
    answer: |asked| {
        let login = asked.is("POST", "login") && asked.status() == 200 && asked.is_set("/jwt/csrf");
        login.then(|| Instead::Beside(vec!["csrftoken".into()]))
    },
};

pub(super) const NEW_COOKIES: Rule = Rule {
    name: "A session that goes on gets new cookies",
    when: "`password/change/` by a cookie; the reference changes the session's identifier and neither its CSRF token nor the tokens in cookies.",
    instead: "The same answer, with every cookie of the session new.",
    reason: "Whoever knew the old ones is out; and a CSRF token counts for one session, so that nobody plants one that he knows.",
    source: "T06, T26, T44",
    answer: |asked| {
        let changed = asked.is("POST", "password/change") && asked.status() == 200;
        let name = |pointer: &str| asked.settings.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let tokens = [name("/jwt/access_cookie"), name("/jwt/refresh_cookie"), Some("csrftoken".into())];
        changed.then(|| Instead::Beside(tokens.into_iter().flatten().collect()))
    },
};
