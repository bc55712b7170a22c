//! The session cookie: who gets one, what it opens, and what another site can do with it.

use http::Method;
use serde_json::json;
use vestibule::Settings;
use vestibule::testing::app::PASSWORD;
use vestibule::testing::{TestAnswer, TestApp, on_both};

use crate::exchange::{compat, detail};

pub(crate) const HERE: &str = "http://127.0.0.1:8000";

/// The whole `Set-Cookie` lines of that name.
pub(crate) fn set_cookies<'a>(answer: &'a TestAnswer, name: &str) -> Vec<&'a str> {
    let lines = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    lines.filter(|line| line.split('=').next() == Some(name)).collect()
}

/// The value that an answer sets.
pub(crate) fn cookie(answer: &TestAnswer, name: &str) -> String {
    let lines = set_cookies(answer, name);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].split(';').next().unwrap().split_once('=').unwrap().1.to_owned()
}

fn with_cookie(settings: &mut Settings) {
    settings.tokens.session_cookie = Some(true);
}

async fn log_in(app: &TestApp) -> TestAnswer {
    app.register("ana").await;
    app.post("login/", json!({ "username": "ana", "password": PASSWORD })).send().await.expect(200)
}

#[tokio::test]
async fn t41_a_login_sets_a_cookie_only_where_the_settings_say_so_and_with_every_guard() {
    on_both(
        |_| {},
        async |app: TestApp| {
            assert!(log_in(&app).await.headers.get("set-cookie").is_none(), "strict sets none");
        },
    )
    .await;
    on_both(compat, async |app: TestApp| {
        let lines = set_cookies(&log_in(&app).await, "sessionid").join("");
        assert!(lines.ends_with("; HttpOnly; Max-Age=7776000; Path=/; SameSite=Lax"), "{lines}");
    })
    .await;
    let https = |settings: &mut Settings| {
        with_cookie(settings);
        settings.server.public_url = Some("https://auth.example.org".into());
    };
    on_both(https, async |app: TestApp| {
        let lines = set_cookies(&log_in(&app).await, "__Host-session").join("");
        assert!(lines.ends_with("; HttpOnly; Max-Age=7776000; Path=/; SameSite=Lax; Secure"), "{lines}");
    })
    .await;
}

#[tokio::test]
async fn t26_a_cookie_is_new_at_every_login_and_opens_what_its_key_opens() {
    on_both(with_cookie, async |app: TestApp| {
        app.register("ana").await;
        let body = json!({ "username": "ana", "password": PASSWORD });
        let brought = "session=0123456789abcdef0123456789abcdef01234567";
        let first = app.post("login/", body.clone()).header("cookie", brought).send().await.expect(200);
        let second = app.post("login/", body).header("cookie", brought).send().await.expect(200);
        let (one, two) = (cookie(&first, "session"), cookie(&second, "session"));
        assert!(one != two && !brought.contains(&one), "never one that was brought along");
        let user = async |value: &str| app.get("user/").header("cookie", &format!("a=b; session={value}")).send().await;
        assert_eq!(user(&one).await.expect(200).json()["username"], "ana");
        let unknown = user("0123456789abcdef0123456789abcdef01234567").await.expect(401);
        assert_eq!(unknown.json(), detail("Authentication credentials were not provided."));
        // One login is one session, so the key ends the cookie; and neither stands for the other (T35).
        app.get("user/").token(&one).send().await.expect(401);
        user(&first.key()).await.expect(401);
        app.request(Method::POST, "logout/").token(&first.key()).send().await.expect(200);
        user(&one).await.expect(401);
        user(&two).await.expect(200);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions WHERE cookie_hash IS NOT NULL").await, 2);
    })
    .await;
}

