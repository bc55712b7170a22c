//! Who owns an address, and what becomes of the other accounts that have it.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use vestibule::accounts::audit::Event;
use vestibule::db::Tx;
use vestibule::ground::Result;
use vestibule::settings::{Details, FieldKind, FieldSettings, Settings, Verification};
use vestibule::testing::app::PASSWORD;
use vestibule::testing::{TestApp, on_both, on_both_built};
use vestibule::{Builder, Error, Hooks, User, params};

const OTHER: &str = "An0ther-pass-7q";

fn verified(verification: Verification) -> impl Fn(&mut Settings) + Clone {
    move |settings| settings.account.email_verification = verification
}

fn sign_up(name: &str, email: &str) -> Value {
    json!({ "username": name, "email": email, "password1": PASSWORD, "password2": PASSWORD })
}

/// The key of the last mail to that address.
async fn key_to(app: &TestApp, email: &str) -> String {
    app.deliver().await;
    let link = app.mailbox.last_to(email).link.unwrap();
    link.trim_end_matches('/').rsplit('/').next().unwrap().to_owned()
}

async fn verify(app: &TestApp, email: &str) {
    let key = key_to(app, email).await;
    app.post("registration/verify-email/", json!({ "key": key })).send().await.expect(200);
}

async fn change(app: &TestApp, session: &str, email: &str) {
    let body = json!({ "email": email, "password": PASSWORD });
    app.post("email/change/", body).token(session).send().await.expect(200);
    let key = key_to(app, email).await;
    app.post("email/change/confirm/", json!({ "key": key })).send().await.expect(200);
}

/// Keeps a row for each account, which the database does not let go alone.
#[derive(Clone, Default)]
struct Pets(Arc<Mutex<Vec<&'static str>>>);

impl Hooks for Pets {
    async fn after_register(&self, tx: &Tx, user: &User) -> Result<()> {
        tx.run("INSERT INTO pets (owner) VALUES ($1)", params![user.id.as_i64()]).await?;
        Ok(())
    }

    async fn before_delete(&self, tx: &Tx, user: &User) -> Result<()> {
        tx.run("DELETE FROM pets WHERE owner = $1", params![user.id.as_i64()]).await?;
        Ok(())
    }

    async fn on_event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.name());
    }
}

