//! L. What is told: T81, at the level of events. That each becomes one line in every format is tested with the formats.

use std::collections::BTreeSet;

use http::Method;
use serde_json::json;
use vestibule::accounts::admin;
use vestibule::ground::Secret;
use vestibule::settings::LogRequests;
use vestibule::testing::app::BEGINNING;
use vestibule::testing::{TestAnswer, TestApp};

use super::journal::{Entry, Journal};
use super::{
    OTHER, PASSWORD, WRONG, account, books, change, disable, failures_limited, fault, login, on_both, refused, registration,
    request_id,
};

/// A row of the audit trail: when, what, about whom, from where, in which request.
type Row = (i64, String, Option<i64>, Option<String>, Option<String>);

async fn trail(app: &TestApp) -> Vec<Row> {
    app.auth.db().all("SELECT at, event, user_id, ip, request_id FROM auth_audit ORDER BY id", &[]).await.unwrap()
}

/// The events of one request, and that each of them says who, from where and in which request.
fn told(journal: &Journal, answer: &TestAnswer, user: &str) -> Vec<String> {
    let of = |entry: &Entry| entry.get("request_id") == request_id(answer);
    let entries: Vec<Entry> = journal.audit().into_iter().filter(of).collect();
    for entry in &entries {
        assert_eq!((entry.get("user"), entry.get("ip"), entry.level), (user, "203.0.113.9", tracing::Level::INFO), "{entry:?}");
    }
    entries.iter().map(|entry| entry.get("event").to_owned()).collect()
}

#[tokio::test]
async fn t81_every_event_tells_when_what_who_from_where_and_in_which_request() {
    on_both(
        |settings| failures_limited(settings, "2/5m/account+ip"),
        async |app| {
            let journal = Journal::begin();
            let mut rows = Vec::new();
            let mut expect = |answer: &TestAnswer, user: &str, events: &[&str]| {
                assert_eq!(told(&journal, answer, user), events, "{}", answer.text);
                let kept = events.iter().filter(|event| **event != "login.failed");
                rows.extend(kept.map(|event| (*event).to_owned()).map(|event| (event, request_id(answer).to_owned())));
            };
            let from = "203.0.113.9";
            let answer = app.post("registration/", registration("ana", PASSWORD)).from(from).send().await.expect(201);
            expect(&answer, "1", &["user.registered", "session.opened"]);
            let key = answer.key();
            let answer = login(app, "ana", PASSWORD).from(from).send().await.expect(200);
            expect(&answer, "1", &["session.opened"]);
            let answer = app.patch("user/", json!({ "first_name": "A" })).token(&key).from(from).send().await.expect(200);
            expect(&answer, "1", &["user.edited"]);
            let answer = app.post("password/change/", change(PASSWORD, OTHER)).token(&key).from(from).send().await.expect(200);
            expect(&answer, "1", &["password.changed"]);
            let answer = app.request(Method::POST, "logout/").token(&key).from(from).send().await.expect(200);
            expect(&answer, "1", &["session.ended"]);
            let answer = login(app, "ana", WRONG).from(from).send().await.expect(400);
            expect(&answer, "1", &["login.failed"]);
            let answer = login(app, "ana", WRONG).from(from).send().await.expect(400);
            expect(&answer, "1", &["login.failed", "login.locked"]);
            let answer = login(app, "ana", OTHER).from(from).send().await.expect(429);
            expect(&answer, "1", &[]);
            let answer = login(app, "nobody", WRONG).from(from).send().await.expect(400);
            expect(&answer, "", &["login.failed"]);
            let answer = app.get("user/").token(&key).from(from).send().await.expect(401);
            expect(&answer, "", &[]);

            let expected = rows
                .into_iter()
                .map(|(event, request)| (BEGINNING.millis(), event, Some(1), Some(from.to_owned()), Some(request)));
            assert_eq!(trail(app).await, expected.collect::<Vec<_>>());
        },
    )
    .await;
}

#[tokio::test]
async fn t81_t10_asking_for_a_reset_is_told_and_not_whose_address_it_was() {
    on_both(
        |_| {},
        async |app| {
            app.register("ana").await;
            let before = trail(app).await.len();
            let journal = Journal::begin();
            let from = "203.0.113.9";
            let mut expected = Vec::new();
            for email in ["ana@example.org", "nobody@example.org"] {
                let answer = app.post("password/reset/", json!({ "email": email })).from(from).send().await.expect(200);
                assert_eq!(told(&journal, &answer, ""), ["password.reset_requested"]);
                let (event, request) = ("password.reset_requested".to_owned(), request_id(&answer).to_owned());
                expected.push((BEGINNING.millis(), event, None, Some(from.to_owned()), Some(request)));
            }
            assert_eq!(trail(app).await.split_off(before), expected);
            refused(app, app.post("password/reset/", json!({ "email": "nobody" })), 400).await;
            assert_eq!(trail(app).await.len(), before + 2);
            let known = |text: String| text.contains("nobody@") || text.contains("ana@");
            assert!(!journal.own().iter().any(|entry| known(format!("{entry:?}"))));
            let data = "SELECT COUNT(*) FROM auth_audit WHERE CAST(data AS TEXT) LIKE '%@%'";
            assert_eq!(app.count(data).await, 0);

            app.deliver().await;
            let link = app.mailbox.last_to("ana@example.org").link.unwrap();
            let mut parts = link.trim_end_matches('/').rsplit('/');
            let (token, uid) = (parts.next().unwrap(), parts.next().unwrap());
            let body = json!({ "uid": uid, "token": token, "new_password1": OTHER, "new_password2": OTHER });
            let answer = app.post("password/reset/confirm/", body).from(from).send().await.expect(200);
            assert_eq!(told(&journal, &answer, "1"), ["password.reset"]);
            app.deliver().await;
        },
    )
    .await;
}

