//! `user/`.

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::settings::{Details, FieldKind, FieldSettings};
use vestibule::testing::{TestApp, on_both};

use crate::exchange::*;

const BAD_NAME: &str = "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.";

async fn ana(app: &TestApp) -> String {
    app.post("registration/", articles_user("ana@example.com")).send().await.expect(201).key()
}

fn articles_ana(gender: &str) -> Value {
    json!({ "pk": 1, "email": "ana@example.com", "phone_number": "+15550100", "gender": gender })
}

async fn alice(app: &TestApp) -> String {
    app.post("registration/", but(named("bob"), json!({}))).send().await.expect(201);
    app.post("registration/", but(named("alice"), json!({ "email": "alice@example.com" }))).send().await.expect(201).key()
}

fn stock_alice(username: &str, first_name: &str, last_name: &str) -> Value {
    json!({ "pk": 2, "username": username, "email": "alice@example.com", "first_name": first_name, "last_name": last_name })
}

#[tokio::test]
async fn t75_only_a_key_that_counts_is_told_who_it_belongs_to() {
    on_both(article, async |app: TestApp| {
        let key = ana(&app).await;
        let anonymous = detail("Authentication credentials were not provided.");
        check("user/", &app.get("user/").send().await, 401, &anonymous, "nobody");
        let invalid = detail("Invalid token.");
        let two_words = detail("Authorization header must contain two space-delimited values");
        for (header, status, expected) in [
            (format!("Token {key}"), 200, articles_ana("F")),
            (format!("token {key}"), 200, articles_ana("F")),
            (format!("Bearer {key}"), 200, articles_ana("F")),
            ("Token".into(), 401, detail("Invalid token header. No credentials provided.")),
            (format!("Token {key} {key}"), 401, detail("Invalid token header. Token string should not contain spaces.")),
            ("Token ÿþ".into(), 401, detail("Invalid token header. Token string should not contain invalid characters.")),
            ("Token 0000000000000000000000000000000000000000".into(), 401, invalid.clone()),
            (format!("Token {}", key.to_uppercase()), 401, invalid.clone()),
            (format!("Token {}", &key[..39]), 401, invalid.clone()),
            (format!("Token {}", "a".repeat(10_000)), 401, invalid),
            ("Bearer".into(), 401, two_words.clone()),
            ("Bearer a b".into(), 401, two_words),
            (String::new(), 401, anonymous.clone()),
            ("Basic YTpi".into(), 401, anonymous.clone()),
            ("Basic !!!".into(), 401, anonymous),
        ] {
            check("user/", &app.get("user/").header("authorization", &header).send().await, status, &expected, &header);
        }
        let twice = app.get("user/").token(&key).token(&key).send().await;
        check("user/", &twice, 401, &detail("Invalid token."), "two headers");
        check("user/", &app.get("user").token(&key).send().await, 200, &articles_ana("F"), "without the slash");
        let head = app.request(Method::HEAD, "user/").token(&key).send().await.expect(200);
        assert_eq!((head.text.as_str(), head.header("allow")), ("", allow("user/")));
    })
    .await;
}

