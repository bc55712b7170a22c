//! Verification and reset by mail.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::mail::Mail;
use vestibule::settings::Verification;
use vestibule::testing::app::PASSWORD;
use vestibule::testing::{TestApp, on_both};

const OTHER: &str = "An0ther-pass-7q";

fn mandatory(settings: &mut Settings) {
    settings.account.email_verification = Verification::Mandatory;
}

fn sign_up(name: &str) -> Value {
    json!({ "username": name, "email": format!("{name}@example.org"), "password1": PASSWORD, "password2": PASSWORD })
}

/// The last part of the link's path that stands for a secret, and the one before it.
fn parts(mail: &Mail) -> (String, String) {
    let link = mail.link.clone().unwrap();
    let mut parts = link.trim_end_matches('/').rsplit('/').map(str::to_owned);
    let (last, before) = (parts.next().unwrap(), parts.next().unwrap());
    (last, before)
}

async fn key_for(app: &TestApp, name: &str) -> String {
    app.deliver().await;
    parts(&app.mailbox.last_to(&format!("{name}@example.org"))).0
}

#[tokio::test]
async fn a_sign_up_proves_its_address_and_then_logs_in() {
    on_both(mandatory, async |app: TestApp| {
        let sent = app.post("registration/", sign_up("ana")).send().await.expect(201);
        assert_eq!(sent.json(), json!({ "detail": "Verification e-mail sent." }));
        let login = json!({ "username": "ana", "password": PASSWORD });
        let owed = app.post("login/", login.clone()).send().await.expect(400);
        assert_eq!(owed.json(), json!({ "non_field_errors": ["E-mail is not verified."] }));
        let key = key_for(&app, "ana").await;
        let done = app.post("registration/verify-email/", json!({ "key": key })).send().await.expect(200);
        assert_eq!(done.json(), json!({ "detail": "ok" }));
        app.post("login/", login).send().await.expect(200);
        let again = app.post("registration/verify-email/", json!({ "key": key })).send().await.expect(404);
        assert_eq!(again.json(), json!({ "detail": "Not found." }));
    })
    .await;
}

#[tokio::test]
async fn t22_looking_at_a_link_spends_nothing_and_the_button_confirms() {
    on_both(mandatory, async |app: TestApp| {
        app.post("registration/", sign_up("ana")).send().await.expect(201);
        let path = format!("registration/account-confirm-email/{}/", key_for(&app, "ana").await);
        for _ in 0..3 {
            app.request(Method::HEAD, &path).send().await.expect(200);
            let page = app.get(&path).send().await.expect(200);
            assert!(page.text.contains("<form method=\"post\">"), "{}", page.text);
            assert_eq!(page.header("referrer-policy"), "no-referrer");
            assert_eq!(page.header("cache-control"), "no-store");
        }
        let done = app.request(Method::POST, &path).send().await.expect(200);
        assert!(done.text.contains("is confirmed"), "{}", done.text);
        app.request(Method::POST, &path).send().await.expect(404);
        app.login("ana").await;
    })
    .await;
}

#[tokio::test]
async fn where_the_owner_wants_it_opening_the_link_confirms_and_leads_to_the_login() {
    let on_get = |settings: &mut Settings| {
        mandatory(settings);
        settings.account.confirm_email_on_get = true;
        settings.frontend.login_url = Some("http://app.example.org/login".into());
    };
    on_both(on_get, async |app: TestApp| {
        app.post("registration/", sign_up("ana")).send().await.expect(201);
        let path = format!("registration/account-confirm-email/{}/", key_for(&app, "ana").await);
        app.request(Method::HEAD, &path).send().await.expect(200);
        let opened = app.get(&path).send().await.expect(302);
        assert_eq!(opened.header("location"), "http://app.example.org/login");
        app.login("ana").await;
    })
    .await;
}