#[tokio::test]
async fn t81_what_the_operator_does_is_told_too() {
    on_both(
        |_| {},
        async |app| {
            app.register("ana").await;
            let before = trail(app).await.len();
            let journal = Journal::begin();
            disable(app, "ana").await;
            let ana = account(app, "ana").await;
            assert!(admin::enable(&app.auth, ana.id).await.unwrap());
            admin::set_password(&app.auth, &ana, &Secret::from(OTHER)).await.unwrap();
            super::create(app, "eva", None, true).await;
            let expected = [("user.disabled", 1), ("user.enabled", 1), ("password.changed", 1), ("user.created", 2)];
            let logged = journal.audit();
            let logged = logged.iter().map(|entry| (entry.get("event"), entry.get("user"), entry.get("request_id")));
            assert!(logged.eq(expected.map(|(event, user)| (event, if user == 1 { "1" } else { "2" }, "cli"))));
            let rows = trail(app).await.split_off(before);
            let kept =
                expected.map(|(event, user)| (BEGINNING.millis(), event.to_owned(), Some(user), None, Some("cli".to_owned())));
            assert_eq!(rows, kept);
        },
    )
    .await;
}

#[tokio::test]
async fn t81_what_cannot_be_recorded_does_not_happen() {
    on_both(
        |_| {},
        async |app| {
            let key = app.register("ana").await;
            let ana = account(app, "ana").await;
            fault(app, "INSERT ON auth_audit").await;
            let journal = Journal::begin();
            // Our own fault and nothing else: the one place here where 500 is right.
            refused(app, app.post("registration/", registration("eva", PASSWORD)), 500).await;
            refused(app, login(app, "ana", PASSWORD), 500).await;
            refused(app, app.patch("user/", json!({ "first_name": "A" })).token(&key), 500).await;
            refused(app, app.post("password/change/", change(PASSWORD, OTHER)).token(&key), 500).await;
            let answer = refused(app, app.request(Method::POST, "logout/").token(&key), 500).await;
            assert_eq!(answer.json(), json!({ "detail": "Internal server error." }));
            let before = books::contents(app).await;
            assert!(admin::disable(&app.auth, ana.id).await.is_err());
            assert!(admin::set_password(&app.auth, &ana, &Secret::from(OTHER)).await.is_err());
            assert_eq!(books::contents(app).await, before);
            assert!(journal.audit().is_empty(), "the log tells of nothing that did not happen");
            app.get("user/").token(&key).send().await.expect(200);
        },
    )
    .await;
}

#[tokio::test]
async fn t81_no_line_holds_a_secret_or_what_was_typed_as_a_name() {
    on_both(
        |settings| {
            settings.log.requests = LogRequests::All;
            failures_limited(settings, "3/5m/account+ip");
        },
        async |app| {
            let journal = Journal::begin();
            let key = app.register("ana").await;
            // A password typed where a name belongs, in every place of a request.
            let typed = "Sl1pped-into-name-8z";
            let attempts = [
                json!({ "username": typed, "password": WRONG }),
                json!({ "username": format!("{typed}@example.org"), "password": typed }),
                json!({ "email": format!("{typed}@example.org"), "password": typed }),
                json!({ "email": typed, "password": typed }),
                json!({ "username": "ana", "password": typed, "old_password": typed, typed: typed }),
                json!({ typed: { "password": typed } }),
                json!(typed),
                json!([typed]),
            ];
            for attempt in attempts.into_iter().cycle().take(40) {
                let request = app.post(&format!("login/?password={typed}&{typed}"), attempt);
                let request = request
                    .header("x-password", typed)
                    .header("cookie", &format!("password={typed}"))
                    .header("user-agent", typed);
                let answer = request.header("x-request-id", typed).send().await;
                assert!(matches!(answer.status, 400 | 429), "{}", answer.text);
                assert!(!format!("{:?}", answer.headers).contains(typed));
            }
            for (kind, body) in [("application/json", "{\"password\":"), (typed, "x"), ("multipart/form-data", "x")] {
                let body = format!("{body}{typed}");
                assert!(app.request(Method::POST, "login/").raw(kind, body).send().await.status < 500);
            }
            app.get(&format!("{typed}/?{typed}")).send().await.expect(404);
            app.get("user/").token(typed).send().await.expect(401);
            app.get("user/").header("authorization", &format!("Token {typed} {typed}")).send().await.expect(401);
            app.request(Method::from_bytes(b"SL1PPED").unwrap(), "user/").token(&key).send().await.expect(405);
            let edits = json!({ "first_name": typed, "last_name": "\u{202e}" });
            app.patch("user/", edits).token(&key).send().await.expect(200);

            // A name is folded before anything is done with it.
            let text = journal.text().to_lowercase();
            for secret in [typed, PASSWORD, WRONG, &key] {
                assert!(!text.contains(&secret.to_lowercase()), "{secret}");
            }
            let paths: BTreeSet<_> =
                journal.own().iter().map(|entry| entry.get("path").to_owned()).filter(|path| !path.is_empty()).collect();
            assert!(paths.iter().eq(["login", "registration", "user"]), "the endpoint's own path, without the query: {paths:?}");
            let data: Vec<_> = journal.audit().iter().map(|entry| entry.get("data").to_owned()).collect();
            assert!(data.iter().any(|data| data.contains("first_name")), "which fields, never their values: {data:?}");
        },
    )
    .await;
}
