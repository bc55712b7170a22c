//! Sessions: one row in `auth_sessions` for each login, found by the hash of its key.
//!
//! A session counts while it carries its user's epoch, its absolute end has not come, and it was not idle for too long. All of
//! it is decided by one statement and two comparisons, so ending a session takes effect at the next request in every process.

use std::cell::Cell;
use std::time::Instant;

use serde_json::{Map, Value};

use crate::db::{self, FromRow, Row, Tx};
use crate::ground::secrets::Digest;
use crate::ground::{Error, Message, Result, Secret, Time, meters};
use crate::params;
use crate::settings::TokenMode;

use super::old_system::OldToken;
use super::users::{self, User, user_columns};
use super::{Auth, Client, UserId, signing};

/// How a session was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By a password.
    Password,
    /// By making the account.
    Registration,
    /// By a refresh token of the system before this one.
    OldSystem,
    /// By a sign-in provider.
    Social,
}

impl Method {
    /// The word that the database and the audit trail use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Registration => "registration",
            Self::OldSystem => "old_system",
            Self::Social => "social",
        }
    }
}

/// A session that counts.
#[derive(Clone, Debug)]
pub struct Session {
    /// The session's public name; it opens nothing. Empty for whoever comes with an access token of the system before this one, which
    /// has no session here: no row has that name, so whatever needs a session finds none.
    pub sid: String,
    /// When it was opened. It proves nothing: see [`super::recent`].
    pub created_at: Time,
    /// When it was last used, as far as it is written down.
    pub last_seen_at: Time,
    /// The token in the session's place, where there is no session.
    pub old_token: Option<OldToken>,
}

/// What logging out ends.
#[derive(Clone, Debug)]
pub enum Held {
    /// The session of that name.
    Session(String),
    /// A token of the system before this one.
    OldToken(OldToken),
}

impl Session {
    /// What whoever shows it logs out with.
    pub fn held(&self) -> Held {
        self.old_token.clone().map_or_else(|| Held::Session(self.sid.clone()), Held::OldToken)
    }
}

/// Who sends a request: a user and the session that shows it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user.
    pub user: User,
    /// The session.
    pub session: Session,
    /// Whether a cookie says so, which a browser sends by itself, and not a header.
    pub by_cookie: bool,
}

impl Caller {
    /// The same, known by a cookie.
    pub fn by_browser(mut self: Box<Self>) -> Box<Self> {
        self.by_cookie = true;
        self
    }
}

impl FromRow for Caller {
    fn from_row(row: &Row<'_>) -> db::Result<Self> {
        let user = User::from_row_at(row, 0)?;
        let (created_at, last_seen_at) = (row.get(User::COLUMNS + 1)?, row.get(User::COLUMNS + 2)?);
        let session = Session {
            sid: row.get(User::COLUMNS)?,
            created_at: Time::from_millis(created_at),
            last_seen_at: Time::from_millis(last_seen_at),
            old_token: None,
        };
        Ok(Self { user, session, by_cookie: false })
    }
}

macro_rules! look_up {
    ($column:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            ", s.sid, s.created_at, s.last_seen_at FROM auth_sessions s JOIN auth_users u ON u.id = s.user_id AND u.epoch = s.epoch ",
            "WHERE s.",
            $column,
            " = $1 AND s.expires_at > $2"
        )
    };
}

/// Whom a key belongs to.
///
/// # Errors
/// [`Error::Unauthenticated`] when the key is unknown, ended, expired, or its user is disabled, and those of the database.
pub async fn authenticate(auth: &Auth, key: &Secret) -> Result<Box<Caller>> {
    let caller = look_up(auth, look_up!("key_hash"), Digest::of(key.expose().as_bytes()).as_bytes()).await?;
    let caller = caller.ok_or(Error::Unauthenticated(Message::InvalidToken))?;
    if !caller.user.is_active {
        return Err(Error::Unauthenticated(Message::UserInactive));
    }
    Ok(caller)
}

/// Whom a session cookie belongs to. A cookie that counts no more is nobody's: a browser sends it without being asked.
///
/// # Errors
/// Those of the database.
pub async fn authenticate_cookie(auth: &Auth, cookie: &Secret) -> Result<Option<Box<Caller>>> {
    let caller = look_up(auth, look_up!("cookie_hash"), Digest::of(cookie.expose().as_bytes()).as_bytes()).await?;
    let caller = caller.filter(|caller| caller.user.is_active);
    Ok(caller.map(Caller::by_browser))
}

/// Whose session that is, where logins give JSON Web Tokens, which name it.
///
/// # Errors
/// Those of the database.
pub(super) async fn by_sid(auth: &Auth, sid: &str) -> Result<Option<Box<Caller>>> {
    match key_of_sid(sid) {
        Some(key) => look_up(auth, look_up!("key_hash"), &key).await,
        None => Ok(None),
    }
}

