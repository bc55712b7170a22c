//! A form as a JSON Schema (draft 2020-12, the dialect of OpenAPI 3.1).

use serde_json::{Map, Value, json};

use super::{Completeness, Field, Form, Kind};

impl Form {
    /// The body that an operation takes; what is only shown is no part of it.
    pub fn schema_taken(&self, completeness: Completeness) -> Value {
        let fields = || self.fields.iter().filter(|field| !field.read_only);
        let required = fields().filter(|field| field.required && completeness == Completeness::Whole);
        object(fields().map(|field| (field, field.schema_taken())), required)
    }

    /// The same as a form can send it: without `null`, for which an empty text stands.
    pub fn schema_sent(&self, completeness: Completeness) -> Value {
        let mut form = self.clone();
        for field in form.fields.iter_mut().filter(|field| field.nullable) {
            (field.nullable, field.blank) = (false, true);
        }
        form.schema_taken(completeness)
    }

    /// The object that an operation gives: every field is there.
    pub fn schema_given(&self) -> Value {
        object(self.fields.iter().map(|field| (field, field.schema_given())), self.fields.iter())
    }

    /// What a refusal says of the fields: a list of sentences for each that is wrong.
    pub fn schema_refused(&self) -> Value {
        let sentences = json!({ "type": "array", "items": { "type": "string" } });
        let fields = self.fields.iter().filter(|field| !field.read_only).map(|field| (field.name.as_str(), sentences.clone()));
        let rest = ("non_field_errors", sentences.clone());
        let properties: Map<String, Value> = fields.chain([rest]).map(|(name, schema)| (name.to_owned(), schema)).collect();
        json!({ "type": "object", "properties": properties, "additionalProperties": sentences })
    }

    /// Whether `null` means something in any field.
    pub fn takes_null(&self) -> bool {
        self.fields.iter().any(|field| field.nullable && !field.read_only)
    }
}

fn object<'f>(fields: impl Iterator<Item = (&'f Field, Value)>, required: impl Iterator<Item = &'f Field>) -> Value {
    let properties: Map<String, Value> = fields.map(|(field, schema)| (field.name.clone(), schema)).collect();
    let required: Vec<&str> = required.map(|field| field.name.as_str()).collect();
    let mut out = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        out["required"] = json!(required);
    }
    out
}

impl Field {
    fn schema_taken(&self) -> Value {
        let mut out = self.named(self.kind.schema());
        let clearable = self.nullable || self.blank;
        if self.kind.is_text() && !clearable {
            out.insert("minLength".into(), json!(self.min_length.unwrap_or(1).max(1)));
        }
        if let Some(max) = self.max_length {
            out.insert("maxLength".into(), json!(max));
        }
        for (word, bound) in [("minimum", self.minimum), ("maximum", self.maximum)] {
            if let Some(bound) = bound {
                out.insert(word.into(), json!(bound));
            }
        }
        if let Some(pattern) = self.pattern.as_ref().and_then(|pattern| portable(pattern.as_str(), clearable)) {
            out.insert("pattern".into(), json!(pattern));
        }
        if let Kind::Choice(choices) = &self.kind {
            let empty = clearable.then(|| json!(""));
            let null = self.nullable.then_some(Value::Null);
            out.insert("enum".into(), choices.iter().map(|choice| json!(choice.value)).chain(empty).chain(null).collect());
        }
        if self.nullable {
            let kind = out["type"].take();
            out.insert("type".into(), json!([kind, "null"]));
        }
        if let Some(example) = self.example() {
            out.insert("examples".into(), json!([example]));
        }
        Value::Object(out)
    }

    /// What nobody gave is an empty text, or `null` where no text belongs: `required` binds writes, never reads.
    fn schema_given(&self) -> Value {
        if let Some(shown) = &self.shown {
            return Value::Object(self.named(Value::clone(shown)));
        }
        let mut out = self.named(self.kind.schema());
        out.remove("writeOnly");
        match &self.kind {
            Kind::Choice(choices) => {
                out.insert("enum".into(), choices.iter().map(|choice| json!(choice.value)).chain([json!("")]).collect());
            }
            // Every account has its key.
            Kind::Integer if self.name == "pk" => {}
            Kind::Integer | Kind::Boolean | Kind::Date => {
                let kind = out["type"].take();
                out.insert("type".into(), json!([kind, "null"]));
            }
            // An empty text is neither an address nor a page.
            _ => {
                out.remove("format");
            }
        }
        Value::Object(out)
    }