#[tokio::test]
async fn t24_a_code_does_what_the_key_does_and_dies_after_five_tries() {
    on_both(mandatory, async |app: TestApp| {
        app.post("registration/", sign_up("ana")).send().await.expect(201);
        app.deliver().await;
        let mail = app.mailbox.last_to("ana@example.org");
        let code = mail.text.split_whitespace().find(|word| is_code(word)).unwrap().to_owned();
        let verify = |code: String| json!({ "email": "ana@example.org", "code": code });
        for _ in 0..4 {
            app.post("registration/verify-email/", verify("BBBB-BBBB".into())).send().await.expect(404);
        }
        app.post("registration/verify-email/", verify(code.to_lowercase().replace('-', " "))).send().await.expect(200);

        app.post("registration/", sign_up("bo")).send().await.expect(201);
        app.deliver().await;
        let mail = app.mailbox.last_to("bo@example.org");
        let code = mail.text.split_whitespace().find(|word| is_code(word)).unwrap().to_owned();
        let verify = |code: &str| json!({ "email": "bo@example.org", "code": code });
        for _ in 0..5 {
            app.post("registration/verify-email/", verify("BBBB-BBBB")).send().await.expect(404);
        }
        app.post("registration/verify-email/", verify(&code)).send().await.expect(404);
        let key = parts(&mail).0;
        app.post("registration/verify-email/", json!({ "key": key })).send().await.expect(200);
    })
    .await;
}

fn is_code(word: &str) -> bool {
    word.len() == 9 && word.chars().enumerate().all(|(i, c)| if i == 4 { c == '-' } else { c.is_ascii_uppercase() })
}

#[tokio::test]
async fn t25_the_sign_up_that_is_proven_owns_the_address_and_the_others_are_gone() {
    on_both(mandatory, async |app: TestApp| {
        let twice = |name: &str, password: &str| {
            json!({ "username": name, "email": "ana@example.org", "password1": password, "password2": password })
        };
        app.post("registration/", twice("mallory", OTHER)).send().await.expect(201);
        app.deliver().await;
        app.post("registration/", twice("ana", PASSWORD)).send().await.expect(201);
        let key = key_for(&app, "ana").await;
        app.post("registration/verify-email/", json!({ "key": key })).send().await.expect(200);
        app.login("ana").await;
        app.post("login/", json!({ "username": "mallory", "password": OTHER })).send().await.expect(400);
        assert_eq!(app.count("SELECT count(*) FROM auth_users").await, 1);
        app.mailbox.clear();
        // Another try with the address that is owned now looks like any other, and its owner hears of it (T11).
        let hidden = app.post("registration/", twice("eve", OTHER)).send().await.expect(201);
        assert_eq!(hidden.json(), json!({ "detail": "Verification e-mail sent." }));
        app.deliver().await;
        assert_eq!(app.mailbox.last_to("ana@example.org").kind, "account_already_exists");
        assert_eq!(app.count("SELECT count(*) FROM auth_users").await, 1);
    })
    .await;
}

#[tokio::test]
async fn t16_t18_t23_a_reset_works_once_ends_everything_and_proves_the_address() {
    on_both(|_| {}, async |app: TestApp| {
        let session = app.register("ana").await;
        let ask = json!({ "email": "ANA@Example.org" });
        let mut links = Vec::new();
        for _ in 0..2 {
            let asked = app.post("password/reset/", ask.clone()).send().await.expect(200);
            assert_eq!(asked.json(), json!({ "detail": "Password reset e-mail has been sent." }));
            app.deliver().await;
            links.push(parts(&app.mailbox.last_to("ana@example.org")));
        }
        // A request alone changes nothing.
        app.get("user/").token(&session).send().await.expect(200);
        let confirm = |(token, uid): &(String, String), password: &str| {
            json!({ "uid": uid, "token": token, "new_password1": password, "new_password2": password })
        };
        let weak = app.post("password/reset/confirm/", confirm(&links[1], "123")).send().await.expect(400);
        assert!(weak.json()["new_password2"].is_array());
        let wrong_uid = (links[1].0.clone(), "1".to_owned());
        let refused = app.post("password/reset/confirm/", confirm(&wrong_uid, OTHER)).send().await.expect(400);
        assert_eq!(refused.json(), json!({ "token": ["Invalid value"] }));
        let done = app.post("password/reset/confirm/", confirm(&links[1], OTHER)).send().await.expect(200);
        assert_eq!(done.json(), json!({ "detail": "Password has been reset with the new password." }));
        app.get("user/").token(&session).send().await.expect(401);
        for link in &links {
            app.post("password/reset/confirm/", confirm(link, PASSWORD)).send().await.expect(400);
        }
        app.post("login/", json!({ "username": "ana", "password": PASSWORD })).send().await.expect(400);
        app.post("login/", json!({ "username": "ana", "password": OTHER })).send().await.expect(200);
        assert_eq!(app.count("SELECT count(*) FROM auth_users WHERE email_verified_at IS NOT NULL").await, 1);
        app.deliver().await;
        assert_eq!(app.mailbox.last_to("ana@example.org").kind, "password_reset_done");
    })
    .await;
}