/// By what such a session is found: its name as bytes, so that it takes one descent and not two. No key hashes to 16 bytes.
pub(super) fn key_of_sid(sid: &str) -> Option<[u8; 16]> {
    let mut key = [0; 16];
    hex::decode_to_slice(sid, &mut key).is_ok().then_some(key)
}

/// In a box: every request carries it through many hands.
async fn look_up(auth: &Auth, sql: &'static str, key: &[u8]) -> Result<Option<Box<Caller>>> {
    let now = auth.clock.now();
    let began = is_sampled().then(Instant::now);
    let found = auth.db.one::<Box<Caller>>(sql, params![key, now.millis()]).await;
    if let Some(began) = began {
        metrics::histogram!(meters::READ_SECONDS).record(began.elapsed());
    }
    let found = found.inspect_err(db::Error::count)?;
    let Some(caller) = found.filter(|caller| !is_idle(auth, &caller.session, now)) else { return Ok(None) };
    if caller.user.is_active {
        auth.last_seen.touch(&caller.session, now);
    }
    Ok(Some(caller))
}

thread_local! {
    static LOOK_UPS: Cell<u32> = const { Cell::new(0) };
}

/// How many look-ups go by between two that are timed: the clock and the histogram are dear beside a read of 5 µs.
const SAMPLE: u32 = 16;

fn is_sampled() -> bool {
    let nth = LOOK_UPS.get().wrapping_add(1);
    LOOK_UPS.set(nth);
    nth.is_multiple_of(SAMPLE)
}

pub(super) fn is_idle(auth: &Auth, session: &Session, now: Time) -> bool {
    let idle = auth.settings.tokens.idle_ttl.duration();
    // The row lags behind by a minute at most, so the memory is asked only when the row says no.
    now >= session.last_seen_at.plus(idle) && auth.last_seen.of(&session.sid).is_none_or(|seen| now >= seen.plus(idle))
}

/// What a login opened: one row, whatever is given out.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The session's public name.
    pub sid: String,
    /// The key, where logins give keys. Shown once: the database keeps its hash.
    pub key: Option<Secret>,
    /// What the session cookie carries, for a browser that gets one.
    pub cookie: Option<Secret>,
    /// When it was opened.
    pub created_at: Time,
    /// Its absolute end.
    pub expires_at: Time,
    /// How many refresh tokens were used up before the one that counts.
    pub generation: i64,
    /// When that one was made.
    pub generation_at: Time,
    /// What the `claims` hook says.
    pub claims: Map<String, Value>,
}

/// How a session is opened.
pub(super) struct Opening<'a> {
    pub(super) who: &'a Client,
    pub(super) method: Method,
    pub(super) now: Time,
    /// Whether a browser gets a session cookie.
    pub(super) cookie: bool,
}

/// Opens a session in a unit that holds the user's row. Only [`super::login`] calls this.
pub(super) async fn open(auth: &Auth, tx: &Tx, user: &User, opening: &Opening<'_>) -> Result<Opened> {
    let sid = auth.entropy.bytes::<16>()?;
    let key = if auth.settings.tokens.mode == TokenMode::Opaque { Some(fresh_key(auth)?) } else { None };
    let cookie = if opening.cookie { Some(fresh_key(auth)?) } else { None };
    let hash = |key: &Secret| Digest::of(key.expose().as_bytes());
    let (key_hash, cookie_hash) = (key.as_ref().map(hash), cookie.as_ref().map(hash));
    let expires_at = opening.now.plus(auth.settings.tokens.absolute_ttl.duration());
    let opened = Opened {
        sid: hex::encode(sid),
        key,
        cookie,
        created_at: opening.now,
        expires_at,
        generation: 0,
        generation_at: opening.now,
        claims: claims(auth, tx, user).await?,
    };
    tx.run(
        concat!(
            "INSERT INTO auth_sessions (key_hash, sid, user_id, epoch, created_at, last_seen_at, expires_at, ip, user_agent, method, ",
            "cookie_hash) VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10)"
        ),
        params![
            key_hash.as_ref().map_or(sid.as_slice(), Digest::as_bytes),
            opened.sid.as_str(),
            user.id.as_i64(),
            user.epoch,
            opening.now.millis(),
            expires_at.millis(),
            opening.who.ip_text().as_deref(),
            opening.who.user_agent.as_deref(),
            opening.method.as_str(),
            cookie_hash.as_ref().map(Digest::as_bytes)
        ],
    )
    .await?;
    Ok(opened)
}

/// 160 random bits, as a client carries them.
fn fresh_key(auth: &Auth) -> Result<Secret> {
    Ok(Secret::from(hex::encode(auth.entropy.bytes::<20>()?)))
}

