//! Tokens of the system before this one, while accounts move in.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::accounts::import::{self, Came, Line};
use vestibule::accounts::{admin, housekeeping, session_list};
use vestibule::settings::TokenMode;
use vestibule::testing::{TestAnswer, TestApp, on_both};

use crate::exchange::{OTHER, PASSWORD, detail};
use crate::refresh::refresh;
use crate::tokens::{bearer, registered, text, user};

/// From the beginning of every test until a minute after the vectors were made.
const A_MINUTE_AFTER: Duration = Duration::from_secs(1_767_323_045 + 60 - 1_767_225_600);

/// Settings under which they count.
fn moving_in(mode: TokenMode) -> impl Fn(&mut Settings) {
    move |settings| {
        settings.tokens.mode = mode;
        settings.jwt.secret = Some("lab-secret-key-0123456789abcdefghijklmnopqrstuvwxyz".into());
        settings.jwt.accept_legacy_until = "2026-02-01".parse().ok();
    }
}

/// Vectors that the reference's own library made (see `tests/data`): for the account 1, on 2026-01-02 at 03:04:05.
fn recorded(kind: &str) -> String {
    let data: Value = serde_json::from_str(include_str!("../data/simplejwt.json")).unwrap();
    let rows = data["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["kind"] == kind && row["payload_json"].as_str().unwrap().contains("\"user_id\":\"1\""));
    row.unwrap()["token"].as_str().unwrap().to_owned()
}

/// What Django writes of an account with [`PASSWORD`], in few rounds.
pub(crate) fn dumped(number: i64, name: &str) -> Value {
    let password = "pbkdf2_sha256$1000$seasalt2$Sbzy7Q60zT+ioIpM1GKTJgpSLS6yBMu4hIMbmLSj6+0=";
    let fields = json!({
        "username": name, "email": format!("{name}@example.org"), "password": password, "is_active": true,
        "date_joined": "2025-06-01T07:08:09.100Z",
    });
    json!({ "model": "auth.user", "pk": number, "fields": fields })
}

/// Brings accounts over.
pub(crate) async fn import(app: &TestApp, dumped: &[Value]) -> Vec<Came> {
    let records = dumped.iter().map(|line| match Line::parse(&line.to_string()) {
        Ok(Line::User(record)) => *record,
        other => panic!("no account: {other:?}"),
    });
    import::import(&app.auth, records.collect()).await.unwrap()
}

/// A service to which the account 1 has come over, a minute after its tokens were made there.
async fn ana_came_over(app: &TestApp) {
    assert_eq!(import(app, &[dumped(1, "ana")]).await, [Came::New]);
    app.advance(A_MINUTE_AFTER);
}

