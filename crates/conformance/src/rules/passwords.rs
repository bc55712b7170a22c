//! What a password is.

use serde_json::{Value, json};

use super::{Asked, Instead, Rule};

/// The most bytes of a password, by default.
const MOST_BYTES: usize = 1024;

/// The answer to a reset that is done.
pub(super) const RESET: &str = "Password has been reset with the new password.";

const OLD_PASSWORD_WRONG: &str = "Your old password was entered incorrectly. Please enter it again.";

pub(super) const WHITE_SPACE: Rule = Rule {
    name: "White space is part of a password",
    when: "A password is sent with white space around it that is not part of it, or without that which is.",
    instead: "At `login/` 400 `Unable to log in with provided credentials.`, as old password 400 `Your old password was entered incorrectly. Please enter it again.`",
    reason: "A password is the bytes as sent; the reference takes off white space when it is set and when it is tried.",
    source: "T02; design §4, 9",
    answer: |asked| {
        let (name, well) = if asked.is("POST", "login") { ("password", 200) } else { ("old_password", 200) };
        let password = asked.member(name)?;
        let padded = password.trim() != password || asked.history.trimmed.contains(&password);
        let blank = json!({ name: ["This field may not be blank."] });
        let other = asked.status() == well || asked.recorded() == Some(blank);
        match (padded && other, name) {
            (false, _) => None,
            (true, "password") => Instead::login_failed(),
            (true, _) => Instead::field("old_password", OLD_PASSWORD_WRONG),
        }
    },
};

pub(super) const TOO_LONG: Rule = Rule {
    name: "A password has at most 1024 bytes",
    when: "`registration/` with a longer password, which the reference takes.",
    instead: "400 `{\"password1\": [\"Ensure this field has no more than 1024 bytes.\"]}`.",
    reason: "A bound before the work; `password.max_bytes` moves it.",
    source: "T02; design §5 password.max_bytes",
    answer: |asked| {
        let made = asked.status() == 201 && asked.is("POST", "registration");
        let long = asked.member("password1")?.len() > MOST_BYTES;
        (made && long).then(|| Instead::field("password1", "Ensure this field has no more than 1024 bytes."))?
    },
};

pub(super) const LONGER_THAN_128: Rule = Rule {
    name: "A new password may have more than 128 characters",
    when: "`password/change/` or `password/reset/confirm/` with a password of more than 128 characters, which the reference takes at registration and refuses here.",
    instead: "200 `New password has been saved.` or `Password has been reset with the new password.`, unless something else is wrong.",
    reason: "The same bounds at all entry points, so that an account can always prove the password that it has.",
    source: "T02",
    answer: |asked| {
        let resets = asked.is("POST", "password/reset/confirm");
        let mut fields = asked.recorded_fields().filter(|_| resets || asked.is("POST", "password/change"))?;
        let long = json!(["Ensure this field has no more than 128 characters."]);
        let all = fields.len();
        let is_old = fields.get("old_password") == Some(&long);
        fields.retain(|_, messages| *messages != long);
        match (fields.len() < all, fields.is_empty()) {
            (false, _) => None,
            (true, true) if is_old => Instead::field("old_password", OLD_PASSWORD_WRONG),
            (true, true) => long_password(asked, resets),
            (true, false) => Instead::json(400, Value::Object(fields)),
        }
    },
};

/// What comes of a password of more than 128 characters with which nothing else is wrong so far.
fn long_password(asked: &Asked<'_>, resets: bool) -> Option<Instead> {
    if resets && asked.link().is_none() {
        return Instead::field("token", "Invalid value");
    }
    let (first, second) = (asked.member("new_password1")?, asked.member("new_password2")?);
    match first == second {
        true if second.len() > MOST_BYTES => Instead::field("new_password2", "Ensure this field has no more than 1024 bytes."),
        true => Instead::detail(200, if resets { RESET } else { "New password has been saved." }),
        false => Instead::field("new_password2", "The two password fields didn’t match."),
    }
}

pub(super) const NO_128_IN_OPTIONS: Rule = Rule {
    name: "OPTIONS tells of no 128 characters",
    when: "`OPTIONS` of an endpoint that takes a new password.",
    instead: "The same without `max_length` of 128 at passwords.",
    reason: "The bound is in bytes and not in characters.",
    source: "T02",
    answer: |asked| {
        let mut form = asked.recorded().filter(|_| asked.exchange.method == "OPTIONS")?;
        let fields = form.pointer_mut("/actions/POST").and_then(Value::as_object_mut)?;
        let mut changed = false;
        for (_, field) in fields.iter_mut().filter(|(name, _)| name.contains("password")) {
            let bound = field.as_object_mut().filter(|field| field.get("max_length") == Some(&json!(128)));
            changed |= bound.and_then(|field| field.remove("max_length")).is_some();
        }
        changed.then(|| Instead::json(asked.status(), form))?
    },
};
