//! D. Sessions and opaque keys: T26 to T31.

use std::collections::HashSet;
use std::time::Duration;

use http::Method;
use serde_json::json;
use vestibule::accounts::{admin, housekeeping};
use vestibule::ground::Secret;
use vestibule::settings::Registration;
use vestibule::testing::TestApp;

use super::{OTHER, PASSWORD, Second, account, change, disable, login, on_both, refused, registration, run};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const SECOND: Duration = Duration::from_secs(1);

/// The status of `GET user/` with that key.
async fn user(app: &TestApp, key: &str) -> u16 {
    app.get("user/").token(key).send().await.status
}

/// How many sessions the database keeps.
async fn kept(app: &TestApp) -> i64 {
    app.count("SELECT COUNT(*) FROM auth_sessions").await
}

#[tokio::test]
async fn t26_every_login_gets_a_key_of_its_own_and_never_one_that_was_brought_along() {
    on_both(
        |_| {},
        async |app| {
            let chosen = "0123456789abcdef0123456789abcdef01234567";
            let body = json!({ "username": "eva", "email": "eva@example.org", "password1": PASSWORD, "password2": PASSWORD, "key": chosen });
            let first = app.post("registration/", body).token(chosen).send().await.expect(201).key();
            let with_cookie = login(app, "eva", PASSWORD).header("cookie", &format!("sessionid={chosen}; key={chosen}"));
            let second = with_cookie.send().await.expect(200).key();
            let third = login(app, "eva", PASSWORD).token(chosen).send().await.expect(200).key();
            let fourth = login(app, "eva", PASSWORD).token(&first).send().await.expect(200).key();
            let body = json!({ "username": "eva", "password": PASSWORD, "key": chosen, "token": chosen, "sid": chosen });
            let fifth = app.post("login/?key=0123456789abcdef0123456789abcdef01234567", body).send().await.expect(200).key();
            let keys = HashSet::from([first, second, third, fourth, fifth]);
            assert_eq!(keys.len(), 5);
            for key in &keys {
                assert!(key.len() == 40 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "160 bits: {key}");
                assert_eq!(user(app, key).await, 200);
            }
            assert_eq!(user(app, chosen).await, 401);
        },
    )
    .await;
}

#[tokio::test]
async fn t27_logging_out_ends_the_session_at_once_and_everywhere() {
    on_both(
        |_| {},
        async |app| {
            let (key, other) = (app.register("ana").await, app.login("ana").await);
            let second = Second::beside(app).await;
            assert_eq!((user(app, &key).await, second.user(&key).await), (200, 200));
            let out = app.request(Method::POST, "logout/").token(&key).send().await.expect(200);
            assert_eq!(out.json(), json!({ "detail": "Successfully logged out." }));
            assert_eq!((user(app, &key).await, second.user(&key).await), (401, 401));
            assert_eq!((user(app, &other).await, second.user(&other).await), (200, 200));

            let post = || app.request(Method::POST, "logout/");
            refused(app, post().token(&key), 401).await;
            refused(app, post().token("garbage"), 401).await;
            refused(app, post().header("authorization", "Token"), 401).await;
            refused(app, post(), 200).await;
            refused(app, post().json(json!({ "refresh": "garbage" })), 200).await;
            refused(app, post().raw("application/json", "{"), 400).await;
            refused(app, app.get("logout/").token(&other), 405).await;
            assert_eq!((user(app, &other).await, kept(app).await), (200, 1));
        },
    )
    .await;
}

#[tokio::test]
async fn t28_a_session_that_nobody_uses_ends() {
    on_both(
        |_| {},
        async |app| {
            let key = app.register("ana").await;
            // Each use counts anew, first in memory alone, then written down.
            for write_down in [false, true, true] {
                app.advance(14 * DAY - SECOND);
                assert_eq!(user(app, &key).await, 200);
                if write_down {
                    housekeeping::keep_house(&app.auth).await.unwrap();
                    let lag = "SELECT COUNT(*) FROM auth_sessions s WHERE s.last_seen_at = s.created_at";
                    assert_eq!(app.count(lag).await, 0, "the last use is written down");
                }
            }
            let second = Second::beside(app).await;
            app.advance(14 * DAY - SECOND);
            assert_eq!(second.user(&key).await, 200, "what was written down counts for all");
            assert_eq!(housekeeping::remove_idle_sessions(&app.auth).await.unwrap(), 0);
            housekeeping::keep_house(&second.auth).await.unwrap();
            app.advance(14 * DAY + SECOND);
            refused(app, app.get("user/").token(&key), 401).await;
            assert_eq!(second.user(&key).await, 401);
            assert_eq!(kept(app).await, 1);
            assert_eq!(housekeeping::remove_idle_sessions(&app.auth).await.unwrap(), 1);
            assert_eq!(kept(app).await, 0);
        },
    )
    .await;
}

