//! `password/change/`.

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::testing::{TestApp, on_both};

use crate::exchange::*;

const DIFFER: &str = "The two password fields didn’t match.";
const SHORT: &str = "This password is too short. It must contain at least 8 characters.";
const COMMON: &str = "This password is too common.";
const NUMERIC: &str = "This password is entirely numeric.";
const WRONG_OLD: &str = "Your old password was entered incorrectly. Please enter it again.";
const REQUIRED: &str = "This field is required.";

async fn ana(app: &TestApp) -> String {
    app.post("registration/", articles_user("ana@example.com")).send().await.expect(201).key()
}

fn pair(first: &str, second: &str) -> Value {
    json!({ "new_password1": first, "new_password2": second })
}

fn saved() -> Value {
    detail("New password has been saved.")
}

fn login(password: &str) -> Value {
    json!({ "email": "ana@example.com", "password": password })
}

fn compat_article(settings: &mut Settings) {
    article(settings);
    compat(settings);
}

#[tokio::test]
async fn without_the_old_password_new_ones_are_judged_as_recorded() {
    on_both(compat_article, async |app: TestApp| {
        let key = ana(&app).await;
        let blank = "This field may not be blank.";
        let no_null = "This field may not be null.";
        let second = |messages: &[&str]| json!({ "new_password2": messages });
        let rows = vec![
            (json!({}), 400, json!({ "new_password1": [REQUIRED], "new_password2": [REQUIRED] })),
            (pair("", ""), 400, json!({ "new_password1": [blank], "new_password2": [blank] })),
            (
                json!({ "new_password1": null, "new_password2": null }),
                400,
                json!({ "new_password1": [no_null], "new_password2": [no_null] }),
            ),
            (pair(OTHER, PASSWORD), 400, second(&[DIFFER])),
            (pair(OTHER, "An0ther-pass-7q "), 400, second(&[DIFFER])),
            (pair("aB3$x", "aB3$x"), 400, second(&[SHORT])),
            (pair("password123", "password123"), 400, second(&[COMMON])),
            (pair("8246193750", "8246193750"), 400, second(&[NUMERIC])),
            (pair("12345", "12345"), 400, second(&[SHORT, COMMON, NUMERIC])),
            (pair("ana@example.co", "ana@example.co"), 400, second(&["The password is too similar to the email address."])),
            (pair("+15550100x", "+15550100x"), 400, second(&["The password is too similar to the phone number."])),
            (json!({ "new_password2": OTHER }), 400, json!({ "new_password1": [REQUIRED] })),
            (json!({ "new_password1": OTHER }), 400, json!({ "new_password2": [REQUIRED] })),
        ];
        json_rows(&app, Method::POST, "password/change/", Some(&key), rows).await;
        json_rows(&app, Method::POST, "login/", None, vec![(login(PASSWORD), 200, any_key())]).await;
        let rows = vec![(pair(PASSWORD, PASSWORD), 200, saved()), (pair(OTHER, OTHER), 200, saved())];
        json_rows(&app, Method::POST, "password/change/", Some(&key), rows).await;
        let me = json!({ "pk": 1, "email": "ana@example.com", "phone_number": "+15550100", "gender": "F" });
        check("user/", &app.get("user/").token(&key).send().await, 200, &me, "the key that changed it goes on");
        let rows = vec![(login(PASSWORD), 400, login_failed()), (login(OTHER), 200, any_key())];
        json_rows(&app, Method::POST, "login/", None, rows).await;
    })
    .await;
}

#[tokio::test]
async fn a_new_password_may_share_something_with_the_name() {
    let compat_stock = |settings: &mut Settings| {
        stock(settings);
        compat(settings);
    };
    on_both(compat_stock, async |app: TestApp| {
        let key = app.post("registration/", named("alicia")).send().await.expect(201).key();
        let similar = json!({ "new_password2": ["The password is too similar to the username."] });
        let rows = vec![(pair("alicia42", "alicia42"), 400, similar), (pair("alicia-alicia", "alicia-alicia"), 200, saved())];
        json_rows(&app, Method::POST, "password/change/", Some(&key), rows).await;
    })
    .await;
}

