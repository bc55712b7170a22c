//! What holds however requests overlap: on SQLite and PostgreSQL, at one service and at two that share the database.

#![expect(clippy::unwrap_used, reason = "a test that cannot look must fail")]

mod accounts;
mod addresses;
mod limits;
mod registration;
mod sessions;

use std::sync::Arc;

use serde_json::json;
use vestibule::db::Param;
use vestibule::testing::app::{PASSWORD, TestAnswer};
use vestibule::testing::{Arena, TestApp};

/// Another password that every policy takes.
const OTHER: &str = "An0ther-pass-7q";

/// What a query counts.
async fn number(arena: &Arena, sql: &'static str, params: &[Param<'_>]) -> i64 {
    arena.app.auth.db().one::<(i64,)>(sql, params).await.unwrap().unwrap().0
}

/// The status of `GET user/` with that key.
async fn status_of(app: &TestApp, key: &str) -> u16 {
    app.get("user/").token(key).send().await.status
}

/// Logs in.
async fn log_in(app: Arc<TestApp>, name: String, password: &'static str) -> TestAnswer {
    app.post("login/", json!({ "username": name, "password": password })).send().await
}

/// Changes the password with a key.
async fn change(app: Arc<TestApp>, key: String, old: &'static str, new: String) -> TestAnswer {
    let body = json!({ "old_password": old, "new_password1": new, "new_password2": new });
    app.post("password/change/", body).token(&key).send().await
}

/// Registers somebody, and gives the name and the keys of that many sessions.
async fn somebody(arena: &Arena, sessions: usize) -> (String, Vec<String>) {
    let name = arena.app.fresh_name();
    let mut keys = vec![arena.app.register(&name).await];
    while keys.len() < sessions {
        keys.push(log_in(arena.app.clone(), name.clone(), PASSWORD).await.expect(200).key());
    }
    (name, keys)
}
