//! Connecting a provider to an account, and taking it away.

use std::time::Duration;

use serde_json::json;
use vestibule::testing::race;

use super::*;
use crate::exchange::{detail, non_field};

#[tokio::test]
async fn t54_connecting_needs_a_recent_login_and_is_told_by_mail() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let key = app.register("bea").await;
            app.get("acme/connect/").send().await.expect(401);
            app.get("acme/connect/").token(&key).send().await.expect(405);
            app.post("acme/connect/", json!({ "code": provider.code() })).send().await.expect(401);
            app.advance(Duration::from_secs(601));
            let refused = app.post("acme/connect/", json!({ "code": provider.code() })).token(&key).send().await.expect(403);
            assert_eq!(refused.json(), detail("Please enter your password once more."));
            assert_eq!(rows(app).await.2, 0);
            let again = app.post("reauthenticate/", json!({ "password": crate::exchange::PASSWORD })).token(&key);
            again.send().await.expect(200);
            app.post("acme/connect/", json!({ "code": provider.code() })).token(&key).send().await.expect(200);
            app.deliver().await;
            mail(app, "bea@example.org", "provider_connected");
            let by_provider = by_code(app, provider).await.expect(200).key();
            assert_eq!(me(app, &by_provider).await["username"], "bea");
            // Once more is no harm, and no second mail.
            app.post("acme/connect/", json!({ "code": provider.code() })).token(&key).send().await.expect(200);
            let mails = app.mailbox.mails().len();
            app.deliver().await;
            assert_eq!((app.mailbox.mails().len(), rows(app).await.2), (mails, 1));
        },
    )
    .await;
}

#[tokio::test]
async fn t54_what_is_anothers_stays_anothers() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let owner = by_code(app, provider).await.expect(200).key();
            let key = app.register("bea").await;
            let refused = app.post("acme/connect/", json!({ "code": provider.code() })).token(&key).send().await.expect(400);
            assert_eq!(refused.json(), non_field("This login belongs to another account already."));
            let again = by_code(app, provider).await.expect(200).key();
            assert_eq!(me(app, &again).await["pk"], me(app, &owner).await["pk"]);
        },
    )
    .await;
}

#[tokio::test]
async fn t54_a_connection_over_the_provider_stays_in_its_browser_and_session() {
    with_provider(
        |settings, _| settings.frontend.error_url = Some("https://app.example.test/failed".into()),
        async |app, provider| {
            let (ana, bea) = (app.register("u1").await, app.register("u2").await);
            let begin = async |browser: &mut Browser<'_>, key: &str| {
                let answer = app.post("social/acme/start/", json!({ "connect": true })).token(key).send().await.expect(200);
                browser.keep(&answer);
                provider.visit(answer.json()["url"].as_str().unwrap())
            };
            app.post("social/acme/start/", json!({ "connect": true })).send().await.expect(401);
            let (mut x, mut y) = (Browser::new(app), Browser::new(app));
            let back = begin(&mut x, &ana).await;
            begin(&mut y, &bea).await;
            assert_eq!(member(y.open(&back).await.header("location"), "error").as_deref(), Some("state_invalid"));
            assert_eq!(rows(app).await.2, 0);
            let landed = x.open(&back).await.expect(302);
            assert_eq!(landed.header("location"), "http://127.0.0.1:8000/");
            let key = by_code(app, provider).await.expect(200).key();
            assert_eq!(me(app, &key).await["username"], "u1");
            // Whoever logs out meanwhile connects nothing.
            provider.person(json!({ "sub": "2" }));
            let back = begin(&mut x, &ana).await;
            app.post("logout/", json!({})).token(&ana).send().await.expect(200);
            assert_eq!(member(x.open(&back).await.header("location"), "error").as_deref(), Some("invalid_token"));
            assert_eq!(rows(app).await.2, 1);
            app.advance(Duration::from_secs(601));
            app.post("social/acme/start/", json!({ "connect": true })).token(&bea).send().await.expect(403);
        },
    )
    .await;
}

