//! JSON Web Tokens over HTTP: what a login gives in each mode, what opens, what logs out.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::accounts::admin;
use vestibule::settings::TokenMode;
use vestibule::testing::{TestAnswer, TestApp, TestRequest, on_both};

use crate::cookies::{HERE, cookie, set_cookies};
use crate::exchange::{OTHER, PASSWORD, detail};

pub(crate) fn jwt(settings: &mut Settings) {
    settings.tokens.mode = TokenMode::Jwt;
}

pub(crate) fn in_cookies(settings: &mut Settings) {
    settings.tokens.mode = TokenMode::JwtCookie;
}

fn body(name: &str) -> Value {
    json!({ "username": name, "email": format!("{name}@example.org"), "password1": PASSWORD, "password2": PASSWORD })
}

/// Registers, and gives the answer.
pub(crate) async fn registered(app: &TestApp, name: &str) -> TestAnswer {
    app.post("registration/", body(name)).send().await.expect(201)
}

/// A member of an answer that is a text.
pub(crate) fn text(answer: &TestAnswer, member: &str) -> String {
    answer.json()[member].as_str().unwrap_or_else(|| panic!("no {member} in {}", answer.text)).to_owned()
}

/// With an access token.
pub(crate) fn bearer<'a>(request: TestRequest<'a>, token: &str) -> TestRequest<'a> {
    request.header("authorization", &format!("Bearer {token}"))
}

pub(crate) async fn user(app: &TestApp, access: &str) -> TestAnswer {
    bearer(app.get("user/"), access).send().await
}

fn refused_access(why: &str) -> Value {
    let message = json!({ "token_class": "AccessToken", "token_type": "access", "message": why });
    json!({ "detail": "Given token not valid for any token type", "code": "token_not_valid", "messages": [message] })
}

fn not_valid(why: &str) -> Value {
    json!({ "detail": why, "code": "token_not_valid" })
}

#[tokio::test]
async fn a_login_gives_a_pair_in_the_body_and_the_user_as_recorded() {
    let change = |settings: &mut Settings| {
        jwt(settings);
        settings.jwt.return_expiration = true;
    };
    on_both(change, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        assert!(first.json().get("access_expiration").is_none(), "as recorded, at a login alone: {}", first.text);
        let login = app.post("login/", json!({ "username": "ana", "password": PASSWORD })).send().await.expect(200);
        assert!(login.headers.get("set-cookie").is_none());
        assert_eq!(login.json()["access_expiration"], "2026-01-01T00:05:00.000000Z");
        assert_eq!(login.json()["refresh_expiration"], "2026-01-08T00:00:00.000000Z");
        let shown = user(&app, &text(&login, "access")).await.expect(200);
        assert_eq!(login.json()["user"], shown.json());
        assert_eq!(shown.json()["username"], "ana");
        let (access, refresh) = (text(&login, "access"), text(&login, "refresh"));
        for (token, why) in [("garbage", "Token is invalid"), (&refresh, "Token has wrong type")] {
            let answer = user(&app, token).await.expect(401);
            assert_eq!(answer.json(), refused_access(why));
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"api\"");
        }
        let anonymous = detail("Authentication credentials were not provided.");
        assert_eq!(app.get("user/").send().await.expect(401).json(), anonymous);
        assert_eq!(app.get("user/").token(&access).send().await.expect(401).json(), anonymous, "a token is no key");
        let alone = app.get("user/").header("authorization", "Bearer").send().await.expect(401).json();
        assert_eq!(alone["code"], "bad_authorization_header");
        app.advance(Duration::from_secs(301));
        assert_eq!(user(&app, &access).await.expect(401).json(), refused_access("Token is expired"));
        app.post("login/", json!({ "username": "ana", "password": PASSWORD }))
            .header("authorization", &format!("Bearer {access}"))
            .send()
            .await
            .expect(200);
    })
    .await;
}

