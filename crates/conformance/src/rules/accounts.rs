//! Who may have which account.

use serde_json::{Map, Value, json};

use crate::compare::{Body, Expected};
use crate::wire::Request;

use super::{Instead, Rule};

pub(super) const ONE_ACCOUNT_PER_ADDRESS: Rule = Rule {
    name: "One account per address",
    when: "`registration/` with an address that an account has already, where the reference makes a second account, crashes, or looks at something else first.",
    instead: "400 `{\"email\": [\"User is already registered with this e-mail address.\"]}`, beside what else is wrong with other fields.",
    reason: "With two accounts nobody knows whom a login or a reset by address means.",
    source: "design §4, 13; T83",
    answer: |asked| {
        let email = asked.member("email")?.trim().to_lowercase();
        let fields = asked.recorded_fields().unwrap_or_default();
        let overlooked = matches!(asked.status(), 201 | 400 | 500) && asked.is("POST", "registration");
        let taken = overlooked && !fields.contains_key("email") && asked.history.addresses.contains(&email);
        taken.then(|| with_email(fields, "User is already registered with this e-mail address."))?
    },
};

pub(super) const LONG_ADDRESS: Rule = Rule {
    name: "A long address is refused and not cut",
    when: "An address of more than 254 characters, which the reference looks up, calls wrong, or takes and cuts off.",
    instead: "400 `{\"email\": [\"Ensure this field has no more than 254 characters.\"]}`, beside what else is wrong with other fields.",
    reason: "No mail server takes such an address, and the one that is left after the cut is somebody else's.",
    source: "T20, RFC 5321 §4.5.3.1.3",
    answer: |asked| {
        let long = asked.member("email")?.trim().chars().count() > 254;
        let fields = asked.recorded_fields().unwrap_or_default();
        (long && asked.request.method == "POST" && matches!(asked.status(), 200 | 201 | 400))
            .then(|| with_email(fields, "Ensure this field has no more than 254 characters."))?
    },
};

/// What else is wrong with other fields, and that sentence about the address. Errors of the whole form come only after both.
fn with_email(mut fields: Map<String, Value>, sentence: &str) -> Option<Instead> {
    fields.remove("non_field_errors");
    fields.insert("email".into(), json!([sentence]));
    Instead::json(400, Value::Object(fields))
}

pub(super) const REFUSED_BEFORE: Rule = Rule {
    name: "No login to an account that was refused",
    when: "`login/` to an account that another rule here did not let come about.",
    instead: "400 `Unable to log in with provided credentials.`",
    reason: "There is no such account.",
    source: "T02, T83, by way of that rule",
    answer: |asked| {
        let well = asked.status() == 200 && asked.is("POST", "login");
        let names = ["username", "email"].iter().filter_map(|name| asked.member(name));
        let refused = names.into_iter().any(|name| asked.history.refused.contains_key(&name.trim().to_lowercase()));
        (well && refused).then(Instead::login_failed)?
    },
};

pub(super) const OWN_NAME: Rule = Rule {
    name: "One's own name may be sent back",
    when: "`PUT` or `PATCH user/` with the user name that the account has, which the reference calls taken.",
    instead: "200 with the account, as `GET user/` shows it.",
    reason: "A form that was filled from `GET user/` must be accepted when it comes back; the name is taken by the account itself.",
    source: "RFC 9110 §9.3.4",
    answer: |asked| {
        let taken = json!({ "username": ["A user with that username already exists."] });
        let refused = asked.recorded() == Some(taken) && (asked.is("PUT", "user") || asked.is("PATCH", "user"));
        let request = Request { method: "GET".into(), body: None, ..asked.with_header("Content-Type", None) };
        refused.then_some(Instead::SameAs(request))
    },
};

pub(super) const MADE_UP_NAME: Rule = Rule {
    name: "The number behind a made-up name",
    when: "The account was opened without a user name and its answer shows the one that was made from the address.",
    instead: "The same with another number behind the name, or none.",
    reason: "When the name is taken, we count on from 2, the reference throws dice.",
    source: "design §5 account.username",
    answer: |asked| {
        let mut view = asked.recorded().filter(|_| asked.status() == 200)?;
        let email = view.get("email")?.as_str()?.to_lowercase();
        let name = view.get("username")?.as_str()?.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        let made_up = asked.path().trim_end_matches('/') == "user" && asked.history.nameless.contains(&email);
        view["username"] = format!("{name}{{{{digits}}}}").into();
        made_up.then(|| Instead::json(200, view))?
    },
};

pub(super) const NOTHING_TO_LOG_IN_WITH: Rule = Rule {
    name: "A login without a name says what is missing",
    when: "`login/` by name or address, with neither, on a reference without allauth.",
    instead: "400 `Must include either \"username\" or \"email\" and \"password\".`",
    reason: "It is the sentence of the same reference with allauth; which libraries a server is made of is no business of a client.",
    source: "design §4, 11",
    answer: |asked| {
        let nothing = ["username", "email"].iter().all(|name| asked.member(name).is_none_or(|text| text.trim().is_empty()));
        let failed = asked.recorded_fields()?.get("non_field_errors") == Some(&login_failed());
        let sentence = "Must include either \"username\" or \"email\" and \"password\".";
        (nothing && failed && asked.is("POST", "login")).then(|| Instead::field("non_field_errors", sentence))?
    },
};

fn login_failed() -> Value {
    json!(["Unable to log in with provided credentials."])
}

pub(super) const CLOSED_REGISTRATION: Rule = Rule {
    name: "Registration is closed and not absent",
    when: "`registration/` where the reference was installed without it.",
    instead: "401 to a stranger, 403 to an account that is not staff.",
    reason: "`account.registration = \"closed\"` leaves the operator's door open; there is no installation without the path.",
    source: "design §5 account.registration",
    answer: |asked| {
        let absent = asked.status() == 404 && asked.is_error_page() && asked.path().trim_end_matches('/') == "registration";
        match asked.request.header("authorization") {
            _ if !absent => None,
            None => Some(Instead::Answer(Expected::ours(
                401,
                Body::Json(json!({ "detail": "Authentication credentials were not provided." })),
            ))),
            Some(_) => Instead::detail(403, "You do not have permission to perform this action."),
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;
    use crate::rules::Asked;
    use crate::steps::Exchange;

    fn asked(status: u16, body: &str, known: &str, check: impl FnOnce(&Asked<'_>)) {
        let exchange = Exchange { method: "POST".into(), status, response_body: Some("{}".into()), ..Exchange::default() };
        let request = Request {
            method: "POST".into(),
            path: "/dj-rest-auth/registration/".into(),
            headers: vec![("Content-Type".into(), "application/json".into())],
            body: Some(body.into()),
        };
        let history = History { addresses: [known.to_owned()].into(), ..History::default() };
        check(&Asked {
            exchange: &exchange,
            request: &request,
            history: &history,
            settings: &serde_json::Value::Null,
            whom: None,
        });
    }

    #[test]
    fn only_an_address_that_was_seen_before_is_taken() {
        let body = r#"{"email": " Ana@Example.com "}"#;
        asked(201, body, "ana@example.com", |asked| assert!((ONE_ACCOUNT_PER_ADDRESS.answer)(asked).is_some()));
        asked(201, body, "bo@example.com", |asked| assert!((ONE_ACCOUNT_PER_ADDRESS.answer)(asked).is_none()));
        asked(403, body, "ana@example.com", |asked| assert!((ONE_ACCOUNT_PER_ADDRESS.answer)(asked).is_none()));
    }
}
