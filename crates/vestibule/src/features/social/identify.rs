//! Whose account an identity opens, and what becomes of an address that somebody has already.
//!
//! Issuer and subject alone identify. An address joins an identity to an account only where both sides have proven it, the
//! provider's word counts here (`trust_email`) and the owner wants it (`link`); so nobody comes into an account by an address that a
//! provider merely repeats (T25, T51).

use serde_json::json;

use crate::accounts::audit::Event;
use crate::accounts::tokens::Held;
use crate::accounts::users::{self, NewUser, User};
use crate::accounts::{Auth, Client, UserId, enrolment, identities, unique, verification};
use crate::db::Tx;
use crate::ground::names::EmailAddress;
use crate::ground::{Error, Message, Result, Time};
use crate::jobs;
use crate::mail::templates::Kind as Mailing;
use crate::settings::{Link, Presence, Registration, Verification};
use crate::social::{Person, Provider};

use super::details::Details;

/// What a provider says, and what else goes into the account.
pub struct Asserted<'a> {
    /// The provider.
    pub provider: &'a Provider,
    /// Who it says that it is.
    pub person: &'a Person,
    /// The provider's tokens, encrypted, where they are kept.
    pub tokens: Option<&'a [u8]>,
    /// What the person told besides.
    pub details: &'a Details,
}

/// What came of it.
pub enum Identified {
    /// The account, and the epoch with which its session is to open.
    Account(UserId, i64),
    /// The address must be proven first.
    ToVerify,
    /// These fields are needed for an account and nobody told them.
    Incomplete(Vec<String>),
}

/// Finds or makes the account of an identity, in a unit. What is to be logged once that is safe is put into `events`.
///
/// # Errors
/// [`Message::EmailTaken`] or [`Message::LinkRequired`] where the address is somebody's, 403 where registration is closed, those of
/// the host's hooks and of the database.
pub async fn identify(
    auth: &Auth,
    tx: &Tx,
    who: &Client,
    asserted: &Asserted<'_>,
    events: &mut Vec<Event>,
) -> Result<Identified> {
    let (person, now) = (asserted.person, auth.clock.now());
    // Twice: whoever loses the race for an identity finds it the second time.
    for _ in 0..2 {
        if let Some(found) = identities::find(tx, &person.issuer, &person.subject).await? {
            users::lock(tx, found.user, found.epoch).await?.ok_or_else(|| Error::non_field(Message::LoginFailed))?;
            identities::came_in(tx, found.id, asserted.tokens, now).await?;
            return Ok(Identified::Account(found.user, found.epoch));
        }
        if let Some(claimed) = identities::claim(tx, asserted.provider.id, &person.issuer, &person.subject, now).await? {
            let unit = Unit { auth, tx, who, asserted, claimed, now };
            return unit.settle(events).await;
        }
    }
    Err(Error::Unavailable(std::time::Duration::from_secs(1)))
}

/// The address that the provider tells, where accounts have one.
pub(super) fn told_address(auth: &Auth, person: &Person) -> Option<EmailAddress> {
    let has_addresses = auth.settings.account.email != Presence::Off;
    person.email.as_deref().filter(|_| has_addresses).and_then(|text| EmailAddress::parse(text).ok())
}

/// What to do with a new identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// It gets an account of its own.
    New,
    /// It joins the account that has proven the same address.
    Join,
    /// It takes the account over, whose address was never proven but by it.
    TakeOver,
    /// The address is somebody's.
    Taken,
    /// The address is somebody's, who may connect the identity after logging in.
    Ask,
}

/// `holder`: whether the account that has the address has proven it. `sole`: whether it has the address alone although it has not.
fn plan(link: Link, proven: bool, holder: Option<bool>, sole: bool) -> Plan {
    match (holder, proven, link) {
        (None, ..) => Plan::New,
        (Some(true), true, Link::Verified) => Plan::Join,
        (Some(false), true, Link::Verified) => Plan::TakeOver,
        // Under mandatory verification several may wait with one address.
        (Some(false), ..) if !sole => Plan::New,
        (Some(_), true, Link::Ask) => Plan::Ask,
        (Some(_), ..) => Plan::Taken,
    }
}

