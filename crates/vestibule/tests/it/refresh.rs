//! Refresh tokens: each is used up by its successor, and one that is used twice ends its session.

use std::time::Duration;

use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::testing::races::count;
use vestibule::testing::{TestAnswer, TestApp, on_both, race};

use crate::exchange::{OTHER, PASSWORD};
use crate::tokens::{bearer, jwt, registered, text, user};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const SECOND: Duration = Duration::from_secs(1);

pub(crate) async fn refresh(app: &TestApp, token: &str) -> TestAnswer {
    app.post("token/refresh/", json!({ "refresh": token })).send().await
}

/// What a token says, without asking whether it is right.
fn claims(token: &str) -> Value {
    use base64::Engine;
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn t37_a_token_that_is_used_twice_ends_its_session() {
    on_both(jwt, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let r1 = text(&first, "refresh");
        let second = refresh(&app, &r1).await.expect(200);
        let r2 = text(&second, "refresh");
        assert_ne!(claims(&r1)["jti"], claims(&r2)["jti"]);
        let r3 = text(&refresh(&app, &r2).await.expect(200), "refresh");
        let reused = refresh(&app, &r1).await.expect(401);
        assert_eq!(reused.json(), json!({ "detail": "Token is blacklisted", "code": "token_not_valid" }));
        refresh(&app, &r3).await.expect(401);
        refresh(&app, &r2).await.expect(401);
        for answer in [&first, &second] {
            user(&app, &text(answer, "access")).await.expect(401);
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_audit WHERE event = 'refresh.reused'").await, 1, "it is told of once");
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn t37_a_lost_answer_is_given_again_for_a_while_and_only_while_its_token_was_not_used() {
    on_both(jwt, async |app: TestApp| {
        let r1 = text(&registered(&app, "ana").await, "refresh");
        app.advance(SECOND);
        let r2 = text(&refresh(&app, &r1).await.expect(200), "refresh");
        app.advance(9 * SECOND);
        let again = text(&refresh(&app, &r1).await.expect(200), "refresh");
        assert_eq!(claims(&again), claims(&r2), "the same token once more, and no second one beside it");
        app.advance(SECOND);
        refresh(&app, &r1).await.expect(401);
        refresh(&app, &r2).await.expect(401);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions").await, 0);
        app.deliver().await;
    })
    .await;
    let strict = |settings: &mut Settings| {
        jwt(settings);
        settings.jwt.refresh_grace = vestibule::settings::Span::seconds(0);
    };
    on_both(strict, async |app: TestApp| {
        let r1 = text(&registered(&app, "ana").await, "refresh");
        refresh(&app, &r1).await.expect(200);
        refresh(&app, &r1).await.expect(401);
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn t39_what_was_used_up_stays_so_in_another_process() {
    on_both(jwt, async |app: TestApp| {
        let r1 = text(&registered(&app, "ana").await, "refresh");
        let r2 = text(&refresh(&app, &r1).await.expect(200), "refresh");
        let twin = app.twin().await;
        let r3 = text(&refresh(&twin, &r2).await.expect(200), "refresh");
        refresh(&twin, &r1).await.expect(401);
        refresh(&app, &r3).await.expect(401);
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn t28_a_chain_ends_when_it_is_not_used_and_at_its_absolute_end() {
    on_both(jwt, async |app: TestApp| {
        let mut token = text(&registered(&app, "ana").await, "refresh");
        for day in 1..90 {
            app.advance(DAY);
            let answer = refresh(&app, &token).await.expect(200);
            token = text(&answer, "refresh");
            let ends = claims(&token)["exp"].as_i64().unwrap() - 1_767_225_600;
            assert_eq!(ends, (day + 7).min(90) * 24 * 60 * 60, "no token outlives its session");
        }
        app.advance(DAY);
        refresh(&app, &token).await.expect(401);
        let idle = text(&registered(&app, "bob").await, "refresh");
        app.advance(7 * DAY);
        let over = refresh(&app, &idle).await.expect(401);
        assert_eq!(over.json()["detail"], "Token is expired");
    })
    .await;
    let long = |settings: &mut Settings| {
        jwt(settings);
        settings.jwt.refresh_ttl = vestibule::settings::Span::days(60);
    };
    on_both(long, async |app: TestApp| {
        let token = text(&registered(&app, "ana").await, "refresh");
        app.advance(14 * DAY + SECOND);
        refresh(&app, &token).await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn without_rotation_a_refresh_token_goes_on_until_it_is_over_or_its_session_ends() {
    let change = |settings: &mut Settings| {
        jwt(settings);
        settings.jwt.rotate_refresh = false;
    };
    on_both(change, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let token = text(&first, "refresh");
        for _ in 0..3 {
            app.advance(DAY);
            let answer = refresh(&app, &token).await.expect(200);
            assert!(answer.json().get("refresh").is_none() && answer.json().get("access_expiration").is_some());
            user(&app, &text(&answer, "access")).await.expect(200);
        }
        app.post("logout/", json!({ "refresh": token })).send().await.expect(200);
        refresh(&app, &token).await.expect(401);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t38_of_one_token_used_at_once_there_is_never_more_than_one_successor() {
    race("T38 one refresh token at once", 10, jwt, async |arena| {
        let name = arena.app.fresh_name();
        let token = text(&registered(&arena.app, &name).await, "refresh");
        let answers = arena
            .requests(32, |_, app| {
                let token = token.clone();
                async move { refresh(&app, &token).await }
            })
            .await;
        assert_eq!(count(&answers, 200), 32, "all of them within the time for lost answers");
        let said: Vec<Value> = answers.iter().map(|answer| claims(&text(answer, "refresh"))).collect();
        assert!(said.iter().all(|claims| *claims == said[0]), "one successor, however often it is given");
        let next = text(&refresh(&arena.app, &text(&answers[0], "refresh")).await.expect(200), "refresh");
        assert_ne!(claims(&next)["jti"], said[0]["jti"]);
        refresh(&arena.app, &token).await.expect(401);
        refresh(&arena.app, &next).await.expect(401);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t31_nothing_that_was_refreshed_while_a_password_changed_counts() {
    race("T31 change of password against refreshes", 8, jwt, async |arena| {
        let name = arena.app.fresh_name();
        let mut families = vec![registered(&arena.app, &name).await];
        while families.len() < 5 {
            let login = arena.app.post("login/", json!({ "username": name, "password": PASSWORD })).send().await;
            families.push(login.expect(200));
        }
        let tokens: Vec<(String, String)> = families.iter().map(|pair| (text(pair, "access"), text(pair, "refresh"))).collect();
        let answers = arena
            .requests(32, |way, app| {
                let (access, token) = tokens[way % tokens.len()].clone();
                async move {
                    if way > 0 {
                        return refresh(&app, &token).await;
                    }
                    let body = json!({ "old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER });
                    app.post("password/change/", body).header("authorization", &format!("Bearer {access}")).send().await
                }
            })
            .await;
        assert_eq!(answers[0].status, 200, "{}", answers[0].text);
        for (way, answer) in answers.iter().enumerate().skip(1).filter(|(way, answer)| way % 5 != 0 && answer.status == 200) {
            assert_eq!(user(&arena.app, &text(answer, "access")).await.status, 401, "{way}");
            assert_eq!(refresh(&arena.app, &text(answer, "refresh")).await.status, 401, "{way}");
        }
        for (access, token) in &tokens[1..] {
            assert_eq!((user(&arena.app, access).await.status, refresh(&arena.app, token).await.status), (401, 401));
        }
        user(&arena.app, &tokens[0].0).await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t31_nothing_that_was_refreshed_while_the_others_ended_counts() {
    race("T31 end others against refreshes", 8, jwt, async |arena| {
        let name = arena.app.fresh_name();
        let mut families = vec![registered(&arena.app, &name).await];
        while families.len() < 5 {
            let login = arena.app.post("login/", json!({ "username": name, "password": PASSWORD })).send().await;
            families.push(login.expect(200));
        }
        let tokens: Vec<(String, String)> = families.iter().map(|pair| (text(pair, "access"), text(pair, "refresh"))).collect();
        let answers = arena
            .requests(32, |way, app| {
                let (access, token) = tokens[way % tokens.len()].clone();
                async move {
                    if way > 0 {
                        return refresh(&app, &token).await;
                    }
                    bearer(app.post("sessions/end-others/", json!({})), &access).send().await
                }
            })
            .await;
        assert_eq!((answers[0].status, &answers[0].json()["ended"]), (200, &json!(4)), "{}", answers[0].text);
        let refreshed = |way: &usize, answer: &TestAnswer| *way > 0 && answer.status == 200;
        for (way, answer) in answers.iter().enumerate().filter(|(way, answer)| way % 5 != 0 && refreshed(way, answer)) {
            assert_eq!(user(&arena.app, &text(answer, "access")).await.status, 401, "{way}");
            assert_eq!(refresh(&arena.app, &text(answer, "refresh")).await.status, 401, "{way}");
        }
        for (access, token) in &tokens[1..] {
            assert_eq!((user(&arena.app, access).await.status, refresh(&arena.app, token).await.status), (401, 401));
        }
        // The one in hand goes on, with one token.
        let own: Vec<&TestAnswer> = answers.iter().step_by(5).skip(1).collect();
        assert!(own.iter().all(|answer| answer.status == 200), "its own refreshes are disturbed by nothing");
        let next: Vec<Value> = own.iter().map(|answer| claims(&text(answer, "refresh"))["jti"].clone()).collect();
        assert!(next.iter().all(|jti| *jti == next[0]));
        refresh(&arena.app, &text(own[0], "refresh")).await.expect(200);
        user(&arena.app, &tokens[0].0).await.expect(200);
    })
    .await;
}
