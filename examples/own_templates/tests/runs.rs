//! The example does what it says.

use serde_json::json;
use vestibule::settings::Settings;
use vestibule::testing::app::PASSWORD;
use vestibule::testing::{TestApp, on_both_built};

/// The example's settings, on the database and with the cheap hashing of a test.
fn as_in_the_example(settings: &mut Settings) {
    let example = own_templates::settings();
    (settings.site, settings.account, settings.email) = (example.site, example.account, example.email);
    (settings.frontend, settings.templates) = (example.frontend, example.templates);
}

#[tokio::test]
async fn mails_are_in_our_words_with_our_links() {
    on_both_built(as_in_the_example, own_templates::accounts, async |app: TestApp| {
        let person = json!({ "username": "ana", "email": "ana@example.org", "password1": PASSWORD, "password2": PASSWORD });
        app.post("registration/", person).send().await.expect(201);
        app.deliver().await;
        let welcome = app.mailbox.last_to("ana@example.org");
        assert_eq!(welcome.subject, "Shop: Is this you?");
        assert!(welcome.text.starts_with("Welcome to The Shop! Say that you are ana@example.org:\n\nhttp"), "{}", welcome.text);
        let hours = "We are there from 8 to 20, on Saturday from 10 to 16, and always at help@shop.example.";
        assert!(welcome.text.contains(hours), "{}", welcome.text);
        assert_eq!(welcome.html, None, "a text of our own stands without the built-in picture of it");
        app.get(welcome.link.as_deref().and_then(|link| link.split_once("/auth/")).map_or("", |(_, path)| path))
            .send()
            .await
            .expect(200);

        app.post("password/reset/", json!({ "email": "ana@example.org" })).send().await.expect(200);
        app.deliver().await;
        let reset = app.mailbox.last_to("ana@example.org");
        assert!(reset.subject.starts_with("Shop: "), "{}", reset.subject);
        let beginning = "Choose a new password here: http://127.0.0.1:3000/new-password/";
        assert!(reset.text.contains(beginning) && reset.text.contains("Hello ana,"), "{}", reset.text);
    })
    .await;
}
