//! `OPTIONS`: each endpoint describes its own form.

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::settings::{Environment, FieldKind, FieldSettings, LoginMethod, Presence};
use vestibule::testing::{TestApp, on_both};

use crate::exchange::*;

/// The recorded description of an endpoint; the sentence about it is ours.
fn described(name: &str, actions: Value) -> Value {
    let mut out = json!({
        "name": name,
        "description": "…",
        "renders": ["application/json", "text/html"],
        "parses": ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]
    });
    if actions != Value::Null {
        out["actions"] = actions;
    }
    out
}

fn field(kind: &str, required: bool, label: &str) -> Value {
    json!({ "type": kind, "required": required, "read_only": false, "label": label })
}

fn shown(kind: &str, label: &str) -> Value {
    json!({ "type": kind, "required": false, "read_only": true, "label": label })
}

fn gender() -> Value {
    let choices = json!([
        { "value": "M", "display_name": "Male" },
        { "value": "F", "display_name": "Female" },
        { "value": "NS", "display_name": "Not Specified" }
    ]);
    but(field("choice", true, "Gender"), json!({ "choices": choices }))
}

fn name(label: &str) -> Value {
    but(field("string", false, label), json!({ "max_length": 150 }))
}

async fn options(app: &TestApp, path: &str, token: Option<&str>, expected: Value) {
    let request = app.request(Method::OPTIONS, path);
    let request = if let Some(token) = token { request.token(token) } else { request };
    check(path, &request.send().await, 200, &expected, "OPTIONS");
}

#[tokio::test]
async fn the_articles_endpoints_describe_themselves_as_recorded() {
    on_both(article, async |app: TestApp| {
        let key = app.post("registration/", articles_user("ana@example.com")).send().await.expect(201).key();
        let registration = json!({ "POST": {
            "email": field("email", true, "Email"),
            "password1": field("string", true, "Password1"),
            "password2": field("string", true, "Password2"),
            "gender": gender(),
            "phone_number": but(field("string", true, "Phone number"), json!({ "max_length": 30 })),
        }});
        let login = json!({ "POST": {
            "username": field("string", false, "Username"),
            "email": field("email", false, "Email"),
            "password": field("string", true, "Password"),
        }});
        for token in [None, Some(key.as_str())] {
            options(&app, "registration/", token, described("Register", registration.clone())).await;
            options(&app, "login/", token, described("Login", login.clone())).await;
            options(&app, "logout/", token, described("Logout", Value::Null)).await;
        }
        let missing = detail("Authentication credentials were not provided.");
        for path in ["user/", "password/change/"] {
            check(path, &app.request(Method::OPTIONS, path).send().await, 401, &missing, "OPTIONS by nobody");
        }
        let user = json!({ "PUT": {
            "pk": shown("integer", "ID"),
            "email": shown("email", "Email address"),
            "gender": gender(),
            "phone_number": shown("string", "Phone number"),
        }});
        options(&app, "user/", Some(&key), described("User Details", user)).await;
        // The reference says at most 128 characters, and then takes longer ones elsewhere (T02).
        let change = json!({ "POST": {
            "old_password": field("string", true, "Old password"),
            "new_password1": field("string", true, "New password1"),
            "new_password2": field("string", true, "New password2"),
        }});
        options(&app, "password/change/", Some(&key), described("Password Change", change)).await;
    })
    .await;
}

#[tokio::test]
async fn the_stock_user_describes_itself_as_recorded() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let key = app.register("ana").await;
            let registration = json!({ "POST": {
                "username": but(field("string", true, "Username"), json!({ "min_length": 1, "max_length": 150 })),
                "email": field("email", true, "Email"),
                "password1": field("string", true, "Password1"),
                "password2": field("string", true, "Password2"),
            }});
            options(&app, "registration/", None, described("Register", registration)).await;
            let help = "Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.";
            let user = json!({ "PUT": {
                "pk": shown("integer", "ID"),
                "username": but(field("string", true, "Username"), json!({ "help_text": help, "max_length": 150 })),
                "email": shown("email", "Email address"),
                "first_name": name("First name"),
                "last_name": name("Last name"),
            }});
            options(&app, "user/", Some(&key), described("User Details", user)).await;
            options(&app, "user", Some(&key), app.request(Method::OPTIONS, "user/").token(&key).send().await.json()).await;
        },
    )
    .await;
}

