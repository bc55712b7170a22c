//! What a client reads follows `Accept-Language`; what its program reads does not.

use std::fs;

use http::Method;
use serde_json::{Value, json};
use vestibule::mail::templates::{About, Kind};
use vestibule::testing::app::settings;
use vestibule::testing::{TestAnswer, TestApp, TestRequest, on_both};
use vestibule::{Auth, Settings};

use crate::exchange::*;

async fn in_(language: &str, request: TestRequest<'_>) -> TestAnswer {
    request.header("accept-language", language).send().await
}

/// The sentences of an answer in the reference's shape, by their place.
fn sentences(body: &Value) -> Vec<(String, String)> {
    let texts = |value: &Value| match value {
        Value::Array(all) => all.iter().map(|text| text.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    };
    body.as_object().unwrap().iter().flat_map(|(key, value)| texts(value).into_iter().map(|text| (key.clone(), text))).collect()
}

const LANGUAGES: [&str; 8] = ["es", "pt-BR", "fr", "de", "it", "pl", "ja", "zh-Hans"];

#[tokio::test]
async fn errors_are_translated_with_the_same_status_and_keys() {
    on_both(article, async |app: TestApp| {
        for request in [
            || ("login/", json!({})),
            || ("login/", json!({ "email": "nia@example.com", "password": "x" })),
            || ("registration/", json!({})),
            || ("registration/", but(articles_user("nia@example.com"), json!({ "gender": "X", "password1": "123" }))),
            || ("registration/", but(articles_user("nia@example.com"), json!({ "password2": "other" }))),
        ] {
            let send = |language: &'static str| {
                let (path, body) = request();
                in_(language, app.post(path, body))
            };
            let english = send("en").await;
            let said = sentences(&english.json());
            for language in LANGUAGES {
                let answer = send(language).await;
                assert_eq!((answer.status, answer.header("content-language")), (english.status, language));
                let translated = sentences(&answer.json());
                assert_eq!(translated.len(), said.len());
                for ((key, text), (english_key, english)) in translated.iter().zip(&said) {
                    assert!(key == english_key && text != english, "{language}: {key} {text}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn refusals_and_successes_are_translated_too() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let key = app.register("ana").await;
            let german = async |request| in_("de-AT", request).await;
            assert_eq!(german(app.get("user/")).await.expect(401).json()["detail"], "Dafür ist eine Anmeldung nötig.");
            assert_eq!(german(app.get("login/")).await.expect(405).json()["detail"], "Die Methode „GET“ ist hier nicht erlaubt.");
            assert_eq!(german(app.get("nowhere/")).await.expect(404).json()["detail"], "Hier gibt es nichts.");
            let broken = german(app.request(Method::POST, "login/").raw("application/json", "{")).await.expect(400);
            assert!(broken.text.contains("JSON parse error - "), "programmers' words stay: {}", broken.text);
            let asked = german(app.post("password/reset/", json!({ "email": "nobody@example.org" }))).await.expect(200);
            assert_ne!(asked.json()["detail"], "Password reset e-mail has been sent.");
            let out = german(app.post("logout/", json!({})).token(&key)).await.expect(200);
            assert_eq!((out.json(), out.header("content-language")), (json!({ "detail": "Die Abmeldung ist erfolgt." }), "de"));
        },
    )
    .await;
}

#[tokio::test]
async fn codes_stay_untouched_by_the_language() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let body = json!({ "username": "ana", "email": "ana@example.org", "password1": "1234567", "password2": "1234567" });
            let send = async |language: &str| {
                let request = app.post("registration/", body.clone()).header("accept", "application/problem+json");
                in_(language, request).await.expect(400).json()["errors"].as_array().unwrap().clone()
            };
            let (english, polish) = (send("en").await, send("pl").await);
            for (english, polish) in english.iter().zip(&polish) {
                assert_eq!((&english["field"], &english["code"]), (&polish["field"], &polish["code"]));
                assert_ne!(english["detail"], polish["detail"]);
            }
            assert_eq!(polish[0]["detail"], "Hasło jest za krótkie: potrzeba co najmniej 8 znaków.");
        },
    )
    .await;
}

#[tokio::test]
async fn a_language_that_is_not_enabled_gets_the_default() {
    let only = |settings: &mut Settings| {
        settings.languages.enabled = Some(vec!["fr".into(), "de".into()]);
        settings.languages.default = "fr".into();
    };
    on_both(only, async |app: TestApp| {
        for (asked, given) in [("de", "de"), ("en", "fr"), ("ja, de;q=0.1", "de"), ("*", "fr"), ("", "fr")] {
            let answer = in_(asked, app.get("user/")).await;
            assert_eq!(answer.header("content-language"), given, "{asked}");
            assert!(answer.header("vary").contains("Accept-Language"));
        }
        assert_eq!(app.get("user/").send().await.header("content-language"), "fr");
    })
    .await;
}

#[tokio::test]
async fn a_host_adds_a_function_and_a_broken_template_stops_the_start() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("account/email/email_confirmation_message.txt");
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let builder = || {
                let mut settings = settings(&app.url);
                settings.templates.dir = Some(folder.path().into());
                Auth::builder(settings)
            };
            fs::write(&file, "{{ greeting(user.username) }}\n{{ link }}").unwrap();
            let refused = builder().build().await.err().unwrap().to_string();
            assert!(refused.contains("email_confirmation_message.txt, line 1: unknown function"), "{refused}");
            let auth = builder()
                .template_function("greeting", |given| json!(format!("Ahoy {}!", given[0].as_str().unwrap_or_default())));
            let auth = auth.build().await.unwrap();
            let about = About { link: Some("https://example.org/x".into()), ..About::default() };
            let mail = auth.templates().render(Kind::EmailConfirmation, &about, auth.languages().fallback()).unwrap();
            assert_eq!(mail.text, "Ahoy !\nhttps://example.org/x\n");
            let mut wrong = settings(&app.url);
            wrong.languages.default = "tlh".into();
            let refused = Auth::builder(wrong).build().await.err().unwrap().to_string();
            assert!(refused.starts_with("languages.default is \"tlh\", which does not exist."), "{refused}");
        },
    )
    .await;
}
