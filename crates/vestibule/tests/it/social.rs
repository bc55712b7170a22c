//! Signing in with providers, against a provider that says what it is told to say.

mod accounts;
mod completion;
mod connections;
mod crossing;
mod dev;
mod faults;
mod foreign;
mod kept;
mod kinds;
mod modes;
mod takeover;
mod tokens;
mod trial;
mod typed;

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::settings::Social;
use vestibule::testing::{Provider, TestAnswer, TestApp, on_both};

/// A service with one provider, `acme`, whose settings `change` has changed.
async fn with_provider(change: impl Fn(&mut Settings, &mut Social), test: impl AsyncFn(&TestApp, &Provider)) {
    let provider = Provider::start().await;
    with(&provider, change, test).await;
}

/// The same with that provider.
async fn with(provider: &Provider, change: impl Fn(&mut Settings, &mut Social), test: impl AsyncFn(&TestApp, &Provider)) {
    on_both(
        |settings| {
            let mut own = provider.settings();
            change(settings, &mut own);
            settings.social.insert("acme".into(), own);
        },
        async |app: TestApp| {
            provider.follow(&app.clock);
            provider.person(ana());
            test(&app, provider).await;
        },
    )
    .await;
}

/// Whom the provider usually tells of.
fn ana() -> Value {
    json!({ "sub": "person-1", "email": "ana@example.org", "email_verified": true, "name": "Ana Lind" })
}

/// Logs in with a fresh code.
async fn by_code(app: &TestApp, provider: &Provider) -> TestAnswer {
    app.post("acme/", json!({ "code": provider.code() })).send().await
}

/// Who a key belongs to.
async fn me(app: &TestApp, key: &str) -> Value {
    app.get("user/").token(key).send().await.expect(200).json()
}

/// A browser with cookies, which follows no redirect by itself.
struct Browser<'a> {
    app: &'a TestApp,
    cookie: Option<String>,
}

impl<'a> Browser<'a> {
    fn new(app: &'a TestApp) -> Self {
        Self { app, cookie: None }
    }

    /// Opens an address of the service, and keeps what it is told to keep.
    async fn open(&mut self, address: &str) -> TestAnswer {
        let path = address.strip_prefix("http://127.0.0.1:8000").unwrap_or(address);
        let answer = self.sent(self.app.request(Method::GET, path)).await;
        self.keep(&answer);
        answer
    }

    async fn post(&mut self, path: &str, body: Value) -> TestAnswer {
        let answer = self.sent(self.app.post(path, body)).await;
        self.keep(&answer);
        answer
    }

    async fn sent(&self, request: vestibule::testing::TestRequest<'_>) -> TestAnswer {
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie).send().await,
            None => request.send().await,
        }
    }

    fn keep(&mut self, answer: &TestAnswer) {
        if let Some(cookie) = answer.header("set-cookie").split(';').next().filter(|cookie| !cookie.is_empty()) {
            self.cookie = Some(cookie.to_owned());
        }
    }

    /// Goes to the provider, where somebody agrees, and gives the address that the browser is sent back to.
    async fn go(&mut self, provider: &Provider, id: &str) -> String {
        let answer = self.open(&format!("/auth/social/{id}/start/")).await.expect(302);
        provider.visit(answer.header("location"))
    }

    /// The whole way, and what it ends with.
    async fn cross(&mut self, provider: &Provider) -> TestAnswer {
        let back = self.go(provider, "acme").await;
        self.open(&back).await
    }
}

/// A member of the query of an address.
fn member(address: &str, name: &str) -> Option<String> {
    let url: url::Url = address.parse().ok()?;
    url.query_pairs().find(|(member, _)| member == name).map(|(_, value)| value.into_owned())
}

/// How many sessions, accounts and identities there are.
async fn rows(app: &TestApp) -> (i64, i64, i64) {
    (
        app.count("SELECT COUNT(*) FROM auth_sessions").await,
        app.count("SELECT COUNT(*) FROM auth_users").await,
        app.count("SELECT COUNT(*) FROM auth_identities").await,
    )
}

/// The latest mail of that kind to an address.
fn mail(app: &TestApp, address: &str, kind: &str) -> vestibule::mail::Mail {
    let mails = app.mailbox.to(address);
    let kinds: Vec<&str> = mails.iter().map(|mail| mail.kind).collect();
    mails.iter().rfind(|mail| mail.kind == kind).cloned().unwrap_or_else(|| panic!("no {kind} in {kinds:?}"))
}

/// An account with a password that the operator made.
async fn account(app: &TestApp, name: &str, verified: bool) -> vestibule::accounts::User {
    let account = vestibule::accounts::admin::NewAccount {
        username: Some(name.into()),
        email_verified: verified,
        ..crate::exchange::somebody(&format!("{name}@example.org"))
    };
    crate::exchange::made(app, account).await
}
