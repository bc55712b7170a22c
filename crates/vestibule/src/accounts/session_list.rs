//! A user's sessions, as the user and the operator see them: when, from where, with what; and ending them. Nothing that opens one
//! is shown (T30).

use serde_json::{Value, json};

use crate::db::{self, FromRow, Row};
use crate::ground::{Error, Message, Result, Time, meters};
use crate::jobs;
use crate::mail::templates::Kind as Mailing;
use crate::params;

use super::audit::Event;
use super::sessions::{self, Caller, Held, Opened};
use super::{Auth, Client, UserId, device, old_system};

/// The most sessions that are listed, the latest first.
const MOST: i64 = 500;

/// A session that counts.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its name, by which it can be ended.
    pub sid: String,
    /// When it was opened.
    pub created_at: Time,
    /// When it was last used.
    pub last_used_at: Time,
    /// Its absolute end.
    pub expires_at: Time,
    /// The address that it was opened from.
    pub ip: Option<String>,
    /// What it was opened with, in words.
    pub device: Option<String>,
    /// How it was opened: a word as in the audit trail.
    pub method: String,
}

impl Listed {
    /// As clients and the operator read it.
    pub fn as_json(&self) -> Value {
        json!({
            "id": self.sid,
            "created_at": self.created_at.to_string(),
            "last_used_at": self.last_used_at.to_string(),
            "expires_at": self.expires_at.to_string(),
            "ip": self.ip,
            "device": self.device,
            "method": self.method,
        })
    }
}

impl FromRow for Listed {
    fn from_row(row: &Row<'_>) -> db::Result<Self> {
        let at = |millis: i64| Time::from_millis(millis);
        Ok(Self {
            sid: row.get(0)?,
            created_at: at(row.get(1)?),
            last_used_at: at(row.get(2)?),
            expires_at: at(row.get(3)?),
            ip: row.get(4)?,
            device: row.get::<Option<String>>(5)?.as_deref().and_then(device::in_words),
            method: row.get(6)?,
        })
    }
}

/// The sessions of a user that count, the latest first.
///
/// # Errors
/// Those of the database.
pub async fn of(auth: &Auth, user: UserId) -> Result<Vec<Listed>> {
    let (now, idle) = (auth.clock.now(), auth.settings.tokens.idle_ttl.duration());
    let sql = concat!(
        "SELECT s.sid, s.created_at, s.last_seen_at, s.expires_at, s.ip, s.user_agent, s.method FROM auth_sessions s ",
        "JOIN auth_users u ON u.id = s.user_id AND u.epoch = s.epoch WHERE s.user_id = $1 AND s.expires_at > $2 ",
        "ORDER BY s.created_at DESC, s.sid LIMIT $3"
    );
    let mut listed = auth.db.all::<Listed>(sql, params![user.as_i64(), now.millis(), MOST]).await?;
    for session in &mut listed {
        // The rows lag behind by a minute.
        session.last_used_at =
            auth.last_seen.of(&session.sid).map_or(session.last_used_at, |seen| seen.max(session.last_used_at));
    }
    listed.retain(|session| now < session.last_used_at.plus(idle));
    Ok(listed)
}

/// Why one session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its holder has logged out.
    LoggedOut,
    /// Its owner or the operator has picked it out of the list.
    Ended,
    /// A refresh token of it was used twice, so one of two has stolen it (T37).
    Reused,
}

impl Why {
    /// The word by which endings are counted.
    fn word(self) -> &'static str {
        match self {
            Self::LoggedOut => "logout",
            Self::Ended => "ended",
            Self::Reused => "reuse",
        }
    }

    fn event(self) -> &'static str {
        match self {
            Self::LoggedOut | Self::Ended => "session.ended",
            Self::Reused => "refresh.reused",
        }
    }
}