#[tokio::test]
async fn the_presence_of_name_and_address_is_described() {
    let optional = |settings: &mut Settings| {
        settings.account.username = Presence::Optional;
        settings.account.email = Presence::Optional;
        settings.account.username_min_length = 3;
    };
    on_both(optional, async |app: TestApp| {
        let registration = json!({ "POST": {
            "username": but(field("string", false, "Username"), json!({ "min_length": 3, "max_length": 150 })),
            "email": field("email", false, "Email"),
            "password1": field("string", true, "Password1"),
            "password2": field("string", true, "Password2"),
        }});
        options(&app, "registration/", None, described("Register", registration)).await;
    })
    .await;
    let without_address = |settings: &mut Settings| {
        settings.account.email = Presence::Off;
        settings.account.login_methods = vec![LoginMethod::Username];
    };
    on_both(without_address, async |app: TestApp| {
        let described = app.request(Method::OPTIONS, "registration/").send().await.expect(200).json();
        assert_eq!(described["actions"]["POST"].get("email"), None);
    })
    .await;
}

#[tokio::test]
async fn declared_fields_are_described_with_their_rules() {
    let fields = |settings: &mut Settings| {
        let new = FieldSettings::new;
        settings.user.fields = vec![
            FieldSettings {
                label: Some("Nick".into()),
                help: Some("What friends say.".into()),
                min_length: Some(2),
                max_length: Some(10),
                ..new("nick_name", FieldKind::Text)
            },
            FieldSettings { required: true, ..new("phone", FieldKind::Phone) },
            new("age", FieldKind::Integer),
            new("news", FieldKind::Boolean),
            new("born_on", FieldKind::Date),
            new("site", FieldKind::Url),
            new("second_email", FieldKind::Email),
            FieldSettings { choices: vec!["red".into(), "blue".into()], ..new("color", FieldKind::Choice) },
        ];
    };
    on_both(fields, async |app: TestApp| {
        let described = app.request(Method::OPTIONS, "registration/").send().await.expect(200).json();
        let Some(form) = described["actions"]["POST"].as_object().cloned() else { panic!("{described}") };
        let declared: serde_json::Map<_, _> = form.into_iter().skip(4).collect();
        let choices = json!([{ "value": "red", "display_name": "red" }, { "value": "blue", "display_name": "blue" }]);
        let expected = json!({
            "nick_name": but(field("string", false, "Nick"), json!({ "help_text": "What friends say.", "min_length": 2, "max_length": 10 })),
            "phone": field("string", true, "Phone"),
            "age": field("integer", false, "Age"),
            "news": field("boolean", false, "News"),
            "born_on": field("date", false, "Born on"),
            "site": but(field("url", false, "Site"), json!({ "max_length": 2000 })),
            "second_email": field("email", false, "Second email"),
            "color": but(field("choice", false, "Color"), json!({ "choices": choices })),
        });
        assert_eq!(Value::Object(declared), expected);
    })
    .await;
}

#[tokio::test]
async fn t79_without_pages_json_is_all_that_is_rendered() {
    let closed = |settings: &mut Settings| {
        settings.docs.browsable = Some(false);
        assert_eq!(settings.environment, Environment::Development);
    };
    on_both(closed, async |app: TestApp| {
        let described = app.request(Method::OPTIONS, "login/").send().await.expect(200).json();
        assert_eq!(described["renders"], json!(["application/json"]));
        let page = app.get("user/").header("accept", "text/html").send().await;
        check("user/", &page, 406, &detail("Could not satisfy the request Accept header."), "no page");
    })
    .await;
}

#[tokio::test]
async fn the_answer_is_written_as_the_client_asks() {
    on_both(article, async |app: TestApp| {
        let login = |accept: &str| app.post("login/", json!({})).header("accept", accept);
        let required = json!({ "password": ["This field is required."] });
        for accept in
            ["application/json", "*/*", "text/html;q=0.1, application/json", "text/html, application/json", "application/*"]
        {
            check("login/", &login(accept).send().await, 400, &required, accept);
        }
        let indented = login("application/json; indent=4").send().await.expect(400);
        assert_eq!(indented.text, "{\n    \"password\": [\n        \"This field is required.\"\n    ]\n}");
        for accept in ["text/plain", "image/*"] {
            let refused = detail("Could not satisfy the request Accept header.");
            check("login/", &login(accept).send().await, 406, &refused, accept);
        }
        let key = app.post("registration/", articles_user("ana@example.com")).send().await.expect(201).key();
        let page = |method: Method, path: &str| app.request(method, path).header("accept", "text/html");
        for (answer, status, title) in [
            (page(Method::GET, "login/").send().await, 405, "Login"),
            (login("text/html,*/*;q=0.8").send().await, 400, "Login"),
            (page(Method::OPTIONS, "registration/").send().await, 200, "Register"),
            (page(Method::GET, "registration/").send().await, 405, "Register"),
            (page(Method::GET, "user/").send().await, 401, "User Details"),
            (page(Method::GET, "user/").token(&key).send().await, 200, "User Details"),
        ] {
            assert_eq!(answer.status, status, "{title}");
            assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
            assert!(answer.text.contains(&format!("<h1>{title}</h1>")), "{}", answer.text);
            assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
        }
    })
    .await;
}
