//! What is written in a field.

use serde_json::{Map, Value, json};

use super::{Asked, Instead, Rule, bodies};

const TOO_COMMON: &str = "This password is too common.";
const TOO_SHORT: &str = "This password is too short.";
const OLD_WRONG: &str = "Your old password was entered incorrectly. Please enter it again.";
const BLANK: &str = "This field may not be blank.";

/// Fields whose values are taken as they are sent.
const SECRETS: [&str; 9] =
    ["password", "password1", "password2", "old_password", "new_password1", "new_password2", "key", "token", "refresh"];

pub(super) const NOT_BLANK: Rule = Rule {
    name: "White space is something",
    when: "A password, key or token of nothing but white space, which the reference calls blank.",
    instead: "What another text of the same length gets: too short, not the same, not known.",
    reason: "It is the bytes as sent, here as everywhere.",
    source: "T02; design §4, 9",
    answer: |asked| {
        let fields = asked.recorded_fields()?;
        let called_blank = |name: &str| fields.get(name) == Some(&json!([BLANK]));
        let is_white = |value: &str| !value.is_empty() && value.trim().is_empty();
        let white = asked.members().into_iter().filter(|(name, value)| SECRETS.contains(&name.as_str()) && is_white(value));
        let white: Vec<(String, String)> = white.collect();
        let any = white.iter().any(|(name, _)| called_blank(name));
        let visible = white.into_iter().map(|(name, value)| (name, "·".repeat(value.chars().count()))).collect();
        any.then(|| Some(Instead::SameAs(bodies::with_members(asked, visible)?)))?
    },
};

pub(super) const COMMON: Rule = Rule {
    name: "Another list of common passwords",
    when: "A password that is on one of the two lists of common passwords and not on the other.",
    instead: "`This password is too common.` if it is on ours, beside what else is wrong; nothing of the kind if it is not.",
    reason: "The list that is built in has 50,723 entries and is made for the purpose; no list is the right one.",
    source: "T03",
    answer: |asked| {
        let field = match asked.path().trim_end_matches('/') {
            "registration" => "password1",
            "password/change" | "password/reset/confirm" => "new_password2",
            _ => return None,
        };
        let ours = vestibule::accounts::passwords::common::contains(&sent(asked, field)?);
        let recorded = asked.recorded_fields().unwrap_or_default();
        let mut messages: Vec<Value> = recorded.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
        let theirs = messages.iter().any(|message| message == TOO_COMMON);
        let decided = asked.status() == 400 || asked.status() < 300;
        match (theirs, ours) {
            (true, false) => messages.retain(|message| message != TOO_COMMON),
            (false, true) if decided => {
                let short = messages.first().and_then(Value::as_str).is_some_and(|first| first.starts_with(TOO_SHORT));
                messages.insert(usize::from(short), TOO_COMMON.into());
            }
            _ => return None,
        }
        corrected(recorded, field, messages)
    },
};

/// The password of a field, also when it was sent as a number.
fn sent(asked: &Asked<'_>, field: &str) -> Option<String> {
    let as_number = || {
        let body: Value = serde_json::from_slice(asked.body()).ok()?;
        body.get(field)?.as_number().map(ToString::to_string)
    };
    asked.member(field).or_else(as_number)
}

/// The recorded errors with other messages for one field. Errors of fields come before those of the whole form.
fn corrected(mut recorded: Map<String, Value>, field: &str, messages: Vec<Value>) -> Option<Instead> {
    if messages.is_empty() {
        recorded.remove(field);
    } else {
        recorded.insert(field.to_owned(), messages.into());
        recorded.remove("non_field_errors");
    }
    // Nothing is wrong any more: it is done, or the next thing is wrong.
    if recorded.is_empty() { Some(Instead::Better) } else { Instead::json(400, Value::Object(recorded)) }
}

pub(super) const OWN_WORDS: Rule = Rule {
    name: "A password is compared with all of the account's own words",
    when: "A new password that is like the value of a declared field, such as a telephone number.",
    instead: "400 `The password is too similar to the …`.",
    reason: "Whoever knows the person knows it.",
    source: "T03",
    answer: |asked| {
        let field = match asked.path().trim_end_matches('/') {
            "registration" => "non_field_errors",
            "password/change" | "password/reset/confirm" => "new_password2",
            _ => return None,
        };
        let password = asked.member("password1").or_else(|| asked.member("new_password1"))?.to_lowercase();
        let like = asked.history.own_words.iter().any(|word| password.contains(word.as_str()) || word.contains(&password));
        let taken = asked.status() < 300 && like;
        taken.then(|| Instead::field(field, "The password is too similar to the {{text}}."))?
    },
};

pub(super) const OLD_PASSWORD_LAST: Rule = Rule {
    name: "The old password is tried last",
    when: "`password/change/` with a wrong old password and something else wrong.",
    instead: "The same without the sentence about the old password.",
    reason: "To try a password is dear and is counted, so it is done only for a form that is right otherwise.",
    source: "T66; design §4, 10",
    answer: |asked| {
        let mut fields = asked.recorded_fields().filter(|_| asked.is("POST", "password/change"))?;
        let tried = fields.get("old_password") == Some(&json!([OLD_WRONG])) && fields.len() > 1;
        fields.remove("old_password");
        tried.then(|| Instead::json(400, Value::Object(fields)))?
    },
};

pub(super) const NO_CONTROL_CHARACTERS: Rule = Rule {
    name: "No control characters in a name",
    when: "`login/` with a control character in the user name, which the reference looks up.",
    instead: "400 `{\"username\": [\"Control characters are not allowed.\"]}`.",
    reason: "No account can have such a name, and a line of a log must not be broken by one.",
    source: "T72, T77",
    answer: |asked| {
        let broken = asked.member("username")?.trim().chars().any(char::is_control);
        let looked_up = asked.is("POST", "login") && asked.recorded_fields()?.contains_key("non_field_errors");
        (broken && looked_up).then(|| Instead::field("username", "Control characters are not allowed."))?
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_field_come_before_those_of_the_form() {
        let recorded = json!({ "non_field_errors": ["The two password fields didn't match."] });
        let Some(Instead::Answer(expected)) =
            corrected(recorded.as_object().cloned().unwrap(), "password1", vec![TOO_COMMON.into()])
        else {
            panic!("no answer");
        };
        assert!(format!("{:?}", expected.body).contains("password1") && !format!("{:?}", expected.body).contains("non_field"));
        let recorded = json!({ "password1": [TOO_COMMON] }).as_object().cloned().unwrap();
        assert!(matches!(corrected(recorded, "password1", Vec::new()), Some(Instead::Better)));
    }
}
