//! `account.profile`: what `strict` hides and `compat` tells, and the defaults that go with them.

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::accounts::admin::NewAccount;
use vestibule::settings::{FieldKind, FieldSettings, Registration, Verification};
use vestibule::testing::{TestApp, on_both};

use crate::exchange::*;

const TAKEN: &str = "User is already registered with this e-mail address.";

/// Addresses must be proven, so nobody but staff registers anybody yet.
fn mandatory(settings: &mut Settings) {
    article(settings);
    settings.account.email_verification = Verification::Mandatory;
    settings.account.registration = Registration::Closed;
    let badge = FieldSettings { unique: true, ..FieldSettings::new("badge", FieldKind::Text) };
    settings.user.fields.push(badge);
}

fn mandatory_compat(settings: &mut Settings) {
    mandatory(settings);
    compat(settings);
}

/// A staff member's key, beside an account with a proven address and one without.
async fn staff(app: &TestApp) -> String {
    made(app, NewAccount { is_staff: true, ..somebody("root@example.com") }).await;
    made(app, somebody("dee@example.com")).await;
    made(app, NewAccount { email_verified: false, ..somebody("eve@example.com") }).await;
    app.post("login/", json!({ "email": "root@example.com", "password": PASSWORD })).send().await.expect(200).key()
}

fn sent() -> Value {
    detail("Verification e-mail sent.")
}

#[tokio::test]
async fn t11_strict_never_tells_that_a_proven_address_has_an_account() {
    on_both(mandatory, async |app: TestApp| {
        let key = staff(&app).await;
        let register = async |body: Value| app.post("registration/", body).token(&key).send().await;
        for (email, new) in [("new@example.com", 1), ("dee@example.com", 0), ("DEE@Example.com", 0), ("eve@example.com", 1)] {
            let (before, hashes) = (accounts(&app).await, app.auth.hash_computations());
            let answer = register(articles_user(email)).await;
            check("registration/", &answer, 201, &sent(), email);
            assert_eq!(accounts(&app).await, before + new, "{email}");
            assert_eq!(app.auth.hash_computations(), hashes + 1, "{email}");
        }
        // What is wrong beside the address is told alike, so it tells nothing of the address.
        for email in ["newer@example.com", "dee@example.com"] {
            let body = |changes: Value| but(articles_user(email), changes);
            for (sent, expected) in [
                (body(json!({ "password2": "zzz" })), non_field("The two password fields didn't match.")),
                (body(json!({ "gender": "X" })), json!({ "gender": ["\"X\" is not a valid choice."] })),
            ] {
                check("registration/", &register(sent).await, 400, &expected, email);
            }
        }
        let login = json!({ "email": "dee@example.com", "password": PASSWORD });
        check("login/", &app.post("login/", login).send().await, 200, &any_key(), "the owner keeps the account");
    })
    .await;
}

#[tokio::test]
async fn t11_a_unique_value_that_is_taken_tells_nothing_of_an_address() {
    on_both(mandatory, async |app: TestApp| {
        let key = staff(&app).await;
        let with = |email: &str| but(articles_user(email), json!({ "badge": "B-1" }));
        let register = async |email: &str| app.post("registration/", with(email)).token(&key).send().await;
        check("registration/", &register("first@example.com").await, 201, &sent(), "the badge is free");
        let taken = json!({ "badge": ["This field must be unique."] });
        for email in ["nobody@example.com", "dee@example.com", "eve@example.com"] {
            check("registration/", &register(email).await, 400, &taken, email);
        }
    })
    .await;
}

#[tokio::test]
async fn compat_tells_it_and_never_crashes_over_an_unproven_one() {
    on_both(mandatory_compat, async |app: TestApp| {
        let key = staff(&app).await;
        let taken = json!({ "email": [TAKEN] });
        let mismatch = json!({ "password2": "zzz" });
        let rows = vec![
            (articles_user("new@example.com"), 201, sent()),
            (articles_user("MiXed.Case@EXAMPLE.Com"), 201, sent()),
            (articles_user("jörg@example.com"), 400, json!({ "email": ["Enter a valid email address."] })),
            (articles_user("dee@example.com"), 400, taken.clone()),
            (but(articles_user("dee@example.com"), mismatch), 400, taken),
            (articles_user("eve@example.com"), 201, sent()),
            (articles_user("eve@example.com"), 201, sent()),
        ];
        json_rows(&app, Method::POST, "registration/", Some(&key), rows).await;
        let eves = "SELECT COUNT(*) FROM auth_users WHERE email_key = 'eve@example.com'";
        assert_eq!(app.count(eves).await, 3, "pending sign-ups of one address, each with its own password");
        let login = vec![
            (json!({ "email": "eve@example.com", "password": PASSWORD }), 400, non_field("E-mail is not verified.")),
            (json!({ "email": "eve@example.com", "password": "x" }), 400, login_failed()),
        ];
        json_rows(&app, Method::POST, "login/", None, login).await;
    })
    .await;
}

#[tokio::test]
async fn only_compat_changes_a_password_without_the_old_one_unless_told_otherwise() {
    for (profile, require_old, asked) in [
        (mandatory as fn(&mut Settings), None, true),
        (mandatory_compat, None, false),
        (mandatory, Some(false), false),
        (mandatory_compat, Some(true), true),
    ] {
        let settings = |settings: &mut Settings| {
            profile(settings);
            settings.password.require_old = require_old;
        };
        on_both(settings, async |app: TestApp| {
            let key = staff(&app).await;
            let described = app.request(Method::OPTIONS, "password/change/").token(&key).send().await.expect(200).json();
            assert_eq!(described["actions"]["POST"].get("old_password").is_some(), asked);
            let body = json!({ "new_password1": OTHER, "new_password2": OTHER });
            let expected = if asked {
                (body, 400, json!({ "old_password": ["This field is required."] }))
            } else {
                (body, 200, detail("New password has been saved."))
            };
            json_rows(&app, Method::POST, "password/change/", Some(&key), vec![expected]).await;
        })
        .await;
    }
}

#[tokio::test]
async fn t08_a_login_that_fails_is_answered_alike_in_both() {
    for profile in [mandatory as fn(&mut Settings), mandatory_compat] {
        on_both(profile, async |app: TestApp| {
            staff(&app).await;
            for email in ["dee@example.com", "eve@example.com", "nobody@example.com"] {
                let answer = app.post("login/", json!({ "email": email, "password": "wrong" })).send().await;
                check("login/", &answer, 400, &login_failed(), email);
            }
        })
        .await;
    }
}
