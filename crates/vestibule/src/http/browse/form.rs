//! A form for each method of an address, from the same description that reads it.

use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;

use crate::forms::{Completeness, Field, Form, Input, Kind, input};
use crate::http::{Endpoint, Operation};

use super::Seen;

/// What a page offers to send.
#[derive(Serialize)]
pub(super) struct Offered {
    method: String,
    summary: &'static str,
    fields: Vec<Widget>,
    /// What is wrong with the whole, where this was sent.
    errors: Vec<String>,
    /// A body to begin with, where one can be sent as JSON.
    raw: Option<String>,
}

/// One field.
#[derive(Serialize)]
struct Widget {
    name: String,
    label: String,
    help: Option<String>,
    /// The type of the `input`.
    kind: &'static str,
    autocomplete: &'static str,
    value: String,
    /// For a `select`: value and label.
    choices: Vec<Choice>,
    required: bool,
    max_length: Option<usize>,
    errors: Vec<String>,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    label: String,
}

/// The forms of an address. Errors stand beside the fields of the form that was sent; what was typed stays, passwords apart.
pub(super) fn all(endpoint: &Endpoint, status: StatusCode, body: &Value, seen: &Seen<'_>) -> Vec<Offered> {
    let offers = endpoint.operations.iter().filter(|operation| operation.method != Method::GET);
    offers.map(|operation| offered(operation, status, body, seen)).collect()
}

fn offered(operation: &Operation, status: StatusCode, body: &Value, seen: &Seen<'_>) -> Offered {
    let was_sent = operation.method == *seen.method;
    let wrong = if was_sent && status == StatusCode::BAD_REQUEST { body } else { &Value::Null };
    let before = Before { input: seen.input.filter(|_| !status.is_success()), shown: status.is_success().then_some(body) };
    let form = operation.takes.as_ref();
    let fields = form.into_iter().flat_map(|form| form.fields.iter()).filter(|field| !field.read_only);
    let fields: Vec<Widget> = fields.map(|field| widget(field, operation, &before, wrong)).collect();
    // What no field is to blame for, or a member that has no field here.
    let whole = wrong.as_object().into_iter().flatten().filter(|(name, _)| !fields.iter().any(|field| field.name == **name));
    Offered {
        method: operation.method.to_string(),
        summary: operation.summary,
        errors: whole.flat_map(|(_, messages)| sentences(messages)).collect(),
        raw: form.map(|form| raw(form, operation.completeness, &before)),
        fields,
    }
}

/// What a form begins with. A refused body fills in every form of the address: one left empty would clear what it names when it is sent.
struct Before<'a> {
    /// What was sent and refused.
    input: Option<&'a Input>,
    /// What was answered: the object that is to be changed, if it is one.
    shown: Option<&'a Value>,
}

impl Before<'_> {
    fn text(&self, field: &Field) -> String {
        if let Some(input) = self.input {
            return match input.get(&field.name) {
                Some(input::Value::Text(text) | input::Value::Number(text)) if !is_secret(field) => text.clone(),
                Some(input::Value::Bool(truth)) => truth.to_string(),
                _ => String::new(),
            };
        }
        match self.shown.and_then(|shown| shown.get(&field.name)) {
            Some(Value::String(text)) if !is_secret(field) => text.clone(),
            Some(other @ (Value::Number(_) | Value::Bool(_))) => other.to_string(),
            _ => String::new(),
        }
    }
}

fn is_secret(field: &Field) -> bool {
    matches!(field.kind, Kind::Password)
}

fn widget(field: &Field, operation: &Operation, before: &Before<'_>, wrong: &Value) -> Widget {
    Widget {
        name: field.name.clone(),
        label: field.label.clone(),
        help: field.help.clone(),
        kind: kind(field),
        autocomplete: autocomplete(field, operation),
        value: before.text(field),
        choices: choices(field, operation.completeness),
        required: field.required && operation.completeness == Completeness::Whole,
        max_length: field.max_length,
        errors: wrong.get(&field.name).into_iter().flat_map(sentences).collect(),
    }
}

fn sentences(messages: &Value) -> Vec<String> {
    match messages {
        Value::String(message) => vec![message.clone()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn kind(field: &Field) -> &'static str {
    match field.kind {
        // Keys and codes are pasted, and seeing them helps; they are not kept either way.
        Kind::Password if field.name.contains("password") => "password",
        Kind::Email => "email",
        Kind::Phone => "tel",
        Kind::Integer => "number",
        Kind::Date => "date",
        Kind::Url => "url",
        Kind::Text | Kind::Username(..) | Kind::Password | Kind::Choice(_) | Kind::Boolean | Kind::Shown => "text",
    }
}

/// What a browser may offer to fill in (HTML, "Autofill").
fn autocomplete(field: &Field, operation: &Operation) -> &'static str {
    match (&field.kind, field.name.as_str()) {
        (Kind::Password, "password" | "old_password") => "current-password",
        (Kind::Password, name) if name.contains("password") => "new-password",
        (_, "username") => "username",
        (Kind::Email, "email") if operation.id == "login" => "username",
        (Kind::Email, "email") => "email",
        (Kind::Phone, _) => "tel",
        _ => "off",
    }
}

/// What a `select` offers. A box that is not ticked could not be told from one that is not sent, so true and false are chosen.
fn choices(field: &Field, completeness: Completeness) -> Vec<Choice> {
    let choice = |value: &str, label: &str| Choice { value: value.to_owned(), label: label.to_owned() };
    let offered: Vec<Choice> = match &field.kind {
        Kind::Choice(choices) => choices.iter().map(|each| choice(&each.value, &each.label)).collect(),
        Kind::Boolean => vec![choice("true", "Yes"), choice("false", "No")],
        _ => return Vec::new(),
    };
    let may_be_empty = field.nullable || field.blank || completeness == Completeness::Partial || !field.required;
    let empty = may_be_empty.then(|| choice("", "–")).into_iter();
    empty.chain(offered).collect()
}

/// The form as JSON, with what is known already.
fn raw(form: &Form, completeness: Completeness, before: &Before<'_>) -> String {
    let mut body = form.example(completeness).unwrap_or_else(|| serde_json::json!({}));
    let written = form.fields.iter().filter(|field| !field.read_only && !is_secret(field));
    for (name, known) in written.filter_map(|field| Some((&field.name, before.shown?.get(&field.name)?))) {
        body[name.as_str()] = known.clone();
    }
    serde_json::to_string_pretty(&body).unwrap_or_default()
}
