//! One-time tokens: what a mailed link or code may do, once.
//!
//! A token has 192 random bits and is kept as its hash; its code is short, so it is kept as a keyed hash and dies after a few
//! tries. Both count only while they carry their user's epoch, and consuming one is one guarded statement (T16).

use aws_lc_rs::hmac;

use crate::db::{self, Db, FromRow, Row, Tx};
use crate::ground::secrets::Digest;
use crate::ground::{Error, Result, Secret, Time};
use crate::params;

use super::users::User;
use super::{Auth, UserId};

/// What a token is for. One never stands for another (T35).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Proving the address of an account.
    VerifyEmail,
    /// Setting a new password.
    ResetPassword,
    /// Proving the address that an account is to be changed to.
    ChangeEmail,
}

impl Purpose {
    /// The word that the database uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
        }
    }
}

/// A fresh token and its code. They exist only here, in the mail, and as hashes.
pub struct Issued {
    /// The token that a link carries.
    pub token: Secret,
    /// The code that a person types, as it is shown.
    pub code: Secret,
    /// When the token expires.
    pub expires_at: Time,
}

/// Whose token it is, and which address it proves.
#[derive(Clone, Debug)]
pub struct Held {
    /// The user.
    pub user: UserId,
    /// The user's epoch when the token was made, which is still the present one.
    pub epoch: i64,
    /// The address that the token was mailed to, in its canonical form.
    pub email_key: String,
}

impl FromRow for Held {
    fn from_row(row: &Row<'_>) -> db::Result<Self> {
        Ok(Self { user: UserId::from_i64(row.get(0)?), epoch: row.get(1)?, email_key: row.get(2)? })
    }
}

/// The letters of a code: consonants, so that no word comes out.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// How many letters a code has: about 34 bits.
const CODE_LENGTH: usize = 8;

/// Makes a token for an address of a user.
///
/// # Errors
/// Those of the database and of the randomness.
pub async fn issue(auth: &Auth, tx: &Tx, purpose: Purpose, user: &User, address: (&str, &str)) -> Result<Issued> {
    let now = auth.clock.now();
    let token = hex::encode(auth.entropy.bytes::<24>()?);
    let code = code(auth)?;
    let settings = &auth.settings;
    let ttl = match purpose {
        Purpose::VerifyEmail | Purpose::ChangeEmail => settings.email.verification_ttl,
        Purpose::ResetPassword => settings.password.reset_ttl,
    };
    let expires_at = now.plus(ttl.duration());
    tx.run(
        concat!(
            "INSERT INTO auth_tokens (hash, purpose, user_id, epoch, email, email_key, code_hash, code_expires_at, created_at, expires_at) ",
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ),
        params![
            &Digest::of(token.as_bytes()),
            purpose.as_str(),
            user.id.as_i64(),
            user.epoch,
            address.0,
            address.1,
            code_hash(auth, purpose, address.1, &code).as_slice(),
            now.plus(settings.email.code_ttl.duration()),
            now,
            expires_at
        ],
    )
    .await?;
    let shown = format!("{}-{}", &code[..CODE_LENGTH / 2], &code[CODE_LENGTH / 2..]);
    Ok(Issued { token: token.into(), code: shown.into(), expires_at })
}

