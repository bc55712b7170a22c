//! The rules of connecting a provider to an account, and of taking it away again.

use crate::accounts::audit::Event;
use crate::accounts::identities::{self, Identity};
use crate::accounts::limits::{self, Action};
use crate::accounts::login::{self, Granted};
use crate::accounts::sessions::{Caller, Method};
use crate::accounts::{Auth, Client, UserId, recent, users};
use crate::db::Tx;
use crate::forms::Values;
use crate::ground::{Error, FieldErrors, Message, Result};
use crate::jobs;
use crate::mail::templates::Kind as Mailing;

use super::flow::{self, Told};
use super::identify::linked;

/// Whether somebody has logged in a moment ago: who finds an open session must not add a way in of their own.
///
/// # Errors
/// 403 with [`Message::ReauthenticationNeeded`] when that is too long ago; those of the database.
pub async fn demand_recent_login(auth: &Auth, caller: &Caller) -> Result<()> {
    if recent::is_recent(auth, &caller.session).await? {
        return Ok(());
    }
    Err(Error::Refused(403, Message::ReauthenticationNeeded))
}

/// Connects whom the client brings to the caller's account, and opens a session as every login does.
///
/// # Errors
/// 403 without a recent login, [`Message::IdentityTaken`] when it is another's, and as [`flow::login`].
pub async fn connect(
    auth: &Auth,
    who: &Client,
    id: &str,
    caller: &Caller,
    values: &Values,
    errors: FieldErrors,
) -> Result<Granted> {
    limits::hit(auth, Action::Login, who).await?;
    errors.into_result()?;
    if ["code", "id_token", "access_token"].iter().all(|name| values.text(name).is_none()) {
        return Err(Error::non_field(Message::SocialInputMissing));
    }
    demand_recent_login(auth, caller).await?;
    let told = flow::ask(auth, id, values).await?;
    let (floor, sender, owner) = (auth.clone(), who.clone(), (caller.user.id, caller.user.epoch));
    let (granted, event) = auth
        .unit(move |tx| async move {
            flow::spend(&tx, &told).await?;
            let event = attach(&floor, &tx, &sender, &told, owner).await?;
            let granted = login::finish(&floor, &tx, &sender, owner.0, owner.1, Method::Social).await?;
            Ok((granted, event))
        })
        .await?;
    flow::tell(auth, who, event.as_slice());
    granted.event.log(who);
    Ok(granted)
}

/// Gives an identity to an account, in a unit. Nothing happens when the account has it already.
pub(super) async fn attach(auth: &Auth, tx: &Tx, who: &Client, told: &Told, owner: (UserId, i64)) -> Result<Option<Event>> {
    let (person, now) = (&told.person, auth.clock.now());
    let claimed = identities::claim(tx, told.provider.id, &person.issuer, &person.subject, now).await?;
    users::lock(tx, owner.0, owner.1).await?.ok_or(Error::Unauthenticated(Message::InvalidToken))?;
    let Some(claimed) = claimed else {
        return match identities::find(tx, &person.issuer, &person.subject).await? {
            Some(found) if found.user == owner.0 => {
                identities::came_in(tx, found.id, told.tokens.as_deref(), now).await?;
                Ok(None)
            }
            _ => Err(Error::non_field(Message::IdentityTaken)),
        };
    };
    identities::give(tx, claimed, owner.0, false).await?;
    identities::came_in(tx, claimed, told.tokens.as_deref(), now).await?;
    jobs::outbox::ask(tx, Mailing::ProviderConnected, owner.0, now).await?;
    let event = linked(owner.0, &told.provider);
    event.record(tx, now, who).await?;
    Ok(Some(event))
}

/// The identities of an account.
///
/// # Errors
/// Those of the database.
pub async fn list(auth: &Auth, user: UserId) -> Result<Vec<Identity>> {
    identities::of_user(&auth.db, user).await
}

/// Takes an identity from the caller's account. The last way in stays (T55): the user's row is taken first, so that of two at once
/// the second counts what the first has left.
///
/// # Errors
/// 404 for an identity that is not the caller's, [`Message::LastLoginMethod`] for the last way in, and those of the database.
pub async fn disconnect(auth: &Auth, who: &Client, caller: &Caller, id: i64) -> Result<()> {
    let (floor, sender, user, epoch) = (auth.clone(), who.clone(), caller.user.id, caller.user.epoch);
    let event = auth
        .db
        .unit(move |tx| async move {
            users::lock(&tx, user, epoch).await?.ok_or(Error::Unauthenticated(Message::InvalidToken))?;
            let all = identities::of_locked_user(&tx, user).await?;
            let gone = all.iter().find(|identity| identity.id == id).ok_or(Error::Refused(404, Message::NotFound))?;
            // An identity of a provider that is not in the settings any more lets nobody in.
            let opens = |other: &&Identity| other.id != id && floor.social.providers.get(&other.provider).is_some();
            if !all.iter().any(|other| opens(&other)) && !identities::has_password(&tx, user).await? {
                return Err(Error::non_field(Message::LastLoginMethod));
            }
            identities::remove(&tx, user, id).await?;
            let event = Event::about(user, "identity.unlinked").with("provider", gone.provider.as_str());
            event.record(&tx, floor.clock.now(), &sender).await?;
            Ok::<_, Error>(event)
        })
        .await?;
    event.log(who);
    Ok(())
}
