//! `cargo run -p alongside_your_tables`, register at `/auth/registration/`, then look at `/ledger`.

use std::error::Error;
use std::net::SocketAddr;

use alongside_your_tables::{Ledgers, app, make_tables};
use vestibule::{Auth, Settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let auth = Auth::builder(Settings::default()).hooks(Ledgers).build().await?;
    make_tables(auth.db()).await.map_err(|error| format!("{error:?}"))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    axum::serve(listener, app(auth).into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
