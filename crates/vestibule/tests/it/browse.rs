//! Pages of the endpoints, for people who try them with a browser.

use http::Method;
use serde_json::json;
use vestibule::settings::TokenMode;
use vestibule::testing::{TestAnswer, TestApp, TestRequest, on_both};

use crate::exchange::*;

/// As browsers ask for a page.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn by_browser(request: TestRequest<'_>) -> TestRequest<'_> {
    request.header("accept", BROWSER).header("sec-fetch-site", "same-origin")
}

async fn page(app: &TestApp, path: &str) -> TestAnswer {
    by_browser(app.get(path)).send().await
}

#[track_caller]
fn is_a_page(answer: &TestAnswer) {
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    let policy = answer.header("content-security-policy");
    for part in ["default-src 'none'", "style-src 'sha256-", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !answer.text.contains("<script"), "{policy}");
    assert!(!answer.text.contains("style=\"") && !answer.text.contains(" onclick"), "what the policy would stop");
    assert!(answer.text.starts_with("<!doctype html>") && answer.text.trim_end().ends_with("</html>"));
}

#[tokio::test]
async fn every_endpoint_is_a_page_with_its_forms_and_a_405_shows_the_post_form() {
    on_both(article, async |app: TestApp| {
        let document = app.auth.openapi();
        for (path, item) in document["paths"].as_object().unwrap() {
            let answer = page(&app, path.trim_start_matches('/')).await;
            is_a_page(&answer);
            let status = if item["get"].is_null() { 405 } else { 200 };
            assert!([status, 401].contains(&answer.status), "{path} {}", answer.status);
            assert!(answer.text.contains(&format!("HTTP {}", answer.status)), "{path}");
            if answer.status == 405 && !item["post"]["requestBody"].is_null() {
                assert!(answer.text.contains(r#"<form method="post""#), "{path}");
            }
        }
        let registration = page(&app, "registration/").await.text;
        for part in [r#"name="email" type="email""#, r#"name="phone_number" type="text""#, r#"<option value="F">Female</option>"#]
        {
            assert!(registration.contains(part), "{part} in {registration}");
        }
        assert!(!registration.contains(r#"name="username""#), "names are off");
    })
    .await;
}

#[tokio::test]
async fn errors_stand_beside_their_fields_and_what_was_typed_stays_but_for_passwords() {
    on_both(article, async |app: TestApp| {
        let typed =
            [("email", "nobody"), ("password1", "s3cret-typed-here"), ("password2", "s3cret-typed-here"), ("gender", "F")];
        let answer = by_browser(app.request(Method::POST, "registration/").form(&typed)).send().await.expect(400);
        is_a_page(&answer);
        let beside = |field: &str, error: &str| {
            let (_, behind) = answer.text.split_once(&format!(r#"id="post-{field}-error">"#)).unwrap();
            assert!(behind.trim_start().starts_with(&format!(r#"<p class="error">{error}</p>"#)), "{field}: {behind}");
        };
        beside("email", "Enter a valid email address.");
        beside("phone_number", "This field is required.");
        assert!(answer.text.contains(r#"value="nobody""#) && answer.text.contains(r#"<option value="F" selected>"#));
        assert!(!answer.text.contains("s3cret-typed-here"));
        assert!(
            answer.text.contains(r#"aria-describedby="post-email-error" "#)
                || answer.text.contains(r#"aria-describedby="post-email-error""#)
        );
    })
    .await;
}

#[tokio::test]
async fn t77_what_others_wrote_is_text_on_a_page() {
    let named = |settings: &mut vestibule::Settings| settings.site.name = "<i>Site</i>".into();
    on_both(named, async |app: TestApp| {
        let attack = "\"><script>alert(1)</script>";
        let typed = [("username", attack), ("email", attack), ("password1", "x"), ("password2", "y")];
        let answer = by_browser(app.request(Method::POST, "registration/").form(&typed)).send().await.expect(400);
        is_a_page(&answer);
        assert!(!answer.text.contains("<i>Site") && !answer.text.contains("\"><script"), "{}", answer.text);
        let key = app.register("ana").await;
        app.patch("user/", json!({ "first_name": "</pre><b>&amp;" })).token(&key).send().await.expect(200);
        let user = by_browser(app.get("user/").token(&key)).send().await.expect(200);
        is_a_page(&user);
        assert!(!user.text.contains("<b>") && user.text.contains("&lt;/pre&gt;&lt;b&gt;&amp;amp;"), "{}", user.text);
        assert!(user.text.contains("Signed in as <strong>ana</strong>"));
    })
    .await;
}

#[tokio::test]
async fn a_page_asks_for_the_credential_that_its_json_asks_for() {
    for (mode, scheme) in
        [(TokenMode::Opaque, "Token"), (TokenMode::Jwt, "Bearer realm=\"api\""), (TokenMode::JwtCookie, "Bearer realm=\"api\"")]
    {
        on_both(
            |settings| settings.tokens.mode = mode,
            async |app: TestApp| {
                for answer in [app.get("user/").send().await, page(&app, "user/").await] {
                    assert_eq!(answer.expect(401).header("www-authenticate"), scheme);
                }
            },
        )
        .await;
    }
}

#[tokio::test]
async fn t79_pages_are_closed_where_the_settings_say_so() {
    on_both(
        |settings| settings.docs.browsable = Some(false),
        async |app: TestApp| {
            let answer = page(&app, "login/").await;
            assert_eq!((answer.status, answer.header("content-type")), (405, "application/json"));
        },
    )
    .await;
}

/// A browser: it keeps what it is told to keep, and sends it back.
struct Jar<'a> {
    app: &'a TestApp,
    cookies: std::sync::Mutex<std::collections::BTreeMap<String, String>>,
}

impl Jar<'_> {
    fn new(app: &TestApp) -> Jar<'_> {
        Jar { app, cookies: std::sync::Mutex::default() }
    }

    async fn send(&self, request: TestRequest<'_>) -> TestAnswer {
        let cookies = self.cookies.lock().unwrap().clone();
        let line = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let answer = by_browser(if line.is_empty() { request } else { request.header("cookie", &line) }).send().await;
        for line in answer.headers.get_all("set-cookie") {
            let (pair, attributes) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            match attributes.contains("Max-Age=0;") {
                true => cookies.remove(name),
                false => cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    async fn see(&self, path: &str) -> TestAnswer {
        self.send(self.app.get(path)).await
    }

    /// Fills in a form of that page and sends it, with the members that the page hides.
    async fn fill(&self, page: &TestAnswer, path: &str, method: &str, members: &[(&str, &str)]) -> TestAnswer {
        let token = token_of(page);
        let mut all = vec![("csrfmiddlewaretoken", token.as_str())];
        all.extend((method != "POST").then_some(("_method", method)));
        all.extend(members);
        self.send(self.app.request(Method::POST, path).form(&all)).await
    }
}

#[track_caller]
fn token_of(page: &TestAnswer) -> String {
    let (_, behind) = page.text.split_once(r#"name="csrfmiddlewaretoken" value=""#).unwrap();
    behind.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn one_signs_in_on_a_page_edits_the_account_and_signs_out_whatever_the_settings_give_out() {
    on_both(
        |_| {},
        async |app: TestApp| {
            app.register("ana").await;
            let browser = Jar::new(&app);
            let stranger = browser.see("user/").await.expect(401);
            assert!(
                stranger.text.contains("Sign in</a>") && !stranger.text.contains(r#"id="patch""#),
                "nothing is offered to strangers"
            );

            let login = browser.see("login/").await.expect(405);
            let inside = browser
                .fill(&login, "login/", "POST", &[("username", "ana"), ("email", ""), ("password", PASSWORD)])
                .await
                .expect(200);
            assert!(inside.text.contains("Signed in as <strong>ana</strong>"));
            assert!(
                inside.text.contains("set-cookie:")
                    && !browser.cookies.lock().unwrap().values().any(|value| inside.text.contains(&format!("={value}")))
            );

            let user = browser.see("user/").await.expect(200);
            assert!(user.text.contains(r#"name="_method" value="PATCH""#) && user.text.contains(r#"value="ana""#));
            let edited = browser
                .fill(&user, "user/", "PATCH", &[("username", "ana"), ("first_name", "Ana"), ("last_name", "")])
                .await
                .expect(200);
            assert!(edited.text.contains(r#"value="Ana""#), "{}", edited.text);
            let raw = browser
                .fill(&edited, "user/", "PUT", &[("_content", r#"{"username": "ana", "last_name": "Böck"}"#)])
                .await
                .expect(200);
            assert!(raw.text.contains("Böck"));
            let wrong = browser
                .fill(&raw, "user/", "PUT", &[("username", "a b"), ("first_name", ""), ("last_name", "")])
                .await
                .expect(400);
            assert!(
                wrong.text.contains(r#"<div id="put-username-error">"#)
                    && !wrong.text.contains(r#"<div id="patch-username-error">"#)
            );
            let described = browser.fill(&wrong, "user/", "OPTIONS", &[]).await.expect(200);
            assert!(described.text.contains("read_only"));

            let change = browser.see("password/change/").await.expect(405);
            let new = [("old_password", PASSWORD), ("new_password1", OTHER), ("new_password2", OTHER)];
            let changed = browser.fill(&change, "password/change/", "POST", &new).await.expect(200);
            assert!(changed.text.contains("Signed in as <strong>ana</strong>"), "the session goes on");
            let out = browser.fill(&changed, "logout/", "POST", &[]).await.expect(200);
            assert!(out.text.contains("Sign in</a>"));
            browser.see("user/").await.expect(401);
        },
    )
    .await;
}

#[tokio::test]
async fn t46_only_a_form_that_this_browser_was_shown_names_another_method_or_a_body() {
    on_both(
        |_| {},
        async |app: TestApp| {
            app.register("ana").await;
            let browser = Jar::new(&app);
            let login = browser.see("login/").await;
            let before = token_of(&login);
            browser.fill(&login, "login/", "POST", &[("username", "ana"), ("password", PASSWORD)]).await.expect(200);
            for members in [
                &[("_method", "PATCH"), ("first_name", "Eve")][..],
                &[("_method", "PATCH"), ("first_name", "Eve"), ("csrfmiddlewaretoken", "x")],
                &[("_method", "PATCH"), ("first_name", "Eve"), ("csrfmiddlewaretoken", &before)],
                &[("_content", r#"{"first_name": "Eve"}"#)],
            ] {
                browser.send(app.request(Method::POST, "user/").form(members)).await.expect(403);
            }
            let user = browser.see("user/").await.expect(200);
            assert!(!user.text.contains("Eve"));
            browser.fill(&user, "user/", "TRACE", &[]).await.expect(405);
            browser.fill(&user, "user/", "DELETE", &[]).await.expect(405);
            // Where no page is asked for, a member is a member and nothing more.
            let key = app.login("ana").await;
            let members = [("_method", "PATCH"), ("first_name", "Eve"), ("csrfmiddlewaretoken", token_of(&user).leak() as &str)];
            app.request(Method::POST, "user/").token(&key).form(&members).send().await.expect(405);
        },
    )
    .await;
}