#[tokio::test]
async fn t06_by_default_the_old_password_comes_first() {
    on_both(article, async |app: TestApp| {
        let key = ana(&app).await;
        let old = |old: &str, new: Value| but(new, json!({ "old_password": old }));
        let wrong = json!({ "old_password": [WRONG_OLD] });
        let rows = vec![
            (json!({}), 400, json!({ "old_password": [REQUIRED], "new_password1": [REQUIRED], "new_password2": [REQUIRED] })),
            (pair(OTHER, OTHER), 400, json!({ "old_password": [REQUIRED] })),
            (old("", pair(OTHER, OTHER)), 400, json!({ "old_password": ["This field may not be blank."] })),
            (old("x", pair(OTHER, OTHER)), 400, wrong.clone()),
            (old("x", pair(OTHER, "q")), 400, wrong.clone()),
            // The reference stops at 128 characters; ours is wrong like any other.
            (old(&"a".repeat(129), pair(OTHER, OTHER)), 400, wrong.clone()),
            (old(&"a".repeat(5000), pair(OTHER, OTHER)), 400, wrong.clone()),
            (old("Tr1cky-pass-9x ", pair(OTHER, OTHER)), 400, wrong),
            (old(PASSWORD, pair(OTHER, "q")), 400, json!({ "new_password2": [DIFFER] })),
            (old(PASSWORD, pair("123", "123")), 400, json!({ "new_password2": [SHORT, COMMON, NUMERIC] })),
            (old(PASSWORD, pair(OTHER, OTHER)), 200, saved()),
            (old(PASSWORD, pair(PASSWORD, PASSWORD)), 400, json!({ "old_password": [WRONG_OLD] })),
        ];
        json_rows(&app, Method::POST, "password/change/", Some(&key), rows).await;
        let rows = vec![(login(PASSWORD), 400, login_failed()), (login(OTHER), 200, any_key())];
        json_rows(&app, Method::POST, "login/", None, rows).await;
    })
    .await;
}

#[tokio::test]
async fn t06_every_other_session_ends_and_this_one_too_where_the_settings_say_so() {
    for ends in [false, true] {
        let settings = |settings: &mut Settings| {
            article(settings);
            settings.account.logout_on_password_change = ends;
        };
        on_both(settings, async |app: TestApp| {
            let first = ana(&app).await;
            let second = app.post("login/", login(PASSWORD)).send().await.expect(200).key();
            let body = but(pair(OTHER, OTHER), json!({ "old_password": PASSWORD }));
            json_rows(&app, Method::POST, "password/change/", Some(&second), vec![(body, 200, saved())]).await;
            check("user/", &app.get("user/").token(&first).send().await, 401, &detail("Invalid token."), "the other");
            app.get("user/").token(&second).send().await.expect(if ends { 401 } else { 200 });
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions").await, i64::from(!ends));
            json_rows(&app, Method::POST, "login/", None, vec![(login(OTHER), 200, any_key())]).await;
        })
        .await;
    }
}

