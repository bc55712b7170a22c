//! One field of a form.

use regex::Regex;

use crate::ground::Message;
use crate::ground::names::{EmailAddress, Username};

use super::input::Value;
use super::kinds;
use super::values::Datum;

/// One field: what it is called, what it holds, who may write it.
#[derive(Clone, Debug)]
pub struct Field {
    /// The member's name on the wire.
    pub name: String,
    /// What people read before it.
    pub label: String,
    /// A sentence of help, if there is one.
    pub help: Option<String>,
    /// What it holds.
    pub kind: Kind,
    /// Whether a whole form must have it.
    pub required: bool,
    /// Whether it is shown and never written.
    pub read_only: bool,
    /// Whether an empty text is a value. Where the field is also [`Field::nullable`], an empty text clears it.
    pub blank: bool,
    /// Whether `null` clears it.
    pub nullable: bool,
    /// The fewest characters of a text.
    pub min_length: Option<usize>,
    /// The most characters of a text.
    pub max_length: Option<usize>,
    /// The least number.
    pub minimum: Option<i64>,
    /// The greatest number.
    pub maximum: Option<i64>,
    /// How a host's own answer shows it, as JSON Schema; without one, as the kind says.
    pub shown: Option<Box<serde_json::Value>>,
    /// What a text must match, anchored at both ends. The engine is linear in the text, so no pattern can stall the server.
    pub pattern: Option<Regex>,
    /// A value as the field may hold, for whoever reads about it; guessed from the kind where there is none.
    pub like: Option<String>,
}

/// What a field holds.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A text of one line, without white space around it.
    Text,
    /// A user name in its canonical form, with the fewest characters and the names that nobody may have.
    Username(usize, Vec<String>),
    /// An e-mail address in its canonical form.
    Email,
    /// A password: bytes as sent, never shown.
    Password,
    /// A telephone number: digits, with a plus before them if it is international.
    Phone,
    /// One of these.
    Choice(Vec<Choice>),
    /// A whole number of 64 bits.
    Integer,
    /// True or false.
    Boolean,
    /// A calendar date, `YYYY-MM-DD`.
    Date,
    /// An http or https address.
    Url,
    /// Whatever a host's own answer shows; see [`Field::shown`]. Never written.
    Shown,
}

/// One of the values that a choice offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The value on the wire.
    pub value: String,
    /// What people read.
    pub label: String,
}

impl Field {
    /// A required field of that kind, labelled with its name in words.
    pub fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            label: words(name),
            help: None,
            kind,
            required: true,
            read_only: false,
            blank: false,
            nullable: false,
            min_length: None,
            max_length: None,
            shown: None,
            minimum: None,
            maximum: None,
            pattern: None,
            like: None,
        }
    }

    /// The same field, which need not be there.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// The same field, which is shown and never written.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.required = false;
        self.read_only = true;
        self
    }

    /// The same field, where an empty text is a value.
    #[must_use]
    pub fn blank(mut self) -> Self {
        self.blank = true;
        self
    }

    /// The same field, with at most that many characters.
    #[must_use]
    pub fn at_most(mut self, characters: usize) -> Self {
        self.max_length = Some(characters);
        self
    }

    /// The same field, with that label.
    #[must_use]
    pub fn labelled(mut self, label: &str) -> Self {
        label.clone_into(&mut self.label);
        self
    }

    /// The same field, with help for whoever fills it in.
    #[must_use]
    pub fn helped(mut self, help: &str) -> Self {
        self.help = Some(help.to_owned());
        self
    }

    /// The same field, with an example of what it holds.
    #[must_use]
    pub fn like(mut self, example: &str) -> Self {
        self.like = Some(example.to_owned());
        self
    }

    /// Reads one member.
    ///
    /// # Errors
    /// What is wrong with it, all at once.
    pub fn read(&self, value: &Value) -> Result<Datum, Vec<Message>> {
        if *value == Value::Null {
            return if self.nullable { Ok(Datum::Null) } else { Err(vec![Message::Null]) };
        }
        match &self.kind {
            Kind::Password => kinds::password(value).map(Datum::Secret),
            Kind::Email => self.email(value),
            Kind::Choice(choices) => self.choice(value, choices),
            Kind::Boolean if !self.clears(value) => kinds::boolean(value).map(Datum::Boolean),
            Kind::Integer if !self.clears(value) => self.integer(value),
            _ => self.text(value),
        }
    }

    fn integer(&self, value: &Value) -> Result<Datum, Vec<Message>> {
        let number = kinds::integer(value)?;
        match (self.maximum, self.minimum) {
            (Some(max), _) if number > max => Err(vec![Message::TooGreat(max.to_string())]),
            (_, Some(min)) if number < min => Err(vec![Message::TooSmall(min.to_string())]),
            _ => Ok(Datum::Integer(number)),
        }
    }

    fn clears(&self, value: &Value) -> bool {
        self.nullable && matches!(value, Value::Text(text) if text.trim().is_empty())
    }

    fn text(&self, value: &Value) -> Result<Datum, Vec<Message>> {
        let text = kinds::text(value)?;
        let text = text.trim();
        if text.is_empty() {
            return self.empty();
        }
        if let Kind::Username(min, denied) = &self.kind {
            return Username::parse(text, *min, denied).map(Datum::Username);
        }
        kinds::printable(text)?;
        let canonical = match &self.kind {
            Kind::Phone => kinds::phone(text)?,
            Kind::Date => kinds::date(text)?,
            Kind::Url => kinds::url(text)?,
            _ => text.to_owned(),
        };
        self.bounds(&canonical)?;
        Ok(Datum::Text(canonical))
    }

    fn empty(&self) -> Result<Datum, Vec<Message>> {
        match (self.nullable, self.blank) {
            (true, _) => Ok(Datum::Null),
            (false, true) => Ok(Datum::Text(String::new())),
            (false, false) => Err(vec![Message::Blank]),
        }
    }

    fn bounds(&self, text: &str) -> Result<(), Vec<Message>> {
        let length = text.chars().count();
        let mut wrong = Vec::new();
        if let Some(max) = self.max_length.filter(|max| length > *max) {
            wrong.push(Message::TooLong(max));
        }
        if let Some(min) = self.min_length.filter(|min| length < *min) {
            wrong.push(Message::TooShort(min));
        }
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(text)) {
            wrong.push(Message::NoMatch);
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn email(&self, value: &Value) -> Result<Datum, Vec<Message>> {
        let text = match value {
            Value::List(_) | Value::Dict(_) | Value::Bool(_) | Value::File => return Err(vec![Message::InvalidEmail]),
            other => kinds::text(other).map_err(|mut wrong| {
                // The reference says both.
                wrong.push(Message::InvalidEmail);
                wrong
            })?,
        };
        let text = text.trim();
        if text.is_empty() {
            return self.empty();
        }
        let address = EmailAddress::parse(text).map_err(|wrong| vec![wrong])?;
        self.bounds(address.shown())?;
        Ok(Datum::Email(address))
    }

    fn choice(&self, value: &Value, choices: &[Choice]) -> Result<Datum, Vec<Message>> {
        let text = kinds::choice_text(value)?;
        if text.is_empty() && (self.nullable || self.blank) {
            return self.empty();
        }
        match choices.iter().find(|choice| choice.value == text) {
            Some(choice) => Ok(Datum::Text(choice.value.clone())),
            None => Err(vec![Message::NotAChoice(text)]),
        }
    }
}

/// `phone_number` → `Phone number`.
fn words(name: &str) -> String {
    let text = name.replace('_', " ");
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => text,
    }
}
