//! What a form holds once it is read.

use crate::ground::Secret;
use crate::ground::names::{EmailAddress, Username};

/// The value of one field, in its canonical form.
#[derive(Clone, Debug)]
pub enum Datum {
    /// Nothing: the field is cleared.
    Null,
    /// A text, a choice, a telephone number, a date or an address of a page.
    Text(String),
    /// A password.
    Secret(Secret),
    /// An e-mail address.
    Email(EmailAddress),
    /// A user name.
    Username(Username),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
}

impl Datum {
    /// The value as it is kept in a profile and answered on the wire. A password has no such form.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null | Self::Secret(_) => serde_json::Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Email(address) => address.shown().into(),
            Self::Username(name) => name.shown().into(),
            Self::Integer(number) => (*number).into(),
            Self::Boolean(truth) => (*truth).into(),
        }
    }
}

/// The values of a form, by field.
#[derive(Clone, Debug, Default)]
pub struct Values(Vec<(String, Datum)>);

impl Values {
    /// Puts a value in the place of another, for what does not come from the body.
    pub fn set(&mut self, name: &str, datum: Datum) {
        self.0.retain(|(field, _)| field != name);
        self.put(name, datum);
    }

    pub(super) fn put(&mut self, name: &str, datum: Datum) {
        self.0.push((name.to_owned(), datum));
    }

    /// All values, by field, in the order of the form.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Datum)> {
        self.0.iter().map(|(field, datum)| (field.as_str(), datum))
    }

    /// The value of a field that was sent and is right.
    pub fn get(&self, name: &str) -> Option<&Datum> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, datum)| datum)
    }

    /// The text of a field; nothing when it is absent, empty or cleared.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Datum::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The password of a field.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        match self.get(name) {
            Some(Datum::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    /// The e-mail address of a field.
    pub fn email(&self, name: &str) -> Option<&EmailAddress> {
        match self.get(name) {
            Some(Datum::Email(address)) => Some(address),
            _ => None,
        }
    }

    /// The user name of a field.
    pub fn username(&self, name: &str) -> Option<&Username> {
        match self.get(name) {
            Some(Datum::Username(name)) => Some(name),
            _ => None,
        }
    }
}
