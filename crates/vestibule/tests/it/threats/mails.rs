//! B, C, J, L. Whoever asks for mails, and what they carry: T01, T02, T10–T13, T15, T20, T29, T46, T69, T71, T72, T77, T80, T81.

use std::collections::HashSet;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vestibule::mail::{Mail, SendError};
use vestibule::settings::{Settings, Verification};
use vestibule::testing::TestApp;

use super::{OTHER, PASSWORD, create, disable, login, on_both, refused, registration};

pub(super) fn mandatory(settings: &mut Settings) {
    settings.account.email_verification = Verification::Mandatory;
}

/// The last parts of a link's path: the token, and what is before it.
pub(super) fn parts(mail: &Mail) -> (String, String) {
    let link = mail.link.clone().unwrap();
    let mut parts = link.trim_end_matches('/').rsplit('/').map(str::to_owned);
    (parts.next().unwrap(), parts.next().unwrap())
}

pub(super) async fn reset_for(app: &TestApp, email: &str) -> (String, String) {
    app.post("password/reset/", json!({ "email": email })).send().await.expect(200);
    app.deliver().await;
    parts(&app.mailbox.last_to(email))
}

pub(super) fn reset((token, uid): &(String, String), password: &str) -> Value {
    json!({ "uid": uid, "token": token, "new_password1": password, "new_password2": password })
}

#[tokio::test]
async fn t01_t02_a_reset_takes_the_passwords_that_a_registration_takes() {
    on_both(
        |_| {},
        async |app| {
            app.register("ana").await;
            let link = reset_for(app, "ana@example.org").await;
            let long = "kR7#vQ2mWz9!bXd4".repeat(64);
            for (bad, hashes) in [("kx7#Qv2", 0), ("😀😁😂🤣😃😄😅", 0), (&format!("{long}x"), 0), ("password1", 0)]
            {
                let before = app.auth.hash_computations();
                let answer = refused(app, app.post("password/reset/confirm/", reset(&link, bad)), 400).await;
                assert!(
                    answer.json()["new_password2"].is_array() || answer.json()["new_password1"].is_array(),
                    "{}",
                    answer.text
                );
                assert_eq!(app.auth.hash_computations(), before + hashes);
            }
            app.post("password/reset/confirm/", reset(&link, &long)).send().await.expect(200);
            login(app, "ana", &long).send().await.expect(200);
            login(app, "ana", &long[..1023]).send().await.expect(400);
            login(app, "ana", &format!(" {}", &long[1..])).send().await.expect(400);
        },
    )
    .await;
}

#[tokio::test]
async fn t10_asking_for_a_reset_is_answered_alike_whoever_has_the_address_and_whatever_mail_does() {
    on_both(
        |_| {},
        async |app| {
            create(app, "ana", Some(PASSWORD), true).await;
            create(app, "unproven", Some(PASSWORD), false).await;
            create(app, "social", None, true).await;
            create(app, "off", Some(PASSWORD), true).await;
            disable(app, "off").await;
            let failures = [None, Some(SendError::Transport("down".into())), Some(SendError::Recipient("550".into()))];
            for failure in failures {
                app.mailbox.fail(failure);
                let mut answers = HashSet::new();
                for name in ["ana", "nobody", "unproven", "social", "off"] {
                    let (hashes, jobs) = (app.auth.hash_computations(), app.count("SELECT count(*) FROM auth_jobs").await);
                    let answer = app.post("password/reset/", json!({ "email": format!("{name}@example.org") })).send().await;
                    let names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
                    answers.insert((answer.status, answer.text, names));
                    assert_eq!(app.auth.hash_computations(), hashes);
                    assert_eq!(app.count("SELECT count(*) FROM auth_jobs").await, jobs + 1, "the same work for {name}");
                }
                assert_eq!(answers.len(), 1, "{answers:?}");
                app.deliver().await;
                app.advance(Duration::from_secs(61));
            }
            app.mailbox.fail(None);
            app.deliver().await;
            let to: HashSet<_> = app.mailbox.mails().into_iter().map(|mail| mail.to).collect();
            let entitled = ["ana@example.org", "unproven@example.org", "social@example.org"];
            assert_eq!(to, entitled.map(str::to_owned).into());
        },
    )
    .await;
}

