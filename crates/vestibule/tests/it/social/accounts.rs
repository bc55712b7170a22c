//! Which account an identity opens, and how it comes to be.

use serde_json::json;
use vestibule::accounts::admin;
use vestibule::settings::{FieldKind, FieldSettings, Link, Presence, Registration, Verification};
use vestibule::testing::race;

use super::*;
use crate::exchange::non_field;

#[tokio::test]
async fn t52_an_identity_is_issuer_and_subject_to_the_byte_and_nothing_else() {
    with_provider(
        |_, own| own.trust_email = true,
        async |app, provider| {
            let mut people = std::collections::BTreeMap::new();
            for (subject, email) in
                [("123", "a@example.org"), ("0123", "b@example.org"), ("abc", "c@example.org"), ("ABC", "d@example.org")]
            {
                provider.person(json!({ "sub": subject, "email": email, "email_verified": true }));
                let key = by_code(app, provider).await.expect(200).key();
                assert!(people.insert(me(app, &key).await["pk"].as_i64().unwrap(), subject).is_none(), "{subject}");
            }
            // Another address and another name, and still the same person.
            provider
                .person(json!({ "sub": "123", "email": "z@example.org", "email_verified": true, "preferred_username": "zed" }));
            let key = by_code(app, provider).await.expect(200).key();
            let user = me(app, &key).await;
            assert_eq!((people[&user["pk"].as_i64().unwrap()], user["email"].as_str()), ("123", Some("a@example.org")));
        },
    )
    .await;
}

#[tokio::test]
async fn t52_another_subject_with_the_address_of_before_is_somebody_else() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            by_code(app, provider).await.expect(200);
            provider.person(json!({ "sub": "person-2", "email": "ana@example.org", "email_verified": true }));
            let refused = by_code(app, provider).await.expect(400);
            assert_eq!(refused.json(), json!({ "email": ["User is already registered with this e-mail address."] }));
            assert_eq!(rows(app).await, (1, 1, 1));
        },
    )
    .await;
}

#[tokio::test]
async fn names_are_made_from_what_is_known_and_are_never_anothers() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            app.register("ana").await;
            for (person, name) in [
                (json!({ "sub": "1", "email": "ana@example.com" }), "ana2"),
                (json!({ "sub": "2", "preferred_username": "Bea B!", "email": "x@example.com" }), "beab"),
                (json!({ "sub": "3", "email": "cy@example.com" }), "cy"),
            ] {
                provider.person(person);
                let key = by_code(app, provider).await.expect(200).key();
                assert_eq!(me(app, &key).await["username"], name);
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t07_an_account_without_a_password_is_opened_by_none() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            by_code(app, provider).await.expect(200);
            for password in ["", " ", "!", "null", "None"] {
                let hashes = app.auth.hash_computations();
                let answer = app.post("login/", json!({ "username": "ana", "password": password })).send().await.expect(400);
                if !password.is_empty() {
                    assert_eq!(answer.json(), non_field("Unable to log in with provided credentials."), "{password:?}");
                    assert_eq!(app.auth.hash_computations(), hashes + 1);
                }
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t29_a_session_of_before_stays_what_it_is_and_a_login_gives_another() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let before = app.register("bea").await;
            let body = json!({ "code": provider.code() });
            let after = app.post("acme/", body).token(&before).send().await.expect(200).key();
            assert_ne!(before, after);
            assert_ne!(me(app, &before).await["pk"], me(app, &after).await["pk"]);
        },
    )
    .await;
}

fn phone(settings: &mut Settings, own: &mut Social) {
    settings.user.fields = vec![FieldSettings { required: true, ..FieldSettings::new("phone_number", FieldKind::Phone) }];
    settings.frontend.error_url = Some("https://app.example.test/failed".into());
    own.map.insert("phone_number".into(), "phone".into());
}

