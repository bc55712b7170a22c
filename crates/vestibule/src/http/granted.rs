//! What whoever came in is answered with, as the settings call for.

use crate::accounts::Auth;
use crate::accounts::login::Granted;
use crate::ground::{Error, Result};

use super::Answer;
use super::cookies;

/// The answer to a login, a registration or another way in: the key or the tokens of the new session, and its cookies.
///
/// # Errors
/// [`Error::Internal`] when the session has not what the mode gives out.
pub async fn granted(auth: &Auth, status: u16, granted: &Granted) -> Result<Answer> {
    let key =
        granted.session.key.as_ref().ok_or_else(|| Error::internal("a session without a key was to be answered with it"))?;
    Ok(Answer::key(status, key).with_cookies(cookies::of_session(auth, &granted.session)))
}
