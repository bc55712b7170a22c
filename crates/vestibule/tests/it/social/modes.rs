//! Google's and GitHub's flows in every form and in every mode of tokens.

use serde_json::json;
use vestibule::settings::TokenMode;
use vestibule::testing::{Dialect, Provider};

use super::*;
use crate::pages::Browser as Window;

/// A form in which somebody comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A code that the front end got.
    Code,
    /// An ID token that an app got.
    IdToken,
    /// The browser goes over the provider.
    Redirect,
}

/// What a login answers with in a mode: the members of the body, the names of the cookies.
fn shape(mode: TokenMode) -> (&'static [&'static str], &'static [&'static str]) {
    match mode {
        TokenMode::Opaque => (&["key"], &[]),
        TokenMode::Jwt => (&["access", "user", "refresh"], &[]),
        TokenMode::JwtCookie => (&["access", "user", "refresh"], &["access", "refresh"]),
    }
}

/// Comes in, and gives the answer that opens the session.
async fn come_in(app: &TestApp, window: &Window<'_>, provider: &Provider, form: Form, mode: TokenMode) -> TestAnswer {
    let (name, value) = match form {
        Form::Code => ("code", provider.code()),
        Form::IdToken => ("id_token", provider.id_token()),
        Form::Redirect => {
            let start = window.open("social/acme/start/").await.expect(302);
            let back = provider.visit(start.header("location"));
            let landed = window.open(back.strip_prefix("http://127.0.0.1:8000").unwrap()).await.expect(302);
            if mode == TokenMode::JwtCookie {
                return landed;
            }
            let body = json!({ "code": member(landed.header("location"), "code") });
            let social = window.cookies.lock().unwrap()["social"].clone();
            let exchange = app.post("social/exchange/", body).header("cookie", &format!("social={social}"));
            return exchange.send().await.expect(200);
        }
    };
    app.post("acme/", json!({ name: value })).send().await.expect(200)
}

/// The answer has the shape of a login's, and what it gives opens `user/`.
async fn knows(app: &TestApp, answer: &TestAnswer, form: Form, mode: TokenMode) {
    let (members, names) = shape(mode);
    let cookies: Vec<(&str, &str)> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|line| line.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap())
        .filter(|(name, _)| names.contains(name) || !matches!(*name, "device" | "social"))
        .collect();
    assert_eq!(cookies.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names, "{form:?} {mode:?}");
    let request = app.get("user/");
    let request = match (mode, form) {
        (TokenMode::JwtCookie, _) => request.header("cookie", &format!("access={}", cookies[0].1)),
        (TokenMode::Jwt, _) => request.header("authorization", &format!("Bearer {}", answer.json()["access"].as_str().unwrap())),
        (TokenMode::Opaque, _) => request.token(&answer.key()),
    };
    if answer.status == 200 {
        let body = answer.json();
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), members, "{form:?} {mode:?}");
        if mode == TokenMode::JwtCookie {
            assert_eq!(body["refresh"], "", "no script sees it");
        }
    }
    let user = request.send().await.expect(200).json();
    assert_eq!(
        (user["username"].as_str(), user["email"].as_str()),
        (Some("ana-l"), Some("ana@example.org")),
        "{form:?} {mode:?}"
    );
}

#[tokio::test]
async fn google_and_github_let_people_in_in_every_form_and_mode() {
    let google = json!({
        "sub": "110169484474386276334", "email": "ana@example.org", "email_verified": true, "azp": "client-1", "name": "Ana Lind",
        "given_name": "Ana", "family_name": "Lind", "preferred_username": "ana-l", "hd": "example.org",
    });
    let github = json!({ "id": 1077, "login": "Ana-L", "name": "Ana Lind", "email": null, "type": "User" });
    let listed = json!([
        { "email": "old@example.org", "primary": false, "verified": true, "visibility": null },
        { "email": "ana@example.org", "primary": true, "verified": true, "visibility": "private" },
    ]);
    for (dialect, person, forms) in [
        (Dialect::Google, &google, &[Form::Code, Form::IdToken, Form::Redirect][..]),
        (Dialect::GitHub, &github, &[Form::Code, Form::Redirect]),
    ] {
        for mode in [TokenMode::Opaque, TokenMode::Jwt, TokenMode::JwtCookie] {
            let provider = Provider::speaking(dialect).await;
            provider.script(|script| script.addresses = (dialect == Dialect::GitHub).then(|| listed.clone()));
            with(
                &provider,
                |settings, own| {
                    settings.tokens.mode = mode;
                    own.trust_email = true;
                },
                async |app, provider| {
                    provider.person(person.clone());
                    for form in forms {
                        let window = Window::new(app);
                        let answer = come_in(app, &window, provider, *form, mode).await;
                        knows(app, &answer, *form, mode).await;
                    }
                    assert_eq!(rows(app).await, (i64::try_from(forms.len()).unwrap(), 1, 1), "{dialect:?} {mode:?}");
                    if dialect == Dialect::GitHub {
                        let brought = app.post("acme/", json!({ "id_token": provider.id_token() })).send().await;
                        assert_eq!(brought.status, 400, "there are no ID tokens");
                    }
                },
            )
            .await;
        }
    }
}
