//! What a Rust type says of its fields through serde and schemars, in the words of `[[user.fields]]`.
//!
//! | in Rust | as a field |
//! |---|---|
//! | `Option<T>`, `#[serde(default)]` | not required |
//! | an enum of plain variants | a choice; a variant's title, else its doc comment, is what people read |
//! | `EmailAddress`, `PhoneNumber`, formats `email`, `phone`, `uri`, `date` | the kind of that name |
//! | `#[schemars(length(…), range(…), regex(…))]` | bounds and pattern |
//! | `#[schemars(title = "…")]`, the doc comment | label, help |
//! | `#[schemars(extend("readOnly" = true))]`, `"writeOnly"` | shown and never edited; taken and never shown |
//! | `#[schemars(extend("x-unique" = true))]`, `extend("x-register" = false)` | unique; not asked at registration |

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::settings::{Choice, Details, FieldKind, FieldSettings};

/// The members of a struct, as its schema tells them.
#[derive(Debug)]
pub(crate) struct Outline {
    /// The type's name, for people.
    pub(crate) name: String,
    /// Its members, in their order.
    pub(crate) members: Vec<Member>,
    /// What is wrong with the type as a whole, if something is.
    pub(crate) problem: Option<String>,
}

/// One member of a struct.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its name on the wire.
    pub(crate) name: String,
    /// Whether the type cannot be read without it.
    pub(crate) required: bool,
    /// Its JSON Schema without "or null".
    schema: Map<String, Value>,
    /// Its JSON Schema.
    whole: Value,
}

impl Outline {
    /// The outline of a type that is read from what clients send.
    pub(crate) fn of_taken<T: JsonSchema>() -> Self {
        Self::of(&settings().for_deserialize().into_generator().into_root_schema_for::<T>().to_value())
    }

    /// The outline of a type that is written for clients.
    pub(crate) fn of_shown<T: JsonSchema>() -> Self {
        Self::of(&settings().for_serialize().into_generator().into_root_schema_for::<T>().to_value())
    }

    /// The member of that name.
    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    fn of(schema: &Value) -> Self {
        let name = schema["title"].as_str().unwrap_or("the type").to_owned();
        let properties = schema["properties"].as_object();
        let problem = match properties {
            None => Some(format!("{name}: is not a struct with named fields")),
            Some(_) if schema["additionalProperties"] == false => Some(format!(
                "{name}: denies unknown fields, so an account with a value of a field that is gone could not be read; remove #[serde(deny_unknown_fields)]"
            )),
            Some(_) => None,
        };
        let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
        let members = properties.into_iter().flatten().map(|(name, schema)| {
            let whole = schema.clone();
            let (schema, nullable) = without_null(schema.as_object().cloned().unwrap_or_default());
            Member { name: name.clone(), required: required(name) && !nullable, schema, whole }
        });
        Self { members: members.collect(), problem, name }
    }
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true)
}

impl Member {
    /// The member as `[[user.fields]]` would declare it.
    ///
    /// # Errors
    /// Why no field can hold it.
    pub(crate) fn declared(&self) -> Result<FieldSettings, String> {
        let choices = choices(&self.schema)?;
        let kind = if choices.is_empty() { self.kind()? } else { FieldKind::Choice };
        let is = |word: &str| self.schema.get(word) == Some(&Value::Bool(true));
        let mut field = FieldSettings::new(&self.name, kind);
        field.label = self.text("title");
        field.help = self.text("description");
        field.choices = choices;
        field.required = self.required;
        field.unique = is("x-unique");
        field.register = self.schema.get("x-register") != Some(&Value::Bool(false));
        field.details = match (is("readOnly"), is("writeOnly")) {
            (_, true) => Details::Hidden,
            (true, false) => Details::ReadOnly,
            (false, false) => Details::Editable,
        };
        // Addresses carry a bound of their own, which reading them keeps.
        if kind != FieldKind::Email {
            (field.min_length, field.max_length) = (self.length("minLength"), self.length("maxLength"));
        }
        (field.minimum, field.maximum) = self.bounds(kind);
        field.pattern = self.text("pattern").map(|pattern| whole(&pattern));
        Ok(field)
    }

    /// Whether it holds a secret, which is taken as it is and never shown.
    pub(crate) fn is_secret(&self) -> bool {
        self.schema.get("format").is_some_and(|format| format == "secret")
    }

    /// What people read before it, if the type says so.
    pub(crate) fn title(&self) -> Option<String> {
        self.text("title")
    }

    /// What explains it, if the type says so.
    pub(crate) fn help(&self) -> Option<String> {
        self.text("description")
    }

    /// Its JSON Schema.
    pub(crate) fn schema(&self) -> Value {
        self.whole.clone()
    }

