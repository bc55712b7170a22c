//! The host's own code: in the units of the flows, after them, and at the doors.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get;
use http::{Method, Request};
use serde_json::{Value, json};
use tower_service::Service;
use vestibule::accounts::audit::Event;
use vestibule::accounts::{Client, deletion};
use vestibule::db::Tx;
use vestibule::ground::Result;
use vestibule::testing::{TestApp, on_both, on_both_built};
use vestibule::{
    Auth, Builder, CurrentUser, EmailAddress, Error, Hooks, Message, NewUser, RequireStaff, Settings, User, UserId, params,
};

use crate::exchange::*;

/// Keeps a row for each account, lets nobody go who is staff, and notes what happens.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<Told>>>);

/// An event's name, and whose it was.
type Told = (String, Option<i64>);

impl Notes {
    /// The names of the events, once there are `count` of them.
    async fn told(&self, count: usize) -> Vec<Told> {
        for _ in 0..2_000 {
            let now = self.0.lock().unwrap().clone();
            if now.len() >= count {
                return now;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("{count} events were never told: {:?}", self.0.lock().unwrap());
    }
}

impl Hooks for Notes {
    async fn after_register(&self, tx: &Tx, user: &User) -> Result<()> {
        tx.run("INSERT INTO pets (owner) VALUES ($1)", params![user.id.as_i64()]).await?;
        Ok(())
    }

    async fn before_delete(&self, tx: &Tx, user: &User) -> Result<()> {
        tx.run("DELETE FROM pets WHERE owner = $1", params![user.id.as_i64()]).await?;
        if user.is_staff { Err(Error::non_field(Message::own("Staff stays."))) } else { Ok(()) }
    }

    async fn on_event(&self, event: &Event) {
        assert!(event.data().is_object());
        self.0.lock().unwrap().push((event.name().to_owned(), event.user().map(UserId::as_i64)));
        assert_ne!(event.name(), "user.registered", "a hook that panics is told of the next event all the same");
    }
}

async fn make_pets(app: &TestApp) {
    let made = app.auth.db().unit(|tx| async move {
        tx.run("CREATE TABLE pets (owner BIGINT NOT NULL)", &[]).await?;
        Ok::<_, Error>(())
    });
    made.await.unwrap();
}

#[tokio::test]
async fn events_are_told_in_order_after_they_are_safe_whatever_the_host_does() {
    for database in vestibule::testing::databases::each_database().await {
        let notes = Notes::default();
        let told = notes.clone();
        let app = TestApp::built(database, |_| {}, move |builder: Builder| builder.hooks(told.clone())).await;
        make_pets(&app).await;
        let key = app.register("ana").await;
        app.post("login/", json!({ "username": "ana", "password": PASSWORD })).send().await.expect(200);
        app.post("registration/", but(named("ana"), json!({ "email": "a@example.org" }))).send().await.expect(400);
        app.patch("user/", json!({ "first_name": "Ana" })).token(&key).send().await.expect(200);
        let id = UserId::from_i64(1);
        vestibule::accounts::admin::disable(&app.auth, id).await.unwrap();
        let names: Vec<_> = notes.told(5).await.into_iter().map(|(name, user)| (name, user.unwrap())).collect();
        let expected = ["user.registered", "session.opened", "session.opened", "user.edited", "user.disabled"];
        assert_eq!(names, expected.map(|name| (name.to_owned(), 1)), "what was refused is not told");
        app.mailbox.clear();
        app.deliver().await;
    }
}

#[tokio::test]
async fn an_account_goes_through_one_door_with_everything_of_its_own() {
    on_both_built(
        |settings| settings.user.fields = vec![unique_badge()],
        |builder| builder.hooks(Notes::default()),
        async |app: TestApp| {
            make_pets(&app).await;
            let badge = |name: &str| but(named(name), json!({ "email": format!("{name}@example.org"), "badge": name }));
            let ana = app.post("registration/", badge("ana")).send().await.expect(201).key();
            app.post("registration/", badge("bea")).send().await.expect(201);
            app.post("password/reset/", json!({ "email": "ana@example.org" })).send().await.expect(200);
            let who = Client::operator(&app.auth);
            let gone = deletion::delete(&app.auth, &who, UserId::from_i64(1)).await.unwrap();
            assert_eq!(gone.username.as_deref(), Some("ana"));
            app.get("user/").token(&ana).send().await.expect(401);
            for left in [
                "SELECT COUNT(*) FROM auth_users WHERE id = 1",
                "SELECT COUNT(*) FROM auth_sessions WHERE user_id = 1",
                "SELECT COUNT(*) FROM auth_unique_values WHERE user_id = 1",
                "SELECT COUNT(*) FROM auth_tokens WHERE user_id = 1",
                "SELECT COUNT(*) FROM auth_jobs WHERE user_id = 1",
                "SELECT COUNT(*) FROM pets WHERE owner = 1",
            ] {
                assert_eq!(app.count(left).await, 0, "{left}");
            }
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_audit WHERE user_id = 1 AND event = 'user.deleted'").await, 1);
            assert_eq!(accounts(&app).await, 1);
            let again = deletion::delete(&app.auth, &who, UserId::from_i64(1)).await;
            assert_eq!(again.unwrap_err(), Error::Refused(404, Message::NotFound));
            // Name, address and badge are free, and the number is another.
            let key = app.post("registration/", badge("ana")).send().await.expect(201).key();
            assert_eq!(app.get("user/").token(&key).send().await.json()["pk"], 3);
            app.deliver().await;
        },
    )
    .await;
}

fn unique_badge() -> vestibule::settings::FieldSettings {
    use vestibule::settings::{FieldKind, FieldSettings};
    FieldSettings { unique: true, ..FieldSettings::new("badge", FieldKind::Text) }
}

#[tokio::test]
async fn a_host_that_refuses_a_removal_keeps_all_of_the_account() {
    on_both_built(
        |_| {},
        |builder| builder.hooks(Notes::default()),
        async |app: TestApp| {
            make_pets(&app).await;
            let key = app.register("ana").await;
            staff(&app).await;
            let refused = deletion::delete(&app.auth, &Client::operator(&app.auth), UserId::from_i64(1)).await.unwrap_err();
            assert_eq!(refused, Error::non_field(Message::own("Staff stays.")));
            app.get("user/").token(&key).send().await.expect(200);
            assert_eq!(app.count("SELECT COUNT(*) FROM pets").await, 1, "what the hook wrote is undone");
            app.deliver().await;
        },
    )
    .await;
}

/// Lets in whoever has an invitation that nobody used.
struct Door;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Invited {
    email: EmailAddress,
    invite: String,
}

impl TryFrom<Invited> for NewUser {
    type Error = Error;

    fn try_from(form: Invited) -> Result<Self> {
        assert!(!form.email.shown().is_empty());
        Ok(Self { extra: json!(form.invite), ..Self::default() })
    }
}

impl Hooks for Door {
    async fn before_register(&self, tx: &Tx, new: &mut NewUser) -> Result<()> {
        let spent = tx.run("DELETE FROM invites WHERE code = $1", params![new.extra.as_str()]).await?;
        if spent == 1 { Ok(()) } else { Err(("invite", "This invitation is not known.").into()) }
    }
}

#[tokio::test]
async fn t11_a_refusing_hook_does_not_tell_that_an_address_has_an_account() {
    let mandatory = |settings: &mut Settings| {
        settings.account.email_verification = vestibule::settings::Verification::Mandatory;
        settings.account.username = vestibule::settings::Presence::Off;
        settings.account.login_methods = vec![vestibule::settings::LoginMethod::Email];
    };
    let build = |builder: Builder| builder.register_form::<Invited>().hooks(Door);
    on_both_built(mandatory, build, async |app: TestApp| {
        let tables = app.auth.db().unit(|tx| async move {
            tx.run("CREATE TABLE invites (code TEXT NOT NULL)", &[]).await?;
            tx.run("INSERT INTO invites (code) VALUES ('one'), ('two')", &[]).await?;
            Ok::<_, Error>(())
        });
        tables.await.unwrap();
        made(&app, somebody("ana@example.org")).await;
        let send = async |email: &str, invite: &str| {
            let body = json!({ "email": email, "password1": PASSWORD, "password2": PASSWORD, "invite": invite });
            let answer = app.post("registration/", body).send().await;
            (answer.status, answer.text)
        };
        let unknown = (400, json!({ "invite": ["This invitation is not known."] }).to_string());
        assert_eq!(send("ana@example.org", "x").await, unknown);
        assert_eq!(send("bea@example.org", "x").await, unknown);
        let sent = send("ana@example.org", "one").await;
        assert_eq!(sent.0, 201);
        assert_eq!(app.count("SELECT COUNT(*) FROM invites").await, 2, "nothing was spent on nobody");
        assert_eq!(send("bea@example.org", "one").await, sent);
        assert_eq!(send("cem@example.org", "one").await, unknown, "once");
        assert_eq!((accounts(&app).await, app.count("SELECT COUNT(*) FROM invites").await), (2, 1));
        app.deliver().await;
    })
    .await;
}

async fn staff(app: &TestApp) {
    let made = app.auth.db().unit(|tx| async move {
        tx.run("UPDATE auth_users SET is_staff = TRUE WHERE id = 1", &[]).await?;
        Ok::<_, Error>(())
    });
    made.await.unwrap();
}

#[tokio::test]
async fn a_rule_of_the_hosts_own_counts_wherever_a_password_is_chosen() {
    let build = |builder: Builder| {
        builder.password_rule(|password| {
            let tired = password.expose().contains("2024");
            if tired { vec![Message::own("That year is over.")] } else { Vec::new() }
        })
    };
    let over = json!(["That year is over."]);
    on_both_built(
        |_| {},
        build,
        async |app: TestApp| {
            let old = "W0rd-from-2024-x";
            let body = but(named("ana"), json!({ "email": "ana@example.org", "password1": old, "password2": old }));
            check(
                "registration/",
                &app.post("registration/", body).send().await,
                400,
                &json!({ "password1": over }),
                "registration",
            );
            let key = app.register("ana").await;
            let change = json!({ "old_password": PASSWORD, "new_password1": old, "new_password2": old });
            let changed = app.post("password/change/", change).token(&key).send().await;
            check("password/change/", &changed, 400, &json!({ "new_password2": over }), "change");
            let eva = vestibule::accounts::admin::NewAccount {
                username: Some("eva".into()),
                password: Some(old.into()),
                ..somebody("eva@example.org")
            };
            assert_eq!(
                vestibule::accounts::admin::create_user(&app.auth, eva).await.unwrap_err(),
                Error::field("password", Message::own("That year is over."))
            );
            app.deliver().await;
        },
    )
    .await;
}

async fn ask(router: &mut Router, path: &str, key: Option<&str>) -> (u16, Value) {
    let mut request = Request::get(path);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let Ok(response) = router.call(request.body(Body::empty()).unwrap()).await;
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn t82_only_staff_comes_into_a_hosts_handler_for_staff() {
    async fn numbers(RequireStaff(user): RequireStaff) -> String {
        format!("{}", user.id)
    }
    async fn hello(CurrentUser(user): CurrentUser) -> String {
        format!("{}", user.id)
    }
    on_both(
        |_| {},
        async |app: TestApp| {
            let mut router: Router =
                Router::new().route("/numbers", get(numbers)).route("/hello", get(hello)).with_state::<()>(app.auth.clone());
            let key = app.register("ana").await;
            let nobody = detail("Authentication credentials were not provided.");
            assert_eq!(ask(&mut router, "/numbers", None).await, (401, nobody));
            assert_eq!(ask(&mut router, "/numbers", Some("x")).await.0, 401);
            let guest = detail("You do not have permission to perform this action.");
            assert_eq!(ask(&mut router, "/numbers", Some(&key)).await, (403, guest));
            assert_eq!(ask(&mut router, "/hello", Some(&key)).await, (200, json!(1)));
            staff(&app).await;
            assert_eq!(ask(&mut router, "/numbers", Some(&key)).await, (200, json!(1)));
            app.deliver().await;
        },
    )
    .await;
}

fn elsewhere(builder: Builder) -> Builder {
    builder.without("password/change").moved("user", "me").moved("registration/account-confirm-email", "c")
}

#[tokio::test]
async fn endpoints_are_left_out_or_elsewhere_and_links_follow() {
    let mandatory = |settings: &mut Settings| settings.account.email_verification = vestibule::settings::Verification::Mandatory;
    on_both_built(mandatory, elsewhere, async |app: TestApp| {
        let body = but(named("ana"), json!({ "email": "ana@example.org" }));
        app.post("registration/", body).send().await.expect(201);
        app.deliver().await;
        let link = app.mailbox.last_to("ana@example.org").link.unwrap();
        let (_, path) = link.split_once("/auth/").unwrap();
        assert!(path.starts_with("c/"), "{link}");
        app.get(path).send().await.expect(200);
        app.request(Method::POST, path).send().await.expect(200);
        let key = app.login("ana").await;
        assert_eq!(app.get("me/").token(&key).send().await.expect(200).json()["username"], "ana");
        for gone in ["user/", "password/change/", "registration/account-confirm-email/x/"] {
            let answer = app.get(gone).token(&key).send().await.expect(404);
            assert_eq!(answer.json(), detail("Not found."), "{gone}");
        }
        app.request(Method::OPTIONS, "password/reset/").send().await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_or_that_links_need_is_refused_at_the_start() {
    let database = vestibule::testing::databases::fresh_sqlite().await;
    let builder = || Auth::builder(vestibule::testing::app::settings(&database.url));
    let problems = async |builder: Builder| match builder.build().await {
        Ok(_) => Vec::new(),
        Err(error) => error.0,
    };
    let found = problems(builder().without("passwort").moved("user", "login")).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].contains("there is no endpoint \"passwort\"; there are ") && found[0].contains(" login, logout"),
        "{found:?}"
    );
    assert_eq!(found[1], "endpoints.moved: two endpoints would be at \"login\"");
    let found = problems(builder().without("password/reset/confirm").without("registration/account-confirm-email")).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].ends_with("set frontend.password_reset_url, or keep it"), "{found:?}");
    let both = builder().without("password/reset").without("password/reset/confirm");
    assert_eq!(problems(both).await, [""; 0]);
}