#[tokio::test]
async fn t26_two_cookies_of_one_name_show_nobody_and_a_broken_one_stands_in_nobodys_way() {
    on_both(compat, async |app: TestApp| {
        let value = cookie(&log_in(&app).await, "sessionid");
        let login = json!({ "username": "ana", "password": PASSWORD });
        for sent in [format!("sessionid={value}; sessionid=x"), "sessionid=\"".into(), "sessionid=".into(), "=; ;;".into()] {
            app.get("user/").header("cookie", &sent).send().await.expect(401);
            app.post("login/", login.clone()).header("cookie", &sent).send().await.expect(200);
            app.post("password/reset/", json!({ "email": "x@example.org" })).header("cookie", &sent).send().await.expect(200);
            app.request(Method::POST, "logout/").header("cookie", &sent).send().await.expect(200);
        }
        app.get("user/").header("cookie", &format!("sessionid={value}; sessionid={value}")).send().await.expect(200);
        app.get("user/").header("cookie", "x=y").header("cookie", &format!("sessionid={value}")).send().await.expect(200);
        // The header decides.
        let both = app.get("user/").header("cookie", &format!("sessionid={value}")).token("garbage");
        both.send().await.expect(401);
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn t06_a_changed_password_gives_the_browser_a_new_cookie_and_ends_the_one_before() {
    on_both(with_cookie, async |app: TestApp| {
        let before = cookie(&log_in(&app).await, "session");
        let body = json!({ "old_password": PASSWORD, "new_password1": "An0ther-pass-7q", "new_password2": "An0ther-pass-7q" });
        let send = app.post("password/change/", body).header("origin", HERE).header("cookie", &format!("session={before}"));
        let after = cookie(&send.send().await.expect(200), "session");
        assert_ne!(before, after);
        app.get("user/").header("cookie", &format!("session={before}")).send().await.expect(401);
        app.get("user/").header("cookie", &format!("session={after}")).send().await.expect(200);
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn t46_logging_out_removes_the_cookie_with_the_attributes_that_set_it() {
    on_both(with_cookie, async |app: TestApp| {
        let value = cookie(&log_in(&app).await, "session");
        let out = || app.request(Method::POST, "logout/").header("origin", HERE).header("cookie", &format!("session={value}"));
        for _ in 0..2 {
            let answer = out().send().await.expect(200);
            let removed = "session=\"\"; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax";
            assert_eq!(set_cookies(&answer, "session"), [removed]);
            app.get("user/").header("cookie", &format!("session={value}")).send().await.expect(401);
        }
    })
    .await;
}

#[tokio::test]
async fn t43_another_site_cannot_use_the_cookie() {
    for compat in [false, true] {
        let change = move |settings: &mut Settings| {
            with_cookie(settings);
            settings.tokens.session_cookie_name = Some("session".into());
            settings.server.cors_origins = vec!["https://app.example.test".into()];
            if compat {
                settings.account.profile = vestibule::settings::Profile::Compat;
            }
        };
        on_both(change, async |app: TestApp| {
            let login = log_in(&app).await;
            let value = cookie(&login, "session");
            let patch =
                |name: &str| app.patch("user/", json!({ "first_name": name })).header("cookie", &format!("session={value}"));
            let forged: [&[(&str, &str)]; 9] = [
                &[("origin", "https://evil.test")],
                &[("origin", "null")],
                &[("origin", "https://app.example.test.evil.test")],
                &[("origin", "https://127.0.0.1:8000")],
                &[("origin", "https://evil.test"), ("sec-fetch-site", "same-origin")],
                &[("sec-fetch-site", "cross-site")],
                &[("sec-fetch-site", "same-site")],
                &[("origin", HERE), ("sec-fetch-site", "cross-site")],
                &[("origin", HERE), ("origin", "https://evil.test")],
            ];
            for headers in forged {
                let request = headers.iter().fold(patch("Evil"), |request, (name, value)| request.header(name, value));
                let text = request.send().await.expect(403).text;
                assert!(text.contains("CSRF Failed: "), "{text}");
                // Neither to get in as somebody else nor to end a session (T44).
                for (path, body) in [("login/", json!({ "username": "ana", "password": PASSWORD })), ("logout/", json!({}))] {
                    let request = headers.iter().fold(app.post(path, body), |request, (name, value)| request.header(name, value));
                    assert!(request.send().await.expect(403).headers.get("set-cookie").is_none());
                }
            }
            let untold = patch("Untold").send().await;
            assert_eq!(untold.status, if compat { 200 } else { 403 }, "{}", untold.text);
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_users WHERE first_name = 'Evil'").await, 0);
            let ours: [&[(&str, &str)]; 6] = [
                &[("origin", HERE)],
                &[("origin", "http://auth.test"), ("host", "auth.test")],
                &[("sec-fetch-site", "same-origin")],
                &[("origin", HERE), ("sec-fetch-site", "same-origin")],
                &[("origin", "https://app.example.test"), ("sec-fetch-site", "cross-site")],
                &[("origin", "https://app.example.test")],
            ];
            for headers in ours {
                headers.iter().fold(patch("Ana"), |request, (name, value)| request.header(name, value)).send().await.expect(200);
            }
            // Who writes the credential into a header needs none of it, and a login without a browser neither.
            let by_header =
                app.patch("user/", json!({ "first_name": "B" })).token(&login.key()).header("origin", "https://evil.test");
            by_header.send().await.expect(200);
            app.post("login/", json!({ "username": "ana", "password": PASSWORD })).send().await.expect(200);
            app.get("user/")
                .header("cookie", &format!("session={value}"))
                .header("origin", "https://evil.test")
                .send()
                .await
                .expect(200);
        })
        .await;
    }
}

#[tokio::test]
async fn t43_with_double_submit_a_script_repeats_the_value_of_its_own_session() {
    let change = |settings: &mut Settings| {
        with_cookie(settings);
        settings.jwt.csrf = true;
    };
    on_both(change, async |app: TestApp| {
        let other = cookie(&log_in(&app).await, "csrftoken");
        let login = app.post("login/", json!({ "username": "ana", "password": PASSWORD })).send().await.expect(200);
        let (session, value) = (cookie(&login, "session"), cookie(&login, "csrftoken"));
        let lines = set_cookies(&login, "csrftoken").join("");
        assert!(lines.ends_with("; Max-Age=31449600; Path=/; SameSite=Lax"), "scripts read it: {lines}");
        assert_ne!(value, other);
        let patch = async |csrf: Option<&str>, repeated: Option<&str>| {
            let cookies = csrf.map_or(format!("session={session}"), |csrf| format!("session={session}; csrftoken={csrf}"));
            let request = app.patch("user/", json!({ "first_name": "A" })).header("origin", HERE).header("cookie", &cookies);
            let request = match repeated {
                Some(repeated) => request.header("x-csrftoken", repeated),
                None => request,
            };
            let answer = request.send().await;
            (answer.status, answer.json()["detail"].as_str().unwrap_or_default().to_owned())
        };
        let refused = |sentence: &str| (403, format!("CSRF Failed: {sentence}"));
        let wrong = refused("CSRF token from the 'X-Csrftoken' HTTP header incorrect.");
        assert_eq!(patch(None, None).await, refused("CSRF cookie not set."));
        assert_eq!(patch(None, Some(&value)).await, refused("CSRF cookie not set."));
        assert_eq!(patch(Some(&value), None).await, refused("CSRF token missing."));
        let length = refused("CSRF token from the 'X-Csrftoken' HTTP header has incorrect length.");
        assert_eq!(patch(Some(&value), Some("abc")).await, length);
        assert_eq!(patch(Some(&value), Some(&other)).await, wrong);
        assert_eq!(patch(Some(&other), Some(&other)).await, wrong, "of another session");
        assert_eq!(patch(Some(&"A".repeat(32)), Some(&"A".repeat(32))).await, wrong, "made up");
        assert_eq!(patch(Some(&value), Some(&value)).await.0, 200);
    })
    .await;
}

#[tokio::test]
async fn t44_a_body_is_of_a_type_that_no_form_can_send_unasked_or_follows_the_same_rule() {
    on_both(with_cookie, async |app: TestApp| {
        let value = cookie(&log_in(&app).await, "session");
        let patch = || app.request(Method::PATCH, "user/").header("cookie", &format!("session={value}"));
        let json = r#"{"first_name":"A"}"#;
        patch().raw("text/plain", json).header("origin", HERE).send().await.expect(415);
        patch().form(&[("first_name", "A")]).header("origin", "https://evil.test").send().await.expect(403);
        patch().form(&[("first_name", "A")]).send().await.expect(403);
        patch().form(&[("first_name", "A")]).header("origin", HERE).send().await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn t45_only_listed_origins_may_read_and_each_is_named_back_exactly() {
    let change = |settings: &mut Settings| settings.server.cors_origins = vec!["https://app.example.test".into()];
    on_both(change, async |app: TestApp| {
        let key = app.register("ana").await;
        let preflight = |origin: &str| {
            let asks = app.request(Method::OPTIONS, "user/").header("origin", origin);
            asks.header("access-control-request-method", "PATCH").header("access-control-request-headers", "authorization")
        };
        let listed = preflight("https://app.example.test").send().await.expect(204);
        assert_eq!(listed.header("access-control-allow-origin"), "https://app.example.test");
        assert_eq!(listed.header("access-control-allow-credentials"), "true");
        assert_eq!(listed.header("access-control-allow-methods"), "GET, PUT, PATCH, HEAD, OPTIONS");
        assert!(listed.header("access-control-allow-headers").contains("Authorization"));
        assert!(listed.header("vary").contains("Origin") && listed.text.is_empty());
        let actual = app.get("user/").token(&key).header("origin", "https://app.example.test").send().await.expect(200);
        assert_eq!(actual.header("access-control-allow-origin"), "https://app.example.test");
        assert!(actual.header("vary").contains("Origin"));
        let refused = app.get("user/").header("origin", "https://app.example.test").send().await.expect(401);
        assert_eq!(refused.header("access-control-allow-origin"), "https://app.example.test", "a page must see why");
        for origin in [
            "https://app.example.test.evil.test",
            "https://evilapp.example.test",
            "http://app.example.test",
            "https://app.example.test:444",
            "null",
            "HTTPS://APP.EXAMPLE.TEST",
            "https://app.example.test/",
            "",
        ] {
            for answer in [preflight(origin).send().await, app.get("user/").token(&key).header("origin", origin).send().await] {
                let given = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-")).count();
                assert_eq!(given, 0, "{origin}: {:?}", answer.headers);
                assert!(answer.header("vary").contains("Origin"));
            }
        }
        let two = app.get("user/").token(&key).header("origin", "https://app.example.test").header("origin", "https://evil.test");
        assert!(two.send().await.headers.get("access-control-allow-origin").is_none());
    })
    .await;
}
