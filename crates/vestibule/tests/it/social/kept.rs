//! The tokens of providers, where the settings keep them.

use serde_json::json;
use vestibule::features::social::{connections, kept};
use vestibule::testing::Provider;

use super::*;

async fn user_of(app: &TestApp, key: &str) -> vestibule::UserId {
    vestibule::accounts::sessions::authenticate(&app.auth, &key.into()).await.unwrap().user.id
}

async fn moved(app: &TestApp, sql: &'static str) {
    app.auth.db().unit(move |tx| async move { tx.run(sql, &[]).await }).await.unwrap();
}

#[tokio::test]
async fn t80_a_providers_tokens_are_kept_sealed_read_by_the_host_and_gone_with_the_identity() {
    with_provider(
        |_, own| own.store_tokens = true,
        async |app, provider: &Provider| {
            app.register("bea").await;
            let key = by_code(app, provider).await.expect(200).key();
            let user = user_of(app, &key).await;
            let identity = connections::list(&app.auth, user).await.unwrap().pop().unwrap();
            let first = kept::tokens(&app.auth, user, identity.id).await.unwrap().unwrap();
            let (access, refresh) = (first.access.unwrap(), first.refresh.unwrap());
            assert!(access.expose().starts_with("access-") && refresh.expose().starts_with("refresh-"));
            assert_eq!(first.expires_at, Some(app.clock.now().plus(std::time::Duration::from_secs(3600))));
            for secret in [access.expose(), refresh.expose(), "access_token", "refresh_token"] {
                let found = crate::threats::scan::kept(app, secret).await;
                assert!(found.is_empty(), "{secret} in {found:?}");
            }
            // Each login brings new ones. What a client brings is no token of ours to keep.
            by_code(app, provider).await.expect(200);
            let second = kept::tokens(&app.auth, user, identity.id).await.unwrap().unwrap();
            assert_ne!(second.access.unwrap().expose(), access.expose());
            // They are the owner's, and bound to their identity.
            let other = vestibule::accounts::admin::find(&app.auth, "bea").await.unwrap();
            assert!(kept::tokens(&app.auth, other.id, identity.id).await.unwrap().is_none());
            moved(app, "UPDATE auth_identities SET subject = 'person-2'").await;
            assert!(kept::tokens(&app.auth, user, identity.id).await.is_err());
            moved(app, "UPDATE auth_identities SET subject = 'person-1'").await;

            provider.person(json!({ "sub": "second" }));
            app.post("acme/connect/", json!({ "code": provider.code() })).token(&key).send().await.expect(200);
            let kept_rows = "SELECT COUNT(*) FROM auth_identities WHERE tokens IS NOT NULL";
            assert_eq!(app.count(kept_rows).await, 2);
            let path = format!("socialaccounts/{}/disconnect/", identity.id);
            app.post(&path, json!({})).token(&key).send().await.expect(200);
            assert!(kept::tokens(&app.auth, user, identity.id).await.unwrap().is_none());
            assert_eq!(app.count(kept_rows).await, 1);
            app.deliver().await;
        },
    )
    .await;
}

#[tokio::test]
async fn without_the_setting_a_providers_tokens_are_forgotten() {
    with_provider(
        |_, _| {},
        async |app, provider| {
            let key = by_code(app, provider).await.expect(200).key();
            let user = user_of(app, &key).await;
            let identity = connections::list(&app.auth, user).await.unwrap().pop().unwrap();
            assert!(kept::tokens(&app.auth, user, identity.id).await.unwrap().is_none());
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_identities WHERE tokens IS NOT NULL").await, 0);
        },
    )
    .await;
}
