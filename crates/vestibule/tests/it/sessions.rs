//! `sessions/`: one's own sessions, and ending them; and the browser that stays known.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::accounts::{admin, session_list};
use vestibule::testing::{TestAnswer, TestApp, on_both};

use crate::cookies::{HERE, cookie, set_cookies};
use crate::exchange::{OTHER, PASSWORD, detail};
use crate::tokens::{in_cookies, jwt, registered, text, user};

async fn log_in(app: &TestApp, agent: &str, from: &str) -> String {
    let body = json!({ "username": "ana", "password": PASSWORD });
    app.post("login/", body).header("user-agent", agent).from(from).send().await.expect(200).key()
}

async fn list(app: &TestApp, key: &str) -> Vec<Value> {
    app.get("sessions/").token(key).send().await.expect(200).json().as_array().unwrap().clone()
}

#[tokio::test]
async fn t30_t67_ones_sessions_are_listed_without_anything_that_opens_one() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let first = app.register("ana").await;
            app.advance(Duration::from_secs(3600));
            let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
            let second = log_in(&app, firefox, "192.0.2.7").await;
            app.advance(Duration::from_secs(120));
            let listed = list(&app, &second).await;
            assert_eq!(listed.len(), 2);
            let latest = &listed[0];
            assert_eq!(latest["created_at"], "2026-01-01T01:00:00Z");
            assert_eq!(latest["last_used_at"], "2026-01-01T01:02:00Z", "just now, though that is not written down yet");
            assert_eq!((&latest["ip"], &latest["device"]), (&json!("192.0.2.7"), &json!("Firefox, Linux")));
            assert_eq!((&latest["method"], &latest["current"]), (&json!("password"), &json!(true)));
            assert_eq!((&listed[1]["method"], &listed[1]["current"]), (&json!("registration"), &json!(false)));
            let text = serde_json::to_string(&listed).unwrap();
            for (name, opens) in [("id", latest["id"].as_str().unwrap()), ("key", first.as_str()), ("key", second.as_str())] {
                app.get("user/").token(opens).send().await.expect(if name == "id" { 401 } else { 200 });
                assert_eq!(text.contains(opens), name == "id");
            }
            app.get("sessions/").send().await.expect(401);
            app.advance(Duration::from_secs(14 * 24 * 60 * 60));
            let third = log_in(&app, "curl/8.5", "192.0.2.7").await;
            assert_eq!(list(&app, &third).await.len(), 1, "idle ones count no more");
        },
    )
    .await;
}

#[tokio::test]
async fn t30_one_ends_ones_own_and_anothers_looks_like_one_that_is_not_there() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let (ana, bob) = (app.register("ana").await, app.register("bob").await);
            let other = log_in(&app, "curl/8.5", "192.0.2.7").await;
            let id = |listed: &[Value], current: bool| {
                listed.iter().find(|s| s["current"] == current).unwrap()["id"].as_str().unwrap().to_owned()
            };
            let (bobs, mine) = (id(&list(&app, &bob).await, true), id(&list(&app, &ana).await, false));
            let delete =
                async |key: &str, id: &str| app.request(Method::DELETE, &format!("sessions/{id}/")).token(key).send().await;
            let foreign = delete(&ana, &bobs).await.expect(404);
            for unknown in ["0123456789abcdef0123456789abcdef", "x", "%00", "a%2fb"] {
                assert_eq!(delete(&ana, unknown).await.expect(404).json(), foreign.json());
            }
            assert_eq!(foreign.json(), detail("Not found."));
            app.get("user/").token(&bob).send().await.expect(200);
            assert!(delete(&ana, &mine).await.expect(204).text.is_empty());
            app.get("user/").token(&other).send().await.expect(401);
            delete(&ana, &mine).await.expect(404);
            let current = id(&list(&app, &ana).await, true);
            delete(&ana, &current).await.expect(204);
            app.get("user/").token(&ana).send().await.expect(401);
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_audit WHERE event = 'session.ended'").await, 2);
        },
    )
    .await;
}

