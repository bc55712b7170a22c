//! The way over a provider and back.

use std::time::Duration;

use serde_json::json;
use vestibule::settings::{SameSite, TokenMode};
use vestibule::testing::{Asked, Provider};

use super::*;

const APP: &str = "https://app.example.test/app";

fn frontend(settings: &mut Settings, _: &mut Social) {
    settings.frontend.return_urls = vec![APP.into()];
    settings.frontend.error_url = Some("https://app.example.test/failed?x=1".into());
}

#[tokio::test]
async fn a_browser_goes_to_the_provider_comes_back_and_fetches_its_session_once() {
    with_provider(frontend, async |app, provider| {
        let mut browser = Browser::new(app);
        let answer = browser.open(&format!("/auth/social/acme/start/?next={APP}/inner%3Fy=2")).await.expect(302);
        let visit = answer.header("location").to_owned();
        assert_eq!(member(&visit, "response_type").as_deref(), Some("code"));
        assert_eq!(member(&visit, "code_challenge_method").as_deref(), Some("S256"));
        assert_eq!(member(&visit, "redirect_uri").as_deref(), Some("http://127.0.0.1:8000/auth/social/acme/callback/"));
        assert_eq!(member(&visit, "scope").as_deref(), Some("openid email profile"));
        let cookie = answer.header("set-cookie");
        assert!(
            cookie.starts_with("social=") && cookie.contains("; HttpOnly;") && cookie.ends_with("; Path=/; SameSite=Lax"),
            "{cookie}"
        );
        let back = browser.open(&provider.visit(&visit)).await.expect(302);
        assert_eq!(back.header("referrer-policy"), "no-referrer");
        let landed = back.header("location").to_owned();
        assert!(landed.starts_with(&format!("{APP}/inner?y=2&code=")), "{landed}");
        let code = json!({ "code": member(&landed, "code") });
        Browser::new(app).post("social/exchange/", code.clone()).await.expect(400);
        let key = browser.post("social/exchange/", code.clone()).await.expect(200).key();
        assert_eq!(me(app, &key).await["email"], "ana@example.org");
        browser.post("social/exchange/", code).await.expect(400);
        assert_eq!(rows(app).await, (1, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn t17_a_code_to_fetch_a_session_with_lives_a_minute() {
    with_provider(frontend, async |app, provider| {
        for (wait, status) in [(59, 200), (61, 400)] {
            let mut browser = Browser::new(app);
            let back = browser.cross(provider).await.expect(302);
            app.advance(Duration::from_secs(wait));
            let code = member(back.header("location"), "code");
            browser.post("social/exchange/", json!({ "code": code })).await.expect(status);
        }
    })
    .await;
}

/// Whether the answer sends a browser to the page for errors with that code and nowhere else.
fn failed(answer: &TestAnswer, code: &str) {
    assert_eq!(answer.status, 302, "{}", answer.text);
    let location = answer.header("location");
    assert!(location.starts_with("https://app.example.test/failed?x=1&error="), "{location}");
    assert_eq!(member(location, "error").as_deref(), Some(code), "{location}");
    assert_eq!(member(location, "provider").as_deref(), Some("acme"));
    assert_eq!(answer.header("set-cookie"), "");
}

#[tokio::test]
async fn t47_a_state_counts_once_for_its_browser_and_provider_and_for_ten_minutes() {
    let other = Provider::start().await;
    let settings = |settings: &mut Settings, own: &mut Social| {
        frontend(settings, own);
        settings.social.insert("other".into(), other.settings());
    };
    with_provider(settings, async |app, provider| {
        let asked = provider.asked(Asked::Token) + other.asked(Asked::Token);
        let (mut x, mut y) = (Browser::new(app), Browser::new(app));
        let back = x.go(provider, "acme").await;
        y.go(provider, "acme").await;
        let state = member(&back, "state").unwrap();
        for address in [
            "/auth/social/acme/callback/?code=c".to_owned(),
            "/auth/social/acme/callback/?code=c&state=".to_owned(),
            "/auth/social/acme/callback/?code=c&state=unknown".to_owned(),
            format!("/auth/social/acme/callback/?code=c&state={state}&state={state}"),
            format!("/auth/social/acme/callback/?code=c&state={}", state.to_uppercase()),
        ] {
            failed(&x.open(&address).await, "state_invalid");
        }
        failed(&y.open(&back).await, "state_invalid");
        failed(&Browser::new(app).open(&back).await, "state_invalid");
        let elsewhere = x.open(&back.replace("/acme/", "/other/")).await;
        assert_eq!(member(elsewhere.header("location"), "error").as_deref(), Some("state_invalid"));
        assert_eq!(provider.asked(Asked::Token) + other.asked(Asked::Token), asked, "nothing was asked for");
        assert_eq!(rows(app).await, (0, 0, 0));

        assert!(x.open(&back).await.expect(302).header("location").starts_with(APP));
        failed(&x.open(&back).await, "state_invalid");
        assert_eq!(provider.asked(Asked::Token), asked + 1, "the one that was legitimate");

        let late = x.go(provider, "acme").await;
        app.advance(Duration::from_secs(601));
        failed(&x.open(&late).await, "state_invalid");
        assert_eq!(provider.asked(Asked::Token), asked + 1);
    })
    .await;
}

#[tokio::test]
async fn t47_what_a_provider_says_of_an_error_is_told_as_a_code() {
    with_provider(frontend, async |app, provider| {
        for (error, code) in [
            ("access_denied", "access_denied"),
            ("server_error", "provider_error"),
            ("<script>alert(1)</script>", "provider_error"),
        ] {
            provider.script(|script| {
                script.refuses = Some(error.into());
                script.answer = vec![("error_description".into(), "<b>no</b>".into())];
            });
            let answer = Browser::new(app).cross(provider).await;
            failed(&answer, code);
            assert!(!answer.text.contains('<') && !answer.header("location").contains('<'));
        }
        provider.script(|script| (script.refuses, script.answer) = (None, Vec::new()));
    })
    .await;
}

#[tokio::test]
async fn t49_an_answer_of_another_provider_is_refused_before_anything_is_asked() {
    let other = Provider::start().await;
    let settings = |settings: &mut Settings, own: &mut Social| {
        frontend(settings, own);
        settings.social.insert("other".into(), other.settings());
    };
    with_provider(settings, async |app, provider| {
        provider.script(|script| {
            drop(script.description.insert("authorization_response_iss_parameter_supported".into(), json!(true)));
        });
        let asked = provider.asked(Asked::Token);
        for (iss, code) in
            [(None, "token_invalid"), (Some(other.url()), "token_invalid"), (Some("https://evil.test"), "token_invalid")]
        {
            provider.script(|script| script.answer = iss.map(|iss| ("iss".into(), iss.into())).into_iter().collect());
            failed(&Browser::new(app).cross(provider).await, code);
        }
        assert_eq!(provider.asked(Asked::Token), asked);
        provider.script(|script| script.answer = vec![("iss".into(), provider.url().into())]);
        Browser::new(app).cross(provider).await.expect(302);
        assert_eq!(provider.asked(Asked::Token), asked + 1);
        // A code of the one at the callback of the other: there it is nobody's.
        let mut browser = Browser::new(app);
        let (stolen, mine) = (browser.go(provider, "acme").await, browser.go(&other, "other").await);
        let mixed = format!(
            "/auth/social/other/callback/?code={}&state={}",
            member(&stolen, "code").unwrap(),
            member(&mine, "state").unwrap()
        );
        let answer = browser.open(&mixed).await;
        assert_eq!(member(answer.header("location"), "error").as_deref(), Some("code_refused"));
        provider.script(|script| (script.answer, script.description) = (Vec::new(), serde_json::Map::new()));
    })
    .await;
}

#[tokio::test]
async fn t56_nobody_is_sent_anywhere_but_below_an_allowed_address() {
    with_provider(frontend, async |app, _| {
        for next in
            ["//evil.test", "https%3Aevil.test", "/%5Cevil.test", "https://app.example.test@evil.test", "javascript:alert(1)"]
        {
            let refused = app.get(&format!("social/acme/start/?next={next}")).send().await.expect(400);
            assert_eq!(refused.header("location"), "");
            assert_eq!(refused.json(), json!({ "next": ["This return address is not allowed."] }), "{next}");
            app.post("social/acme/start/", json!({ "next": next })).send().await.expect(400);
        }
        let answer = app.post("social/acme/start/", json!({ "next": format!("{APP}/x") })).send().await.expect(200);
        assert!(answer.json()["url"].as_str().unwrap().contains("/authorize?"));
    })
    .await;
}

#[tokio::test]
async fn t48_every_start_has_fresh_secrets() {
    with_provider(frontend, async |app, provider| {
        let mut browser = Browser::new(app);
        let (before, mut seen) = (provider.visits().len(), std::collections::HashSet::new());
        for _ in 0..100 {
            browser.go(provider, "acme").await;
        }
        for visit in &provider.visits()[before..] {
            assert_eq!(visit["code_challenge_method"], "S256");
            assert!(visit["state"].len() >= 22 && visit["nonce"].len() >= 22 && visit["code_challenge"].len() == 43);
            for name in ["state", "nonce", "code_challenge"] {
                assert!(seen.insert(visit[name].clone()), "{name} twice");
            }
        }
        assert_eq!(seen.len(), 300);
    })
    .await;
}

#[tokio::test]
async fn a_callback_by_post_is_asked_for_again_by_get() {
    with_provider(frontend, async |app, provider| {
        let mut browser = Browser::new(app);
        let back = browser.go(provider, "acme").await;
        let (code, state) = (member(&back, "code").unwrap(), member(&back, "state").unwrap());
        let form = [("code", code.as_str()), ("state", state.as_str()), ("user", "{\"name\":{}}"), ("id_token", "x.y.z")];
        let posted = app.request(Method::POST, "social/acme/callback/").form(&form);
        let posted = posted.header("origin", "https://appleid.apple.com").send().await.expect(303);
        let again = posted.header("location");
        assert!(again.starts_with("http://127.0.0.1:8000/auth/social/acme/callback/?"), "{again}");
        assert_eq!((member(again, "code"), member(again, "state")), (Some(code), Some(state)));
        assert!(!again.contains("id_token") && !again.contains("user"), "{again}");
        assert!(browser.open(posted.header("location")).await.expect(302).header("location").starts_with(APP));
    })
    .await;
}

/// The cookies of these answers that a browser sends along, where `SameSite` is one of those words.
fn cookies(answers: &[&TestAnswer], same_site: &[&str]) -> String {
    let lines = answers.iter().flat_map(|answer| answer.headers.get_all("set-cookie")).map(|line| line.to_str().unwrap());
    let along = lines.filter(|line| same_site.iter().any(|word| line.contains(&format!("; SameSite={word}"))));
    along.map(|line| line.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn t44_a_callback_by_post_is_taken_whichever_cookies_its_browser_sends_with_it() {
    for same_site in [SameSite::Strict, SameSite::Lax, SameSite::None] {
        let change = |settings: &mut Settings, own: &mut Social| {
            frontend(settings, own);
            settings.tokens.mode = TokenMode::JwtCookie;
            settings.jwt.cookie_secure = Some(true);
            settings.jwt.cookie_samesite = same_site;
            settings.jwt.csrf = true;
        };
        with_provider(change, async |app, provider| {
            let login = crate::tokens::registered(app, "bea").await;
            let (own, csrf) = (cookies(&[&login], &["Strict", "Lax", "None"]), crate::cookies::cookie(&login, "csrftoken"));
            let start = app.post("social/acme/start/", json!({ "connect": true })).header("cookie", &own);
            let start = start.header("origin", "http://127.0.0.1:8000").header("x-csrftoken", &csrf).send().await.expect(200);
            let back = provider.visit(start.json()["url"].as_str().unwrap());
            let (code, state) = (member(&back, "code").unwrap(), member(&back, "state").unwrap());
            let by_provider = async |request: vestibule::testing::TestRequest<'_>, same_site: &[&str]| {
                let request = request.header("cookie", &cookies(&[&login, &start], same_site));
                request.header("origin", "https://appleid.apple.com").header("sec-fetch-site", "cross-site").send().await
            };
            let form = app.request(Method::POST, "social/acme/callback/").form(&[("code", &code), ("state", &state)]);
            let posted = by_provider(form, &["None"]).await.expect(303);
            let again = posted.header("location").strip_prefix("http://127.0.0.1:8000").unwrap();
            // Going to another address by GET, a browser takes along what is `Lax` too.
            let landed = by_provider(app.request(Method::GET, again), &["None", "Lax"]).await.expect(302);
            assert_eq!((landed.header("location"), rows(app).await.2), (APP, 1), "{same_site:?}");
            app.deliver().await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_front_end_on_another_site_starts_and_exchanges_as_one_browser() {
    let change = |settings: &mut Settings, own: &mut Social| {
        frontend(settings, own);
        settings.jwt.cookie_secure = Some(true);
        settings.jwt.cookie_samesite = SameSite::None;
    };
    with_provider(change, async |app, provider| {
        let start = app.post("social/acme/start/", json!({})).send().await.expect(200);
        let line = crate::cookies::set_cookies(&start, "__Host-social").join("");
        assert!(line.ends_with("; Path=/; SameSite=None; Secure"), "{line}");
        let along = cookies(&[&start], &["None"]);
        let back = provider.visit(start.json()["url"].as_str().unwrap());
        let back = back.strip_prefix("http://127.0.0.1:8000").unwrap();
        let landed = app.request(Method::GET, back).header("cookie", &along).send().await.expect(302);
        let code = json!({ "code": member(landed.header("location"), "code") });
        app.post("social/exchange/", code).header("cookie", &along).send().await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn t80_nothing_that_opens_anything_lies_in_the_database() {
    with_provider(
        |settings, own| {
            frontend(settings, own);
            own.store_tokens = true;
        },
        async |app, provider| {
            let mut browser = Browser::new(app);
            let back = browser.go(provider, "acme").await;
            let visit = provider.visits().pop().unwrap();
            let landed = browser.open(&back).await.expect(302);
            let code = member(landed.header("location"), "code").unwrap();
            browser.go(provider, "acme").await;
            let cookie = browser.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
            let secrets = [visit["state"].clone(), visit["nonce"].clone(), code, cookie, "access-".into(), "refresh-".into()];
            for secret in secrets {
                let found = crate::threats::scan::kept(app, &secret).await;
                assert!(found.is_empty(), "{secret} in {found:?}");
            }
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_identities WHERE tokens IS NOT NULL").await, 1);
        },
    )
    .await;
}

#[tokio::test]
async fn the_sign_in_page_leads_over_a_provider_and_back_with_a_session_cookie() {
    with_provider(
        |_, own| own.kind = "keycloak".into(),
        async |app, provider| {
            let mut browser = Browser::new(app);
            let page = browser.open("/auth/sign-in/").await.expect(200);
            let start = "http://127.0.0.1:8000/auth/social/acme/start/?from=page";
            assert!(page.text.contains(start) && page.text.contains("Sign in with Keycloak"), "{}", page.text);
            let mut browser = Browser::new(app);
            let answer = browser.open(start).await.expect(302);
            let back = browser.open(&provider.visit(answer.header("location"))).await.expect(302);
            assert_eq!(back.header("location"), "/auth/account/");
            assert_eq!(member(back.header("location"), "code"), None);
            let account = browser.open("/auth/account/").await.expect(200);
            assert!(account.text.contains("ana@example.org"), "{}", account.text);
            let failed = Browser::new(app).open("/auth/social/acme/callback/?state=x").await.expect(302);
            let page = Browser::new(app).open(failed.header("location")).await.expect(200);
            assert!(page.text.contains("did not work") && !page.text.contains("state_invalid"));
        },
    )
    .await;
}

#[tokio::test]
async fn what_nobody_finished_is_removed_when_it_is_over() {
    with_provider(
        |settings, own| {
            frontend(settings, own);
            let field = json!({ "name": "phone_number", "kind": "phone", "required": true });
            settings.user.fields = vec![serde_json::from_value(field).unwrap()];
        },
        async |app, provider| {
            Browser::new(app).go(provider, "acme").await;
            by_code(app, provider).await.expect(403);
            app.post("acme/", json!({ "id_token": provider.id_token() })).send().await.expect(403);
            let left = async || {
                let mut left = Vec::new();
                for sql in [
                    "SELECT COUNT(*) FROM auth_social_flows",
                    "SELECT COUNT(*) FROM auth_social_pending",
                    "SELECT COUNT(*) FROM auth_social_used",
                ] {
                    left.push(app.count(sql).await);
                }
                left
            };
            vestibule::accounts::housekeeping::keep_house(&app.auth).await.unwrap();
            assert_eq!(left().await, [1, 2, 1]);
            app.advance(Duration::from_secs(2 * 3600));
            vestibule::accounts::housekeeping::keep_house(&app.auth).await.unwrap();
            assert_eq!(left().await, [0, 0, 0]);
        },
    )
    .await;
}
