//! `cargo run -p minimal`, then `curl http://127.0.0.1:8000/orders`.

use std::error::Error;
use std::future::pending;
use std::net::SocketAddr;

use vestibule::{Auth, Settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let auth = Auth::builder(Settings::default()).build().await?;
    let worker = auth.clone();
    tokio::spawn(async move { worker.run_worker(pending()).await });

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    // The peer's address is what limits count.
    axum::serve(listener, minimal::app(auth).into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
