//! Tokens of the system before this one, while its accounts move in ([`super::import`]).
//!
//! They name an account by its number and nothing else. So they stand for accounts that came from there alone: one that was made here
//! may have a number by which somebody else is known there.

use std::time::Duration;

use crate::ground::Result;
use crate::params;
use crate::settings::Verification;

use super::Auth;
use super::sessions::{Caller, Session};
use super::signing::Claims;
use super::users::{User, user_columns};

/// The epoch of an account whose credentials were never ended at once.
const FIRST_EPOCH: i64 = 1;

/// What a token leaves out of the moment when it was made.
const SECOND: Duration = Duration::from_secs(1);

/// Whom an access token stands for. It has no session here, so whatever needs one, such as a change of password, asks for the refresh
/// token to be exchanged first.
pub(super) async fn caller(auth: &Auth, claims: &Claims) -> Result<Option<Caller>> {
    let Some(user) = account(auth, claims).await? else { return Ok(None) };
    let session = Session { sid: String::new(), created_at: claims.issued_at, last_seen_at: claims.issued_at };
    Ok(Some(Caller { user, session }))
}

/// The account of a token, as long as nothing here has ended the account's credentials of before: a change of password, a reset, a
/// disabling. A token that is older than the account was somebody's who had the number before.
pub(super) async fn account(auth: &Auth, claims: &Claims) -> Result<Option<User>> {
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        " FROM auth_users u WHERE u.id = $1 AND u.epoch = $2 AND u.is_active = TRUE AND u.made_elsewhere_at < $3"
    );
    let user = auth.db.one::<User>(sql, params![claims.user.as_i64(), FIRST_EPOCH, claims.issued_at.plus(SECOND)]).await?;
    let must_prove = auth.settings.account.email_verification == Verification::Mandatory;
    Ok(user.filter(|user| user.email_verified || !must_prove))
}
