//! What the database knows of the installation that it belongs to: which secret key, and which declared fields are unique.

use serde_json::Value;

use crate::db::{Db, Tx};
use crate::forms::Declared;
use crate::ground::secrets::MasterKey;
use crate::ground::{Error, Result};
use crate::params;

use super::{UserId, unique};

/// How many users one unit of indexing looks at.
const BATCH: i64 = 500;

/// Whether this is the key that the database was made with; a new database remembers it. Another key would leave every secret
/// that is derived from the old one unreadable, so it must not start at all.
///
/// # Errors
/// Those of the database.
pub async fn remembers_key(db: &Db, key: &MasterKey) -> Result<bool> {
    let fingerprint = key.fingerprint()?;
    let mine = fingerprint.clone();
    let stored = db
        .unit(move |tx| async move {
            let sql = "INSERT INTO auth_facts (name, value) VALUES ('secret_key', $1) ON CONFLICT DO NOTHING RETURNING value";
            Ok::<_, Error>(tx.one::<(String,)>(sql, params![mine.as_str()]).await?)
        })
        .await?;
    let stored = match stored {
        Some(stored) => Some(stored),
        None => db.one::<(String,)>("SELECT value FROM auth_facts WHERE name = 'secret_key'", params![]).await?,
    };
    Ok(stored.is_some_and(|(stored,)| stored == fingerprint))
}

/// Whether the database was made with this key, or with none yet. Writes nothing.
///
/// # Errors
/// Those of the database.
pub async fn allows_key(db: &Db, key: &MasterKey) -> Result<bool> {
    let fingerprint = key.fingerprint()?;
    let stored = db.one::<(String,)>("SELECT value FROM auth_facts WHERE name = 'secret_key'", params![]).await?;
    Ok(stored.is_none_or(|(stored,)| stored == fingerprint))
}

/// The declared unique fields whose old values are not indexed yet. They must be before anybody writes (T83).
///
/// # Errors
/// Those of the database.
pub async fn fields_to_index(db: &Db, declared: &[Declared]) -> Result<Vec<String>> {
    let indexed = indexed(db).await?;
    let unique = declared.iter().filter(|field| field.unique).map(|field| field.field.name.clone());
    Ok(unique.filter(|name| !indexed.contains(name)).collect())
}

async fn indexed(db: &Db) -> Result<Vec<String>> {
    let rows = db.all::<(String,)>("SELECT name FROM auth_facts WHERE name LIKE 'unique:%'", params![]).await?;
    Ok(rows.into_iter().filter_map(|(name,)| name.strip_prefix("unique:").map(str::to_owned)).collect())
}

/// A value that two users have in a field that is to be unique: which field, and which two.
pub type Duplicate = (String, UserId, UserId);

/// Indexes the old values of fields that were declared unique after there were users, in batches, and forgets fields that are
/// unique no more. Safe to run again. The duplicates that stand in the way, if any: those fields stay unindexed.
///
/// # Errors
/// Those of the database.
pub async fn index_fields(db: &Db, declared: &[Declared]) -> Result<Vec<Duplicate>> {
    for name in
        indexed(db).await?.into_iter().filter(|name| !declared.iter().any(|field| field.unique && field.field.name == *name))
    {
        forget(db, name).await?;
    }
    let mut duplicates = Vec::new();
    for name in fields_to_index(db, declared).await? {
        if let Some(field) = declared.iter().find(|field| field.field.name == name) {
            duplicates.extend(index(db, field).await?);
        }
    }
    Ok(duplicates)
}

async fn forget(db: &Db, field: String) -> Result<()> {
    db.unit(move |tx| async move {
        tx.run("DELETE FROM auth_unique_values WHERE field = $1", params![field.as_str()]).await?;
        tx.run("DELETE FROM auth_facts WHERE name = $1", params![format!("unique:{field}").as_str()]).await?;
        Ok::<_, Error>(())
    })
    .await
}

async fn index(db: &Db, field: &Declared) -> Result<Vec<Duplicate>> {
    let (mut duplicates, mut after) = (Vec::new(), 0);
    loop {
        let sql = "SELECT id, profile FROM auth_users WHERE id > $1 ORDER BY id LIMIT $2";
        let rows = db.all::<(i64, Value)>(sql, params![after, BATCH]).await?;
        let Some((last, _)) = rows.last() else { break };
        after = *last;
        let field = field.clone();
        duplicates.extend(db.unit(move |tx| async move { index_batch(&tx, &field, rows).await }).await?);
    }
    if duplicates.is_empty() {
        let name = format!("unique:{}", field.field.name);
        db.unit(move |tx| async move {
            let sql = "INSERT INTO auth_facts (name, value) VALUES ($1, 'indexed') ON CONFLICT DO NOTHING";
            tx.run(sql, params![name.as_str()]).await?;
            Ok::<_, Error>(())
        })
        .await?;
    }
    Ok(duplicates)
}

async fn index_batch(tx: &Tx, field: &Declared, rows: Vec<(i64, Value)>) -> Result<Vec<Duplicate>> {
    let name = field.field.name.as_str();
    let mut duplicates = Vec::new();
    for (id, profile) in rows {
        let user = UserId::from_i64(id);
        let Some(key) = field.unique_key(&profile[name]) else { continue };
        if unique::insert(tx, name, &key, user).await? {
            continue;
        }
        let sql = "SELECT user_id FROM auth_unique_values WHERE field = $1 AND value_key = $2";
        match tx.one::<(i64,)>(sql, params![name, key.as_str()]).await? {
            Some((first,)) if first != id => duplicates.push((name.to_owned(), UserId::from_i64(first), user)),
            _ => {}
        }
    }
    Ok(duplicates)
}

/// Whether the database takes units: it can be reached, and nobody keeps it from being written (T87).
pub async fn answers(db: &Db) -> bool {
    db.unit(|tx| async move { tx.one::<(i64,)>("SELECT CAST(1 AS BIGINT)", params![]).await }).await.is_ok()
}

/// Whether there is any account.
///
/// # Errors
/// Those of the database.
pub async fn has_users(db: &Db) -> Result<bool> {
    Ok(db.one::<(i64,)>("SELECT id FROM auth_users LIMIT 1", params![]).await?.is_some())
}
