//! `cargo run -p hooks`, then register at `/auth/registration/` with the invitation `welcome-1`.

use std::error::Error;
use std::future::pending;
use std::net::SocketAddr;

use vestibule::Auth;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let auth = hooks::accounts(Auth::builder(hooks::settings())).build().await?;
    hooks::make_tables(auth.db()).await.map_err(|error| format!("{error:?}"))?;
    let worker = auth.clone();
    tokio::spawn(async move { worker.run_worker(pending()).await });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    axum::serve(listener, hooks::app(auth).into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
