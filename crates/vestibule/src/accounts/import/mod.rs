//! Accounts that come from another system with their numbers, hashes and dates, so that people notice nothing: the numbers are in
//! the tokens that they hold, the hashes are those of their passwords.
//!
//! An import may be repeated: what is there already is left as it is. No account that is made here gets a number that stands for
//! somebody there, also for somebody who was refused.

mod record;

use serde_json::json;

use crate::db::Tx;
use crate::ground::names::{EmailAddress, Username};
use crate::ground::{Error, FieldErrors, Message, Result, Time};
use crate::params;
use crate::settings::Verification;

use super::audit::Event;
use super::passwords;
use super::{Auth, Client, UserId, admin, unique};

use record::NUMBERS;
pub use record::{Line, Record};

/// What came of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// It is there now.
    New,
    /// It is there now, and its owner must choose a new password: the old one is kept in a form that cannot be checked.
    WithoutPassword,
    /// It was there before, and was left as it is.
    Known,
    /// It is not there; why.
    Refused(String),
}

/// An account that is fit to be stored.
#[derive(Clone)]
struct Fit {
    record: Record,
    username: Option<Username>,
    email: Option<EmailAddress>,
    profile: serde_json::Value,
    password: Option<crate::ground::Secret>,
    came: Came,
}

/// Brings accounts in, as many as fit into one unit; what came of each, in order.
///
/// # Errors
/// Those of the database. What is wrong with one account is told of that one and keeps no other out.
pub async fn import(auth: &Auth, records: Vec<Record>) -> Result<Vec<Came>> {
    let numbers = records.iter().map(|record| record.id).filter(|id| NUMBERS.contains(id));
    reserve(auth, numbers.max().unwrap_or_default()).await?;
    let read: Vec<Result<Fit, Came>> = records.into_iter().map(|record| fit(auth, record)).collect();
    let fits: Vec<Fit> = read.iter().filter_map(|read| read.as_ref().ok().cloned()).collect();
    let mut stored = match store(auth, fits.clone()).await {
        Ok(stored) => stored,
        // One of them holds a value that must be unique; the others need not suffer.
        Err(Error::Fields(_)) => one_by_one(auth, fits).await?,
        Err(other) => return Err(other),
    }
    .into_iter();
    let each = read.into_iter().map(|read| match read {
        Ok(_) => stored.next().unwrap_or(Came::Refused("was not stored".into())),
        Err(refused) => refused,
    });
    Ok(each.collect())
}

/// Sees to it that accounts which are made here get greater numbers than this one. Nothing for one that no account can have.
///
/// # Errors
/// Those of the database.
pub async fn reserve(auth: &Auth, number: i64) -> Result<()> {
    if !NUMBERS.contains(&number) {
        return Ok(());
    }
    let shared = auth.db.is_shared();
    let work = move |tx: Tx| async move {
        if shared {
            // Nobody may be given a number between what is read and what is set.
            tx.run("LOCK TABLE auth_users IN SHARE ROW EXCLUSIVE MODE", params![]).await?;
            let sql = "SELECT setval('auth_users_id_seq', GREATEST($1::bigint, (SELECT last_value FROM auth_users_id_seq)))";
            tx.one::<(i64,)>(sql, params![number]).await?;
        } else {
            tx.run("UPDATE sqlite_sequence SET seq = $1 WHERE name = 'auth_users' AND seq < $1", params![number]).await?;
            let sql = concat!(
                "INSERT INTO sqlite_sequence (name, seq) SELECT 'auth_users', $1 ",
                "WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'auth_users')"
            );
            tx.run(sql, params![number]).await?;
        }
        Ok(())
    };
    auth.db.unit(work).await
}

async fn one_by_one(auth: &Auth, fits: Vec<Fit>) -> Result<Vec<Came>> {
    let mut all = Vec::with_capacity(fits.len());
    for fit in fits {
        match store(auth, vec![fit]).await {
            Ok(one) => all.extend(one),
            Err(Error::Fields(wrong)) => all.push(Came::Refused(told(&wrong))),
            Err(other) => return Err(other),
        }
    }
    Ok(all)
}

