//! Deviations on purpose, as rules: which exchange, what we answer instead, and why.
//!
//! A rule looks at the request, the recorded answer and what went before. None names a variant or a step, so a rule holds for
//! exchanges that nobody has seen yet.

mod accounts;
mod asked;
mod bodies;
mod credentials;
mod jwt;
mod languages;
mod links;
mod mailed;
mod page;
mod passwords;
mod paths;
mod social;
mod throttle;
mod wishes;
mod words;

pub use asked::{Asked, members};
pub use page::markdown;

use serde_json::{Value, json};

use crate::compare::{Body, Expected};
use crate::wire::Request;

/// A deviation on purpose.
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Which exchanges it is about.
    pub when: &'static str,
    /// What we answer instead.
    pub instead: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Where that was decided.
    pub source: &'static str,
    /// What we answer instead of the recorded answer, if the rule is about this exchange.
    pub answer: fn(&Asked<'_>) -> Option<Instead>,
}

/// What is answered instead of the recorded answer.
#[derive(Clone, Debug)]
pub enum Instead {
    /// This.
    Answer(Expected),
    /// This, without a word about the methods of the path.
    Plain(Expected),
    /// What this other request is answered with.
    SameAs(Request),
    /// The recorded answer, and mails to these addresses.
    Mails(Vec<String>),
    /// The recorded answer, and these cookies beside.
    Beside(Vec<String>),
    /// Whatever is no crash.
    Better,
}

impl Instead {
    /// That JSON with that status.
    fn json(status: u16, body: Value) -> Option<Self> {
        Some(Self::Answer(Expected::ours(status, Body::Json(body))))
    }

    /// One sentence with that status.
    fn detail(status: u16, sentence: &str) -> Option<Self> {
        Self::json(status, json!({ "detail": sentence }))
    }

    /// 400 with one sentence about one field.
    fn field(name: &str, sentence: &str) -> Option<Self> {
        Self::json(400, json!({ name: [sentence] }))
    }

    /// The same answer as the request to another path gets.
    fn at(self, path: String) -> Self {
        match self {
            Self::SameAs(request) => Self::SameAs(Request { path, ..request }),
            other => other,
        }
    }

    /// A login that succeeds, in the mode of the server.
    fn granted(asked: &Asked<'_>) -> Option<Self> {
        let any = "{{any}}";
        if asked.mode() == "opaque" {
            return Self::json(200, json!({ "key": "{{token}}" }));
        }
        let mut body = json!({ "access": "{{jwt_access}}", "refresh": any, "user": any });
        if asked.is_set("/jwt/return_expiration") {
            body["access_expiration"] = any.into();
            body["refresh_expiration"] = any.into();
        }
        Self::json(200, body)
    }

    /// The one answer to a login that fails.
    fn login_failed() -> Option<Self> {
        Self::field("non_field_errors", "Unable to log in with provided credentials.")
    }
}

/// The name of the rule about crashes of the reference.
pub const NO_CRASH: &str = paths::NO_CRASH.name;

/// All rules. The first that says what really was answered counts, so the more exact ones come first.
pub const RULES: &[Rule] = &[
    credentials::ENDED_KEY,
    credentials::LOGGED_OUT,
    credentials::NO_BASIC,
    credentials::ALWAYS_A_KEY,
    credentials::NO_ORIGIN,
    credentials::BEARER,
    credentials::UNAUTHENTICATED,
    credentials::FORGIVING,
    credentials::LOGOUT_OF_NOBODY,
    jwt::LOGOUT,
    jwt::SESSION_ENDED,
    jwt::ANY_CASE,
    jwt::GRACE,
    jwt::SAME_AFTER_REGISTRATION,
    jwt::SOMEWHERE,
    jwt::FORGIVING_COOKIE,
    jwt::OWN_CSRF_TOKEN,
    jwt::CSRF_COOKIE,
    jwt::NEW_COOKIES,
    accounts::ONE_ACCOUNT_PER_ADDRESS,
    accounts::LONG_ADDRESS,
    accounts::REFUSED_BEFORE,
    accounts::OWN_NAME,
    accounts::MADE_UP_NAME,
    accounts::NOTHING_TO_LOG_IN_WITH,
    accounts::CLOSED_REGISTRATION,
    passwords::WHITE_SPACE,
    passwords::TOO_LONG,
    passwords::LONGER_THAN_128,
    passwords::NO_128_IN_OPTIONS,
    words::NOT_BLANK,
    words::COMMON,
    words::OWN_WORDS,
    words::OLD_PASSWORD_LAST,
    words::NO_CONTROL_CHARACTERS,
    throttle::KNOWN_BROWSER,
    throttle::ATTEMPTS_NOT_REQUESTS,
    throttle::FORWARDED_BY_NOBODY,
    bodies::TOO_LARGE,
    bodies::NAMED_TWICE,
    bodies::NOT_UTF8,
    bodies::BROKEN_MULTIPART,
    bodies::TOO_DEEP,
    bodies::LONG_NUMBER,
    bodies::BODY_OF_LOGOUT,
    links::PROVEN_BY_RESET,
    links::ENDED_BY_RESET,
    links::OUTLIVES_LOGIN,
    links::AN_HOUR,
    links::DISABLED,
    links::BASE_36,
    links::CONFIRMATION_IS_A_PAGE,
    links::PLAIN_UID,
    mailed::ANY_CASE,
    mailed::NOTHING_TO_DISABLED,
    mailed::ONE_MAIL,
    mailed::OWN_KEY,
    mailed::NOTICE,
    mailed::CODE_BESIDE_KEY,
    mailed::HEAD_SPENDS_NOTHING,
    languages::NOT_SPOKEN,
    social::ID_TOKEN_ALONE,
    social::CALLBACK_IS_KNOWN,
    social::NO_SUCH_PROVIDER,
    social::LAST_WAY_IN,
    wishes::UNWANTED,
    wishes::NO_WISH,
    wishes::FORMAT_IN_QUERY,
    paths::PAGES_OF_ALLAUTH,
    paths::SLASH,
    paths::WHOLE_PATHS,
    paths::ANY_HOST,
    paths::EVERY_INSTALLATION,
    paths::METHODS_AS_WRITTEN,
    paths::JSON_ERRORS,
    paths::NO_CRASH,
];