#[tokio::test]
async fn t28_use_does_not_carry_a_session_beyond_its_absolute_end() {
    on_both(
        |_| {},
        async |app| {
            let key = app.register("ana").await;
            for _ in 0..2 * 90 - 1 {
                app.advance(DAY / 2);
                assert_eq!(user(app, &key).await, 200);
                housekeeping::keep_house(&app.auth).await.unwrap();
            }
            app.advance(DAY / 2 - SECOND);
            assert_eq!(user(app, &key).await, 200);
            app.advance(SECOND);
            refused(app, app.get("user/").token(&key), 401).await;
            assert_eq!(housekeeping::keep_house(&app.auth).await.unwrap().expired, 1);
            assert_eq!(kept(app).await, 0);
        },
    )
    .await;
}

#[tokio::test]
async fn t28_a_server_that_stops_writes_down_what_was_used() {
    on_both(
        |_| {},
        async |app| {
            let key = app.register("ana").await;
            app.advance(10 * DAY);
            assert_eq!(user(app, &key).await, 200);
            app.auth.run_worker(std::future::ready(())).await;
            app.advance(10 * DAY);
            assert_eq!(Second::beside(app).await.user(&key).await, 200);
        },
    )
    .await;
}

#[tokio::test]
async fn t29_disabling_takes_effect_at_the_next_request_and_enabling_revives_nothing() {
    on_both(
        |_| {},
        async |app| {
            let (first, second_key) = (app.register("ana").await, app.login("ana").await);
            let second = Second::beside(app).await;
            disable(app, "ana").await;
            for key in [&first, &second_key] {
                assert_eq!(second.user(key).await, 401);
                refused(app, app.get("user/").token(key), 401).await;
                refused(app, app.patch("user/", json!({ "first_name": "A" })).token(key), 401).await;
                refused(app, app.post("password/change/", change(PASSWORD, OTHER)).token(key), 401).await;
                refused(app, app.request(Method::POST, "logout/").token(key), 401).await;
            }
            refused(app, login(app, "ana", PASSWORD), 400).await;
            let ana = account(app, "ana").await.id;
            assert!(!admin::disable(&app.auth, ana).await.unwrap(), "it is already");
            assert!(admin::enable(&app.auth, ana).await.unwrap());
            for key in [&first, &second_key] {
                assert_eq!((user(app, key).await, second.user(key).await), (401, 401));
            }
            let key = app.login("ana").await;
            assert_eq!((user(app, &key).await, second.user(&key).await), (200, 200));
        },
    )
    .await;
}

#[tokio::test]
async fn t29_what_belonged_to_a_deleted_account_ends_with_it() {
    on_both(
        |_| {},
        async |app| {
            let (ana, eva) = (app.register("ana").await, app.register("eva").await);
            let second = Second::beside(app).await;
            assert_eq!(second.user(&ana).await, 200);
            run(app, &["DELETE FROM auth_users WHERE username_key = 'ana'"]).await;
            assert_eq!((user(app, &ana).await, second.user(&ana).await), (401, 401));
            assert_eq!((user(app, &eva).await, kept(app).await), (200, 1));
            refused(app, login(app, "ana", PASSWORD), 400).await;
        },
    )
    .await;
}

#[tokio::test]
async fn t29_a_role_that_was_taken_away_is_gone_at_the_next_request() {
    on_both(
        |settings| settings.account.registration = Registration::Closed,
        async |app| {
            super::create(app, "ana", Some(PASSWORD), true).await;
            let key = app.login("ana").await;
            run(app, &["UPDATE auth_users SET is_staff = TRUE"]).await;
            let by_staff = |name: &str| app.post("registration/", registration(name, PASSWORD)).token(&key);
            by_staff("eva").send().await.expect(201);
            run(app, &["UPDATE auth_users SET is_staff = FALSE"]).await;
            refused(app, by_staff("ida"), 403).await;
            refused(app, app.post("registration/", registration("ida", PASSWORD)), 401).await;
        },
    )
    .await;
}

