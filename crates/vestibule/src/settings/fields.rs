//! The rules for fields of your own.

use super::check::{Found, Problem};
use super::signing::CLAIMS;
use super::{Details, FieldKind, FieldSettings, User};

/// Names that requests or answers use already, or that a guest must not set (T81).
const RESERVED: [&str; 24] = [
    "pk",
    "id",
    "username",
    "email",
    "password",
    "password1",
    "password2",
    "old_password",
    "new_password1",
    "new_password2",
    "first_name",
    "last_name",
    "is_staff",
    "is_superuser",
    "is_active",
    "user_id",
    "key",
    "access",
    "refresh",
    "user",
    "detail",
    "non_field_errors",
    "csrfmiddlewaretoken",
    "_method",
];

/// What is wrong with fields that only registration asks for, as [`User::fields`] would have it.
pub(crate) fn check_asked(fields: Vec<FieldSettings>) -> Vec<Problem> {
    let mut found = Found::default();
    check(&User { fields, ..User::default() }, &mut found);
    found.into_problems()
}

pub(super) fn check(user: &User, found: &mut Found) {
    if user.id_claim.is_empty() || CLAIMS.contains(&user.id_claim.as_str()) {
        found.add("user.id_claim", "is empty or means something else in a token", "Use \"user_id\" or \"sub\".");
    }
    for (at, field) in user.fields.iter().enumerate() {
        let key = |member: &str| format!("user.fields[{at}].{member}");
        name(field, &user.fields[..at], &key("name"), found);
        lengths(field, &key, found);
        bounds(field, &key, found);
        choices(field, &key("choices"), found);
        pattern(field, &key("pattern"), found);
        let can_be_unique =
            matches!(field.kind, FieldKind::Text | FieldKind::Phone | FieldKind::Email | FieldKind::Url | FieldKind::Integer);
        if field.unique && !can_be_unique {
            let what = format!("is true for the kind {}, which has too few values for that", field.kind.word());
            found.add(key("unique"), what, "Remove it.");
        }
        if field.required && !field.register && field.details != Details::Editable {
            let what = format!("is true for {}, but no request could ever write it", field.name);
            found.add(key("required"), what, "Remove it, or set register = true or details = \"editable\".");
        }
    }
}

fn name(field: &FieldSettings, before: &[FieldSettings], key: &str, found: &mut Found) {
    let name = field.name.as_str();
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !plain || name.len() > 63 || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        let remedy = "Use at most 63 small letters, digits and underscores, beginning with a letter.";
        found.add(key, format!("is {name:?}, which is not a name for a field"), remedy);
    }
    if RESERVED.contains(&name) {
        found.add(key, format!("is {name:?}, which has a meaning already"), "Choose another name.");
    }
    if before.iter().any(|other| other.name == name) {
        found.add(key, format!("is {name:?} a second time"), "Give every field a name of its own.");
    }
}

fn has_length(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Text | FieldKind::Phone | FieldKind::Url | FieldKind::Email)
}

fn lengths(field: &FieldSettings, key: &dyn Fn(&str) -> String, found: &mut Found) {
    for (member, length) in [("min_length", field.min_length), ("max_length", field.max_length)] {
        if length.is_some() && !has_length(field.kind) {
            found.add(key(member), format!("has no meaning for the kind {}", field.kind.word()), "Remove it.");
        }
    }
    if field.max_length == Some(0) {
        found.add(key("max_length"), "is 0, so the field could hold nothing", "Set it to 1 or more, or remove it.");
    } else if let (Some(min), Some(max)) = (field.min_length, field.max_length)
        && min > max
    {
        found.add(key("min_length"), format!("is {min}, more than max_length {max}"), "Set it to at most max_length.");
    }
}

fn bounds(field: &FieldSettings, key: &dyn Fn(&str) -> String, found: &mut Found) {
    for (member, bound) in [("minimum", field.minimum), ("maximum", field.maximum)] {
        if bound.is_some() && field.kind != FieldKind::Integer {
            found.add(key(member), format!("has no meaning for the kind {}", field.kind.word()), "Remove it.");
        }
    }
    if let (Some(min), Some(max)) = (field.minimum, field.maximum)
        && min > max
    {
        found.add(key("minimum"), format!("is {min}, more than maximum {max}"), "Set it to at most maximum.");
    }
}

fn choices(field: &FieldSettings, key: &str, found: &mut Found) {
    if field.kind != FieldKind::Choice {
        if !field.choices.is_empty() {
            let what = format!("has no meaning for the kind {}", field.kind.word());
            found.add(key, what, "Remove it, or set kind = \"choice\".");
        }
        return;
    }
    if field.choices.is_empty() {
        found.add(key, "is empty, but the kind choice needs something to choose", "List what the field can be.");
    }
    for (at, choice) in field.choices.iter().enumerate() {
        if choice.value.is_empty() {
            found.add(key, "has an empty value, which means no choice", "Remove it: a field that is not required can be empty.");
        }
        if field.choices[..at].iter().any(|other| other.value == choice.value) {
            found.add(key, format!("has {:?} twice", choice.value), "Name every choice once.");
        }
    }
}

