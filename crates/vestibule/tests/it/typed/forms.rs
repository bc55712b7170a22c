//! Forms and views of the host's own.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vestibule::settings::Verification;
use vestibule::testing::{TestApp, on_both_built};
use vestibule::{Builder, EmailAddress, Error, NewUser, Secret, Settings, User, UserId};

use super::{Driver, Plate, by_email, plate};
use crate::exchange::*;

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
