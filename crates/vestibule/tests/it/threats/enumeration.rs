//! B. Enumeration and timing: T08, T09. Time itself is measured elsewhere; here the companion that cannot waver is asserted.

use serde_json::{Value, json};
use vestibule::settings::{Profile, Registration, Settings, Verification};
use vestibule::testing::{TestAnswer, TestApp};

use super::{LOGIN_FAILED, PASSWORD, WRONG, create, disable, failures_limited, login, on_both, refused};

/// One of each kind of account: verified, unverified, disabled, without a password.
async fn people(app: &TestApp) {
    create(app, "ana", Some(PASSWORD), true).await;
    create(app, "una", Some(PASSWORD), false).await;
    create(app, "dora", Some(PASSWORD), true).await;
    disable(app, "dora").await;
    create(app, "paula", None, true).await;
}

/// A wrong password for each kind of account, by each way to name one.
fn attempts() -> Vec<Value> {
    let mut all = Vec::new();
    for name in ["ana", "una", "dora", "paula", "nobody"] {
        let address = format!("{name}@example.org");
        all.push(json!({ "username": name, "password": WRONG }));
        all.push(json!({ "email": address, "password": WRONG }));
        all.push(json!({ "username": address, "password": WRONG }));
        all.push(json!({ "username": name, "email": address, "password": WRONG }));
        all.push(json!({ "username": name, "email": "ana@example.org", "password": WRONG }));
        all.push(json!({ "username": "ana", "email": address, "password": WRONG }));
    }
    for (name, right) in [("dora", PASSWORD), ("paula", ""), ("nobody", PASSWORD)] {
        let right = if right.is_empty() { "!" } else { right };
        all.push(json!({ "username": name, "password": right }));
        all.push(json!({ "username": name, "email": "ana@example.org", "password": right }));
    }
    all
}

/// Everything that a client can see: status, headers in their order, body. The request id tells requests apart, not accounts.
fn seen(answer: &TestAnswer) -> (u16, Vec<(String, String)>, &str) {
    let shown = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let text = if name == "x-request-id" { "" } else { value.to_str().unwrap() };
        (name.to_string(), text.to_owned())
    };
    (answer.status, answer.headers.iter().map(shown).collect(), &answer.text)
}

/// Every profile with every kind of verification that this version has.
fn installations() -> Vec<impl Fn(&mut Settings)> {
    let both = [Profile::Strict, Profile::Compat];
    let each = both.into_iter().flat_map(|profile| [(profile, Verification::Optional), (profile, Verification::Mandatory)]);
    each.map(|(profile, verification)| {
        move |settings: &mut Settings| {
            settings.account.profile = profile;
            settings.account.email_verification = verification;
            settings.account.registration = Registration::Closed;
        }
    })
    .collect()
}

#[tokio::test]
async fn t08_t09_a_failed_login_looks_and_costs_the_same_whoever_is_meant() {
    for installation in installations() {
        on_both(installation, async |app| {
            people(app).await;
            let first = login(app, "ana", WRONG).send().await.expect(400);
            assert_eq!(first.text, LOGIN_FAILED);
            for attempt in attempts() {
                let before = app.auth.hash_computations();
                let answer = refused(app, app.post("login/", attempt.clone()), 400).await;
                assert_eq!(seen(&answer), seen(&first), "{attempt}");
                assert_eq!(app.auth.hash_computations() - before, 1, "{attempt}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn t08_that_an_address_is_not_verified_is_told_only_after_the_right_password() {
    on_both(
        |settings| {
            settings.account.email_verification = Verification::Mandatory;
            settings.account.registration = Registration::Closed;
        },
        async |app| {
            people(app).await;
            let before = app.auth.hash_computations();
            let answer = refused(app, login(app, "una", PASSWORD), 400).await;
            assert_eq!(answer.json(), json!({ "non_field_errors": ["E-mail is not verified."] }));
            assert_eq!(app.auth.hash_computations() - before, 1);
            assert_eq!(refused(app, login(app, "una", WRONG), 400).await.text, LOGIN_FAILED);
            login(app, "ana", PASSWORD).send().await.expect(200);
        },
    )
    .await;
}

#[tokio::test]
async fn t08_a_limit_comes_after_as_many_tries_whether_the_account_exists_or_not() {
    for scope in ["account+ip", "account"] {
        on_both(
            |settings| failures_limited(settings, &format!("3/5m/{scope}")),
            async |app| {
                people(app).await;
                let mut answers = Vec::new();
                for name in ["ana", "una", "dora", "paula", "nobody", "no such name"] {
                    for _ in 0..3 {
                        assert_eq!(refused(app, login(app, name, WRONG), 400).await.text, LOGIN_FAILED);
                    }
                    let before = app.auth.hash_computations();
                    for password in [WRONG, PASSWORD] {
                        let limited = refused(app, login(app, name, password), 429).await;
                        assert!(!limited.text.contains(name), "{}", limited.text);
                        answers.push(limited);
                    }
                    assert_eq!(app.auth.hash_computations() - before, 0, "a limited try is not hashed");
                }
                for answer in &answers {
                    assert_eq!(seen(answer), seen(&answers[0]));
                    assert_eq!(answer.retry_after().as_secs(), 300);
                }
            },
        )
        .await;
    }
}

#[tokio::test]
async fn t09_what_is_no_account_at_all_costs_one_hash_too() {
    on_both(
        |_| {},
        async |app| {
            let odd = ["x", "ana@", "@", "a\u{301}", "ﬀ", "🦀", "a b", &"x".repeat(5_000), "' OR 1=1 --"];
            for name in odd {
                let before = app.auth.hash_computations();
                let answer = refused(app, login(app, name, WRONG), 400).await;
                assert_eq!(answer.text, LOGIN_FAILED, "{name}");
                assert_eq!(app.auth.hash_computations() - before, 1, "{name}");
            }
        },
    )
    .await;
}
