//! What can go wrong, for whoever has to hear of it.
//!
//! A client gets a field and a stable code; causes of our own faults go to the log and never to a client (T79).

use std::collections::BTreeMap;
use std::time::Duration;

use super::language::Language;
use super::message::Message;

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The member that carries what belongs to no single field.
pub const NON_FIELD: &str = "non_field_errors";

/// Why a request is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Members of the body are not as they must be: 400.
    Fields(FieldErrors),
    /// The request as a whole is not as it must be; the status is one of 400, 401, 403, 404, 405, 406, 413
    /// or 415; 401 where it is the body or a cookie that does not count, and not whoever asks.
    Refused(u16, Message),
    /// The credential is missing or does not count: 401.
    Unauthenticated(Message),
    /// Too many tries: 429, and when to come back.
    Limited(Duration),
    /// The database or the hashing queue cannot serve now: 503, and when to come back.
    Unavailable(Duration),
    /// Our own fault: 500. The text is for the log alone.
    Internal(String),
}

impl Error {
    /// One message about one field.
    pub fn field(name: impl Into<String>, message: Message) -> Self {
        let mut errors = FieldErrors::default();
        errors.add(name, message);
        Self::Fields(errors)
    }

    /// One message about no single field.
    pub fn non_field(message: Message) -> Self {
        Self::field(NON_FIELD, message)
    }

    /// Our own fault, in words for the log.
    pub fn internal(why: impl Into<String>) -> Self {
        Self::Internal(why.into())
    }
}

impl From<FieldErrors> for Error {
    fn from(errors: FieldErrors) -> Self {
        Self::Fields(errors)
    }
}

/// A host's own sentence at a field: `("invite", "This invitation is not known.")`.
impl From<(&str, &str)> for Error {
    fn from((field, sentence): (&str, &str)) -> Self {
        Self::field(field, Message::own(sentence))
    }
}

/// Messages by field, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(String, Vec<Message>)>);

impl FieldErrors {
    /// Adds a message to a field.
    pub fn add(&mut self, field: impl Into<String>, message: Message) {
        let field = field.into();
        match self.0.iter_mut().find(|(name, _)| *name == field) {
            Some((_, messages)) => messages.push(message),
            None => self.0.push((field, vec![message])),
        }
    }

    /// Adds all of another's messages.
    pub fn merge(&mut self, other: Self) {
        for (field, messages) in other.0 {
            messages.into_iter().for_each(|message| self.add(field.as_str(), message));
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether anything is wrong with this field.
    pub fn has(&self, field: &str) -> bool {
        self.0.iter().any(|(name, _)| name == field)
    }

    /// What is wrong with each field, in words for people.
    pub fn sentences(&self, language: &Language) -> BTreeMap<&str, Vec<String>> {
        let said = |messages: &[Message]| messages.iter().map(|message| message.in_language(language).into_owned()).collect();
        self.iter().map(|(field, messages)| (field, said(messages))).collect()
    }

    /// The fields with their messages.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Message])> {
        self.0.iter().map(|(name, messages)| (name.as_str(), messages.as_slice()))
    }

    /// Nothing if nothing is wrong, else [`Error::Fields`].
    ///
    /// # Errors
    /// The messages, if there are any.
    pub fn into_result(self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(Error::Fields(self)) }
    }
}
