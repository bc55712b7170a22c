//! A field that a team declares in its settings (`[[user.fields]]`).

use caseless::default_case_fold_str;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::ground::names::EmailAddress;
use crate::settings::{Details, FieldKind, FieldSettings};

use super::field::{Choice, Field, Kind};

/// A declared field and where it shows up.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The field, as registration asks for it.
    pub field: Field,
    /// Whether no two users have the same value.
    pub unique: bool,
    /// Whether registration asks for it.
    pub register: bool,
    /// Whether the user endpoint shows it, and lets the user change it.
    pub details: Details,
}

impl Declared {
    /// The field that the settings describe.
    ///
    /// # Errors
    /// What is wrong with its pattern.
    pub fn new(settings: &FieldSettings) -> Result<Self, String> {
        let mut field = Field::new(&settings.name, kind(settings));
        if let Some(label) = &settings.label {
            label.clone_into(&mut field.label);
        }
        field.help.clone_from(&settings.help);
        field.required = settings.required;
        field.nullable = !settings.required;
        field.min_length = settings.min_length.map(|min| min as usize);
        field.max_length = settings.max_length.map(|max| max as usize).or_else(|| most(settings.kind));
        (field.minimum, field.maximum) = (settings.minimum, settings.maximum);
        field.pattern = settings.regex()?;
        Ok(Self { field, unique: settings.unique, register: settings.register, details: settings.details })
    }

    /// The field as the user endpoint describes it.
    pub fn for_details(&self) -> Option<Field> {
        match self.details {
            Details::Editable => Some(self.field.clone()),
            Details::ReadOnly => Some(self.field.clone().read_only()),
            Details::Hidden => None,
        }
    }

    /// What stands for a value that nobody gave: an empty text, as the reference shows it, or `null` where no text belongs.
    pub fn absent(&self) -> Value {
        match self.field.kind {
            Kind::Integer | Kind::Boolean | Kind::Date => Value::Null,
            _ => Value::String(String::new()),
        }
    }

    /// The canonical form by which two values are the same (T71); nothing for a value that is absent.
    pub fn unique_key(&self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(match self.field.kind {
                Kind::Email => EmailAddress::parse(text).map_or_else(|_| text.clone(), |address| address.key().to_owned()),
                _ => default_case_fold_str(&text.nfkc().collect::<String>()).nfkc().collect(),
            }),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

fn kind(settings: &FieldSettings) -> Kind {
    match settings.kind {
        FieldKind::Text => Kind::Text,
        FieldKind::Choice => Kind::Choice(
            settings
                .choices
                .iter()
                .map(|choice| Choice { value: choice.value.clone(), label: choice.label().to_owned() })
                .collect(),
        ),
        FieldKind::Phone => Kind::Phone,
        FieldKind::Integer => Kind::Integer,
        FieldKind::Boolean => Kind::Boolean,
        FieldKind::Date => Kind::Date,
        FieldKind::Url => Kind::Url,
        FieldKind::Email => Kind::Email,
    }
}

/// Bounds before work: what a text field takes when its declaration does not say.
fn most(kind: FieldKind) -> Option<usize> {
    match kind {
        FieldKind::Text => Some(1_000),
        FieldKind::Url => Some(2_000),
        _ => None,
    }
}