/// What the `claims` hook says, where there will be a token to say it in.
async fn claims(auth: &Auth, tx: &Tx, user: &User) -> Result<Map<String, Value>> {
    match auth.settings.tokens.mode {
        TokenMode::Opaque => Ok(Map::new()),
        TokenMode::Jwt | TokenMode::JwtCookie => signing::more_claims(auth, tx, user).await,
    }
}

/// Gives a session that goes on in a browser a new cookie, or a new name where its cookies are JSON Web Tokens; what was before
/// counts no more (T06, T26). The row keeps everything else. A key and tokens that came in a header stay: whoever writes that header
/// would go on with them and find them over.
///
/// # Errors
/// Those of the database.
pub async fn renew(auth: &Auth, tx: &Tx, caller: &Caller) -> Result<Option<Opened>> {
    let (cookie, now) = (fresh_key(auth)?, auth.clock.now());
    let before = caller.session.sid.as_str();
    let by_tokens = auth.settings.tokens.mode == TokenMode::JwtCookie && caller.by_cookie && key_of_sid(before).is_some();
    let sid = if by_tokens { hex::encode(auth.entropy.bytes::<16>()?) } else { before.to_owned() };
    let sql = concat!(
        "UPDATE auth_sessions SET sid = $2, key_hash = CASE WHEN $3::boolean THEN $4::bytea ELSE key_hash END, ",
        // The tokens of a pair that stays have their time still: it says how long the one before is given again.
        "gen_at = CASE WHEN $3::boolean THEN $5::bigint ELSE gen_at END, ",
        "cookie_hash = CASE WHEN cookie_hash IS NULL THEN NULL ELSE $6::bytea END ",
        "WHERE sid = $1 AND ($3::boolean OR cookie_hash IS NOT NULL) RETURNING created_at, expires_at, gen, cookie_hash IS NOT NULL"
    );
    let (key, hash) = (key_of_sid(&sid).unwrap_or_default(), Digest::of(cookie.expose().as_bytes()));
    let given = params![before, sid.as_str(), by_tokens, key.as_slice(), now.millis(), hash.as_bytes()];
    let Some((created_at, expires_at, generation, has_cookie)) = tx.one::<(i64, i64, i64, bool)>(sql, given).await? else {
        return Ok(None);
    };
    Ok(Some(Opened {
        sid,
        key: None,
        cookie: has_cookie.then_some(cookie),
        created_at: Time::from_millis(created_at),
        expires_at: Time::from_millis(expires_at),
        generation,
        generation_at: now,
        claims: claims(auth, tx, &caller.user).await?,
    }))
}

/// Ends one session of that user, in a unit. Whether it was still there.
///
/// # Errors
/// Those of the database.
pub async fn end(tx: &Tx, user: UserId, sid: &str) -> Result<bool> {
    let sql = "DELETE FROM auth_sessions WHERE sid = $1 AND user_id = $2";
    Ok(tx.run(sql, params![sid, user.as_i64()]).await? == 1)
}

/// Ends every session of a user, whose epoch the unit has raised.
///
/// # Errors
/// Those of the database.
pub async fn end_all(tx: &Tx, user: UserId) -> Result<u64> {
    Ok(tx.run("DELETE FROM auth_sessions WHERE user_id = $1", params![user.as_i64()]).await?)
}

/// Ends every credential of the caller's user but the session in hand, which moves along to the new epoch.
///
/// # Errors
/// [`Error::Unauthenticated`] when the session was ended meanwhile, and those of the database.
pub async fn end_others(tx: &Tx, caller: &Caller) -> Result<u64> {
    let ended = || Error::Unauthenticated(Message::InvalidToken);
    let epoch = users::raise_epoch(tx, caller.user.id, caller.user.epoch).await?.ok_or_else(ended)?;
    let kept = tx.run("UPDATE auth_sessions SET epoch = $2 WHERE sid = $1", params![caller.session.sid.as_str(), epoch]).await?;
    if kept == 0 {
        return Err(ended());
    }
    let sql = "DELETE FROM auth_sessions WHERE user_id = $1 AND sid <> $2";
    Ok(tx.run(sql, params![caller.user.id.as_i64(), caller.session.sid.as_str()]).await?)
}

/// Whether a session of that user is open, in a unit.
///
/// # Errors
/// Those of the database.
pub async fn is_open(tx: &Tx, user: UserId, sid: &str, now: Time) -> Result<bool> {
    let sql = concat!(
        "SELECT u.id FROM auth_sessions s JOIN auth_users u ON u.id = s.user_id AND u.epoch = s.epoch ",
        "WHERE s.sid = $1 AND u.id = $2 AND s.expires_at > $3"
    );
    Ok(tx.one::<(i64,)>(sql, params![sid, user.as_i64(), now]).await?.is_some())
}