    fn named(&self, schema: Value) -> Map<String, Value> {
        let mut out = Map::from_iter([("title".to_owned(), json!(self.label))]);
        let choices = match &self.kind {
            Kind::Choice(choices) if choices.iter().any(|choice| choice.label != choice.value) => {
                Some(choices.iter().map(|choice| format!("`{}`: {}", choice.value, choice.label)).collect::<Vec<_>>().join(", "))
            }
            _ => None,
        };
        let description: Vec<&str> = self.help.as_deref().into_iter().chain(choices.as_deref()).collect();
        if !description.is_empty() {
            out.insert("description".into(), json!(description.join(" ")));
        }
        if let Value::Object(schema) = schema {
            out.extend(schema);
        }
        out
    }
}

impl Kind {
    fn schema(&self) -> Value {
        match self {
            Self::Text | Self::Username(..) | Self::Choice(_) => json!({ "type": "string" }),
            Self::Email => json!({ "type": "string", "format": "email" }),
            Self::Password => json!({ "type": "string", "format": "password", "writeOnly": true }),
            Self::Phone => json!({ "type": "string", "format": "phone" }),
            Self::Url => json!({ "type": "string", "format": "uri" }),
            Self::Date => json!({ "type": "string", "format": "date" }),
            Self::Integer => json!({ "type": "integer", "format": "int64" }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Shown => json!({}),
        }
    }

    fn is_text(&self) -> bool {
        !matches!(self, Self::Choice(_) | Self::Integer | Self::Boolean | Self::Shown)
    }
}

/// A pattern of ours as ECMA-262 reads it, where both surely mean the same: no flags, no classes in classes, no Unicode names.
/// An empty text clears a field without being looked at.
fn portable(pattern: &str, clearable: bool) -> Option<String> {
    let pattern = pattern.strip_prefix(r"\A(?:")?.strip_suffix(r")\z")?;
    // The last classes hold all of Unicode here and ASCII there.
    let differs = ["(?i", "(?s", "(?x", "(?m", "(?u", "(?-", "(?P", "[[", "&&", "--", "~~"];
    let escapes = "AzpPxuaUdDwWsSbB";
    let escaped = pattern.split('\\').skip(1).any(|rest| rest.starts_with(|c| escapes.contains(c)));
    let same = pattern.is_ascii() && !escaped && !differs.iter().any(|part| pattern.contains(part));
    let empty = if clearable { "|" } else { "" };
    same.then(|| format!("^(?:{pattern}{empty})$"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::Choice;

    #[test]
    fn a_body_has_what_is_written_and_an_answer_all() {
        let choice = |value: &str| Choice { value: value.into(), label: value.into() };
        let mut gender = Field::new("gender", Kind::Choice(vec![choice("f"), choice("m")])).optional();
        gender.nullable = true;
        let form = Form::new(vec![Field::new("pk", Kind::Integer).read_only(), Field::new("email", Kind::Email), gender]);
        let taken = form.schema_taken(Completeness::Whole);
        assert_eq!(taken["required"], json!(["email"]));
        assert_eq!(taken["properties"]["gender"]["enum"], json!(["f", "m", "", null]));
        assert_eq!(taken["properties"]["gender"]["type"], json!(["string", "null"]));
        assert!(taken["properties"]["pk"].is_null());
        assert!(form.schema_taken(Completeness::Partial)["required"].is_null());
        assert_eq!(form.schema_sent(Completeness::Whole)["properties"]["gender"]["enum"], json!(["f", "m", ""]));
        let given = form.schema_given();
        assert_eq!(given["required"], json!(["pk", "email", "gender"]));
        assert_eq!(given["properties"]["pk"]["type"], "integer");
        assert_eq!(given["properties"]["gender"]["enum"], json!(["f", "m", ""]));
    }

    #[test]
    fn a_pattern_is_told_only_where_every_reader_reads_it_alike() {
        let told = |pattern: &str| portable(&format!(r"\A(?:{pattern})\z"), false);
        assert_eq!(told(r"[A-Z]{2}\.").as_deref(), Some(r"^(?:[A-Z]{2}\.)$"));
        for other in ["(?i)a", r"\d+", r"\p{Greek}", "[a&&b]", "é"] {
            assert_eq!(told(other), None, "{other}");
        }
        assert_eq!(portable(r"\A(?:a|b)\z", true).as_deref(), Some("^(?:a|b|)$"));
        assert_eq!(portable("[A-Z]", false), None, "not anchored as ours are");
    }
}
