//! The example does what it says.

use hooks::{Invites, accounts_with, make_tables};
use serde_json::{Value, json};
use vestibule::accounts::{Client, UserId, deletion};
use vestibule::testing::app::PASSWORD;
use vestibule::testing::{TestApp, databases};

fn person(name: &str, invite: &str) -> Value {
    let email = format!("{name}@example.org");
    json!({ "username": name, "email": email, "password1": PASSWORD, "password2": PASSWORD, "invite": invite })
}

#[tokio::test]
async fn an_invitation_lets_one_person_in() {
    for database in databases::each_database().await {
        let invites = Invites::default();
        let hooks = invites.clone();
        let app = TestApp::built(database, |_| {}, move |builder| accounts_with(builder, hooks.clone())).await;
        make_tables(app.auth.db()).await.unwrap();
        let refused = json!({ "invite": ["This invitation is not known, or somebody used it."] });

        let stranger = app.post("registration/", person("eve", "let-me-in")).send().await.expect(400);
        assert_eq!(stranger.json(), refused);
        let without = app.post("registration/", person("eve", "")).send().await.expect(400);
        assert_eq!(without.json(), json!({ "invite": ["This field may not be blank."] }));
        app.post("registration/", person("ana", "welcome-1")).send().await.expect(201);
        let second = app.post("registration/", person("bea", "welcome-1")).send().await.expect(400);
        assert_eq!(second.json(), refused);
        // Refused for another reason, so the invitation is still good.
        app.post("registration/", person("ana", "welcome-2")).send().await.expect(400);
        app.post("registration/", person("bea", "welcome-2")).send().await.expect(201);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_users").await, 2);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_users WHERE CAST(profile AS TEXT) LIKE '%welcome%'").await, 0);

        deletion::delete(&app.auth, &Client::operator(&app.auth), UserId::from_i64(1)).await.unwrap();
        let told = ["user.registered 1", "session.opened 1", "user.registered 2", "session.opened 2", "user.deleted 1"];
        for _ in 0..1_000 {
            if invites.news().len() == told.len() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert_eq!(invites.news(), told);
        app.deliver().await;
    }
}
