//! The threat checks by number, for the parts that exist, each on both databases. What a row lacks stands in [`pending`].
//!
//! Every check includes two rules: a refused request changes nothing ([`refused`]), and the books are in order at the end
//! ([`books::check`]).

mod addresses;
mod books;
mod enumeration;
mod events;
mod forge;
mod headers;
mod injection;
mod input;
mod journal;
mod limits;
mod mails;
mod names;
mod outbox;
mod pages;
mod passwords;
mod pending;
mod places;
pub(crate) mod scan;
mod sessions;
mod storage;
mod tokens;

use axum::Router;
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use tower_service::Service as _;
use vestibule::accounts::User;
use vestibule::accounts::admin::{self, NewAccount};
use vestibule::ground::Secret;
use vestibule::settings::{RateLimits, Settings};
use vestibule::testing::app::PASSWORD;
use vestibule::testing::{TestAnswer, TestApp, TestRequest};
use vestibule::{Auth, params};

/// A second password that every policy accepts.
const OTHER: &str = "An0ther-pass-7q";

/// A password that nobody here has.
const WRONG: &str = "Wr0ng-guess-5k";

/// The one answer to a failed login.
const LOGIN_FAILED: &str = r#"{"non_field_errors":["Unable to log in with provided credentials."]}"#;

/// Runs a check on SQLite and on PostgreSQL, and looks through the books after it.
async fn on_both(change: impl Fn(&mut Settings), test: impl AsyncFn(&TestApp)) {
    vestibule::testing::on_both(change, async |app: TestApp| {
        test(&app).await;
        books::check(&app).await;
    })
    .await;
}

/// Sends a request that must be refused with that status, and must change nothing but counters and the audit trail.
async fn refused(app: &TestApp, request: TestRequest<'_>, status: u16) -> TestAnswer {
    let before = books::contents(app).await;
    let answer = request.send().await.expect(status);
    assert_eq!(books::contents(app).await, before, "a refused request changed something: {}", answer.text);
    answer
}

/// `POST login/` by name.
fn login<'a>(app: &'a TestApp, name: &str, password: &str) -> TestRequest<'a> {
    app.post("login/", json!({ "username": name, "password": password }))
}

/// The body with which `name` registers.
fn registration(name: &str, password: &str) -> Value {
    json!({ "username": name, "email": format!("{name}@example.org"), "password1": password, "password2": password })
}

/// The body that changes a password.
fn change(old: &str, new: &str) -> Value {
    json!({ "old_password": old, "new_password1": new, "new_password2": new })
}

/// An account that the operator makes.
async fn create(app: &TestApp, name: &str, password: Option<&str>, verified: bool) -> User {
    let account = NewAccount {
        username: Some(name.into()),
        email: Some(format!("{name}@example.org")),
        email_verified: verified,
        password: password.map(Secret::from),
        ..NewAccount::default()
    };
    admin::create_user(&app.auth, account).await.unwrap()
}

/// An account, found as the operator finds it.
async fn account(app: &TestApp, name: &str) -> User {
    admin::find(&app.auth, name).await.unwrap()
}

/// Disables an account.
async fn disable(app: &TestApp, name: &str) {
    assert!(admin::disable(&app.auth, account(app, name).await.id).await.unwrap());
}

/// What the database keeps of an account's password.
async fn stored(app: &TestApp, name: &str) -> Option<String> {
    let sql = "SELECT password FROM auth_users WHERE username_key = $1";
    app.auth.db().one::<(Option<String>,)>(sql, params![name]).await.unwrap().unwrap().0
}

/// Puts a password into the database as an import does.
async fn import(app: &TestApp, name: &str, password: Option<&str>) {
    let (name, password) = (name.to_owned(), password.map(str::to_owned));
    let sql = "UPDATE auth_users SET password = $2 WHERE username_key = $1";
    let imported = app.auth.db().unit(move |tx| async move { tx.run(sql, params![&name, password.as_deref()]).await }).await;
    assert_eq!(imported.unwrap(), 1);
}

/// Does something to the database behind the service's back.
async fn run(app: &TestApp, statements: &'static [&'static str]) {
    let work = move |tx: vestibule::db::Tx| async move {
        for sql in statements {
            tx.run(sql, params![]).await?;
        }
        Ok::<_, vestibule::db::Error>(())
    };
    app.auth.db().unit(work).await.unwrap();
}

/// Makes every such statement fail: `UPDATE OF password ON auth_users`.
async fn fault(app: &TestApp, statement: &str) {
    if app.auth.db().is_shared() {
        let function = "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''fault''; END'";
        execute(app, function.to_owned()).await;
        execute(app, format!("CREATE TRIGGER fault BEFORE {statement} FOR EACH ROW EXECUTE FUNCTION fault()")).await;
    } else {
        execute(app, format!("CREATE TRIGGER fault BEFORE {statement} BEGIN SELECT RAISE(ABORT, 'fault'); END")).await;
    }
}

/// Undoes [`fault`] on that table.
async fn repair(app: &TestApp, table: &str) {
    let of_table = if app.auth.db().is_shared() { format!(" ON {table}") } else { String::new() };
    execute(app, format!("DROP TRIGGER fault{of_table}")).await;
}

/// As [`run`], for one statement that is made up here. The database room takes static texts only, so this one is never freed.
async fn execute(app: &TestApp, sql: String) {
    run(app, vec![&*sql.leak()].leak()).await;
}

/// A limit as the settings have it.
fn limit(text: &str) -> RateLimits {
    text.parse().unwrap()
}

/// Settings with that limit on failed logins and no other.
fn failures_limited(settings: &mut Settings, text: &str) {
    settings.limits.enabled = true;
    settings.limits.login = RateLimits::default();
    settings.limits.registration = RateLimits::default();
    settings.limits.login_failed = limit(text);
}

/// Another server on the same database.
struct Second {
    auth: Auth,
    router: Router,
}

impl Second {
    async fn beside(app: &TestApp) -> Self {
        let builder = Auth::builder(app.auth.settings().clone()).clock(app.clock.clone());
        let auth = builder.build().await.unwrap_or_else(|error| panic!("{error}"));
        Self { router: auth.router(), auth }
    }

    /// The status of `GET user/` with that key.
    async fn user(&self, key: &str) -> u16 {
        let request = Request::get("/user/").header("authorization", format!("Bearer {key}")).body(Body::empty()).unwrap();
        let Ok(response) = self.router.clone().call(request).await;
        response.status().as_u16()
    }
}

/// The request id of an answer, by which its log lines and audit rows are found.
fn request_id(answer: &TestAnswer) -> &str {
    assert_eq!(answer.header("x-request-id").len(), 16, "8 bytes in hexadecimal");
    answer.header("x-request-id")
}
