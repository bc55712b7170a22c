//! A name must not stand in the way of somebody's address.

use serde_json::json;
use vestibule::testing::app::PASSWORD;
use vestibule::testing::{TestApp, on_both};

fn form(name: &str, email: &str) -> serde_json::Value {
    json!({ "username": name, "email": email, "password1": PASSWORD, "password2": PASSWORD })
}

#[tokio::test]
async fn a_name_that_is_anothers_address_is_refused_and_ones_own_is_not() {
    on_both(
        |_| {},
        async |app: TestApp| {
            app.post("registration/", form("eva", "eva@example.org")).send().await.expect(201);
            let denied = json!({ "username": ["Username can not be used. Please use other username."] });
            let squatter = app.post("registration/", form("Eva@Example.org", "mallory@example.org")).send().await.expect(400);
            assert_eq!(squatter.json(), denied);
            let login = json!({ "username": "eva@example.org", "password": PASSWORD });
            app.post("login/", login).send().await.expect(200);

            let key = app.post("registration/", form("mia@example.org", "mia@example.org")).send().await.expect(201).key();
            let rename = app.patch("user/", json!({ "username": "eva@example.org" })).token(&key).send().await.expect(400);
            assert_eq!(rename.json(), denied);
            app.patch("user/", json!({ "username": "mia@example.org", "first_name": "Mia" }))
                .token(&key)
                .send()
                .await
                .expect(200);
        },
    )
    .await;
}

#[tokio::test]
async fn where_nobody_logs_in_by_address_a_name_may_look_like_one() {
    let by_name =
        |settings: &mut vestibule::Settings| settings.account.login_methods = vec![vestibule::settings::LoginMethod::Username];
    on_both(by_name, async |app: TestApp| {
        app.post("registration/", form("eva@example.org", "mallory@example.org")).send().await.expect(201);
    })
    .await;
}
