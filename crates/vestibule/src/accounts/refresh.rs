//! Refresh tokens: each is used up by its successor (design decision 7, RFC 9700 §4.14.2).
//!
//! The row of the session counts generations; nothing else is kept. A token of the present generation moves the row on, by one
//! guarded statement, so of many at once one moves it and the others find it moved. The token just before gives its successor
//! again for a while, since an answer may have been lost on the way. An older one, or one that comes too late, was used by two:
//! the session ends, and whoever stole it is out.

use serde_json::Map;

use crate::db::{self, FromRow, Row};
use crate::ground::{Error, Message, Result, Secret, Time};
use crate::params;

use super::old_system::OldToken;
use super::pairs::{self, Pair};
use super::session_list::{self, Why};
use super::sessions::{self, Caller, Held, Method, Opened};
use super::signing::{self, Claims};
use super::users::{User, user_columns};
use super::{Auth, Client, UserId, login, old_system};

/// How often a request looks again when others move the same session on.
const LOOKS: usize = 8;

/// A session with its generation.
struct Line {
    caller: Caller,
    number: i64,
    began_at: Time,
    expires_at: Time,
}

impl FromRow for Line {
    fn from_row(row: &Row<'_>) -> db::Result<Self> {
        let caller = Caller::from_row(row)?;
        let next = User::COLUMNS + 3;
        let began_at = row.get::<Option<i64>>(next + 1)?.map_or(caller.session.created_at, Time::from_millis);
        Ok(Self { caller, number: row.get(next)?, began_at, expires_at: Time::from_millis(row.get(next + 2)?) })
    }
}

impl Line {
    fn session(&self) -> Opened {
        Opened {
            sid: self.caller.session.sid.clone(),
            key: None,
            cookie: None,
            created_at: self.caller.session.created_at,
            expires_at: self.expires_at,
            generation: self.number,
            generation_at: self.began_at,
            claims: Map::new(),
        }
    }
}

/// Which token of its session one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The one that counts.
    Present,
    /// The one before, so soon that its successor may have been lost on the way.
    JustBefore,
    /// Used up, and used again.
    Past,
}

/// A new pair for a refresh token, and the absolute end of its session.
///
/// # Errors
/// [`Error::Refused`] with 401 when the token is none of ours, is over or used up, or its session has ended; those of the
/// database.
pub async fn refresh(auth: &Auth, who: &Client, token: &Secret) -> Result<(Pair, Time)> {
    let claims = read(auth, token.expose()).await?;
    let Some(sid) = claims.sid.as_deref() else { return adopt(auth, who, &claims).await };
    for _ in 0..LOOKS {
        let line = line(auth, sid, &claims).await?.ok_or_else(spent)?;
        match place(auth, &line, &claims)? {
            Place::Present if !auth.settings.jwt.rotate_refresh => {
                return Ok((access_alone(auth, &line).await?, line.expires_at));
            }
            Place::Present => {
                if let Some(session) = move_on(auth, &line).await? {
                    return Ok((pairs::of(auth, claims.user, &session).await?, line.expires_at));
                }
            }
            Place::JustBefore => {
                let session = Opened { claims: more_claims(auth, &line.caller.user).await?, ..line.session() };
                return Ok((pairs::of(auth, claims.user, &session).await?, line.expires_at));
            }
            Place::Past => {
                session_list::end(auth, who, claims.user, sid, Why::Reused).await?;
                return Err(spent());
            }
        }
    }
    Err(Error::Unavailable(std::time::Duration::from_secs(1)))
}

fn spent() -> Error {
    Error::Refused(401, Message::JwtSpent)
}

async fn read(auth: &Auth, token: &str) -> Result<Claims> {
    auth.signing()?.read_refresh(token).await.map_err(|fault| pairs::because(fault, |message| Error::Refused(401, message)))
}

/// Whose session a refresh token keeps alive, if it counts now. Looking does not use it up. One of the system before this one counts
/// until it has opened its session.
///
/// # Errors
/// [`Error::Refused`] with 401 when it is none of ours or over, and those of the database.
pub async fn of(auth: &Auth, token: &str) -> Result<Option<(Box<Caller>, Claims)>> {
    let claims = read(auth, token).await?;
    let Some(sid) = claims.sid.as_deref() else {
        return Ok(old_system::caller(auth, &claims).await?.map(|caller| (caller, claims)));
    };
    let Some(line) = line(auth, sid, &claims).await? else { return Ok(None) };
    let counts = place(auth, &line, &claims)? == Place::Present;
    Ok(counts.then_some((Box::new(line.caller), claims)))
}

