//! A name must not stand in the way of somebody's address.

use serde_json::json;
use vestibule::accounts::admin;
use vestibule::accounts::import::Came;
use vestibule::testing::app::PASSWORD;
use vestibule::testing::{TestApp, on_both};

use crate::exchange::{OTHER, somebody};
use crate::old_system::{dumped, import};

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

/// However an account came to such a name: the name was its own address once, or it came over from another system.
#[tokio::test]
async fn a_name_that_is_anothers_address_keeps_nobody_from_logging_in_who_has_proven_it() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let login = |name: &str, password: &str| app.post("login/", json!({ "username": name, "password": password })).send();
            for (number, address) in [(70, "eva@example.org"), (90, "Mia@Example.org")] {
                let mut squatter = dumped(number, address);
                squatter["fields"]["email"] = format!("mallory{number}@example.org").into();
                assert_eq!(import(&app, &[squatter]).await, [Came::New]);
                // Nobody else has the address: it is a name like any other.
                let key = login(address, PASSWORD).await.expect(200).key();
                let me = app.get("user/").token(&key).send().await.expect(200).json();
                assert_eq!(me["pk"], number);
                let name = Some(format!("owner{number}"));
                let owner = admin::NewAccount { username: name, password: Some(OTHER.into()), ..somebody(address) };
                let owner = admin::create_user(&app.auth, owner).await.unwrap();
                for written in [address.to_owned(), address.to_uppercase()] {
                    let key = login(&written, OTHER).await.expect(200).key();
                    let me = app.get("user/").token(&key).send().await.expect(200).json();
                    assert_eq!(me["pk"], json!(owner.id), "{written}");
                    let before = app.auth.hash_computations();
                    login(&written, PASSWORD).await.expect(400);
                    assert_eq!(app.auth.hash_computations(), before + 1);
                }
                // Whoever has the name still gets in by the own address.
                let own = json!({ "email": format!("mallory{number}@example.org"), "password": PASSWORD });
                app.post("login/", own).send().await.expect(200);
            }
            // An address that nobody has proven stands behind a name.
            assert_eq!(import(&app, &[dumped(80, "dora")]).await, [Came::New]);
            let mut squatter = dumped(81, "dora@example.org");
            squatter["fields"]["email"] = "mallory81@example.org".into();
            assert_eq!(import(&app, &[squatter]).await, [Came::New]);
            let key = login("dora@example.org", PASSWORD).await.expect(200).key();
            assert_eq!(app.get("user/").token(&key).send().await.expect(200).json()["pk"], 81);
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
