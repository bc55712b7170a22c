//! What an account needs beside what a provider tells.

use serde_json::{Map, Value};

use crate::accounts::Auth;
use crate::accounts::shapes::username_field;
use crate::forms::{Datum, Declared, Field, Form, Kind, Values, input};
use crate::ground::names::{EmailAddress, Username};
use crate::ground::{FieldErrors, Language};
use crate::settings::Presence;
use crate::social::Person;

/// What a person told besides.
#[derive(Clone, Debug)]
pub struct Details {
    /// The chosen name.
    pub username: Option<Username>,
    /// The address, which is not proven.
    pub email: Option<EmailAddress>,
    /// In which language mails are written.
    pub language: String,
    values: Values,
}

/// The member that names whom the details are about.
pub const TOKEN: &str = "registration_token";

/// What `registration/complete/` takes: every field of the registration but the passwords, none of them needed by itself.
pub fn form(auth: &Auth) -> Form {
    let account = &auth.settings.account;
    let mut fields = vec![Field::new(TOKEN, Kind::Password)];
    if account.username != Presence::Off {
        fields.push(username_field(&auth.settings).optional());
    }
    if account.email != Presence::Off {
        fields.push(Field::new("email", Kind::Email).optional());
    }
    let declared = auth.shapes.asked_at_registration().map(|declared| declared.field.clone().optional());
    Form::new(fields.into_iter().chain(declared).collect())
}

/// The same with these fields alone, each of which is needed.
pub(super) fn form_of(auth: &Auth, missing: &[String]) -> Form {
    let asked = form(auth).fields.into_iter().filter(|field| missing.contains(&field.name));
    Form::new(asked.map(|field| Field { required: true, ..field }).collect())
}

impl Details {
    /// Nothing but the language.
    pub fn none(language: &Language) -> Self {
        Self::told(Values::default(), language)
    }

    /// What was told.
    pub fn told(values: Values, language: &Language) -> Self {
        Self {
            username: values.username("username").cloned(),
            email: values.email("email").cloned(),
            language: language.tag().to_owned(),
            values,
        }
    }

    /// The values of the declared fields; or the fields that an account needs and nobody told. `has_address`: whether somebody told
    /// the address.
    pub(super) fn profile(&self, auth: &Auth, person: &Person, has_address: bool) -> Result<Value, Vec<String>> {
        let told = self.told_by_all(auth, person);
        let (mut profile, mut missing) = (Map::new(), Vec::new());
        if auth.settings.account.email == Presence::Required && !has_address {
            missing.push("email".to_owned());
        }
        // What the host's own types refuse is as good as not told.
        let mut refused = FieldErrors::default();
        auth.shapes.check(&told, &mut refused);
        for declared in auth.shapes.asked_at_registration() {
            let name = &declared.field.name;
            match told.get(name).filter(|datum| !matches!(datum, Datum::Null) && !refused.has(name)) {
                Some(datum) => drop(profile.insert(name.clone(), datum.to_json())),
                None if declared.field.required => missing.push(name.clone()),
                None => {}
            }
        }
        if missing.is_empty() { Ok(Value::Object(profile)) } else { Err(missing) }
    }

    /// What the person told, and of the rest what the provider did.
    fn told_by_all(&self, auth: &Auth, person: &Person) -> Values {
        let mut all = Values::default();
        for declared in auth.shapes.asked_at_registration() {
            let name = &declared.field.name;
            let told = self.values.get(name).cloned().or_else(|| from_provider(declared, person.fields.get(name)?));
            if let Some(datum) = told {
                all.set(name, datum);
            }
        }
        all
    }
}

/// A provider's value, if the field would take it from a person.
fn from_provider(declared: &Declared, value: &Value) -> Option<Datum> {
    let value = match value {
        Value::String(text) => input::Value::Text(text.clone()),
        Value::Number(number) => input::Value::Number(number.to_string()),
        Value::Bool(truth) => input::Value::Bool(*truth),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    declared.field.read(&value).ok()
}
