//! Against a certified provider that is not ours: `scripts/with-foreign-provider` starts it.

use std::process::Command;

use serde_json::json;

use super::*;

/// What the script tells.
fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run this by scripts/with-foreign-provider"))
}

/// What a person does at the provider, by a program with cookies of its own: the address that the browser is sent back to.
fn visit(url: &str) -> String {
    let program = told("VESTIBULE_FOREIGN_VISIT");
    let done = Command::new("node").arg(program).arg(url).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
#[ignore = "needs a provider that is not ours: scripts/with-foreign-provider"]
async fn a_foreign_provider_works_by_issuer_client_and_secret_alone() {
    let issuer = told("VESTIBULE_FOREIGN_ISSUER");
    let own = Social {
        kind: "oidc".into(),
        issuer: Some(issuer.trim().to_owned()),
        client_id: Some("client-1".into()),
        client_secret: Some("provider-secret".into()),
        // It is on this machine.
        allow_private_network: true,
        ..Social::default()
    };
    on_both(
        |settings| drop(settings.social.insert("foreign".into(), own.clone())),
        async |app: TestApp| {
            // Its tokens are of now.
            let now = vestibule::ground::Clock::System.now();
            app.advance(vestibule::testing::app::BEGINNING.until(now));
            let mut people = Vec::new();
            for _ in 0..2 {
                let mut browser = Browser::new(&app);
                let start = browser.open("/auth/social/foreign/start/").await.expect(302);
                let back = visit(start.header("location"));
                let landed = browser.open(&back).await.expect(302);
                let code = member(landed.header("location"), "code").unwrap();
                let key = browser.post("social/exchange/", json!({ "code": code })).await.expect(200).key();
                people.push(me(&app, &key).await);
                assert!(browser.open(&back).await.expect(302).header("location").contains("error=state_invalid"));
            }
            assert_eq!((people[0]["username"].as_str(), people[0]["email"].as_str()), (Some("ana"), Some("ana@example.org")));
            assert_eq!(people[0]["pk"], people[1]["pk"]);
            assert_eq!(rows(&app).await, (2, 1, 1));
        },
    )
    .await;
}
