//! `reauthenticate/`: what a session goes on with after its password was proven once more.

use std::time::Duration;

use serde_json::json;
use vestibule::Settings;
use vestibule::testing::{TestAnswer, TestApp, TestRequest, on_both};

use crate::cookies::{HERE, cookie, set_cookies};
use crate::exchange::{OTHER, PASSWORD, detail};
use crate::refresh::refresh;
use crate::tokens::{bearer, in_cookies, jwt, registered, text, user};

const ELEVEN_MINUTES: Duration = Duration::from_secs(11 * 60);

fn session_cookie(settings: &mut Settings) {
    settings.tokens.session_cookie = Some(true);
}

fn prove(app: &TestApp) -> TestRequest<'_> {
    app.post("reauthenticate/", json!({ "password": PASSWORD })).header("origin", HERE)
}

/// Asks for another address without a password, which takes a proof of a moment ago.
fn change_email(app: &TestApp) -> TestRequest<'_> {
    app.post("email/change/", json!({ "email": "new@example.org" })).header("origin", HERE)
}

fn is_proven(answer: &TestAnswer) {
    assert_eq!(answer.json(), detail("Your password was right."), "nothing but cookies is new");
}

#[tokio::test]
async fn t26_a_session_cookie_is_new_and_the_one_before_is_nobodys() {
    on_both(session_cookie, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let (before, key) = (cookie(&first, "session"), first.key());
        app.advance(ELEVEN_MINUTES);
        let wrong = app.post("reauthenticate/", json!({ "password": "wrong" })).header("origin", HERE);
        let wrong = wrong.header("cookie", &format!("session={before}")).send().await.expect(400);
        assert!(wrong.headers.get("set-cookie").is_none());
        let answer = prove(&app).header("cookie", &format!("session={before}")).send().await.expect(200);
        is_proven(&answer);
        let after = cookie(&answer, "session");
        assert_ne!(before, after);
        let get = async |value: &str| app.get("user/").header("cookie", &format!("session={value}")).send().await.status;
        assert_eq!((get(&before).await, get(&after).await), (401, 200));
        prove(&app).header("cookie", &format!("session={before}")).send().await.expect(401);
        change_email(&app).header("cookie", &format!("session={before}")).send().await.expect(401);
        change_email(&app).header("cookie", &format!("session={after}")).send().await.expect(200);
        // The key beside it is the same session's, and stays.
        assert_eq!(user_by_key(&app, &key).await, 200);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions").await, 1);
        app.deliver().await;
    })
    .await;
}

async fn user_by_key(app: &TestApp, key: &str) -> u16 {
    app.get("user/").token(key).send().await.status
}

#[tokio::test]
async fn t26_tokens_in_cookies_get_the_name_of_a_session_that_nobody_knew() {
    on_both(in_cookies, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let renew = async |refresh: &str| {
            let request = app.post("token/refresh/", json!({})).header("origin", HERE);
            request.header("cookie", &format!("refresh={refresh}")).send().await
        };
        app.advance(ELEVEN_MINUTES);
        let second = renew(&cookie(&first, "refresh")).await.expect(200);
        let (access, refresh_token) = (cookie(&second, "access"), cookie(&second, "refresh"));
        let cookies = format!("access={access}; refresh={refresh_token}");
        let answer = prove(&app).header("cookie", &cookies).send().await.expect(200);
        is_proven(&answer);
        user(&app, &access).await.expect(401);
        app.post("token/verify/", json!({ "token": refresh_token })).send().await.expect(400);
        change_email(&app).header("cookie", &cookies).send().await.expect(401);
        let new = cookie(&answer, "access");
        user(&app, &new).await.expect(200);
        change_email(&app).header("cookie", &format!("access={new}")).send().await.expect(200);
        renew(&refresh_token).await.expect(401);
        renew(&cookie(&answer, "refresh")).await.expect(200);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions").await, 1);
        let names = "SELECT COUNT(*) FROM auth_audit a JOIN auth_sessions s ON a.data LIKE '%\"new_sid\":%' || s.sid || '%'";
        let names = if app.auth.db().is_shared() {
            "SELECT COUNT(*) FROM auth_audit a JOIN auth_sessions s ON a.data->>'new_sid' = s.sid"
        } else {
            names
        };
        assert_eq!(app.count(names).await, 1, "the trail leads from one name to the other");
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn a_key_and_tokens_in_the_body_stay_what_they_are() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let key = app.register("ana").await;
            app.advance(ELEVEN_MINUTES);
            let answer = prove(&app).token(&key).send().await.expect(200);
            assert!(answer.headers.get("set-cookie").is_none());
            change_email(&app).token(&key).send().await.expect(200);
            app.deliver().await;
        },
    )
    .await;
    on_both(jwt, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        app.advance(ELEVEN_MINUTES);
        let pair = refresh(&app, &text(&first, "refresh")).await.expect(200);
        let answer = bearer(prove(&app), &text(&pair, "access")).send().await.expect(200);
        assert!(answer.headers.get("set-cookie").is_none());
        bearer(change_email(&app), &text(&pair, "access")).send().await.expect(200);
        refresh(&app, &text(&pair, "refresh")).await.expect(200);
        app.deliver().await;
    })
    .await;
}

