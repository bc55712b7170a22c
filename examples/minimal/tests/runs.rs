//! The example does what it says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use tower::ServiceExt;
use vestibule::{Auth, Settings};

async fn ask(app: &Router, request: axum::http::request::Builder, body: &str) -> (u16, String) {
    let response = app.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn whoever_registers_sees_their_orders() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.database.url = format!("sqlite://{}/example.db", folder.path().display()).into();
    let app = minimal::app(Auth::builder(settings).build().await.unwrap());

    assert_eq!(ask(&app, Request::get("/"), "").await, (200, "Hello, stranger!".to_owned()));
    let (status, body) = ask(&app, Request::get("/orders"), "").await;
    assert_eq!((status, body.as_str()), (401, r#"{"detail":"Authentication credentials were not provided."}"#));

    let person =
        r#"{"username": "ana", "email": "ana@example.org", "password1": "Tr1cky-pass-9x", "password2": "Tr1cky-pass-9x"}"#;
    let register = Request::post("/auth/registration/").header("content-type", "application/json");
    let (status, body) = ask(&app, register, person).await;
    assert_eq!(status, 201, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let token = format!("Bearer {}", answer["key"].as_str().unwrap());

    assert_eq!(ask(&app, Request::get("/").header("authorization", &token), "").await.1, "Hello, ana!");
    assert_eq!(
        ask(&app, Request::get("/orders").header("authorization", &token), "").await,
        (200, "The orders of account 1".to_owned())
    );
    assert_eq!(ask(&app, Request::get("/readyz"), "").await.0, 200);
}
