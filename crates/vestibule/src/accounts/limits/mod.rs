//! How often somebody may try. Every try is reserved before the work that it costs, so that a race cannot exceed a limit (T68).
//!
//! Counters of accounts are rows in `auth_limits`, taken by one guarded statement each. Counters of addresses alone are kept in
//! bounded memory where one process serves (SQLite), and in the database where several may (PostgreSQL).

pub mod memory;

use aws_lc_rs::hmac;

use crate::db::Tx;
use crate::ground::address::bucket;
use crate::ground::secrets::MasterKey;
use crate::ground::{Error, Result, Time, meters};
use crate::params;
use crate::settings::{Rate, Scope};

use super::{Auth, Client};
use memory::Counters;

/// The most addresses that are counted at a time in memory.
const MOST_ADDRESSES: usize = 65_536;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Asking to log in.
    Login,
    /// Failing to.
    LoginFailed,
    /// Asking for an account.
    Registration,
}

impl Action {
    fn rates(self, auth: &Auth) -> &[Rate] {
        let limits = &auth.settings.limits;
        match self {
            Self::Login => limits.login.rates(),
            Self::LoginFailed => limits.login_failed.rates(),
            Self::Registration => limits.registration.rates(),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::LoginFailed => "login_failed",
            Self::Registration => "registration",
        }
    }
}

/// The counters of this process, and the key that hides what the database counts.
pub struct Limits {
    addresses: Counters,
    key: hmac::Key,
}

impl Limits {
    /// No counts yet.
    ///
    /// # Errors
    /// [`Error::Internal`] when the key cannot be derived.
    pub fn new(master: &MasterKey) -> Result<Self> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, master.derive("limits")?.as_ref());
        Ok(Self { addresses: Counters::new(MOST_ADDRESSES), key })
    }

    /// Names a counter without telling whose it is: what people type stays out of the database.
    fn name(&self, action: Action, index: usize, scope: Scope, who: &Client, account: Option<&str>) -> Option<Vec<u8>> {
        let ip = who.ip.map(bucket);
        let (ip, account) = match scope {
            Scope::Ip => (Some(ip?), None),
            Scope::Account => (None, Some(account?)),
            Scope::AccountIp => (Some(ip?), Some(account?)),
        };
        let mut text = hmac::Context::with_key(&self.key);
        text.update(format!("{}\0{index}\0{}\0", action.as_str(), ip.as_deref().unwrap_or_default()).as_bytes());
        text.update(account.unwrap_or_default().as_bytes());
        Some(text.sign().as_ref()[..16].to_vec())
    }
}

/// Tries that were counted and may be given back.
#[derive(Default)]
pub struct Reservation {
    rows: Vec<(Vec<u8>, i64)>,
    addresses: Vec<Vec<u8>>,
    last: bool,
}

impl Reservation {
    /// Whether this try used up what an account was allowed.
    pub fn was_last(&self) -> bool {
        self.last
    }

    /// Gives the tries back in a unit of their own.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn give_back(&self, auth: &Auth) -> Result<()> {
        let rows = self.rows.clone();
        if !rows.is_empty() {
            auth.db.unit(move |tx| async move { give_back(&tx, &rows).await }).await?;
        }
        self.forget_addresses(auth);
        Ok(())
    }

    /// Gives back what is counted in rows, in the unit that the tries led to. Once that is safe, [`Reservation::forget_addresses`]
    /// gives back the rest: memory does not roll back.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn give_back_in(&self, tx: &Tx) -> Result<()> {
        give_back(tx, &self.rows).await
    }

    /// Gives back what is counted in memory.
    pub fn forget_addresses(&self, auth: &Auth) {
        let now = auth.clock.now();
        self.addresses.iter().for_each(|key| auth.limits.addresses.give_back(key, now));
    }
}

async fn give_back(tx: &Tx, rows: &[(Vec<u8>, i64)]) -> Result<()> {
    for (bucket, ends_at) in rows {
        let sql = "UPDATE auth_limits SET hits = hits - 1 WHERE bucket = $1 AND ends_at = $2 AND hits > 0";
        tx.run(sql, params![bucket.as_slice(), *ends_at]).await?;
    }
    Ok(())
}

