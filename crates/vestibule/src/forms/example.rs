//! Values that fit, for whoever tries the service or reads about it.

use serde_json::{Map, Value, json};

use super::{Completeness, Field, Form, Kind, input};

impl Form {
    /// A body that fits, with every required field; nothing where one of them has no example.
    pub fn example(&self, completeness: Completeness) -> Option<Value> {
        let written = || self.fields.iter().filter(|field| !field.read_only);
        let wanted: Vec<&Field> = match completeness {
            Completeness::Whole => written().filter(|field| field.required).collect(),
            // A change of one field says more than an empty one.
            Completeness::Partial => written().take(1).collect(),
        };
        members(wanted.into_iter())
    }

    /// A body with these members; nothing where one of them has no example.
    pub fn example_of(&self, names: &[&str]) -> Option<Value> {
        members(self.fields.iter().filter(|field| names.contains(&field.name.as_str())))
    }

    /// An object with all fields, as an answer has it.
    pub fn example_given(&self) -> Option<Value> {
        members(self.fields.iter())
    }
}

fn members<'f>(fields: impl Iterator<Item = &'f Field>) -> Option<Value> {
    fields.map(|field| Some((field.name.clone(), field.example()?))).collect::<Option<Map<_, _>>>().map(Value::Object)
}

impl Field {
    /// A value that fits. A pattern or a length may leave none that we could guess.
    pub fn example(&self) -> Option<Value> {
        let value = match &self.kind {
            _ if self.like.is_some() => json!(self.like),
            Kind::Username(..) => json!("ana"),
            Kind::Email => json!("ana@example.org"),
            Kind::Password => json!("a-long-passphrase-1"),
            Kind::Phone => json!("+15550100"),
            Kind::Choice(choices) => json!(choices.first()?.value),
            Kind::Integer => json!(1.clamp(self.minimum.unwrap_or(i64::MIN), self.maximum.unwrap_or(i64::MAX))),
            Kind::Boolean => json!(true),
            Kind::Date => json!("2000-01-31"),
            Kind::Url => json!("https://example.org/"),
            Kind::Text if self.name.ends_with("name") => json!("Ana"),
            Kind::Text => json!("text"),
            Kind::Shown => return None,
        };
        let sent = match &value {
            Value::String(text) => input::Value::Text(text.clone()),
            Value::Bool(truth) => input::Value::Bool(*truth),
            other => input::Value::Number(other.to_string()),
        };
        self.read(&sent).is_ok().then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_that_would_be_refused_is_none() {
        let mut field = Field::new("plate", Kind::Text);
        assert_eq!(field.example(), Some(json!("text")));
        field.pattern = regex::Regex::new("^[A-Z]{3}$").ok();
        assert_eq!(field.example(), None);
        assert_eq!(Form::new(vec![field.clone()]).example(Completeness::Whole), None);
        assert_eq!(field.like("ABC").example(), Some(json!("ABC")));
    }
}
