//! K and L, for pages: what fails costs its own request alone, and is told under the id that the answer carries (T79, T81).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use vestibule::Hooks;
use vestibule::accounts::users::NewUser;
use vestibule::db::Tx;
use vestibule::ground::Result;
use vestibule::settings::LogRequests;
use vestibule::testing::{TestAnswer, TestApp, on_both_built};

use super::journal::{Entry, Journal};
use super::{PASSWORD, request_id};

/// Panics over one name, with words that nobody outside may read.
struct Clumsy;

impl Hooks for Clumsy {
    async fn before_register(&self, _: &Tx, new: &mut NewUser) -> Result<()> {
        let name = new.usernames.first().map(|name| name.key().to_owned()).unwrap_or_default();
        assert_ne!(name, "panic", "secret words of a hook");
        Ok(())
    }
}

async fn sign_up(app: &TestApp, name: &str) -> TestAnswer {
    let page = app.get("sign-up/").send().await.expect(200);
    let token = page.text.split_once("name=\"csrfmiddlewaretoken\" value=\"").unwrap().1.split('"').next().unwrap();
    let cookie = page.header("set-cookie").split(';').next().unwrap();
    let email = format!("{name}@example.org");
    let form =
        [("username", name), ("email", &email), ("password1", PASSWORD), ("password2", PASSWORD), ("csrfmiddlewaretoken", token)];
    let request = app.request(Method::POST, "sign-up/").header("origin", "http://127.0.0.1:8000").header("cookie", cookie);
    request.form(&form).send().await
}

#[tokio::test]
async fn t79_a_panic_in_a_page_costs_its_own_request_alone_and_is_logged_under_its_id() {
    on_both_built(
        |_| {},
        |builder| builder.hooks(Clumsy),
        async |app: TestApp| {
            let journal = Journal::begin();
            let failed = sign_up(&app, "panic").await.expect(500);
            assert!(failed.header("content-type").starts_with("text/html") && failed.text.contains("Internal server error."));
            assert!(!failed.text.contains("secret words"), "{}", failed.text);
            let id = request_id(&failed);
            assert_eq!(id.len(), 16);
            let told = |entry: &Entry| entry.level == tracing::Level::ERROR && entry.get("request_id") == id;
            assert!(journal.own().iter().any(told), "{}", journal.text());
            sign_up(&app, "ana").await.expect(303);
            app.deliver().await;
        },
    )
    .await;
}

#[tokio::test]
async fn t81_a_page_is_logged_as_a_request_under_the_id_that_answer_and_audit_trail_carry() {
    on_both_built(
        |settings| settings.log.requests = LogRequests::All,
        |builder| builder,
        async |app: TestApp| {
            let journal = Journal::begin();
            let answer = sign_up(&app, "ana").await.expect(303);
            let id = request_id(&answer).to_owned();
            let rows: Vec<(String, Option<String>)> =
                app.auth.db().all("SELECT event, request_id FROM auth_audit ORDER BY id", &[]).await.unwrap();
            assert!(rows.len() == 2 && rows.iter().all(|(_, of)| of.as_deref() == Some(&id)), "{rows:?}, not {id}");
            let requests: Vec<Entry> = journal.own().into_iter().filter(|entry| entry.target == "vestibule::request").collect();
            let sent = requests.iter().find(|entry| entry.get("request_id") == id).unwrap();
            assert_eq!((sent.get("method"), sent.get("path"), sent.get("status")), ("POST", "sign-up", "303"));
            assert_ne!(request_id(&app.get("sign-in/").send().await.expect(200)), id);
            app.deliver().await;
        },
    )
    .await;
}

#[tokio::test]
async fn t79_a_panic_in_a_function_that_a_template_calls_is_a_plain_answer() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pages")).unwrap();
    let base = "<title>{{ clumsy() }}</title><style></style>{% block content %}{% endblock %}";
    std::fs::write(folder.path().join("pages/base.html"), base).unwrap();
    let armed = Arc::new(AtomicBool::new(false));
    let trigger = armed.clone();
    on_both_built(
        |settings| settings.templates.dir = Some(folder.path().to_owned()),
        move |builder| {
            let armed = trigger.clone();
            builder.template_function("clumsy", move |_| {
                assert!(!armed.load(Ordering::Relaxed), "secret words of a function");
                "Fine".into()
            })
        },
        async |app: TestApp| {
            assert!(app.get("sign-in/").send().await.expect(200).text.contains("Fine"));
            armed.store(true, Ordering::Relaxed);
            let failed = app.get("sign-in/").send().await.expect(500);
            assert_eq!(failed.text, r#"{"detail":"Internal server error."}"#);
            assert_eq!(request_id(&failed).len(), 16);
            armed.store(false, Ordering::Relaxed);
            app.get("sign-in/").send().await.expect(200);
        },
    )
    .await;
}