fn pattern(field: &FieldSettings, key: &str, found: &mut Found) {
    if field.pattern.is_some() && !has_length(field.kind) {
        found.add(key, format!("has no meaning for the kind {}", field.kind.word()), "Remove it.");
    } else if let Err(why) = field.regex() {
        found.add(
            key,
            format!("is not a regular expression: {why}"),
            "Correct it; look-around and back references do not exist.",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::settings::check::tests::keys;

    fn with(fields: Vec<FieldSettings>) -> Vec<String> {
        let mut settings = Settings::default();
        settings.user.fields = fields;
        keys(&settings)
    }

    fn field(kind: FieldKind) -> FieldSettings {
        FieldSettings::new("some_field", kind)
    }

    #[test]
    fn the_fields_of_the_article_are_fine() {
        let choices = ["female", "male", "other"].map(Into::into).to_vec();
        let gender = FieldSettings { choices, ..FieldSettings::new("gender", FieldKind::Choice) };
        let details = Details::ReadOnly;
        let phone = FieldSettings { required: true, details, ..FieldSettings::new("phone_number", FieldKind::Phone) };
        assert!(with(vec![gender, phone]).is_empty());
    }

    #[test]
    fn a_name_is_plain_free_and_used_once() {
        for name in ["", "Gender", "1st", "_x", "a-b", "é", "is_staff", "password1", "_method", &"a".repeat(64)] {
            assert!(!with(vec![FieldSettings::new(name, FieldKind::Text)]).is_empty(), "{name:?}");
        }
        for name in ["a", "a_1", &"a".repeat(63)] {
            assert!(with(vec![FieldSettings::new(name, FieldKind::Text)]).is_empty(), "{name:?}");
        }
        assert_eq!(with(vec![field(FieldKind::Text), field(FieldKind::Date)]), ["user.fields[1].name"]);
    }

    #[test]
    fn a_choice_needs_choices_and_nothing_else_has_them() {
        assert_eq!(with(vec![field(FieldKind::Choice)]), ["user.fields[0].choices"]);
        let twice = FieldSettings { choices: vec!["a".into(), "a".into()], ..field(FieldKind::Choice) };
        assert_eq!(with(vec![twice]), ["user.fields[0].choices"]);
        let stray = FieldSettings { choices: vec!["a".into()], ..field(FieldKind::Text) };
        assert_eq!(with(vec![stray]), ["user.fields[0].choices"]);
    }

    #[test]
    fn what_cannot_be_unique_is_refused() {
        for (kind, fits) in [
            (FieldKind::Text, true),
            (FieldKind::Phone, true),
            (FieldKind::Email, true),
            (FieldKind::Url, true),
            (FieldKind::Integer, true),
            (FieldKind::Boolean, false),
            (FieldKind::Date, false),
        ] {
            assert_eq!(with(vec![FieldSettings { unique: true, ..field(kind) }]).is_empty(), fits, "{kind:?}");
        }
    }

    #[test]
    fn lengths_and_patterns_fit_the_kind_and_each_other() {
        let crossed = FieldSettings { min_length: Some(5), max_length: Some(4), ..field(FieldKind::Text) };
        assert_eq!(with(vec![crossed]), ["user.fields[0].min_length"]);
        let crossed = FieldSettings { minimum: Some(5), maximum: Some(4), ..field(FieldKind::Integer) };
        assert_eq!(with(vec![crossed]), ["user.fields[0].minimum"]);
        assert_eq!(with(vec![FieldSettings { maximum: Some(4), ..field(FieldKind::Date) }]), ["user.fields[0].maximum"]);
        let number = FieldSettings { max_length: Some(4), pattern: Some("1".into()), ..field(FieldKind::Integer) };
        assert_eq!(with(vec![number]), ["user.fields[0].max_length", "user.fields[0].pattern"]);
        let broken = FieldSettings { pattern: Some("(".into()), ..field(FieldKind::Text) };
        assert_eq!(with(vec![broken]), ["user.fields[0].pattern"]);
    }

    #[test]
    fn a_required_field_can_be_written() {
        for (register, details, fits) in [
            (false, Details::Hidden, false),
            (false, Details::ReadOnly, false),
            (false, Details::Editable, true),
            (true, Details::Hidden, true),
        ] {
            let some = FieldSettings { required: true, register, details, ..field(FieldKind::Text) };
            assert_eq!(with(vec![some]).is_empty(), fits, "{register} {details:?}");
        }
    }
}
