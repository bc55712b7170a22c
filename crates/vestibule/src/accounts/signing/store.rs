//! The rows of the keys.

use zeroize::Zeroizing;

use crate::db::{self, Db, FromRow, Row, Tx};
use crate::ground::seal::SealingKey;
use crate::ground::{Entropy, Error, Result, Time};
use crate::params;
use crate::settings::Algorithm;

use super::pair::{self, KeyPair};

/// How much longer than its tokens a key is kept: the most that `jwt.leeway` can be, in milliseconds.
const MARGIN: i64 = 60_000;

/// When a key signs and verifies; times in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) kid: String,
    pub(super) number: i64,
    pub(super) created_at: i64,
    pub(super) signs_from: i64,
    pub(super) signs_until: Option<i64>,
    pub(super) longest: i64,
    pub(super) sealed: Vec<u8>,
}

impl Stored {
    /// When the last of its tokens has ended; nothing while it has no successor.
    pub(super) fn verifies_until(&self) -> Option<i64> {
        Some(self.signs_until?.saturating_add(self.longest).saturating_add(MARGIN))
    }
}

impl FromRow for Stored {
    fn from_row(row: &Row<'_>) -> db::Result<Self> {
        Ok(Self {
            kid: row.get(0)?,
            number: row.get(1)?,
            created_at: row.get(2)?,
            signs_from: row.get(3)?,
            signs_until: row.get(4)?,
            longest: row.get(5)?,
            sealed: row.get(6)?,
        })
    }
}

/// The keys of an algorithm, the oldest first.
pub(super) async fn all(db: &Db, algorithm: Algorithm) -> Result<Vec<Stored>> {
    let sql = concat!(
        "SELECT kid, number, created_at, signs_from, signs_until, longest, sealed FROM auth_keys ",
        "WHERE algorithm = $1 ORDER BY number"
    );
    Ok(db.all(sql, params![algorithm.word()]).await?)
}

/// A key that was made and is not in the database yet.
pub(super) struct New {
    pub(super) kid: String,
    algorithm: Algorithm,
    sealed: Vec<u8>,
    longest: i64,
}

impl New {
    /// Makes a key. Takes a second for RSA, so never in a unit.
    pub(super) fn make(algorithm: Algorithm, seal: &SealingKey, entropy: &Entropy, longest: i64) -> Result<Self> {
        let bytes = pair::generate(algorithm, entropy)?;
        let pair = KeyPair::from_bytes(algorithm, &bytes).ok_or_else(|| Error::internal("a new signing key is not sound"))?;
        let sealed = seal.seal(entropy, &place(algorithm, &pair.kid), &bytes)?;
        Ok(Self { kid: pair.kid, algorithm, sealed, longest })
    }

    /// Puts it behind its predecessors as number `number`; nothing happens when another process has put one there. Whether it
    /// was put.
    pub(super) async fn insert(&self, tx: &Tx, number: i64, now: Time, signs_from: Time) -> Result<bool> {
        let sql = concat!(
            "INSERT INTO auth_keys (kid, algorithm, number, sealed, created_at, signs_from, longest) ",
            "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"
        );
        let values = params![
            self.kid.as_str(),
            self.algorithm.word(),
            number,
            &self.sealed,
            now.millis(),
            signs_from.millis(),
            self.longest
        ];
        if tx.run(sql, values).await? == 0 {
            return Ok(false);
        }
        let sql = concat!(
            "UPDATE auth_keys SET signs_until = $3 ",
            "WHERE algorithm = $1 AND number < $2 AND (signs_until IS NULL OR signs_until > $3)"
        );
        tx.run(sql, params![self.algorithm.word(), number, signs_from.millis()]).await?;
        Ok(true)
    }
}

/// The private part of a stored key.
pub(super) fn open(algorithm: Algorithm, stored: &Stored, seal: &SealingKey) -> Result<KeyPair> {
    let bytes: Zeroizing<Vec<u8>> = seal.open(&place(algorithm, &stored.kid), &stored.sealed)?;
    let pair = KeyPair::from_bytes(algorithm, &bytes).filter(|pair| pair.kid == stored.kid);
    pair.ok_or_else(|| Error::internal(format!("the signing key {} is not sound", stored.kid)))
}

/// What the ciphertext is bound to: the row and the algorithm, so that neither can be exchanged (T80).
pub(super) fn place(algorithm: Algorithm, kid: &str) -> String {
    format!("auth_keys {} {kid}", algorithm.word())
}

/// Notes that tokens of the keys that sign now or later live that long, and removes keys whose last token has ended.
pub(super) async fn keep_up(tx: &Tx, longest: i64, now: Time) -> Result<()> {
    let sql = "UPDATE auth_keys SET longest = $1 WHERE longest < $1 AND (signs_until IS NULL OR signs_until > $2)";
    tx.run(sql, params![longest, now.millis()]).await?;
    let sql = "DELETE FROM auth_keys WHERE signs_until IS NOT NULL AND signs_until + longest + $1 <= $2";
    tx.run(sql, params![MARGIN, now.millis()]).await?;
    Ok(())
}

/// Removes a key that has a successor. Whether it was there and had one.
pub(super) async fn remove(tx: &Tx, algorithm: Algorithm, kid: &str) -> Result<bool> {
    let sql = "DELETE FROM auth_keys WHERE kid = $1 AND algorithm = $2 AND signs_until IS NOT NULL";
    Ok(tx.run(sql, params![kid, algorithm.word()]).await? == 1)
}