#[tokio::test]
async fn t31_ending_the_others_leaves_the_session_in_hand() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let keys = [app.register("ana").await, app.login("ana").await, app.login("ana").await];
            let ended = app.request(Method::POST, "sessions/end-others/").token(&keys[1]).send().await.expect(200);
            assert_eq!(ended.json(), json!({ "ended": 2 }));
            for (at, key) in keys.iter().enumerate() {
                app.get("user/").token(key).send().await.expect(if at == 1 { 200 } else { 401 });
            }
            let id = admin::find(&app.auth, "ana").await.unwrap().id;
            assert_eq!(session_list::end_all(&app.auth, id).await.unwrap(), 1);
            app.get("user/").token(&keys[1]).send().await.expect(401);
            app.login("ana").await;
        },
    )
    .await;
    on_both(in_cookies, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let cookies = format!("access={}; refresh={}", cookie(&first, "access"), cookie(&first, "refresh"));
        let request = app.request(Method::POST, "sessions/end-others/").header("cookie", &cookies).header("origin", HERE);
        let ended = request.send().await.expect(200);
        assert_eq!(user(&app, &cookie(&first, "access")).await.status, 401, "a new name");
        user(&app, &cookie(&ended, "access")).await.expect(200);
    })
    .await;
}

/// A double click: the first raises the epoch and moves the session along, the second has read the one before.
#[tokio::test]
async fn t31_ending_the_others_twice_at_once_leaves_the_session_in_hand() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let key = app.register("ana").await;
            for _ in 0..5 {
                let click = || app.post("sessions/end-others/", json!({})).token(&key).send();
                let (first, second) = tokio::join!(click(), click());
                for answer in [first, second] {
                    assert_eq!(answer.expect(200).json(), json!({ "ended": 0 }));
                }
            }
        },
    )
    .await;
}

fn limited(settings: &mut Settings) {
    settings.limits.enabled = true;
    settings.limits.login_failed = "3/24h/account".parse().unwrap();
}

async fn try_in(app: &TestApp, password: &str, cookies: &str) -> TestAnswer {
    app.post("login/", json!({ "username": "ana", "password": password })).header("cookie", cookies).send().await
}

#[tokio::test]
async fn t69_a_strangers_failures_do_not_lock_the_owner_out_of_a_browser_that_is_known() {
    for change in [limited as fn(&mut Settings), |settings: &mut Settings| {
        limited(settings);
        jwt(settings);
    }] {
        on_both(change, async |app: TestApp| {
            let first = registered(&app, "ana").await;
            assert!(set_cookies(&first, "device")[0].ends_with("; HttpOnly; Max-Age=15552000; Path=/; SameSite=Lax"));
            let known = format!("device={}", cookie(&first, "device"));
            registered(&app, "bob").await;
            for _ in 0..3 {
                try_in(&app, "wrong", "x=y").await.expect(400);
            }
            try_in(&app, PASSWORD, "x=y").await.expect(429);
            try_in(&app, PASSWORD, &known.replacen("1.", "2.", 1)).await.expect(429);
            try_in(&app, PASSWORD, &format!("{known}; device=x")).await.expect(429);
            let again = try_in(&app, PASSWORD, &known).await.expect(200);
            // It is no way around the limit: its own failures count.
            for _ in 0..3 {
                try_in(&app, "wrong", &known).await.expect(400);
            }
            try_in(&app, PASSWORD, &known).await.expect(429);
            assert_ne!(cookie(&again, "device"), cookie(&first, "device"));
            try_in(&app, PASSWORD, &format!("device={}", cookie(&again, "device"))).await.expect(200);
        })
        .await;
    }
}

#[tokio::test]
async fn t69_a_change_of_password_makes_every_other_browser_a_strangers() {
    on_both(limited, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let other = try_in(&app, PASSWORD, "x=y").await.expect(200);
        let change = json!({ "old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER });
        let request = app.post("password/change/", change).token(&text(&first, "key"));
        let changed = request.header("cookie", &format!("device={}", cookie(&first, "device"))).send().await.expect(200);
        for _ in 0..3 {
            try_in(&app, "wrong", "x=y").await.expect(400);
        }
        for (device, status) in [(&first, 429), (&other, 429), (&changed, 200)] {
            try_in(&app, OTHER, &format!("device={}", cookie(device, "device"))).await.expect(status);
        }
        app.deliver().await;
    })
    .await;
}
