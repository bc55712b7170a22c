//! Pages of the endpoints, for people who try them with a browser.

use http::Method;
use serde_json::json;
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
