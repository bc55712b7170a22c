//! Endpoints that are left out or moved, and the pages that go with them.

use http::Method;
use vestibule::settings::{Settings, Verification};
use vestibule::testing::app::{PASSWORD, settings};
use vestibule::testing::databases::each_database;
use vestibule::testing::{TestAnswer, TestApp, on_both};
use vestibule::{Auth, Builder};

/// Each endpoint with the page that does the same.
const PAGES: [(&str, &str); 8] = [
    ("registration", "sign-up/"),
    ("login", "sign-in/"),
    ("logout", "sign-out/"),
    ("password/reset", "forgot-password/"),
    ("password/change", "account/password/"),
    ("email/change", "account/email/"),
    ("registration/verify-email", "registration/account-confirm-email/k/"),
    ("registration/resend-email", "registration/account-email-verification-sent/"),
];

fn without(settings: &mut Settings, endpoints: &[&str]) {
    settings.endpoints.off = endpoints.iter().map(|endpoint| (*endpoint).to_owned()).collect();
    // A front end of one's own has the pages that mails lead to.
    settings.frontend.confirm_email_url = Some("https://app.example.org/confirm/{key}".into());
}

#[tokio::test]
async fn a_page_goes_with_the_endpoint_whose_work_it_does() {
    on_both(
        |_| {},
        async |app: TestApp| {
            for (endpoint, page) in PAGES {
                assert_ne!(app.get(page).send().await.status, 404, "{page} is there with {endpoint}");
            }
        },
    )
    .await;
    for (off, _) in PAGES {
        on_both(
            |settings| without(settings, &[off]),
            async |app: TestApp| {
                for (endpoint, page) in PAGES {
                    let status = app.get(page).send().await.status;
                    assert_eq!(status == 404, endpoint == off, "{page} without {off}: {status}");
                }
            },
        )
        .await;
    }
}

/// Signs in on the page, and gives the cookies and the page of the account.
async fn account(app: &TestApp) -> TestAnswer {
    app.register("ana").await;
    app.deliver().await;
    let (cookies, token) = form_of(&app.get("sign-in/").send().await.expect(200));
    let form = [("name", "ana"), ("password", PASSWORD), ("csrfmiddlewaretoken", token.as_str())];
    let request = app.request(Method::POST, "sign-in/").header("origin", "http://127.0.0.1:8000").header("cookie", &cookies);
    let signed_in = request.form(&form).send().await.expect(303);
    app.get("account/").header("cookie", &cookies_of(&signed_in)).send().await.expect(200)
}

fn cookies_of(answer: &TestAnswer) -> String {
    let pair = |line: &http::HeaderValue| line.to_str().unwrap().split(';').next().unwrap().to_owned();
    answer.headers.get_all("set-cookie").iter().map(pair).collect::<Vec<_>>().join("; ")
}

/// The cookies that a page gives, and the token of its form.
fn form_of(page: &TestAnswer) -> (String, String) {
    let token = page.text.split_once("name=\"csrfmiddlewaretoken\" value=\"").unwrap().1.split('"').next().unwrap();
    (cookies_of(page), token.to_owned())
}

#[tokio::test]
async fn nothing_leads_to_a_page_that_is_left_out() {
    let places = ["sign-up/", "forgot-password/", "account/email/", "account/password/", "sign-out/", "verification-sent/"];
    on_both(
        |_| {},
        async |app: TestApp| {
            let text = app.get("sign-in/").send().await.expect(200).text + &account(&app).await.text;
            assert!(places[..5].iter().all(|place| text.contains(place)), "{text}");
            app.get("/.well-known/change-password").send().await.expect(303);
        },
    )
    .await;
    let off = ["registration/resend-email", "password/reset", "password/change", "email/change", "logout"];
    let change = |settings: &mut Settings| {
        without(settings, &off);
        settings.endpoints.off.push("sign-up".into());
    };
    on_both(change, async |app: TestApp| {
        let mut text = app.get("sign-in/").send().await.expect(200).text + &account(&app).await.text;
        text += &app.get("password/reset/confirm/u/t/").send().await.expect(404).text;
        assert!(!places.iter().any(|place| text.contains(place)), "{text}");
        app.get("/.well-known/change-password").send().await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn without_a_page_to_sign_in_a_stranger_goes_to_the_front_end_or_is_told_to_sign_in() {
    on_both(
        |settings| without(settings, &["login"]),
        async |app: TestApp| {
            let refused = app.get("account/").send().await.expect(403);
            assert!(refused.text.contains("Authentication credentials") && !refused.text.contains("sign-in"), "{}", refused.text);
        },
    )
    .await;
    let elsewhere = |settings: &mut Settings| {
        without(settings, &["login"]);
        settings.frontend.login_url = Some("https://app.example.org/enter".into());
    };
    on_both(elsewhere, async |app: TestApp| {
        assert_eq!(app.get("account/").send().await.expect(303).header("location"), "https://app.example.org/enter");
    })
    .await;
}

#[tokio::test]
async fn whoever_signs_up_reads_of_the_mail_also_where_no_other_can_be_asked_for() {
    let change = |settings: &mut Settings| {
        without(settings, &["registration/resend-email"]);
        settings.account.email_verification = Verification::Mandatory;
    };
    on_both(change, async |app: TestApp| {
        let (cookies, token) = form_of(&app.get("sign-up/").send().await.expect(200));
        let request = app.request(Method::POST, "sign-up/").header("origin", "http://127.0.0.1:8000").header("cookie", &cookies);
        let form = [("username", "ana"), ("email", "ana@example.org"), ("password1", PASSWORD), ("password2", PASSWORD)];
        let form = [form.as_slice(), &[("csrfmiddlewaretoken", token.as_str())]].concat();
        let signed_up = request.form(&form).send().await.expect(200);
        assert!(signed_up.text.contains("A link to confirm your address") && !signed_up.text.contains("<form"));
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn endpoints_that_would_meet_are_refused_at_the_start() {
    let refused = async |change: &dyn Fn(Builder) -> Builder, base: &str| {
        let mut messages = Vec::new();
        for database in each_database().await {
            let mut settings = settings(&database.url);
            settings.server.base_path = base.to_owned();
            match change(Auth::builder(settings)).build().await {
                // The router is what would panic.
                Ok(auth) => drop(auth.router_at_base_path::<()>().merge(auth.well_known())),
                Err(error) => messages.push(error.to_string()),
            }
        }
        messages
    };
    for (from, to, base) in [
        ("registration/account-confirm-email", "sessions", "/auth"),
        ("sessions", "email/change/confirm", "/auth"),
        ("user", "openapi", "/auth"),
        ("login", "sign-up", "/auth"),
        ("login", "livez", ""),
    ] {
        let told = refused(&|builder| builder.moved(from, to), base).await;
        assert!(told.len() == 2 && told.iter().all(|told| told.contains(to)), "{from} to {to}: {told:?}");
    }
    for (from, to, base) in
        [("login", "livez", "/auth"), ("password/reset/confirm", "sessions/reset", "/auth"), ("user", "me", "")]
    {
        assert_eq!(refused(&|builder| builder.moved(from, to), base).await, [""; 0], "{from} to {to}");
    }
}
