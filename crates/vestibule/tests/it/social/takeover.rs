//! Ways to take an account over that others have fallen for (T25; Sudhodanan and Paverd 2022): the attacker acts first.

use serde_json::json;
use vestibule::settings::{Details, FieldKind, FieldSettings, Verification};

use super::*;
use crate::exchange::PASSWORD;

fn trusted(verification: Verification) -> impl Fn(&mut Settings, &mut Social) {
    move |settings, own| {
        settings.account.email_verification = verification;
        settings.account.login_methods =
            vec![vestibule::settings::LoginMethod::Email, vestibule::settings::LoginMethod::Username];
        own.trust_email = true;
        // The attacker's provider says what it likes of addresses.
        let mut careless = own.clone();
        careless.trust_email = false;
        settings.social.insert("careless".into(), careless);
    }
}

async fn login(app: &TestApp, email: &str) -> u16 {
    app.post("login/", json!({ "email": email, "password": PASSWORD })).send().await.status
}

/// The account that the victim comes into with the provider that proves addresses.
async fn victim(app: &TestApp, provider: &Provider) -> String {
    provider.person(json!({ "sub": "victim", "email": "victim@example.org", "email_verified": true }));
    by_code(app, provider).await.expect(200).key()
}

#[tokio::test]
async fn t25_a_password_and_a_session_set_before_the_social_login_are_gone() {
    for verification in [Verification::Optional, Verification::Mandatory] {
        with_provider(trusted(verification), async |app, provider| {
            let body = json!({ "username": "evil", "email": "victim@example.org", "password1": PASSWORD, "password2": PASSWORD });
            let registered = app.post("registration/", body).send().await.expect(201);
            let kept = registered.json()["key"].as_str().map(str::to_owned);
            let key = victim(app, provider).await;
            assert_eq!(me(app, &key).await["email"], "victim@example.org");
            assert_eq!(login(app, "victim@example.org").await, 400, "{verification:?}");
            if let Some(kept) = kept {
                app.get("user/").token(&kept).send().await.expect(401);
            }
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_users WHERE password IS NOT NULL").await, 0);
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_tokens").await, 0);
        })
        .await;
    }
}

#[tokio::test]
async fn t25_an_identity_connected_before_the_proof_is_gone() {
    with_provider(trusted(Verification::Optional), async |app, provider| {
        let body = json!({ "username": "evil", "email": "victim@example.org", "password1": PASSWORD, "password2": PASSWORD });
        let key = app.post("registration/", body).send().await.expect(201).key();
        provider.person(json!({ "sub": "attacker" }));
        app.post("careless/connect/", json!({ "code": provider.code() })).token(&key).send().await.expect(200);
        victim(app, provider).await;
        provider.person(json!({ "sub": "attacker" }));
        app.post("careless/", json!({ "code": provider.code() })).send().await.expect(403);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_identities").await, 1);
    })
    .await;
}

#[tokio::test]
async fn t25_proving_ones_own_key_keeps_what_the_sign_up_was_made_with_and_drops_what_came_later() {
    with_provider(trusted(Verification::Optional), async |app, provider| {
        provider.person(json!({ "sub": "founder", "email": "victim@example.org", "email_verified": false }));
        let key = app.post("careless/", json!({ "code": provider.code() })).send().await.expect(200).key();
        provider.person(json!({ "sub": "attached" }));
        app.post("careless/connect/", json!({ "code": provider.code() })).token(&key).send().await.expect(200);
        app.deliver().await;
        let proof = mail(app, "victim@example.org", "email_confirmation_signup")
            .link
            .unwrap()
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned();
        app.post("registration/verify-email/", json!({ "key": proof })).send().await.expect(200);
        provider.person(json!({ "sub": "founder" }));
        app.post("careless/", json!({ "code": provider.code() })).send().await.expect(200);
        provider.person(json!({ "sub": "attached" }));
        app.post("careless/", json!({ "code": provider.code() })).send().await.expect(403);
    })
    .await;
}