/// Letters drawn without bias.
fn code(auth: &Auth) -> Result<String> {
    let mut letters = String::with_capacity(CODE_LENGTH);
    while letters.len() < CODE_LENGTH {
        for byte in auth.entropy.bytes::<16>()? {
            // 240 is the greatest multiple of 20 in a byte.
            if byte < 240 && letters.len() < CODE_LENGTH {
                letters.push(char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
            }
        }
    }
    Ok(letters)
}

/// Keyed, because 34 bits alone could be guessed from a copy of the database.
fn code_hash(auth: &Auth, purpose: Purpose, email_key: &str, typed: &str) -> Vec<u8> {
    let letters: String = typed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    let text = format!("{}\0{email_key}\0{letters}", purpose.as_str());
    hmac::sign(&auth.code_key, text.as_bytes()).as_ref().to_vec()
}

/// By what [`consume_found`] knows a token.
pub fn hash_of(token: &Secret) -> Vec<u8> {
    Digest::of(token.expose().as_bytes()).as_bytes().to_vec()
}

/// Looks a token up without spending it: a cheap answer before dear work.
///
/// # Errors
/// Those of the database.
pub async fn peek(db: &Db, purpose: Purpose, token: &Secret, now: Time) -> Result<Option<Held>> {
    let sql = concat!(
        "SELECT t.user_id, t.epoch, t.email_key FROM auth_tokens t JOIN auth_users u ON u.id = t.user_id AND u.epoch = t.epoch ",
        "WHERE t.hash = $1 AND t.purpose = $2 AND t.expires_at > $3 AND u.is_active = TRUE"
    );
    Ok(db.one(sql, params![&Digest::of(token.expose().as_bytes()), purpose.as_str(), now]).await?)
}

/// As [`peek`], in a unit that is about to spend the token: it says whose rows must be taken first.
///
/// # Errors
/// Those of the database.
pub async fn peek_in(tx: &Tx, purpose: Purpose, token: &Secret) -> Result<Option<Held>> {
    let sql = "SELECT user_id, epoch, email_key FROM auth_tokens WHERE hash = $1 AND purpose = $2";
    Ok(tx.one(sql, params![&Digest::of(token.expose().as_bytes()), purpose.as_str()]).await?)
}

/// Spends a token: of many who try at once, one is told whose it was.
///
/// # Errors
/// Those of the database.
pub async fn consume(tx: &Tx, purpose: Purpose, token: &Secret, now: Time) -> Result<Option<Held>> {
    spend(tx, purpose, Digest::of(token.expose().as_bytes()).as_bytes(), now).await
}

async fn spend(tx: &Tx, purpose: Purpose, hash: &[u8], now: Time) -> Result<Option<Held>> {
    let sql = concat!(
        "DELETE FROM auth_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3 AND EXISTS (SELECT 1 FROM auth_users u ",
        "WHERE u.id = auth_tokens.user_id AND u.epoch = auth_tokens.epoch AND u.is_active = TRUE) RETURNING user_id, epoch, email_key"
    );
    Ok(tx.one(sql, params![hash, purpose.as_str(), now]).await?)
}

/// Whose token has the code that was typed, and the token's hash, by which [`consume_found`] spends it. Every try counts against
/// all codes of the address before it is compared (T24), so the unit must be kept also when this finds nothing.
///
/// # Errors
/// Those of the database.
pub async fn try_code(
    auth: &Auth,
    tx: &Tx,
    purpose: Purpose,
    email_key: &str,
    typed: &Secret,
) -> Result<Option<(Vec<u8>, Held)>> {
    let now = auth.clock.now();
    let sql = concat!(
        "UPDATE auth_tokens SET code_tries = code_tries + 1 WHERE email_key = $1 AND purpose = $2 AND code_tries < $3 ",
        "AND code_expires_at > $4 RETURNING hash, code_hash, user_id, epoch"
    );
    let tries = i64::from(auth.settings.email.code_tries);
    let live = tx.all::<(Vec<u8>, Vec<u8>, i64, i64)>(sql, params![email_key, purpose.as_str(), tries, now]).await?;
    let wanted = code_hash(auth, purpose, email_key, typed.expose());
    let same = |hash: &[u8]| aws_lc_rs::constant_time::verify_slices_are_equal(hash, &wanted).is_ok();
    let found = live.into_iter().find(|(_, code, ..)| same(code));
    Ok(found.map(|(hash, _, user, epoch)| (hash, Held { user: UserId::from_i64(user), epoch, email_key: email_key.to_owned() })))
}

/// Spends the token of that hash, as [`consume`] does.
///
/// # Errors
/// Those of the database.
pub async fn consume_found(tx: &Tx, purpose: Purpose, hash: &[u8], now: Time) -> Result<Option<Held>> {
    spend(tx, purpose, hash, now).await
}

/// Ends the code of a token whose mail was not sent, so that many tries to send do not add up to many codes to guess (T24). The
/// link goes on: the mail may have left all the same.
///
/// # Errors
/// Those of the database.
pub async fn end_code(tx: &Tx, hash: &[u8]) -> Result<()> {
    tx.run("UPDATE auth_tokens SET code_expires_at = 0 WHERE hash = $1", params![hash]).await?;
    Ok(())
}

/// Forgets a token that nobody has got.
///
/// # Errors
/// Those of the database.
pub async fn forget(tx: &Tx, hash: &[u8]) -> Result<()> {
    tx.run("DELETE FROM auth_tokens WHERE hash = $1", params![hash]).await?;
    Ok(())
}

/// Ends every token of a user: after a change of password, no earlier link may work (T18).
///
/// # Errors
/// Those of the database.
pub async fn end_all(tx: &Tx, user: UserId) -> Result<()> {
    tx.run("DELETE FROM auth_tokens WHERE user_id = $1", params![user.as_i64()]).await?;
    Ok(())
}

/// The key under which codes are hashed.
///
/// # Errors
/// [`Error::Internal`] when it cannot be derived.
pub fn code_key(master: &crate::ground::secrets::MasterKey) -> Result<hmac::Key, Error> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, master.derive("codes")?.as_ref()))
}