#[tokio::test]
async fn t11_a_sign_up_with_a_taken_address_looks_like_any_other_and_its_owner_hears_of_it() {
    on_both(mandatory, async |app| {
        create(app, "ana", Some(PASSWORD), true).await;
        let users = app.count("SELECT count(*) FROM auth_users").await;
        let body = |name: &str, email: &str, password: &str| {
            json!({ "username": name, "email": email, "password1": password, "password2": password })
        };
        let mut answers = HashSet::new();
        for (name, email) in [("eve", "ANA@Example.org"), ("new", "new@example.org")] {
            let hashes = app.auth.hash_computations();
            let answer = app.post("registration/", body(name, email, PASSWORD)).send().await.expect(201);
            assert_eq!(app.auth.hash_computations(), hashes + 1);
            answers.insert(answer.text);
            let weak = app.post("registration/", body("other", email, "123")).send().await.expect(400);
            answers.insert(weak.text);
        }
        assert_eq!(answers.len(), 2, "{answers:?}");
        assert_eq!(app.count("SELECT count(*) FROM auth_users").await, users + 1);
        app.deliver().await;
        let kinds: HashSet<_> = app.mailbox.mails().into_iter().map(|mail| (mail.to, mail.kind)).collect();
        let expected = [("ana@example.org", "account_already_exists"), ("new@example.org", "email_confirmation_signup")];
        assert_eq!(kinds, expected.map(|(to, kind)| (to.to_owned(), kind)).into());
    })
    .await;
}