/// A unit in which an identity is claimed and not given yet.
struct Unit<'a> {
    auth: &'a Auth,
    tx: &'a Tx,
    who: &'a Client,
    asserted: &'a Asserted<'a>,
    claimed: i64,
    now: Time,
}

impl Unit<'_> {
    async fn settle(&self, events: &mut Vec<Event>) -> Result<Identified> {
        let told = told_address(self.auth, self.asserted.person);
        let proven = told.is_some() && self.asserted.person.email_verified && self.asserted.provider.settings.trust_email;
        let address = told.or_else(|| self.asserted.details.email.clone());
        let held = self.holder(address.as_ref()).await?;
        let mandatory = self.auth.settings.account.email_verification == Verification::Mandatory;
        let verified = held.as_ref().map(|holder| holder.as_ref().is_none_or(|user| user.email_verified));
        match (plan(self.asserted.provider.link(), proven, verified, !mandatory), held.flatten(), address) {
            (Plan::New, _, address) => self.enrol(address, proven, events).await,
            (Plan::Join, Some(user), _) => {
                self.give(&user, false, events).await?;
                jobs::outbox::ask(self.tx, Mailing::ProviderConnected, user.id, self.now).await?;
                Ok(Identified::Account(user.id, user.epoch))
            }
            (Plan::TakeOver, Some(user), Some(address)) => self.take_over(&user, &address, events).await,
            (Plan::Ask, ..) => Err(Error::non_field(Message::LinkRequired)),
            (_, _, address) => self.taken(address, proven, mandatory).await,
        }
    }

    /// The account that has the address, its row taken; `Some(None)` for one that nobody may come into.
    async fn holder(&self, address: Option<&EmailAddress>) -> Result<Option<Option<User>>> {
        let Some(address) = address else { return Ok(None) };
        let Some((id, epoch)) = verification::claimant(self.tx, address).await? else { return Ok(None) };
        Ok(Some(users::lock(self.tx, id, epoch).await?))
    }

    /// Where nothing else tells who has an account, this does not either: the owner learns of it by mail (T11, T51).
    async fn taken(&self, address: Option<EmailAddress>, proven: bool, mandatory: bool) -> Result<Identified> {
        let hidden = mandatory && !proven && !self.auth.settings.compat();
        let Some(address) = address.filter(|_| hidden) else { return Err(Error::field("email", Message::EmailTaken)) };
        identities::release(self.tx, self.claimed).await?;
        jobs::outbox::ask_for_address(self.tx, Mailing::AccountAlreadyExists, address.shown(), self.now).await?;
        Ok(Identified::ToVerify)
    }

    /// A sign-up that waited is empty then, and is filled in anew with what the provider and the person tell.
    async fn take_over(&self, user: &User, address: &EmailAddress, events: &mut Vec<Event>) -> Result<Identified> {
        let (auth, person) = (self.auth, self.asserted.person);
        let profile = match self.asserted.details.profile(auth, person, true) {
            _ if !verification::waits(self.tx, user.id).await? => None,
            Ok(profile) => Some(profile),
            Err(missing) => {
                identities::release(self.tx, self.claimed).await?;
                return Ok(Identified::Incomplete(missing));
            }
        };
        let held = Held { user: user.id, epoch: user.epoch, email_key: address.key().to_owned() };
        let (mut user, gone) = verification::take_over(auth, self.tx, self.who, &held).await?;
        if let Some(profile) = profile {
            (user.first_name, user.last_name, user.profile) = (person.first_name.clone(), person.last_name.clone(), profile);
            users::update(self.tx, &user, None).await?;
            unique::claim(self.tx, &auth.shapes.declared, user.id, &json!({}), &user.profile).await?;
        }
        events.extend(gone);
        self.note(Event::about(user.id, "email.verified"), events).await?;
        self.give(&user, true, events).await?;
        Ok(Identified::Account(user.id, user.epoch))
    }

    async fn enrol(&self, address: Option<EmailAddress>, proven: bool, events: &mut Vec<Event>) -> Result<Identified> {
        if self.auth.settings.account.registration == Registration::Closed {
            return Err(Error::Refused(403, Message::PermissionDenied));
        }
        let (chosen, own) = (&self.asserted.details.username, address.as_ref().map(EmailAddress::shown));
        if chosen.as_ref().is_some_and(|name| users::is_anothers_address(self.auth, name, own)) {
            return Err(Error::field("username", Message::UsernameDenied));
        }
        let new = match self.new_user(address, proven) {
            Ok(new) => new,
            Err(missing) => {
                identities::release(self.tx, self.claimed).await?;
                return Ok(Identified::Incomplete(missing));
            }
        };
        let (user, event) = enrolment::enrol(self.auth, self.tx, self.who, new, self.now).await?;
        events.push(event);
        self.give(&user, true, events).await?;
        if self.auth.settings.account.email_verification == Verification::Mandatory && !user.email_verified {
            return Ok(Identified::ToVerify);
        }
        Ok(Identified::Account(user.id, user.epoch))
    }

    /// The account to make, or what is missing for it.
    fn new_user(&self, address: Option<EmailAddress>, proven: bool) -> Result<NewUser, Vec<String>> {
        let (person, details, account) = (self.asserted.person, self.asserted.details, &self.auth.settings.account);
        let profile = details.profile(self.auth, person, address.is_some())?;
        let usernames = match &details.username {
            Some(name) => vec![name.clone()],
            None => {
                let own = person.username.as_deref();
                let sources = [own, address.as_ref().map(EmailAddress::local_part), Some(person.first_name.as_str())];
                users::names_from(self.auth, &sources.into_iter().flatten().collect::<Vec<_>>())
            }
        };
        Ok(NewUser {
            usernames,
            email: address,
            email_verified: proven,
            owns_email: account.email_verification != Verification::Mandatory,
            password: None,
            first_name: person.first_name.clone(),
            last_name: person.last_name.clone(),
            is_staff: false,
            profile,
            language: Some(details.language.clone()),
            extra: serde_json::Value::Null,
        })
    }

    async fn give(&self, user: &User, founding: bool, events: &mut Vec<Event>) -> Result<()> {
        identities::give(self.tx, self.claimed, user.id, founding).await?;
        identities::came_in(self.tx, self.claimed, self.asserted.tokens, self.now).await?;
        self.note(linked(user.id, self.asserted.provider), events).await
    }

    async fn note(&self, event: Event, events: &mut Vec<Event>) -> Result<()> {
        event.record(self.tx, self.now, self.who).await?;
        events.push(event);
        Ok(())
    }
}

