//! One person's way through the house.

use http::Method;
use serde_json::json;
use vestibule::testing::{TestApp, on_both};

const PASSWORD: &str = vestibule::testing::app::PASSWORD;
const OTHER: &str = "An0ther-pass-7q";

#[tokio::test]
async fn register_look_edit_change_the_password_log_out() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let first = app.register("ana").await;
            let me = app.get("user/").token(&first).send().await.expect(200);
            assert_eq!(
                me.json(),
                json!({ "pk": 1, "username": "ana", "email": "ana@example.org", "first_name": "", "last_name": "" })
            );
            let second = app.login("ana").await;
            assert_ne!(first, second, "one key for each login");

            let edited = app
                .patch("user/", json!({ "first_name": "Ana", "email": "x@example.org" }))
                .token(&second)
                .send()
                .await
                .expect(200);
            assert_eq!(edited.json()["first_name"], "Ana");
            assert_eq!(edited.json()["email"], "ana@example.org");

            let change = json!({ "old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER });
            let changed = app.post("password/change/", change).token(&second).send().await.expect(200);
            assert_eq!(changed.json(), json!({ "detail": "New password has been saved." }));
            app.get("user/").token(&second).send().await.expect(200);
            app.get("user/").token(&first).send().await.expect(401);

            let out = app.request(Method::POST, "logout/").token(&second).send().await.expect(200);
            assert_eq!(out.json(), json!({ "detail": "Successfully logged out." }));
            let refused = app.get("user").token(&second).send().await.expect(401);
            assert_eq!(refused.json(), json!({ "detail": "Invalid token." }));
            assert_eq!(refused.header("www-authenticate"), "Token");
            app.post("login/", json!({ "username": "ana", "password": PASSWORD })).send().await.expect(400);
            app.post("login", json!({ "email": "Ana@Example.org", "password": OTHER })).send().await.expect(200);
        },
    )
    .await;
}
