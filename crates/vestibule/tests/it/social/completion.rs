//! The page where whoever signs in with a provider tells what the provider did not.

use serde_json::json;
use vestibule::settings::{FieldKind, FieldSettings, TokenMode, Verification};
use vestibule::testing::Provider;

use super::*;
use crate::pages::Browser as Window;

const APP: &str = "https://app.example.test/app";

/// Two fields that the provider does not tell, one that it does, and one that nobody needs.
fn fields(settings: &mut Settings, own: &mut Social) {
    let field = |name, kind| FieldSettings { required: true, ..FieldSettings::new(name, kind) };
    settings.user.fields = vec![
        FieldSettings {
            unique: true,
            help: Some("With the country's number.".into()),
            ..field("phone_number", FieldKind::Phone)
        },
        field("terms", FieldKind::Text),
        field("city", FieldKind::Text),
        FieldSettings { required: false, ..field("nick", FieldKind::Text) },
    ];
    settings.frontend.return_urls = vec![APP.into()];
    own.map.insert("city".into(), "city".into());
}

fn somebody(subject: &str) -> Value {
    json!({ "sub": subject, "email": format!("{subject}@example.org"), "email_verified": true, "city": "Oslo" })
}

/// What a browser is left with that goes from `start` to the provider and comes back.
async fn cross(window: &Window<'_>, provider: &Provider, start: &str) -> String {
    let to = window.open(start).await.expect(302);
    let back = provider.visit(to.header("location"));
    let answer = window.open(here(&back)).await.expect(302);
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    here(answer.header("location")).to_owned()
}

fn here(address: &str) -> &str {
    address.strip_prefix("http://127.0.0.1:8000").unwrap_or(address)
}

#[tokio::test]
async fn whoever_begins_on_our_page_is_asked_for_exactly_what_is_missing_and_ends_signed_in() {
    with_provider(fields, async |app, provider| {
        provider.person(somebody("ana"));
        let window = Window::new(app);
        let signs_in = window.open("sign-in/?next=%2Forders%3Fx%3D1").await.expect(200);
        let start = "/auth/social/acme/start/?from=page&amp;next=%2Forders%3Fx%3D1";
        assert!(signs_in.text.contains(start), "{}", signs_in.text);
        let page = cross(&window, provider, &start.replace("&amp;", "&")).await;
        assert!(page.starts_with("/auth/sign-up/complete/?registration_token="), "{page}");
        let shown = window.open(&page).await.expect(200);
        for part in
            ["name=\"phone_number\" required aria-describedby=\"phone_number-help\" type=\"tel\"", "name=\"terms\" required"]
        {
            assert!(shown.text.contains(part), "{part}: {}", shown.text);
        }
        for other in ["name=\"username\"", "name=\"email\"", "name=\"city\"", "name=\"nick\"", "<script"] {
            assert!(!shown.text.contains(other), "{other}: {}", shown.text);
        }
        let policy = shown.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");

        let wrong = window.send(&page, &[("phone_number", "no number"), ("terms", "yes")]).await.expect(400);
        assert!(wrong.text.contains("id=\"phone_number-errors\"") && wrong.text.contains("value=\"yes\""), "{}", wrong.text);
        let empty = window.send(&page, &[("phone_number", "+15550100"), ("terms", " ")]).await.expect(400);
        assert!(empty.text.contains("id=\"terms-errors\"") && !empty.text.contains("phone_number-errors"), "{}", empty.text);
        assert_eq!(rows(app).await, (0, 0, 0), "what is refused makes nothing");
        let done = window.send(&page, &[("phone_number", "+15550100"), ("terms", "yes"), ("city", "Rome")]).await.expect(303);
        assert_eq!(done.header("location"), "/orders?x=1");
        assert!(window.open("account/").await.expect(200).text.contains("ana@example.org"));
        let user = app.auth.declared_profile(&vestibule::accounts::admin::find(&app.auth, "ana").await.unwrap());
        assert_eq!(user, json!({ "phone_number": "+15550100", "terms": "yes", "city": "Oslo", "nick": null }));
        window.open(&page).await.expect(404);

        // What another account holds is told beside its field.
        provider.person(somebody("bea"));
        let other = Window::new(app);
        let page = cross(&other, provider, "social/acme/start/?from=page").await;
        let taken = other.send(&page, &[("phone_number", "+15550100"), ("terms", "yes")]).await.expect(400);
        assert!(taken.text.contains("id=\"phone_number-errors\""), "{}", taken.text);
        let done = other.send(&page, &[("phone_number", "+15550111"), ("terms", "yes")]).await.expect(303);
        assert_eq!(done.header("location"), "/auth/account/");
        assert_eq!(rows(app).await, (2, 2, 2));
    })
    .await;
}