/// The account 1 of here is not the account 1 of there, unless it came over.
#[tokio::test]
async fn a_token_of_the_system_before_opens_no_account_that_was_made_here() {
    for mode in [TokenMode::Jwt, TokenMode::Opaque] {
        on_both(moving_in(mode), async |app: TestApp| {
            registered(&app, "ana").await;
            app.advance(A_MINUTE_AFTER);
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_users WHERE id = 1").await, 1);
            user(&app, &recorded("access")).await.expect(401);
            if mode == TokenMode::Jwt {
                refresh(&app, &recorded("refresh")).await.expect(401);
                app.post("token/verify/", json!({ "token": recorded("access") })).send().await.expect(401);
            }
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions WHERE method = 'old_system'").await, 0);
            app.deliver().await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_token_that_is_older_than_its_account_was_anothers() {
    on_both(moving_in(TokenMode::Jwt), async |app: TestApp| {
        let joined = |at: &str| {
            let mut ana = dumped(1, "ana");
            ana["fields"]["date_joined"] = at.into();
            ana
        };
        import(&app, &[joined("2026-01-02T03:04:06Z")]).await;
        app.advance(A_MINUTE_AFTER);
        user(&app, &recorded("access")).await.expect(401);
        refresh(&app, &recorded("refresh")).await.expect(401);
    })
    .await;
    // Within the second of the token, and where nobody knows when.
    for at in [json!("2026-01-02T03:04:05.900Z"), json!(null)] {
        on_both(moving_in(TokenMode::Jwt), async |app: TestApp| {
            let mut ana = dumped(1, "ana");
            ana["fields"]["date_joined"] = at.clone();
            app.advance(A_MINUTE_AFTER);
            assert_eq!(import(&app, &[ana]).await, [Came::New]);
            user(&app, &recorded("access")).await.expect(200);
        })
        .await;
    }
}

#[tokio::test]
async fn whoever_registers_gets_no_number_that_an_import_has_named() {
    on_both(moving_in(TokenMode::Jwt), async |app: TestApp| {
        let number = async |name: &str| registered(&app, name).await.json()["user"]["pk"].as_i64().unwrap();
        let refused = |came: &[Came]| came.iter().filter(|came| matches!(came, Came::Refused(_))).count();
        assert_eq!(refused(&import(&app, &[dumped(7, "no name")]).await), 1);
        assert_eq!(number("bea").await, 8);
        let came = import(&app, &[dumped(20, "ana"), dumped(41, "ana"), dumped(40, "no name")]).await;
        assert_eq!(refused(&came), 2, "{came:?}");
        assert_eq!(number("cleo").await, 42);
        import(&app, &[dumped(3, "dora")]).await;
        assert_eq!(number("emil").await, 43);
        import::reserve(&app.auth, 99).await.unwrap();
        assert_eq!(number("fay").await, 100);
        app.deliver().await;
    })
    .await;
}

/// Everything that a client holds when it comes over from there, and logs out with (T27).
#[tokio::test]
async fn t27_logging_out_ends_tokens_of_the_system_before() {
    let change = |settings: &mut Settings| {
        moving_in(TokenMode::Jwt)(settings);
        settings.jwt.leeway = "30s".parse().unwrap();
    };
    on_both(change, async |app: TestApp| {
        ana_came_over(&app).await;
        let (access, refresh_token) = (recorded("access"), recorded("refresh"));
        user(&app, &access).await.expect(200);
        for _ in 0..2 {
            let out = bearer(app.post("logout/", json!({ "refresh": refresh_token })), &access).send().await.expect(200);
            assert_eq!(out.json(), detail("Successfully logged out."));
            user(&app, &access).await.expect(401);
            app.post("token/verify/", json!({ "token": access })).send().await.expect(401);
            refresh(&app, &refresh_token).await.expect(401);
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_audit WHERE event = 'session.ended'").await, 2, "each is told of once");
        // It would count for as long as clocks may differ; so long it is known to be spent.
        app.advance(Duration::from_secs(245));
        housekeeping::keep_house(&app.auth).await.unwrap();
        user(&app, &access).await.expect(401);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_spent_tokens").await, 2);
        app.advance(Duration::from_secs(30));
        housekeeping::keep_house(&app.auth).await.unwrap();
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_spent_tokens").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions").await, 0);
    })
    .await;
    on_both(moving_in(TokenMode::Opaque), async |app: TestApp| {
        ana_came_over(&app).await;
        bearer(app.post("logout/", json!({})), &recorded("access")).send().await.expect(200);
        user(&app, &recorded("access")).await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn tokens_of_the_system_before_open_one_session_each_until_the_account_ends_them() {
    for mode in [TokenMode::Jwt, TokenMode::Opaque] {
        on_both(moving_in(mode), async |app: TestApp| {
            ana_came_over(&app).await;
            assert_eq!(user(&app, &recorded("access")).await.expect(200).json()["username"], "ana");
            if mode == TokenMode::Jwt {
                let next = refresh(&app, &recorded("refresh")).await.expect(200);
                refresh(&app, &recorded("refresh")).await.expect(401);
                user(&app, &text(&next, "access")).await.expect(200);
                refresh(&app, &text(&next, "refresh")).await.expect(200);
                assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions WHERE method = 'old_system'").await, 1);
            }
            let ana = admin::find(&app.auth, "ana").await.unwrap();
            admin::set_password(&app.auth, &ana, &OTHER.into()).await.unwrap();
            user(&app, &recorded("access")).await.expect(401);
            app.deliver().await;
        })
        .await;
    }
}

/// Asks for another address without a password.
async fn change_email(app: &TestApp, access: &str) -> TestAnswer {
    bearer(app.post("email/change/", json!({ "email": "new@example.org" })), access).send().await
}

#[tokio::test]
async fn t06_a_token_of_the_system_before_is_no_recent_login_however_fresh_it_is() {
    on_both(moving_in(TokenMode::Jwt), async |app: TestApp| {
        ana_came_over(&app).await;
        let asked_for_it = detail("Please enter your password once more.");
        assert_eq!(change_email(&app, &recorded("access")).await.expect(403).json(), asked_for_it);
        // Whoever has stolen a refresh token has a session by it, but not the password.
        let access = text(&refresh(&app, &recorded("refresh")).await.expect(200), "access");
        assert_eq!(change_email(&app, &access).await.expect(403).json(), asked_for_it);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_users WHERE new_email IS NOT NULL").await, 0);

        let prove = json!({ "password": PASSWORD });
        bearer(app.post("reauthenticate/", prove), &access).send().await.expect(200);
        change_email(&app, &access).await.expect(200);
        let with_password = json!({ "email": "new@example.org", "password": PASSWORD });
        bearer(app.post("email/change/", with_password), &recorded("access")).send().await.expect(200);
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn a_refresh_token_of_the_system_before_is_verified_until_it_is_exchanged() {
    on_both(moving_in(TokenMode::Jwt), async |app: TestApp| {
        ana_came_over(&app).await;
        let token = recorded("refresh");
        let verify = async || app.post("token/verify/", json!({ "token": token })).send().await;
        let told = async || {
            let asked = bearer(app.post("token/introspect/", json!({ "token": token })), &recorded("access"));
            asked.send().await.expect(200).json()
        };
        for _ in 0..2 {
            verify().await.expect(200);
        }
        let before = told().await;
        assert_eq!((&before["active"], &before["token_type"], before.get("sid")), (&json!(true), &json!("refresh"), None));
        refresh(&app, &token).await.expect(200);
        assert_eq!(verify().await.expect(400).json(), json!({ "non_field_errors": ["Token is blacklisted"] }));
        assert_eq!(told().await, json!({ "active": false }));
    })
    .await;
}

#[tokio::test]
async fn a_token_of_the_system_before_has_no_session_to_keep_or_to_end() {
    on_both(moving_in(TokenMode::Jwt), async |app: TestApp| {
        ana_came_over(&app).await;
        let first = app.post("login/", json!({ "username": "ana", "password": PASSWORD })).send().await.expect(200);
        let access = recorded("access");
        let keep = async || app.post("token/refresh/", json!({ "refresh": text(&first, "refresh") })).send().await;
        let listed = bearer(app.get("sessions/"), &access).send().await.expect(200).json();
        assert_eq!((listed.as_array().unwrap().len(), &listed[0]["current"]), (1, &json!(false)), "none of them is this one");

        // What leaves the session in hand open finds none, and nothing is done by half.
        let change = json!({ "old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER });
        for (path, body) in [
            ("sessions/end-others/", json!({})),
            ("password/change/", change),
            ("reauthenticate/", json!({ "password": PASSWORD })),
        ] {
            bearer(app.post(path, body), &access).send().await.expect(401);
        }
        let others = "SELECT COUNT(*) FROM auth_audit WHERE event NOT IN ('user.imported', 'session.opened')";
        assert_eq!(app.count(others).await, 0);
        for nobodys in ["sessions//", "sessions/%20/", "sessions/0/"] {
            bearer(app.request(Method::DELETE, nobodys), &access).send().await.expect(404);
        }
        let told = bearer(app.post("token/introspect/", json!({ "token": access })), &access).send().await.expect(200).json();
        assert_eq!((&told["active"], told.get("sid")), (&json!(true), None), "{told}");
        keep().await.expect(200);

        let id = admin::find(&app.auth, "ana").await.unwrap().id;
        assert_eq!(session_list::of(&app.auth, id).await.unwrap().len(), 1);
        session_list::end_all(&app.auth, id).await.unwrap();
        user(&app, &access).await.expect(401);
        app.deliver().await;
    })
    .await;
}
