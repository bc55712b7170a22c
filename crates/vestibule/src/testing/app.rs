//! A whole service in a test.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use tower_service::Service;

use crate::Builder;
use crate::accounts::Auth;
use crate::ground::{Clock, Entropy, Time};
use crate::http::Peer;
use crate::settings::{HashQueue, Settings};

use crate::jobs::queue;
use crate::jobs::worker::{self, Round};
use crate::mail::Transport;

use super::databases::{self, TestDb};
use super::mailbox::Mailbox;

/// When every test begins: 2026-01-01T00:00:00Z.
pub const BEGINNING: Time = Time::from_millis(1_767_225_600_000);

/// The password that tests register with, good enough for every policy.
pub const PASSWORD: &str = "Tr1cky-pass-9x";

/// A service on a database of its own, asked without a network.
pub struct TestApp {
    /// The service.
    pub auth: Auth,
    /// Its clock, which stands still until it is moved.
    pub clock: Clock,
    /// The URL of its database, to open it once more.
    pub url: String,
    router: Mutex<Router>,
    /// Where its mails arrive.
    pub mailbox: Mailbox,
    names: AtomicU64,
    settings: Settings,
    build: Build,
    /// Removes the database when this is dropped; a twin does not.
    _database: Option<Arc<TestDb>>,
}

/// What a test does to the builder beyond the settings.
type Build = std::sync::Arc<dyn Fn(Builder) -> Builder + Send + Sync>;

/// The most bytes of an answer that a test reads.
const MOST: usize = 1 << 20;

/// Runs a test on SQLite and on PostgreSQL, each time with a fresh service whose settings `change` has changed.
pub async fn on_both(change: impl Fn(&mut Settings), test: impl AsyncFn(TestApp)) {
    for database in databases::each_database().await {
        announce(&database.url);
        let app = TestApp::on(database, &change).await;
        let (auth, clock, mailbox, database) = (app.auth.clone(), app.clock.clone(), app.mailbox.clone(), app._database.clone());
        test(app).await;
        settle(&auth, &clock, &mailbox).await;
        drop(database);
    }
}

/// The same, for a service that is also built in another way: with hooks, or with types of the host's own.
pub async fn on_both_built(
    change: impl Fn(&mut Settings),
    build: impl Fn(Builder) -> Builder + Clone + Send + Sync + 'static,
    test: impl AsyncFn(TestApp),
) {
    for database in databases::each_database().await {
        announce(&database.url);
        test(TestApp::built(database, &change, build.clone()).await).await;
    }
}

/// No test ends with mails that cannot be sent: what it left in the outbox is delivered, and nothing may remain there but what
/// was given up. A test that broke its database has nothing to settle.
async fn settle(auth: &Auth, clock: &Clock, mailbox: &Mailbox) {
    mailbox.fail(None);
    for _ in 0..3 {
        if worker::deliver_due(auth).await.is_err() {
            return;
        }
        // Longer than any pause after a failure.
        clock.advance(Duration::from_secs(61));
    }
    let unsent = queue::list(auth, 100).await.unwrap_or_default();
    let unsent: Vec<_> = unsent.into_iter().filter(|mail| mail.given_up_at.is_none()).collect();
    assert!(unsent.is_empty(), "mails that cannot be sent: {unsent:?}");
}

/// Cargo shows this beside a failure only.
#[expect(clippy::print_stderr, reason = "a failed test must tell on which database it failed")]
fn announce(url: &str) {
    eprintln!("on {}", url.split(':').next().unwrap_or_default());
}

/// Settings for a test: cheap hashing, no limits, the rest as by default.
pub fn settings(url: &str) -> Settings {
    let mut settings = Settings { secret_key: Some("a-test-key-of-32-characters-or-more".into()), ..Settings::default() };
    settings.database.url = url.into();
    settings.password.memory_kib = 8;
    settings.password.iterations = 1;
    settings.password.hash_queue = HashQueue::Count(1_000);
    settings.limits.enabled = false;
    settings
}

impl TestApp {
    /// A service on that database, with test settings that `change` has changed.
    pub async fn on(database: TestDb, change: impl Fn(&mut Settings)) -> Self {
        Self::built(database, change, |builder| builder).await
    }

    /// The same, where `build` has also told the builder something.
    pub async fn built(
        database: TestDb,
        change: impl Fn(&mut Settings),
        build: impl Fn(Builder) -> Builder + Send + Sync + 'static,
    ) -> Self {
        let mut settings = settings(&database.url);
        change(&mut settings);
        Self::start(settings, Clock::manual(BEGINNING), 1, Some(database), std::sync::Arc::new(build)).await
    }

    /// The service once more on the same database, built in another way: what a newer version of the host would be. It must not
    /// outlive the first, which owns the database.
    pub async fn rebuilt(
        &self,
        change: impl Fn(&mut Settings),
        build: impl Fn(Builder) -> Builder + Send + Sync + 'static,
    ) -> Self {
        let mut settings = settings(&self.url);
        change(&mut settings);
        Self::start(settings, self.clock.clone(), 2, None, std::sync::Arc::new(build)).await
    }

    /// The service once more on the same database and the same clock, with memory and hashing threads of its own: what another
    /// process would be. It must not outlive the first, which owns the database.
    pub async fn twin(&self) -> Self {
        static SEEDS: AtomicU64 = AtomicU64::new(2);
        // Two processes never draw the same keys.
        let seed = SEEDS.fetch_add(1, Ordering::Relaxed);
        Self::start(self.settings.clone(), self.clock.clone(), seed, None, self.build.clone()).await
    }

