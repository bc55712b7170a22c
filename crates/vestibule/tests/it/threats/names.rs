//! J. Names and addresses that look alike: T71, in whole requests. What each spelling becomes is tested beside the types.

use serde_json::{Value, json};
use vestibule::testing::TestApp;

use super::{PASSWORD, login, on_both, refused};

fn body(username: &str, email: &str) -> Value {
    json!({ "username": username, "email": email, "password1": PASSWORD, "password2": PASSWORD })
}

/// The one whose likeness is tried.
async fn victim(app: &TestApp) {
    app.post("registration/", body("admin_x", "user@example.test")).send().await.expect(201);
}

#[tokio::test]
async fn t71_a_name_that_is_the_same_to_the_service_is_taken() {
    on_both(
        |_| {},
        async |app| {
            victim(app).await;
            let names = ["ADMIN_X", "Admin_x", "ａｄｍｉｎ_x", "𝐚dmin_x", " admin_x ", "admın_x", "аdmin_x"];
            let keys = "SELECT COUNT(DISTINCT username_key) FROM auth_users";
            for (nth, name) in names.into_iter().enumerate() {
                let sent = app.post("registration/", body(name, &format!("other{nth}@example.test")));
                if nth < 5 {
                    let answer = refused(app, sent, 400).await;
                    assert_eq!(answer.json(), json!({ "username": ["A user with that username already exists."] }), "{name}");
                    let key = login(app, name, PASSWORD).send().await.expect(200).key();
                    let user = app.get("user/").token(&key).send().await.expect(200).json();
                    assert_eq!(user["username"], "admin_x", "the same for a look-up: {name}");
                } else {
                    // Another letter is another name: proven by its own key under the unique index.
                    let key = sent.send().await.expect(201).key();
                    assert_eq!(app.get("user/").token(&key).send().await.expect(200).json()["username"], name);
                }
            }
            assert_eq!(app.count(keys).await, app.count("SELECT COUNT(*) FROM auth_users").await);
        },
    )
    .await;
}

#[tokio::test]
async fn t71_invisible_directing_and_decomposed_characters_are_refused_in_a_name() {
    on_both(
        |_| {},
        async |app| {
            victim(app).await;
            let key = app.login("admin_x").await;
            for name in [
                "admin\u{200d}_x",
                "\u{202e}x_nimda",
                "ad\u{ad}min_x",
                "admi\u{301}n_x",
                "admin\u{feff}_x",
                "admin x",
                "admin_x\u{3164}",
                "admin＿x",
            ] {
                let answer = refused(app, app.post("registration/", body(name, "other@example.test")), 400).await;
                assert!(answer.json()["username"].is_array(), "{name:?} {}", answer.text);
                let answer = refused(app, app.patch("user/", json!({ "username": name })).token(&key), 400).await;
                assert!(answer.json()["username"].is_array(), "{name:?} {}", answer.text);
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t71_folding_comes_before_the_question_whether_a_name_is_free() {
    on_both(
        |_| {},
        async |app| {
            for (first, second) in [("straße", "STRASSE"), ("ﬁne", "FINE"), ("\u{212a}im", "kim"), ("ÉTÉ", "été"), ("ΣΑΣ", "σας")]
            {
                let address = format!("{}@example.test", app.fresh_name());
                app.post("registration/", body(first, &address)).send().await.expect(201);
                let other = format!("{}@example.test", app.fresh_name());
                refused(app, app.post("registration/", body(second, &other)), 400).await;
                login(app, second, PASSWORD).send().await.expect(200);
            }
            // Nor does editing one's own name get around it.
            let key = app.register("plain").await;
            refused(app, app.patch("user/", json!({ "username": "StrassE" })).token(&key), 400).await;
            app.patch("user/", json!({ "username": "PLAIN" })).token(&key).send().await.expect(200);
        },
    )
    .await;
}

#[tokio::test]
async fn t71_an_address_that_is_the_same_to_mail_is_taken_and_logs_the_same_account_in() {
    on_both(
        |_| {},
        async |app| {
            victim(app).await;
            app.post("registration/", body("munich", "user@münchen.example")).send().await.expect(201);
            let taken = [
                ("admin_x", "USER@EXAMPLE.TEST"),
                ("admin_x", "User@example.Test"),
                ("admin_x", " user@example.test "),
                ("admin_x", "user@exam\u{ad}ple.test"),
                ("admin_x", "user@ｅxample.test"),
                ("munich", "user@xn--mnchen-3ya.example"),
                ("munich", "USER@MÜNCHEN.EXAMPLE"),
                ("munich", "user@mu\u{308}nchen.example"),
            ];
            for (owner, address) in taken {
                let answer = refused(app, app.post("registration/", body("other", address)), 400).await;
                let said = json!({ "email": ["User is already registered with this e-mail address."] });
                assert_eq!(answer.json(), said, "{address:?}");
                let attempt = json!({ "email": address, "password": PASSWORD });
                let key = app.post("login/", attempt).send().await.expect(200).key();
                assert_eq!(app.get("user/").token(&key).send().await.expect(200).json()["username"], owner, "{address:?}");
            }
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_users").await, 2);
        },
    )
    .await;
}

#[tokio::test]
async fn t71_an_address_that_only_looks_the_same_is_refused_or_another() {
    on_both(
        |_| {},
        async |app| {
            victim(app).await;
            for address in [
                "user＠example.test",
                "uſer@example.test",
                "us\u{200d}er@example.test",
                "us\u{ad}er@example.test",
                "\u{202e}user@example.test",
                "user@example.test.",
                "üser@example.test",
                "user@exam\u{200d}ple.test",
                "user@example.test,evil@example.test",
            ] {
                let answer = refused(app, app.post("registration/", body("other", address)), 400).await;
                assert_eq!(answer.json(), json!({ "email": ["Enter a valid email address."] }), "{address:?}");
            }
            let others = ["\"user\"@example.test", "user@exаmple.test", "user+tag@example.test", "u.ser@example.test"];
            for address in others {
                let attempt = body(&app.fresh_name(), address);
                app.post("registration/", attempt).send().await.expect(201);
            }
            for column in ["email_key", "email_owner"] {
                let sql = format!("SELECT COUNT(DISTINCT {column}) FROM auth_users").leak();
                assert_eq!(app.count(sql).await, 5, "{column}");
            }
        },
    )
    .await;
}
