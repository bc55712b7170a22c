//! `cargo run -p own_templates`, register at `/auth/registration/`, and read the mail on the terminal.

use std::error::Error;
use std::future::pending;
use std::net::SocketAddr;

use vestibule::Auth;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let auth = own_templates::accounts(Auth::builder(own_templates::settings())).build().await?;
    let worker = auth.clone();
    tokio::spawn(async move { worker.run_worker(pending()).await });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    axum::serve(listener, own_templates::app(auth).into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
