//! A service of its own: it has the published keys of a Vestibule and no database. `python/` and `node/` do the same.

use std::error::Error;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use http_body_util::{BodyExt, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use vestibule::http::{BearerClaims, Jwks};

/// The service. `auth` is where the Vestibule is: `http://127.0.0.1:8000`.
pub fn app(auth: &str) -> Router {
    let url = format!("{auth}/.well-known/jwks.json");
    // Where the server sets jwt.issuer and jwt.audience, say the same here: `.issuer("https://auth.example.org")`.
    let keys = Jwks::fetched_by(move || fetch(url.clone()));
    Router::new().route("/orders", get(orders)).with_state(keys)
}

async fn orders(BearerClaims(claims): BearerClaims) -> String {
    format!("The orders of account {}", claims.user)
}

/// Gets the document by whatever HTTP client you have; this one speaks http. It follows no redirect and reads 64 KiB at most.
async fn fetch(url: String) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.get(url.parse()?).await?;
    if !answer.status().is_success() {
        return Err(format!("{url}: {}", answer.status()).into());
    }
    let bytes: Bytes = Limited::new(answer.into_body(), 64 * 1024).collect().await?.to_bytes();
    Ok(bytes.to_vec())
}
