//! Paths, hosts and the form of errors.

use super::{Instead, Rule};

/// The endpoints of the reference, without the slash at their end.
const ENDPOINTS: [&str; 11] = [
    "registration",
    "login",
    "logout",
    "user",
    "password/change",
    "password/reset",
    "password/reset/confirm",
    "registration/verify-email",
    "registration/resend-email",
    "token/verify",
    "token/refresh",
];

pub(super) const SLASH: Rule = Rule {
    name: "The slash at the end may be left out",
    when: "A path without the slash at its end, to which the reference answers with a redirect or 404.",
    instead: "What the path with the slash gets.",
    reason: "A redirect makes a `POST` into a `GET` in many clients; both forms are served.",
    source: "design §6",
    answer: |asked| {
        let sent_away = matches!(asked.status(), 301 | 302 | 307 | 308 | 404) && asked.is_error_page();
        let (path, query) = asked.request.path.split_once('?').map_or((asked.request.path.as_str(), None), |(p, q)| (p, Some(q)));
        let slashed = format!("{path}/{}", query.map(|query| format!("?{query}")).unwrap_or_default());
        let confirms = asked.path().starts_with("registration/account-confirm-email/") && !path.ends_with('/');
        (sent_away && (confirms || ENDPOINTS.contains(&asked.path()))).then(|| Instead::SameAs(asked.with_path(slashed)))
    },
};

pub(super) const PAGES_OF_ALLAUTH: Rule = Rule {
    name: "No pages below /accounts/",
    when: "A page of allauth, which a project may mount beside the endpoints.",
    instead: "404 `Not found.`",
    reason: "The pages behind links, for signing in and for a new password are built in, below the base path.",
    source: "design §4, 14",
    answer: |asked| {
        let is_page = asked.request.path.starts_with("/accounts/") && asked.status() < 500;
        is_page.then(|| Instead::detail(404, "Not found."))?
    },
};

pub(super) const WHOLE_PATHS: Rule = Rule {
    name: "A path must be the whole path",
    when: "A path that ends in an endpoint's name and has something else before it, such as `xlogin/`.",
    instead: "404 `Not found.`",
    reason: "The reference looks at the end of a path only, so a limit or a filter in front of it can be walked around.",
    source: "T70",
    answer: |asked| {
        let path = asked.path().trim_end_matches('/');
        let ends = ENDPOINTS.iter().any(|endpoint| path.ends_with(endpoint));
        (ends && !ENDPOINTS.contains(&path) && asked.status() != 404).then(|| Instead::detail(404, "Not found."))?
    },
};

pub(super) const ANY_HOST: Rule = Rule {
    name: "The Host header does not matter",
    when: "A `Host` that is no host's name, to which the reference answers 400.",
    instead: "What the same request with a proper `Host` gets.",
    reason: "Nothing is made from it: links in mails come from `server.public_url`.",
    source: "T21; design §4, 14",
    answer: |asked| {
        let host = asked.request.header("host").unwrap_or_default();
        let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte)) && !host.is_empty();
        let refused = asked.status() == 400 && asked.is_error_page() && !is_name;
        refused.then(|| Instead::SameAs(asked.with_header("Host", Some("testserver.local".into()))))
    },
};

pub(super) const JSON_ERRORS: Rule = Rule {
    name: "Errors are JSON",
    when: "A request that the reference answers with an error page: too many fields, a path that does not exist.",
    instead: "The same status with `{\"detail\": …}`.",
    reason: "A program that reads JSON should not meet a page.",
    source: "T79",
    answer: |asked| {
        let error = matches!(asked.status(), 400..=499) && asked.is_error_page();
        error.then(|| Instead::detail(asked.status(), "{{text}}"))?
    },
};

pub(super) const EVERY_INSTALLATION: Rule = Rule {
    name: "Every endpoint is in every installation",
    when: "An endpoint of the reference that its installation left out, so that it answers 404 with a page.",
    instead: "A proper answer of that endpoint.",
    reason: "Endpoints are switched by settings that say what they do, not by what is installed.",
    source: "design §6",
    answer: |asked| {
        let left_out = asked.status() == 404 && asked.is_error_page() && ENDPOINTS.contains(&asked.path().trim_end_matches('/'));
        left_out.then_some(Instead::Better)
    },
};

pub(super) const METHODS_AS_WRITTEN: Rule = Rule {
    name: "A method that does not exist is not allowed",
    when: "A method in small letters, which the server in front of the reference calls a bad request.",
    instead: "405 `Method \"…\" not allowed.`",
    reason: "Methods are told apart by case, so it is one that no endpoint has.",
    source: "RFC 9110 §9.1",
    answer: |asked| {
        let method = &asked.request.method;
        let small = method.bytes().any(|byte| byte.is_ascii_lowercase()) && asked.status() == 400 && asked.is_error_page();
        small.then(|| Instead::detail(405, &format!("Method \"{method}\" not allowed.")))?
    },
};

pub(super) const NO_CRASH: Rule = Rule {
    name: "No crash",
    when: "A request on which the reference crashes (500).",
    instead: "A proper answer below 500.",
    reason: "A crash is nothing to repeat.",
    source: "threats §0.3",
    answer: |asked| (asked.status() >= 500).then_some(Instead::Better),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;
    use crate::rules::Asked;
    use crate::steps::Exchange;
    use crate::wire::Request;

    fn hits(rule: &Rule, path: &str, status: u16) -> bool {
        let headers = serde_json::json!({ "content-type": "text/html; charset=utf-8" }).as_object().cloned().unwrap();
        let exchange = Exchange { method: "GET".into(), status, response_headers: headers, ..Exchange::default() };
        let request = Request { method: "GET".into(), path: format!("/dj-rest-auth/{path}"), headers: Vec::new(), body: None };
        (rule.answer)(&Asked {
            exchange: &exchange,
            request: &request,
            history: &History::default(),
            settings: &serde_json::Value::Null,
            whom: None,
        })
        .is_some()
    }

    #[test]
    fn only_a_known_path_may_lose_its_slash() {
        assert!(hits(&SLASH, "login", 301) && hits(&SLASH, "registration?x=1", 404));
        assert!(!hits(&SLASH, "login/", 404) && !hits(&SLASH, "nonsense", 404) && !hits(&SLASH, "login", 200));
    }

    #[test]
    fn something_before_a_name_is_another_path() {
        assert!(hits(&WHOLE_PATHS, "xlogin/", 405) && hits(&WHOLE_PATHS, "a/b/user/", 401));
        assert!(!hits(&WHOLE_PATHS, "password/reset/", 405) && !hits(&WHOLE_PATHS, "xlogin/", 404));
    }
}
