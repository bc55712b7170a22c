//! Tokens of the system before this one, while accounts move in.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::accounts::{admin, session_list};
use vestibule::settings::TokenMode;
use vestibule::testing::{TestAnswer, TestApp, on_both};

use crate::exchange::{OTHER, PASSWORD, detail};
use crate::refresh::refresh;
use crate::tokens::{bearer, registered, text, user};

/// From the beginning of every test until a minute after the vectors were made.
const A_MINUTE_AFTER: Duration = Duration::from_secs(1_767_323_045 + 60 - 1_767_225_600);

/// Settings under which they count.
fn moving_in(mode: TokenMode) -> impl Fn(&mut Settings) {
    move |settings| {
        settings.tokens.mode = mode;
        settings.jwt.secret = Some("lab-secret-key-0123456789abcdefghijklmnopqrstuvwxyz".into());
        settings.jwt.accept_legacy_until = "2026-02-01".parse().ok();
    }
}

/// Vectors that the reference's own library made (see `tests/data`): for the account 1, on 2026-01-02 at 03:04:05.
fn recorded(kind: &str) -> String {
    let data: Value = serde_json::from_str(include_str!("../data/simplejwt.json")).unwrap();
    let rows = data["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["kind"] == kind && row["payload_json"].as_str().unwrap().contains("\"user_id\":\"1\""));
    row.unwrap()["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn tokens_of_the_system_before_open_one_session_each_until_the_account_ends_them() {
    for mode in [TokenMode::Jwt, TokenMode::Opaque] {
        on_both(moving_in(mode), async |app: TestApp| {
            registered(&app, "ana").await;
            app.advance(A_MINUTE_AFTER);
            assert_eq!(user(&app, &recorded("access")).await.expect(200).json()["username"], "ana");
            if mode == TokenMode::Jwt {
                let next = refresh(&app, &recorded("refresh")).await.expect(200);
                refresh(&app, &recorded("refresh")).await.expect(401);
                user(&app, &text(&next, "access")).await.expect(200);
                refresh(&app, &text(&next, "refresh")).await.expect(200);
                assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions WHERE method = 'old_system'").await, 1);
            }
            let ana = admin::find(&app.auth, "ana").await.unwrap();
            admin::set_password(&app.auth, &ana, &OTHER.into()).await.unwrap();
            user(&app, &recorded("access")).await.expect(401);
            app.deliver().await;
        })
        .await;
    }
}

/// Asks for another address without a password.
async fn change_email(app: &TestApp, access: &str) -> TestAnswer {
    bearer(app.post("email/change/", json!({ "email": "new@example.org" })), access).send().await
}

#[tokio::test]
async fn t06_a_token_of_the_system_before_is_no_recent_login_however_fresh_it_is() {
    on_both(moving_in(TokenMode::Jwt), async |app: TestApp| {
        registered(&app, "ana").await;
        app.advance(A_MINUTE_AFTER);
        let asked_for_it = detail("Please enter your password once more.");
        assert_eq!(change_email(&app, &recorded("access")).await.expect(403).json(), asked_for_it);
        // Whoever has stolen a refresh token has a session by it, but not the password.
        let access = text(&refresh(&app, &recorded("refresh")).await.expect(200), "access");
        assert_eq!(change_email(&app, &access).await.expect(403).json(), asked_for_it);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_users WHERE new_email IS NOT NULL").await, 0);

        let prove = json!({ "password": PASSWORD });
        bearer(app.post("reauthenticate/", prove), &access).send().await.expect(200);
        change_email(&app, &access).await.expect(200);
        let with_password = json!({ "email": "new@example.org", "password": PASSWORD });
        bearer(app.post("email/change/", with_password), &recorded("access")).send().await.expect(200);
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn a_token_of_the_system_before_has_no_session_to_keep_or_to_end() {
    on_both(moving_in(TokenMode::Jwt), async |app: TestApp| {
        let first = registered(&app, "ana").await;
        app.advance(A_MINUTE_AFTER);
        let access = recorded("access");
        let keep = async || app.post("token/refresh/", json!({ "refresh": text(&first, "refresh") })).send().await;
        let listed = bearer(app.get("sessions/"), &access).send().await.expect(200).json();
        assert_eq!((listed.as_array().unwrap().len(), &listed[0]["current"]), (1, &json!(false)), "none of them is this one");

        // What leaves the session in hand open finds none, and nothing is done by half.
        let change = json!({ "old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER });
        for (path, body) in [
            ("sessions/end-others/", json!({})),
            ("password/change/", change),
            ("reauthenticate/", json!({ "password": PASSWORD })),
        ] {
            bearer(app.post(path, body), &access).send().await.expect(401);
        }
        let out = bearer(app.post("logout/", json!({})), &access).send().await.expect(200);
        assert_eq!(out.json(), detail("Successfully logged out."));
        assert_eq!(
            app.count("SELECT COUNT(*) FROM auth_audit WHERE event <> 'user.registered' AND event <> 'session.opened'").await,
            0
        );
        for nobodys in ["sessions//", "sessions/%20/", "sessions/0/"] {
            bearer(app.request(Method::DELETE, nobodys), &access).send().await.expect(404);
        }
        let told = bearer(app.post("token/introspect/", json!({ "token": access })), &access).send().await.expect(200).json();
        assert_eq!((&told["active"], told.get("sid")), (&json!(true), None), "{told}");
        keep().await.expect(200);

        let id = admin::find(&app.auth, "ana").await.unwrap().id;
        assert_eq!(session_list::of(&app.auth, id).await.unwrap().len(), 1);
        session_list::end_all(&app.auth, id).await.unwrap();
        user(&app, &access).await.expect(401);
        app.deliver().await;
    })
    .await;
}
