//! What clients bring: codes, ID tokens, access tokens.

use serde_json::json;
use vestibule::settings::{Profile, TokenMode};
use vestibule::testing::{Asked, Dialect, Fault, Provider, Signing};

use super::*;
use crate::exchange::non_field;

#[tokio::test]
async fn a_code_logs_in_and_the_same_person_comes_into_the_same_account() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let first = by_code(app, provider).await.expect(200).key();
            let user = me(app, &first).await;
            assert_eq!((user["username"].as_str(), user["email"].as_str()), (Some("ana"), Some("ana@example.org")));
            assert_eq!((user["first_name"].as_str(), user["last_name"].as_str()), (Some("Ana"), Some("Lind")));
            let second = by_code(app, provider).await.expect(200).key();
            assert_ne!(first, second);
            assert_eq!(me(app, &second).await["pk"], user["pk"]);
            assert_eq!(rows(app).await, (2, 1, 1));
        },
    )
    .await;
}

#[tokio::test]
async fn googles_and_githubs_dialects_are_spoken() {
    for (dialect, person) in [
        (Dialect::Google, json!({ "sub": "1077", "email": "ana@example.org", "email_verified": true, "given_name": "Ana" })),
        (Dialect::GitHub, json!({ "id": 1077, "login": "Ana-L", "email": "ana@example.org", "email_verified": true })),
    ] {
        let provider = Provider::speaking(dialect).await;
        with(
            &provider,
            |_, own| own.accept_access_token = Some(true),
            async |app, provider| {
                provider.person(person.clone());
                let mut keys = vec![by_code(app, provider).await.expect(200).key()];
                let body = json!({ "access_token": provider.access_token("client-1") });
                keys.push(app.post("acme/", body).send().await.expect(200).key());
                if dialect == Dialect::Google {
                    keys.push(app.post("acme/", json!({ "id_token": provider.id_token() })).send().await.expect(200).key());
                }
                let mut browser = Browser::new(app);
                let back = browser.cross(provider).await.expect(302);
                let code = member(back.header("location"), "code").unwrap();
                keys.push(browser.post("social/exchange/", json!({ "code": code })).await.expect(200).key());
                for key in &keys {
                    assert_eq!(me(app, key).await["email"], "ana@example.org", "{dialect:?}");
                }
                assert_eq!(rows(app).await, (i64::try_from(keys.len()).unwrap(), 1, 1), "{dialect:?}");
            },
        )
        .await;
    }
}

#[tokio::test]
async fn t50_a_code_counts_once_and_only_the_providers_own() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let code = provider.code();
            app.post("acme/", json!({ "code": code })).send().await.expect(200);
            for body in [json!({ "code": code }), json!({ "code": "made-up" })] {
                let refused = app.post("acme/", body).send().await.expect(400);
                assert_eq!(refused.json(), non_field("Incorrect value"));
            }
            // Fetched by a request of our own, it is bound to that request's verifier.
            let mut browser = Browser::new(app);
            let back = browser.go(provider, "acme").await;
            app.post("acme/", json!({ "code": member(&back, "code") })).send().await.expect(400);
            assert_eq!(rows(app).await, (1, 1, 1));
        },
    )
    .await;
}

#[tokio::test]
async fn t48_a_bad_id_token_lets_nobody_in() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            for (signing, claims) in [
                (Signing::None, json!({})),
                (Signing::Hs256, json!({})),
                (Signing::Stranger, json!({})),
                (Signing::UnknownKey, json!({})),
                (Signing::Es256, json!({ "iss": "https://evil.test" })),
                (Signing::Es256, json!({ "aud": "client-2" })),
                (Signing::Es256, json!({ "aud": ["client-1", "client-2"] })),
                (Signing::Es256, json!({ "exp": 1_767_225_000 })),
                (Signing::Es256, json!({ "sub": null })),
                (Signing::Es256, json!({ "sub": "" })),
                (Signing::Es256, json!({ "sub": "x".repeat(300) })),
                (Signing::Es256, json!({ "iat": 1_767_225_600 - 86_400 })),
                (Signing::Es256, json!({ "iat": 1_767_225_600 + 86_400 })),
            ] {
                provider.script(|script| {
                    script.signing = signing;
                    script.claims = claims.as_object().unwrap().clone();
                });
                let answer = by_code(app, provider).await;
                assert_eq!((answer.status, answer.json()), (400, non_field("Incorrect value")), "{signing:?} {claims}");
                let brought = app.post("acme/", json!({ "id_token": provider.id_token() })).send().await;
                assert_eq!(brought.status, 400, "{signing:?} {claims}");
            }
            assert_eq!(rows(app).await, (0, 0, 0));
            for signing in [Signing::Es256, Signing::Rs256, Signing::EdDsa] {
                provider.script(|script| (script.signing, script.claims) = (signing, serde_json::Map::new()));
                by_code(app, provider).await.expect(200);
            }
            provider.script(|script| script.signing = Signing::Es256);
        },
    )
    .await;
}

