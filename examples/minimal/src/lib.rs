//! An axum application with accounts, in a screenful.

use axum::Router;
use axum::routing::get;
use vestibule::{Auth, CurrentUser, OptionalUser};

/// The application: its own pages, and Vestibule's endpoints under `/auth`.
pub fn app(auth: Auth) -> Router {
    Router::new()
        .route("/", get(welcome))
        .route("/orders", get(orders))
        .nest("/auth", auth.router())
        .merge(auth.well_known())
        .with_state(auth)
}

async fn welcome(OptionalUser(user): OptionalUser) -> String {
    match user.and_then(|user| user.username) {
        Some(name) => format!("Hello, {name}!"),
        None => "Hello, stranger!".to_owned(),
    }
}

async fn orders(CurrentUser(user): CurrentUser) -> String {
    format!("The orders of account {}", user.id)
}
