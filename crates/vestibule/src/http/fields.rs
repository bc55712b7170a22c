//! A form's description as the templates of pages take it.

use minijinja::{Value, context};

use crate::forms::{Field, Form, Kind};

/// The fields, as `pages/fields.html` shows them.
pub fn fields(form: &Form) -> Value {
    form.fields.iter().filter(|field| !field.read_only).map(field).collect()
}

fn field(field: &Field) -> Value {
    let choices = match &field.kind {
        Kind::Choice(choices) => {
            choices.iter().map(|choice| context! { value => &choice.value, label => &choice.label }).collect()
        }
        _ => Vec::new(),
    };
    // A box that must be ticked is a rule of its own; an unticked one is a value.
    let required = field.required && !matches!(field.kind, Kind::Boolean);
    context! {
        name => &field.name,
        label => &field.label,
        help => &field.help,
        type => kind(&field.kind),
        autocomplete => autocomplete(field),
        required,
        choices,
    }
}

/// The type of the HTML element.
fn kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Username(..) | Kind::Shown => "text",
        Kind::Email => "email",
        Kind::Password => "password",
        Kind::Phone => "tel",
        Kind::Choice(_) => "select",
        Kind::Integer => "number",
        Kind::Boolean => "checkbox",
        Kind::Date => "date",
        Kind::Url => "url",
    }
}

/// What a browser may fill in (HTML, "Autofill").
fn autocomplete(field: &Field) -> Option<&'static str> {
    match &field.kind {
        Kind::Username(..) => Some("username"),
        Kind::Email if field.name == "email" => Some("email"),
        Kind::Password => Some("new-password"),
        Kind::Phone => Some("tel"),
        _ if field.name == "first_name" => Some("given-name"),
        _ if field.name == "last_name" => Some("family-name"),
        _ => None,
    }
}
