//! Accounts that a host describes in Rust types: the same as those that settings describe.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vestibule::accounts::misfits;
use vestibule::settings::{Choice, Details, FieldKind, FieldSettings, LoginMethod, Presence, Verification};
use vestibule::testing::app::settings;
use vestibule::testing::databases::fresh_sqlite;
use vestibule::testing::{TestApp, on_both_built};
use vestibule::{Auth, Builder, EmailAddress, Error, NewUser, PhoneNumber, Secret, Settings, User, UserId};

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

/// What one registers with: an invitation beside what is kept.
#[derive(Deserialize, JsonSchema)]
struct Register {
    #[schemars(title = "Your address")]
    email: EmailAddress,
    first_name: Option<String>,
    plate: Plate,
    /// The code of your invitation.
    #[schemars(length(max = 20))]
    invite: String,
    answer: Option<Secret>,
    password1: Secret,
    password2: Secret,
}

impl TryFrom<Register> for NewUser {
    type Error = Error;

    fn try_from(form: Register) -> Result<Self, Error> {
        if form.invite != "open sesame" {
            return Err(("invite", "This invitation is not known.").into());
        }
        assert_eq!(form.password1, form.password2, "a form is given whole or not at all");
        let news = form.answer.is_some_and(|answer| answer.expose() == "42") && form.email.local_part() == "ana";
        let driver = Driver { plate: form.plate, seats: Some(5), age: None, news, motto: None };
        Ok(NewUser { first_name: form.first_name.unwrap_or_default(), ..NewUser::with_profile(&driver)? })
    }
}

fn by_invitation(builder: Builder) -> Builder {
    builder.profile::<Driver>().register_form::<Register>()
}

fn by_email(settings: &mut Settings) {
    settings.account.username = Presence::Off;
    settings.account.login_methods = vec![LoginMethod::Email];
}

fn invited(changes: Value) -> Value {
    let body = json!({
        "email": "ana@example.org", "password1": PASSWORD, "password2": PASSWORD, "plate": "A-1", "invite": "open sesame",
        "answer": "42", "first_name": "Ana"
    });
    but(body, changes)
}

#[tokio::test]
async fn a_form_of_the_hosts_own_asks_checks_and_makes_the_account() {
    on_both_built(by_email, by_invitation, async |app: TestApp| {
        let described = app.request(Method::OPTIONS, "registration/").send().await.json()["actions"]["POST"].clone();
        let names: Vec<_> = described.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["email", "first_name", "plate", "invite", "answer", "password1", "password2"]);
        assert_eq!(described["email"]["label"], "Your address");
        assert_eq!(
            (&described["invite"]["help_text"], &described["invite"]["max_length"]),
            (&json!("The code of your invitation."), &json!(20))
        );
        assert_eq!((&described["invite"]["required"], &described["answer"]["required"]), (&json!(true), &json!(false)));
        let refused = async |changes: Value, expected: Value| {
            let answer = app.post("registration/", invited(changes)).send().await;
            check("registration/", &answer, 400, &expected, &expected.to_string());
        };
        refused(json!({ "invite": "x" }), json!({ "invite": ["This invitation is not known."] })).await;
        refused(json!({ "plate": "A1" }), json!({ "plate": ["A number plate has a dash."] })).await;
        let both = json!({ "email": ["Enter a valid email address."], "invite": ["This field may not be blank."] });
        refused(json!({ "email": "ana", "invite": " " }), both).await;
        refused(json!({ "password2": OTHER }), json!({ "non_field_errors": ["The two password fields didn't match."] })).await;
        let near = json!({ "first_name": "Tr1cky-pass" });
        refused(near, json!({ "non_field_errors": ["The password is too similar to the first name."] })).await;
        assert_eq!(accounts(&app).await, 0);
        let key = app.post("registration/", invited(json!({}))).send().await.expect(201).key();
        let me = json!({
            "pk": 1, "email": "ana@example.org", "first_name": "Ana", "last_name": "", "plate": "A-1", "seats": 5, "age": null,
            "news": true, "motto": ""
        });
        check("user/", &app.get("user/").token(&key).send().await, 200, &me, "made by the host");
        refused(json!({ "email": "bea@example.org" }), json!({ "plate": ["This field must be unique."] })).await;
        refused(json!({ "plate": "A-2" }), json!({ "email": ["User is already registered with this e-mail address."] })).await;
        let kept =
            "SELECT COUNT(*) FROM auth_users WHERE CAST(profile AS TEXT) LIKE '%sesame%' OR CAST(profile AS TEXT) LIKE '%42%'";
        assert_eq!(app.count(kept).await, 0, "what only the form asks is not kept");
    })
    .await;
}

