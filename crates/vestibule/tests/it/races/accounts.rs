//! Edits, names and hashes that are written by several at once.

use std::collections::BTreeSet;

use serde_json::json;
use vestibule::accounts::{Client, admin, deletion};
use vestibule::ground::Error;
use vestibule::params;
use vestibule::settings::Settings;
use vestibule::testing::app::PASSWORD;
use vestibule::testing::race;
use vestibule::testing::races::count;

use super::{log_in, number, somebody, status_of};

/// `Tr1cky-pass-9x` as Django 1.4 stored it.
const IMPORTED: &str = include_str!("../../data/password_hashes.json");

fn with_two_fields(settings: &mut Settings) {
    let field = |name: &str| serde_json::from_value(json!({ "name": name, "kind": "text" })).unwrap();
    settings.user.fields = vec![field("city"), field("motto")];
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn edits_of_different_members_at_once_lose_nothing() {
    race("edits at once", 15, with_two_fields, async |arena| {
        let (name, keys) = somebody(arena, 2).await;
        let members = ["first_name", "last_name", "city", "motto"];
        let answers = arena
            .requests(members.len(), |way, app| {
                let (key, body) = (keys[way % 2].clone(), json!({ members[way]: format!("{name} {way}") }));
                async move { app.patch("user/", body).token(&key).send().await }
            })
            .await;
        assert_eq!(count(&answers, 200), members.len());
        let user = arena.app.get("user/").token(&keys[0]).send().await.expect(200).json();
        for (way, member) in members.iter().enumerate() {
            assert_eq!(user[member], json!(format!("{name} {way}")), "{user}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_edit_is_not_turned_away_by_the_sessions_own_change_of_password() {
    race(
        "edit against own change of password",
        10,
        |_| {},
        async |arena| {
            let (_, keys) = somebody(arena, 1).await;
            let change =
                json!({ "old_password": PASSWORD, "new_password1": "An0ther-pass-7q", "new_password2": "An0ther-pass-7q" });
            let answers = arena
                .requests(12, |way, app| {
                    let (key, change) = (keys[0].clone(), change.clone());
                    async move {
                        match way {
                            0 => app.post("password/change/", change).token(&key).send().await,
                            _ => app.patch("user/", json!({ "first_name": format!("way {way}") })).token(&key).send().await,
                        }
                    }
                })
                .await;
            assert_eq!(count(&answers, 200), answers.len());
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t83_of_several_who_take_one_name_one_gets_it() {
    race(
        "one name for many",
        10,
        |_| {},
        async |arena| {
            let mut keys = Vec::new();
            for _ in 0..8 {
                keys.push(somebody(arena, 1).await.1.remove(0));
            }
            let wanted = format!("{}-wanted", arena.app.fresh_name());
            let answers = arena
                .requests(keys.len(), |way, app| {
                    let (key, body) = (keys[way].clone(), json!({ "username": wanted, "first_name": "New" }));
                    async move { app.patch("user/", body).token(&key).send().await }
                })
                .await;
            assert_eq!((count(&answers, 200), count(&answers, 400)), (1, keys.len() - 1));
            let (mut names, mut renamed) = (BTreeSet::new(), 0);
            for (key, answer) in keys.iter().zip(&answers) {
                let user = arena.app.get("user/").token(key).send().await.expect(200).json();
                if answer.status == 400 {
                    assert_eq!(answer.json(), json!({ "username": ["A user with that username already exists."] }));
                    assert_eq!(user["first_name"], "", "a refused edit writes nothing");
                }
                renamed += usize::from(user["username"] == json!(wanted));
                names.insert(user["username"].as_str().unwrap().to_owned());
            }
            assert_eq!((renamed, names.len()), (1, keys.len()));
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t83_of_edits_with_one_unique_value_one_gets_it_and_gives_up_its_old_one() {
    let unique = |settings: &mut Settings| {
        let field = json!({ "name": "nick", "kind": "text", "unique": true });
        settings.user.fields = vec![serde_json::from_value(field).unwrap()];
    };
    race("one unique value for many", 8, unique, async |arena| {
        let mut keys = Vec::new();
        for way in 0..8 {
            let (name, mut new) = somebody(arena, 1).await;
            let key = new.remove(0);
            arena.app.patch("user/", json!({ "nick": format!("{name}-{way}") })).token(&key).send().await.expect(200);
            keys.push(key);
        }
        let before = number(arena, "SELECT count(*) FROM auth_unique_values", params![]).await;
        let wanted = format!("{}-wanted", arena.app.fresh_name());
        let answers = arena
            .requests(keys.len(), |way, app| {
                let (key, body) = (keys[way].clone(), json!({ "nick": wanted }));
                async move { app.patch("user/", body).token(&key).send().await }
            })
            .await;
        assert_eq!((count(&answers, 200), count(&answers, 400)), (1, keys.len() - 1));
        assert_eq!(number(arena, "SELECT count(*) FROM auth_unique_values", params![]).await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t05_right_passwords_at_once_leave_one_valid_current_hash() {
    let rows: serde_json::Value = serde_json::from_str(IMPORTED).unwrap();
    let is_ours = |row: &&serde_json::Value| row["algorithm"] == "pbkdf2_sha256" && row["password"] == PASSWORD;
    let imported = rows["rows"].as_array().unwrap().iter().find(is_ours).unwrap()["encoded"].as_str().unwrap().to_owned();
    race(
        "T05 rehash at once",
        10,
        |_| {},
        async |arena| {
            let (name, keys) = somebody(arena, 1).await;
            let (who, old) = (name.clone(), imported.clone());
            let put = arena.app.auth.db().unit(|tx| async move {
                tx.run("UPDATE auth_users SET password = $2 WHERE username = $1", params![who.as_str(), old.as_str()]).await
            });
            put.await.unwrap();
            let stored = async || {
                let sql = "SELECT password FROM auth_users WHERE username = $1";
                arena.app.auth.db().one::<(String,)>(sql, params![name.as_str()]).await.unwrap().unwrap().0
            };
            log_in(arena.app.clone(), name.clone(), "wr0ng-password-1").await.expect(400);
            assert_eq!(stored().await, imported, "a wrong password changes nothing");
            let answers = arena.requests(16, |_, app| log_in(app, name.clone(), PASSWORD)).await;
            assert_eq!(count(&answers, 200), 16);
            let current = stored().await;
            assert!(current.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{current}");
            assert_eq!(status_of(&arena.app, &keys[0]).await, 200, "other sessions are untouched");
            log_in(arena.app.clone(), name.clone(), PASSWORD).await.expect(200);
            assert_eq!(stored().await, current, "a current hash is kept");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_account_is_removed_once_and_nobody_comes_in_behind_it() {
    race(
        "removal against logins and edits",
        10,
        |_| {},
        async |arena| {
            let (name, keys) = somebody(arena, 2).await;
            let id = admin::find(&arena.app.auth, &name).await.unwrap().id;
            let done = arena
                .at_once(12, |way, app| {
                    let (name, key) = (name.clone(), keys[way % 2].clone());
                    async move {
                        match way % 3 {
                            0 => match deletion::delete(&app.auth, &Client::operator(&app.auth), id).await {
                                Ok(_) => "removed",
                                Err(Error::Refused(404, _)) => "gone",
                                Err(error) => panic!("{error:?}"),
                            },
                            1 => match log_in(app, name, PASSWORD).await.status {
                                200 | 400 => "asked",
                                status => panic!("a login got {status}"),
                            },
                            _ => match app.patch("user/", json!({ "first_name": "x" })).token(&key).send().await.status {
                                200 | 401 => "asked",
                                status => panic!("an edit got {status}"),
                            },
                        }
                    }
                })
                .await;
            assert_eq!(done.iter().filter(|one| **one == "removed").count(), 1, "{done:?}");
            let id = id.as_i64();
            assert_eq!(number(arena, "SELECT count(*) FROM auth_users WHERE id = $1", params![id]).await, 0);
            assert_eq!(number(arena, "SELECT count(*) FROM auth_sessions WHERE user_id = $1", params![id]).await, 0);
            let told = "SELECT count(*) FROM auth_audit WHERE user_id = $1 AND event = 'user.deleted'";
            assert_eq!(number(arena, told, params![id]).await, 1);
            for key in &keys {
                assert_eq!(status_of(&arena.app, key).await, 401);
            }
        },
    )
    .await;
}
