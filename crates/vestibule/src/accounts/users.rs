//! Users: one row each in `auth_users`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::db::{self, Db, FromRow, Row, Tx};
use crate::ground::names::{EmailAddress, Username};
use crate::ground::{Error, Message, Result, Secret, Time};
use crate::params;
use crate::settings::{LoginMethod, Presence, Verification};

use super::Auth;

/// Names one user, for ever. Opaque: no code does arithmetic on it. `pk` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct UserId(i64);

impl UserId {
    /// The number as the database keeps it.
    pub fn as_i64(self) -> i64 {
        self.0
    }

    /// The name of the user that the database knows by this number.
    pub fn from_i64(number: i64) -> Self {
        Self(number)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A user as read from the database. The password is not part of it.
#[derive(Clone, Debug)]
pub struct User {
    /// Names the user.
    pub id: UserId,
    /// Rises when every credential of the user ends at once; see [`raise_epoch`].
    pub epoch: i64,
    /// The name as shown, where accounts have names.
    pub username: Option<String>,
    /// The address as shown and mailed, where accounts have addresses.
    pub email: Option<String>,
    /// Whether the user proved the address.
    pub email_verified: bool,
    /// Empty if unknown.
    pub first_name: String,
    /// Empty if unknown.
    pub last_name: String,
    /// Whether the user may come in.
    pub is_active: bool,
    /// Whether the user may do what only staff may.
    pub is_staff: bool,
    /// The values of the declared fields.
    pub profile: Value,
    /// When the account was made.
    pub created_at: Time,
    /// When the user last came in.
    pub last_login_at: Option<Time>,
    /// The language in which mails are written, if the user chose or showed one.
    pub language: Option<String>,
}

/// The columns of a [`User`], in the order in which [`FromRow`] reads them; `u` is `auth_users`.
macro_rules! user_columns {
    () => {
        "u.id, u.epoch, u.username, u.email, u.email_verified_at, u.first_name, u.last_name, u.is_active, u.is_staff, u.profile, u.created_at, u.last_login_at, u.language"
    };
}
pub(crate) use user_columns;

/// The same after `RETURNING`, where SQLite knows no other name of the table.
macro_rules! returned_user {
    () => {
        "id, epoch, username, email, email_verified_at, first_name, last_name, is_active, is_staff, profile, created_at, last_login_at, language"
    };
}
pub(crate) use returned_user;

impl User {
    /// How many columns `user_columns!` names.
    pub(crate) const COLUMNS: usize = 13;

    /// Reads the user whose columns begin at `first`.
    pub(crate) fn from_row_at(row: &Row<'_>, first: usize) -> db::Result<Self> {
        Ok(Self {
            id: UserId(row.get(first)?),
            epoch: row.get(first + 1)?,
            username: row.get(first + 2)?,
            email: row.get(first + 3)?,
            email_verified: row.get::<Option<i64>>(first + 4)?.is_some(),
            first_name: row.get(first + 5)?,
            last_name: row.get(first + 6)?,
            is_active: row.get(first + 7)?,
            is_staff: row.get(first + 8)?,
            profile: row.get(first + 9)?,
            created_at: Time::from_millis(row.get(first + 10)?),
            last_login_at: row.get::<Option<i64>>(first + 11)?.map(Time::from_millis),
            language: row.get(first + 12)?,
        })
    }
}

impl FromRow for User {
    fn from_row(row: &Row<'_>) -> db::Result<Self> {
        Self::from_row_at(row, 0)
    }
}

/// A user with the stored password, for the places that prove it.
#[derive(Clone)]
pub struct UserWithPassword {
    /// The user.
    pub user: User,
    /// The PHC string; `None` when the user has no usable password.
    pub password: Option<String>,
}

impl FromRow for UserWithPassword {
    fn from_row(row: &Row<'_>) -> db::Result<Self> {
        Ok(Self { user: User::from_row_at(row, 0)?, password: row.get(User::COLUMNS)? })
    }
}

/// What makes a new account.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// The names to try in turn: the one that was chosen, or some made for an account that brought none. Empty where accounts
    /// have no names.
    pub usernames: Vec<Username>,
    /// The address, where accounts have addresses.
    pub email: Option<EmailAddress>,
    /// Whether the address is proven already.
    pub email_verified: bool,
    /// Whether the account holds the address alone although it is not proven: so unless verification is mandatory.
    pub owns_email: bool,
    /// The PHC string of the password; `None` for an account without a usable one. Not the password itself.
    pub password: Option<Secret>,
    /// Empty if unknown.
    pub first_name: String,
    /// Empty if unknown.
    pub last_name: String,
    /// Whether the account may do what only staff may.
    pub is_staff: bool,
    /// The values of the declared fields.
    pub profile: Value,
    /// In which language mails to the account are written; without one, in that of the installation.
    pub language: Option<String>,
    /// What a form of the host's brought for its hooks, an invitation for example. No account keeps it.
    pub extra: Value,
}

/// The user of that number.
///
/// # Errors
/// Those of the database.
pub async fn by_id(db: &Db, id: UserId) -> Result<Option<UserWithPassword>> {
    Ok(db.one(concat!("SELECT ", user_columns!(), ", u.password FROM auth_users u WHERE u.id = $1"), params![id.0]).await?)
}

/// The user of that name, in whatever spelling.
///
/// # Errors
/// Those of the database.
pub async fn by_username(db: &Db, key: &str) -> Result<Option<UserWithPassword>> {
    let sql = concat!("SELECT ", user_columns!(), ", u.password FROM auth_users u WHERE u.username_key = $1");
    Ok(db.one(sql, params![key]).await?)
}

/// The user of that address: the one who proved it, else the oldest account that claims it.
///
/// # Errors
/// Those of the database.
pub async fn by_email(db: &Db, address: &EmailAddress) -> Result<Option<UserWithPassword>> {
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        ", u.password FROM auth_users u WHERE u.email_key = $1 ",
        "ORDER BY u.email_verified_at IS NULL, u.email_owner IS NULL, u.id LIMIT 1"
    );
    Ok(db.one(sql, params![address.key()]).await?)
}

