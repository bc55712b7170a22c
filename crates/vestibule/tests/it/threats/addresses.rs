//! B, C. Changes of address and what mails carry: T14, T16, T18, T19, T21, T24, T25.

use http::Method;
use serde_json::{Value, json};
use vestibule::mail::Mail;
use vestibule::settings::{Settings, Verification};
use vestibule::testing::{TestAnswer, TestApp};

use super::{OTHER, PASSWORD, account, change, create, disable, login, on_both, refused, registration};

fn key_of(mail: &Mail) -> String {
    mail.link.as_deref().unwrap().trim_end_matches('/').rsplit('/').next().unwrap().to_owned()
}

async fn ask(app: &TestApp, session: &str, email: &str) -> TestAnswer {
    app.post("email/change/", json!({ "email": email })).token(session).send().await
}

/// A key to an address that the session asked for.
async fn key_for(app: &TestApp, session: &str, email: &str) -> String {
    ask(app, session, email).await.expect(200);
    app.deliver().await;
    key_of(&app.mailbox.last_to(email))
}

fn with(key: &str) -> Value {
    json!({ "key": key })
}

/// A session of somebody whose address is proven.
async fn proven(app: &TestApp, name: &str) -> String {
    create(app, name, Some(PASSWORD), true).await;
    app.login(name).await
}

/// The two parts of a reset link for that address.
async fn reset_for(app: &TestApp, email: &str) -> (String, String) {
    app.post("password/reset/", json!({ "email": email })).send().await.expect(200);
    app.deliver().await;
    let link = app.mailbox.last_to(email).link.unwrap();
    let mut parts = link.trim_end_matches('/').rsplit('/').map(str::to_owned);
    let token = parts.next().unwrap();
    (parts.next().unwrap(), token)
}

fn reset((uid, token): &(String, String)) -> Value {
    json!({ "uid": uid, "token": token, "new_password1": OTHER, "new_password2": OTHER })
}

