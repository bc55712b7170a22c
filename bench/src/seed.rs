//! Fills a database fast: the library's migrations, then rows by the hundred thousand.
//!
//! On SQLite the rows come in the order of every index, so that each B-tree is only ever appended to: user `n` has the sessions
//! whose hashes come next in order. On PostgreSQL they are made by the server itself. Reads are drawn uniformly from all, so the
//! order in which they lie changes nothing for them.

use vestibule::accounts::passwords::{Hasher, Parameters};
use vestibule::db::{Db, Error, Options, Tx, migrate};
use vestibule::ground::secrets::Digest;
use vestibule::ground::{Clock, Entropy};
use vestibule::params;

use crate::keys::{PASSWORD, key, username};
use crate::{Result, output};

/// How long the sessions last.
const LIFE: i64 = 90 * 24 * 3_600_000;

/// What to fill a database with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    /// Users.
    pub(crate) users: u64,
    /// Sessions of each.
    pub(crate) sessions_per_user: u64,
    /// How many seconds from now on using a session writes nothing down; 0: one minute later each first use does.
    pub(crate) seen_in: i64,
}

impl Amount {
    /// All sessions.
    pub(crate) fn sessions(self) -> u64 {
        self.users * self.sessions_per_user
    }
}

/// Fills an empty database.
///
/// # Errors
/// When there are users already, and those of the database.
pub(crate) async fn seed(url: &str, amount: Amount) -> Result<()> {
    let db = Db::open(url, Options::default()).await?;
    let now = Clock::System.now();
    migrate::migrate(&db, now).await?;
    if db.one::<(i64,)>("SELECT id FROM auth_users ORDER BY id LIMIT 1", &[]).await?.is_some() {
        return Err("the database has users already; seed an empty one".into());
    }
    let hash = Hasher::start(&Parameters::default(), Entropy::System)
        .map_err(|error| format!("{error:?}"))?
        .hash(PASSWORD.into())
        .await
        .map_err(|error| format!("{error:?}"))?;
    let stamp = Stamp { now: now.millis(), seen: now.millis() + amount.seen_in * 1_000 };
    if db.is_shared() { fill_postgres(&db, amount, hash, stamp).await } else { fill_sqlite(&db, amount, hash, stamp).await }
}

/// The times in the rows.
#[derive(Clone, Copy)]
struct Stamp {
    now: i64,
    seen: i64,
}

/// Runs `fill` for parts of `1..=total`, each in a unit of its own.
async fn in_parts<F, Fut>(db: &Db, what: &str, total: u64, part: u64, fill: F) -> Result<()>
where
    F: Fn(Tx, u64, u64) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = std::result::Result<(), Error>> + Send + 'static,
{
    for first in (1..=total).step_by(usize::try_from(part)?) {
        let (fill, last) = (fill.clone(), (first + part - 1).min(total));
        db.unit(move |tx| fill(tx, first, last)).await?;
        if last.is_multiple_of(part * 10) && last < total {
            output::note(&format!("{last} of {total} {what}"));
        }
    }
    Ok(())
}

async fn fill_sqlite(db: &Db, amount: Amount, password: String, stamp: Stamp) -> Result<()> {
    in_parts(db, "users", amount.users, 100_000, move |tx, first, last| {
        let password = password.clone();
        async move {
            for number in first..=last {
                let name = username(number);
                let address = format!("{name}@example.org");
                let sql = "INSERT INTO auth_users (username, username_key, email, email_key, email_owner, email_verified_at, password, created_at) \
                           VALUES ($1, $1, $2, $2, $2, $3, $4, $3)";
                tx.run(sql, params![&name, &address, stamp.now, &password]).await?;
            }
            Ok(())
        }
    })
    .await?;
    let mut hashes: Vec<Digest> = (1..=amount.sessions()).map(|number| Digest::of(key(number).as_bytes())).collect();
    hashes.sort_unstable_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
    let (hashes, each) = (std::sync::Arc::new(hashes), amount.sessions_per_user);
    in_parts(db, "sessions", amount.sessions(), 100_000, move |tx, first, last| {
        let hashes = hashes.clone();
        async move {
            for number in first..=last {
                let Some(hash) = usize::try_from(number - 1).ok().and_then(|at| hashes.get(at)) else { continue };
                let user = i64::try_from((number - 1) / each + 1).unwrap_or(i64::MAX);
                let sid = hex::encode(&hash.as_bytes()[..16]);
                let sql = "INSERT INTO auth_sessions (key_hash, sid, user_id, epoch, created_at, last_seen_at, expires_at, method) \
                           VALUES ($1, $2, $3, 1, $4, $5, $6, 'password')";
                tx.run(sql, params![hash, &sid, user, stamp.now, stamp.seen, stamp.now + LIFE]).await?;
            }
            Ok(())
        }
    })
    .await
}

async fn fill_postgres(db: &Db, amount: Amount, password: String, stamp: Stamp) -> Result<()> {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    in_parts(db, "users", amount.users, 50_000, move |tx, first, last| {
        let password = password.clone();
        async move {
            let sql = "INSERT INTO auth_users (username, username_key, email, email_key, email_owner, email_verified_at, password, created_at) \
                       SELECT name, name, name || '@example.org', name || '@example.org', name || '@example.org', $3, $4, $3 \
                       FROM (SELECT 'user' || n AS name FROM generate_series($1::bigint, $2::bigint) n) numbered";
            tx.run(sql, params![number(first), number(last), stamp.now, &password]).await.map(|_| ())
        }
    })
    .await?;
    let each = number(amount.sessions_per_user);
    in_parts(db, "sessions", amount.sessions(), 25_000, move |tx, first, last| async move {
        let sql = "INSERT INTO auth_sessions (key_hash, sid, user_id, epoch, created_at, last_seen_at, expires_at, method) \
                   SELECT hash, encode(substring(hash FOR 16), 'hex'), (n - 1) / $3::bigint + 1, 1, $4::bigint, $5::bigint, $6::bigint, 'password' \
                   FROM (SELECT n, sha256(convert_to(encode(substring(sha256(convert_to('vestibule-bench:' || n, 'UTF8')) FOR 20), \
                   'hex'), 'UTF8')) AS hash FROM generate_series($1::bigint, $2::bigint) n) hashed";
        let params = params![number(first), number(last), each, stamp.now, stamp.seen, stamp.now + LIFE];
        tx.run(sql, params).await.map(|_| ())
    })
    .await?;
    for table in ["ANALYZE auth_users", "ANALYZE auth_sessions"] {
        db.unit(move |tx| async move { tx.run(table, &[]).await }).await?;
    }
    Ok(())
}
