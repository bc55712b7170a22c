//! One description per form.
//!
//! A [`Form`] is a run-time value: its fields with their kinds, labels and bounds. Validation, field errors, the `OPTIONS`
//! answer and the OpenAPI document all come from it, so a field that a team declares in its settings shows up everywhere at once.
//! Start with [`Field`] and [`Kind`]; [`Form::read`] turns an [`Input`] into [`Values`].

pub mod declared;
pub(crate) mod decode;
mod describe;
mod example;
pub mod field;
pub mod input;
mod kinds;
pub(crate) mod outline;
mod schema;
pub mod values;

pub use declared::Declared;
pub use field::{Choice, Field, Kind};
pub use input::{Input, Source, Value};
pub use values::{Datum, Values};

use crate::ground::{FieldErrors, Message};

/// The fields that an operation takes or gives, in the order in which they are shown.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// The fields. No two have the same name.
    pub fields: Vec<Field>,
}

/// Which members must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Every required field (POST, PUT).
    Whole,
    /// Only what is to change (PATCH).
    Partial,
}

impl Form {
    /// A form with these fields.
    pub fn new(fields: Vec<Field>) -> Self {
        Self { fields }
    }

    /// Reads a body: the values of all fields that are right, and a message for each that is not.
    ///
    /// Members that the form does not know, or only shows, are ignored, as the reference does (T76).
    pub fn read(&self, input: &Input, completeness: Completeness) -> (Values, FieldErrors) {
        let mut values = Values::default();
        let mut errors = FieldErrors::default();
        for field in self.fields.iter().filter(|field| !field.read_only) {
            match self.member(field, input, completeness) {
                Ok(Some(datum)) => values.put(&field.name, datum),
                Ok(None) => {}
                Err(messages) => messages.into_iter().for_each(|message| errors.add(&field.name, message)),
            }
        }
        (values, errors)
    }

    fn member(&self, field: &Field, input: &Input, completeness: Completeness) -> Result<Option<Datum>, Vec<Message>> {
        match input.get(&field.name) {
            Some(value) => field.read(value).map(Some),
            // An unticked box is absent from a form.
            None if matches!(field.kind, Kind::Boolean)
                && input.source == Source::Form
                && completeness == Completeness::Whole =>
            {
                Ok(Some(Datum::Boolean(false)))
            }
            None if field.required && completeness == Completeness::Whole => Err(vec![Message::Required]),
            None => Ok(None),
        }
    }
}