/// Counts a try that is never given back.
///
/// # Errors
/// [`Error::Limited`] when there were too many, and those of the database.
pub async fn hit(auth: &Auth, action: Action, who: &Client) -> Result<()> {
    reserve(auth, action, who, None).await.map(|_| ())
}

/// Counts a try before it is made. `account` names the account that is tried.
///
/// # Errors
/// [`Error::Limited`] when there were too many, and those of the database.
pub async fn reserve(auth: &Auth, action: Action, who: &Client, account: Option<&str>) -> Result<Reservation> {
    let taken = take_tries(auth, action, who, account).await;
    if let Err(Error::Limited(_)) = taken {
        metrics::counter!(meters::LIMITED, "action" => action.as_str()).increment(1);
    }
    taken
}

async fn take_tries(auth: &Auth, action: Action, who: &Client, account: Option<&str>) -> Result<Reservation> {
    let mut reserved = Reservation::default();
    if !auth.settings.limits.enabled {
        return Ok(reserved);
    }
    match reserve_all(auth, action, who, account, &mut reserved).await {
        Ok(()) => Ok(reserved),
        Err(refused) => {
            // A try that one limit refuses is none for the others: in the database the unit is undone, in memory this does it.
            reserved.forget_addresses(auth);
            Err(refused)
        }
    }
}

async fn reserve_all(auth: &Auth, action: Action, who: &Client, account: Option<&str>, reserved: &mut Reservation) -> Result<()> {
    let now = auth.clock.now();
    let mut rows = Vec::new();
    for (index, rate) in action.rates(auth).iter().enumerate() {
        let Some(key) = auth.limits.name(action, index, rate.scope, who, account) else { continue };
        if rate.scope == Scope::Ip && !auth.db.is_shared() {
            auth.limits.addresses.take(&key, rate.count, rate.period, now).map_err(Error::Limited)?;
            reserved.addresses.push(key);
        } else {
            rows.push((key, *rate));
        }
    }
    if !rows.is_empty() {
        (reserved.rows, reserved.last) = auth.db.unit(move |tx| async move { take_all(&tx, rows, now).await }).await?;
    }
    Ok(())
}

type Taken = (Vec<(Vec<u8>, i64)>, bool);

async fn take_all(tx: &Tx, rows: Vec<(Vec<u8>, Rate)>, now: Time) -> Result<Taken> {
    let (mut taken, mut last) = (Vec::new(), false);
    for (bucket, rate) in rows {
        let (hits, ends_at) = take(tx, &bucket, rate, now).await?;
        last |= rate.scope != Scope::Ip && hits == i64::from(rate.count);
        taken.push((bucket, ends_at));
    }
    Ok((taken, last))
}

/// One guarded statement: counts up, or begins a new window, or finds the window full.
async fn take(tx: &Tx, bucket: &[u8], rate: Rate, now: Time) -> Result<(i64, i64)> {
    let sql = concat!(
        "INSERT INTO auth_limits AS l (bucket, hits, ends_at) VALUES ($1, 1, $2) ON CONFLICT (bucket) DO UPDATE SET ",
        "hits = CASE WHEN l.ends_at <= $3 THEN 1 ELSE l.hits + 1 END, ",
        "ends_at = CASE WHEN l.ends_at <= $3 THEN excluded.ends_at ELSE l.ends_at END ",
        "WHERE l.ends_at <= $3 OR l.hits < $4 RETURNING hits, ends_at"
    );
    let ends = now.plus(rate.period).millis();
    match tx.one::<(i64, i64)>(sql, params![bucket, ends, now.millis(), i64::from(rate.count)]).await? {
        Some(taken) => Ok(taken),
        None => {
            let full = tx.one::<(i64,)>("SELECT ends_at FROM auth_limits WHERE bucket = $1", params![bucket]).await?;
            let ends = full.map_or(ends, |(ends,)| ends);
            Err(Error::Limited(now.until(Time::from_millis(ends))))
        }
    }
}
