//! L. What is kept: T80. The forms of SCAN are in [`super::scan`].

use std::collections::BTreeSet;

use http::Method;
use serde_json::json;
use vestibule::accounts::{admin, housekeeping};
use vestibule::ground::Secret;
use vestibule::params;
use vestibule::settings::{LogRequests, Settings, TokenMode};
use vestibule::testing::{TestAnswer, TestApp, TestRequest};

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

fn tokens_in_cookies(settings: &mut Settings) {
    talkative(settings);
    settings.tokens.mode = TokenMode::JwtCookie;
    settings.tokens.session_cookie = Some(true);
    settings.jwt.csrf = true;
    // What is not hidden from scripts stands in the answers too, and must be nowhere else all the same.
    settings.jwt.cookie_http_only = false;
}

/// Takes note of every value that a browser was told to keep, and of the tokens in the body.
fn take(secrets: &mut BTreeSet<String>, answer: &TestAnswer) -> String {
    let mut cookies = Vec::new();
    for line in answer.headers.get_all("set-cookie") {
        let pair = line.to_str().unwrap().split(';').next().unwrap();
        cookies.push(pair.to_owned());
        secrets.insert(pair.split_once('=').unwrap().1.to_owned());
    }
    for member in ["access", "refresh"] {
        secrets.extend(answer.json()[member].as_str().filter(|text| !text.is_empty()).map(str::to_owned));
    }
    cookies.join("; ")
}

/// Sent by a page of ours, with these cookies.
fn here<'a>(request: TestRequest<'a>, cookies: &str) -> TestRequest<'a> {
    let csrf = cookies.split("; ").find_map(|pair| pair.strip_prefix("csrftoken=")).unwrap_or("x").to_owned();
    request.header("origin", "http://127.0.0.1:8000").header("cookie", cookies).header("x-csrftoken", &csrf)
}

/// A browser's life with tokens in cookies, and every secret that was in play.
async fn life_in_cookies(app: &TestApp) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    let first = app.post("registration/", super::registration("findable-name", PASSWORD)).send().await.expect(201);
    let cookies = take(&mut secrets, &first);
    here(app.patch("user/", json!({ "first_name": "F" })), &cookies).send().await.expect(200);
    let refreshed = here(app.post("token/refresh/", json!({})), &cookies).send().await.expect(200);
    take(&mut secrets, &refreshed);
    let again = here(app.post("token/refresh/", json!({ "refresh": first.json()["refresh"] })), "x=y").send().await.expect(200);
    take(&mut secrets, &again);
    app.clock.advance(std::time::Duration::from_secs(11));
    let proven = here(app.post("reauthenticate/", json!({ "password": PASSWORD })), &cookies).send().await.expect(200);
    let cookies = take(&mut secrets, &proven);
    app.post("token/verify/", json!({ "token": again.json()["refresh"] })).send().await.expect(400);
    here(app.post("token/introspect/", json!({ "token": again.json()["access"] })), &cookies).send().await.expect(200);
    // Shown where they do not belong, and by somebody who has stolen one.
    for path in ["registration/verify-email/", "email/change/confirm/"] {
        app.post(path, json!({ "key": first.json()["refresh"] })).send().await;
    }
    let second = login(app, "findable-name", PASSWORD).send().await.expect(200);
    let cookies = take(&mut secrets, &second);
    let third = here(app.post("token/refresh/", json!({})), &cookies).send().await.expect(200);
    take(&mut secrets, &third);
    let fourth = app.post("token/refresh/", json!({ "refresh": third.json()["refresh"] })).send().await.expect(200);
    take(&mut secrets, &fourth);
    app.post("token/refresh/", json!({ "refresh": second.json()["refresh"] })).send().await.expect(401);
    let last = login(app, "findable-name", PASSWORD).send().await.expect(200);
    let cookies = take(&mut secrets, &last);
    here(app.request(Method::POST, "sessions/end-others/"), &cookies).send().await.expect(200);
    here(app.request(Method::POST, "logout/"), &cookies).send().await.expect(200);
    housekeeping::keep_house(&app.auth).await.unwrap();
    app.deliver().await;
    secrets
}

#[tokio::test]
async fn t80_no_token_and_nothing_that_scripts_repeat_is_kept_anywhere() {
    on_both(tokens_in_cookies, async |app| {
        let journal = Journal::begin();
        let secrets = life_in_cookies(app).await;
        let tokens: Vec<&String> = secrets.iter().filter(|secret| secret.starts_with("ey")).collect();
        assert!(tokens.len() >= 12 && secrets.len() >= 20, "{} of {}", tokens.len(), secrets.len());
        // A signature alone would do for whoever can guess the rest.
        let signatures = tokens.iter().map(|token| token.rsplit('.').next().unwrap().to_owned());
        for secret in secrets.iter().cloned().chain(signatures) {
            assert_eq!(scan::find(app, &journal, &secret).await, [""; 0], "{secret}");
        }
        let reused = "SELECT COUNT(*) FROM auth_audit WHERE event = 'refresh.reused'";
        assert_eq!(app.count(reused).await, 1, "a theft was told of, and the scan saw that too");
        let places = scan::find(app, &journal, "findable-name").await;
        assert!(places.contains(&"auth_users.username".to_owned()), "{places:?}");
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
