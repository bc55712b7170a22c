//! Values that fitted once: what accounts hold although their fields were declared otherwise since. They stay as they are and are
//! shown; whoever edits such a field must bring a value that fits.

use serde_json::Value;

use crate::forms::{self, Values};
use crate::ground::{FieldErrors, Message, Result};
use crate::params;

use super::{Auth, UserId};

/// How many accounts are read at once.
const BATCH: i64 = 500;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Misfits {
    /// How many values do not fit.
    pub count: u64,
    /// The first of them.
    pub first: Vec<Misfit>,
}

/// A value that does not fit its field. The value itself is not repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Whose it is.
    pub user: UserId,
    /// The field.
    pub field: String,
    /// Why it does not fit.
    pub message: Message,
}

/// Looks at the values of all accounts, a batch at a time, and tells at most `most` of those that do not fit.
///
/// # Errors
/// Those of the database.
pub async fn find(auth: &Auth, most: usize) -> Result<Misfits> {
    let mut found = Misfits::default();
    let mut after = 0;
    loop {
        let sql = "SELECT id, profile FROM auth_users WHERE id > $1 ORDER BY id LIMIT $2";
        let rows = auth.db.all::<(i64, Value)>(sql, params![after, BATCH]).await?;
        let Some((last, _)) = rows.last() else { return Ok(found) };
        after = *last;
        for (id, profile) in rows {
            for (field, messages) in wrong(auth, &profile).iter() {
                found.count += 1;
                if let Some(message) = messages.first().filter(|_| found.first.len() < most) {
                    let (user, field) = (UserId::from_i64(id), field.to_owned());
                    found.first.push(Misfit { user, field, message: without_value(message) });
                }
            }
        }
    }
}

/// The one message that repeats what it is about.
fn without_value(message: &Message) -> Message {
    match message {
        Message::NotAChoice(_) => Message::NotAChoice("…".to_owned()),
        other => other.clone(),
    }
}

fn wrong(auth: &Auth, profile: &Value) -> FieldErrors {
    let (mut values, mut errors) = (Values::default(), FieldErrors::default());
    for declared in &auth.shapes.declared {
        let name = declared.field.name.as_str();
        let value = match &profile[name] {
            Value::Null => continue,
            Value::String(text) if text.is_empty() => continue,
            Value::String(text) => forms::Value::Text(text.clone()),
            Value::Bool(truth) => forms::Value::Bool(*truth),
            Value::Number(number) => forms::Value::Number(number.to_string()),
            other @ Value::Array(_) => forms::Value::List(other.to_string()),
            other @ Value::Object(_) => forms::Value::Dict(other.to_string()),
        };
        match declared.field.read(&value) {
            Ok(datum) => values.set(name, datum),
            Err(messages) => messages.into_iter().for_each(|message| errors.add(name, message)),
        }
    }
    auth.shapes.check(&values, &mut errors);
    errors
}
