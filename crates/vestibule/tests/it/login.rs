//! `login/`.

use http::Method;
use serde_json::{Value, json};
use vestibule::accounts::admin;
use vestibule::settings::{LoginMethod, Registration, Verification};
use vestibule::testing::{TestApp, on_both};

use crate::exchange::*;

const NEEDS_EMAIL: &str = "Must include \"email\" and \"password\".";
const NEEDS_USERNAME: &str = "Must include \"username\" and \"password\".";
const NEEDS_EITHER: &str = "Must include either \"username\" or \"email\" and \"password\".";

fn by_email(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

fn by_name(name: &str, password: &str) -> Value {
    json!({ "username": name, "password": password })
}

async fn ana(app: &TestApp) -> String {
    app.post("registration/", articles_user("ana@example.com")).send().await.expect(201).key()
}

#[tokio::test]
async fn the_address_and_the_password_give_a_key() {
    on_both(article, async |app: TestApp| {
        let first = ana(&app).await;
        let rows = vec![
            (by_email("ana@example.com", PASSWORD), 200, any_key()),
            (by_email("ANA@Example.COM", PASSWORD), 200, any_key()),
            (by_email("  ana@example.com ", PASSWORD), 200, any_key()),
            (json!({ "email": "ana@example.com", "password": PASSWORD, "x": 1 }), 200, any_key()),
            (by_email("ana@example.com", "wrong"), 400, login_failed()),
            (by_email("nobody@example.com", PASSWORD), 400, login_failed()),
            (by_name("ana@example.com", PASSWORD), 400, non_field(NEEDS_EMAIL)),
        ];
        json_rows(&app, Method::POST, "login/", None, rows.clone()).await;
        // A key that is still good makes no difference, nor does one that is not: login is where one comes for a new one.
        json_rows(&app, Method::POST, "login/", Some(&first), rows.clone()).await;
        for header in ["Token 0000000000000000000000000000000000000000", "Token", "Bearer a b", "Basic YTpi"] {
            let login = app.post("login/", by_email("ana@example.com", PASSWORD)).header("authorization", header);
            check("login/", &login.send().await, 200, &any_key(), header);
        }
    })
    .await;
}

#[tokio::test]
async fn every_login_has_a_key_of_its_own() {
    on_both(article, async |app: TestApp| {
        let mut keys = vec![ana(&app).await];
        for _ in 0..3 {
            keys.push(app.post("login/", by_email("ana@example.com", PASSWORD)).send().await.expect(200).key());
        }
        for key in &keys {
            app.get("user/").token(key).send().await.expect(200);
        }
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_told_by_field() {
    on_both(article, async |app: TestApp| {
        ana(&app).await;
        let required = json!({ "password": ["This field is required."] });
        let no_null = "This field may not be null.";
        let not_an_address = json!({ "email": ["Enter a valid email address."] });
        let rows = vec![
            (json!({}), 400, required.clone()),
            (json!({ "password": PASSWORD }), 400, non_field(NEEDS_EMAIL)),
            (json!({ "email": "ana@example.com" }), 400, required),
            (
                json!({ "email": "", "username": "", "password": "" }),
                400,
                json!({ "password": ["This field may not be blank."] }),
            ),
            (json!({ "email": "", "username": "", "password": PASSWORD }), 400, non_field(NEEDS_EMAIL)),
            (
                json!({ "email": null, "username": null, "password": null }),
                400,
                json!({ "username": [no_null], "email": [no_null], "password": [no_null] }),
            ),
            (by_email("not-an-email", PASSWORD), 400, not_an_address.clone()),
            (by_email(&format!("{}@example.com", "a".repeat(400)), PASSWORD), 400, not_an_address),
            (
                json!({ "email": ["a@example.com"], "username": { "a": 1 }, "password": true }),
                400,
                json!({
                    "username": ["Not a valid string."],
                    "email": ["Enter a valid email address."],
                    "password": ["Not a valid string."]
                }),
            ),
            (json!({ "email": "ana@example.com", "password": 12345678 }), 400, login_failed()),
            (by_email("ana@example.com", "abc\0def"), 400, json!({ "password": ["Null characters are not allowed."] })),
            (
                by_email("a\0@example.com", PASSWORD),
                400,
                json!({ "email": ["Null characters are not allowed.", "Enter a valid email address."] }),
            ),
            (by_name("a\0b", PASSWORD), 400, json!({ "username": ["Null characters are not allowed."] })),
        ];
        json_rows(&app, Method::POST, "login/", None, rows).await;
    })
    .await;
}

#[tokio::test]
async fn t02_a_password_is_compared_byte_by_byte_whatever_its_length() {
    on_both(article, async |app: TestApp| {
        for length in [8, 64, 72, 73, 100, 128, 256, 1023] {
            let email = format!("p{length}@example.com");
            let password: String = "aB3-".chars().cycle().take(length).collect();
            let body = but(articles_user(&email), json!({ "password1": password, "password2": password }));
            app.post("registration/", body).send().await.expect(201);
            let (head, last) = password.split_at(length - 1);
            let flipped: String = password
                .chars()
                .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
                .collect();
            let rows = vec![
                (by_email(&email, &password), 200, any_key()),
                (by_email(&email, &format!("{head}{}", if last == "x" { "y" } else { "x" })), 400, login_failed()),
                (by_email(&email, head), 400, login_failed()),
                (by_email(&email, &format!("{password}x")), 400, login_failed()),
                (by_email(&email, &format!(" {password}")), 400, login_failed()),
                (by_email(&email, &format!("{password} ")), 400, login_failed()),
                (by_email(&email, &flipped), 400, login_failed()),
            ];
            json_rows(&app, Method::POST, "login/", None, rows).await;
        }
    })
    .await;
}

#[tokio::test]
async fn t02_spaces_and_other_scripts_belong_to_a_password() {
    on_both(article, async |app: TestApp| {
        for (email, password, others) in [
            ("sp@example.com", "  spaced pass 9 ", vec!["spaced pass 9", "  spaced pass 9", "spaced pass 9 "]),
            ("uni@example.com", "пароль-☃-x9", vec!["пароль-☃-X9"]),
            ("nf@example.com", "caf\u{e9}-long-9", vec!["cafe\u{301}-long-9"]),
        ] {
            let body = but(articles_user(email), json!({ "password1": password, "password2": password }));
            app.post("registration/", body).send().await.expect(201);
            let mut rows = vec![(by_email(email, password), 200, any_key())];
            rows.extend(others.into_iter().map(|other| (by_email(email, other), 400, login_failed())));
            json_rows(&app, Method::POST, "login/", None, rows).await;
        }
    })
    .await;
}

#[tokio::test]
async fn t02_t73_a_password_beyond_the_bound_fails_and_a_body_beyond_it_is_not_read() {
    on_both(article, async |app: TestApp| {
        ana(&app).await;
        let long = |length: usize| by_email("ana@example.com", &"a".repeat(length));
        let too_large = detail("Request body is larger than 65536 bytes.");
        let rows = vec![
            (long(1024), 400, login_failed()),
            (long(1025), 400, login_failed()),
            (long(5000), 400, login_failed()),
            (long(66_000), 413, too_large.clone()),
            (long(3_000_000), 413, too_large.clone()),
        ];
        json_rows(&app, Method::POST, "login/", None, rows).await;
        let form = format!("email=a%40example.com&password={}", "a".repeat(3_000_000));
        let row: RawRow<'_> = ("application/x-www-form-urlencoded", form.as_bytes(), 413, too_large);
        raw_rows(&app, Method::POST, "login/", None, &[row]).await;
    })
    .await;
}

#[tokio::test]
async fn by_name_alone_an_address_is_no_name() {
    on_both(stock, async |app: TestApp| {
        let body = but(named("alice"), json!({ "email": "alice@example.com" }));
        app.post("registration/", body).send().await.expect(201);
        let rows = vec![
            (by_name("alice", PASSWORD), 200, any_key()),
            (by_name("Alice", PASSWORD), 200, any_key()),
            (by_name(" alice ", PASSWORD), 200, any_key()),
            (by_name("ａｌｉｃｅ", PASSWORD), 200, any_key()),
            (by_email("alice@example.com", PASSWORD), 400, non_field(NEEDS_USERNAME)),
            (by_name("alice@example.com", PASSWORD), 400, login_failed()),
            (by_name("alice", "x"), 400, login_failed()),
            (by_name("not a name!", PASSWORD), 400, login_failed()),
            (by_name(&"x".repeat(10_000), PASSWORD), 400, login_failed()),
            (json!({ "username": "alice", "password": 12345678 }), 400, login_failed()),
            (
                json!({ "username": "alice", "email": "bad", "password": PASSWORD }),
                400,
                json!({ "email": ["Enter a valid email address."] }),
            ),
            (json!({ "username": "alice", "email": "other@example.com", "password": PASSWORD }), 200, any_key()),
            (json!({ "password": PASSWORD }), 400, non_field(NEEDS_USERNAME)),
            (json!({ "username": "alice" }), 400, json!({ "password": ["This field is required."] })),
            (json!({ "email": "", "username": "", "password": PASSWORD }), 400, non_field(NEEDS_USERNAME)),
        ];
        json_rows(&app, Method::POST, "login/", None, rows).await;
    })
    .await;
}

#[tokio::test]
async fn by_either_the_name_field_takes_an_address_too() {
    on_both(
        |_| {},
        async |app: TestApp| {
            for name in ["dora", "emil"] {
                app.register(name).await;
            }
            let both = |name: &str, email: &str| json!({ "username": name, "email": email, "password": PASSWORD });
            let rows = vec![
                (by_name("dora", PASSWORD), 200, any_key()),
                (by_name(" dora ", PASSWORD), 200, any_key()),
                (by_email("dora@example.org", PASSWORD), 200, any_key()),
                (by_name("dora@example.org", PASSWORD), 200, any_key()),
                (by_name("Dora@Example.ORG", PASSWORD), 200, any_key()),
                (both("dora", "dora@example.org"), 200, any_key()),
                (both("dora", "emil@example.org"), 400, login_failed()),
                (by_email("dora", PASSWORD), 400, json!({ "email": ["Enter a valid email address."] })),
                (json!({ "password": PASSWORD }), 400, non_field(NEEDS_EITHER)),
                (json!({ "username": "", "email": "", "password": PASSWORD }), 400, non_field(NEEDS_EITHER)),
                (by_name("dora", "x"), 400, login_failed()),
            ];
            json_rows(&app, Method::POST, "login/", None, rows).await;
        },
    )
    .await;
}

#[tokio::test]
async fn t08_disabled_unknown_and_without_a_password_answer_alike_with_one_hash_each() {
    on_both(article, async |app: TestApp| {
        let off = made(&app, somebody("off@example.com")).await;
        made(&app, admin::NewAccount { password: None, ..somebody("nopw@example.com") }).await;
        ana(&app).await;
        let key = app.post("login/", by_email("off@example.com", PASSWORD)).send().await.expect(200).key();
        assert!(admin::disable(&app.auth, off.id).await.unwrap());
        let refused = app.get("user/").token(&key).send().await;
        check("user/", &refused, 401, &detail("Invalid token."), "a disabled user's key");
        let mut answers = Vec::new();
        for (email, password) in [
            ("ana@example.com", "wrong"),
            ("nobody@example.com", PASSWORD),
            ("off@example.com", PASSWORD),
            ("off@example.com", "x"),
            ("nopw@example.com", "x"),
            ("nopw@example.com", "!"),
            ("nopw@example.com", " "),
        ] {
            let before = app.auth.hash_computations();
            let mut answer = app.post("login/", by_email(email, password)).send().await;
            check("login/", &answer, 400, &login_failed(), email);
            assert_eq!(app.auth.hash_computations(), before + 1, "{email}");
            answer.headers.remove("x-request-id");
            answers.push((answer.text, answer.headers));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
    })
    .await;
}

#[tokio::test]
async fn t08_an_unproven_address_is_told_only_after_the_right_password() {
    let mandatory = |settings: &mut vestibule::Settings| {
        settings.account.email_verification = Verification::Mandatory;
        settings.account.registration = Registration::Closed;
    };
    on_both(mandatory, async |app: TestApp| {
        let dee = admin::NewAccount { username: Some("dee".into()), email_verified: false, ..somebody("dee@example.com") };
        made(&app, dee).await;
        let off = admin::NewAccount { username: Some("off".into()), email_verified: false, ..somebody("off@example.com") };
        let off = made(&app, off).await;
        assert!(admin::disable(&app.auth, off.id).await.unwrap());
        made(&app, admin::NewAccount { username: Some("eve".into()), ..somebody("eve@example.com") }).await;
        let unproven = non_field("E-mail is not verified.");
        let rows = vec![
            (by_email("dee@example.com", PASSWORD), 400, unproven.clone()),
            (by_name("dee", PASSWORD), 400, unproven),
            (by_email("dee@example.com", "x"), 400, login_failed()),
            (by_name("dee", "x"), 400, login_failed()),
            (by_email("off@example.com", PASSWORD), 400, login_failed()),
            (by_email("eve@example.com", PASSWORD), 200, any_key()),
            (by_name("eve", PASSWORD), 200, any_key()),
        ];
        json_rows(&app, Method::POST, "login/", None, rows).await;
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions").await, 2, "only of whoever came in");
    })
    .await;
}

#[tokio::test]
async fn only_post_logs_in() {
    on_both(article, async |app: TestApp| {
        for method in ["GET", "PUT", "PATCH", "DELETE", "TRACE", "FOO"] {
            let answer = app.request(Method::from_bytes(method.as_bytes()).unwrap(), "login/").json(json!({})).send().await;
            check("login/", &answer, 405, &detail(&format!("Method \"{method}\" not allowed.")), method);
        }
        let head = app.request(Method::HEAD, "login/").send().await.expect(405);
        assert_eq!((head.text.as_str(), head.header("allow")), ("", "POST, OPTIONS"));
        let overridden = app.post("login/", json!({})).header("x-http-method-override", "DELETE").send().await;
        check("login/", &overridden, 400, &json!({ "password": ["This field is required."] }), "no method override");
    })
    .await;
}

#[tokio::test]
async fn too_many_tries_are_told_when_to_come_back() {
    let limited = |settings: &mut vestibule::Settings| {
        article(settings);
        settings.limits.enabled = true;
        settings.limits.login = "3/m/ip".parse().unwrap();
    };
    on_both(limited, async |app: TestApp| {
        made(&app, somebody("kim@example.com")).await;
        let wrong = || app.post("login/", by_email("kim@example.com", "wrong"));
        for _ in 0..3 {
            check("login/", &wrong().send().await, 400, &login_failed(), "allowed");
        }
        let limited = wrong().send().await;
        let wait = limited.retry_after();
        assert!((1..=60).contains(&wait.as_secs()));
        let sentence = detail(&format!("Request was throttled. Expected available in {} seconds.", wait.as_secs()));
        check("login/", &limited, 429, &sentence, "the fourth");
        let form = app.request(Method::POST, "login/").form(&[]).send().await;
        check("login/", &form, 429, &sentence, "an empty form");
        let page = app.request(Method::POST, "login/").form(&[]).header("accept", "text/html").send().await.expect(429);
        assert_eq!((page.retry_after(), page.header("content-type")), (wait, "text/html; charset=utf-8"));
        // Whoever is not told to trust a proxy does not believe what it says.
        wrong().header("x-forwarded-for", "203.0.113.9").send().await.expect(429);
        wrong().from("203.0.113.9").send().await.expect(400);
        // The right password does not help either, and nothing else is limited.
        app.post("login/", by_email("kim@example.com", PASSWORD)).send().await.expect(429);
        app.request(Method::POST, "logout/").send().await.expect(200);
        app.request(Method::OPTIONS, "login/").send().await.expect(200);
        app.request(Method::GET, "login/").send().await.expect(405);
        app.advance(wait);
        app.post("login/", by_email("kim@example.com", PASSWORD)).send().await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_method_that_is_not_offered_is_not_looked_at() {
    let email_only = |settings: &mut vestibule::Settings| settings.account.login_methods = vec![LoginMethod::Email];
    on_both(email_only, async |app: TestApp| {
        app.register("picked").await;
        let rows = vec![
            (by_email("picked@example.org", PASSWORD), 200, any_key()),
            (by_name("picked", PASSWORD), 400, non_field(NEEDS_EMAIL)),
            (by_name("picked@example.org", PASSWORD), 400, non_field(NEEDS_EMAIL)),
            (json!({ "username": "somebody-else", "email": "picked@example.org", "password": PASSWORD }), 200, any_key()),
        ];
        json_rows(&app, Method::POST, "login/", None, rows).await;
    })
    .await;
}