#[tokio::test]
async fn what_is_connected_is_listed_as_recorded_and_only_to_its_owner() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let key = by_code(app, provider).await.expect(200).key();
            let all = app.get("socialaccounts/").token(&key).send().await.expect(200).json();
            let at = "2026-01-01T00:00:00.000000Z";
            let expected =
                json!([{ "id": all[0]["id"], "provider": "acme", "uid": "person-1", "last_login": at, "date_joined": at }]);
            assert_eq!(all, expected);
            let bea = app.register("bea").await;
            assert_eq!(app.get("socialaccounts/").token(&bea).send().await.expect(200).json(), json!([]));
            app.get("socialaccounts/").send().await.expect(401);
            let path = format!("socialaccounts/{}/disconnect/", all[0]["id"]);
            for (path, key, status) in [
                (path.as_str(), &bea, 404),
                ("socialaccounts/999/disconnect/", &key, 404),
                ("socialaccounts/abc/disconnect/", &key, 404),
            ] {
                app.post(path, json!({})).token(key).send().await.expect(status);
            }
            app.get(&path).token(&key).send().await.expect(405);
        },
    )
    .await;
}

#[tokio::test]
async fn t55_the_last_way_in_stays() {
    with_provider(
        |settings, own| {
            let other = own.clone();
            settings.social.insert("second".into(), other);
        },
        async |app, provider| {
            let key = by_code(app, provider).await.expect(200).key();
            provider.person(json!({ "sub": "2" }));
            app.post("second/connect/", json!({ "code": provider.code() })).token(&key).send().await.expect(200);
            let all = app.get("socialaccounts/").token(&key).send().await.expect(200).json();
            let ids: Vec<i64> = all.as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect();
            let disconnect =
                async |id: i64| app.post(&format!("socialaccounts/{id}/disconnect/"), json!({})).token(&key).send().await;
            assert_eq!(disconnect(ids[0]).await.expect(200).json(), json!({}));
            let refused = disconnect(ids[1]).await.expect(400);
            assert_eq!(refused.json(), non_field("This is the only way to log in to your account. Please set a password first."));
            assert_eq!(rows(app).await.2, 1);
            // With a password it is not the last.
            account(app, "bea", true).await;
            let bea = app.post("login/", json!({ "email": "bea@example.org", "password": crate::exchange::PASSWORD }));
            let bea = bea.send().await.expect(200).key();
            provider.person(json!({ "sub": "3" }));
            app.post("acme/connect/", json!({ "code": provider.code() })).token(&bea).send().await.expect(200);
            let id = app.get("socialaccounts/").token(&bea).send().await.expect(200).json()[0]["id"].as_i64().unwrap();
            app.post(&format!("socialaccounts/{id}/disconnect/"), json!({})).token(&bea).send().await.expect(200);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t55_of_two_that_take_the_last_ways_in_one_is_refused() {
    let provider = std::sync::Arc::new(Provider::start().await);
    let settings = |settings: &mut Settings| drop(settings.social.insert("acme".into(), provider.settings()));
    race("T55 the last way in", 10, settings, async |arena| {
        let app = &arena.app;
        provider.follow(&app.clock);
        let name = app.fresh_name();
        provider.person(json!({ "sub": format!("{name}-0"), "email": format!("{name}@example.org") }));
        let key = by_code(app, &provider).await.expect(200).key();
        for number in 1..4 {
            provider.person(json!({ "sub": format!("{name}-{number}") }));
            app.post("acme/connect/", json!({ "code": provider.code() })).token(&key).send().await.expect(200);
        }
        let all = app.get("socialaccounts/").token(&key).send().await.expect(200).json();
        let ids: Vec<i64> = all.as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect();
        let answers = arena
            .requests(ids.len(), |way, app| {
                let (path, key) = (format!("socialaccounts/{}/disconnect/", ids[way]), key.clone());
                async move { app.post(&path, json!({})).token(&key).send().await }
            })
            .await;
        let refused = answers.iter().filter(|answer| answer.status == 400).count();
        assert_eq!((answers.iter().filter(|answer| answer.status == 200).count(), refused), (3, 1));
        let left = app.get("socialaccounts/").token(&key).send().await.expect(200).json();
        assert_eq!(left.as_array().unwrap().len(), 1);
    })
    .await;
}