#[tokio::test]
async fn t42_t41_with_cookies_the_refresh_token_is_in_its_cookie_and_nowhere_else() {
    let change = |settings: &mut Settings| {
        in_cookies(settings);
        settings.server.public_url = Some("https://auth.example.org".into());
    };
    on_both(change, async |app: TestApp| {
        for answer in [
            registered(&app, "ana").await,
            app.post("login/", json!({ "username": "ana", "password": PASSWORD })).send().await.expect(200),
        ] {
            assert_eq!(text(&answer, "refresh"), "");
            let (access, refresh) = (set_cookies(&answer, "__Host-access")[0], set_cookies(&answer, "__Secure-refresh")[0]);
            assert!(access.ends_with("; HttpOnly; Max-Age=300; Path=/; SameSite=Lax; Secure"), "{access}");
            assert!(refresh.ends_with("; HttpOnly; Max-Age=604800; Path=/auth/; SameSite=Lax; Secure"), "{refresh}");
            assert!(access.len() < 4096 && refresh.len() < 4096);
            assert_eq!(cookie(&answer, "__Host-access"), text(&answer, "access"));
            let token = cookie(&answer, "__Secure-refresh");
            assert!(!answer.text.contains(&token));
            let request = app.post("token/refresh/", json!({})).header("cookie", &format!("__Secure-refresh={token}"));
            let next = request.header("origin", "https://auth.example.org").send().await.expect(200);
            assert!(next.json().get("refresh").is_none() && next.json().get("refresh_expiration").is_none(), "{}", next.text);
            assert_eq!(cookie(&next, "__Host-access"), text(&next, "access"));
            assert_ne!(cookie(&next, "__Secure-refresh"), token);
        }
    })
    .await;
    // Where the owner lets scripts read the cookies, it is in both places.
    let open = |settings: &mut Settings| {
        in_cookies(settings);
        settings.jwt.cookie_http_only = false;
    };
    on_both(open, async |app: TestApp| {
        let answer = registered(&app, "ana").await;
        assert_eq!(cookie(&answer, "refresh"), text(&answer, "refresh"));
        assert!(!set_cookies(&answer, "refresh")[0].contains("HttpOnly"));
    })
    .await;
}

