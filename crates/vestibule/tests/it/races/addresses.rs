//! T16, T83: one proof of an address, and one owner.

use std::sync::Arc;

use serde_json::{Value, json};
use vestibule::params;
use vestibule::settings::{Settings, Verification};
use vestibule::testing::app::{PASSWORD, TestAnswer};
use vestibule::testing::races::count;
use vestibule::testing::{Arena, TestApp, race};

use super::{OTHER, number};

const WAYS: usize = 32;

fn mandatory(settings: &mut Settings) {
    settings.account.email_verification = Verification::Mandatory;
}

async fn post(app: Arc<TestApp>, path: &'static str, body: Value) -> TestAnswer {
    app.post(path, body).send().await
}

/// The last part of the link of every mail to that address.
async fn keys_to(arena: &Arena, address: &str) -> Vec<String> {
    arena.app.deliver().await;
    let last = |link: String| link.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    arena.app.mailbox.to(address).into_iter().filter_map(|mail| mail.link.map(last)).collect()
}

async fn owners(arena: &Arena, address: &str) -> i64 {
    let sql = "SELECT count(*) FROM auth_users WHERE email_key = $1 AND email_verified_at IS NOT NULL";
    number(arena, sql, params![address]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t83_of_several_sign_ups_that_prove_one_address_at_once_one_owns_it() {
    race("T83 proofs of one address", 10, mandatory, async |arena| {
        let address = format!("{}@example.org", arena.app.fresh_name());
        for _ in 0..8 {
            let name = arena.app.fresh_name();
            let body = json!({ "username": name, "email": address, "password1": PASSWORD, "password2": PASSWORD });
            arena.app.post("registration/", body).send().await.expect(201);
        }
        let keys = keys_to(arena, &address).await;
        assert_eq!(keys.len(), 8);
        let keys = Arc::new(keys);
        let answers = arena
            .requests(WAYS, |way, app| {
                let key = keys[way % keys.len()].clone();
                post(app, "registration/verify-email/", json!({ "key": key }))
            })
            .await;
        assert_eq!(count(&answers, 200), 1);
        assert_eq!(count(&answers, 404), WAYS - 1);
        assert_eq!(owners(arena, &address).await, 1);
        assert_eq!(number(arena, "SELECT count(*) FROM auth_users WHERE email_key = $1", params![address.as_str()]).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t83_of_two_accounts_that_change_to_one_address_at_once_one_gets_it() {
    race(
        "T83 changes to one address",
        10,
        |_| {},
        async |arena| {
            let (first, second) = (arena.app.fresh_name(), arena.app.fresh_name());
            let address = format!("{}@example.org", arena.app.fresh_name());
            for name in [&first, &second] {
                let session = arena.app.register(name).await;
                let asked = arena.app.post("email/change/", json!({ "email": address })).token(&session);
                asked.send().await.expect(200);
            }
            let keys = Arc::new(keys_to(arena, &address).await);
            assert_eq!(keys.len(), 2);
            let answers = arena
                .requests(WAYS, |way, app| {
                    let key = keys[way % 2].clone();
                    post(app, "email/change/confirm/", json!({ "key": key }))
                })
                .await;
            assert_eq!(count(&answers, 200), 1);
            assert_eq!(count(&answers, 400), WAYS - 1);
            assert_eq!(owners(arena, &address).await, 1);
            let told = [&first, &second].map(|name| {
                let sql = "SELECT count(*) FROM auth_jobs WHERE kind = 'email_changed' AND params->>'email' = $1";
                (sql, format!("{name}@example.org"))
            });
            let mut jobs = 0;
            for (sql, old) in told {
                jobs += number(arena, sql, params![old.as_str()]).await;
            }
            assert_eq!(jobs, 1, "one account is told");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t16_of_resets_by_all_links_of_an_account_at_once_one_counts() {
    race(
        "T16 resets",
        10,
        |_| {},
        async |arena| {
            let name = arena.app.fresh_name();
            let address = format!("{name}@example.org");
            arena.app.register(&name).await;
            arena.app.deliver().await;
            arena.app.mailbox.clear();
            for _ in 0..3 {
                arena.app.post("password/reset/", json!({ "email": address })).send().await.expect(200);
            }
            let tokens = Arc::new(keys_to(arena, &address).await);
            assert_eq!(tokens.len(), 3);
            let link = arena.app.mailbox.last_to(&address).link.unwrap();
            let uid = link.trim_end_matches('/').rsplit('/').nth(1).unwrap().to_owned();
            let answers = arena
                .requests(WAYS, |way, app| {
                    let token = tokens[way % 3].clone();
                    let body = json!({ "uid": uid, "token": token, "new_password1": OTHER, "new_password2": OTHER });
                    post(app, "password/reset/confirm/", body)
                })
                .await;
            assert_eq!(count(&answers, 200), 1);
            assert_eq!(count(&answers, 400), WAYS - 1);
            let sql = "SELECT count(*) FROM auth_jobs WHERE kind = 'password_reset_done' AND user_id = (SELECT id FROM auth_users WHERE username = $1)";
            assert_eq!(number(arena, sql, params![name.as_str()]).await, 1, "one effect");
        },
    )
    .await;
}
