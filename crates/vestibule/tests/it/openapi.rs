//! The OpenAPI document: whole, consistent in itself, and as this installation answers.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::settings::{Presence, Registration, Verification};
use vestibule::testing::{TestApp, databases, on_both};

use crate::exchange::*;

async fn document(change: impl Fn(&mut Settings)) -> Value {
    TestApp::on(databases::fresh_sqlite().await, change).await.auth.openapi()
}

/// Path, method and description of each operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters");
        methods.map(move |(method, operation)| (path.clone(), method.clone(), operation.clone()))
    });
    each.collect()
}

fn schema<'d>(document: &'d Value, name: &str) -> &'d Value {
    &document["components"]["schemas"][name]
}

#[tokio::test]
async fn every_operation_says_what_it_is_called_and_what_it_gives() {
    for change in [(|_| {}) as fn(&mut Settings), article] {
        let document = document(change).await;
        let mut ids = BTreeSet::new();
        let mut lacking = Vec::new();
        for (path, method, operation) in operations(&document) {
            let text = |member: &str| operation[member].as_str().unwrap_or_default().to_owned();
            let succeeds = operation["responses"].as_object().unwrap().keys().any(|status| status.starts_with('2'));
            let described = ["operationId", "summary", "description"].iter().all(|member| !text(member).is_empty());
            if !succeeds || !described || !ids.insert(text("operationId")) {
                lacking.push(format!("{method} {path}: give its Operation `called` (an id of its own) and `gives`"));
            }
        }
        assert!(lacking.is_empty(), "{}", lacking.join("\n"));
    }
}

fn references<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| match member.as_str().filter(|_| name == "$ref") {
            Some(target) => drop(found.insert(target)),
            None => references(member, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn what_is_referred_to_is_there_and_what_is_there_is_referred_to() {
    let document = document(article).await;
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for target in &found {
        assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
    }
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(found.contains(format!("#/components/{kind}/{name}").as_str()), "{kind} {name}");
        }
    }
}