#[tokio::test]
async fn t02_the_bounds_of_a_password_are_those_of_registration() {
    on_both(compat_article, async |app: TestApp| {
        let key = ana(&app).await;
        let same = |password: &str| pair(password, password);
        let too_many = json!({ "new_password2": ["Ensure this field has no more than 1024 bytes."] });
        let nul = json!({
            "new_password1": ["Null characters are not allowed."],
            "new_password2": ["Null characters are not allowed."]
        });
        let (most, spaced) = ("aB3-".repeat(256), "  spaced pass 9 ");
        let rows = vec![
            (same(&format!("{most}x")), 400, too_many.clone()),
            (same(&"é".repeat(513)), 400, too_many),
            (same("abc\0defghij"), 400, nul),
            (same("😀😁😂😃😄😅😆"), 400, json!({ "new_password2": [SHORT] })),
            (same("😀😁😂😃😄😅😆😇"), 200, saved()),
            (same(&"aB3".repeat(43)), 200, saved()),
            (same(&most), 200, saved()),
        ];
        json_rows(&app, Method::POST, "password/change/", Some(&key), rows).await;
        let rows = vec![(login(&most), 200, any_key()), (login(&most[..1023]), 400, login_failed())];
        json_rows(&app, Method::POST, "login/", None, rows).await;
        json_rows(&app, Method::POST, "password/change/", Some(&key), vec![(same(spaced), 200, saved())]).await;
        let rows = vec![(login(spaced), 200, any_key()), (login(spaced.trim()), 400, login_failed())];
        json_rows(&app, Method::POST, "login/", None, rows).await;
    })
    .await;
}

#[tokio::test]
async fn nobody_changes_a_password_without_a_key() {
    for settings in [article, compat_article] {
        on_both(settings, async |app: TestApp| {
            let missing = detail("Authentication credentials were not provided.");
            json_rows(&app, Method::POST, "password/change/", None, vec![(pair(OTHER, OTHER), 401, missing.clone())]).await;
            let invalid = vec![(pair(OTHER, OTHER), 401, detail("Invalid token."))];
            json_rows(&app, Method::POST, "password/change/", Some("bad"), invalid).await;
            let key = ana(&app).await;
            for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
                let nobody = app.request(method.clone(), "password/change/").send().await;
                check("password/change/", &nobody, 401, &missing, "nobody");
                let ana = app.request(method.clone(), "password/change/").token(&key).send().await;
                check("password/change/", &ana, 405, &detail(&format!("Method \"{method}\" not allowed.")), "somebody");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn t06_wrong_old_passwords_are_counted_together_with_failed_logins() {
    let limited = |settings: &mut Settings| {
        article(settings);
        settings.limits.enabled = true;
        settings.limits.login_failed = "4/5m/account".parse().unwrap();
    };
    on_both(limited, async |app: TestApp| {
        let key = ana(&app).await;
        let change =
            |old: &str| app.post("password/change/", but(pair(OTHER, OTHER), json!({ "old_password": old }))).token(&key);
        for _ in 0..2 {
            app.post("login/", login("wrong")).send().await.expect(400);
            let wrong = json!({ "old_password": [WRONG_OLD] });
            check("password/change/", &change("wrong").send().await, 400, &wrong, "counted");
        }
        let limited = change(PASSWORD).send().await;
        let wait = limited.retry_after();
        let sentence = detail(&format!("Request was throttled. Expected available in {} seconds.", wait.as_secs()));
        check("password/change/", &limited, 429, &sentence, "even with the right one");
        app.post("login/", login(PASSWORD)).send().await.expect(429);
        app.get("user/").token(&key).send().await.expect(200);
        app.advance(wait);
        check("password/change/", &change(PASSWORD).send().await, 200, &saved(), "after the wait");
    })
    .await;
}

#[tokio::test]
async fn t68_changes_without_the_old_password_are_counted_before_they_are_hashed() {
    let limited = |settings: &mut Settings| {
        compat_article(settings);
        settings.limits.enabled = true;
        settings.limits.login = "3/m/ip".parse().unwrap();
    };
    on_both(limited, async |app: TestApp| {
        let key = ana(&app).await;
        let hashes = app.auth.hash_computations();
        let change = || app.post("password/change/", pair(OTHER, OTHER)).token(&key).send();
        for _ in 0..3 {
            check("password/change/", &change().await, 200, &saved(), "counted");
        }
        let wait = change().await.expect(429).retry_after();
        assert_eq!(app.auth.hash_computations(), hashes + 3);
        app.advance(wait);
        check("password/change/", &change().await, 200, &saved(), "after the wait");
    })
    .await;
}