#[tokio::test]
async fn t14_a_change_to_an_address_that_others_have_looks_like_any_other() {
    on_both(
        |_| {},
        async |app| {
            let session = proven(app, "ana").await;
            proven(app, "bo").await;
            create(app, "cy", Some(PASSWORD), false).await;
            let mut answers = Vec::new();
            for email in ["free@example.org", "bo@example.org", "cy@example.org"] {
                let hashes = app.auth.hash_computations();
                let answer = ask(app, &session, email).await.expect(200);
                assert_eq!(app.auth.hash_computations(), hashes);
                let rows = app.count("SELECT count(*) FROM auth_jobs").await;
                app.deliver().await;
                answers.push((answer.text, rows));
            }
            answers.dedup();
            assert_eq!(answers.len(), 1, "{answers:?}");
            let kinds: Vec<_> = app.mailbox.mails().into_iter().map(|mail| (mail.to, mail.kind)).collect();
            let expected = [
                ("free@example.org", "email_change"),
                ("bo@example.org", "account_already_exists"),
                ("cy@example.org", "email_change"),
            ];
            assert_eq!(kinds, expected.map(|(to, kind)| (to.to_owned(), kind)));
            for name in ["ana", "bo", "cy"] {
                assert_eq!(account(app, name).await.email.unwrap(), format!("{name}@example.org"));
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t16_a_key_to_a_new_address_works_once() {
    on_both(
        |_| {},
        async |app| {
            let session = proven(app, "ana").await;
            let key = key_for(app, &session, "new@example.org").await;
            app.post("email/change/confirm/", with(&key)).send().await.expect(200);
            app.deliver().await;
            refused(app, app.post("email/change/confirm/", with(&key)), 400).await;
            assert_eq!(app.mailbox.to("ana@example.org").len(), 1, "one effect");
        },
    )
    .await;
}

#[tokio::test]
async fn t18_a_change_of_address_ends_every_other_link_and_other_successes_end_the_change() {
    on_both(
        |_| {},
        async |app| {
            let session = proven(app, "ana").await;
            let link = reset_for(app, "ana@example.org").await;
            let key = key_for(app, &session, "new@example.org").await;
            app.post("email/change/confirm/", with(&key)).send().await.expect(200);
            app.deliver().await;
            refused(app, app.post("password/reset/confirm/", reset(&link)), 400).await;

            let key = key_for(app, &session, "newer@example.org").await;
            app.post("password/change/", change(PASSWORD, OTHER)).token(&session).send().await.expect(200);
            app.deliver().await;
            refused(app, app.post("email/change/confirm/", with(&key)), 400).await;

            let key = key_for(app, &session, "newest@example.org").await;
            disable(app, "ana").await;
            refused(app, app.post("email/change/confirm/", with(&key)), 400).await;
        },
    )
    .await;
}

#[tokio::test]
async fn t18_a_change_that_waits_for_its_mail_ends_with_a_reset_too() {
    on_both(
        |_| {},
        async |app| {
            let session = proven(app, "ana").await;
            let link = reset_for(app, "ana@example.org").await;
            app.mailbox.fail(Some(vestibule::mail::SendError::Later("not now".into())));
            ask(app, &session, "mallory@example.org").await.expect(200);
            app.deliver().await;
            app.post("password/reset/confirm/", reset(&link)).send().await.expect(200);
            app.mailbox.fail(None);
            app.advance(std::time::Duration::from_secs(120));
            app.deliver().await;
            assert!(app.mailbox.to("mallory@example.org").is_empty());
        },
    )
    .await;
}

#[tokio::test]
async fn t19_a_key_proves_its_own_address_for_its_own_account_alone() {
    on_both(
        |_| {},
        async |app| {
            let (ana, bo) = (proven(app, "ana").await, proven(app, "bo").await);
            let first = key_for(app, &ana, "a@example.org").await;
            let second = key_for(app, &ana, "b@example.org").await;
            refused(app, app.post("email/change/confirm/", with(&first)), 400).await;
            // Both ask for one address; each has a key of their own, and the first proof wins.
            let third = key_for(app, &bo, "b@example.org").await;
            app.post("email/change/confirm/", with(&second)).send().await.expect(200);
            refused(app, app.post("email/change/confirm/", with(&third)), 400).await;
            app.deliver().await;
            assert_eq!(account(app, "ana").await.email.unwrap(), "b@example.org");
            assert_eq!(account(app, "bo").await.email.unwrap(), "bo@example.org");
            let (link_of_bo, link_of_ana) = (reset_for(app, "bo@example.org").await, reset_for(app, "b@example.org").await);
            let mixed = (link_of_bo.0, link_of_ana.1);
            refused(app, app.post("password/reset/confirm/", reset(&mixed)), 400).await;
            // A key to a change is no key to a verification, and the other way round (T35).
            let fourth = key_for(app, &bo, "c@example.org").await;
            refused(app, app.post("registration/verify-email/", with(&fourth)), 404).await;
        },
    )
    .await;
}

#[tokio::test]
async fn t21_every_link_in_every_mail_begins_with_the_public_url() {
    let public = |settings: &mut Settings| settings.server.public_url = Some("https://app.example.test".into());
    on_both(public, async |app| {
        let headers = [
            ("host", "evil.test"),
            ("x-forwarded-host", "evil.test"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-port", "81"),
            ("forwarded", "host=evil.test"),
            ("x-original-url", "https://evil.test/"),
        ];
        let session = proven(app, "ana").await;
        for (path, body) in [
            ("password/reset/", json!({ "email": "ana@example.org" })),
            ("registration/", registration("bo", PASSWORD)),
            ("email/change/", json!({ "email": "new@example.org" })),
        ] {
            let mut request = app.post(path, body).token(&session);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            assert!(request.send().await.status < 300, "{path}");
        }
        app.deliver().await;
        assert_eq!(app.mailbox.mails().len(), 3);
        for mail in app.mailbox.mails() {
            assert!(mail.link.as_deref().unwrap().starts_with("https://app.example.test/"), "{:?}", mail.link);
            let parts = [&mail.to, &mail.from, &mail.subject, &mail.text, mail.html.as_ref().unwrap()];
            assert!(parts.iter().all(|part| !part.contains("evil")), "{}", mail.kind);
            let links = mail.text.split("http").skip(1).chain(mail.html.as_ref().unwrap().split("href=\"http").skip(1));
            links.for_each(|link| assert!(link.starts_with("s://app.example.test"), "{}: {link}", mail.kind));
        }
    })
    .await;
}

#[tokio::test]
async fn t22_looking_at_the_link_of_a_change_or_a_reset_spends_nothing() {
    on_both(
        |_| {},
        async |app| {
            let session = proven(app, "ana").await;
            let (uid, token) = reset_for(app, "ana@example.org").await;
            let key = key_for(app, &session, "new@example.org").await;
            for path in [format!("email/change/confirm/{key}/"), format!("password/reset/confirm/{uid}/{token}/")] {
                for method in (0..20).flat_map(|_| [Method::GET, Method::HEAD]) {
                    let page = app.request(method, &path).header("user-agent", "Scanner/1.0").send().await.expect(200);
                    assert_eq!((page.header("referrer-policy"), page.header("cache-control")), ("no-referrer", "no-store"));
                    let elsewhere = page.text.replace("http://127.0.0.1:8000", "");
                    assert!(!elsewhere.contains("http"), "nothing from elsewhere: {}", page.text);
                }
            }
            app.request(Method::POST, &format!("email/change/confirm/{key}/")).send().await.expect(200);
            app.deliver().await;
        },
    )
    .await;
}

fn code_in(mail: &Mail) -> String {
    let is_code = |word: &&str| {
        word.len() == 9 && word.chars().enumerate().all(|(i, c)| if i == 4 { c == '-' } else { c.is_ascii_uppercase() })
    };
    mail.text.split_whitespace().find(is_code).unwrap().to_owned()
}

#[tokio::test]
async fn t24_the_code_of_a_change_dies_after_five_tries_and_its_link_does_not() {
    on_both(
        |_| {},
        async |app| {
            let session = proven(app, "ana").await;
            let key = key_for(app, &session, "new@example.org").await;
            let code = code_in(&app.mailbox.last_to("new@example.org"));
            let typed = |code: &str| json!({ "email": "new@example.org", "code": code });
            for _ in 0..5 {
                let wrong = app.post("email/change/confirm/", typed("BBBB-BBBB")).send().await.expect(400);
                assert_eq!(wrong.json(), json!({ "code": ["Invalid value"] }));
            }
            app.post("email/change/confirm/", typed(&code)).send().await.expect(400);
            app.post("email/change/confirm/", with(&key)).send().await.expect(200);
            let key = key_for(app, &session, "newer@example.org").await;
            let code = code_in(&app.mailbox.last_to("newer@example.org")).to_lowercase().replace('-', " ");
            app.post("email/change/confirm/", json!({ "email": "newer@example.org", "code": code })).send().await.expect(200);
            refused(app, app.post("email/change/confirm/", with(&key)), 400).await;
            app.deliver().await;
        },
    )
    .await;
}

fn by_code(settings: &mut Settings) {
    settings.password.reset_code = true;
}

fn code_form(code: &str) -> Value {
    json!({ "email": "ANA@example.org", "code": code, "new_password1": OTHER, "new_password2": OTHER })
}

#[tokio::test]
async fn t23_t24_a_reset_by_code_does_what_the_link_does_and_the_code_dies_after_five_tries() {
    on_both(by_code, async |app| {
        let session = proven(app, "ana").await;
        let link = reset_for(app, "ana@example.org").await;
        let code = code_in(&app.mailbox.last_to("ana@example.org"));
        for _ in 0..5 {
            let hashes = app.auth.hash_computations();
            let wrong = app.post("password/reset/confirm/", code_form("BBBB-BBBB")).send().await.expect(400);
            assert_eq!(wrong.json(), json!({ "code": ["Invalid value"] }));
            assert_eq!(app.auth.hash_computations(), hashes, "nothing dear for a guess");
        }
        app.post("password/reset/confirm/", code_form(&code)).send().await.expect(400);
        // Another mail, another code; a slip in the password costs none of its tries.
        reset_for(app, "ana@example.org").await;
        let code = code_in(&app.mailbox.last_to("ana@example.org"));
        for _ in 0..6 {
            let mut weak = code_form(&code);
            weak["new_password2"] = "123".into();
            let weak = app.post("password/reset/confirm/", weak).send().await.expect(400);
            assert!(weak.json()["new_password2"].is_array(), "{}", weak.text);
        }
        app.post("password/reset/confirm/", code_form(&code)).send().await.expect(200);
        app.get("user/").token(&session).send().await.expect(401);
        login(app, "ana", OTHER).send().await.expect(200);
        refused(app, app.post("password/reset/confirm/", code_form(&code)), 400).await;
        refused(app, app.post("password/reset/confirm/", reset(&link)), 400).await;
        app.deliver().await;
        assert_eq!(app.mailbox.last_to("ana@example.org").kind, "password_reset_done");
    })
    .await;
}

#[tokio::test]
async fn t17_t24_a_code_lives_ten_minutes_and_only_where_the_owner_wants_it() {
    on_both(by_code, async |app| {
        proven(app, "ana").await;
        reset_for(app, "ana@example.org").await;
        let code = code_in(&app.mailbox.last_to("ana@example.org"));
        app.advance(std::time::Duration::from_secs(601));
        app.post("password/reset/confirm/", code_form(&code)).send().await.expect(400);
    })
    .await;
    on_both(
        |_| {},
        async |app| {
            proven(app, "ana").await;
            reset_for(app, "ana@example.org").await;
            let refused = refused(app, app.post("password/reset/confirm/", code_form("BBBB-BBBB")), 400).await;
            assert_eq!(refused.json(), json!({ "uid": ["This field is required."], "token": ["This field is required."] }));
        },
    )
    .await;
}

#[tokio::test]
async fn t25_a_pending_change_of_a_stranger_ends_when_the_owner_proves_the_address() {
    let optional = |settings: &mut Settings| settings.account.email_verification = Verification::Optional;
    on_both(optional, async |app| {
        let stranger = app.register("ana").await;
        let key = key_for(app, &stranger, "mallory@example.org").await;
        // The owner of ana@example.org resets the password of what was opened with the address.
        let link = reset_for(app, "ana@example.org").await;
        app.post("password/reset/confirm/", reset(&link)).send().await.expect(200);
        refused(app, app.post("email/change/confirm/", with(&key)), 400).await;
        app.get("user/").token(&stranger).send().await.expect(401);
        login(app, "ana", PASSWORD).send().await.expect(400);
        app.deliver().await;
    })
    .await;
}