/// Ends one session of that user, and no other user's. Whether there was one: whoever comes second finds it ended, and it is told of
/// once.
///
/// # Errors
/// Those of the database.
pub async fn end(auth: &Auth, who: &Client, user: UserId, sid: &str, why: Why) -> Result<bool> {
    // What no session is called does not reach the database, which takes no NUL in a text (T72).
    if sessions::key_of_sid(sid).is_none() {
        return Ok(false);
    }
    let (sender, now, sid) = (who.clone(), auth.clock.now(), sid.to_owned());
    // Of two who used one token it cannot be told which is the owner: both are out, and the owner hears of it.
    let notice = why == Why::Reused && auth.settings.email.notices.session_ended;
    let event = Event::about(user, why.event()).with("sid", sid.as_str());
    let row = event.clone();
    let ended = auth
        .db
        .unit(move |tx| async move {
            let ended = sessions::end(&tx, user, &sid).await?;
            if ended {
                row.record(&tx, now, &sender).await?;
            }
            if ended && notice {
                jobs::outbox::ask(&tx, Mailing::SessionEnded, user, now).await?;
            }
            Ok::<_, Error>(ended)
        })
        .await?;
    if ended {
        if notice {
            auth.courier.bell.notify_one();
        }
        metrics::counter!(meters::SESSIONS_ENDED, "why" => why.word()).increment(1);
        event.log(who);
    }
    Ok(ended)
}

/// Ends what somebody logs out with, if it is not over already.
///
/// # Errors
/// Those of the database.
pub async fn log_out(auth: &Auth, who: &Client, user: UserId, held: &Held) -> Result<()> {
    match held {
        Held::Session(sid) => end(auth, who, user, sid, Why::LoggedOut).await.map(drop),
        Held::OldToken(token) => old_system::end(auth, who, user, token).await,
    }
}

/// Ends every session and every one-time token of the caller's user but the session in hand: how many sessions, and what that one
/// goes on with in a browser.
///
/// # Errors
/// [`Error::Unauthenticated`] when the session in hand has ended meanwhile, and those of the database.
pub async fn end_others(auth: &Auth, who: &Client, caller: &Caller) -> Result<(u64, Option<Opened>)> {
    let (floor, sender, holder, now) = (auth.clone(), who.clone(), caller.clone(), auth.clock.now());
    let (ended, renewed, event) = auth
        .unit(move |tx| async move {
            let ended = sessions::end_others(&tx, &holder).await?;
            let renewed = sessions::renew(&floor, &tx, &holder).await?;
            let event = Event::about(holder.user.id, "sessions.ended").with("by", "user").with("sessions", ended);
            event.record(&tx, now, &sender).await?;
            Ok::<_, Error>((ended, renewed, event))
        })
        .await?;
    metrics::counter!(meters::SESSIONS_ENDED, "why" => "ended").increment(ended);
    event.log(who);
    Ok((ended, renewed))
}

/// Ends every session and every one-time token of a user, for the operator. How many sessions.
///
/// # Errors
/// [`Error::Refused`] with 404 when there is no such user, and those of the database.
pub async fn end_all(auth: &Auth, user: UserId) -> Result<u64> {
    let (now, operator) = (auth.clock.now(), Client::operator(auth));
    let sender = operator.clone();
    let (ended, event) = auth
        .db
        .unit(move |tx| async move {
            let sql = "UPDATE auth_users SET version = version + 1, epoch = epoch + 1 WHERE id = $1";
            if tx.run(sql, params![user.as_i64()]).await? == 0 {
                return Err(Error::Refused(404, Message::NotFound));
            }
            let ended = sessions::end_all(&tx, user).await?;
            super::tokens::end_all(&tx, user).await?;
            let event = Event::about(user, "sessions.ended").with("by", "operator").with("sessions", ended);
            event.record(&tx, now, &sender).await?;
            Ok((ended, event))
        })
        .await?;
    metrics::counter!(meters::SESSIONS_ENDED, "why" => "operator").increment(ended);
    event.log(&operator);
    Ok(ended)
}