/// What a refresh token was made to keep alive, for whoever logs out with it: whether it is used up does not matter, and one that is
/// over or none of ours keeps nothing. One of the system before this one keeps itself.
///
/// # Errors
/// Those of the database.
pub async fn kept_by(auth: &Auth, token: &str) -> Result<Option<(UserId, Held)>> {
    let claims = match read(auth, token).await {
        Ok(claims) => claims,
        Err(Error::Refused(..)) => return Ok(None),
        Err(other) => return Err(other),
    };
    match claims.sid {
        Some(sid) => Ok(Some((claims.user, Held::Session(sid)))),
        None => Ok(old_system::account(auth, &claims).await?.map(|user| (user.id, Held::OldToken(OldToken::of(auth, &claims))))),
    }
}

async fn line(auth: &Auth, sid: &str, claims: &Claims) -> Result<Option<Line>> {
    let Some(key) = sessions::key_of_sid(sid) else { return Ok(None) };
    let now = auth.clock.now();
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        ", s.sid, s.created_at, s.last_seen_at, s.gen, s.gen_at, s.expires_at FROM auth_sessions s ",
        "JOIN auth_users u ON u.id = s.user_id AND u.epoch = s.epoch WHERE s.key_hash = $1 AND s.expires_at > $2"
    );
    let found = auth.db.one::<Line>(sql, params![key.as_slice(), now.millis()]).await?;
    Ok(found.filter(|line| {
        let user = &line.caller.user;
        user.id == claims.user && user.is_active && !sessions::is_idle(auth, &line.caller.session, now)
    }))
}

fn place(auth: &Auth, line: &Line, claims: &Claims) -> Result<Place> {
    let (signing, sid) = (auth.signing()?, &line.caller.session.sid);
    let names = |number| signing.jti(sid, number) == claims.jti;
    let grace = auth.settings.jwt.refresh_grace.duration();
    Ok(if names(line.number) {
        Place::Present
    } else if line.number > 0 && names(line.number - 1) && auth.clock.now() < line.began_at.plus(grace) {
        Place::JustBefore
    } else {
        Place::Past
    })
}

/// Without rotation a refresh token is used until it is over; using it keeps the session from being idle.
async fn access_alone(auth: &Auth, line: &Line) -> Result<Pair> {
    auth.last_seen.touch(&line.caller.session, auth.clock.now());
    let session = Opened { claims: more_claims(auth, &line.caller.user).await?, ..line.session() };
    Ok(Pair { access: pairs::access(auth, line.caller.user.id, &session).await?, refresh: None })
}

/// Moves the session on, unless somebody was faster or has ended it.
async fn move_on(auth: &Auth, line: &Line) -> Result<Option<Opened>> {
    let (floor, user, now) = (auth.clone(), line.caller.user.clone(), auth.clock.now());
    let Some(key) = sessions::key_of_sid(&line.caller.session.sid) else { return Ok(None) };
    let number = line.number;
    let claims = auth
        .unit(move |tx| async move {
            let sql = concat!(
                "UPDATE auth_sessions SET gen = gen + 1, gen_at = $3, last_seen_at = $3 WHERE key_hash = $1 AND gen = $2 AND expires_at > $3 ",
                "AND epoch = (SELECT u.epoch FROM auth_users u WHERE u.id = auth_sessions.user_id AND u.is_active = TRUE)"
            );
            if tx.run(sql, params![key.as_slice(), number, now.millis()]).await? == 0 {
                return Ok::<_, Error>(None);
            }
            signing::more_claims(&floor, &tx, &user).await.map(Some)
        })
        .await?;
    Ok(claims.map(|claims| Opened { generation: number + 1, generation_at: now, claims, ..line.session() }))
}

async fn more_claims(auth: &Auth, user: &User) -> Result<Map<String, serde_json::Value>> {
    if auth.hooks.are_none() {
        return Ok(Map::new());
    }
    let (floor, user) = (auth.clone(), user.clone());
    auth.unit(move |tx| async move { signing::more_claims(&floor, &tx, &user).await }).await
}

/// A refresh token of the system before this one opens one session here, once.
async fn adopt(auth: &Auth, who: &Client, claims: &Claims) -> Result<(Pair, Time)> {
    let user = old_system::account(auth, claims).await?.ok_or_else(spent)?;
    let (floor, sender, token) = (auth.clone(), who.clone(), OldToken::of(auth, claims));
    let granted = auth
        .unit(move |tx| async move {
            if !token.spend(&tx).await? {
                return Err(spent());
            }
            login::finish(&floor, &tx, &sender, user.id, user.epoch, Method::OldSystem).await
        })
        .await?;
    granted.event.log(who);
    Ok((pairs::of(auth, granted.user.id, &granted.session).await?, granted.session.expires_at))
}
