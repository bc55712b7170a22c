//! Providers that are away, slow or hostile (T57).

use std::time::{Duration, Instant};

use serde_json::json;
use vestibule::testing::{Asked, Fault, Provider, Signing};

use super::*;

#[tokio::test]
async fn t57_a_hostile_answer_is_a_failed_login_and_nothing_else() {
    let elsewhere = Provider::start().await;
    with_provider(
        |_, _| {},
        async |app, provider| {
            let places = [Asked::Description, Asked::Keys, Asked::Token, Asked::Userinfo];
            let redirects = |asked: Asked| match asked {
                Asked::Description => format!("{}/.well-known/openid-configuration", elsewhere.url()),
                _ => format!("{}/keys", elsewhere.url()),
            };
            for asked in places {
                for fault in [
                    Fault::Redirect(redirects(asked)),
                    Fault::Redirect("file:///etc/passwd".into()),
                    Fault::Endless,
                    Fault::Huge(50 << 20),
                    Fault::Status(500),
                    Fault::Status(200),
                ] {
                    // Fresh, so that nothing is known of the provider from before.
                    let twin = app.twin().await;
                    provider.script(|script| {
                        script.bare_id_tokens = true;
                        script.faults = [(asked, fault.clone())].into();
                    });
                    let began = Instant::now();
                    let answer = twin.post("acme/", json!({ "code": provider.code() })).send().await;
                    assert_eq!(answer.status, 400, "{asked:?} {fault:?}: {}", answer.text);
                    assert!(began.elapsed() < Duration::from_secs(9), "{asked:?} {fault:?}");
                }
            }
            provider.script(|script| script.faults = [(Asked::Keys, Fault::ManyKeys(5_000))].into());
            app.twin().await.post("acme/", json!({ "code": provider.code() })).send().await.expect(400);
            assert_eq!(elsewhere.asked(Asked::Description) + elsewhere.asked(Asked::Keys), 0, "no redirect was followed");
            assert_eq!(rows(app).await, (0, 0, 0));
            provider.script(|script| (script.faults, script.bare_id_tokens) = (std::collections::BTreeMap::new(), false));
            by_code(app, provider).await.expect(200);
        },
    )
    .await;
}

#[tokio::test]
async fn t57_a_slow_provider_is_given_up_and_nobody_else_waits() {
    let provider = Provider::start().await;
    let app = TestApp::on(vestibule::testing::databases::fresh_sqlite().await, |settings| {
        settings.social.insert("acme".into(), provider.settings());
    })
    .await;
    provider.follow(&app.clock);
    provider.script(|script| script.faults = [(Asked::Description, Fault::Slow(Duration::from_secs(30)))].into());
    let began = Instant::now();
    let slow = async { app.post("acme/", json!({ "code": provider.code() })).send().await.expect(400) };
    let other = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.register("bea").await;
        began.elapsed()
    };
    let (_, registered) = tokio::join!(slow, other);
    assert!(registered < Duration::from_secs(5) && began.elapsed() < Duration::from_secs(20));
    // Who comes a moment later hears of it at once.
    let again = Instant::now();
    app.post("acme/", json!({ "code": provider.code() })).send().await.expect(400);
    assert!(again.elapsed() < Duration::from_secs(5));
}

/// Anybody can write a token that names a key which nobody knows.
#[tokio::test]
async fn t57_while_keys_are_long_in_coming_whoever_brings_a_known_one_does_not_wait() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let bring = |token: String| app.post("acme/", json!({ "id_token": token })).send();
            bring(provider.id_token()).await.expect(200);
            app.advance(Duration::from_secs(61));
            provider.script(|script| {
                script.faults = [(Asked::Keys, Fault::Slow(Duration::from_secs(3)))].into();
                script.signing = Signing::UnknownKey;
            });
            let (unknown, asked) = (provider.id_token(), provider.asked(Asked::Keys));
            provider.script(|script| script.signing = Signing::Es256);
            let known = async {
                while provider.asked(Asked::Keys) == asked {
                    tokio::task::yield_now().await;
                }
                bring(provider.id_token()).await.expect(200)
            };
            let slow = std::pin::pin!(bring(unknown));
            tokio::select! {
                biased;
                answer = slow => panic!("answered first: {}", answer.text),
                _ = known => {}
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t57_a_private_network_is_out_of_reach_unless_the_owner_says_otherwise() {
    with_provider(
        |_, own| own.allow_private_network = false,
        async |app, provider| {
            let asked = provider.asked(Asked::Description);
            by_code(app, provider).await.expect(400);
            // Whoever pressed a button comes to a page for people.
            let back = app.get("social/acme/start/").send().await.expect(302);
            assert!(back.header("location").ends_with("sign-in/?error=provider_unavailable&provider=acme"), "{}", back.text);
            app.post("social/acme/start/", json!({})).send().await.expect(400);
            assert_eq!(provider.asked(Asked::Description), asked);
        },
    )
    .await;
}