/// The user of a text that may be a name or an address: who proved the address, else who has the name, else who claims the address.
/// So no name, however an account came to it, stands in the way of whoever proved that address.
///
/// # Errors
/// Those of the database.
pub async fn by_username_or_email(db: &Db, key: &str, address: &EmailAddress) -> Result<Option<UserWithPassword>> {
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        ", u.password FROM auth_users u WHERE u.username_key = $1 OR u.email_key = $2 ",
        "ORDER BY CASE WHEN u.email_key = $2 AND u.email_verified_at IS NOT NULL THEN 0 WHEN u.username_key = $1 THEN 1 ELSE 2 END, ",
        "u.email_owner IS NULL, u.id LIMIT 1"
    );
    Ok(db.one(sql, params![key, address.key()]).await?)
}

/// Whether the name is an address other than the account's own. Where one may log in by either, such a name would stand in the
/// way of whoever has that address.
pub fn is_anothers_address(auth: &Auth, name: &Username, own: Option<&str>) -> bool {
    let by_email = auth.settings.account.login_methods.contains(&LoginMethod::Email);
    let own = own.and_then(|own| EmailAddress::parse(own).ok());
    by_email && EmailAddress::parse(name.shown()).is_ok_and(|address| own.as_ref().is_none_or(|own| own.key() != address.key()))
}

/// Whether the name belongs to an account. For an early answer only: [`insert`] decides.
///
/// # Errors
/// Those of the database.
pub async fn username_is_taken(db: &Db, name: &Username) -> Result<bool> {
    let found = db.one::<(i64,)>("SELECT id FROM auth_users WHERE username_key = $1", params![name.key()]).await?;
    Ok(found.is_some())
}

/// Whether an account holds the address alone: proven, or unproven where that is enough. For an early answer only: [`insert`]
/// decides.
///
/// # Errors
/// Those of the database.
pub async fn email_is_owned(db: &Db, address: &EmailAddress, verification: Verification) -> Result<bool> {
    let sql = "SELECT id FROM auth_users WHERE email_owner = $1 AND (email_verified_at IS NOT NULL OR $2)";
    let unproven_counts = verification != Verification::Mandatory;
    Ok(db.one::<(i64,)>(sql, params![address.key(), unproven_counts]).await?.is_some())
}

/// How many names are tried for an account that brought none. The later ones end in random digits.
const MOST_NAMES: usize = 20;

/// Names for an account that brought none, where accounts have names and may do so.
pub fn derived_names(auth: &Auth, address: Option<&EmailAddress>) -> Vec<Username> {
    if auth.settings.account.username != Presence::Optional {
        return Vec::new();
    }
    names_from(auth, &address.map(EmailAddress::local_part).into_iter().collect::<Vec<_>>())
}

/// Names made from the first usable of these, where accounts have names: also where people must choose one, if nobody asked them.
pub fn names_from(auth: &Auth, sources: &[&str]) -> Vec<Username> {
    let account = &auth.settings.account;
    if account.username == Presence::Off {
        return Vec::new();
    }
    Username::candidates(sources, account.username_min_length as usize, &account.username_denylist, &auth.entropy)
        .take(MOST_NAMES)
        .collect()
}

/// Makes an account. The unique indexes on name and address decide who is first (T83).
///
/// # Errors
/// [`Error::Fields`] naming what another account holds already, and those of the database.
pub async fn insert(tx: &Tx, new: &NewUser, now: Time) -> Result<User> {
    if new.usernames.is_empty() {
        return try_insert(tx, new, None, now).await?.ok_or_else(|| Error::field("email", Message::EmailTaken));
    }
    for name in &new.usernames {
        if let Some(user) = try_insert(tx, new, Some(name), now).await? {
            return Ok(user);
        }
        if !name_is_taken(tx, name).await? {
            return Err(Error::field("email", Message::EmailTaken));
        }
    }
    Err(Error::field("username", Message::UsernameTaken))
}