#[tokio::test]
async fn t76_identity_comes_from_the_key_alone() {
    on_both(article, async |app: TestApp| {
        ana(&app).await;
        let other = app.post("registration/", articles_user("bea@example.com")).send().await.expect(201).key();
        let bea = but(articles_ana("F"), json!({ "pk": 2, "email": "bea@example.com" }));
        for path in ["user/?pk=1", "user/?id=1&user_id=1&email=ana@example.com&gender=M"] {
            check("user/", &app.get(path).token(&other).send().await, 200, &bea, path);
        }
        let edited = app.patch("user/?gender=M", json!({ "user_id": 1, "pk": 1 })).token(&other).send().await;
        check("user/", &edited, 200, &bea, "a query is no body");
        app.get("user/?token=x&key=y").send().await.expect(401);
        app.get("user/1/").token(&other).send().await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn the_articles_user_is_edited_as_recorded() {
    on_both(article, async |app: TestApp| {
        let key = ana(&app).await;
        let bad = |echo: &str| json!({ "gender": [format!("\"{echo}\" is not a valid choice.")] });
        let rows = vec![
            (json!({ "gender": "M" }), 200, articles_ana("M")),
            (json!({ "gender": "NS" }), 200, articles_ana("NS")),
            (json!({}), 200, articles_ana("NS")),
            (json!({ "pk": 99, "email": "x@example.com", "phone_number": "1" }), 200, articles_ana("NS")),
            (json!({ "gender": "X" }), 400, bad("X")),
            (json!({ "gender": "" }), 400, bad("")),
            (json!({ "gender": null }), 400, json!({ "gender": ["This field may not be null."] })),
            (json!({ "gender": ["M"] }), 400, bad("['M']")),
            (json!({ "gender": 1 }), 400, bad("1")),
            (json!([]), 400, non_field("Invalid data. Expected a dictionary, but got list.")),
        ];
        json_rows(&app, Method::PATCH, "user/", Some(&key), rows).await;
        let rows = vec![
            (json!({ "gender": "F" }), 200, articles_ana("F")),
            (json!({}), 400, json!({ "gender": ["This field is required."] })),
        ];
        json_rows(&app, Method::PUT, "user/", Some(&key), rows).await;
        check("user/", &app.get("user/").token(&key).send().await, 200, &articles_ana("F"), "what was refused is not written");
    })
    .await;
}

#[tokio::test]
async fn names_are_edited_as_recorded() {
    on_both(stock, async |app: TestApp| {
        let key = alice(&app).await;
        let first = |message: &str| json!({ "first_name": [message] });
        let rows = vec![
            (json!({ "first_name": "Alice", "last_name": "O'Hara é" }), 200, stock_alice("alice", "Alice", "O'Hara é")),
            (json!({ "first_name": "x".repeat(151) }), 400, first("Ensure this field has no more than 150 characters.")),
            (json!({ "first_name": "", "last_name": "" }), 200, stock_alice("alice", "", "")),
            (json!({ "first_name": null }), 400, first("This field may not be null.")),
            (json!({ "email": "new@example.com" }), 200, stock_alice("alice", "", "")),
            (json!({ "first_name": "a\0" }), 400, first("Null characters are not allowed.")),
            (json!({ "first_name": ["x"] }), 400, first("Not a valid string.")),
            (json!({ "first_name": "a\nb" }), 400, first("Control characters are not allowed.")),
            (json!({ "first_name": "x".repeat(150) }), 200, stock_alice("alice", &"x".repeat(150), "")),
            (json!({ "first_name": "<b>&\"'</b> " }), 200, stock_alice("alice", "<b>&\"'</b>", "")),
            (
                json!({ "first_name": null, "last_name": true, "username": "a b!" }),
                400,
                json!({
                    "username": [BAD_NAME],
                    "first_name": ["This field may not be null."],
                    "last_name": ["Not a valid string."]
                }),
            ),
        ];
        json_rows(&app, Method::PATCH, "user/", Some(&key), rows).await;
    })
    .await;
}

#[tokio::test]
async fn a_new_name_is_judged_like_the_first_one_and_ones_own_is_free() {
    on_both(stock, async |app: TestApp| {
        let key = alice(&app).await;
        let at = |message: &str| json!({ "username": [message] });
        let taken = at("A user with that username already exists.");
        let rows = vec![
            (json!({ "first_name": "x" }), 400, at("This field is required.")),
            (json!({ "username": "alice" }), 200, stock_alice("alice", "", "")),
            (json!({ "username": "Alice" }), 200, stock_alice("Alice", "", "")),
            (json!({ "username": "bob" }), 400, taken.clone()),
            (json!({ "username": "BOB", "first_name": "B" }), 400, taken),
            (json!({ "username": "a b!" }), 400, at(BAD_NAME)),
            (json!({ "username": "a".repeat(151) }), 400, at("Ensure this field has no more than 150 characters.")),
            (json!({ "username": "" }), 400, at("This field may not be blank.")),
            (json!({ "username": null }), 400, at("This field may not be null.")),
            (json!({ "username": "alicia", "first_name": "A" }), 200, stock_alice("alicia", "A", "")),
        ];
        json_rows(&app, Method::PUT, "user/", Some(&key), rows).await;
        // The old name is free again, and the new one is what one logs in with.
        app.post("registration/", named("alice")).send().await.expect(201);
        let login = json!({ "username": "ALICIA", "password": PASSWORD });
        let me = app.post("login/", login).send().await.expect(200).key();
        check("user/", &app.get("user/").token(&me).send().await, 200, &stock_alice("alicia", "A", ""), "the new name");
    })
    .await;
}

#[tokio::test]
async fn t76_nothing_but_the_form_is_written() {
    on_both(stock, async |app: TestApp| {
        let key = alice(&app).await;
        let more = json!({
            "username": "alice", "is_staff": true, "is_superuser": true, "is_active": false, "id": 1, "pk": 1, "user_id": 1,
            "email": "evil@example.com", "email_verified": true, "password": "x", "password1": "x", "roles": ["admin"],
            "date_joined": "2000-01-01", "epoch": 99
        });
        for method in [Method::PUT, Method::PATCH] {
            let rows = vec![(more.clone(), 200, stock_alice("alice", "", ""))];
            json_rows(&app, method, "user/", Some(&key), rows).await;
        }
        let unchanged =
            "SELECT COUNT(*) FROM auth_users WHERE is_staff = FALSE AND is_active = TRUE AND email_verified_at IS NULL";
        assert_eq!(app.count(unchanged).await, 2);
        let login = json!({ "username": "alice", "password": PASSWORD });
        app.post("login/", login).send().await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn the_built_in_fields_are_shown_and_edited_as_the_settings_say() {
    let changed = |settings: &mut Settings| {
        let standard = &mut settings.user.standard;
        standard.username = Details::ReadOnly;
        standard.email = Details::Hidden;
        standard.first_name = Details::ReadOnly;
        standard.last_name = Details::Editable;
    };
    on_both(changed, async |app: TestApp| {
        let key = app.register("ana").await;
        let ana = |last_name: &str| json!({ "pk": 1, "username": "ana", "first_name": "", "last_name": last_name });
        let edit = json!({ "username": "x y", "email": "x", "first_name": null, "last_name": "Ito" });
        json_rows(&app, Method::PUT, "user/", Some(&key), vec![(edit, 200, ana("Ito")), (json!({}), 200, ana("Ito"))]).await;
        let described = app.request(Method::OPTIONS, "user/").token(&key).send().await.expect(200).json();
        let fields = described["actions"]["PUT"].as_object().cloned().unwrap_or_default();
        let shown: Vec<_> = fields.iter().map(|(name, field)| (name.as_str(), field["read_only"] == true)).collect();
        assert_eq!(shown, [("pk", true), ("username", true), ("first_name", true), ("last_name", false)]);
    })
    .await;
}

#[tokio::test]
async fn an_editable_address_is_still_not_written_here() {
    on_both(
        |settings| settings.user.standard.email = Details::Editable,
        async |app: TestApp| {
            let key = app.register("ana").await;
            let edited = app.patch("user/", json!({ "email": "new@example.org" })).token(&key).send().await.expect(200);
            assert_eq!(edited.json()["email"], "ana@example.org");
            let described = app.request(Method::OPTIONS, "user/").token(&key).send().await.expect(200).json();
            assert_eq!(described["actions"]["PUT"]["email"]["read_only"], true);
        },
    )
    .await;
}

#[tokio::test]
async fn other_methods_are_refused_after_the_key_was_looked_at() {
    on_both(article, async |app: TestApp| {
        let key = ana(&app).await;
        for method in [Method::POST, Method::DELETE] {
            let nobody = app.request(method.clone(), "user/").send().await;
            check("user/", &nobody, 401, &detail("Authentication credentials were not provided."), "nobody");
            let ana = app.request(method.clone(), "user/").token(&key).send().await;
            check("user/", &ana, 405, &detail(&format!("Method \"{method}\" not allowed.")), "somebody");
        }
        assert_eq!(accounts(&app).await, 1);
    })
    .await;
}

#[tokio::test]
async fn what_nobody_gave_is_shown_as_empty() {
    on_both(article, async |app: TestApp| {
        made(&app, somebody("kim@example.com")).await;
        let key = app.post("login/", json!({ "email": "kim@example.com", "password": PASSWORD })).send().await.expect(200).key();
        let kim = json!({ "pk": 1, "email": "kim@example.com", "phone_number": "", "gender": "" });
        check("user/", &app.get("user/").token(&key).send().await, 200, &kim, "made by the operator");
    })
    .await;
}

#[tokio::test]
async fn every_value_that_another_account_holds_is_told_at_once_and_ones_own_is_free() {
    let badge = FieldSettings { unique: true, ..FieldSettings::new("badge", FieldKind::Text) };
    let desk = FieldSettings { unique: true, ..FieldSettings::new("desk", FieldKind::Text) };
    let fields = vec![badge, desk];
    on_both(
        move |settings| settings.user.fields.clone_from(&fields),
        async |app: TestApp| {
            let others = but(named("ben"), json!({ "email": "ben@example.org", "badge": "b-1", "desk": "d-1" }));
            app.post("registration/", others).send().await.expect(201);
            let own = but(named("ana"), json!({ "email": "ana@example.org", "badge": "b-2", "desk": "d-2" }));
            let key = app.post("registration/", own).send().await.expect(201).key();
            let taken = json!({ "username": "BEN", "badge": "B-1", "desk": "d-1" });
            let answer = app.patch("user/", taken).token(&key).send().await;
            let unique = ["This field must be unique."];
            let expected = json!({ "username": ["A user with that username already exists."], "badge": unique, "desk": unique });
            check("user/", &answer, 400, &expected, "all that is taken");
            let same = json!({ "username": "Ana", "badge": "B-2", "desk": "d-2" });
            app.patch("user/", same).token(&key).send().await.expect(200);
        },
    )
    .await;
}
