//! One line of an import: what Django's `dumpdata --format jsonl` writes, or a plain object with the same members.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::ground::{Secret, Time};

/// What a line is about.
#[derive(Clone, Debug)]
pub enum Line {
    /// An account.
    User(Box<Record>),
    /// An address of the table that allauth keeps: of which account, and whether it is proven.
    Address {
        /// The account's number.
        user: i64,
        /// The address.
        email: String,
        /// Whether its owner has proven it.
        verified: bool,
    },
    /// Something else, such as a group.
    Other,
}

/// An account as another system has it.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Its number, which it keeps.
    pub id: i64,
    /// The user name.
    pub username: Option<String>,
    /// The address.
    pub email: Option<String>,
    /// Whether the address is proven.
    pub email_verified: bool,
    /// The stored password: a hash in one of Django's formats or a PHC string.
    pub password: Option<Secret>,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// Whether it may log in.
    pub is_active: bool,
    /// Whether it is staff.
    pub is_staff: bool,
    /// When it was made.
    pub created_at: Option<Time>,
    /// When it logged in last.
    pub last_login_at: Option<Time>,
    /// Its other members that have a value, by name.
    pub profile: Vec<(String, String)>,
}

/// The numbers that an account can have: those that JSON carries exactly, so that the last of them is never reached.
pub(super) const NUMBERS: RangeInclusive<i64> = 1..=(1 << 53);

/// Members that have a place of their own, or none here.
const STANDARD: [&str; 16] = [
    "id",
    "pk",
    "username",
    "email",
    "email_verified",
    "password",
    "first_name",
    "last_name",
    "is_active",
    "is_staff",
    "date_joined",
    "last_login",
    "is_superuser",
    "groups",
    "user_permissions",
    "model",
];

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let whole: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
        let model = whole["model"].as_str().map(str::to_lowercase);
        let members = whole.get("fields").unwrap_or(&whole).as_object().ok_or("no JSON object")?;
        if model.as_deref() == Some("account.emailaddress") {
            return address(members);
        }
        if model.is_some() && !members.contains_key("password") {
            return Ok(Self::Other);
        }
        let id = number(&whole, members).ok_or("pk: a number above 0 is needed")?;
        Record::read(id, members).map(|record| Self::User(Box::new(record)))
    }

    /// The number of the account that a line is about, also of one that is wrong otherwise.
    pub fn number(text: &str) -> Option<i64> {
        let whole: Value = serde_json::from_str(text).ok()?;
        let members = whole.get("fields").unwrap_or(&whole).as_object()?;
        match whole["model"].as_str().map(str::to_lowercase).as_deref() {
            Some("account.emailaddress") => members.get("user").and_then(in_range),
            Some(_) if !members.contains_key("password") => None,
            _ => number(&whole, members),
        }
    }
}

fn number(whole: &Value, members: &Map<String, Value>) -> Option<i64> {
    ["pk", "id"].iter().find_map(|name| whole.get(*name).or_else(|| members.get(*name))).and_then(in_range)
}

fn in_range(value: &Value) -> Option<i64> {
    value.as_i64().filter(|id| NUMBERS.contains(id))
}

fn address(members: &Map<String, Value>) -> Result<Line, String> {
    let user = members.get("user").and_then(Value::as_i64).ok_or("user: the account's number is needed")?;
    let email = members.get("email").and_then(Value::as_str).ok_or("email: is needed")?.to_owned();
    Ok(Line::Address { user, email, verified: members.get("verified").is_some_and(is_true) })
}