#[tokio::test]
async fn t12_asking_for_another_verification_is_answered_alike_and_mails_the_unproven_alone() {
    let limited = |settings: &mut Settings| {
        mandatory(settings);
        settings.limits.enabled = true;
        settings.limits.reset = "".parse().unwrap();
    };
    on_both(limited, async |app| {
        create(app, "ana", Some(PASSWORD), true).await;
        create(app, "una", Some(PASSWORD), false).await;
        let mut answers = HashSet::new();
        for email in ["ana@example.org", "una@example.org", "nobody@example.org", "UNA@Example.ORG"] {
            let answer = app.post("registration/resend-email/", json!({ "email": email })).send().await.expect(200);
            answers.insert(answer.text);
            app.deliver().await;
        }
        assert_eq!(answers, HashSet::from([r#"{"detail":"ok"}"#.to_owned()]));
        let to: Vec<_> = app.mailbox.mails().into_iter().map(|mail| mail.to).collect();
        assert_eq!(to, ["una@example.org", "una@example.org"]);
        for _ in 0..5 {
            app.post("registration/resend-email/", json!({ "email": "una@example.org" })).send().await.expect(200);
        }
        app.deliver().await;
        assert_eq!(app.mailbox.to("una@example.org").len(), 3, "limits.mail");
    })
    .await;
}

#[tokio::test]
async fn t13_every_link_that_does_not_count_gets_one_answer() {
    on_both(
        |_| {},
        async |app| {
            app.register("ana").await;
            let (token, uid) = reset_for(app, "ana@example.org").await;
            app.advance(Duration::from_secs(3601));
            let random = "0".repeat(token.len());
            let wrong = [
                (random.clone(), "unknown".to_owned()),
                (random.clone(), uid.clone()),
                (token, uid.clone()),
                (random, "%%%\u{fffd}".to_owned()),
            ];
            for link in wrong {
                let answer = refused(app, app.post("password/reset/confirm/", reset(&link, OTHER)), 400).await;
                assert_eq!(answer.json(), json!({ "token": ["Invalid value"] }), "{link:?}");
            }
            app.register("bo").await;
            let (_, other) = reset_for(app, "bo@example.org").await;
            let close = uid.bytes().zip(other.bytes()).filter(|(a, b)| a == b).count();
            assert!(uid.len() >= 16 && close < uid.len() / 2, "no counter: {uid} {other}");
        },
    )
    .await;
}

#[tokio::test]
async fn t15_tokens_are_random_and_all_different() {
    on_both(mandatory, async |app| {
        let mut tokens = Vec::new();
        create(app, "una", Some(PASSWORD), false).await;
        for path in ["password/reset/", "registration/resend-email/"] {
            for _ in 0..500 {
                app.post(path, json!({ "email": "una@example.org" })).send().await.expect(200);
            }
        }
        app.deliver().await;
        tokens.extend(app.mailbox.to("una@example.org").iter().map(|mail| hex::decode(parts(mail).0).unwrap()));
        assert_eq!(tokens.len(), 1_000);
        assert!(tokens.iter().all(|token| token.len() >= 16));
        assert_eq!(tokens.iter().collect::<HashSet<_>>().len(), 1_000);
        for place in 0..tokens[0].len() {
            let values: HashSet<_> = tokens.iter().map(|token| token[place]).collect();
            assert!(values.len() > 200, "byte {place} has {} values: a counter, a time or a tag", values.len());
        }
    })
    .await;
}

#[tokio::test]
async fn t20_t71_mail_goes_to_the_stored_address_and_to_nobody_else() {
    on_both(
        |_| {},
        async |app| {
            app.register("mike").await;
            app.deliver().await;
            app.mailbox.clear();
            for email in [
                json!("m\u{131}ke@example.org"),
                json!(["mike@example.org", "evil@example.org"]),
                json!("mike@example.org,evil@example.org"),
                json!("mike@example.org\r\nBcc: evil@example.org"),
                json!("mike@example.org\u{0}@evil.test"),
                json!("mike@example.org%00@evil.test"),
                json!("mike＠example.org"),
                json!({ "email": "mike@example.org" }),
            ] {
                refused(app, app.post("password/reset/", json!({ "email": email })), 400).await;
            }
            let twice = "email=mike%40example.org&email=evil%40example.org";
            app.request(Method::POST, "password/reset/").raw("application/x-www-form-urlencoded", twice).send().await.expect(400);
            app.deliver().await;
            assert!(app.mailbox.mails().is_empty(), "{:?}", app.mailbox.mails().len());
            app.post("password/reset/", json!({ "email": "MIKE@Example.ORG" })).send().await.expect(200);
            app.deliver().await;
            let to: Vec<_> = app.mailbox.mails().into_iter().map(|mail| mail.to).collect();
            assert_eq!(to, ["mike@example.org"]);
        },
    )
    .await;
}

#[tokio::test]
async fn t29_a_disabled_account_gets_no_mail_and_its_links_end() {
    on_both(
        |_| {},
        async |app| {
            app.register("ana").await;
            let link = reset_for(app, "ana@example.org").await;
            disable(app, "ana").await;
            refused(app, app.post("password/reset/confirm/", reset(&link, OTHER)), 400).await;
            app.mailbox.clear();
            app.post("password/reset/", json!({ "email": "ana@example.org" })).send().await.expect(200);
            app.deliver().await;
            assert!(app.mailbox.mails().is_empty());
        },
    )
    .await;
}

#[tokio::test]
async fn t46_nothing_about_mails_happens_by_get() {
    on_both(
        |_| {},
        async |app| {
            for path in ["registration/verify-email/", "registration/resend-email/", "password/reset/", "email/change/confirm/"] {
                let answer = refused(app, app.get(path), 405).await;
                assert!(answer.header("allow").contains("POST"), "{path}");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t69_an_account_whose_tries_are_used_up_comes_back_by_a_reset() {
    on_both(
        |settings| super::failures_limited(settings, "2/24h/account"),
        async |app| {
            app.register("ana").await;
            for _ in 0..2 {
                login(app, "ana", super::WRONG).from("203.0.113.1").send().await.expect(400);
            }
            login(app, "ana", PASSWORD).send().await.expect(429);
            let link = reset_for(app, "ana@example.org").await;
            app.post("password/reset/confirm/", reset(&link, OTHER)).send().await.expect(200);
        },
    )
    .await;
}

#[tokio::test]
async fn t72_t77_what_people_typed_cannot_change_a_mail() {
    const NAME: &str = "<script>alert(1)</script>{{7*7}}${7*7}{% raw %}";
    const OLD: &str = "{{7*7}}&${7*7}@example.org";
    const NEW: &str = "{{new_email}}&{email}@example.org";
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("account/email");
    std::fs::create_dir_all(&folder).unwrap();
    for (ending, text) in
        [("txt", "Dear {{ user.first_name }}!\n{{ link }}"), ("html", "<p>Dear {{ user.first_name }}!</p>{{ link }}")]
    {
        std::fs::write(folder.join(format!("password_reset_key_message.{ending}")), text).unwrap();
    }
    on_both(
        |settings| settings.templates.dir = Some(dir.path().into()),
        async |app| {
            let mut body = registration("ana", PASSWORD);
            body["email"] = OLD.into();
            let key = app.post("registration/", body).send().await.expect(201).key();
            app.patch("user/", json!({ "first_name": NAME })).token(&key).send().await.expect(200);
            app.post("password/reset/", json!({ "email": OLD })).send().await.expect(200);
            app.post("email/change/", json!({ "email": NEW, "password": PASSWORD })).token(&key).send().await.expect(200);
            app.deliver().await;
            let reset = app.mailbox.last_to(OLD);
            assert!(reset.text.starts_with(&format!("Dear {NAME}!\n")), "{}", reset.text);
            let html = reset.html.unwrap();
            let shown = "Dear &lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}${7*7}{% raw %}!";
            assert!(html.contains(shown) && !html.contains("<script"), "{html}");
            let proof = parts(&app.mailbox.last_to(NEW)).0;
            app.post("email/change/confirm/", json!({ "key": proof })).send().await.expect(200);
            app.deliver().await;
            let changed = app.mailbox.last_to(OLD);
            assert_eq!(changed.kind, "email_changed");
            assert!(changed.text.contains(&format!("from {OLD} to {NEW}.")), "{}", changed.text);
            let html = changed.html.unwrap();
            assert!(html.contains(&format!("from {OLD} to {NEW}.").replace('&', "&amp;")), "{html}");
            assert_eq!(app.mailbox.mails().len(), 4);
            assert!(
                app.mailbox.mails().iter().all(|mail| !mail.subject.contains(['\r', '\n']) && !mail.to.contains(['\r', '\n']))
            );
            for bad in ["a\r\nBcc: evil@example.org", "a\nb", "a\u{2028}b"] {
                let mut body = registration("y", PASSWORD);
                body["username"] = bad.into();
                refused(app, app.post("registration/", body), 400).await;
                refused(app, app.patch("user/", json!({ "first_name": bad })).token(&key), 400).await;
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t69_whatever_two_hundred_sources_ask_for_an_address_it_gets_three_mails_an_hour() {
    let limited = |settings: &mut Settings| {
        mandatory(settings);
        settings.limits.enabled = true;
    };
    on_both(limited, async |app| {
        create(app, "ana", Some(PASSWORD), true).await;
        create(app, "bea", Some(PASSWORD), true).await;
        let key = app.login("bea").await;
        let mut answers = HashSet::new();
        for source in 0..200 {
            let ip = format!("203.0.113.{source}");
            let mut sign_up = registration(&format!("name{source}"), PASSWORD);
            sign_up["email"] = "ana@example.org".into();
            let address = json!({ "email": "ana@example.org" });
            let (path, body) = match source % 4 {
                0 => ("password/reset/", address),
                1 => ("registration/resend-email/", address),
                2 => ("registration/", sign_up),
                _ => ("email/change/", json!({ "email": "ana@example.org", "password": PASSWORD })),
            };
            let request = app.post(path, body).from(&ip);
            let request = if path == "email/change/" { request.token(&key) } else { request };
            let answer = request.send().await;
            answers.insert((path, answer.status, answer.text));
        }
        let mut answers: Vec<_> = answers.into_iter().map(|(path, status, _)| (path, status)).collect();
        answers.sort_unstable();
        let one_each =
            [("email/change/", 200), ("password/reset/", 200), ("registration/", 201), ("registration/resend-email/", 200)];
        assert_eq!(answers, one_each);
        app.deliver().await;
        assert_eq!(app.mailbox.to("ana@example.org").len(), 3);
        assert_eq!(app.mailbox.mails().len(), 3);
    })
    .await;
}
