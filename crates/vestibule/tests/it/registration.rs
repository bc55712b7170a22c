//! `registration/`.

mod names;

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::accounts::admin::NewAccount;
use vestibule::settings::{Registration, Verification};
use vestibule::testing::{TestApp, on_both};

use crate::exchange::*;

const TAKEN: &str = "User is already registered with this e-mail address.";

/// Sends each and expects what comes after it.
async fn register(app: &TestApp, rows: Vec<Row>) {
    json_rows(app, Method::POST, "registration/", None, rows).await;
}

/// Sends what must be refused, and looks that nothing is left of it.
async fn refuse(app: &TestApp, rows: Vec<Row>) {
    let rows_of =
        "SELECT (SELECT COUNT(*) FROM auth_users) + (SELECT COUNT(*) FROM auth_sessions) + (SELECT COUNT(*) FROM auth_audit)";
    let before = app.count(rows_of).await;
    register(app, rows).await;
    assert_eq!(app.count(rows_of).await, before, "a refused request changes nothing");
}

fn ana(changes: Value) -> Value {
    but(articles_user("ana@example.com"), changes)
}

#[tokio::test]
async fn an_account_is_made_and_is_logged_in_at_once() {
    on_both(article, async |app: TestApp| {
        let first = app.post("registration/", ana(json!({}))).send().await;
        check("registration/", &first, 201, &any_key(), "JSON");
        let ana = json!({ "pk": 1, "email": "ana@example.com", "phone_number": "+15550100", "gender": "F" });
        check("user/", &app.get("user/").token(&first.key()).send().await, 200, &ana, "who is it");
        // A key makes no difference, whether it counts or not.
        for key in [first.key(), "0000000000000000000000000000000000000000".into()] {
            let email = format!("{}@example.com", app.fresh_name());
            let again = app.post("registration/", articles_user(&email)).token(&key).send().await;
            check("registration/", &again, 201, &any_key(), "with a key");
        }
        assert_eq!(accounts(&app).await, 3);
    })
    .await;
}

#[tokio::test]
async fn everything_wrong_is_told_at_once_in_the_order_of_the_form() {
    on_both(article, async |app: TestApp| {
        let each = |message: &str, gender: &str| {
            json!({
                "email": [message], "password1": [message], "password2": [message], "gender": [gender], "phone_number": [message]
            })
        };
        let required = "This field is required.";
        let all = |value: Value| {
            json!({ "email": value, "password1": value, "password2": value, "gender": value, "phone_number": value })
        };
        let no_null = "This field may not be null.";
        let rows = vec![
            (json!({}), 400, each(required, required)),
            (all(json!("")), 400, each("This field may not be blank.", "\"\" is not a valid choice.")),
            (all(Value::Null), 400, each(no_null, no_null)),
            (json!([ana(json!({}))]), 400, non_field("Invalid data. Expected a dictionary, but got list.")),
        ];
        refuse(&app, rows).await;
        let empty = app.post("registration/", json!({})).send().await;
        assert_eq!(empty.text, each(required, required).to_string(), "the order of the form");
        let form = app.request(Method::POST, "registration/").raw("application/x-www-form-urlencoded", "").send().await;
        check("registration/", &form, 400, &each(required, required), "an empty form");
    })
    .await;
}

#[tokio::test]
async fn passwords_are_judged_as_recorded() {
    on_both(article, async |app: TestApp| {
        let pair = |first: &str, second: &str| ana(json!({ "password1": first, "password2": second }));
        let same = |password: &str| pair(password, password);
        let at = |messages: &[&str]| json!({ "password1": messages });
        let short = "This password is too short. It must contain at least 8 characters.";
        let (common, numeric) = ("This password is too common.", "This password is entirely numeric.");
        let differ = non_field("The two password fields didn't match.");
        let similar = non_field("The password is too similar to the email address.");
        let rows = vec![
            (pair(PASSWORD, "Other-pass-1"), 400, differ.clone()),
            (
                but(pair(PASSWORD, "Other-pass-1"), json!({ "gender": "X" })),
                400,
                json!({ "gender": ["\"X\" is not a valid choice."] }),
            ),
            (same("aB3$x"), 400, at(&[short])),
            (same("password123"), 400, at(&[common])),
            (same("8246193750"), 400, at(&[numeric])),
            (same("123"), 400, at(&[short, common, numeric])),
            (pair("123", "1234"), 400, at(&[short, common, numeric])),
            (but(same("weak@example.com"), json!({ "email": "weak@example.com" })), 400, similar.clone()),
            (but(same("weakling"), json!({ "email": "weakling@example.com" })), 400, similar),
            // Not the same bytes, although they look the same.
            (pair("caf\u{e9}-long-9", "cafe\u{301}-long-9"), 400, differ.clone()),
            (pair(PASSWORD, "Tr1cky-pass-9x "), 400, differ),
            (
                same("abc\0defghij"),
                400,
                json!({ "password1": ["Null characters are not allowed."], "password2": ["Null characters are not allowed."] }),
            ),
            (same("       "), 400, at(&[short])),
            // Seven characters of four bytes each are seven.
            (same("😀😁😂😃😄😅😆"), 400, at(&[short])),
        ];
        refuse(&app, rows).await;
        register(&app, vec![(same("😀😁😂😃😄😅😆😇"), 201, any_key())]).await;
    })
    .await;
}