impl Record {
    fn read(id: i64, members: &Map<String, Value>) -> Result<Self, String> {
        let text = |name: &str| members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let truth = |name: &str, missing: bool| members.get(name).map_or(missing, is_true);
        let others = members.iter().filter(|(name, _)| !STANDARD.contains(&name.as_str()));
        Ok(Self {
            id,
            username: text("username"),
            email: text("email"),
            email_verified: truth("email_verified", false),
            password: text("password").map(Secret::from),
            first_name: text("first_name").unwrap_or_default(),
            last_name: text("last_name").unwrap_or_default(),
            is_active: truth("is_active", true),
            is_staff: truth("is_staff", false),
            created_at: text("date_joined").map(|text| moment("date_joined", &text)).transpose()?,
            last_login_at: text("last_login").map(|text| moment("last_login", &text)).transpose()?,
            profile: others.filter_map(|(name, value)| Some((name.clone(), written(value)?))).collect(),
        })
    }
}

fn is_true(value: &Value) -> bool {
    matches!(value, Value::Bool(true)) || value.as_i64() == Some(1)
}

/// The value as a form would send it; nothing for what is empty.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// `2026-11-22T13:54:24.575Z`, or as SQLite shows it: `2026-11-22 13:54:24.575236`, which is UTC.
fn moment(name: &str, text: &str) -> Result<Time, String> {
    let read = text.parse::<jiff::Timestamp>().or_else(|_| format!("{}Z", text.replacen(' ', "T", 1)).parse());
    read.map(|at| Time::from_millis(at.as_millisecond())).map_err(|_| format!("{name}: {text:?} is no date and time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_dumpdata_is_an_account() {
        let line = r#"{"model": "accounts.customuser", "pk": 7, "fields": {"password": "pbkdf2_sha256$1$a$b", "last_login": null,
            "is_superuser": false, "first_name": "Bea", "is_staff": true, "is_active": false, "groups": [],
            "date_joined": "2026-11-22T13:54:23.055Z", "email": "bea@example.com", "gender": "NS", "age": 41, "note": ""}}"#;
        let Ok(Line::User(user)) = Line::parse(line) else { panic!("no account") };
        assert_eq!((user.id, user.email.as_deref(), user.first_name.as_str()), (7, Some("bea@example.com"), "Bea"));
        assert!(user.is_staff && !user.is_active && !user.email_verified && user.username.is_none());
        assert_eq!(user.created_at.map(Time::millis), Some(1_795_355_663_055));
        assert_eq!(user.profile, [("gender".to_owned(), "NS".to_owned()), ("age".to_owned(), "41".to_owned())]);
    }

    #[test]
    fn addresses_are_known_and_other_models_are_left_out() {
        let line =
            r#"{"model": "account.emailaddress", "pk": 1, "fields": {"user": 7, "email": "a@b.example", "verified": true}}"#;
        assert!(matches!(Line::parse(line), Ok(Line::Address { user: 7, verified: true, .. })));
        assert!(matches!(Line::parse(r#"{"model": "auth.group", "pk": 1, "fields": {"name": "x"}}"#), Ok(Line::Other)));
        assert!(Line::parse(r#"{"email": "a@b.example"}"#).unwrap_err().starts_with("pk:"));
        assert!(Line::parse("[1]").is_err() && Line::parse("{").is_err());
        let plain = r#"{"id": 3, "email": "a@b.example", "email_verified": 1, "date_joined": "2026-11-22 13:54:23.055823"}"#;
        assert!(
            matches!(Line::parse(plain), Ok(Line::User(user)) if user.id == 3 && user.email_verified && user.created_at.is_some())
        );
        let broken = r#"{"id": 3, "date_joined": "yesterday"}"#;
        assert!(Line::parse(broken).unwrap_err().contains("no date"));
        for (line, number) in [
            (broken, Some(3)),
            (plain, Some(3)),
            (r#"{"model": "account.emailaddress", "pk": 9, "fields": {"user": 7}}"#, Some(7)),
            (r#"{"model": "auth.group", "pk": 8, "fields": {"name": "x"}}"#, None),
            (r#"{"id": 9007199254740993}"#, None),
            ("{", None),
        ] {
            assert_eq!(Line::number(line), number, "{line}");
        }
    }
}
