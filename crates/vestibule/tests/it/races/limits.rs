//! T68: a race exceeds no limit, since every try is counted before it is made.

use std::sync::Arc;

use serde_json::json;
use vestibule::params;
use vestibule::settings::Settings;
use vestibule::testing::app::{PASSWORD, TestAnswer};
use vestibule::testing::races::count;
use vestibule::testing::{Arena, TestApp, race};

use super::{number, somebody};

const WAYS: usize = 64;

/// The limits as by default.
fn by_default(settings: &mut Settings) {
    settings.limits.enabled = true;
    // Every round needs an account, from one address.
    settings.limits.registration = "1000/m/ip".parse().unwrap();
}

async fn guess(app: Arc<TestApp>, name: String, ip: String) -> TestAnswer {
    app.post("login/", json!({ "username": name, "password": "wr0ng-password-1" })).from(&ip).send().await
}

/// How often an account was told of as locked.
async fn locks(arena: &Arena, key: &str) -> i64 {
    let pk = arena.app.get("user/").token(key).send().await.expect(200).json()["pk"].as_i64().unwrap();
    number(arena, "SELECT count(*) FROM auth_audit WHERE event = 'login.locked' AND user_id = $1", params![pk]).await
}

/// What the counters of failed logins hold, the highest first; those of the logins themselves reach no more than 30.
async fn counters(arena: &Arena, least: i64) -> Vec<i64> {
    let sql = "SELECT hits FROM auth_limits WHERE hits >= $1 ORDER BY hits DESC, bucket";
    let rows = arena.app.auth.db().all::<(i64,)>(sql, params![least]).await.unwrap();
    rows.into_iter().map(|(hits,)| hits).collect()
}

async fn forget(arena: &Arena) {
    // All windows are over: the next round begins with none.
    arena.app.advance(std::time::Duration::from_secs(25 * 3_600));
    let done = arena.app.auth.db().unit(async |tx: vestibule::db::Tx| tx.run("DELETE FROM auth_limits", params![]).await);
    done.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t68_of_64_guesses_at_once_from_one_address_ten_are_looked_at() {
    race("T68 one address", 10, by_default, async |arena| {
        forget(arena).await;
        let (name, keys) = somebody(arena, 1).await;
        let hashed = arena.hash_computations();
        let answers = arena.requests(WAYS, |_, app| guess(app, name.clone(), "192.0.2.1".into())).await;
        assert_eq!(arena.hash_computations() - hashed, 10, "password checks");
        assert_eq!((count(&answers, 400), count(&answers, 429)), (10, WAYS - 10));
        for limited in answers.iter().filter(|answer| answer.status == 429) {
            assert!((1..=300).contains(&limited.retry_after().as_secs()));
        }
        assert_eq!(locks(arena, &keys[0]).await, 1, "one event");
        let stored = counters(arena, 1).await;
        // Of the account alone, and of the account from this address.
        assert_eq!(stored.iter().filter(|hits| **hits == 10).count(), if arena.app.auth.db().is_shared() { 3 } else { 2 });
        // Not even the right password is looked at now, from there.
        let right = json!({ "username": name, "password": PASSWORD });
        arena.app.post("login/", right.clone()).from("192.0.2.1").send().await.expect(429);
        arena.app.post("login/", right).from("192.0.2.2").send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t68_from_four_addresses_each_has_its_ten_and_no_more() {
    race("T68 four addresses", 5, by_default, async |arena| {
        forget(arena).await;
        let (name, keys) = somebody(arena, 1).await;
        let hashed = arena.hash_computations();
        let answers = arena.requests(WAYS, |way, app| guess(app, name.clone(), format!("192.0.2.{}", way / 2 % 4 + 1))).await;
        assert_eq!(arena.hash_computations() - hashed, 40, "password checks");
        assert_eq!((count(&answers, 400), count(&answers, 429)), (40, WAYS - 40));
        assert_eq!(locks(arena, &keys[0]).await, 4, "one event for each lock");
        assert_eq!(counters(arena, 31).await, [40], "the account's own counter");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t68_from_many_addresses_the_account_has_its_hundred_and_no_more() {
    race("T68 sixteen addresses", 4, by_default, async |arena| {
        forget(arena).await;
        let (name, keys) = somebody(arena, 1).await;
        let hashed = arena.hash_computations();
        let answers = arena.requests(128, |way, app| guess(app, name.clone(), format!("192.0.2.{}", way / 2 % 16 + 1))).await;
        assert_eq!(arena.hash_computations() - hashed, 100, "password checks");
        assert_eq!((count(&answers, 400), count(&answers, 429)), (100, 28));
        assert_eq!(locks(arena, &keys[0]).await, 1, "one event");
        assert_eq!(counters(arena, 31).await, [100]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t68_right_passwords_at_once_cost_no_tries() {
    race("T68 right passwords", 5, by_default, async |arena| {
        forget(arena).await;
        let (name, _) = somebody(arena, 1).await;
        let right = json!({ "username": name, "password": PASSWORD });
        let answers = arena
            .requests(24, |way, app| {
                let right = right.clone();
                async move { app.post("login/", right).from(&format!("192.0.2.{}", way / 2 % 3 + 1)).send().await }
            })
            .await;
        assert_eq!(count(&answers, 200), 24, "eight at once from each address are fewer than ten");
        let sql = "SELECT count(*) FROM auth_limits WHERE hits > 0";
        // What is left counts logins from an address, failed or not: three addresses, and the one that registered.
        let left = if arena.app.auth.db().is_shared() { 4 } else { 0 };
        assert_eq!(number(arena, sql, params![]).await, left);
    })
    .await;
}

/// Whoever cannot get into one account must not lock out everybody else behind the same address.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t68_tries_that_an_account_refuses_are_not_counted_against_their_address() {
    race("T68 a locked account's neighbours", 3, by_default, async |arena| {
        forget(arena).await;
        let (name, _) = somebody(arena, 1).await;
        let (neighbour, _) = somebody(arena, 1).await;
        arena.requests(10, |_, app| guess(app, name.clone(), "192.0.2.1".into())).await;
        // The address has its ten again, the account waits for its five minutes.
        arena.app.advance(std::time::Duration::from_secs(61));
        let refused = arena.requests(20, |_, app| guess(app, name.clone(), "192.0.2.1".into())).await;
        assert_eq!(count(&refused, 429), 20);
        guess(arena.app.clone(), neighbour, "192.0.2.1".into()).await.expect(400);
    })
    .await;
}
