//! Another address for an account, and the password once more.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::mail::Mail;
use vestibule::settings::{Presence, Profile, Verification};
use vestibule::testing::app::PASSWORD;
use vestibule::testing::{TestAnswer, TestApp, on_both};

const ELEVEN_MINUTES: Duration = Duration::from_secs(11 * 60);

fn key_of(mail: &Mail) -> String {
    mail.link.as_deref().unwrap().trim_end_matches('/').rsplit('/').next().unwrap().to_owned()
}

async fn ask(app: &TestApp, session: &str, email: &str) -> TestAnswer {
    app.post("email/change/", json!({ "email": email })).token(session).send().await
}

async fn confirm(app: &TestApp, key: &str) -> TestAnswer {
    app.post("email/change/confirm/", json!({ "key": key })).send().await
}

async fn address(app: &TestApp, session: &str) -> Value {
    app.get("user/").token(session).send().await.expect(200).json()["email"].clone()
}

async fn kinds_to(app: &TestApp, address: &str) -> Vec<&'static str> {
    app.deliver().await;
    app.mailbox.to(address).iter().map(|mail| mail.kind).collect()
}

/// `ana`, whose first mail is out.
async fn ana(app: &TestApp) -> String {
    let session = app.register("ana").await;
    app.deliver().await;
    app.mailbox.clear();
    session
}

#[tokio::test]
async fn the_old_address_stays_until_the_new_one_proves_itself_and_is_told_then() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let session = ana(&app).await;
            let asked = ask(&app, &session, "new@example.org").await.expect(200);
            let said = "An e-mail with a link to confirm the change has been sent to the new address.";
            assert_eq!(asked.json(), json!({ "detail": said }));
            assert_eq!(address(&app, &session).await, "ana@example.org");
            assert_eq!(kinds_to(&app, "ana@example.org").await, [""; 0]);
            let mail = app.mailbox.last_to("new@example.org");
            assert_eq!(mail.kind, "email_change");
            let done = confirm(&app, &key_of(&mail)).await.expect(200);
            assert_eq!(done.json(), json!({ "detail": "Your e-mail address has been changed." }));
            assert_eq!(address(&app, &session).await, "new@example.org");
            assert_eq!(kinds_to(&app, "ana@example.org").await, ["email_changed"]);
            let told = app.mailbox.last_to("ana@example.org");
            assert!(told.text.contains("from ana@example.org to new@example.org"), "{}", told.text);
            app.post("login/", json!({ "email": "new@example.org", "password": PASSWORD })).send().await.expect(200);
            app.post("login/", json!({ "email": "ana@example.org", "password": PASSWORD })).send().await.expect(400);
            assert_eq!(app.count("SELECT count(*) FROM auth_users WHERE email_verified_at IS NOT NULL").await, 1);
        },
    )
    .await;
}

#[tokio::test]
async fn a_session_alone_is_enough_for_ten_minutes() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let session = ana(&app).await;
            app.advance(ELEVEN_MINUTES);
            let refused = ask(&app, &session, "new@example.org").await.expect(403);
            assert_eq!(refused.json(), json!({ "detail": "Please enter your password once more." }));
            let with = |password: &str| json!({ "email": "new@example.org", "password": password });
            let wrong = app.post("email/change/", with("wrong")).token(&session).send().await.expect(400);
            assert_eq!(wrong.json(), json!({ "password": ["This is not your password."] }));
            app.post("email/change/", with(PASSWORD)).token(&session).send().await.expect(200);
            ask(&app, &session, "new@example.org").await.expect(403);

            let again = app.post("reauthenticate/", json!({ "password": "wrong" })).token(&session).send().await.expect(400);
            assert_eq!(again.json(), json!({ "password": ["This is not your password."] }));
            ask(&app, &session, "new@example.org").await.expect(403);
            app.post("reauthenticate/", json!({ "password": PASSWORD })).token(&session).send().await.expect(200);
            ask(&app, &session, "new@example.org").await.expect(200);
            app.advance(ELEVEN_MINUTES);
            ask(&app, &session, "new@example.org").await.expect(403);
            app.post("reauthenticate/", json!({ "password": PASSWORD })).send().await.expect(401);
            app.post("email/change/", with(PASSWORD)).send().await.expect(401);
            app.deliver().await;
        },
    )
    .await;
}

