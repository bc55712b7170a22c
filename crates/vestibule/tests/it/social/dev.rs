//! `social.dev`: the provider on whose page one types who one is.

use serde_json::json;
use vestibule::ground::Time;
use vestibule::settings::Verification;
use vestibule::social::{Providers, trial};

use super::*;
use crate::pages::Browser as Window;

async fn with_dev(change: impl Fn(&mut Settings, &mut Social), test: impl AsyncFn(&TestApp)) {
    on_both(
        |settings| {
            let mut own = Social::default();
            change(settings, &mut own);
            settings.social.insert("dev".into(), own);
        },
        async |app: TestApp| test(&app).await,
    )
    .await;
}

fn here(address: &str) -> &str {
    address.strip_prefix("http://127.0.0.1:8000").unwrap_or(address)
}

/// Begins to sign in, and gives the address of the provider's page.
async fn begin(window: &Window<'_>) -> String {
    let to = window.open("/auth/social/dev/start/?from=page").await.expect(302);
    here(to.header("location")).to_owned()
}

/// Signs in as that person, and gives what the browser is sent to in the end.
async fn sign_in(window: &Window<'_>, form: &[(&str, &str)]) -> String {
    let page = begin(window).await;
    let back = window.send(&page, form).await.expect(303);
    here(window.open(here(back.header("location"))).await.expect(302).header("location")).to_owned()
}

#[tokio::test]
async fn whoever_types_who_they_are_comes_in_as_that_person() {
    with_dev(
        |_, own| own.trust_email = true,
        async |app| {
            let window = Window::new(app);
            let signs_in = window.open("sign-in/").await.expect(200);
            assert!(signs_in.text.contains("Sign in with social.dev"), "{}", signs_in.text);
            let page = begin(&window).await;
            assert!(page.starts_with("/auth/social/dev/provider/?") && page.contains("code_challenge="), "{page}");
            let shown = window.open(&page).await.expect(200);
            assert!(shown.text.contains("value=\"ana@example.org\"") && !shown.text.contains("<script"), "{}", shown.text);
            let wrong = window.send(&page, &[("subject", ""), ("email", "nobody"), ("answer", "agree")]).await.expect(400);
            assert!(wrong.text.contains("id=\"subject-errors\"") && wrong.text.contains("id=\"email-errors\""), "{}", wrong.text);

            let ana = [("subject", "1"), ("email", "ana@example.org"), ("email_verified", "true"), ("name", "Ana Lind")];
            assert_eq!(sign_in(&window, &ana).await, "/auth/account/");
            assert!(window.open("account/").await.expect(200).text.contains("ana@example.org"));
            let again = [("subject", "1"), ("email", "other@example.org")];
            assert_eq!(sign_in(&Window::new(app), &again).await, "/auth/account/");
            assert_eq!(rows(app).await, (2, 1, 1));
            // Somebody else, whose address the provider has not proven.
            assert_eq!(sign_in(&Window::new(app), &[("subject", "2"), ("email", "bea@example.org")]).await, "/auth/account/");
            let verified = "SELECT COUNT(*) FROM auth_users WHERE email_verified_at IS NOT NULL";
            assert_eq!((rows(app).await.1, app.count(verified).await), (2, 1));
            app.deliver().await;
        },
    )
    .await;
}

#[tokio::test]
async fn every_turn_of_a_sign_in_can_be_tried() {
    with_dev(
        |settings, _| settings.account.email_verification = Verification::Mandatory,
        async |app| {
            let window = Window::new(app);
            assert_eq!(sign_in(&window, &[("answer", "refuse")]).await, "/auth/sign-in/?error=access_denied&provider=dev");
            // Without an address, the page for what is missing asks for one; then it is to be proven.
            let page = sign_in(&window, &[("subject", "1"), ("email", "")]).await;
            assert!(page.starts_with("/auth/sign-up/complete/?"), "{page}");
            let told = window.send(&page, &[("email", "ana@example.org")]).await.expect(303);
            assert!(told.header("location").ends_with("/registration/account-email-verification-sent/"));
            app.deliver().await;
            mail(app, "ana@example.org", "email_confirmation_signup");
        },
    )
    .await;
}

#[tokio::test]
async fn t56_t44_its_page_sends_nobody_elsewhere_and_takes_no_form_of_strangers() {
    with_dev(
        |_, own| own.callback_url = Some("http://localhost:5173/back".into()),
        async |app| {
            let window = Window::new(app);
            let page = begin(&window).await;
            let policy = window.open(&page).await.expect(200).header("content-security-policy").to_owned();
            assert!(policy.contains("form-action 'self' http://localhost:5173;"), "{policy}");
            window.ask(Method::POST, &page, Some(&[("subject", "1")])).await.expect(403);
            window.open(&page.replace("127.0.0.1%3A8000", "evil.test")).await.expect(404);
            window.open("social/dev/provider/").await.expect(404);

            // A front end that makes the request itself.
            let redirect = "http%3A%2F%2Flocalhost%3A5173%2Fback";
            let own = format!("/auth/social/dev/provider/?client_id=dev&response_type=code&redirect_uri={redirect}&state=s");
            let back = window.send(&own, &[("subject", "1"), ("email", "ana@example.org")]).await.expect(303);
            let location = back.header("location");
            assert!(location.starts_with("http://localhost:5173/back?code=") && location.ends_with("&state=s"), "{location}");
            let key = app.post("dev/", json!({ "code": member(location, "code") })).send().await.expect(200).key();
            assert_eq!(me(app, &key).await["email"], "ana@example.org");
            app.post("dev/", json!({ "code": "made-up" })).send().await.expect(400);
            app.advance(std::time::Duration::from_secs(12 * 60));
            app.post("dev/", json!({ "code": member(location, "code") })).send().await.expect(400);
        },
    )
    .await;
}

#[tokio::test]
async fn without_the_setting_it_is_not_there() {
    with_provider(
        |_, _| {},
        async |app, _| {
            app.get("social/dev/provider/").send().await.expect(404);
            assert!(!app.get("sign-in/").send().await.expect(200).text.contains("social.dev"));
        },
    )
    .await;
}

#[tokio::test]
async fn social_test_finds_nothing_wrong_with_it() {
    let mut settings = Settings::default();
    settings.social.insert("dev".into(), Social::default());
    let providers = Providers::load(&settings).unwrap();
    let found = trial::run(providers.get("dev").unwrap(), Time::from_millis(0)).await;
    assert!(found.iter().all(|finding| finding.fine), "{found:?}");
}
