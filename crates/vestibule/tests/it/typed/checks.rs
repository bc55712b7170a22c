//! What types refuse: when the service is built, and of what is sent or kept.

use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use vestibule::accounts::misfits;
use vestibule::settings::{Choice, Details, FieldKind, FieldSettings, Presence};
use vestibule::testing::app::settings;
use vestibule::testing::databases::fresh_sqlite;
use vestibule::testing::{TestApp, on_both_built};
use vestibule::{Auth, Builder, Error, NewUser, PhoneNumber, Secret, Settings};

use super::{Driver, Plate, by_email, plate};
use crate::exchange::*;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Wrong {
    is_staff: bool,
    list: Vec<String>,
    #[schemars(regex(pattern = "("))]
    broken: String,
    secret: Secret,
    #[schemars(length(min = 5, max = 4))]
    crossed: String,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct WrongForm {
    username: String,
    first_name: String,
    password1: i64,
    list: Vec<String>,
    is_staff: bool,
}

impl TryFrom<WrongForm> for NewUser {
    type Error = Error;

    fn try_from(_: WrongForm) -> Result<Self, Error> {
        Ok(Self::default())
    }
}

async fn problems(builder: Builder) -> Vec<String> {
    match builder.build().await {
        Ok(_) => Vec::new(),
        Err(error) => error.0,
    }
}

fn about(problems: &[String], beginnings: &[&str]) {
    assert_eq!(problems.len(), beginnings.len(), "{problems:#?}");
    for beginning in beginnings {
        assert!(problems.iter().any(|problem| problem.starts_with(beginning)), "{beginning}: {problems:#?}");
    }
}

#[tokio::test]
async fn types_that_cannot_be_are_told_all_at_once_when_the_service_is_built() {
    let database = fresh_sqlite().await;
    let wrong = settings(&database.url);
    let mut bad = Settings { secret_key: Some("short".into()), ..wrong.clone() };
    bad.account.username = Presence::Optional;
    let profile = problems(Auth::builder(bad).profile::<Wrong>().field("nobody", |_| {})).await;
    about(
        &profile,
        &[
            "Wrong: denies unknown fields",
            "Wrong.is_staff: its name is \"is_staff\", which has a meaning already",
            "Wrong.list: is neither",
            "Wrong.broken: its pattern is not a regular expression",
            "Wrong.secret: holds a secret",
            "Wrong.crossed: its min_length is 5",
            "nobody: is changed by the builder",
            "secret_key",
        ],
    );
    let mut optional = wrong.clone();
    optional.account.username = Presence::Optional;
    about(
        &problems(Auth::builder(optional).register_form::<WrongForm>()).await,
        &[
            "WrongForm.username: may be missing here, so it must be an Option",
            "WrongForm.password1: has a type that cannot hold",
            "WrongForm.list: is neither",
            "WrongForm.is_staff: its name is",
        ],
    );
    let mut off = wrong;
    by_email(&mut off);
    let form = problems(Auth::builder(off).register_form::<WrongForm>()).await;
    assert!(form.contains(&"WrongForm.username: accounts have none here (account.username is \"off\")".to_owned()), "{form:#?}");
}

#[tokio::test]
async fn the_builder_changes_a_field_where_no_attribute_does() {
    let build = |builder: Builder| {
        builder.profile::<Driver>().field("plate", |field| field.details = Details::ReadOnly).field("seats", |field| {
            field.label = Some("How many seats".into());
            field.maximum = Some(9);
        })
    };
    on_both_built(
        |_| {},
        build,
        async |app: TestApp| {
            let key = app.post("registration/", plate("ana", "A-1")).send().await.expect(201).key();
            let edited = app.patch("user/", json!({ "plate": "A-2" })).token(&key).send().await.expect(200).json();
            assert_eq!(edited["plate"], "A-1");
            let described = app.request(Method::OPTIONS, "user/").token(&key).send().await.json()["actions"]["PUT"].clone();
            assert_eq!((&described["seats"]["label"], &described["seats"]["max_value"]), (&json!("How many seats"), &json!(9)));
        },
    )
    .await;
}

#[tokio::test]
async fn values_that_no_longer_fit_are_found_shown_and_kept() {
    let text = |name: &str| FieldSettings::new(name, FieldKind::Text);
    let before =
        move |settings: &mut Settings| settings.user.fields = vec![text("color"), text("plate"), text("phone"), text("gone")];
    on_both_built(
        before,
        |builder| builder,
        async |app: TestApp| {
            let mut keys = Vec::new();
            for (name, values) in [
                ("ana", json!({ "color": "red", "plate": "A-1", "phone": "+15550100", "gone": "old" })),
                ("bea", json!({ "color": "pink", "plate": "B1", "phone": "call me", "gone": "older" })),
                ("cem", json!({})),
            ] {
                keys.push(app.post("registration/", but(plate(name, ""), values)).send().await.expect(201).key());
            }
            let now = |settings: &mut Settings| {
                let choices: Vec<Choice> = vec!["red".into(), "green".into()];
                let color = FieldSettings { choices, required: true, ..FieldSettings::new("color", FieldKind::Choice) };
                settings.user.fields = vec![color, FieldSettings::new("phone", FieldKind::Phone)];
            };
            #[derive(Deserialize, JsonSchema)]
            #[expect(dead_code, reason = "only what it refuses counts")]
            struct Plates {
                plate: Option<Plate>,
            }
            let newer = app.rebuilt(now, |builder| builder.profile::<Plates>()).await;
            let found = misfits::find(&newer.auth, 2).await.unwrap();
            assert_eq!((found.count, found.first.len()), (3, 2), "counted all, named as many as asked");
            let all = misfits::find(&newer.auth, 100).await.unwrap().first;
            let all: Vec<_> =
                all.iter().map(|one| (one.user.as_i64(), one.field.as_str(), one.message.text().into_owned())).collect();
            assert_eq!(
                all,
                [
                    (2, "color", "\"…\" is not a valid choice.".to_owned()),
                    (2, "phone", "Enter a valid phone number.".to_owned()),
                    (2, "plate", "A number plate has a dash.".to_owned())
                ]
            );
            // Shown as they are; what is edited must fit; what is not touched stays.
            let me = newer.get("user/").token(&keys[1]).send().await.expect(200).json();
            assert_eq!((&me["color"], &me["phone"], &me["gone"]), (&json!("pink"), &json!("call me"), &Value::Null));
            newer.patch("user/", json!({ "color": "pink" })).token(&keys[1]).send().await.expect(400);
            newer.patch("user/", json!({ "color": "green" })).token(&keys[1]).send().await.expect(200);
            // A field that is gone is hidden, and its values are there again when it comes back.
            let again = app.get("user/").token(&keys[1]).send().await.expect(200).json();
            assert_eq!((&again["gone"], &again["color"], &again["plate"]), (&json!("older"), &json!("green"), &json!("B1")));
        },
    )
    .await;
}

#[tokio::test]
async fn a_pattern_of_a_type_cannot_stall_the_service() {
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only what it refuses counts")]
    struct Slow {
        #[schemars(regex(pattern = "^(a+)+b$"))]
        code: Option<String>,
        #[schemars(regex(pattern = "(x+x+)+y"))]
        word: Option<String>,
    }
    on_both_built(
        |_| {},
        |builder| builder.profile::<Slow>(),
        async |app: TestApp| {
            let key = app.register("ana").await;
            // An engine that goes back would not end before the sun does.
            let slow = json!({ "code": "a".repeat(1_000), "word": "x".repeat(1_000) });
            let no = json!({ "code": ["Enter a valid value."], "word": ["Enter a valid value."] });
            check("user/", &app.patch("user/", slow).token(&key).send().await, 400, &no, "slow");
            app.patch("user/", json!({ "code": "aab", "word": "..xxy.." })).token(&key).send().await.expect(200);
        },
    )
    .await;
}

#[tokio::test]
async fn a_telephone_number_is_read_into_its_type() {
    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct Reachable {
        phone: PhoneNumber,
    }
    on_both_built(
        |_| {},
        |builder| builder.profile::<Reachable>(),
        async |app: TestApp| {
            let body = but(plate("ana", ""), json!({ "phone": "+1 (555) 01-00" }));
            app.post("registration/", body).send().await.expect(201);
            let user = vestibule::accounts::admin::find(&app.auth, "ana").await.unwrap();
            assert_eq!(user.profile::<Reachable>().unwrap().phone.as_str(), "+15550100");
        },
    )
    .await;
}