/// That an identity was connected (T81).
pub(super) fn linked(user: UserId, provider: &Provider) -> Event {
    Event::about(user, "identity.linked").with("provider", provider.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t51_an_address_joins_only_what_both_sides_have_proven() {
        for (link, proven, holder, sole, expected) in [
            (Link::Verified, true, None, true, Plan::New),
            (Link::Verified, true, Some(true), true, Plan::Join),
            (Link::Verified, false, Some(true), true, Plan::Taken),
            (Link::Ask, true, Some(true), true, Plan::Ask),
            (Link::Ask, false, Some(true), true, Plan::Taken),
            (Link::Never, true, Some(true), true, Plan::Taken),
            (Link::Verified, true, Some(false), true, Plan::TakeOver),
            (Link::Verified, true, Some(false), false, Plan::TakeOver),
            (Link::Verified, false, Some(false), true, Plan::Taken),
            (Link::Verified, false, Some(false), false, Plan::New),
            (Link::Ask, true, Some(false), true, Plan::Ask),
            (Link::Ask, true, Some(false), false, Plan::New),
            (Link::Never, true, Some(false), true, Plan::Taken),
        ] {
            assert_eq!(plan(link, proven, holder, sole), expected, "{link:?} {proven} {holder:?} {sole}");
        }
    }
}