    async fn start(settings: Settings, clock: Clock, seed: u64, database: Option<TestDb>, build: Build) -> Self {
        let url = settings.database.url.expose().to_owned();
        let mailbox = Mailbox::default();
        let builder = Auth::builder(settings.clone())
            .clock(clock.clone())
            .entropy(Entropy::seeded(seed))
            .transport(Transport::own(mailbox.clone()))
            // So that a test finds its mails in their order.
            .mails_at_once(1);
        let auth = build(builder).build().await.unwrap_or_else(|error| panic!("{error}"));
        Self {
            router: Mutex::new(routes(&auth)),
            mailbox,
            url,
            auth,
            clock,
            names: AtomicU64::new(0),
            settings,
            build,
            _database: database.map(Arc::new),
        }
    }

    /// Begins a request. Paths begin below the base path: `login/`.
    pub fn request(&self, method: Method, path: &str) -> TestRequest<'_> {
        let uri = if path.starts_with('/') { path.to_owned() } else { format!("/auth/{path}") };
        TestRequest { app: self, method, uri, headers: HeaderMap::new(), body: Body::empty(), peer: Peer([127, 0, 0, 1].into()) }
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> TestRequest<'_> {
        self.request(Method::GET, path)
    }

    /// `POST` with a JSON body.
    pub fn post(&self, path: &str, body: Value) -> TestRequest<'_> {
        self.request(Method::POST, path).json(body)
    }

    /// `PATCH` with a JSON body.
    pub fn patch(&self, path: &str, body: Value) -> TestRequest<'_> {
        self.request(Method::PATCH, path).json(body)
    }

    /// Moves the clock.
    pub fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// A name that this service has not heard of yet.
    pub fn fresh_name(&self) -> String {
        format!("person{}", self.names.fetch_add(1, Ordering::SeqCst))
    }

    /// Registers `name` with `name@example.org` and [`PASSWORD`], and gives the key.
    pub async fn register(&self, name: &str) -> String {
        let body =
            json!({ "username": name, "email": format!("{name}@example.org"), "password1": PASSWORD, "password2": PASSWORD });
        self.post("registration/", body).send().await.expect(201).key()
    }

    /// Logs in by name with [`PASSWORD`], and gives the key.
    pub async fn login(&self, name: &str) -> String {
        self.post("login/", json!({ "username": name, "password": PASSWORD })).send().await.expect(200).key()
    }

    /// Sends the mails that are due.
    pub async fn deliver(&self) -> Round {
        worker::deliver_due(&self.auth).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// How many rows a query counts. For looking behind the service's back.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let row = self.auth.db().one::<(i64,)>(sql, &[]).await.unwrap_or_else(|error| panic!("{error:?}"));
        row.map_or(0, |(count,)| count)
    }
}

fn routes(auth: &Auth) -> Router {
    Router::new().nest(&auth.settings().server.base_path, auth.router()).merge(auth.well_known())
}

/// A request that is being made up.
pub struct TestRequest<'a> {
    app: &'a TestApp,
    method: Method,
    uri: String,
    headers: HeaderMap,
    body: Body,
    peer: Peer,
}

impl TestRequest<'_> {
    /// With that JSON body.
    #[must_use]
    pub fn json(self, body: Value) -> Self {
        self.raw("application/json", body.to_string())
    }

    /// With that form.
    #[must_use]
    pub fn form(self, members: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish();
        self.raw("application/x-www-form-urlencoded", body)
    }

    /// With that body, of that type.
    #[must_use]
    pub fn raw(mut self, kind: &str, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self.header("content-type", kind)
    }

    /// With that header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        self.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|error| panic!("{error}")));
        self
    }

    /// With that key.
    #[must_use]
    pub fn token(self, key: &str) -> Self {
        self.header("authorization", &format!("Token {key}"))
    }

    /// From that address.
    #[must_use]
    pub fn from(mut self, ip: &str) -> Self {
        self.peer = Peer(ip.parse().unwrap_or_else(|error| panic!("{error}")));
        self
    }

    /// Sends it.
    pub async fn send(self) -> TestAnswer {
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri.parse().unwrap_or_else(|error| panic!("{}: {error}", self.uri));
        *request.headers_mut() = self.headers;
        request.extensions_mut().insert(self.peer);
        let mut router = self.app.router.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let Ok(response) = router.call(request).await;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, MOST).await.unwrap_or_else(|error| panic!("{error}"));
        TestAnswer { status: parts.status.as_u16(), headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }
}

/// What came back.
#[derive(Debug)]
pub struct TestAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl TestAnswer {
    /// The same answer, if it has that status.
    ///
    /// # Panics
    /// If it has another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The body as JSON; `null` if it is empty.
    ///
    /// # Panics
    /// If it is neither.
    #[track_caller]
    pub fn json(&self) -> Value {
        if self.text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The key that a login or a registration gave.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn key(&self) -> String {
        self.json()["key"].as_str().unwrap_or_else(|| panic!("no key in {}", self.text)).to_owned()
    }

    /// A header's text; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Seconds until one may come back.
    ///
    /// # Panics
    /// If `Retry-After` is missing or no whole number.
    #[track_caller]
    pub fn retry_after(&self) -> Duration {
        let text = self.header(header::RETRY_AFTER.as_str());
        Duration::from_secs(text.parse().unwrap_or_else(|error| panic!("Retry-After {text:?}: {error}")))
    }
}