#[tokio::test]
async fn t76_members_that_the_hosts_form_does_not_name_are_never_taken() {
    on_both_built(by_email, by_invitation, async |app: TestApp| {
        let extra = json!({
            "is_staff": true, "is_superuser": true, "is_active": false, "pk": 999, "user_id": 999, "email_verified": true, "seats": 9,
            "news": true, "age": 99, "motto": "mine", "username": "ana", "answer": null, "password": OTHER, "epoch": 7
        });
        let key = app.post("registration/", invited(extra.clone())).send().await.expect(201).key();
        let plain = "SELECT COUNT(*) FROM auth_users WHERE id = 1 AND username IS NULL AND is_staff = FALSE AND is_active = TRUE \
                     AND email_verified_at IS NULL AND epoch = 1 AND CAST(profile AS TEXT) NOT LIKE '%mine%'";
        assert_eq!(app.count(plain).await, 1);
        let me = app.get("user/").token(&key).send().await.expect(200).json();
        assert_eq!((&me["seats"], &me["news"], &me["age"]), (&json!(5), &json!(false), &Value::Null));
        let staff = "SELECT COUNT(*) FROM auth_users WHERE is_staff = TRUE OR username IS NOT NULL OR is_active = FALSE";
        app.patch("user/", extra).token(&key).send().await.expect(200);
        assert_eq!(app.count(staff).await, 0);
    })
    .await;
}

#[tokio::test]
async fn t11_the_hosts_form_does_not_tell_that_an_address_has_an_account() {
    let mandatory = |settings: &mut Settings| {
        by_email(settings);
        settings.account.email_verification = Verification::Mandatory;
    };
    on_both_built(mandatory, by_invitation, async |app: TestApp| {
        let ana = vestibule::accounts::admin::NewAccount {
            profile: vec![("plate".into(), "A-1".into())],
            ..somebody("ana@example.org")
        };
        made(&app, ana).await;
        for changes in [json!({ "invite": "x" }), json!({ "plate": "A1" }), json!({ "plate": "A-1" }), json!({ "plate": "A-2" })]
        {
            let send = async |email: &str| {
                let answer = app.post("registration/", invited(but(changes.clone(), json!({ "email": email })))).send().await;
                (answer.status, answer.text)
            };
            // The taken address first: the free one is an account afterwards.
            let taken = send("ana@example.org").await;
            assert_eq!(taken, send("bea@example.org").await, "{changes}");
        }
        app.deliver().await;
    })
    .await;
}

#[tokio::test]
async fn t77_what_a_form_of_types_takes_is_shown_as_it_is() {
    on_both_built(by_email, by_invitation, async |app: TestApp| {
        let payload = "{{7*7}}-<script>' OR 1=1 --\"${7*7}%s";
        let key =
            app.post("registration/", invited(json!({ "plate": payload, "first_name": payload }))).send().await.expect(201).key();
        let me = app.get("user/").token(&key).send().await.expect(200).json();
        assert_eq!((&me["plate"], &me["first_name"]), (&json!(payload), &json!(payload)));
        let page = app.get("user/").token(&key).header("accept", "text/html").send().await.expect(200);
        assert!(!page.text.contains("<script>"), "{}", page.text);
        let wrong =
            app.post("registration/", invited(json!({ "invite": payload, "email": "bea@example.org" }))).send().await.expect(400);
        assert_eq!(wrong.json(), json!({ "invite": ["Ensure this field has no more than 20 characters."] }));
    })
    .await;
}

/// What `user/` answers here.
#[derive(Serialize, JsonSchema)]
struct Me {
    pk: UserId,
    email: Option<String>,
    seats: Option<u8>,
    plate: Option<Plate>,
    /// Whatever this host makes up.
    tags: Vec<String>,
    full_name: String,
}

impl From<&User> for Me {
    fn from(user: &User) -> Self {
        let full_name = format!("{} {}", user.first_name, user.last_name).trim().to_owned();
        let tags = vec![if user.is_staff { "staff" } else { "guest" }.to_owned()];
        Self { pk: user.id, email: user.email.clone(), seats: user.field("seats"), plate: user.field("plate"), tags, full_name }
    }
}

#[tokio::test]
async fn a_view_of_the_hosts_own_is_what_the_user_endpoint_shows_and_takes() {
    let build = |builder: Builder| builder.profile::<Driver>().user_view::<Me>();
    on_both_built(
        |_| {},
        build,
        async |app: TestApp| {
            let key = app.post("registration/", plate("ana", "A-1")).send().await.expect(201).key();
            let me =
                json!({ "pk": 1, "email": "ana@example.org", "seats": null, "plate": "A-1", "tags": ["guest"], "full_name": "" });
            check("user/", &app.get("user/").token(&key).send().await, 200, &me, "GET");
            let edit =
                json!({ "seats": 3, "plate": "A-2", "tags": ["staff"], "full_name": "x", "age": 50, "first_name": "x", "pk": 9 });
            let edited = but(me, json!({ "seats": 3, "plate": "A-2" }));
            check("user/", &app.patch("user/", edit).token(&key).send().await, 200, &edited, "what is not shown is not taken");
            let described = app.request(Method::OPTIONS, "user/").token(&key).send().await.json()["actions"]["PUT"].clone();
            let shown: Vec<_> = described
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, field)| (name.as_str(), field["type"].as_str().unwrap_or_default(), field["read_only"] == true))
                .collect();
            assert_eq!(
                shown,
                [
                    ("pk", "integer", true),
                    ("email", "email", true),
                    ("seats", "integer", false),
                    ("plate", "string", false),
                    ("tags", "field", true),
                    ("full_name", "string", true)
                ]
            );
            assert_eq!(described["tags"]["help_text"], "Whatever this host makes up.");
        },
    )
    .await;
}

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