#[tokio::test]
async fn t26_the_page_is_of_the_browser_that_was_at_the_provider_for_half_an_hour() {
    with_provider(fields, async |app, provider| {
        provider.person(somebody("ana"));
        let (window, other) = (Window::new(app), Window::new(app));
        let page = cross(&window, provider, "social/acme/start/?from=page").await;
        let theirs = cross(&other, provider, "social/acme/start/?from=page").await;
        let form = [("phone_number", "+15550100"), ("terms", "yes")];
        let stranger = Window::new(app);
        for (window, page) in [(&stranger, &page), (&other, &page), (&window, &theirs)] {
            let gone = window.open(page).await.expect(404);
            assert!(gone.text.contains("does not work any more") && !gone.text.contains("phone_number"), "{}", gone.text);
            window.ask(Method::POST, page, Some(&form)).await.expect(404);
        }
        for page in ["/auth/sign-up/complete/", "/auth/sign-up/complete/?registration_token=x&from=page"] {
            window.open(page).await.expect(404);
        }
        window.ask(Method::POST, &page, Some(&form)).await.expect(403);
        app.advance(std::time::Duration::from_secs(29 * 60));
        window.open(&page).await.expect(200);
        app.advance(std::time::Duration::from_secs(61));
        window.open(&page).await.expect(404);
        assert_eq!(rows(app).await, (0, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn whoever_began_at_a_front_end_without_a_page_for_errors_goes_back_there_with_what_a_login_gives() {
    for mode in [TokenMode::Opaque, TokenMode::Jwt, TokenMode::JwtCookie] {
        let settings = |settings: &mut Settings, own: &mut Social| {
            fields(settings, own);
            settings.tokens.mode = mode;
        };
        with_provider(settings, async |app, provider| {
            provider.person(somebody("ana"));
            let window = Window::new(app);
            let page = cross(&window, provider, &format!("social/acme/start/?next={APP}/inner")).await;
            let form = [("phone_number", "+15550100"), ("terms", "yes")];
            // An address that was changed on the way leads nowhere else (T56).
            let sly = page.replace("next=https%3A%2F%2Fapp.example.test", "next=https%3A%2F%2Fevil.test");
            assert_ne!(page, sly);
            let token = window.open(&sly).await.expect(200);
            assert!(token.header("content-security-policy").contains("form-action 'self' https://app.example.test;"));
            let done = window.send(&page, &form).await.expect(303);
            let location = done.header("location");
            assert!(location.starts_with(&format!("{APP}/inner")), "{location}");
            let code = member(location, "code");
            if mode == TokenMode::JwtCookie {
                assert_eq!(code, None);
                assert!(window.cookies.lock().unwrap().contains_key("access"));
                window.open("user/").await.expect(200);
            } else {
                let (cookie, body) = (window.cookies.lock().unwrap()["social"].clone(), json!({ "code": code }));
                app.post("social/exchange/", body.clone()).send().await.expect(400);
                let exchange = app.post("social/exchange/", body).header("cookie", &format!("social={cookie}"));
                exchange.send().await.expect(200);
            }
            assert_eq!(rows(app).await, (1, 1, 1));

            provider.person(somebody("bea"));
            let page = cross(&window, provider, "social/acme/start/").await;
            let sly = page.replace("next=https%3A%2F%2Fapp.example.test", "next=https%3A%2F%2Fevil.test");
            let done = window.send(&sly, &[("phone_number", "+15550111"), ("terms", "yes")]).await.expect(303);
            assert!(done.header("location").starts_with(APP), "{}", done.header("location"));
        })
        .await;
    }
}

#[tokio::test]
async fn an_address_that_must_be_proven_leads_to_the_page_that_says_so() {
    let settings = |settings: &mut Settings, own: &mut Social| {
        fields(settings, own);
        settings.account.email_verification = Verification::Mandatory;
    };
    with_provider(settings, async |app, provider| {
        provider.person(json!({ "sub": "1", "city": "Oslo" }));
        let window = Window::new(app);
        let page = cross(&window, provider, "social/acme/start/?from=page").await;
        let form = [("phone_number", "+15550100"), ("terms", "yes"), ("email", "ana@example.org")];
        assert!(window.open(&page).await.expect(200).text.contains("name=\"email\" required"));
        let done = window.send(&page, &form).await.expect(303);
        let notice = "http://127.0.0.1:8000/auth/registration/account-email-verification-sent/";
        assert_eq!(done.header("location"), notice);
        window.open("account/").await.expect(303);
        app.deliver().await;
        mail(app, "ana@example.org", "email_confirmation_signup");
        provider.person(json!({ "sub": "2", "city": "Oslo", "email": "bea@example.org", "phone": "1" }));
        provider.script(|script| drop(script.person.insert("email_verified".into(), json!(false))));
        let page = cross(&window, provider, "social/acme/start/?from=page").await;
        window.send(&page, &[("phone_number", "+15550111"), ("terms", "yes")]).await.expect(303);
        // From now on nothing is missing, and the address is still to be proven.
        let again = cross(&window, provider, "social/acme/start/?from=page").await;
        assert_eq!(again, here(notice));
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn a_front_end_with_a_page_for_errors_asks_itself_and_our_page_is_for_those_who_began_with_us() {
    let settings = |settings: &mut Settings, own: &mut Social| {
        fields(settings, own);
        settings.frontend.error_url = Some("https://app.example.test/failed".into());
    };
    with_provider(settings, async |app, provider| {
        provider.person(somebody("ana"));
        let window = Window::new(app);
        let front_end = cross(&window, provider, "social/acme/start/").await;
        assert!(front_end.starts_with("https://app.example.test/failed?error=registration_incomplete"), "{front_end}");
        let ours = cross(&window, provider, "social/acme/start/?from=page").await;
        assert!(ours.starts_with("/auth/sign-up/complete/"), "{ours}");
    })
    .await;
    let without = |settings: &mut Settings, own: &mut Social| {
        fields(settings, own);
        settings.endpoints.off = vec!["sign-up/complete".into()];
    };
    with_provider(without, async |app, provider| {
        provider.person(somebody("ana"));
        let gone = cross(&Window::new(app), provider, "social/acme/start/?from=page").await;
        assert!(gone.starts_with("/auth/sign-in/?error=registration_incomplete"), "{gone}");
    })
    .await;
}

#[tokio::test]
async fn the_pages_of_providers_speak_the_readers_language() {
    let settings = |settings: &mut Settings, own: &mut Social| {
        fields(settings, own);
        settings.social.insert("dev".into(), Social::default());
    };
    with_provider(settings, async |app, _| {
        let visit =
            "client_id=dev&response_type=code&redirect_uri=http%3A%2F%2F127.0.0.1%3A8000%2Fauth%2Fsocial%2Fdev%2Fcallback%2F";
        for path in ["sign-up/complete/".to_owned(), format!("social/dev/provider/?{visit}")] {
            let mut titles = Vec::new();
            for language in vestibule::ground::Language::all_built_in() {
                let tag = language.tag();
                let page = app.get(&path).header("accept-language", tag).send().await;
                assert!([200, 404].contains(&page.status) && page.text.contains(&format!("<html lang=\"{tag}\"")), "{path}");
                let title = page.text.split_once("<title>").unwrap().1.split(" · ").next().unwrap().to_owned();
                assert!(!titles.contains(&title), "{path} in {tag}: {title}");
                titles.push(title);
            }
        }
    })
    .await;
}
