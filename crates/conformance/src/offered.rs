//! What this version does not offer yet. Nothing here says that something is missing: the server says it, by answering that it
//! knows no such path or by refusing to start; here stands only what the missing thing is called.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::steps::Exchange;
use crate::wire::Answer;

/// Below this every path of ours is.
pub const BASE: &str = "/dj-rest-auth/";

/// The cookie that goes with the forms of a page, over http and https.
pub const FORM_COOKIES: [&str; 2] = ["form", "__Host-form"];

/// The features of the reference by the beginning of their paths below the base.
const FEATURES: [(&str, &str); 3] =
    [("registration/account-email-verification-sent", "mail: the page after a sign-up"), ("token/", "JWT"), ("mfa/", "MFA")];

/// What the exchange is about, if this server lacks it.
pub fn missing(exchange: &Exchange, answer: &Answer) -> Option<String> {
    if answer.is_no_such_path() {
        return feature(exchange).map(|name| format!("{name}: the server knows no such path"));
    }
    if asks_for_second_factor(exchange) {
        return Some("MFA: the reference asks for a second factor here".into());
    }
    None
}

/// The cookies of the reference that a server with these settings, in the profile `compat`, sets too.
pub fn cookies(settings: &Value) -> BTreeSet<String> {
    let is = |pointer: &str, value: Value| settings.pointer(pointer) == Some(&value);
    let name = |pointer: &str, default: &str| settings.pointer(pointer).and_then(Value::as_str).unwrap_or(default).to_owned();
    let session = !is("/tokens/session_cookie", false.into());
    let jwt = is("/tokens/mode", "jwt-cookie".into());
    let tokens = [name("/jwt/access_cookie", "access"), name("/jwt/refresh_cookie", "refresh")];
    let csrf = is("/jwt/csrf", true.into()).then(|| "csrftoken".to_owned());
    session.then(|| "sessionid".to_owned()).into_iter().chain(tokens.into_iter().filter(|_| jwt)).chain(csrf).collect()
}

/// How a server with these settings asks for a credential (`WWW-Authenticate`).
pub fn challenge(settings: &Value) -> &'static str {
    match settings.pointer("/tokens/mode").and_then(Value::as_str) {
        None | Some("opaque") => "Token",
        Some(_) => "Bearer realm=\"api\"",
    }
}

/// The feature that a path of the reference belongs to.
pub fn feature(exchange: &Exchange) -> Option<&'static str> {
    let path = exchange.path.split('?').next().unwrap_or_default();
    let path = path.strip_prefix(BASE)?;
    FEATURES.iter().find(|(start, _)| path.starts_with(start)).map(|(_, name)| *name)
}

fn asks_for_second_factor(exchange: &Exchange) -> bool {
    exchange.response_body.as_deref().is_some_and(|body| body.contains("\"mfa_required\":"))
}

/// Whether the reference answered with a page to browse: ours has the same status and headers, and no forms yet.
pub fn is_page(exchange: &Exchange) -> bool {
    exchange.response_html_summary.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(path: &str, status: u16) -> Exchange {
        Exchange { path: path.into(), status, ..Exchange::default() }
    }

    #[test]
    fn only_a_path_that_the_server_does_not_know_is_missing() {
        let unknown = Answer { status: 404, body: r#"{"detail":"Not found."}"#.into(), ..Answer::default() };
        let refused = Answer { headers: vec![("allow".into(), "POST, OPTIONS".into())], ..unknown.clone() };
        let verify = exchange("/dj-rest-auth/token/verify/", 401);
        assert!(missing(&verify, &unknown).is_some_and(|what| what.starts_with("JWT")));
        assert_eq!(missing(&verify, &refused), None, "once it is offered it is compared");
        assert_eq!(missing(&exchange("/dj-rest-auth/login/", 200), &unknown), None, "what is offered must not disappear");
    }

    #[test]
    fn what_is_offered_has_no_name_here() {
        for path in ["github/connect/", "socialaccounts/1/disconnect/", "nonsense/", "user/"] {
            assert_eq!(feature(&exchange(&format!("/dj-rest-auth/{path}"), 401)), None, "{path}");
        }
        assert_eq!(feature(&exchange("/dj-rest-auth/mfa/authenticators/", 200)), Some("MFA"));
    }
}