#[tokio::test]
async fn t30_nobody_sees_or_edits_another_account_whatever_the_request_names() {
    on_both(
        |_| {},
        async |app| {
            let (ana, eva) = (app.register("ana").await, app.register("eva").await);
            let own = app.get("user/").token(&ana).send().await.expect(200).json();
            let other = app.get("user/").token(&eva).send().await.expect(200).json();
            let pk = other["pk"].to_string();
            for query in ["id", "pk", "user", "user_id", "username"] {
                let path = format!("user/?{query}={}", if query == "username" { "eva" } else { &pk });
                assert_eq!(app.get(&path).token(&ana).send().await.expect(200).json(), own);
                let mut body = json!({ "pk": other["pk"], "first_name": query });
                if query != "username" {
                    body[query] = other["pk"].clone();
                }
                assert_eq!(app.patch(&path, body).token(&ana).send().await.expect(200).json()["pk"], own["pk"]);
                app.patch("user/", json!({ "first_name": "" })).token(&ana).send().await.expect(200);
            }
            assert_eq!(app.get("user/").token(&ana).header("x-user-id", &pk).send().await.expect(200).json(), own);
            assert_eq!(app.get("user/").token(&eva).send().await.expect(200).json(), other);
            // The account of another and one that is not there: the same answer.
            let answers = [pk.as_str(), "999999"].map(|id| format!("user/{id}/"));
            let there = refused(app, app.get(&answers[0]).token(&ana), 404).await;
            let nowhere = refused(app, app.get(&answers[1]).token(&ana), 404).await;
            assert_eq!((there.text, there.headers), (nowhere.text, nowhere.headers));
        },
    )
    .await;
}

#[tokio::test]
async fn t30_what_the_database_keeps_of_a_session_opens_nothing() {
    on_both(
        |_| {},
        async |app| {
            let key = app.register("ana").await;
            let sql = "SELECT sid, key_hash FROM auth_sessions";
            let (sid, hash) = app.auth.db().one::<(String, Vec<u8>)>(sql, &[]).await.unwrap().unwrap();
            for known in [sid, hex::encode(&hash), hex::encode(&hash[..20]), key.to_uppercase(), key[..39].to_owned()] {
                assert_eq!(user(app, &known).await, 401, "{known}");
            }
            assert_eq!(user(app, &key).await, 200);
        },
    )
    .await;
}

#[tokio::test]
async fn t31_a_change_of_password_ends_every_credential_of_before_but_the_one_in_hand() {
    on_both(
        |_| {},
        async |app| {
            let mut keys = vec![app.register("ana").await];
            for _ in 0..5 {
                keys.push(app.login("ana").await);
            }
            let eva = app.register("eva").await;
            let second = Second::beside(app).await;
            let in_hand = keys.remove(2);
            app.post("password/change/", change(PASSWORD, OTHER)).token(&in_hand).send().await.expect(200);
            for key in &keys {
                assert_eq!((user(app, key).await, second.user(key).await), (401, 401));
            }
            assert_eq!((user(app, &in_hand).await, second.user(&in_hand).await), (200, 200));
            refused(app, login(app, "ana", PASSWORD), 400).await;

            // The operator's change leaves none.
            admin::set_password(&app.auth, &account(app, "ana").await, &Secret::from(PASSWORD)).await.unwrap();
            assert_eq!((user(app, &in_hand).await, second.user(&in_hand).await), (401, 401));
            refused(app, login(app, "ana", OTHER), 400).await;
            assert_eq!((user(app, &eva).await, kept(app).await), (200, 1));
        },
    )
    .await;
}

#[tokio::test]
async fn t82_a_fresh_installation_has_no_account_and_makes_no_staff_of_who_comes_first() {
    on_both(
        |_| {},
        async |app| {
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_users").await, 0);
            for name in ["admin", "root", "vestibule"] {
                for password in ["admin", "root", "password", "vestibule", PASSWORD] {
                    refused(app, login(app, name, password), 400).await;
                }
            }
            app.register("admin").await;
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_users WHERE is_staff = TRUE").await, 0);
        },
    )
    .await;
}
