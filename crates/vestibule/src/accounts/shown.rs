//! What a person shows to prove that a mail was read.

use crate::db::Tx;
use crate::forms::Values;
use crate::ground::names::EmailAddress;
use crate::ground::{Error, FieldErrors, Message, Result, Secret};

use super::tokens::{self, Held, Purpose};
use super::{Auth, verification};

/// The token of the link, or the code and the address that it was mailed to.
#[derive(Clone)]
pub enum Shown {
    /// From the link.
    Token(Secret),
    /// Typed.
    Code(EmailAddress, Secret),
}

impl Shown {
    /// What was sent in the fields `key`, or `code` and `email`.
    ///
    /// # Errors
    /// [`Error::Fields`] when neither was.
    pub fn read(values: &Values, errors: FieldErrors) -> Result<Self> {
        match (values.secret("key"), values.secret("code"), values.email("email")) {
            (Some(key), ..) => Ok(Self::Token(key.clone())),
            (None, Some(code), Some(address)) => Ok(Self::Code(address.clone(), code.clone())),
            _ => errors.into_result().and(Err(Error::field("key", Message::Required))),
        }
    }

    /// Spends it. The rows of everybody who claims the address are taken first, in one order: what proves an address may remove
    /// other claims to it. The unit must be kept also when nothing is found: the try of a code counts (T24).
    ///
    /// # Errors
    /// Those of the database.
    pub async fn spend(&self, auth: &Auth, tx: &Tx, purpose: Purpose) -> Result<Option<Held>> {
        let now = auth.clock.now();
        match self {
            Self::Token(token) => {
                let Some(held) = tokens::peek_in(tx, purpose, token).await? else { return Ok(None) };
                verification::take_claims(tx, &held.email_key, Some(held.user)).await?;
                tokens::consume(tx, purpose, token, now).await
            }
            Self::Code(address, code) => {
                verification::take_claims(tx, address.key(), None).await?;
                match tokens::try_code(auth, tx, purpose, address.key(), code).await? {
                    Some((hash, _)) => tokens::consume_found(tx, purpose, &hash, now).await,
                    None => Ok(None),
                }
            }
        }
    }
}