fn fit(auth: &Auth, record: Record) -> Result<Fit, Came> {
    if !NUMBERS.contains(&record.id) {
        return Err(Came::Refused("pk: no account can have this number".into()));
    }
    let mut errors = FieldErrors::default();
    let username = admin::username(auth, record.username.as_deref(), &mut errors);
    let email = admin::email(auth, record.email.as_deref(), &mut errors);
    let profile = admin::profile(auth, &record.profile, &mut errors);
    for (field, name) in [("first_name", &record.first_name), ("last_name", &record.last_name)] {
        // PostgreSQL stores none, and would refuse the accounts beside this one too.
        if name.contains('\0') {
            errors.add(field, Message::NullCharacters);
        }
    }
    if let Err(Error::Fields(wrong)) = errors.into_result() {
        return Err(Came::Refused(told(&wrong)));
    }
    let kept = record.password.as_ref().filter(|stored| is_fit(stored.expose()));
    let lost = kept.is_none() && record.password.as_ref().is_some_and(|stored| !passwords::is_unusable(stored.expose()));
    let came = if lost { Came::WithoutPassword } else { Came::New };
    Ok(Fit { username, email, profile, password: kept.cloned(), came, record })
}

/// Whether a stored password can be stored here and checked.
fn is_fit(stored: &str) -> bool {
    !stored.contains('\0') && passwords::can_be_checked(stored)
}

fn told(wrong: &FieldErrors) -> String {
    let sentences =
        wrong.iter().flat_map(|(field, messages)| messages.iter().map(move |message| format!("{field}: {}", message.text())));
    sentences.collect::<Vec<_>>().join(" ")
}

async fn store(auth: &Auth, fits: Vec<Fit>) -> Result<Vec<Came>> {
    let (floor, now) = (auth.clone(), auth.clock.now());
    auth.db
        .unit(move |tx| async move {
            let mut all = Vec::with_capacity(fits.len());
            for fit in &fits {
                all.push(insert(&floor, &tx, fit, now).await?);
            }
            Ok(all)
        })
        .await
}

async fn insert(auth: &Auth, tx: &Tx, fit: &Fit, now: Time) -> Result<Came> {
    let (record, address) = (&fit.record, fit.email.as_ref());
    let verified = address.filter(|_| record.email_verified);
    let owner = if auth.settings.account.email_verification == Verification::Mandatory { verified } else { address };
    let sql = concat!(
        "INSERT INTO auth_users (id, username, username_key, email, email_key, email_owner, email_verified_at, password, first_name, ",
        "last_name, is_active, is_staff, profile, created_at, last_login_at, made_elsewhere_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::jsonb, $14, $15, $16) ON CONFLICT DO NOTHING RETURNING id"
    );
    let made = tx
        .one::<(i64,)>(
            sql,
            params![
                record.id,
                fit.username.as_ref().map(Username::shown),
                fit.username.as_ref().map(Username::key),
                address.map(EmailAddress::shown),
                address.map(EmailAddress::key),
                owner.map(EmailAddress::key),
                verified.map(|_| now.millis()),
                fit.password.as_ref().map(|stored| stored.expose()),
                record.first_name.as_str(),
                record.last_name.as_str(),
                record.is_active,
                record.is_staff,
                &fit.profile,
                record.created_at.unwrap_or(now).millis(),
                record.last_login_at.map(Time::millis),
                record.created_at.map_or(0, Time::millis)
            ],
        )
        .await?;
    if made.is_none() {
        return who_is_there(tx, fit).await;
    }
    let id = UserId::from_i64(record.id);
    unique::claim(tx, &auth.shapes.declared, id, &json!({}), &fit.profile).await?;
    Event::about(id, "user.imported").record(tx, now, &Client::command_line()).await?;
    Ok(fit.came.clone())
}

/// Whether the account itself is in its own way, or another.
async fn who_is_there(tx: &Tx, fit: &Fit) -> Result<Came> {
    let sql = "SELECT COALESCE(username_key, ''), COALESCE(email_key, '') FROM auth_users WHERE id = $1";
    let mine = (
        fit.username.as_ref().map(Username::key).unwrap_or_default().to_owned(),
        fit.email.as_ref().map(EmailAddress::key).unwrap_or_default().to_owned(),
    );
    Ok(match tx.one::<(String, String)>(sql, params![fit.record.id]).await? {
        Some(there) if there == mine => Came::Known,
        Some(_) => Came::Refused("another account has this number".into()),
        None => Came::Refused("another account has this user name or address".into()),
    })
}
