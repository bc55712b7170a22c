//! Accounts that a host describes in Rust types: the same as those that settings describe.

mod checks;
mod forms;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vestibule::settings::{LoginMethod, Presence};
use vestibule::testing::databases::fresh_sqlite;
use vestibule::testing::{TestApp, on_both_built};
use vestibule::{Builder, Error, Settings};

use crate::exchange::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
enum Gender {
    #[serde(rename = "M")]
    #[schemars(title = "Male")]
    Male,
    #[serde(rename = "F")]
    #[schemars(title = "Female")]
    Female,
    #[serde(rename = "NS")]
    #[schemars(title = "Not Specified")]
    NotSpecified,
}

/// The article's user.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Profile {
    gender: Gender,
    #[schemars(length(max = 30), extend("readOnly" = true))]
    phone_number: String,
}

fn by_types(settings: &mut Settings) {
    article(settings);
    settings.user.fields.clear();
}

fn with_profile(builder: Builder) -> Builder {
    builder.profile::<Profile>()
}

/// What a client may see of a service: its descriptions, and the answers to the same requests.
async fn seen(app: &TestApp) -> Vec<(u16, Value)> {
    let mut seen = Vec::new();
    for path in ["registration/", "login/", "password/change/"] {
        let answer = app.request(Method::OPTIONS, path).send().await;
        seen.push((answer.status, answer.json()));
    }
    for wrong in
        [json!({}), json!({ "gender": "x", "phone_number": "1".repeat(31) }), json!({ "gender": null, "phone_number": "" })]
    {
        let answer = app.post("registration/", but(articles_user("ana@example.com"), wrong)).send().await;
        seen.push((answer.status, if answer.status == 201 { Value::Null } else { answer.json() }));
    }
    let key = app.post("registration/", articles_user("bea@example.com")).send().await.expect(201).key();
    seen.push((0, app.request(Method::OPTIONS, "user/").token(&key).send().await.expect(200).json()));
    for body in [json!({ "gender": "NS", "phone_number": "9" }), json!({ "gender": "?" }), json!({ "gender": "" })] {
        let answer = app.patch("user/", body).token(&key).send().await;
        seen.push((answer.status, answer.json()));
    }
    seen.push((0, app.get("user/").token(&key).send().await.expect(200).json()));
    seen
}

#[tokio::test]
async fn settings_and_types_make_the_same_service() {
    let declared = TestApp::on(fresh_sqlite().await, article).await;
    let expected = seen(&declared).await;
    on_both_built(by_types, with_profile, async |app: TestApp| {
        for (ours, theirs) in seen(&app).await.into_iter().zip(&expected) {
            assert_eq!(&ours, theirs);
        }
        let user = vestibule::accounts::admin::find(&app.auth, "bea@example.com").await.unwrap();
        let profile = Profile { gender: Gender::NotSpecified, phone_number: "+15550100".into() };
        assert_eq!(user.profile::<Profile>(), Ok(profile));
        assert_eq!((user.field::<Gender>("gender"), user.field::<u8>("gender")), (Some(Gender::NotSpecified), None));
        assert_eq!(user.field::<String>("nothing"), None);
    })
    .await;
}

/// A number plate, as this host knows them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
struct Plate(String);

impl TryFrom<String> for Plate {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.contains('-') { Ok(Self(text)) } else { Err("A number plate has a dash.") }
    }
}

impl From<Plate> for String {
    fn from(plate: Plate) -> Self {
        plate.0
    }
}

/// A driver.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Driver {
    #[schemars(extend("x-unique" = true))]
    plate: Plate,
    seats: Option<u8>,
    #[schemars(range(min = 18, max = 120))]
    age: Option<i64>,
    #[serde(default)]
    news: bool,
    #[schemars(extend("x-register" = false))]
    motto: Option<String>,
}

fn plate(name: &str, plate: &str) -> Value {
    json!({ "username": name, "email": format!("{name}@example.org"), "password1": PASSWORD, "password2": PASSWORD, "plate": plate })
}

#[tokio::test]
async fn what_a_type_refuses_is_told_at_its_field_and_not_stored() {
    on_both_built(
        |_| {},
        |builder| builder.profile::<Driver>(),
        async |app: TestApp| {
            let dash = json!({ "plate": ["A number plate has a dash."] });
            let post = |body: Value| app.post("registration/", body);
            check("registration/", &post(plate("ana", "A1")).send().await, 400, &dash, "Plate");
            let wrong = but(plate("ana", "A1"), json!({ "seats": 256, "age": 17, "password1": "123" }));
            let all = json!({
                "password1": ["This password is too short. It must contain at least 8 characters.", "This password is too common.",
                    "This password is entirely numeric."],
                "seats": ["Ensure this value is less than or equal to 255."],
                "age": ["Ensure this value is greater than or equal to 18."],
                "plate": ["A number plate has a dash."]
            });
            check("registration/", &post(wrong).send().await, 400, &all, "all at once");
            assert_eq!(accounts(&app).await, 0);
            let key = post(but(plate("ana", "A-1"), json!({ "seats": 4, "age": 18 }))).send().await.expect(201).key();
            let taken = json!({ "plate": ["This field must be unique."] });
            check("registration/", &post(plate("bea", "a-1")).send().await, 400, &taken, "unique");
            let edit = |body: Value| app.patch("user/", body).token(&key);
            check("user/", &edit(json!({ "plate": "B2" })).send().await, 400, &dash, "edit");
            edit(json!({ "motto": "slow", "seats": null })).send().await.expect(200);
            let driver = Driver { plate: Plate("A-1".into()), seats: None, age: Some(18), news: false, motto: Some("slow".into()) };
            let user = vestibule::accounts::admin::find(&app.auth, "ana").await.unwrap();
            assert_eq!(user.profile::<Driver>(), Ok(driver));
        },
    )
    .await;
}

#[tokio::test]
async fn an_account_from_before_a_member_was_required_goes_on_and_its_profile_is_no_whole_one() {
    on_both_built(
        |_| {},
        |builder| builder,
        async |app: TestApp| {
            let key = app.register("ana").await;
            let build = |builder: Builder| builder.profile::<Driver>().field("plate", |field| field.unique = false);
            let newer = app.rebuilt(|_| {}, build).await;
            assert_eq!(newer.get("user/").token(&key).send().await.expect(200).json()["plate"], "");
            newer.patch("user/", json!({ "seats": 2 })).token(&key).send().await.expect(200);
            let user = vestibule::accounts::admin::find(&newer.auth, "ana").await.unwrap();
            let Err(Error::Internal(why)) = user.profile::<Driver>() else { panic!("{user:?}") };
            assert!(why.ends_with("plate is missing"), "{why}");
            newer.patch("user/", json!({ "plate": "A-1" })).token(&key).send().await.expect(200);
            let user = vestibule::accounts::admin::find(&newer.auth, "ana").await.unwrap();
            assert_eq!(user.profile::<Driver>().unwrap().seats, Some(2));
        },
    )
    .await;
}

fn by_email(settings: &mut Settings) {
    settings.account.username = Presence::Off;
    settings.account.login_methods = vec![LoginMethod::Email];
}
