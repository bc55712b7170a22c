//! T83: who comes first owns the name, the address and the unique value; the indexes decide.

use std::sync::Arc;

use serde_json::{Value, json};
use vestibule::params;
use vestibule::settings::Settings;
use vestibule::testing::app::{PASSWORD, TestAnswer};
use vestibule::testing::races::count;
use vestibule::testing::{Arena, TestApp, race};

use super::{log_in, number};

const WAYS: usize = 64;

/// Rows of every table that a registration writes.
async fn rows(arena: &Arena) -> [i64; 4] {
    let mut rows = [0; 4];
    let tables = [
        "SELECT count(*) FROM auth_users",
        "SELECT count(*) FROM auth_sessions",
        "SELECT count(*) FROM auth_audit",
        "SELECT count(*) FROM auth_unique_values",
    ];
    for (at, sql) in tables.into_iter().enumerate() {
        rows[at] = number(arena, sql, params![]).await;
    }
    rows
}

fn body(name: &str, email: &str) -> Value {
    json!({ "username": name, "email": email, "password1": PASSWORD, "password2": PASSWORD })
}

async fn register(app: Arc<TestApp>, body: Value) -> TestAnswer {
    app.post("registration/", body).send().await
}

/// One is in, the others hear why not, and of them nothing is left: `unique` values were claimed.
async fn one_owner(arena: &Arena, before: [i64; 4], answers: Vec<TestAnswer>, refusal: Value, unique: i64) {
    assert_eq!(count(&answers, 201), 1, "one owner");
    assert_eq!(count(&answers, 400), WAYS - 1);
    for answer in &answers {
        match answer.status {
            201 => assert_eq!(arena.app.get("user/").token(&answer.key()).send().await.status, 200),
            _ => assert_eq!(answer.json(), refusal),
        }
    }
    let [users, sessions, audit, values] = before;
    // The account was registered, and its session opened.
    assert_eq!(rows(arena).await, [users + 1, sessions + 1, audit + 2, values + unique]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t83_of_64_registrations_with_one_address_one_owns_it() {
    race(
        "T83 one address",
        3,
        |_| {},
        async |arena| {
            let (before, person) = (rows(arena).await, arena.app.fresh_name());
            let answers = arena
                .requests(WAYS, |way, app| register(app, body(&format!("{person}-{way}"), &format!("{person}@example.org"))))
                .await;
            let refusal = json!({ "email": ["User is already registered with this e-mail address."] });
            let mine = |way: usize| log_in(arena.app.clone(), format!("{person}-{way}"), PASSWORD);
            let owner = answers.iter().position(|answer| answer.status == 201).unwrap();
            one_owner(arena, before, answers, refusal, 0).await;
            mine(owner).await.expect(200);
            mine((owner + 1) % WAYS).await.expect(400);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t83_of_64_registrations_with_one_name_one_owns_it_in_whatever_spelling() {
    race(
        "T83 one name",
        3,
        |_| {},
        async |arena| {
            let (before, person) = (rows(arena).await, arena.app.fresh_name());
            let answers = arena
                .requests(WAYS, |way, app| {
                    let name = if way % 3 == 0 { person.to_uppercase() } else { person.clone() };
                    register(app, body(&name, &format!("{person}.{way}@example.org")))
                })
                .await;
            one_owner(arena, before, answers, json!({ "username": ["A user with that username already exists."] }), 0).await;
            log_in(arena.app.clone(), person, PASSWORD).await.expect(200);
        },
    )
    .await;
}

fn with_unique_phone(settings: &mut Settings) {
    let field = json!({ "name": "phone_number", "kind": "phone", "required": true, "unique": true });
    settings.user.fields = vec![serde_json::from_value(field).unwrap()];
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t83_of_64_registrations_with_one_unique_value_one_owns_it() {
    race("T83 one unique value", 3, with_unique_phone, async |arena| {
        let (before, person) = (rows(arena).await, arena.app.fresh_name());
        let number = format!("+1555{:07}", 1_000 + before[0]);
        let answers = arena
            .requests(WAYS, |way, app| {
                let mut body = body(&format!("{person}-{way}"), &format!("{person}.{way}@example.org"));
                body["phone_number"] = json!(number);
                register(app, body)
            })
            .await;
        one_owner(arena, before, answers, json!({ "phone_number": ["This field must be unique."] }), 1).await;
    })
    .await;
}

/// Where names are made from the address, nobody is refused: the names differ.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t83_names_that_are_made_from_the_same_word_do_not_stand_in_each_others_way() {
    let optional = |settings: &mut Settings| settings.account.username = vestibule::settings::Presence::Optional;
    race("T83 derived names", 3, optional, async |arena| {
        let (before, person) = (rows(arena).await, arena.app.fresh_name());
        let answers = arena
            .requests(16, |way, app| {
                let email = format!("{person}@{way}.example.org");
                register(app, json!({ "email": email, "password1": PASSWORD, "password2": PASSWORD }))
            })
            .await;
        assert_eq!(count(&answers, 201), 16);
        assert_eq!(rows(arena).await[0], before[0] + 16);
    })
    .await;
}