#[tokio::test]
async fn t48_the_nonce_of_the_request_must_come_back() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            for nonce in [json!(null), json!("another")] {
                provider.script(|script| drop(script.claims.insert("nonce".into(), nonce.clone())));
                let back = Browser::new(app).cross(provider).await.expect(302);
                let page = back.header("location");
                assert!(page.starts_with("http://127.0.0.1:8000/auth/sign-in/?"), "{page}");
                assert_eq!(member(page, "error").as_deref(), Some("token_invalid"), "{nonce}");
            }
            provider.script(|script| script.claims.clear());
            assert_eq!(rows(app).await, (0, 0, 0));
            Browser::new(app).cross(provider).await.expect(302);
        },
    )
    .await;
}

#[tokio::test]
async fn t48_an_unknown_key_is_looked_for_once_a_minute() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let asked = provider.asked(Asked::Keys);
            by_code(app, provider).await.expect(200);
            assert_eq!(provider.asked(Asked::Keys), asked + 1);
            provider.script(|script| script.signing = Signing::UnknownKey);
            for _ in 0..5 {
                by_code(app, provider).await.expect(400);
            }
            assert_eq!(provider.asked(Asked::Keys), asked + 1, "within a minute of the first");
            app.advance(std::time::Duration::from_secs(61));
            for _ in 0..5 {
                by_code(app, provider).await.expect(400);
            }
            assert_eq!(provider.asked(Asked::Keys), asked + 2);
            provider.script(|script| script.signing = Signing::Es256);
            by_code(app, provider).await.expect(200);
        },
    )
    .await;
}

#[tokio::test]
async fn t50_an_id_token_from_a_client_counts_once_and_for_this_client() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let token = provider.id_token();
            app.post("acme/", json!({ "id_token": token })).send().await.expect(200);
            app.post("acme/", json!({ "id_token": token })).send().await.expect(400);
            provider.script(|script| drop(script.claims.insert("aud".into(), json!("client-2"))));
            app.post("acme/", json!({ "id_token": provider.id_token() })).send().await.expect(400);
            provider.script(|script| script.claims.clear());
            assert_eq!(rows(app).await, (1, 1, 1));
        },
    )
    .await;
}

/// The same token with the other signature that ECDSA takes: the order of the curve P-256 minus `s` in the place of `s`.
fn with_the_other_signature(token: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0;
    for (digit, whole) in signature[32..].iter_mut().zip(order).rev() {
        let rest = i16::from(whole) - i16::from(*digit) - borrow;
        borrow = i16::from(rest < 0);
        *digit = rest.rem_euclid(256).try_into().unwrap();
    }
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn t50_an_id_token_that_was_used_does_not_count_with_another_signature() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let (used, unused) = (provider.id_token(), provider.id_token());
            app.post("acme/", json!({ "id_token": with_the_other_signature(&unused) })).send().await.expect(200);
            app.post("acme/", json!({ "id_token": used })).send().await.expect(200);
            app.post("acme/", json!({ "id_token": with_the_other_signature(&used) })).send().await.expect(400);
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions").await, 2);
        },
    )
    .await;
}

#[tokio::test]
async fn t50_an_access_token_from_a_client_is_refused_unless_it_is_known_to_be_for_this_one() {
    for (dialect, profile, setting, status) in [
        (Dialect::OpenId, Profile::Strict, None, 400),
        (Dialect::OpenId, Profile::Compat, None, 400),
        (Dialect::OpenId, Profile::Strict, Some(true), 200),
        (Dialect::Google, Profile::Strict, None, 400),
        (Dialect::Google, Profile::Compat, None, 200),
        (Dialect::Google, Profile::Compat, Some(false), 400),
        (Dialect::GitHub, Profile::Compat, None, 200),
    ] {
        let provider = Provider::speaking(dialect).await;
        let change = |settings: &mut Settings, own: &mut Social| {
            settings.account.profile = profile;
            settings.tokens.session_cookie = Some(false);
            own.accept_access_token = setting;
        };
        with(&provider, change, async |app, provider| {
            provider.person(json!({ "sub": "1", "id": 1, "email": "ana@example.org" }));
            for (client, expected) in [("client-2", 400), ("client-1", status)] {
                let body = json!({ "access_token": provider.access_token(client) });
                let answer = app.post("acme/", body).send().await;
                assert_eq!(answer.status, expected, "{dialect:?} {profile:?} {setting:?} {client}: {}", answer.text);
            }
            app.post("acme/", json!({ "access_token": "made-up" })).send().await.expect(400);
        })
        .await;
    }
}