#[tokio::test]
async fn t02_a_password_has_at_most_1024_bytes() {
    on_both(article, async |app: TestApp| {
        let too_many = json!({ "password1": ["Ensure this field has no more than 1024 bytes."] });
        let with = |password: String| ana(json!({ "password1": password, "password2": password }));
        let hashes = app.auth.hash_computations();
        let rows = vec![
            (with("aB3".repeat(1700)), 400, too_many.clone()),
            (with("é".repeat(513)), 400, too_many.clone()),
            (with("aB3-".repeat(256) + "x"), 400, too_many),
        ];
        refuse(&app, rows).await;
        assert_eq!(app.auth.hash_computations(), hashes, "nothing was hashed");
        register(&app, vec![(with("aB3-".repeat(256)), 201, any_key())]).await;
        let rows = vec![
            (json!({ "email": "ana@example.com", "password": "aB3-".repeat(256) }), 200, any_key()),
            (json!({ "email": "ana@example.com", "password": "aB3-".repeat(256) + "x" }), 400, login_failed()),
        ];
        json_rows(&app, Method::POST, "login/", None, rows).await;
    })
    .await;
}

#[tokio::test]
async fn addresses_are_judged_as_recorded_and_shown_in_lower_case() {
    on_both(article, async |app: TestApp| {
        let invalid = json!({ "email": ["Enter a valid email address."] });
        let bad = [
            "nope",
            "a@b",
            "a b@example.com",
            "@example.com",
            "a@example..com",
            "a@-example.com",
            "\"q q\"@example.com",
            "üser@example.com",
            "jörg@example.com",
            "用户@例子.中国",
            ".dot@example.com",
            "a..b@example.com",
            "a@example.c",
        ];
        refuse(&app, bad.map(|email| (articles_user(email), 400, invalid.clone())).into()).await;
        for (typed, shown) in [
            ("a@[127.0.0.1]", "a@[127.0.0.1]"),
            ("a@localhost", "a@localhost"),
            ("user@münchen.example", "user@münchen.example"),
            ("a@example.com\n", "a@example.com"),
            (" spaced@example.com ", "spaced@example.com"),
            ("UPPER.Case@EXAMPLE.Org", "upper.case@example.org"),
            ("a+tag@example.com", "a+tag@example.com"),
            ("a@xn--mnchen-3ya.example", "a@xn--mnchen-3ya.example"),
            (&format!("{}@example.com", "a".repeat(65)), &format!("{}@example.com", "a".repeat(65))),
        ] {
            let made = app.post("registration/", articles_user(typed)).send().await;
            check("registration/", &made, 201, &any_key(), typed);
            let me = app.get("user/").token(&made.key()).send().await.expect(200);
            assert_eq!(me.json()["email"], shown, "{typed:?}");
        }
        // The reference cuts this one at 254 characters, so that nobody owns it.
        let part = |letter: &str, times| letter.repeat(times);
        let long =
            format!("{}@{}.{}.{}.{}.example.com", part("a", 64), part("b", 60), part("c", 60), part("d", 60), part("e", 20));
        let too_long = json!({ "email": ["Ensure this field has no more than 254 characters."] });
        refuse(&app, vec![(articles_user(&long), 400, too_long)]).await;
    })
    .await;
}

#[tokio::test]
async fn the_articles_fields_are_judged_as_recorded() {
    on_both(article, async |app: TestApp| {
        let gender = |value: Value| ana(json!({ "gender": value }));
        let phone = |value: Value| ana(json!({ "phone_number": value }));
        let at = |field: &str, message: &str| json!({ field: [message] });
        let rows = vec![
            (gender(json!("Male")), 400, at("gender", "\"Male\" is not a valid choice.")),
            (gender(json!("m")), 400, at("gender", "\"m\" is not a valid choice.")),
            (phone(json!("1".repeat(31))), 400, at("phone_number", "Ensure this field has no more than 30 characters.")),
            (phone(json!("1\0")), 400, at("phone_number", "Null characters are not allowed.")),
            (phone(json!(true)), 400, at("phone_number", "Not a valid string.")),
            (phone(json!(["1"])), 400, at("phone_number", "Not a valid string.")),
        ];
        refuse(&app, rows).await;
        for (sent, shown) in [(json!(15550101), "15550101"), (json!(1.5), "1.5"), (json!(" 1 "), "1")] {
            let email = format!("{}@example.com", app.fresh_name());
            let body = but(articles_user(&email), json!({ "phone_number": sent }));
            let key = app.post("registration/", body).send().await.expect(201).key();
            assert_eq!(app.get("user/").token(&key).send().await.expect(200).json()["phone_number"], shown);
        }
    })
    .await;
}

