//! Declared fields whose values are unique: a side table with an index decides, never a look-up before a write.

use serde_json::Value;

use crate::db::{Db, Tx};
use crate::forms::Declared;
use crate::ground::{FieldErrors, Message, Result};
use crate::params;

use super::UserId;

/// Claims the unique values of a profile for a user, giving up those of before. In the unit that writes the profile.
///
/// # Errors
/// [`crate::ground::Error::Fields`] naming every field whose value another user has, and those of the database.
pub async fn claim(tx: &Tx, fields: &[Declared], user: UserId, before: &Value, after: &Value) -> Result<()> {
    let mut taken = FieldErrors::default();
    for field in fields.iter().filter(|field| field.unique) {
        let name = field.field.name.as_str();
        let (old, new) = (field.unique_key(&before[name]), field.unique_key(&after[name]));
        if old == new {
            continue;
        }
        if old.is_some() {
            tx.run("DELETE FROM auth_unique_values WHERE field = $1 AND user_id = $2", params![name, user.as_i64()]).await?;
        }
        if let Some(key) = new
            && !insert(tx, name, &key, user).await?
        {
            taken.add(name, Message::NotUnique);
        }
    }
    taken.into_result()
}

/// Whether a user has this value of that field. For an early answer only: [`claim`] decides.
///
/// # Errors
/// Those of the database.
pub async fn is_taken(db: &Db, field: &Declared, value: &Value) -> Result<bool> {
    Ok(owner(db, field, value).await?.is_some())
}

/// As [`is_taken`], by somebody other than this user.
///
/// # Errors
/// Those of the database.
pub async fn is_anothers(db: &Db, field: &Declared, value: &Value, user: UserId) -> Result<bool> {
    Ok(owner(db, field, value).await?.is_some_and(|owner| owner != user))
}

async fn owner(db: &Db, field: &Declared, value: &Value) -> Result<Option<UserId>> {
    let Some(key) = field.unique_key(value).filter(|_| field.unique) else { return Ok(None) };
    let sql = "SELECT user_id FROM auth_unique_values WHERE field = $1 AND value_key = $2";
    let found = db.one::<(i64,)>(sql, params![field.field.name.as_str(), key.as_str()]).await?;
    Ok(found.map(|(owner,)| UserId::from_i64(owner)))
}

/// Claims one value. Whether the user has it now.
pub(super) async fn insert(tx: &Tx, field: &str, key: &str, user: UserId) -> Result<bool> {
    let sql =
        "INSERT INTO auth_unique_values (field, value_key, user_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING user_id";
    Ok(tx.one::<(i64,)>(sql, params![field, key, user.as_i64()]).await?.is_some())
}
