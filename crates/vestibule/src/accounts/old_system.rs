//! Tokens of the system before this one, while its accounts move in ([`super::import`]).
//!
//! They name an account by its number and nothing else. So they stand for accounts that came from there alone: one that was made here
//! may have a number by which somebody else is known there.

use std::time::Duration;

use crate::db::Tx;
use crate::ground::secrets::Digest;
use crate::ground::{Error, Result, Time};
use crate::params;
use crate::settings::Verification;

use super::audit::Event;
use super::sessions::{Caller, Method, Session};
use super::signing::Claims;
use super::users::{User, user_columns};
use super::{Auth, Client, UserId};

/// The epoch of an account whose credentials were never ended at once.
const FIRST_EPOCH: i64 = 1;

/// What a token leaves out of the moment when it was made.
const SECOND: Duration = Duration::from_secs(1);

/// One such token, as much of it as is kept once it counts no more.
#[derive(Clone, Debug)]
pub struct OldToken {
    hash: Digest,
    counts_until: Time,
}

impl OldToken {
    pub(super) fn of(auth: &Auth, claims: &Claims) -> Self {
        let counts_until = claims.expires_at.plus(auth.settings.jwt.leeway.duration());
        Self { hash: Digest::of(claims.jti.as_bytes()), counts_until }
    }

    /// Uses the token up, in a unit: a refresh token that opens a session, or whatever somebody logs out with. Whether it was not before.
    pub(super) async fn spend(&self, tx: &Tx) -> Result<bool> {
        let sql = "INSERT INTO auth_spent_tokens (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        Ok(tx.run(sql, params![self.hash.as_bytes(), self.counts_until]).await? == 1)
    }
}

/// Ends a token of that user with whoever logs out (T27).
pub(super) async fn end(auth: &Auth, who: &Client, user: UserId, token: &OldToken) -> Result<()> {
    let (sender, token, now) = (who.clone(), token.clone(), auth.clock.now());
    let event = Event::about(user, "session.ended").with("method", Method::OldSystem.as_str());
    let row = event.clone();
    let work = move |tx: Tx| async move {
        let ended = token.spend(&tx).await?;
        if ended {
            row.record(&tx, now, &sender).await?;
        }
        Ok::<_, Error>(ended)
    };
    if auth.db.unit(work).await? {
        event.log(who);
    }
    Ok(())
}

/// Whom an access token stands for. It has no session here, so whatever needs one, such as a change of password, asks for the refresh
/// token to be exchanged first.
pub(super) async fn caller(auth: &Auth, claims: &Claims) -> Result<Option<Box<Caller>>> {
    let Some(user) = account(auth, claims).await? else { return Ok(None) };
    let old_token = Some(OldToken::of(auth, claims));
    let session = Session { sid: String::new(), created_at: claims.issued_at, last_seen_at: claims.issued_at, old_token };
    Ok(Some(Box::new(Caller { user, session, by_cookie: false })))
}

/// The account of a token, as long as nothing here has ended the token or the account's credentials of before: a change of password, a
/// reset, a disabling. A token that is older than the account was somebody's who had the number before.
pub(super) async fn account(auth: &Auth, claims: &Claims) -> Result<Option<User>> {
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        " FROM auth_users u WHERE u.id = $1 AND u.epoch = $2 AND u.is_active = TRUE AND u.made_elsewhere_at < $3 ",
        "AND NOT EXISTS (SELECT 1 FROM auth_spent_tokens t WHERE t.hash = $4)"
    );
    let (made_before, hash) = (claims.issued_at.plus(SECOND), Digest::of(claims.jti.as_bytes()));
    let user = auth.db.one::<User>(sql, params![claims.user.as_i64(), FIRST_EPOCH, made_before, hash.as_bytes()]).await?;
    let must_prove = auth.settings.account.email_verification == Verification::Mandatory;
    Ok(user.filter(|user| user.email_verified || !must_prove))
}
