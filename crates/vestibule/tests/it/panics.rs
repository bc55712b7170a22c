//! T79: a panic in one request, be it in a host's hook, is a 500 for that request alone, in a host application as in the server.

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Request, Response};
use serde_json::json;
use tower_service::Service;
use vestibule::accounts::users::NewUser;
use vestibule::db::Tx;
use vestibule::ground::{Error, Result};
use vestibule::testing::app::{PASSWORD, settings};
use vestibule::testing::databases::each_database;
use vestibule::{Auth, Hooks};

/// Panics over one name and fails over another, with words that nobody outside may read.
struct Clumsy;

impl Hooks for Clumsy {
    async fn before_register(&self, _: &Tx, new: &mut NewUser) -> Result<()> {
        let name = new.usernames.first().map(|name| name.key().to_owned()).unwrap_or_default();
        assert_ne!(name, "panic", "secret words of a hook");
        if name == "fail" { Err(Error::internal("secret words of a hook")) } else { Ok(()) }
    }
}

async fn register(app: &mut Router, name: &str) -> Response<Body> {
    let email = format!("{name}@example.org");
    let body = json!({ "username": name, "email": email, "password1": PASSWORD, "password2": PASSWORD }).to_string();
    let request = Request::post("/registration/").header("content-type", "application/json");
    let Ok(response) = app.call(request.body(Body::from(body)).unwrap()).await;
    response
}

#[tokio::test]
async fn t79_a_hook_that_panics_or_fails_costs_its_own_request_alone() {
    for database in each_database().await {
        let auth = Auth::builder(settings(&database.url)).hooks(Clumsy).build().await.unwrap();
        let mut app: Router = auth.router();
        for name in ["panic", "fail", "panic"] {
            let response = register(&mut app, name).await;
            assert_eq!(response.status(), 500);
            assert!(!format!("{:?}", response.headers()).contains("secret"));
            assert_eq!(response.headers()["x-request-id"].len(), 16);
            let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
            assert_eq!(body, r#"{"detail":"Internal server error."}"#);
        }
        assert_eq!(register(&mut app, "ana").await.status(), 201, "the service goes on");
        let count = auth.db().one::<(i64,)>("SELECT COUNT(*) FROM auth_users", &[]).await.unwrap().unwrap();
        assert_eq!(count, (1,), "nothing is left of those that failed");
    }
}
