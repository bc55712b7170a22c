//! T31: what ends, ends for everything that overlaps with it.

use http::Method;
use serde_json::json;
use vestibule::accounts::admin;
use vestibule::params;
use vestibule::testing::app::PASSWORD;
use vestibule::testing::race;
use vestibule::testing::races::count;

use super::{OTHER, change, log_in, number, somebody, status_of};

const WAYS: usize = 32;

const SESSIONS: &str = "SELECT count(*) FROM auth_sessions s JOIN auth_users u ON u.id = s.user_id WHERE u.username = $1";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t31_after_a_change_of_password_no_key_from_before_or_meanwhile_counts_but_the_changers() {
    race(
        "T31 change against logins and reads",
        10,
        |_| {},
        async |arena| {
            let (name, keys) = somebody(arena, 6).await;
            let answers = arena
                .requests(WAYS, |way, app| {
                    let (name, key) = (name.clone(), keys[way % keys.len()].clone());
                    async move {
                        match way {
                            0 => change(app, key, PASSWORD, OTHER.into()).await,
                            _ if way % 2 == 0 => app.get("user/").token(&key).send().await,
                            _ => log_in(app, name, PASSWORD).await,
                        }
                    }
                })
                .await;
            assert_eq!(answers[0].status, 200, "{}", answers[0].text);
            let minted = answers.iter().filter(|answer| answer.json().get("key").is_some()).map(|answer| answer.key());
            for key in keys[1..].iter().cloned().chain(minted) {
                assert_eq!(status_of(&arena.app, &key).await, 401);
            }
            assert_eq!(status_of(&arena.app, &keys[0]).await, 200, "the changer goes on");
            assert_eq!(number(arena, SESSIONS, params![name.as_str()]).await, 1);
            log_in(arena.app.clone(), name.clone(), PASSWORD).await.expect(400);
            log_in(arena.app.clone(), name, OTHER).await.expect(200);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_changes_of_password_at_once_one_counts_wholly() {
    race(
        "changes of password at once",
        10,
        |_| {},
        async |arena| {
            let (name, keys) = somebody(arena, 8).await;
            let new = |way: usize| format!("An0ther-pass-7q-{way}");
            let answers = arena.requests(8, |way, app| change(app, keys[way].clone(), PASSWORD, new(way))).await;
            assert_eq!(count(&answers, 200), 1);
            for answer in answers.iter().filter(|answer| answer.status != 200) {
                // Too late to have a session, or too late for the old password.
                assert!(matches!(answer.status, 400 | 401), "{} {}", answer.status, answer.text);
            }
            let winner = answers.iter().position(|answer| answer.status == 200).unwrap();
            for (way, key) in keys.iter().enumerate() {
                assert_eq!(status_of(&arena.app, key).await, if way == winner { 200 } else { 401 });
                let login = json!({ "username": name, "password": new(way) });
                arena.app.post("login/", login).send().await.expect(if way == winner { 200 } else { 400 });
            }
            let sql = "SELECT count(*) FROM auth_audit a JOIN auth_users u ON u.id = a.user_id \
                   WHERE u.username = $1 AND a.event = 'password.changed'";
            assert_eq!(number(arena, sql, params![name.as_str()]).await, 1);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn logging_out_twice_at_once_ends_one_session_once() {
    race(
        "logout at once",
        15,
        |_| {},
        async |arena| {
            let (name, keys) = somebody(arena, 2).await;
            let answers = arena
                .requests(4, |_, app| {
                    let key = keys[0].clone();
                    async move { app.request(Method::POST, "logout/").token(&key).send().await }
                })
                .await;
            assert!(count(&answers, 200) >= 1);
            assert_eq!(count(&answers, 200) + count(&answers, 401), 4, "who comes later has no session any more");
            assert_eq!(status_of(&arena.app, &keys[0]).await, 401);
            assert_eq!(status_of(&arena.app, &keys[1]).await, 200);
            let sql = "SELECT count(*) FROM auth_audit a JOIN auth_users u ON u.id = a.user_id \
                   WHERE u.username = $1 AND a.event = 'session.ended'";
            assert_eq!(number(arena, sql, params![name.as_str()]).await, 1, "it is told of once");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t29_nothing_that_was_issued_while_an_account_was_disabled_survives() {
    race(
        "disable against logins",
        10,
        |_| {},
        async |arena| {
            let (name, keys) = somebody(arena, 3).await;
            let id = admin::find(&arena.app.auth, &name).await.unwrap().id;
            let answers = arena
                .at_once(16, |way, app| {
                    let name = name.clone();
                    async move {
                        if way == 0 {
                            assert!(admin::disable(&app.auth, id).await.unwrap());
                            return None;
                        }
                        Some(log_in(app, name, PASSWORD).await)
                    }
                })
                .await;
            let answers: Vec<_> = answers.into_iter().flatten().collect();
            answers.iter().for_each(|answer| arena.note(answer));
            assert_eq!(count(&answers, 200) + count(&answers, 400), 15);
            let issued = answers.iter().filter(|answer| answer.status == 200).map(|answer| answer.key());
            for key in keys.iter().cloned().chain(issued) {
                assert_eq!(status_of(&arena.app, &key).await, 401);
            }
            assert_eq!(number(arena, SESSIONS, params![name.as_str()]).await, 0);
            log_in(arena.app.clone(), name.clone(), PASSWORD).await.expect(400);
            assert!(admin::enable(&arena.app.auth, id).await.unwrap());
            for key in &keys {
                assert_eq!(status_of(&arena.app, key).await, 401, "what was ended stays ended");
            }
            log_in(arena.app.clone(), name, PASSWORD).await.expect(200);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_logout_against_a_change_of_password_leaves_the_account_whole() {
    race(
        "logout against change",
        10,
        |_| {},
        async |arena| {
            let (name, keys) = somebody(arena, 1).await;
            let answers = arena
                .requests(2, |way, app| {
                    let key = keys[0].clone();
                    async move {
                        match way {
                            0 => change(app, key, PASSWORD, OTHER.into()).await,
                            _ => app.request(Method::POST, "logout/").token(&key).send().await,
                        }
                    }
                })
                .await;
            // Whoever comes later may find no session.
            assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 401)));
            let (changed, ended) = (answers[0].status == 200, answers[1].status == 200);
            assert!(changed || ended);
            assert_eq!(status_of(&arena.app, &keys[0]).await, if ended { 401 } else { 200 });
            let (now, before) = if changed { (OTHER, PASSWORD) } else { (PASSWORD, OTHER) };
            log_in(arena.app.clone(), name.clone(), before).await.expect(400);
            log_in(arena.app.clone(), name, now).await.expect(200);
        },
    )
    .await;
}

/// Logins may come before the end or after it; whichever it is, it is told truly, and none is left in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t31_ending_the_others_leaves_nothing_of_before_however_many_come_in_meanwhile() {
    race(
        "T31 end others against logins",
        10,
        |_| {},
        async |arena| {
            let (name, keys) = somebody(arena, 5).await;
            let answers = arena
                .requests(WAYS, |way, app| {
                    let (name, key) = (name.clone(), keys[way % keys.len()].clone());
                    async move {
                        match way {
                            0 => app.request(Method::POST, "sessions/end-others/").token(&key).send().await,
                            _ if way % 2 == 0 => app.get("user/").token(&key).send().await,
                            _ => log_in(app, name, PASSWORD).await,
                        }
                    }
                })
                .await;
            assert_eq!(answers[0].status, 200, "{}", answers[0].text);
            let ended = answers[0].json()["ended"].as_i64().unwrap();
            let mut open = 0;
            for answer in answers.iter().filter(|answer| answer.json().get("key").is_some()) {
                open += i64::from(status_of(&arena.app, &answer.key()).await == 200);
            }
            let given = answers.iter().filter(|answer| answer.json().get("key").is_some()).count() as i64;
            assert_eq!(ended + open, keys.len() as i64 - 1 + given, "each has ended or is open");
            for key in &keys[1..] {
                assert_eq!(status_of(&arena.app, key).await, 401);
            }
            assert_eq!(status_of(&arena.app, &keys[0]).await, 200);
            assert_eq!(number(arena, SESSIONS, params![name.as_str()]).await, 1 + open, "what is kept is what counts");
            let whole = "SELECT count(*) FROM auth_sessions s JOIN auth_users u ON u.id = s.user_id AND u.epoch = s.epoch WHERE u.username = $1";
            assert_eq!(number(arena, whole, params![name.as_str()]).await, 1 + open);
        },
    )
    .await;
}

/// Of several who end all others at once one is first, and the session of no other is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_who_end_the_others_at_once_one_is_left() {
    race(
        "end others at once",
        10,
        |_| {},
        async |arena| {
            let (name, keys) = somebody(arena, 6).await;
            let answers = arena
                .requests(keys.len(), |way, app| {
                    let key = keys[way].clone();
                    async move { app.request(Method::POST, "sessions/end-others/").token(&key).send().await }
                })
                .await;
            assert_eq!((count(&answers, 200), count(&answers, 401)), (1, 5));
            for (answer, key) in answers.iter().zip(&keys) {
                assert_eq!(status_of(&arena.app, key).await, answer.status);
            }
            assert_eq!(number(arena, SESSIONS, params![name.as_str()]).await, 1);
        },
    )
    .await;
}
