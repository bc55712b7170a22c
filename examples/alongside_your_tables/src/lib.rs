//! Rows of your own that are made with the account, or not at all: every account gets a ledger in the unit of its registration,
//! and an account whose name is on the house's list gets none, and is not made.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use vestibule::accounts::User;
use vestibule::accounts::users::NewUser;
use vestibule::db::{Db, Tx};
use vestibule::ground::{Error, Message, Result};
use vestibule::{Auth, CurrentUser, Hooks, params};

/// Makes the table, on whichever database the settings name.
///
/// # Errors
/// Those of the database.
pub async fn make_tables(db: &Db) -> Result<()> {
    db.unit(|tx| async move {
        tx.run("CREATE TABLE IF NOT EXISTS ledgers (owner BIGINT PRIMARY KEY, cents BIGINT NOT NULL)", params![]).await?;
        Ok(())
    })
    .await
}

/// Opens a ledger for every new account.
pub struct Ledgers;

impl Hooks for Ledgers {
    async fn before_register(&self, _: &Tx, new: &mut NewUser) -> Result<()> {
        let banned = new.usernames.iter().any(|name| name.key() == "mallory");
        if banned { Err(Error::field("username", Message::UsernameDenied)) } else { Ok(()) }
    }

    async fn after_register(&self, tx: &Tx, user: &User) -> Result<()> {
        tx.run("INSERT INTO ledgers (owner, cents) VALUES ($1, 1000)", params![user.id.as_i64()]).await?;
        Ok(())
    }
}

/// The application.
pub fn app(auth: Auth) -> Router {
    Router::new().route("/ledger", get(ledger)).nest("/auth", auth.router()).with_state(auth)
}

async fn ledger(State(auth): State<Auth>, CurrentUser(user): CurrentUser) -> std::result::Result<Json<Value>, StatusCode> {
    let row = auth.db().one::<(i64,)>("SELECT cents FROM ledgers WHERE owner = $1", params![user.id.as_i64()]).await;
    let (cents,) = row.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?.ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(json!({ "cents": cents })))
}