#[tokio::test]
async fn what_the_id_token_leaves_out_is_asked_for_and_must_be_of_the_same_person() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            provider.script(|script| script.bare_id_tokens = true);
            let key = by_code(app, provider).await.expect(200).key();
            assert_eq!(me(app, &key).await["email"], "ana@example.org");
            provider.script(|script| drop(script.claims.insert("sub".into(), json!("person-2"))));
            by_code(app, provider).await.expect(400);
            provider.script(|script| (script.bare_id_tokens, script.claims) = (false, serde_json::Map::new()));
            assert_eq!(rows(app).await, (1, 1, 1));
        },
    )
    .await;
}

#[tokio::test]
async fn t53_a_provider_that_is_not_in_the_settings_is_not_there_and_none_comes_from_a_request() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let body =
                json!({ "code": provider.code(), "issuer": "https://evil.test", "provider": "evil", "iss": "https://evil.test" });
            app.post("evil/", body.clone()).send().await.expect(404);
            app.get("social/evil/start/").send().await.expect(404);
            app.get("social/evil/callback/?code=x&state=y").send().await.expect(404);
            // The same members where there is a provider change nothing (T76).
            app.post("acme/", body).send().await.expect(200);
        },
    )
    .await;
}

#[tokio::test]
async fn t53_a_description_of_another_issuer_makes_a_provider_unusable() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let own = provider.url().to_owned();
            for issuer in [format!("{own}/"), own.to_uppercase(), format!("{own}/x"), "https://evil.test".to_owned()] {
                provider.script(|script| drop(script.description.insert("issuer".into(), json!(issuer))));
                let refused = by_code(app, provider).await.expect(400);
                assert_eq!(refused.json()["non_field_errors"][0].as_str().unwrap().split(' ').next(), Some("The"), "{issuer}");
                app.advance(std::time::Duration::from_secs(11));
            }
            provider.script(|script| script.description.clear());
            by_code(app, provider).await.expect(200);
        },
    )
    .await;
}

#[tokio::test]
async fn nothing_to_log_in_with_is_answered_as_recorded() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let nothing = non_field("Incorrect input. access_token or code is required.");
            for body in [json!({}), json!({ "access_token": "", "code": "" })] {
                assert_eq!(app.post("acme/", body).send().await.expect(400).json(), nothing);
            }
            let wrong = app.post("acme/", json!({ "access_token": [], "code": {} })).send().await.expect(400);
            assert_eq!(wrong.json(), json!({ "access_token": ["Not a valid string."], "code": ["Not a valid string."] }));
            app.get("acme/").send().await.expect(405);
            provider.script(|script| drop(script.faults.insert(Asked::Token, Fault::Status(502))));
            let away = by_code(app, provider).await.expect(400);
            assert!(away.text.contains("cannot be reached"), "{}", away.text);
            provider.script(|script| script.faults.clear());
        },
    )
    .await;
}

#[tokio::test]
async fn every_way_in_answers_as_a_login_does_in_every_mode() {
    for mode in [TokenMode::Opaque, TokenMode::Jwt, TokenMode::JwtCookie] {
        let settings = |settings: &mut Settings, _: &mut Social| {
            settings.tokens.mode = mode;
            settings.frontend.return_urls = vec!["https://app.example.test/".into()];
        };
        with_provider(settings, async |app, provider| {
            account(app, "bea", true).await;
            let login = json!({ "username": "bea", "password": crate::exchange::PASSWORD });
            let login = shape(&app.post("login/", login).send().await.expect(200));
            let by_token = app.post("acme/", json!({ "id_token": provider.id_token() })).send().await.expect(200);
            assert_eq!(shape(&by_code(app, provider).await.expect(200)), login, "{mode:?}");
            assert_eq!(shape(&by_token), login, "{mode:?}");
            let mut browser = Browser::new(app);
            let back = browser.cross(provider).await.expect(302);
            let location = back.header("location");
            assert!(location.starts_with("https://app.example.test/"), "{location}");
            if mode == TokenMode::JwtCookie {
                assert_eq!((member(location, "code"), shape(&back).1), (None, login.1.clone()), "{mode:?}");
            } else {
                let exchanged = browser.post("social/exchange/", json!({ "code": member(location, "code") })).await.expect(200);
                assert_eq!(shape(&exchanged), login, "{mode:?}");
            }
        })
        .await;
    }
}

/// The members of an answer and the names of its cookies.
fn shape(answer: &TestAnswer) -> (Vec<String>, Vec<String>) {
    let body = answer.json();
    let members = body.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let cookies = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let names = cookies.map(|line| line.split('=').next().unwrap().to_owned());
    (members, names.filter(|name| name != "social").collect())
}
