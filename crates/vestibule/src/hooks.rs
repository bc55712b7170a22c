//! The host's own code inside a flow.
//!
//! A hook runs in the unit of the flow: what it writes through [`Tx`], also to the host's own tables, commits with the flow or
//! not at all, and an error from it undoes everything and is the answer. It must not hash, mail or use the network: a hook that
//! awaits something foreign for longer than 250 ms on SQLite, or 2 s on PostgreSQL, is cut off and answered with 503.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Map, Value};

use crate::accounts::audit::Event;
use crate::accounts::{NewUser, User};
use crate::db::Tx;
use crate::ground::Result;

/// What a host does when something happens to an account. Every method does nothing unless it is written.
///
/// ```
/// use vestibule::Hooks;
/// use vestibule::accounts::User;
/// use vestibule::db::Tx;
/// use vestibule::ground::Result;
/// use vestibule::params;
///
/// struct OpenLedger;
///
/// impl Hooks for OpenLedger {
///     async fn after_register(&self, tx: &Tx, user: &User) -> Result<()> {
///         tx.run("INSERT INTO ledgers (owner, balance) VALUES ($1, 0)", params![user.id.as_i64()]).await?;
///         Ok(())
///     }
/// }
/// ```
pub trait Hooks: Send + Sync + 'static {
    /// Before an account is made. May change what is made, or refuse with an error, which is the answer:
    /// `Err(("invite", "This invitation is not known.").into())` stands at that field. Where an answer must not tell that an
    /// address has an account (T11), it is also asked about accounts that are not made, in a unit that is undone; so refuse here,
    /// not in [`Hooks::after_register`].
    fn before_register(&self, tx: &Tx, new: &mut NewUser) -> impl Future<Output = Result<()>> + Send {
        let _ = (tx, new);
        async { Ok(()) }
    }

    /// When the account is there, for the rows that a host keeps for each account.
    fn after_register(&self, tx: &Tx, user: &User) -> impl Future<Output = Result<()>> + Send {
        let _ = (tx, user);
        async { Ok(()) }
    }

    /// What an access token says beside our own claims, whenever one is made: at a login and at each refresh. A claim of ours
    /// (`exp`, `sid`, …) cannot be set; the whole must stay small, since a token has to fit into a cookie. Whoever holds the
    /// token can read it.
    fn claims(&self, tx: &Tx, user: &User, claims: &mut Map<String, Value>) -> impl Future<Output = Result<()>> + Send {
        let _ = (tx, user, claims);
        async { Ok(()) }
    }

    /// Before a session opens, whatever the way in. May refuse with an error.
    fn before_login(&self, tx: &Tx, user: &User) -> impl Future<Output = Result<()>> + Send {
        let _ = (tx, user);
        async { Ok(()) }
    }

    /// Before an account is removed, in the unit that removes it: for the host's own rows, or to refuse with an error.
    fn before_delete(&self, tx: &Tx, user: &User) -> impl Future<Output = Result<()>> + Send {
        let _ = (tx, user);
        async { Ok(()) }
    }

    /// After something happened and is safe: the events of the audit trail, in their order, one at a time. Nobody waits for it
    /// and nothing it does can undo what happened. It has ten seconds for each event; where 1,024 wait, more are not told, and
    /// those that wait when the process ends are lost: what must not be lost belongs into the hooks above, or is read from the
    /// audit trail.
    fn on_event(&self, event: &Event) -> impl Future<Output = ()> + Send {
        let _ = event;
        async {}
    }
}

/// No hooks.
pub(crate) struct NoHooks;

impl Hooks for NoHooks {}

type Done<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// [`Hooks`] without their type, so that nothing else in the house is generic over it.
pub(crate) trait AnyHooks: Send + Sync {
    /// Whether there is nothing to run.
    fn are_none(&self) -> bool;
    /// See [`Hooks::before_register`].
    fn before_register<'a>(&'a self, tx: &'a Tx, new: &'a mut NewUser) -> Done<'a>;
    /// See [`Hooks::after_register`].
    fn after_register<'a>(&'a self, tx: &'a Tx, user: &'a User) -> Done<'a>;
    /// See [`Hooks::claims`].
    fn claims<'a>(&'a self, tx: &'a Tx, user: &'a User, claims: &'a mut Map<String, Value>) -> Done<'a>;
    /// See [`Hooks::before_login`].
    fn before_login<'a>(&'a self, tx: &'a Tx, user: &'a User) -> Done<'a>;
    /// See [`Hooks::before_delete`].
    fn before_delete<'a>(&'a self, tx: &'a Tx, user: &'a User) -> Done<'a>;
    /// See [`Hooks::on_event`].
    fn on_event<'a>(&'a self, event: &'a Event) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

impl<H: Hooks> AnyHooks for H {
    fn are_none(&self) -> bool {
        std::any::TypeId::of::<H>() == std::any::TypeId::of::<NoHooks>()
    }

    fn before_register<'a>(&'a self, tx: &'a Tx, new: &'a mut NewUser) -> Done<'a> {
        Box::pin(Hooks::before_register(self, tx, new))
    }

    fn after_register<'a>(&'a self, tx: &'a Tx, user: &'a User) -> Done<'a> {
        Box::pin(Hooks::after_register(self, tx, user))
    }

    fn claims<'a>(&'a self, tx: &'a Tx, user: &'a User, claims: &'a mut Map<String, Value>) -> Done<'a> {
        Box::pin(Hooks::claims(self, tx, user, claims))
    }

    fn before_login<'a>(&'a self, tx: &'a Tx, user: &'a User) -> Done<'a> {
        Box::pin(Hooks::before_login(self, tx, user))
    }

    fn before_delete<'a>(&'a self, tx: &'a Tx, user: &'a User) -> Done<'a> {
        Box::pin(Hooks::before_delete(self, tx, user))
    }

    fn on_event<'a>(&'a self, event: &'a Event) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(Hooks::on_event(self, event))
    }
}
