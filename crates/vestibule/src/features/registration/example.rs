//! A body that makes an account, for whoever tries the service for the first time.

use serde_json::{Map, Value, json};

use crate::accounts::Auth;

use super::flow;

/// A body with every field that registration requires; dots where a value cannot be guessed.
pub fn example(auth: &Auth) -> String {
    let form = flow::form(auth);
    let required = form.fields.iter().filter(|field| field.required);
    let members = required.map(|field| (field.name.clone(), field.example().unwrap_or(json!("…"))));
    Value::Object(members.collect::<Map<_, _>>()).to_string()
}
