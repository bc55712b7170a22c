//! What a host's own types refuse does not come into an account by way of a provider.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vestibule::testing::{Provider, on_both_built};

use super::*;

/// A number plate, as this host knows them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
struct Plate(String);

impl TryFrom<String> for Plate {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.contains('-') { Ok(Self(text)) } else { Err("A number plate has a dash.") }
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Driver {
    plate: Plate,
}

#[tokio::test]
async fn what_a_type_refuses_is_asked_of_the_person_and_told_at_its_field() {
    let provider = Provider::start().await;
    on_both_built(
        |settings| {
            let mut own = provider.settings();
            own.map.insert("plate".into(), "plate".into());
            settings.social.insert("acme".into(), own);
        },
        |builder| builder.profile::<Driver>(),
        async |app: TestApp| {
            provider.follow(&app.clock);
            let come = async |plate: &str| {
                provider.person(json!({ "sub": plate, "email": format!("{plate}@example.org"), "plate": plate }));
                by_code(&app, &provider).await
            };
            come("A-1").await.expect(200);
            let lacks = come("B2").await.expect(403).json();
            assert_eq!(lacks["missing"], json!(["plate"]));
            let tell = async |plate: &str| {
                let body = json!({ "registration_token": lacks["registration_token"], "plate": plate });
                app.post("registration/complete/", body).send().await
            };
            assert_eq!(tell("B2").await.expect(400).json(), json!({ "plate": ["A number plate has a dash."] }));
            assert_eq!(rows(&app).await, (1, 1, 1));
            tell("B-2").await.expect(200);
            let user = vestibule::accounts::admin::find(&app.auth, "b2").await.unwrap();
            assert_eq!(user.profile::<Driver>().unwrap().plate, Plate("B-2".into()));
            app.deliver().await;
        },
    )
    .await;
}
