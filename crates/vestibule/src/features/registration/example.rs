//! A body that makes an account, for whoever tries the service for the first time.

use serde_json::{Map, Value, json};

use crate::accounts::Auth;
use crate::forms::{Field, Kind};

use super::flow;

/// A body with every field that registration requires.
pub fn example(auth: &Auth) -> String {
    let form = flow::form(auth);
    let members = form.fields.iter().filter(|field| field.required).map(|field| (field.name.clone(), value(field)));
    Value::Object(members.collect::<Map<_, _>>()).to_string()
}

fn value(field: &Field) -> Value {
    match &field.kind {
        Kind::Username(..) => json!("ana"),
        Kind::Email => json!("ana@example.org"),
        Kind::Password => json!("a-long-passphrase-1"),
        Kind::Phone => json!("+15550100"),
        Kind::Choice(choices) => json!(choices.first().map_or("", |choice| choice.value.as_str())),
        Kind::Integer => json!(1.clamp(field.minimum.unwrap_or(i64::MIN), field.maximum.unwrap_or(i64::MAX))),
        Kind::Boolean => json!(true),
        Kind::Date => json!("2000-01-31"),
        Kind::Url => json!("https://example.org/"),
        Kind::Text | Kind::Shown(_) => json!("text"),
    }
}