#[tokio::test]
async fn an_address_has_one_account_proven_or_not_in_both_profiles() {
    for profile in [|_: &mut Settings| {}, compat] {
        for verification in [Verification::None, Verification::Optional] {
            let settings = |settings: &mut Settings| {
                article(settings);
                profile(settings);
                settings.account.email_verification = verification;
            };
            on_both(settings, async |app: TestApp| {
                let taken = json!({ "email": [TAKEN] });
                register(&app, vec![(ana(json!({})), 201, any_key())]).await;
                made(&app, somebody("proven@example.com")).await;
                let rows = vec![
                    (ana(json!({})), 400, taken.clone()),
                    (articles_user("ANA@Example.com"), 400, taken.clone()),
                    (articles_user("proven@example.com"), 400, taken.clone()),
                    (ana(json!({ "password2": "zzz" })), 400, taken.clone()),
                    (ana(json!({ "gender": "X" })), 400, json!({ "email": [TAKEN], "gender": ["\"X\" is not a valid choice."] })),
                ];
                refuse(&app, rows).await;
                register(&app, vec![(articles_user("user@münchen.example"), 201, any_key())]).await;
                refuse(&app, vec![(articles_user("USER@xn--mnchen-3ya.example"), 400, taken)]).await;
            })
            .await;
        }
    }
}

#[tokio::test]
async fn t76_nobody_registers_with_more_than_the_form_has() {
    on_both(article, async |app: TestApp| {
        let more = json!({
            "is_staff": true, "is_superuser": true, "is_active": false, "id": 99, "pk": 99, "user_id": 99, "email_verified": true,
            "password": "x", "roles": ["admin"], "date_joined": "2000-01-01", "username": "root", "first_name": "Root"
        });
        let key = app.post("registration/?is_staff=true&gender=M", ana(more)).send().await.expect(201).key();
        let me = app.get("user/").token(&key).send().await.expect(200);
        assert_eq!(me.json(), json!({ "pk": 1, "email": "ana@example.com", "gender": "F", "phone_number": "+15550100" }));
        let plain = "SELECT COUNT(*) FROM auth_users WHERE is_staff = FALSE AND is_active = TRUE AND email_verified_at IS NULL \
                     AND username IS NULL AND first_name = ''";
        assert_eq!(app.count(plain).await, 1);
    })
    .await;
}

#[tokio::test]
async fn closed_registration_is_for_staff_alone() {
    let closed = |settings: &mut Settings| {
        article(settings);
        settings.account.registration = Registration::Closed;
    };
    on_both(closed, async |app: TestApp| {
        made(&app, somebody("abe@example.com")).await;
        made(&app, NewAccount { is_staff: true, ..somebody("root@example.com") }).await;
        let key = async |email: &str| {
            app.post("login/", json!({ "email": email, "password": PASSWORD })).send().await.expect(200).key()
        };
        let (abe, root) = (key("abe@example.com").await, key("root@example.com").await);
        let missing = detail("Authentication credentials were not provided.");
        let denied = detail("You do not have permission to perform this action.");
        refuse(&app, vec![(json!({}), 401, missing.clone()), (ana(json!({})), 401, missing.clone())]).await;
        json_rows(&app, Method::POST, "registration/", Some("bad"), vec![(ana(json!({})), 401, detail("Invalid token."))]).await;
        json_rows(&app, Method::POST, "registration/", Some(&abe), vec![(ana(json!({})), 403, denied.clone())]).await;
        let options = app.request(Method::OPTIONS, "registration/");
        check("registration/", &options.send().await, 401, &missing, "OPTIONS");
        let options = app.request(Method::OPTIONS, "registration/").token(&abe).send().await;
        check("registration/", &options, 403, &denied, "OPTIONS");
        app.request(Method::OPTIONS, "registration/").token(&root).send().await.expect(200);
        assert_eq!(accounts(&app).await, 2);
        json_rows(&app, Method::POST, "registration/", Some(&root), vec![(ana(json!({})), 201, any_key())]).await;
        assert_eq!(accounts(&app).await, 3);
    })
    .await;
}
