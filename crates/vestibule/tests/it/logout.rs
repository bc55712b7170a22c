//! `logout/`.

use http::Method;
use serde_json::json;
use vestibule::Settings;
use vestibule::testing::{TestApp, on_both};

use crate::exchange::*;

const LOGGED_OUT: &str = "Successfully logged out.";

#[tokio::test]
async fn t27_the_key_is_dead_from_the_next_request_on_and_no_other_is() {
    on_both(article, async |app: TestApp| {
        let key = app.post("registration/", articles_user("ana@example.com")).send().await.expect(201).key();
        let login = json!({ "email": "ana@example.com", "password": PASSWORD });
        let other = app.post("login/", login.clone()).send().await.expect(200).key();
        let logout = async |header: &str| app.request(Method::POST, "logout/").header("authorization", header).send().await;
        check("logout/", &logout(&format!("Token {key}")).await, 200, &detail(LOGGED_OUT), "the first time");
        let invalid = detail("Invalid token.");
        check("user/", &app.get("user/").token(&key).send().await, 401, &invalid, "the key is dead");
        check("logout/", &logout(&format!("Token {key}")).await, 401, &invalid, "twice");
        check("logout/", &logout("Token bad").await, 401, &invalid, "a key that never was");
        app.get("user/").token(&other).send().await.expect(200);
        check("logout/", &logout(&format!("Bearer {other}")).await, 200, &detail(LOGGED_OUT), "the other scheme");
        check("user/", &app.get("user/").token(&other).send().await, 401, &invalid, "dead too");
        let again = app.post("login/", login).send().await;
        check("login/", &again, 200, &any_key(), "a new key after logging out");
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions").await, 1);
    })
    .await;
}

#[tokio::test]
async fn without_a_session_there_is_nothing_to_end_and_that_is_answered_alike() {
    for profile in [|_: &mut Settings| {}, compat] {
        on_both(profile, async |app: TestApp| {
            let done = detail(LOGGED_OUT);
            let nobody = app.request(Method::POST, "logout/").send().await;
            check("logout/", &nobody, 200, &done, "nobody");
            for header in ["", "Basic YTpi"] {
                let basic = app.request(Method::POST, "logout/").header("authorization", header).send().await;
                check("logout/", &basic, 200, &done, header);
            }
            let cookie = app.request(Method::POST, "logout/").header("cookie", "sessionid=gone; access=x").send().await;
            check("logout/", &cookie, 200, &done, "cookies of another system");
            json_rows(&app, Method::POST, "logout/", None, vec![(json!({ "refresh": 1 }), 200, done)]).await;
        })
        .await;
    }
}

#[tokio::test]
async fn t46_a_link_logs_nobody_out_unless_the_settings_say_so() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let key = app.register("ana").await;
            for method in ["GET", "PUT", "PATCH", "DELETE"] {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let refused = detail(&format!("Method \"{method}\" not allowed."));
                let nobody = app.request(method.clone(), "logout/").send().await;
                check("logout/", &nobody, 405, &refused, "nobody");
                let ana = app.request(method.clone(), "logout/").token(&key).send().await;
                check("logout/", &ana, 405, &refused, "somebody");
            }
            app.request(Method::HEAD, "logout/").token(&key).send().await.expect(405);
            app.request(Method::OPTIONS, "logout/").token(&key).send().await.expect(200);
            app.get("user/").token(&key).send().await.expect(200);
        },
    )
    .await;
    on_both(
        |settings| settings.account.logout_on_get = true,
        async |app: TestApp| {
            let (first, second) = (app.register("ana").await, app.login("ana").await);
            check("logout/", &app.get("logout/").token(&first).send().await, 200, &detail(LOGGED_OUT), "GET");
            check("logout/", &app.get("logout/").send().await, 200, &detail(LOGGED_OUT), "GET by nobody");
            app.get("user/").token(&first).send().await.expect(401);
            app.request(Method::OPTIONS, "logout/").token(&second).send().await.expect(200);
            let posted = app.request(Method::POST, "logout/").token(&second).send().await;
            check("logout/", &posted, 200, &detail(LOGGED_OUT), "POST still does");
            app.get("user/").token(&second).send().await.expect(401);
        },
    )
    .await;
}