    fn text(&self, word: &str) -> Option<String> {
        self.schema.get(word)?.as_str().map(|text| text.replace('\n', " "))
    }

    fn length(&self, word: &str) -> Option<u32> {
        self.schema.get(word)?.as_u64().map(|length| u32::try_from(length).unwrap_or(u32::MAX))
    }

    fn kind(&self) -> Result<FieldKind, String> {
        let word = |name: &str| self.schema.get(name).and_then(Value::as_str).unwrap_or_default();
        match (word("type"), word("format")) {
            ("string", "secret") => Err("holds a secret, which no account keeps".to_owned()),
            ("string", "email" | "idn-email") => Ok(FieldKind::Email),
            ("string", "phone") => Ok(FieldKind::Phone),
            ("string", "uri" | "iri" | "url") => Ok(FieldKind::Url),
            ("string", "date") => Ok(FieldKind::Date),
            ("string", _) => Ok(FieldKind::Text),
            ("integer", _) => Ok(FieldKind::Integer),
            ("boolean", _) => Ok(FieldKind::Boolean),
            _ => {
                Err("is neither a text, a whole number, true or false, a date, an address nor an enum of plain variants"
                    .to_owned())
            }
        }
    }

    /// What the number must be, also where only its width in bits says so.
    fn bounds(&self, kind: FieldKind) -> (Option<i64>, Option<i64>) {
        if kind != FieldKind::Integer {
            return (None, None);
        }
        let number = |word: &str| self.schema.get(word).and_then(|value| value.as_i64().or_else(|| whole_float(value.as_f64()?)));
        let (least, greatest) = match self.schema.get("format").and_then(Value::as_str) {
            Some("int32") => (Some(i32::MIN.into()), Some(i32::MAX.into())),
            Some("uint32") => (None, Some(u32::MAX.into())),
            _ => (None, None),
        };
        let above = number("exclusiveMinimum").map(|bound| bound.saturating_add(1));
        let below = number("exclusiveMaximum").map(|bound| bound.saturating_sub(1));
        (number("minimum").or(above).or(least), number("maximum").or(below).or(greatest))
    }
}

fn whole_float(number: f64) -> Option<i64> {
    // Beyond that not every whole number is one.
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits")]
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

/// A pattern of JSON Schema matches somewhere in the text, ours the whole text.
fn whole(pattern: &str) -> String {
    match pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$')) {
        Some(inner) if !inner.contains(['|', '\\']) || is_plain(inner) => inner.to_owned(),
        _ => format!("(?s:.*)(?:{pattern})(?s:.*)"),
    }
}

/// Whether the pattern means the same between anchors of its own: nothing stands beside an alternative, and the last `$` was
/// not escaped.
fn is_plain(inner: &str) -> bool {
    let escaped_end = inner.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1;
    !escaped_end && !inner.contains('|')
}

/// The schema without the possibility of `null`, and whether there was one.
fn without_null(mut schema: Map<String, Value>) -> (Map<String, Value>, bool) {
    let mut nullable = false;
    for word in ["anyOf", "oneOf"] {
        let Some(Value::Array(options)) = schema.get_mut(word) else { continue };
        let before = options.len();
        options.retain(|option| option["type"] != "null");
        nullable |= options.len() < before;
        if let [Value::Object(only)] = options.as_slice() {
            let only = only.clone();
            schema.remove(word);
            for (name, value) in only {
                schema.entry(name).or_insert(value);
            }
        }
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        let before = types.len();
        types.retain(|kind| kind != "null");
        nullable |= types.len() < before;
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    (schema, nullable)
}

/// What an enum of plain variants can be: `enum`, `const`, or `oneOf` of them where variants have words of their own.
fn choices(schema: &Map<String, Value>) -> Result<Vec<Choice>, String> {
    let label = |word: &str| schema.get(word).and_then(Value::as_str).map(|text| text.trim().trim_end_matches('.').to_owned());
    let choice = |value: &Value, label: Option<String>| match value.as_str() {
        Some(value) => Ok(Choice { value: value.to_owned(), label }),
        None => Err(format!("can be {value}, but what can be chosen are texts")),
    };
    if let Some(value) = schema.get("const") {
        return Ok(vec![choice(value, label("title").or_else(|| label("description")))?]);
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        return values.iter().map(|value| choice(value, None)).collect();
    }
    let Some(Value::Array(options)) = schema.get("oneOf") else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for option in options {
        match option.as_object().map(choices).transpose()? {
            Some(some) if !some.is_empty() => all.extend(some),
            _ => return Err("has a variant that holds something; what can be chosen are plain variants".to_owned()),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
