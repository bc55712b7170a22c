//! Registration by invitation only. The form asks for an invitation beside what it always asks for; the invitation is spent in the
//! unit that makes the account, so that it is used once however many try at the same time, and kept if the account is not made.
//! Whatever happens to accounts is told afterwards, here to a list.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use vestibule::accounts::audit::Event;
use vestibule::db::{Db, Tx};
use vestibule::ground::Result;
use vestibule::{Auth, Builder, Error, Hooks, NewUser, RequireStaff, Settings, User, params};

/// What is asked at registration beside name, address and passwords.
#[derive(Deserialize, JsonSchema)]
pub struct Register {
    /// The code of your invitation.
    #[schemars(title = "Invitation", length(max = 40))]
    invite: String,
}

impl TryFrom<Register> for NewUser {
    type Error = Error;

    fn try_from(form: Register) -> Result<Self> {
        // Not kept with the account: only the hook below sees it.
        Ok(Self { extra: json!({ "invite": form.invite }), ..Self::default() })
    }
}

/// Asks for invitations, and remembers what happened.
#[derive(Clone, Default)]
pub struct Invites {
    news: Arc<Mutex<Vec<String>>>,
}

impl Hooks for Invites {
    async fn before_register(&self, tx: &Tx, new: &mut NewUser) -> Result<()> {
        // One guarded statement: of two who come with the same invitation, one is first.
        let sql = "UPDATE invites SET used = TRUE WHERE code = $1 AND used = FALSE";
        match tx.run(sql, params![new.extra["invite"].as_str()]).await? {
            1 => Ok(()),
            _ => Err(("invite", "This invitation is not known, or somebody used it.").into()),
        }
    }

    async fn before_delete(&self, _: &Tx, user: &User) -> Result<()> {
        if user.is_staff { Err(("user", "Staff is not removed.").into()) } else { Ok(()) }
    }

    async fn on_event(&self, event: &Event) {
        // A real one would call another service here: nobody waits for it.
        let whose = event.user().map(|id| id.to_string()).unwrap_or_default();
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{} {whose}", event.name()));
    }
}

/// Makes the table with two invitations, on whichever database the settings name.
///
/// # Errors
/// Those of the database.
pub async fn make_tables(db: &Db) -> Result<()> {
    db.unit(|tx| async move {
        tx.run("CREATE TABLE IF NOT EXISTS invites (code TEXT PRIMARY KEY, used BOOLEAN NOT NULL)", params![]).await?;
        tx.run("INSERT INTO invites VALUES ('welcome-1', FALSE), ('welcome-2', FALSE) ON CONFLICT DO NOTHING", params![]).await?;
        Ok(())
    })
    .await
}

/// The settings, as they are by default.
#[must_use]
pub fn settings() -> Settings {
    Settings::default()
}

/// The service that asks for invitations.
#[must_use]
pub fn accounts(builder: Builder) -> Builder {
    accounts_with(builder, Invites::default())
}

/// The same with hooks that the application also uses.
#[must_use]
pub fn accounts_with(builder: Builder, invites: Invites) -> Builder {
    builder.register_form::<Register>().hooks(invites)
}

/// The application.
pub fn app(auth: Auth) -> Router {
    Router::new().route("/accounts", get(count)).nest("/auth", auth.router()).with_state(auth)
}

async fn count(State(auth): State<Auth>, _: RequireStaff) -> String {
    let row = auth.db().one::<(i64,)>("SELECT count(*) FROM auth_users", params![]).await;
    row.ok().flatten().map_or_else(|| "unknown".to_owned(), |(count,)| count.to_string())
}

impl Invites {
    /// What happened so far.
    pub fn news(&self) -> Vec<String> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
