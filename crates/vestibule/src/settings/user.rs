//! What an account shows and which fields of your own it has.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What an account shows and which fields of your own it has.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct User {
    /// The member of a token that names the account.
    pub id_claim: String,
    /// What `user/` does with the built-in fields.
    pub standard: Standard,
    /// Fields of your own.
    pub fields: Vec<FieldSettings>,
}

impl Default for User {
    fn default() -> Self {
        Self { id_claim: "user_id".into(), standard: Standard::default(), fields: Vec::new() }
    }
}

/// What `user/` does with the built-in fields.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Standard {
    /// The user name.
    pub username: Details,
    /// The e-mail address; to change it is a flow of its own.
    pub email: Details,
    /// The first name.
    pub first_name: Details,
    /// The last name.
    pub last_name: Details,
}

impl Default for Standard {
    fn default() -> Self {
        let editable = Details::Editable;
        Self { username: editable, email: Details::ReadOnly, first_name: editable, last_name: editable }
    }
}

/// What `user/` does with a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Details {
    /// Shows it and lets people change it.
    #[default]
    Editable,
    /// Shows it.
    ReadOnly,
    /// Does not show it.
    Hidden,
}

/// One field of your own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldSettings {
    /// Its name in requests and answers: small letters, digits and underscores, beginning with a letter.
    #[schemars(example = &"gender")]
    pub name: String,
    /// What it holds.
    #[serde(default)]
    pub kind: FieldKind,
    /// What people call it; made from the name when left out.
    #[serde(default)]
    #[schemars(example = &"Gender")]
    pub label: Option<String>,
    /// A sentence that explains it.
    #[serde(default)]
    #[schemars(example = "How we may address you.")]
    pub help: Option<String>,
    /// What a `choice` can be: texts, or tables with `value` and `label`.
    #[serde(default)]
    #[schemars(example = ["female", "male", "other"])]
    pub choices: Vec<Choice>,
    /// Whether a request that writes it must have it.
    #[serde(default)]
    pub required: bool,
    /// Whether two accounts cannot have the same value.
    #[serde(default)]
    pub unique: bool,
    /// The fewest characters of a text.
    #[serde(default)]
    #[schemars(example = 1)]
    pub min_length: Option<u32>,
    /// The most characters of a text.
    #[serde(default)]
    #[schemars(example = 100)]
    pub max_length: Option<u32>,
    /// The least number.
    #[serde(default)]
    #[schemars(example = 0)]
    pub minimum: Option<i64>,
    /// The greatest number.
    #[serde(default)]
    #[schemars(example = 120)]
    pub maximum: Option<i64>,
    /// A regular expression that the whole text must match.
    #[serde(default)]
    #[schemars(example = "[a-z]+")]
    pub pattern: Option<String>,
    /// Whether registration asks for it.
    #[serde(default = "yes")]
    pub register: bool,
    /// What `user/` does with it.
    #[serde(default)]
    pub details: Details,
}

fn yes() -> bool {
    true
}

/// The most memory that a compiled pattern may take, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;

impl FieldSettings {
    /// A field with this name and kind, and everything else left out.
    pub fn new(name: impl Into<String>, kind: FieldKind) -> Self {
        Self {
            name: name.into(),
            kind,
            label: None,
            help: None,
            choices: Vec::new(),
            required: false,
            unique: false,
            min_length: None,
            max_length: None,
            minimum: None,
            maximum: None,
            pattern: None,
            register: true,
            details: Details::Editable,
        }
    }

    /// The pattern for the whole text, or nothing if there is none.
    ///
    /// # Errors
    /// What is wrong with the pattern, in one line.
    pub fn regex(&self) -> Result<Option<regex::Regex>, String> {
        let compile = |pattern: &str| regex::RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).build();
        let Some(pattern) = &self.pattern else { return Ok(None) };
        // Alone first: what is wrong is then told about the owner's text, and `)(` cannot leave the group.
        let both = compile(pattern).and_then(|_| compile(&format!(r"\A(?:{pattern})\z")));
        let last_line = |e: regex::Error| e.to_string().lines().last().unwrap_or_default().trim().to_owned();
        both.map(Some).map_err(last_line)
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A text of one line.
    #[default]
    Text,
    /// One of the `choices`.
    Choice,
    /// A telephone number.
    Phone,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A calendar date.
    Date,
    /// An http or https address.
    Url,
    /// An e-mail address.
    Email,
}

impl FieldKind {
    /// The word for it in the settings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Choice => "choice",
            Self::Phone => "phone",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Url => "url",
            Self::Email => "email",
        }
    }
}

/// One thing that a `choice` can be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenChoice")]
pub struct Choice {
    /// What requests and answers hold.
    pub value: String,
    /// What people read; the value when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl Choice {
    /// What people read.
    pub fn label(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.value)
    }
}

impl From<&str> for Choice {
    fn from(value: &str) -> Self {
        Self { value: value.into(), label: None }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenChoice {
    Value(String),
    Table(ChoiceTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChoiceTable {
    value: String,
    label: Option<String>,
}

impl From<WrittenChoice> for Choice {
    fn from(written: WrittenChoice) -> Self {
        match written {
            WrittenChoice::Value(value) => Self { value, label: None },
            WrittenChoice::Table(ChoiceTable { value, label }) => Self { value, label },
        }
    }
}

impl JsonSchema for Choice {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Choice".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "object"],
            "properties": { "value": { "type": "string" }, "label": { "type": ["string", "null"] } },
            "required": ["value"],
            "additionalProperties": false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_values_or_tables() {
        let field: FieldSettings =
            serde_json::from_str(r#"{"name": "a", "choices": ["x", {"value": "y", "label": "Y!"}]}"#).unwrap();
        assert_eq!(field.choices.iter().map(Choice::label).collect::<Vec<_>>(), ["x", "Y!"]);
        assert!(field.register && !field.required);
        assert!(serde_json::from_str::<Choice>("1").is_err());
        assert!(serde_json::from_str::<Choice>(r#"{"value": "y", "color": "red"}"#).is_err());
    }

    #[test]
    fn a_pattern_binds_the_whole_text() {
        let field = FieldSettings { pattern: Some("a|b".into()), ..FieldSettings::new("x", FieldKind::Text) };
        let regex = field.regex().unwrap().unwrap();
        assert!(regex.is_match("a") && regex.is_match("b"));
        assert!(!regex.is_match("ab") && !regex.is_match("xb") && !regex.is_match("a\n"));
    }

    #[test]
    fn a_pattern_that_is_broken_or_too_large_is_refused() {
        for pattern in ["(", "a)(b", "(?x) a # b", "\\w{500}{500}"] {
            let field = FieldSettings { pattern: Some(pattern.into()), ..FieldSettings::new("x", FieldKind::Text) };
            assert!(field.regex().is_err(), "{pattern}");
        }
    }
}
