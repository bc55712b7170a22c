//! The example does what it says, and a settings file can say the same.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::json;
use vestibule::settings::Settings;
use vestibule::testing::app::PASSWORD;
use vestibule::testing::{TestApp, on_both_built};

/// The example's settings, on the database and with the cheap hashing of a test.
fn as_in_the_example(settings: &mut Settings) {
    let example = custom_profile::settings();
    (settings.account, settings.user) = (example.account, example.user);
}

#[tokio::test]
async fn an_account_has_a_gender_and_a_telephone_number_that_is_asked_for_once() {
    on_both_built(as_in_the_example, custom_profile::accounts, async |app: TestApp| {
        let person = json!({
            "email": "ana@example.org", "password1": PASSWORD, "password2": PASSWORD, "gender": "female",
            "phone_number": "+1 (555) 01-00"
        });
        let key = app.post("registration/", person).send().await.expect(201).key();
        let me = app.patch("user/", json!({ "gender": "other", "phone_number": "0" })).token(&key).send().await.expect(200);
        assert_eq!(me.json(), json!({ "pk": 1, "email": "ana@example.org", "gender": "other", "phone_number": "+15550100" }));
        let wrong = app.patch("user/", json!({ "gender": "?" })).token(&key).send().await.expect(400);
        assert_eq!(wrong.json(), json!({ "gender": ["\"?\" is not a valid choice."] }));

        let mut router = custom_profile::app(app.auth.clone());
        let request = Request::get("/greeting").header("authorization", format!("Token {key}")).body(Body::empty()).unwrap();
        let Ok(response) = tower_service::Service::call(&mut router, request).await;
        let body = to_bytes(response.into_body(), 1_000).await.unwrap();
        assert_eq!(body, "Dear friend, we may call +15550100.");
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn the_declaration_is_short() {
    let declaration = include_str!("../src/lib.rs").split("/// The application.").next().unwrap();
    let lines = declaration.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"));
    assert!(lines.count() < 40);
}