#[tokio::test]
async fn wrong_passwords_are_counted_together_with_failed_logins() {
    let limited = |settings: &mut Settings| {
        settings.limits.enabled = true;
        settings.limits.login_failed = "3/5m/account".parse().unwrap();
    };
    on_both(limited, async |app: TestApp| {
        let session = ana(&app).await;
        let wrong = json!({ "email": "new@example.org", "password": "wrong" });
        app.post("reauthenticate/", wrong.clone()).token(&session).send().await.expect(400);
        app.post("email/change/", wrong.clone()).token(&session).send().await.expect(400);
        app.post("login/", json!({ "username": "ana", "password": "wrong" })).send().await.expect(400);
        for path in ["reauthenticate/", "email/change/"] {
            app.post(path, wrong.clone()).token(&session).send().await.expect(429);
        }
    })
    .await;
}

#[tokio::test]
async fn the_page_behind_the_link_changes_the_address_by_its_button_alone() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let session = ana(&app).await;
            ask(&app, &session, "new@example.org").await.expect(200);
            app.deliver().await;
            let path = format!("email/change/confirm/{}/", key_of(&app.mailbox.last_to("new@example.org")));
            for _ in 0..3 {
                app.request(Method::HEAD, &path).send().await.expect(200);
                let page = app.get(&path).header("accept-language", "de").send().await.expect(200);
                assert!(
                    page.text.contains("<html lang=\"de\" dir=\"ltr\">") && page.text.contains("Bestätigen"),
                    "{}",
                    page.text
                );
            }
            assert_eq!(address(&app, &session).await, "ana@example.org");
            app.request(Method::POST, &path).send().await.expect(200);
            assert_eq!(address(&app, &session).await, "new@example.org");
            app.request(Method::POST, &path).send().await.expect(404);
            app.deliver().await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_first_address_can_be_given_and_nobody_is_told() {
    let optional = |settings: &mut Settings| settings.account.email = Presence::Optional;
    on_both(optional, async |app: TestApp| {
        let body = json!({ "username": "ana", "password1": PASSWORD, "password2": PASSWORD });
        let session = app.post("registration/", body).send().await.expect(201).key();
        ask(&app, &session, "ana@example.org").await.expect(200);
        app.deliver().await;
        confirm(&app, &key_of(&app.mailbox.last_to("ana@example.org"))).await.expect(200);
        assert_eq!(address(&app, &session).await, "ana@example.org");
        app.deliver().await;
        assert_eq!(app.mailbox.mails().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn ones_own_proven_address_is_no_change_and_an_unproven_one_is_proven() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let session = ana(&app).await;
            ask(&app, &session, "Ana@Example.org").await.expect(200);
            app.deliver().await;
            confirm(&app, &key_of(&app.mailbox.last_to("ana@example.org"))).await.expect(200);
            let own = ask(&app, &session, "ana@example.org").await.expect(400);
            assert_eq!(own.json(), json!({ "email": ["This is your e-mail address already."] }));
            app.deliver().await;
        },
    )
    .await;
}

#[tokio::test]
async fn in_compat_the_answer_says_that_an_address_is_taken() {
    let compat = |settings: &mut Settings| settings.account.profile = Profile::Compat;
    on_both(compat, async |app: TestApp| {
        let session = ana(&app).await;
        app.register("bo").await;
        let taken = ask(&app, &session, "bo@example.org").await.expect(400);
        assert_eq!(taken.json(), json!({ "email": ["User is already registered with this e-mail address."] }));
        ask(&app, &session, "free@example.org").await.expect(200);
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn without_addresses_there_is_nothing_to_change() {
    let off = |settings: &mut Settings| {
        settings.account.email = Presence::Off;
        settings.account.email_verification = Verification::None;
        settings.account.login_methods = vec![vestibule::settings::LoginMethod::Username];
    };
    on_both(off, async |app: TestApp| {
        app.post("email/change/", json!({ "email": "a@example.org" })).send().await.expect(404);
        app.post("email/change/confirm/", json!({ "key": "k" })).send().await.expect(404);
    })
    .await;
}
