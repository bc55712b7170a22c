//! `cargo run -p custom_profile`, register at `/auth/registration/`, then look at `/greeting`.

use std::error::Error;
use std::future::pending;
use std::net::SocketAddr;

use vestibule::Auth;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let auth = custom_profile::accounts(Auth::builder(custom_profile::settings())).build().await?;
    let worker = auth.clone();
    tokio::spawn(async move { worker.run_worker(pending()).await });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    axum::serve(listener, custom_profile::app(auth).into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