#[tokio::test]
async fn it_follows_the_settings() {
    let plain = document(|_| {}).await;
    assert_eq!(schema(&plain, "RegisterRequest")["required"], json!(["username", "email", "password1", "password2"]));
    assert_eq!(plain["servers"][0]["url"], "http://127.0.0.1:8000/auth");
    assert!(plain["paths"]["/logout/"]["get"].is_null());
    assert!(plain["paths"]["/registration/"]["post"]["responses"]["401"].is_null());
    assert!(plain["paths"]["/login/"]["post"]["responses"]["429"].is_null(), "no limits, no refusal by them");

    let articles = document(article).await;
    let asked = schema(&articles, "RegisterRequest");
    assert!(asked["properties"]["username"].is_null());
    assert_eq!(asked["properties"]["gender"]["enum"], json!(["M", "F", "NS"]));
    assert_eq!(schema(&articles, "User")["properties"]["phone_number"]["type"], "string");
    assert!(schema(&articles, "ReplaceUserRequest")["properties"]["phone_number"].is_null(), "read-only");

    let other = document(|settings| {
        settings.account.logout_on_get = true;
        settings.account.registration = Registration::Closed;
        settings.account.email = Presence::Optional;
        settings.account.email_verification = Verification::Mandatory;
        settings.password.require_old = Some(false);
        settings.limits.enabled = true;
        settings.server.base_path = "/api/v1".into();
        settings.site.name = "Acme".into();
    });
    let other = other.await;
    assert!(other["paths"]["/logout/"]["get"].is_object());
    let registration = &other["paths"]["/registration/"]["post"];
    assert_eq!(registration["responses"]["201"]["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/Detail");
    assert!(
        registration["responses"]["403"].is_object() && registration["security"].as_array().is_some_and(|any| !any.is_empty())
    );
    assert_eq!(schema(&other, "RegisterRequest")["required"], json!(["username", "password1", "password2"]));
    assert!(schema(&other, "ChangePasswordRequest")["properties"]["old_password"].is_null());
    assert!(other["paths"]["/login/"]["post"]["responses"]["429"].is_object());
    assert_eq!(other["servers"][0]["url"], "http://127.0.0.1:8000/api/v1");
    assert_eq!(other["info"]["title"], "Acme");
}

#[tokio::test]
async fn its_examples_are_taken() {
    on_both(article, async |app: TestApp| {
        let document = app.auth.openapi();
        let example = |path: &str, method: &str| {
            document["paths"][path][method]["requestBody"]["content"]["application/json"]["example"].clone()
        };
        let key = app.post("registration/", example("/registration/", "post")).send().await.expect(201).key();
        let login = example("/login/", "post");
        assert_eq!(login, json!({ "email": "ana@example.org", "password": "a-long-passphrase-1" }));
        app.post("login/", login).send().await.expect(200);
        for method in [Method::PUT, Method::PATCH] {
            let body = example("/user/", &method.as_str().to_ascii_lowercase());
            app.request(method, "user/").token(&key).json(body).send().await.expect(200);
        }
        app.post("password/reset/", example("/password/reset/", "post")).send().await.expect(200);
        app.deliver().await;
    })
    .await;
}

/// The members of an object, and of the schema that describes it.
#[track_caller]
fn same_members(answer: &Value, schema: &Value) {
    let members: BTreeSet<&String> = answer.as_object().unwrap().keys().collect();
    let promised: BTreeSet<&String> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(members, promised);
    let required: BTreeMap<&str, ()> =
        schema["required"].as_array().unwrap().iter().map(|name| (name.as_str().unwrap(), ())).collect();
    assert_eq!(required.len(), promised.len(), "all of an answer is always there");
}

#[tokio::test]
async fn answers_have_the_members_that_it_promises() {
    on_both(article, async |app: TestApp| {
        let document = app.auth.openapi();
        let opened = app.post("registration/", articles_user("ana@example.com")).send().await.expect(201);
        same_members(&opened.json(), schema(&document, "Key"));
        let user = app.get("user/").token(&opened.key()).send().await.expect(200);
        same_members(&user.json(), schema(&document, "User"));
    })
    .await;
}

#[tokio::test]
async fn t79_it_is_served_where_the_settings_say_so_and_nowhere_else() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let served = app.get("openapi.json").send().await.expect(200);
            assert_eq!(served.header("content-type"), "application/json");
            assert_eq!(served.json(), app.auth.openapi());
            assert_eq!(served.header("cache-control"), "no-store");
        },
    )
    .await;
    let closed = |settings: &mut Settings| settings.docs.openapi = Some(false);
    on_both(closed, async |app: TestApp| {
        app.get("openapi.json").send().await.expect(404);
        assert!(app.auth.openapi()["paths"]["/openapi.json"].is_null());
    })
    .await;
}

#[tokio::test]
async fn t77_people_read_it_as_a_page_that_loads_nothing() {
    let change = |settings: &mut Settings| {
        article(settings);
        settings.user.fields[0].label = Some("<script>alert(1)</script>".into());
        settings.user.fields[0].help = Some("<img src=x>".into());
    };
    on_both(change, async |app: TestApp| {
        let page = app.get("openapi/").send().await.expect(200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!page.text.contains("<script") && !page.text.contains("<img"));
        let document = app.auth.openapi();
        for (path, method, operation) in operations(&document) {
            assert!(page.text.contains(&format!("id=\"{}\"", operation["operationId"].as_str().unwrap())), "{method} {path}");
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(page.text.contains(&format!("id=\"schema-{name}\"")), "{name}");
        }
        app.post("openapi/", json!({})).send().await.expect(405);
    })
    .await;
    on_both(
        |settings| settings.docs.openapi = Some(false),
        async |app: TestApp| {
            app.get("openapi/").send().await.expect(404);
        },
    )
    .await;
}