async fn try_insert(tx: &Tx, new: &NewUser, username: Option<&Username>, now: Time) -> Result<Option<User>> {
    let email_key = new.email.as_ref().map(|address| address.key());
    let inserted = tx
        .one::<User>(
            concat!(
                "INSERT INTO auth_users (username, username_key, email, email_key, email_owner, email_verified_at, password, ",
                "first_name, last_name, is_staff, profile, created_at, language) ",
                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, $13) ON CONFLICT DO NOTHING RETURNING ",
                returned_user!()
            ),
            params![
                username.map(|name| name.shown()),
                username.map(|name| name.key()),
                new.email.as_ref().map(|address| address.shown()),
                email_key,
                email_key.filter(|_| new.owns_email || new.email_verified),
                new.email_verified.then(|| now.millis()),
                new.password.as_ref().map(Secret::expose),
                new.first_name.as_str(),
                new.last_name.as_str(),
                new.is_staff,
                &new.profile,
                now.millis(),
                new.language.as_deref()
            ],
        )
        .await?;
    Ok(inserted)
}

async fn name_is_taken(tx: &Tx, name: &Username) -> Result<bool> {
    let found = tx.one::<(i64,)>("SELECT id FROM auth_users WHERE username_key = $1", params![name.key()]).await?;
    Ok(found.is_some())
}

/// Takes the user's row for the rest of the unit, so that whatever else changes this user waits. `None`: no such user, or
/// every credential of that epoch has ended meanwhile.
///
/// # Errors
/// Those of the database.
pub async fn lock(tx: &Tx, id: UserId, epoch: i64) -> Result<Option<User>> {
    let sql = concat!(
        "UPDATE auth_users SET version = version + 1 WHERE id = $1 AND epoch = $2 AND is_active = TRUE RETURNING ",
        returned_user!()
    );
    Ok(tx.one(sql, params![id.0, epoch]).await?)
}

/// Takes the user's row for the rest of the unit whatever state the account is in. `None`: no such user.
///
/// # Errors
/// Those of the database.
pub async fn take(tx: &Tx, id: UserId) -> Result<Option<User>> {
    let sql = concat!("UPDATE auth_users SET version = version + 1 WHERE id = $1 RETURNING ", returned_user!());
    Ok(tx.one(sql, params![id.0]).await?)
}

/// Raises the user's epoch: every session and one-time token of before is dead at once, in every process, and so is a change of
/// address that was not confirmed yet (T18). The new epoch; `None`: no such user, or somebody else raised it first.
///
/// # Errors
/// Those of the database.
pub async fn raise_epoch(tx: &Tx, id: UserId, epoch: i64) -> Result<Option<i64>> {
    let sql = concat!(
        "UPDATE auth_users SET version = version + 1, epoch = epoch + 1, new_email = NULL, new_email_key = NULL ",
        "WHERE id = $1 AND epoch = $2 AND is_active = TRUE RETURNING epoch"
    );
    Ok(tx.one::<(i64,)>(sql, params![id.0, epoch]).await?.map(|(epoch,)| epoch))
}

/// Notes when the user came in, in a unit that holds the user's row.
///
/// # Errors
/// Those of the database.
pub async fn came_in(tx: &Tx, id: UserId, now: Time) -> Result<()> {
    tx.run("UPDATE auth_users SET last_login_at = $2 WHERE id = $1", params![id.0, now.millis()]).await?;
    Ok(())
}

/// Stores a password, in a unit that holds the user's row.
///
/// # Errors
/// Those of the database.
pub async fn set_password(tx: &Tx, id: UserId, phc: &str) -> Result<()> {
    tx.run("UPDATE auth_users SET password = $2 WHERE id = $1", params![id.0, phc]).await?;
    Ok(())
}

/// Replaces a stored hash by one of the same password with current parameters, unless it changed meanwhile (T05).
///
/// # Errors
/// Those of the database.
pub async fn rehash(tx: &Tx, id: UserId, old: &str, new: &str) -> Result<bool> {
    Ok(tx.run("UPDATE auth_users SET password = $3 WHERE id = $1 AND password = $2", params![id.0, old, new]).await? == 1)
}

/// Writes what a user may edit, in a unit that holds the user's row.
///
/// # Errors
/// [`Error::Fields`] when another account has the name, and those of the database.
pub async fn update(tx: &Tx, user: &User, username: Option<&Username>) -> Result<()> {
    let key = username.map(|name| name.key());
    let done = tx
        .run(
            concat!(
                "UPDATE auth_users SET username = COALESCE($2, username), username_key = COALESCE($3, username_key), ",
                "first_name = $4, last_name = $5, profile = $6::jsonb WHERE id = $1 ",
                "AND NOT EXISTS (SELECT 1 FROM auth_users o WHERE o.username_key = $3 AND o.id <> $1)"
            ),
            params![
                user.id.0,
                username.map(|name| name.shown()),
                key,
                user.first_name.as_str(),
                user.last_name.as_str(),
                &user.profile
            ],
        )
        .await
        .map_err(|error| match error {
            // Two at once, and the index decided.
            db::Error::Unique(_) => Error::field("username", Message::UsernameTaken),
            other => other.into(),
        })?;
    if done == 1 { Ok(()) } else { Err(Error::field("username", Message::UsernameTaken)) }
}
