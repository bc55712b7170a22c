//! `cargo run -p verify-elsewhere`, beside a server with `tokens.mode = "jwt"`; then
//! `curl http://127.0.0.1:9000/orders -H "Authorization: Bearer $ACCESS"`.

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let auth = std::env::var("VESTIBULE_URL").unwrap_or_else(|_| "http://127.0.0.1:8000".to_owned());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:9000").await?;
    axum::serve(listener, verify_elsewhere::app(&auth)).await?;
    Ok(())
}
