//! A form in the words of an `OPTIONS` answer.

use serde_json::{Map, Value, json};

use super::{Field, Form, Kind};

impl Form {
    /// The fields as the reference's metadata describes them.
    pub fn describe(&self) -> Value {
        Value::Object(self.fields.iter().map(|field| (field.name.clone(), field.describe())).collect())
    }
}

impl Field {
    fn describe(&self) -> Value {
        let mut out = Map::new();
        out.insert("type".into(), self.kind.describe().into());
        out.insert("required".into(), self.required.into());
        out.insert("read_only".into(), self.read_only.into());
        out.insert("label".into(), self.label.as_str().into());
        if let Some(help) = &self.help {
            out.insert("help_text".into(), help.as_str().into());
        }
        let (min, max) = self.lengths();
        if let Some(min) = min {
            out.insert("min_length".into(), min.into());
        }
        if let Some(max) = max {
            out.insert("max_length".into(), max.into());
        }
        for (word, bound) in [("min_value", self.minimum), ("max_value", self.maximum)] {
            if let Some(bound) = bound.filter(|_| !self.read_only) {
                out.insert(word.into(), bound.into());
            }
        }
        if let Kind::Choice(choices) = &self.kind {
            let choices = choices.iter().map(|choice| json!({ "value": choice.value, "display_name": choice.label }));
            out.insert("choices".into(), choices.collect());
        }
        Value::Object(out)
    }

    /// What is only shown has no bounds to tell.
    fn lengths(&self) -> (Option<usize>, Option<usize>) {
        if self.read_only { (None, None) } else { (self.min_length, self.max_length) }
    }
}

impl Kind {
    fn describe(&self) -> &'static str {
        match self {
            Self::Text | Self::Username(..) | Self::Password | Self::Phone => "string",
            Self::Email => "email",
            Self::Choice(_) => "choice",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Url => "url",
            Self::Shown => "field",
        }
    }
}
