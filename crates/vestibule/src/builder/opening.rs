//! Keys and tables: what must fit before a service opens.

use std::path::{Path, PathBuf};

use crate::accounts::facts;
use crate::accounts::shapes::Shapes;
use crate::accounts::signing::{self, Signing};
use crate::db::{Db, migrate};
use crate::ground::secrets::MasterKey;
use crate::ground::{Clock, Entropy, Error, Secret, key_file};
use crate::settings::Settings;

use super::BuildError;

/// The key from the settings; in development, one that is made beside the database at first. Whoever only looks gets one that is
/// nowhere.
pub(super) fn secret_key(settings: &Settings, looking: bool) -> Result<(Secret, Option<PathBuf>), BuildError> {
    if let Some(key) = &settings.secret_key {
        return Ok((key.clone(), None));
    }
    if settings.production() {
        return Err(BuildError::because("secret_key: is not set"));
    }
    let path = key_path(settings);
    let key = if looking { key_file::read_or_invent(&path) } else { key_file::make_or_read(&path) };
    Ok((key.map_err(BuildError::because)?, Some(path)))
}

/// Beside the database file: `vestibule.db` has its key in `vestibule.key`. For a database elsewhere, in this folder.
fn key_path(settings: &Settings) -> PathBuf {
    match settings.database.url.expose().strip_prefix("sqlite://") {
        Some(file) => Path::new(file).with_extension("key"),
        None => PathBuf::from("vestibule.key"),
    }
}

/// The key that everything secret follows from, if it is the one that this database was made with.
pub(super) async fn master_key(db: &Db, secret: &Secret, looking: bool) -> Result<MasterKey, BuildError> {
    let key = MasterKey::new(secret).map_err(|what| BuildError::because(format!("secret_key: {what}")))?;
    let known = if looking { facts::allows_key(db, &key).await } else { facts::remembers_key(db, &key).await };
    if known.map_err(|error| BuildError::of_database(&error))? {
        return Ok(key);
    }
    Err(BuildError::because(
        "secret_key: is not the key that this database was made with; set the old key again, or use another database",
    ))
}

/// What makes and reads tokens, where anything does. Whoever only looks makes none.
pub(super) async fn signing(
    settings: &Settings,
    db: &Db,
    key: &MasterKey,
    (clock, entropy): (&Clock, &Entropy),
    looking: bool,
) -> Result<Option<Signing>, BuildError> {
    match (signing::is_needed(settings), looking) {
        (false, _) => Ok(None),
        (true, false) => Signing::open(settings, db, key, clock, entropy).await.map(Some).map_err(BuildError::because),
        (true, true) => Signing::examine(settings, db, key).await.map(|()| None).map_err(BuildError::because),
    }
}

/// Brings the tables to the form that this version needs, or says that somebody must.
pub(super) async fn prepare(db: &Db, settings: &Settings, clock: &Clock) -> Result<(), BuildError> {
    let wrong = |error: migrate::MigrateError| BuildError::because(error.to_string());
    if settings.database.migrate {
        return migrate::migrate(db, clock.now()).await.map(|_| ()).map_err(wrong);
    }
    match migrate::pending(db).await.map_err(wrong)?.as_slice() {
        [] => Ok(()),
        pending => Err(BuildError::because(format!(
            "the database lacks {} migration(s) and database.migrate is off; run `vestibule migrate`",
            pending.len()
        ))),
    }
}

/// A unique field that was declared after there were users must be indexed first. Without users there is nothing to index.
pub(super) async fn refuse_unindexed(db: &Db, shapes: &Shapes, looking: bool) -> Result<(), BuildError> {
    let wrong = |error: Error| BuildError::of_database(&error);
    let waiting = facts::fields_to_index(db, &shapes.declared).await.map_err(wrong)?;
    if !waiting.is_empty() && facts::has_users(db).await.map_err(wrong)? {
        return Err(BuildError::because(format!(
            "user.fields: {} became unique after there were users; run `vestibule migrate`, which indexes the old values or lists the duplicates",
            waiting.join(", ")
        )));
    }
    if looking {
        return Ok(());
    }
    facts::index_fields(db, &shapes.declared).await.map(|_| ()).map_err(wrong)
}