impl Pets {
    async fn is_told(&self, name: &str) {
        for _ in 0..2_000 {
            if self.0.lock().unwrap().contains(&name) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("{name} was never told: {:?}", self.0.lock().unwrap());
    }
}

#[tokio::test]
async fn t25_a_pending_sign_up_goes_by_the_one_door_when_another_proves_its_address() {
    let pets = Pets::default();
    let hooks = pets.clone();
    let build = move |builder: Builder| builder.hooks(hooks.clone());
    on_both_built(verified(Verification::Mandatory), build, async |app: TestApp| {
        pets.0.lock().unwrap().clear();
        let made = app.auth.db().unit(|tx| async move {
            tx.run("CREATE TABLE pets (owner BIGINT NOT NULL REFERENCES auth_users (id))", &[]).await?;
            Ok::<_, Error>(())
        });
        made.await.unwrap();
        for name in ["mallory", "eve", "ana"] {
            app.post("registration/", sign_up(name, "ana@example.org")).send().await.expect(201);
        }
        verify(&app, "ana@example.org").await;
        app.login("ana").await;
        assert_eq!(app.count("SELECT count(*) FROM auth_users").await, 1);
        assert_eq!(app.count("SELECT count(*) FROM pets").await, 1);
        assert_eq!(app.count("SELECT count(*) FROM auth_audit WHERE event = 'user.deleted'").await, 2);
        pets.is_told("user.deleted").await;
        pets.is_told("email.verified").await;
    })
    .await;
}

#[tokio::test]
async fn t25_an_account_that_was_used_outlives_the_loss_of_an_address_it_never_proved() {
    on_both(verified(Verification::Optional), async |app: TestApp| {
        app.register("ana").await;
        app.deliver().await;
        let bea = app.register("bea").await;
        change(&app, &bea, "ana@example.org").await;
        let ana = app.login("ana").await;
        assert_eq!(app.get("user/").token(&ana).send().await.expect(200).json()["email"], "");
        // The address moves on twice more.
        change(&app, &bea, "bea2@example.org").await;
        app.post("registration/", sign_up("cy", "ana@example.org")).send().await.expect(201);
        verify(&app, "ana@example.org").await;
        assert_eq!(app.count("SELECT count(*) FROM auth_users").await, 3);
        app.login("ana").await;
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn t25_a_sign_up_that_came_in_when_no_proof_was_asked_is_not_removed_with_the_pending_ones() {
    on_both(verified(Verification::Mandatory), async |app: TestApp| {
        app.post("registration/", sign_up("ana", "ana@example.org")).send().await.expect(201);
        app.deliver().await;
        app.rebuilt(verified(Verification::Optional), |builder| builder).await.login("ana").await;
        app.post("registration/", sign_up("bea", "ana@example.org")).send().await.expect(201);
        verify(&app, "ana@example.org").await;
        assert_eq!(app.count("SELECT count(*) FROM auth_users").await, 2);
        assert_eq!(app.count("SELECT count(*) FROM auth_users WHERE email_key IS NOT NULL").await, 1);
        app.login("bea").await;
    })
    .await;
}

#[tokio::test]
async fn t25_a_proof_ends_the_sessions_of_before_where_it_is_mandatory() {
    on_both(verified(Verification::Optional), async |app: TestApp| {
        let [ana, bea] = [app.register("ana").await, app.register("bea").await];
        let (to_ana, to_bea) = (key_to(&app, "ana@example.org").await, key_to(&app, "bea@example.org").await);
        app.post("registration/verify-email/", json!({ "key": to_bea })).send().await.expect(200);
        app.get("user/").token(&bea).send().await.expect(200);
        let stricter = app.rebuilt(verified(Verification::Mandatory), |builder| builder).await;
        stricter.get("user/").token(&ana).send().await.expect(200);
        stricter.post("registration/verify-email/", json!({ "key": to_ana })).send().await.expect(200);
        stricter.get("user/").token(&ana).send().await.expect(401);
        stricter.login("ana").await;
        stricter.get("user/").token(&bea).send().await.expect(200);
    })
    .await;
}

/// Asks for a telephone number at registration and never again.
fn asking(verification: Verification) -> impl Fn(&mut Settings) + Clone {
    move |settings| {
        settings.account.email_verification = verification;
        let field = FieldSettings::new("phone", FieldKind::Phone);
        settings.user.fields = vec![FieldSettings { required: true, unique: true, details: Details::ReadOnly, ..field }];
    }
}

async fn reset(app: &TestApp, email: &str) {
    app.post("password/reset/", json!({ "email": email })).send().await.expect(200);
    app.deliver().await;
    let link = app.mailbox.last_to(email).link.unwrap();
    let parts: Vec<_> = link.trim_end_matches('/').rsplit('/').take(2).collect();
    let body = json!({ "uid": parts[1], "token": parts[0], "new_password1": OTHER, "new_password2": OTHER });
    app.post("password/reset/confirm/", body).send().await.expect(200);
    app.deliver().await;
}

#[tokio::test]
async fn t25_what_a_stranger_filled_in_does_not_pass_on_with_the_account() {
    for verification in [Verification::Mandatory, Verification::Optional] {
        on_both(asking(verification), async |app: TestApp| {
            let with_phone = |name: &str, email: &str| {
                let mut body = sign_up(name, email);
                body["phone"] = "+15550100".into();
                body
            };
            app.post("registration/", with_phone("mallory", "ana@example.org")).send().await.expect(201);
            reset(&app, "ana@example.org").await;
            let body = json!({ "email": "ana@example.org", "password": OTHER });
            let key = app.post("login/", body).send().await.expect(200).key();
            let phone = app.get("user/").token(&key).send().await.expect(200).json()["phone"].clone();
            // Where no proof is asked the account may have been in use for years: then it keeps what it has.
            let (expected, again) = if verification == Verification::Mandatory { ("", 201) } else { ("+15550100", 400) };
            assert_eq!(phone, expected, "{verification:?}");
            app.post("registration/", with_phone("bea", "bea@example.org")).send().await.expect(again);
            app.deliver().await;
        })
        .await;
    }
}