#[tokio::test]
async fn t10_t20_only_the_stored_address_gets_mail_and_every_answer_is_the_same() {
    on_both(
        |_| {},
        async |app: TestApp| {
            app.register("mike").await;
            app.deliver().await;
            app.mailbox.clear();
            let look_alike = app.post("password/reset/", json!({ "email": "m\u{131}ke@example.org" })).send().await.expect(400);
            assert_eq!(look_alike.json(), json!({ "email": ["Enter a valid email address."] }), "whoever has an account");
            for email in ["mike@example.org", "nobody@example.org", "MIKE@EXAMPLE.ORG"] {
                let asked = app.post("password/reset/", json!({ "email": email })).send().await.expect(200);
                assert_eq!(asked.json(), json!({ "detail": "Password reset e-mail has been sent." }), "{email}");
            }
            app.deliver().await;
            let to: Vec<_> = app.mailbox.mails().into_iter().map(|mail| mail.to).collect();
            assert_eq!(to, ["mike@example.org", "mike@example.org"]);
        },
    )
    .await;
}

#[tokio::test]
async fn t17_links_expire_on_time() {
    on_both(mandatory, async |app: TestApp| {
        app.post("registration/", sign_up("ana")).send().await.expect(201);
        let key = key_for(&app, "ana").await;
        app.advance(Duration::from_secs(3 * 24 * 3_600 + 1));
        app.post("registration/verify-email/", json!({ "key": key })).send().await.expect(404);
        app.post("registration/resend-email/", json!({ "email": "ana@example.org" })).send().await.expect(200);
        let key = key_for(&app, "ana").await;
        app.advance(Duration::from_secs(3 * 24 * 3_600 - 1));
        app.post("registration/verify-email/", json!({ "key": key })).send().await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn t69_an_address_gets_three_mails_an_hour_and_nobody_is_told() {
    let limited = |settings: &mut Settings| {
        settings.limits.enabled = true;
        settings.limits.reset = "".parse().unwrap();
    };
    on_both(limited, async |app: TestApp| {
        app.register("ana").await;
        for _ in 0..10 {
            app.post("password/reset/", json!({ "email": "ana@example.org" })).send().await.expect(200);
        }
        app.deliver().await;
        assert_eq!(app.mailbox.to("ana@example.org").len(), 3);
        app.advance(Duration::from_secs(3_600));
        app.post("password/reset/", json!({ "email": "ana@example.org" })).send().await.expect(200);
        app.deliver().await;
        assert_eq!(app.mailbox.to("ana@example.org").len(), 4);
    })
    .await;
}

#[tokio::test]
async fn t86_while_mail_is_down_requests_go_on_and_nothing_is_lost() {
    on_both(mandatory, async |app: TestApp| {
        app.mailbox.fail(Some(vestibule::mail::SendError::Transport("down".into())));
        for name in ["ana", "bo", "cy"] {
            app.post("registration/", sign_up(name)).send().await.expect(201);
        }
        for _ in 0..5 {
            app.deliver().await;
            app.advance(Duration::from_secs(61));
        }
        assert!(app.mailbox.mails().is_empty());
        app.mailbox.fail(None);
        for _ in 0..3 {
            app.deliver().await;
            app.advance(Duration::from_secs(61));
        }
        for name in ["ana", "bo", "cy"] {
            assert_eq!(app.mailbox.to(&format!("{name}@example.org")).len(), 1, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_password_is_set_on_the_page_behind_the_link() {
    on_both(
        |_| {},
        async |app: TestApp| {
            app.register("ana").await;
            app.post("password/reset/", json!({ "email": "ana@example.org" })).send().await.expect(200);
            app.deliver().await;
            let (token, uid) = parts(&app.mailbox.last_to("ana@example.org"));
            let path = format!("password/reset/confirm/{uid}/{token}/");
            let page = app.get(&path).send().await.expect(200);
            assert!(page.text.contains("name=\"new_password1\""));
            let wrong = [("new_password1", OTHER), ("new_password2", PASSWORD)];
            let page = app.request(Method::POST, &path).form(&wrong).send().await.expect(400);
            assert!(page.text.contains("didn’t match"), "{}", page.text);
            let right = [("new_password1", OTHER), ("new_password2", OTHER)];
            app.request(Method::POST, &path).form(&right).send().await.expect(200);
            app.get(&path).send().await.expect(404);
            app.post("login/", json!({ "username": "ana", "password": OTHER })).send().await.expect(200);
        },
    )
    .await;
}
