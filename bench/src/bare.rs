//! A bare axum server that answers what `user/` answers: the least that any server of ours can cost.

use std::net::SocketAddr;

use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

use crate::Result;

#[derive(Serialize)]
struct Me {
    pk: i64,
    username: &'static str,
    email: &'static str,
    first_name: &'static str,
    last_name: &'static str,
}

async fn me() -> Json<Me> {
    Json(Me { pk: 5_000, username: "user5000", email: "user5000@example.org", first_name: "", last_name: "" })
}

/// Serves until the process is ended.
///
/// # Errors
/// When the address cannot be listened on.
pub(crate) async fn serve(listen: SocketAddr) -> Result<()> {
    let app: Router = Router::new().route("/auth/user/", get(me).patch(me)).route("/readyz", get(|| async { "ok" }));
    let listener = TcpListener::bind(listen).await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, app).await?)
}