#[tokio::test]
async fn t25_an_address_that_a_provider_only_repeats_founds_nothing_that_outlives_the_owners_reset() {
    with_provider(trusted(Verification::Optional), async |app, provider| {
        provider.person(json!({ "sub": "attacker", "email": "victim@example.org", "email_verified": false }));
        let kept = app.post("careless/", json!({ "code": provider.code() })).send().await.expect(200).key();
        app.post("password/reset/", json!({ "email": "victim@example.org" })).send().await.expect(200);
        app.deliver().await;
        let link = mail(app, "victim@example.org", "password_reset").link.unwrap();
        let parts: Vec<&str> = link.trim_end_matches('/').rsplit('/').take(2).collect();
        let body = json!({ "uid": parts[1], "token": parts[0], "new_password1": PASSWORD, "new_password2": PASSWORD });
        app.post("password/reset/confirm/", body).send().await.expect(200);
        assert_eq!(login(app, "victim@example.org").await, 200);
        app.get("user/").token(&kept).send().await.expect(401);
        let refused = app.post("careless/", json!({ "code": provider.code() })).send().await.expect(400);
        assert_eq!(refused.json(), json!({ "email": ["User is already registered with this e-mail address."] }));
    })
    .await;
}

#[tokio::test]
async fn t25_under_mandatory_verification_a_repeated_address_waits_and_yields_to_the_owner() {
    with_provider(trusted(Verification::Mandatory), async |app, provider| {
        provider.person(json!({ "sub": "attacker", "email": "victim@example.org", "email_verified": false }));
        let waiting = app.post("careless/", json!({ "code": provider.code() })).send().await.expect(201);
        assert_eq!(waiting.json(), json!({ "detail": "Verification e-mail sent." }));
        app.post("careless/", json!({ "code": provider.code() })).send().await.expect(400);
        let key = victim(app, provider).await;
        provider.person(json!({ "sub": "attacker", "email": "victim@example.org", "email_verified": false }));
        // The answer is that of a sign-up again, the owner hears of it, and nothing is opened.
        app.post("careless/", json!({ "code": provider.code() })).send().await.expect(201);
        app.deliver().await;
        mail(app, "victim@example.org", "account_already_exists");
        assert_eq!(me(app, &key).await["email"], "victim@example.org");
        assert_eq!(rows(app).await, (1, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn t25_a_sign_up_that_passes_to_the_owner_is_filled_in_anew() {
    let change = |settings: &mut Settings, own: &mut Social| {
        trusted(Verification::Mandatory)(settings, own);
        let field = FieldSettings::new("phone_number", FieldKind::Phone);
        settings.user.fields = vec![FieldSettings { required: true, unique: true, details: Details::ReadOnly, ..field }];
    };
    with_provider(change, async |app, provider| {
        let mut body = json!({ "username": "evil", "email": "victim@example.org", "password1": PASSWORD, "password2": PASSWORD });
        body["phone_number"] = "+15550666".into();
        app.post("registration/", body).send().await.expect(201);
        app.deliver().await;
        provider.person(json!({ "sub": "victim", "email": "victim@example.org", "email_verified": true, "given_name": "Vic" }));
        let answer = by_code(app, provider).await.expect(403).json();
        assert_eq!(answer["missing"], json!(["phone_number"]));
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_users WHERE email_verified_at IS NOT NULL").await, 0);
        let body = json!({ "registration_token": answer["registration_token"], "phone_number": "+15550100" });
        let key = app.post("registration/complete/", body).send().await.expect(200).key();
        let user = me(app, &key).await;
        assert_eq!((user["phone_number"].as_str(), user["first_name"].as_str()), (Some("+15550100"), Some("Vic")));
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_unique_values").await, 1);
        assert_eq!(rows(app).await.0, 1);
    })
    .await;
}
