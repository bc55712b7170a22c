//! L. What is kept: T80. The forms of SCAN are in [`super::scan`].

use http::Method;
use serde_json::json;
use vestibule::accounts::{admin, housekeeping};
use vestibule::ground::Secret;
use vestibule::params;
use vestibule::settings::{LogRequests, Settings};
use vestibule::testing::TestApp;

use super::journal::Journal;
use super::{OTHER, PASSWORD, WRONG, account, change, disable, failures_limited, login, on_both, run, scan};

/// A third password.
const THIRD: &str = "Th1rd-phrase-4w";

fn talkative(settings: &mut Settings) {
    settings.log.requests = LogRequests::All;
    failures_limited(settings, "20/5m/account+ip");
}

/// Uses everything there is, and gives every secret that was in play.
async fn everything(app: &TestApp) -> Vec<String> {
    let mut secrets: Vec<String> = [PASSWORD, OTHER, WRONG, THIRD].map(str::to_owned).into();
    let mut keys = vec![app.register("findable-name").await, app.login("findable-name").await];
    login(app, "findable-name", WRONG).send().await.expect(400);
    login(app, "nobody", WRONG).send().await.expect(400);
    let key = keys[0].clone();
    app.get("user/").token(&key).send().await.expect(200);
    app.patch("user/", json!({ "first_name": "F" })).token(&key).send().await.expect(200);
    app.post("password/change/", change(WRONG, OTHER)).token(&key).send().await.expect(400);
    app.post("password/change/", change(PASSWORD, OTHER)).token(&key).send().await.expect(200);
    app.get("user/").token(&keys[1]).send().await.expect(401);
    keys.push(login(app, "findable-name", OTHER).send().await.expect(200).key());
    app.request(Method::POST, "logout/").token(&key).send().await.expect(200);
    let user = account(app, "findable-name").await;
    admin::set_password(&app.auth, &user, &Secret::from(THIRD)).await.unwrap();
    keys.push(login(app, "findable-name", THIRD).send().await.expect(200).key());
    app.clock.advance(std::time::Duration::from_secs(90));
    app.get("user/").token(keys.last().unwrap()).send().await.expect(200);
    housekeeping::keep_house(&app.auth).await.unwrap();
    disable(app, "findable-name").await;
    login(app, "findable-name", THIRD).send().await.expect(400);
    assert!(admin::enable(&app.auth, user.id).await.unwrap());
    keys.push(login(app, "findable-name", THIRD).send().await.expect(200).key());
    secrets.extend(keys);
    secrets.push(app.auth.settings().secret_key.as_ref().unwrap().expose().to_owned());
    secrets
}

#[tokio::test]
async fn t80_no_secret_is_kept_in_clear_anywhere() {
    on_both(talkative, async |app| {
        let journal = Journal::begin();
        let secrets = everything(app).await;
        assert_eq!(secrets.len(), 10);
        for secret in secrets {
            assert_eq!(scan::find(app, &journal, &secret).await, [""; 0], "{secret}");
        }
        // What is not secret is found, so the search works: in the tables, and on SQLite in the files.
        let places = scan::find(app, &journal, "findable-name").await;
        assert!(places.contains(&"auth_users.username".to_owned()), "{places:?}");
        assert_eq!(places.iter().any(|place| place.starts_with("test.db")), !app.auth.db().is_shared(), "{places:?}");
        let sid = app.auth.db().all::<(String,)>("SELECT sid FROM auth_sessions", &[]).await.unwrap().pop().unwrap().0;
        let places = scan::find(app, &journal, &sid).await;
        assert!(places.contains(&"log".to_owned()), "a session's public name is in the log: {places:?}");
    })
    .await;
}

#[tokio::test]
async fn t80_the_scan_finds_a_secret_in_every_form() {
    on_both(
        |_| {},
        async |app| {
            let journal = Journal::begin();
            let key = app.register("ana").await;
            let raw = hex::decode(&key).unwrap();
            let forms = [
                key.clone().into_bytes(),
                key.to_uppercase().into_bytes(),
                raw.clone(),
                hex::encode(&key).into_bytes(),
                base64(&raw, false).into_bytes(),
                base64(&raw, true).into_bytes(),
                base64(key.as_bytes(), false).into_bytes(),
            ];
            for form in forms {
                let planted = [b"before ", &form[..], b" after"].concat();
                let sql = "INSERT INTO auth_limits (bucket, hits, ends_at) VALUES ($1, 1, 1)";
                app.auth.db().unit(move |tx| async move { tx.run(sql, params![&planted]).await }).await.unwrap();
                let places = scan::find(app, &journal, &key).await;
                assert!(places.contains(&"auth_limits.bucket".to_owned()), "{places:?}");
                run(app, &["DELETE FROM auth_limits"]).await;
            }
        },
    )
    .await;
}

fn base64(bytes: &[u8], url: bool) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    if url { URL_SAFE.encode(bytes) } else { STANDARD.encode(bytes) }
}

#[cfg(unix)]
#[tokio::test]
async fn t80_the_database_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    on_both(
        |_| {},
        async |app| {
            app.register("ana").await;
            let Some(path) = app.url.strip_prefix("sqlite://") else { return };
            for ending in ["", "-wal", "-shm"] {
                let mode = std::fs::metadata(format!("{path}{ending}")).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{ending}");
            }
        },
    )
    .await;
}