#[tokio::test]
async fn cookies_open_what_they_may_and_a_dead_one_breaks_nothing_public() {
    on_both(in_cookies, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let (access, refresh) = (cookie(&first, "access"), cookie(&first, "refresh"));
        let get = async |cookies: String| app.get("user/").header("cookie", &cookies).send().await;
        get(format!("access={access}")).await.expect(200);
        let anonymous = detail("Authentication credentials were not provided.");
        assert_eq!(get(format!("refresh={refresh}")).await.expect(401).json(), anonymous);
        assert_eq!(get("access=garbage".into()).await.expect(401).json(), refused_access("Token is invalid"));
        assert_eq!(get(format!("access={refresh}")).await.expect(401).json(), refused_access("Token has wrong type"));
        assert_eq!(get(format!("access={access}; access=x")).await.expect(401).json(), refused_access("Token is invalid"));
        let beside = app.get("user/").header("cookie", &format!("access={access}"));
        assert_eq!(
            beside.header("authorization", "Bearer bad").send().await.expect(401).json(),
            refused_access("Token is invalid")
        );
        let beside = app.get("user/").header("cookie", &format!("access={access}"));
        assert_eq!(beside.header("authorization", "Token x").send().await.expect(401).json(), anonymous, "the header decides");
        app.advance(Duration::from_secs(301));
        assert_eq!(get(format!("access={access}")).await.expect(401).json(), refused_access("Token is expired"));
        for dead in [format!("access={access}; refresh={refresh}"), "access=garbage; refresh=garbage".into()] {
            let login = app.post("login/", json!({ "username": "ana", "password": PASSWORD })).header("cookie", &dead);
            login.send().await.expect(200);
            app.post("password/reset/", json!({ "email": "x@example.org" })).header("cookie", &dead).send().await.expect(200);
            app.post("token/verify/", json!({ "token": "x" })).header("cookie", &dead).send().await.expect(401);
            let out =
                app.request(Method::POST, "logout/").header("cookie", &dead).header("origin", HERE).send().await.expect(200);
            assert_eq!(out.json(), detail("Successfully logged out."));
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions").await, 2, "the first has ended by its refresh token");
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn t27_logging_out_ends_the_whole_family_with_whatever_names_it() {
    on_both(jwt, async |app: TestApp| {
        for round in 0..5 {
            let login = match round {
                0 => registered(&app, "ana").await,
                _ => app.post("login/", json!({ "username": "ana", "password": PASSWORD })).send().await.expect(200),
            };
            let (access, refresh) = (text(&login, "access"), text(&login, "refresh"));
            let out = |body: Value| app.post("logout/", body);
            let out = match round {
                0 => bearer(out(json!({})), &access),
                1 => out(json!({ "refresh": refresh })),
                2 => bearer(out(json!({ "refresh": refresh })), "garbage"),
                3 => bearer(out(json!({ "refresh": "garbage" })), &access),
                _ => bearer(out(json!({ "refresh": null })), &access),
            };
            assert_eq!(out.send().await.expect(200).json(), detail("Successfully logged out."));
            assert_eq!(user(&app, &access).await.expect(401).json(), refused_access("Token is invalid"));
            let again = app.post("token/refresh/", json!({ "refresh": refresh })).send().await.expect(401);
            assert_eq!(again.json(), not_valid("Token is blacklisted"));
            app.post("token/verify/", json!({ "token": access })).send().await.expect(401);
            let verify = app.post("token/verify/", json!({ "token": refresh })).send().await.expect(400);
            assert_eq!(verify.json(), json!({ "non_field_errors": ["Token is blacklisted"] }));
            bearer(app.post("logout/", json!({ "refresh": refresh })), &access).send().await.expect(200);
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions").await, 0);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_audit WHERE event = 'session.ended'").await, 5);
    })
    .await;
    on_both(in_cookies, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let cookies = format!("access={}; refresh={}", cookie(&first, "access"), cookie(&first, "refresh"));
        for cookies in [cookies.as_str(), cookies.as_str(), "x=y"] {
            let out =
                app.request(Method::POST, "logout/").header("cookie", cookies).header("origin", HERE).send().await.expect(200);
            let gone = "=\"\"; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=";
            assert_eq!(set_cookies(&out, "access"), [format!("access{gone}/; SameSite=Lax")]);
            assert_eq!(set_cookies(&out, "refresh"), [format!("refresh{gone}/auth/; SameSite=Lax")]);
            user(&app, &cookie(&first, "access")).await.expect(401);
        }
    })
    .await;
}

#[tokio::test]
async fn t44_another_site_can_neither_refresh_nor_log_in_nor_out_with_cookies() {
    on_both(in_cookies, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let cookies = format!("access={}; refresh={}", cookie(&first, "access"), cookie(&first, "refresh"));
        let login = json!({ "username": "ana", "password": PASSWORD });
        for (path, body) in
            [("login/", login), ("registration/", body("bob")), ("token/refresh/", json!({})), ("logout/", json!({}))]
        {
            for (name, value) in [("origin", "https://evil.test"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
                let answer = app.post(path, body.clone()).header("cookie", &cookies).header(name, value).send().await.expect(403);
                assert!(answer.text.contains("CSRF Failed: ") && answer.headers.get("set-cookie").is_none());
            }
        }
        app.post("token/refresh/", json!({})).header("cookie", &cookies).send().await.expect(403);
        user(&app, &cookie(&first, "access")).await.expect(200);
        app.post("token/refresh/", json!({})).header("cookie", &cookies).header("origin", HERE).send().await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn asking_whether_a_token_counts_changes_nothing_so_no_cookie_stands_in_the_way() {
    let change = |settings: &mut Settings| {
        in_cookies(settings);
        settings.jwt.csrf = true;
    };
    on_both(change, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let access = cookie(&first, "access");
        let cookies = format!("access={access}; csrftoken={}", cookie(&first, "csrftoken"));
        let verify = |token: &str| app.post("token/verify/", json!({ "token": token })).header("cookie", &cookies);
        assert_eq!(verify(&access).send().await.expect(200).json(), json!({}));
        verify(&access).header("origin", HERE).send().await.expect(200);
        verify(&access).header("origin", "https://evil.test").send().await.expect(200);
        verify("garbage").header("origin", HERE).send().await.expect(401);
        let patch = app.patch("user/", json!({ "first_name": "A" })).header("cookie", &cookies).header("origin", HERE);
        patch.send().await.expect(403);
    })
    .await;
}

#[tokio::test]
async fn t29_disabling_an_account_ends_its_tokens_at_the_next_request() {
    on_both(jwt, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let (access, refresh) = (text(&first, "access"), text(&first, "refresh"));
        let id = admin::find(&app.auth, "ana").await.unwrap().id;
        let twin = app.twin().await;
        user(&twin, &access).await.expect(200);
        assert!(admin::disable(&app.auth, id).await.unwrap());
        for door in [&app, &twin] {
            user(door, &access).await.expect(401);
            door.post("token/refresh/", json!({ "refresh": refresh })).send().await.expect(401);
            door.post("token/verify/", json!({ "token": access })).send().await.expect(401);
            door.post("token/verify/", json!({ "token": refresh })).send().await.expect(400);
        }
        assert!(admin::enable(&app.auth, id).await.unwrap());
        user(&app, &access).await.expect(401);
        app.post("token/refresh/", json!({ "refresh": refresh })).send().await.expect(401);
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn t06_after_a_change_of_password_tokens_in_the_body_go_on_and_cookies_get_a_new_name() {
    let change = json!({ "old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER });
    on_both(jwt, async |app: TestApp| {
        let (first, other) =
            (registered(&app, "ana").await, app.post("login/", json!({ "username": "ana", "password": PASSWORD })));
        let other = other.send().await.expect(200);
        let (access, refresh) = (text(&first, "access"), text(&first, "refresh"));
        bearer(app.post("password/change/", change.clone()), &access).send().await.expect(200);
        user(&app, &access).await.expect(200);
        app.post("token/refresh/", json!({ "refresh": refresh })).send().await.expect(200);
        user(&app, &text(&other, "access")).await.expect(401);
        app.post("token/refresh/", json!({ "refresh": text(&other, "refresh") })).send().await.expect(401);
        app.deliver().await;
    })
    .await;
    on_both(in_cookies, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let (access, refresh) = (cookie(&first, "access"), cookie(&first, "refresh"));
        let request = app.post("password/change/", change.clone()).header("origin", HERE);
        let changed = request.header("cookie", &format!("access={access}; refresh={refresh}")).send().await.expect(200);
        user(&app, &access).await.expect(401);
        app.post("token/refresh/", json!({ "refresh": refresh })).send().await.expect(401);
        user(&app, &cookie(&changed, "access")).await.expect(200);
        app.post("token/refresh/", json!({ "refresh": cookie(&changed, "refresh") })).send().await.expect(200);
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn t35_a_token_is_verified_by_its_kind_and_nothing_else_passes_for_one() {
    on_both(jwt, async |app: TestApp| {
        let first = registered(&app, "ana").await;
        let verify = async |token: Value| app.post("token/verify/", json!({ "token": token })).send().await;
        for member in ["access", "refresh"] {
            let token = text(&first, member);
            for _ in 0..2 {
                assert_eq!(verify(token.clone().into()).await.expect(200).json(), json!({}), "looking does not use it up");
            }
            let cut = &token[..token.len() - 4];
            assert_eq!(verify(format!("{cut}AAAA").into()).await.expect(401).json(), not_valid("Token is invalid"));
        }
        assert_eq!(verify("garbage".into()).await.expect(401).json(), not_valid("Token is invalid"));
        assert_eq!(verify(7.into()).await.expect(401).json(), not_valid("Token is invalid"));
        assert_eq!(verify("".into()).await.expect(400).json(), json!({ "token": ["This field may not be blank."] }));
        assert_eq!(verify(Value::Null).await.expect(400).json(), json!({ "token": ["This field may not be null."] }));
        let unsigned =
            "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwiZXhwIjo0MTAyNDQ0ODAwLCJ1c2VyX2lkIjoiMSJ9.";
        assert_eq!(user(&app, unsigned).await.expect(401).json(), refused_access("Token is invalid"));
        let refresh = async |token: Value| app.post("token/refresh/", json!({ "refresh": token })).send().await;
        assert_eq!(refresh(text(&first, "access").into()).await.expect(401).json(), not_valid("Token has wrong type"));
        assert_eq!(refresh("garbage".into()).await.expect(401).json(), not_valid("Token is invalid"));
        assert_eq!(refresh("".into()).await.expect(400).json(), json!({ "refresh": ["This field may not be blank."] }));
        let missing = app.post("token/refresh/", json!({})).send().await.expect(401);
        assert_eq!(missing.json(), not_valid("No valid refresh token found."));
        app.advance(Duration::from_secs(301));
        assert_eq!(verify(text(&first, "access").into()).await.expect(401).json(), not_valid("Token is expired"));
    })
    .await;
}

#[tokio::test]
async fn a_token_is_introspected_for_its_owner_and_for_staff_and_for_nobody_else() {
    on_both(jwt, async |app: TestApp| {
        let (ana, bob) = (registered(&app, "ana").await, registered(&app, "bob").await);
        let (access, refresh) = (text(&ana, "access"), text(&ana, "refresh"));
        let ask = async |who: &TestAnswer, token: &str| {
            let request = app.post("token/introspect/", json!({ "token": token }));
            bearer(request, &text(who, "access")).send().await.expect(200).json()
        };
        let own = ask(&ana, &access).await;
        assert_eq!((&own["active"], &own["token_type"], &own["username"]), (&json!(true), &json!("access"), &json!("ana")));
        assert_eq!((&own["iat"], &own["exp"]), (&json!(1_767_225_600), &json!(1_767_225_900)));
        assert_eq!(ask(&ana, &refresh).await["token_type"], "refresh");
        app.post("token/introspect/", json!({ "token": access })).send().await.expect(401);
        for token in [access.as_str(), &refresh, "garbage"] {
            assert_eq!(ask(&bob, token).await, json!({ "active": false }));
        }
        let id = admin::find(&app.auth, "bob").await.unwrap().id.as_i64();
        let sql = "UPDATE auth_users SET is_staff = TRUE WHERE id = $1";
        app.auth.db().unit(move |tx| async move { tx.run(sql, vestibule::params![id]).await }).await.unwrap();
        assert_eq!(ask(&bob, &access).await["active"], true);
        bearer(app.post("logout/", json!({})), &access).send().await.expect(200);
        assert_eq!(ask(&bob, &access).await, json!({ "active": false }), "the live answer");
        assert_eq!(ask(&bob, &refresh).await, json!({ "active": false }));
    })
    .await;
    on_both(
        |_| {},
        async |app: TestApp| {
            let key = app.register("ana").await;
            let own = app.post("token/introspect/", json!({ "token": key })).token(&key).send().await.expect(200).json();
            assert_eq!((&own["active"], &own["token_type"]), (&json!(true), &json!("key")));
            app.post("token/verify/", json!({ "token": key })).token(&key).send().await.expect(404);
        },
    )
    .await;
}
