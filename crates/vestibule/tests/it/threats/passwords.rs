//! A. Passwords: T01 to T07.

use serde_json::{Value, json};
use vestibule::Auth;
use vestibule::accounts::admin::{self, NewAccount};
use vestibule::accounts::passwords::common;
use vestibule::ground::{Entropy, Error, Secret};
use vestibule::testing::TestApp;
use vestibule::testing::app::settings;

use super::journal::Journal;
use super::scan;
use super::{
    LOGIN_FAILED, OTHER, PASSWORD, WRONG, account, change, create, failures_limited, fault, import, login, on_both, refused,
    registration, repair, stored,
};

/// What a hash of the test settings begins with.
const CURRENT: &str = "$argon2id$v=19$m=8,t=1,p=1$";

/// The fields of a refusal, with the first message of each.
fn fields(body: &Value) -> Vec<(&str, &str)> {
    let members = body.as_object().into_iter().flatten();
    members.map(|(name, messages)| (name.as_str(), messages[0].as_str().unwrap())).collect()
}

#[tokio::test]
async fn t01_eight_characters_are_the_least_at_every_entry() {
    const SHORT: &str = "This password is too short. It must contain at least 8 characters.";
    on_both(
        |_| {},
        async |app| {
            let key = app.register("ana").await;
            let ana = account(app, "ana").await;
            let mut old = PASSWORD.to_owned();
            // Four bytes each: seven of them are 28 bytes and still too few.
            for (nth, enough) in ["kx7#Qv2m", "😀😁😂🤣😃😄😅😆"].into_iter().enumerate() {
                let short: String = enough.chars().take(7).collect();
                let name = format!("user{nth}");

                let answer = refused(app, app.post("registration/", registration(&name, &short)), 400).await;
                assert_eq!(fields(&answer.json()), [("password1", SHORT)]);
                app.post("registration/", registration(&name, enough)).send().await.expect(201);

                let answer = refused(app, app.post("password/change/", change(&old, &short)).token(&key), 400).await;
                assert_eq!(fields(&answer.json()), [("new_password2", SHORT)]);
                app.post("password/change/", change(&old, enough)).token(&key).send().await.expect(200);
                old = enough.to_owned();

                let new = |password: &str| NewAccount {
                    username: Some(format!("made{nth}")),
                    email: Some(format!("made{nth}@example.org")),
                    password: Some(password.into()),
                    ..NewAccount::default()
                };
                let by_operator = admin::create_user(&app.auth, new(&short)).await;
                assert!(matches!(by_operator, Err(Error::Fields(errors)) if errors.has("password")));
                admin::create_user(&app.auth, new(enough)).await.unwrap();
                let by_operator = admin::set_password(&app.auth, &ana, &Secret::from(short.as_str())).await;
                assert!(matches!(by_operator, Err(Error::Fields(errors)) if errors.has("password")));
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t01_a_least_length_of_seven_does_not_start() {
    let mut settings = settings("sqlite://never-made.db");
    settings.password.min_length = 7;
    let refused = Auth::builder(settings).build().await.err().expect("no start").to_string();
    assert!(refused.contains("password.min_length is 7"), "{refused}");
}

/// A password of that many characters that resembles nothing.
fn long(length: usize) -> String {
    "kR7#vQ2mWz9!bXd4".chars().cycle().take(length).collect()
}

/// What is not quite the password.
fn variants(password: &str) -> Vec<String> {
    let cut: String = password.chars().take(password.chars().count() - 1).collect();
    let swap = |c: char| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    vec![
        format!("{cut}~"),
        format!("{password}~"),
        format!(" {password}"),
        format!("{password} "),
        password.chars().map(swap).collect(),
        cut,
    ]
}

#[tokio::test]
async fn t02_only_the_exact_password_counts_at_every_length() {
    on_both(
        |_| {},
        async |app| {
            for length in [64, 72, 73, 100, 128, 256] {
                let (name, first) = (format!("user{length}"), long(length));
                let key = app.post("registration/", registration(&name, &first)).send().await.expect(201).key();
                login(app, &name, &first).send().await.expect(200);
                for variant in variants(&first) {
                    assert_eq!(login(app, &name, &variant).send().await.expect(400).text, LOGIN_FAILED, "{length}: {variant:?}");
                    let wrong = app.post("password/change/", change(&variant, OTHER)).token(&key);
                    assert_eq!(fields(&refused(app, wrong, 400).await.json())[0].0, "old_password");
                }
                let second = format!(" {}", long(length).replace('k', "K"));
                app.post("password/change/", change(&first, &second)).token(&key).send().await.expect(200);
                app.request(http::Method::POST, "login/")
                    .form(&[("username", &name), ("password", &second)])
                    .send()
                    .await
                    .expect(200);
                for variant in variants(&second).into_iter().chain([first, second.trim().to_owned()]) {
                    assert_eq!(login(app, &name, &variant).send().await.expect(400).text, LOGIN_FAILED, "{length}: {variant:?}");
                }
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t02_a_password_of_too_many_bytes_is_never_hashed() {
    on_both(
        |_| {},
        async |app| {
            let (longest, too_long) = (long(1024), long(1025));
            let key = app.post("registration/", registration("ana", &longest)).send().await.expect(201).key();
            login(app, "ana", &longest).send().await.expect(200);
            let too_many = "Ensure this field has no more than 1024 bytes.";

            let before = app.auth.hash_computations();
            let answer = refused(app, app.post("registration/", registration("eva", &too_long)), 400).await;
            assert_eq!(fields(&answer.json()), [("password1", too_many)]);
            assert_eq!(app.auth.hash_computations() - before, 0);

            for name in ["ana", "nobody"] {
                let before = app.auth.hash_computations();
                assert_eq!(refused(app, login(app, name, &too_long), 400).await.text, LOGIN_FAILED);
                assert_eq!(app.auth.hash_computations() - before, 1, "the dummy");
            }

            let before = app.auth.hash_computations();
            let answer = refused(app, app.post("password/change/", change(&longest, &too_long)).token(&key), 400).await;
            assert_eq!(fields(&answer.json()), [("new_password2", too_many)]);
            let answer = refused(app, app.post("password/change/", change(&too_long, OTHER)).token(&key), 400).await;
            assert_eq!(fields(&answer.json())[0].0, "old_password");
            assert_eq!(app.auth.hash_computations() - before, 2, "the old password, and the dummy");
        },
    )
    .await;
}

#[tokio::test]
async fn t03_common_and_personal_passwords_are_refused_with_the_reason() {
    on_both(
        |settings| settings.site.name = "Acme".into(),
        async |app| {
            let body = |password: &str| {
                json!({ "username": "marian-kowal", "email": "marian.k@example.test", "password1": password, "password2": password })
            };
            let list: Vec<String> = common::entries().filter(|entry| entry.chars().count() >= 8).collect();
            for password in list.iter().step_by(list.len() / 50).take(50) {
                let answer = refused(app, app.post("registration/", body(password)), 400).await;
                assert_eq!(fields(&answer.json()), [("password1", "This password is too common.")], "{password}");
            }
            for (password, to) in
                [("Acme-marian-2026", "site name"), ("marian.k@example.test", "email address"), ("MARIAN-KOWAL", "username")]
            {
                let answer = refused(app, app.post("registration/", body(password)), 400).await;
                let said = format!("The password is too similar to the {to}.");
                assert_eq!(fields(&answer.json()), [("non_field_errors", said.as_str())], "{password}");
            }
            let random = hex::encode(Entropy::System.bytes::<8>().unwrap());
            let key = app.post("registration/", body(&random)).send().await.expect(201).key();
            for password in ["Acme-marian-2026", "marian.k@example.test", "lawoK-nairaM", "password123"] {
                let answer = refused(app, app.post("password/change/", change(&random, password)).token(&key), 400).await;
                assert_eq!(fields(&answer.json())[0].0, "new_password2", "{password}");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t03_the_longest_data_and_password_are_judged_too() {
    on_both(
        |_| {},
        async |app| {
            let name: String = "aB3.".chars().cycle().take(150).collect();
            let email = format!("{}@{}.example", "a.b".repeat(20), "d".repeat(60));
            let body = |password: &str| json!({ "username": name, "email": email, "password1": password, "password2": password });
            let near = &name.repeat(7)[..1024];
            let key = app.post("registration/", body(&long(1024))).send().await.expect(201).key();
            app.patch("user/", json!({ "first_name": "f ".repeat(75), "last_name": "ł-".repeat(75) }))
                .token(&key)
                .send()
                .await
                .expect(200);
            refused(app, app.post("password/change/", change(&long(1024), &name)).token(&key), 400).await;
            app.post("password/change/", change(&long(1024), near)).token(&key).send().await.expect(200);
        },
    )
    .await;
}

#[tokio::test]
async fn t04_stored_hashes_are_argon2id_at_full_cost_with_salts_of_their_own() {
    let defaults = vestibule::Settings::default().password;
    on_both(
        |settings| {
            settings.password.memory_kib = defaults.memory_kib;
            settings.password.iterations = defaults.iterations;
        },
        async |app| {
            let journal = Journal::begin();
            app.register("ana").await;
            app.register("eva").await;
            let mut salts = Vec::new();
            for name in ["ana", "eva"] {
                let phc = stored(app, name).await.unwrap();
                let parts: Vec<&str> = phc.split('$').collect();
                assert_eq!(parts[1..4], ["argon2id", "v=19", "m=19456,t=2,p=1"], "{phc}");
                assert_eq!((parts[4].len(), parts[5].len()), (22, 43), "16 and 32 bytes");
                salts.push(parts[4].to_owned());
            }
            assert_ne!(salts[0], salts[1]);
            assert_eq!(scan::find(app, &journal, PASSWORD).await, [""; 0]);
        },
    )
    .await;
}

/// Passwords as an import brings them, one for each kind of hash.
fn imported() -> Vec<(String, String)> {
    let vectors: Value = serde_json::from_str(include_str!("../../data/password_hashes.json")).unwrap();
    let rows = vectors["rows"].as_array().unwrap();
    let text = |row: &Value, member: &str| row[member].as_str().unwrap().to_owned();
    let of = |kind: &str| {
        let row = rows.iter().find(|row| text(row, "encoded").starts_with(kind)).unwrap_or_else(|| panic!("no {kind}"));
        (text(row, "password"), text(row, "encoded"))
    };
    let lower = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let mut all = vec![of("pbkdf2_sha256$1000$"), of("bcrypt_sha256$"), of("argon2$argon2i$")];
    all.push(("password".into(), lower.into()));
    all
}

#[tokio::test]
async fn t05_an_imported_hash_is_replaced_at_login_and_only_then() {
    on_both(
        |_| {},
        async |app| {
            for (nth, (password, hash)) in imported().into_iter().enumerate() {
                let name = format!("user{nth}");
                let earlier = app.register(&name).await;
                import(app, &name, Some(&hash)).await;

                assert_eq!(refused(app, login(app, &name, WRONG), 400).await.text, LOGIN_FAILED);
                assert_eq!(stored(app, &name).await.as_deref(), Some(hash.as_str()));

                let attempt = || login(app, &name, &password).send();
                let (a, b, c, d) = tokio::join!(attempt(), attempt(), attempt(), attempt());
                for answer in [a, b, c, d] {
                    app.get("user/").token(&answer.expect(200).key()).send().await.expect(200);
                }
                assert!(stored(app, &name).await.unwrap().starts_with(CURRENT), "{hash}");
                login(app, &name, &password).send().await.expect(200);
                app.get("user/").token(&earlier).send().await.expect(200);
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t05_a_rehash_that_fails_costs_a_warning_and_nothing_else() {
    on_both(
        |_| {},
        async |app| {
            let (password, hash) = imported().remove(0);
            app.register("ana").await;
            import(app, "ana", Some(&hash)).await;
            fault(app, "UPDATE OF password ON auth_users").await;
            let journal = Journal::begin();
            let key = login(app, "ana", &password).send().await.expect(200).key();
            app.get("user/").token(&key).send().await.expect(200);
            let warnings = journal.own().into_iter().filter(|entry| entry.level <= tracing::Level::WARN).collect::<Vec<_>>();
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert!(warnings[0].get("message").contains("could not be replaced"), "{warnings:?}");
            assert_eq!(stored(app, "ana").await, Some(hash));
            repair(app, "auth_users").await;
            login(app, "ana", &password).send().await.expect(200);
            assert!(stored(app, "ana").await.unwrap().starts_with(CURRENT));
        },
    )
    .await;
}

#[tokio::test]
async fn t06_a_password_changes_only_for_who_knows_it_and_ends_the_other_sessions() {
    on_both(
        |settings| failures_limited(settings, "4/5m/account+ip"),
        async |app| {
            let (first, second) = (app.register("ana").await, app.login("ana").await);
            let without = json!({ "new_password1": OTHER, "new_password2": OTHER });
            let answer = refused(app, app.post("password/change/", without).token(&first), 400).await;
            assert_eq!(fields(&answer.json()), [("old_password", "This field is required.")]);

            login(app, "ana", WRONG).send().await.expect(400);
            for _ in 0..3 {
                refused(app, app.post("password/change/", change(WRONG, OTHER)).token(&first), 400).await;
            }
            let limited = refused(app, app.post("password/change/", change(PASSWORD, OTHER)).token(&first), 429).await;
            refused(app, login(app, "ana", PASSWORD), 429).await;
            app.advance(limited.retry_after());

            let changed = app.post("password/change/", change(PASSWORD, OTHER)).token(&first).send().await.expect(200);
            assert_eq!(changed.json(), json!({ "detail": "New password has been saved." }));
            app.get("user/").token(&first).send().await.expect(200);
            app.get("user/").token(&second).send().await.expect(401);
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_audit WHERE event = 'password.changed'").await, 1);
            // A right old password is no failure, however often it is given.
            for (old, new) in [(OTHER, PASSWORD), (PASSWORD, OTHER), (OTHER, PASSWORD), (PASSWORD, OTHER), (OTHER, PASSWORD)] {
                app.post("password/change/", change(old, new)).token(&first).send().await.expect(200);
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t06_where_the_settings_say_so_the_session_in_hand_ends_too() {
    on_both(
        |settings| settings.account.logout_on_password_change = true,
        async |app| {
            let key = app.register("ana").await;
            app.post("password/change/", change(PASSWORD, OTHER)).token(&key).send().await.expect(200);
            app.get("user/").token(&key).send().await.expect(401);
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions").await, 0);
        },
    )
    .await;
}

#[tokio::test]
async fn t07_an_account_without_a_password_lets_nobody_in() {
    on_both(
        |_| {},
        async |app: &TestApp| {
            create(app, "paula", None, true).await;
            let marker = "!IkgteMxwkK9LSX9p1KTcDcGnRogUNkJ3NwhEBMyD";
            for kept in [None, Some("!"), Some(marker), Some("")] {
                import(app, "paula", kept).await;
                refused(app, login(app, "paula", ""), 400).await;
                for password in [" ", "!", marker, "None", "null"] {
                    let before = app.auth.hash_computations();
                    assert_eq!(refused(app, login(app, "paula", password), 400).await.text, LOGIN_FAILED, "{kept:?} {password}");
                    assert_eq!(app.auth.hash_computations() - before, 1, "{kept:?} {password}");
                }
            }
            // There is no way to a first password that passes by the old one.
            let key = app.register("ana").await;
            let kept = stored(app, "ana").await;
            for path in ["password/set/", "password/", "password/first/"] {
                refused(app, app.post(path, change("", OTHER)).token(&key), 404).await;
            }
            refused(app, app.post("password/change/", change("", OTHER)).token(&key), 400).await;
            assert_eq!(stored(app, "ana").await, kept);
        },
    )
    .await;
}