#[tokio::test]
async fn what_a_provider_does_not_tell_is_asked_of_the_person() {
    with_provider(phone, async |app, provider| {
        let answer = by_code(app, provider).await.expect(403);
        assert_eq!(answer.json()["missing"], json!(["phone_number"]));
        assert_eq!(rows(app).await, (0, 0, 0));
        let token = answer.json()["registration_token"].clone();
        for (body, status) in [
            (json!({ "phone_number": "+15550100" }), 400),
            (json!({ "registration_token": "made-up", "phone_number": "+15550100" }), 404),
            (json!({ "registration_token": token }), 400),
            (json!({ "registration_token": token, "phone_number": "no number" }), 400),
        ] {
            app.post("registration/complete/", body.clone()).send().await.expect(status);
        }
        assert_eq!(rows(app).await, (0, 0, 0), "what is refused makes nothing");
        let body = json!({ "registration_token": token, "phone_number": "+15550100", "username": "Eva@example.org" });
        let denied = app.post("registration/complete/", body).send().await.expect(400).json();
        assert_eq!(denied, json!({ "username": ["Username can not be used. Please use other username."] }), "another's address");
        let body = json!({ "registration_token": token, "phone_number": "+15550100", "username": "ana-maria" });
        let key = app.post("registration/complete/", body.clone()).send().await.expect(200).key();
        let user = me(app, &key).await;
        assert_eq!((user["username"].as_str(), user["phone_number"].as_str()), (Some("ana-maria"), Some("+15550100")));
        app.post("registration/complete/", body).send().await.expect(404);
        let again = by_code(app, provider).await.expect(200).key();
        assert_eq!(me(app, &again).await["pk"], user["pk"]);
        provider.person(json!({ "sub": "2", "email": "bea@example.org", "phone": "+15550111" }));
        let told = by_code(app, provider).await.expect(200).key();
        assert_eq!(me(app, &told).await["phone_number"], "+15550111");
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_after_the_way_over_a_provider_is_told_by_the_same_browser() {
    with_provider(phone, async |app, provider| {
        let mut browser = Browser::new(app);
        let back = browser.cross(provider).await.expect(302);
        let location = back.header("location");
        assert_eq!(member(location, "error").as_deref(), Some("registration_incomplete"));
        let body = json!({ "registration_token": member(location, "registration_token"), "phone_number": "+15550100" });
        Browser::new(app).post("registration/complete/", body.clone()).await.expect(404);
        browser.post("registration/complete/", body).await.expect(200);
        assert_eq!(rows(app).await, (1, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn an_address_that_nobody_told_is_asked_for_where_accounts_have_one() {
    with_provider(
        |settings, _| settings.account.email = Presence::Required,
        async |app, provider| {
            provider.person(json!({ "sub": "1" }));
            let answer = by_code(app, provider).await.expect(403).json();
            assert_eq!(answer["missing"], json!(["email"]));
            let body = json!({ "registration_token": answer["registration_token"], "email": "ana@example.org" });
            let key = app.post("registration/complete/", body).send().await.expect(200).key();
            assert_eq!(me(app, &key).await["email"], "ana@example.org");
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_users WHERE email_verified_at IS NOT NULL").await, 0);
            app.deliver().await;
            assert_eq!(app.mailbox.to("ana@example.org").len(), 1, "it must be proven like any other");
        },
    )
    .await;
}

#[tokio::test]
async fn where_accounts_have_no_address_the_providers_is_forgotten() {
    with_provider(
        |settings, own| {
            settings.account.email = Presence::Off;
            settings.account.login_methods = vec![vestibule::settings::LoginMethod::Username];
            own.trust_email = true;
        },
        async |app, provider| {
            let key = by_code(app, provider).await.expect(200).key();
            assert_eq!(me(app, &key).await["username"], "ana");
            let kept = "SELECT COUNT(*) FROM auth_users WHERE email IS NOT NULL OR email_verified_at IS NOT NULL";
            assert_eq!(app.count(kept).await, 0);
        },
    )
    .await;
}

#[tokio::test]
async fn where_registration_is_closed_only_those_with_an_account_come_in() {
    with_provider(
        |settings, own| {
            settings.account.registration = Registration::Closed;
            own.trust_email = true;
        },
        async |app, provider| {
            by_code(app, provider).await.expect(403);
            assert_eq!(rows(app).await, (0, 0, 0));
            let user = account(app, "ana", true).await;
            let key = by_code(app, provider).await.expect(200).key();
            assert_eq!(me(app, &key).await["pk"], user.id.as_i64());
        },
    )
    .await;
}

#[tokio::test]
async fn a_disabled_account_stays_closed() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let key = by_code(app, provider).await.expect(200).key();
            let user = admin::find(&app.auth, "ana").await.unwrap();
            assert!(admin::disable(&app.auth, user.id).await.unwrap());
            app.get("user/").token(&key).send().await.expect(401);
            let refused = by_code(app, provider).await.expect(400);
            assert_eq!(refused.json(), non_field("Unable to log in with provided credentials."));
        },
    )
    .await;
}

#[tokio::test]
async fn t51_an_address_lets_into_an_account_only_if_both_sides_have_proven_it() {
    for trusted in [true, false] {
        for claim in [json!(true), json!(false), json!(null), json!("true"), json!(1)] {
            for (verified, mandatory) in [(true, true), (true, false), (false, true), (false, false)] {
                let settings = |settings: &mut Settings, own: &mut Social| {
                    own.trust_email = trusted;
                    let mode = if mandatory { Verification::Mandatory } else { Verification::Optional };
                    settings.account.email_verification = mode;
                };
                with_provider(settings, async |app, provider| {
                    let what = format!("trusted {trusted}, claim {claim}, verified {verified}, mandatory {mandatory}");
                    let user = account(app, "ana", verified).await;
                    provider.person(json!({ "sub": "1", "email": "ana@example.org", "email_verified": claim }));
                    let answer = by_code(app, provider).await;
                    let proven = trusted && claim == json!(true);
                    let in_there = answer.status == 200 && me(app, &answer.key()).await["pk"] == user.id.as_i64();
                    assert_eq!(in_there, proven, "{what}: {}", answer.text);
                    let password = json!({ "email": "ana@example.org", "password": crate::exchange::PASSWORD });
                    let login = app.post("login/", password).send().await.status;
                    match (proven, verified, mandatory) {
                        (true, true, _) => assert_eq!(login, 200, "{what}: the owner's password stays"),
                        (true, false, _) => assert_eq!(login, 400, "{what}: what was set before the proof is gone"),
                        (false, true, true) => assert_eq!((answer.status, login), (201, 200), "{what}"),
                        (false, false, true) => assert_eq!((answer.status, login), (201, 400), "{what}: two wait"),
                        (false, _, false) => assert_eq!((answer.status, login), (400, 200), "{what}"),
                    }
                })
                .await;
            }
        }
    }
}

#[tokio::test]
async fn the_owner_says_whether_an_address_joins_anything() {
    for (link, status, code) in [(Link::Verified, 200, ""), (Link::Ask, 400, "link_required"), (Link::Never, 400, "email_taken")]
    {
        with_provider(
            |_, own| (own.trust_email, own.link) = (true, link),
            async |app, provider| {
                account(app, "ana", true).await;
                let answer = app.post("acme/", json!({ "code": provider.code() }));
                let answer =
                    answer.header("accept", "application/problem+json, application/json;q=0.5").send().await.expect(status);
                if status != 200 {
                    assert_eq!(answer.json()["errors"][0]["code"], code, "{}", answer.text);
                } else {
                    app.deliver().await;
                    mail(app, "ana@example.org", "provider_connected");
                }
            },
        )
        .await;
    }
}

#[tokio::test]
async fn t81_linking_and_unlinking_stand_in_the_trail() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let key = by_code(app, provider).await.expect(200).key();
            provider.person(json!({ "sub": "2" }));
            app.post("acme/connect/", json!({ "code": provider.code() })).token(&key).send().await.expect(200);
            let all = app.get("socialaccounts/").token(&key).send().await.expect(200).json();
            let second = all[1]["id"].as_i64().unwrap();
            app.post(&format!("socialaccounts/{second}/disconnect/"), json!({})).token(&key).send().await.expect(200);
            for (event, count) in [
                ("SELECT COUNT(*) FROM auth_audit WHERE event = 'identity.linked'", 2),
                ("SELECT COUNT(*) FROM auth_audit WHERE event = 'identity.unlinked'", 1),
                ("SELECT COUNT(*) FROM auth_audit WHERE event = 'user.registered'", 1),
            ] {
                assert_eq!(app.count(event).await, count, "{event}");
            }
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t83_of_first_logins_of_one_identity_one_makes_the_account_and_all_come_into_it() {
    let provider = std::sync::Arc::new(Provider::start().await);
    let settings = |settings: &mut Settings| drop(settings.social.insert("acme".into(), provider.settings()));
    race("T83 first logins of one identity", 8, settings, async |arena| {
        provider.follow(&arena.app.clock);
        let name = arena.app.fresh_name();
        provider.person(json!({ "sub": name, "email": format!("{name}@example.org") }));
        let codes: Vec<String> = (0..16).map(|_| provider.code()).collect();
        let before = rows(&arena.app).await;
        let answers = arena
            .requests(codes.len(), |way, app| {
                let body = json!({ "code": codes[way] });
                async move { app.post("acme/", body).send().await }
            })
            .await;
        let mut people = std::collections::BTreeSet::new();
        for answer in answers {
            people.insert(me(&arena.app, &answer.expect(200).key()).await["pk"].as_i64().unwrap());
        }
        assert_eq!(people.len(), 1);
        let after = rows(&arena.app).await;
        assert_eq!((after.1 - before.1, after.2 - before.2), (1, 1));
    })
    .await;
}
