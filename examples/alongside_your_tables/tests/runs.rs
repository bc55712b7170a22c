//! The example does what it says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use alongside_your_tables::{Ledgers, app, make_tables};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use vestibule::{Auth, Settings};

async fn send(app: &Router, request: axum::http::request::Builder, body: Value) -> (u16, Value) {
    let response = app.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

async fn register(app: &Router, name: &str) -> (u16, Value) {
    let email = format!("{name}@example.org");
    let body = json!({ "username": name, "email": email, "password1": "Tr1cky-pass-9x", "password2": "Tr1cky-pass-9x" });
    send(app, Request::post("/auth/registration/").header("content-type", "application/json"), body).await
}

#[tokio::test]
async fn an_account_and_its_ledger_are_made_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.database.url = format!("sqlite://{}/example.db", folder.path().display()).into();
    let auth = Auth::builder(settings).hooks(Ledgers).build().await.unwrap();
    make_tables(auth.db()).await.unwrap();
    let app = app(auth.clone());

    let (status, answer) = register(&app, "ana").await;
    assert_eq!(status, 201, "{answer}");
    let token = format!("Token {}", answer["key"].as_str().unwrap());
    assert_eq!(
        send(&app, Request::get("/ledger").header("authorization", token), Value::Null).await,
        (200, json!({ "cents": 1000 }))
    );

    let (status, answer) = register(&app, "Mallory").await;
    assert_eq!((status, answer), (400, json!({ "username": ["Username can not be used. Please use other username."] })));
    let rows = auth
        .db()
        .one::<(i64, i64)>("SELECT (SELECT count(*) FROM auth_users), (SELECT count(*) FROM ledgers)", &[])
        .await
        .unwrap();
    assert_eq!(rows, Some((1, 1)), "nothing of the refused account is there");
}