/// A client that takes the tokens out of the body has no cookies to be given others in: its own stay what they are.
#[tokio::test]
async fn t26_whoever_holds_tokens_in_hand_goes_on_with_them_where_browsers_have_them_in_cookies() {
    on_both(in_cookies, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let access = text(&first, "access");
        let change = json!({ "old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER });
        for (path, body) in [
            ("reauthenticate/", json!({ "password": PASSWORD })),
            ("sessions/end-others/", json!({})),
            ("password/change/", change),
        ] {
            let answer = bearer(app.post(path, body), &access).send().await.expect(200);
            assert_eq!((set_cookies(&answer, "access"), set_cookies(&answer, "refresh")), (vec![], vec![]), "{path}");
            user(&app, &access).await.expect(200);
        }
        let renewed = app.post("token/refresh/", json!({})).header("origin", HERE);
        renewed.header("cookie", &format!("refresh={}", cookie(&first, "refresh"))).send().await.expect(200);
        app.deliver().await;
    })
    .await;
}

/// A cookie is new, the tokens beside it are not: the time in which one that is used up is given again goes on as well.
#[tokio::test]
async fn t37_a_new_cookie_gives_no_token_of_before_another_chance() {
    let change = |settings: &mut Settings| {
        jwt(settings);
        session_cookie(settings);
    };
    on_both(change, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let used_up = text(&first, "refresh");
        refresh(&app, &used_up).await.expect(200);
        app.advance(Duration::from_secs(11));
        let answer = prove(&app).header("cookie", &format!("session={}", cookie(&first, "session"))).send().await.expect(200);
        let after = cookie(&answer, "session");
        refresh(&app, &used_up).await.expect(401);
        app.get("user/").header("cookie", &format!("session={after}")).send().await.expect(401);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_audit WHERE event = 'refresh.reused'").await, 1);
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn t69_a_browser_that_is_known_stays_so() {
    let change = |settings: &mut Settings| {
        session_cookie(settings);
        settings.limits.enabled = true;
        settings.limits.login_failed = "2/24h/account".parse().unwrap();
    };
    on_both(change, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let known = format!("session={}; device={}", cookie(&first, "session"), cookie(&first, "device"));
        let login = |password: &str| app.post("login/", json!({ "username": "ana", "password": password }));
        for _ in 0..2 {
            login("wrong").send().await.expect(400);
        }
        login(PASSWORD).send().await.expect(429);
        // A stranger's failures stand in nobody's way here either.
        let answer = prove(&app).header("cookie", &known).send().await.expect(200);
        assert_eq!(set_cookies(&answer, "device"), [""; 0], "the one it has counts on");
        login(PASSWORD).header("cookie", &format!("device={}", cookie(&first, "device"))).send().await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn t68_right_passwords_are_counted_before_they_are_hashed_too() {
    let limited = |settings: &mut Settings| {
        settings.limits.enabled = true;
        settings.limits.login = "3/m/ip".parse().unwrap();
    };
    on_both(limited, async |app: TestApp| {
        let key = app.register("ana").await;
        let hashes = app.auth.hash_computations();
        for _ in 0..3 {
            prove(&app).token(&key).send().await.expect(200);
        }
        let wait = prove(&app).token(&key).send().await.expect(429).retry_after();
        assert_eq!(app.auth.hash_computations(), hashes + 3);
        app.advance(wait);
        prove(&app).token(&key).send().await.expect(200);
    })
    .await;
}
