//! `[[user.fields]]`: every kind and every rule, at registration and at `user/`.

mod kinds;

use http::Method;
use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::settings::{Details, FieldKind, FieldSettings};
use vestibule::testing::{TestApp, on_both};

use crate::exchange::*;

fn field(name: &str, kind: FieldKind) -> FieldSettings {
    FieldSettings::new(name, kind)
}

fn with(fields: Vec<FieldSettings>) -> impl Fn(&mut Settings) {
    move |settings| settings.user.fields.clone_from(&fields)
}

/// A body that registers somebody new with these values.
fn somebody_with(app: &TestApp, values: Value) -> Value {
    let name = app.fresh_name();
    let body = but(named(&name), json!({ "email": format!("{name}@example.org") }));
    but(body, values)
}

async fn register(app: &TestApp, values: Value) -> String {
    app.post("registration/", somebody_with(app, values)).send().await.expect(201).key()
}

async fn shown(app: &TestApp, key: &str, name: &str) -> Value {
    app.get("user/").token(key).send().await.expect(200).json()[name].clone()
}

/// One of each kind, none of them required.
fn each_kind() -> Vec<FieldSettings> {
    vec![
        FieldSettings {
            min_length: Some(2),
            max_length: Some(10),
            pattern: Some("[a-z é☃]+".into()),
            ..field("nick", FieldKind::Text)
        },
        FieldSettings { choices: vec!["red".into(), "1".into()], ..field("color", FieldKind::Choice) },
        FieldSettings { max_length: Some(12), ..field("phone", FieldKind::Phone) },
        field("age", FieldKind::Integer),
        field("news", FieldKind::Boolean),
        field("born_on", FieldKind::Date),
        FieldSettings { pattern: Some("https://.*".into()), ..field("site", FieldKind::Url) },
        FieldSettings { max_length: Some(30), ..field("second_email", FieldKind::Email) },
    ]
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    on_both(with(each_kind()), async |app: TestApp| {
        let wrong = json!({
            "nick": "A", "color": "x", "phone": "x", "age": "x", "news": "x", "born_on": "x", "site": "x", "second_email": "x"
        });
        let expected = json!({
            "nick": ["Ensure this field has at least 2 characters.", "Enter a valid value."],
            "color": ["\"x\" is not a valid choice."],
            "phone": ["Enter a valid phone number."],
            "age": ["A valid integer is required."],
            "news": ["Must be a valid boolean."],
            "born_on": ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."],
            "site": ["Enter a valid URL."],
            "second_email": ["Enter a valid email address."]
        });
        let key = register(&app, json!({})).await;
        check("user/", &app.patch("user/", wrong.clone()).token(&key).send().await, 400, &expected, "edit");
        let answer = app.post("registration/", somebody_with(&app, wrong)).send().await;
        check("registration/", &answer, 400, &expected, "registration");
    })
    .await;
}

#[tokio::test]
async fn what_is_required_binds_writes_and_never_reads() {
    let required = each_kind().into_iter().map(|field| FieldSettings { required: true, ..field }).collect();
    on_both(with(required), async |app: TestApp| {
        let names = ["nick", "color", "phone", "age", "news", "born_on", "site", "second_email"];
        let each = |message: &str| Value::Object(names.iter().map(|name| ((*name).to_owned(), json!([message]))).collect());
        let all = |value: Value| Value::Object(names.iter().map(|name| ((*name).to_owned(), value.clone())).collect());
        let missing = app.post("registration/", somebody_with(&app, json!({}))).send().await;
        check("registration/", &missing, 400, &each("This field is required."), "nothing");
        let null = app.post("registration/", somebody_with(&app, all(Value::Null))).send().await;
        check("registration/", &null, 400, &each("This field may not be null."), "null");
        let blank = but(
            each("This field may not be blank."),
            json!({
                "color": ["\"\" is not a valid choice."],
                "age": ["A valid integer is required."],
                "news": ["Must be a valid boolean."]
            }),
        );
        let empty = app.post("registration/", somebody_with(&app, all(json!("")))).send().await;
        check("registration/", &empty, 400, &but(blank, json!({ "born_on": ["This field may not be blank."] })), "empty");
        // Somebody from before the fields were required: shown, and editable member by member.
        let kim = vestibule::accounts::admin::NewAccount { username: Some("kim".into()), ..somebody("kim@example.org") };
        made(&app, kim).await;
        let key = app.login("kim").await;
        let me = app.get("user/").token(&key).send().await.expect(200).json();
        assert_eq!((&me["nick"], &me["age"], &me["news"]), (&json!(""), &Value::Null, &Value::Null));
        app.patch("user/", json!({ "nick": "kimmy" })).token(&key).send().await.expect(200);
        let put = app.request(Method::PUT, "user/").json(json!({ "username": "kim", "nick": "kim" })).token(&key).send().await;
        let mut left = each("This field is required.");
        left.as_object_mut().map(|left| left.remove("nick"));
        check("user/", &put, 400, &left, "a whole form has all of them");
    })
    .await;
}

#[tokio::test]
async fn t71_unique_values_are_compared_in_their_canonical_form() {
    let unique = |name: &str, kind| FieldSettings { unique: true, ..field(name, kind) };
    let fields = vec![
        unique("badge", FieldKind::Text),
        unique("phone", FieldKind::Phone),
        unique("number", FieldKind::Integer),
        unique("second_email", FieldKind::Email),
        unique("site", FieldKind::Url),
    ];
    on_both(with(fields), async |app: TestApp| {
        let first =
            json!({ "badge": "Straße-é", "phone": "+1 555 0100", "number": 7, "second_email": "b@münchen.example", "site": "https://example.org/a" });
        let key = register(&app, first.clone()).await;
        let not_unique = |name: &str| json!({ name: ["This field must be unique."] });
        let spellings = [
            ("badge", json!("STRASSE-E\u{301}")),
            ("badge", json!(" ｓｔｒasse-É ")),
            ("phone", json!("+1-555-0100")),
            ("number", json!("7.0")),
            ("second_email", json!("B@xn--mnchen-3ya.example")),
            ("site", json!("https://EXAMPLE.org/A")),
        ];
        let other = register(&app, json!({})).await;
        let before = accounts(&app).await;
        for (name, spelling) in &spellings {
            let answer = app.post("registration/", somebody_with(&app, json!({ *name: spelling }))).send().await;
            check("registration/", &answer, 400, &not_unique(name), &spelling.to_string());
            let answer = app.patch("user/", json!({ *name: spelling })).token(&other).send().await;
            check("user/", &answer, 400, &not_unique(name), &spelling.to_string());
            // One's own, in whatever spelling, is free.
            app.patch("user/", json!({ *name: spelling })).token(&key).send().await.expect(200);
        }
        assert_eq!(accounts(&app).await, before);
        // All that is taken, and everything else that is wrong, at once.
        let mut all = somebody_with(&app, first.clone());
        all["username"] = json!("PERSON0");
        all["password1"] = json!("123");
        let answer = app.post("registration/", all).send().await.expect(400).json();
        let wrong: Vec<_> = answer.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        assert_eq!(wrong, ["password1", "username", "badge", "phone", "number", "second_email", "site"]);
        let edit = app.patch("user/", first.clone()).token(&other).send().await.expect(400).json();
        assert_eq!(edit.as_object().map(serde_json::Map::len), Some(5), "{edit}");
        // Nothing is no value: it is never taken. What is given up is free.
        for _ in 0..2 {
            register(&app, json!({ "badge": "", "phone": null, "number": "" })).await;
        }
        app.patch("user/", json!({ "badge": "", "number": null })).token(&key).send().await.expect(200);
        app.patch("user/", json!({ "badge": "straße-é", "number": 7 })).token(&other).send().await.expect(200);
        assert_eq!(shown(&app, &other, "badge").await, "straße-é");
    })
    .await;
}

#[tokio::test]
async fn no_pattern_stalls_the_service() {
    let fields = vec![
        FieldSettings { pattern: Some("(a+)+b".into()), ..field("code", FieldKind::Text) },
        FieldSettings { pattern: Some("cat|dog".into()), ..field("pet", FieldKind::Text) },
    ];
    on_both(with(fields), async |app: TestApp| {
        let key = register(&app, json!({ "code": "aaab", "pet": "dog" })).await;
        let no_match = |name: &str| json!({ name: ["Enter a valid value."] });
        // An engine that goes back would not end before the sun does.
        let slow = json!({ "code": "a".repeat(1_000) });
        check("user/", &app.patch("user/", slow.clone()).token(&key).send().await, 400, &no_match("code"), "slow");
        let answer = app.post("registration/", somebody_with(&app, slow)).send().await;
        check("registration/", &answer, 400, &no_match("code"), "slow");
        let long = app.patch("user/", json!({ "code": "a".repeat(1_001) })).token(&key).send().await.expect(400);
        assert_eq!(long.json()["code"][0], "Ensure this field has no more than 1000 characters.");
        for pet in ["cats", "a dog", "catdog", "cat|dog"] {
            let answer = app.patch("user/", json!({ "pet": pet })).token(&key).send().await;
            check("user/", &answer, 400, &no_match("pet"), pet);
        }
    })
    .await;
}

/// What makes it instant with a million accounts: no row is looked at or written.
#[tokio::test]
async fn a_field_is_added_and_removed_without_touching_any_account() {
    on_both(with(vec![field("motto", FieldKind::Text)]), async |app: TestApp| {
        let key = register(&app, json!({ "motto": "slow" })).await;
        let many = app.auth.db().unit(|tx| async move {
            tx.run(
                "INSERT INTO auth_users (username, username_key, profile, created_at) \
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
                 SELECT 'u' || i, 'u' || i, $1::jsonb, 0 FROM n",
                vestibule::params![&json!({ "motto": "x" })],
            )
            .await
        });
        assert_eq!(many.await.unwrap(), 2_000);
        let untouched = "SELECT COUNT(*) FROM auth_users WHERE version = 1 AND CAST(profile AS TEXT) LIKE '%motto%x%' \
                         AND CAST(profile AS TEXT) NOT LIKE '%city%'";
        let required = FieldSettings { required: true, ..field("city", FieldKind::Text) };
        let newer = app.rebuilt(with(vec![required]), |builder| builder).await;
        let me = newer.get("user/").token(&key).send().await.expect(200).json();
        assert_eq!((&me["city"], &me["motto"]), (&json!(""), &Value::Null));
        assert_eq!(app.count(untouched).await, 2_000);
        assert_eq!(shown(&app, &key, "motto").await, "slow", "its values are kept");
    })
    .await;
}

#[tokio::test]
async fn fields_show_up_where_they_are_declared_to() {
    let fields = vec![
        FieldSettings { details: Details::Hidden, required: true, ..field("source", FieldKind::Text) },
        FieldSettings { details: Details::ReadOnly, required: true, ..field("badge", FieldKind::Text) },
        FieldSettings { register: false, ..field("motto", FieldKind::Text) },
        FieldSettings { register: false, required: true, ..field("city", FieldKind::Text) },
        FieldSettings { register: false, details: Details::ReadOnly, ..field("level", FieldKind::Integer) },
    ];
    on_both(with(fields), async |app: TestApp| {
        let missing = app.post("registration/", somebody_with(&app, json!({}))).send().await;
        let required = json!(["This field is required."]);
        check("registration/", &missing, 400, &json!({ "source": required, "badge": required }), "asked");
        let values = json!({ "source": "a friend", "badge": "B-1", "motto": "no", "city": "no", "level": 9 });
        let key = register(&app, values).await;
        let me = |motto: &str, city: &str| {
            json!({
                "pk": 1, "username": "person1", "email": "person1@example.org", "first_name": "", "last_name": "",
                "badge": "B-1", "motto": motto, "city": city, "level": null
            })
        };
        check("user/", &app.get("user/").token(&key).send().await, 200, &me("", ""), "what was not asked is not taken");
        let edit = json!({ "source": "an enemy", "badge": "B-2", "motto": "yes", "level": 9 });
        check("user/", &app.patch("user/", edit).token(&key).send().await, 200, &me("yes", ""), "PATCH");
        let put = |body: Value| app.request(Method::PUT, "user/").json(body).token(&key);
        check("user/", &put(json!({ "username": "person1" })).send().await, 400, &json!({ "city": required }), "PUT");
        let whole = json!({ "username": "person1", "city": "Ulm", "badge": null, "source": null });
        check("user/", &put(whole).send().await, 200, &me("yes", "Ulm"), "PUT leaves what it does not name");
        let described = app.request(Method::OPTIONS, "registration/").send().await.json();
        let names: Vec<_> =
            described["actions"]["POST"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["username", "email", "password1", "password2", "source", "badge"]);
        let described = app.request(Method::OPTIONS, "user/").token(&key).send().await.json();
        let names: Vec<_> =
            described["actions"]["PUT"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["pk", "username", "email", "first_name", "last_name", "badge", "motto", "city", "level"]);
        // Hidden is not lost.
        let hidden = "SELECT COUNT(*) FROM auth_users WHERE CAST(profile AS TEXT) LIKE '%a friend%'";
        assert_eq!(app.count(hidden).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_box_that_is_not_ticked_is_absent_from_a_form_and_false() {
    let fields = vec![
        FieldSettings { required: true, ..field("terms", FieldKind::Boolean) },
        field("news", FieldKind::Boolean),
        field("nick", FieldKind::Text),
    ];
    on_both(with(fields), async |app: TestApp| {
        let form = |members: &[(&str, &str)]| app.request(Method::POST, "registration/").form(members);
        let who = |name: &'static str, email: &'static str| {
            vec![("username", name), ("email", email), ("password1", PASSWORD), ("password2", PASSWORD)]
        };
        let bare = form(&who("ana", "ana@example.org")).send().await.expect(201).key();
        assert_eq!(shown(&app, &bare, "terms").await, false);
        let mut ticked = who("bea", "bea@example.org");
        ticked.extend([("terms", "on"), ("news", "true"), ("nick", "bee")]);
        let ticked = form(&ticked).send().await.expect(201).key();
        assert_eq!((shown(&app, &ticked, "terms").await, shown(&app, &ticked, "news").await), (json!(true), json!(true)));
        // A part of a form leaves a box as it is; a whole one unticks it; in JSON what is absent is absent.
        let edit = |method: Method| app.request(method, "user/").token(&ticked);
        let patched = edit(Method::PATCH).form(&[("nick", "b")]).send().await.expect(200).json();
        assert_eq!((&patched["terms"], &patched["nick"]), (&json!(true), &json!("b")));
        let missing = edit(Method::PUT).json(json!({ "username": "bea" })).send().await;
        check("user/", &missing, 400, &json!({ "terms": ["This field is required."] }), "JSON");
        let put = edit(Method::PUT).form(&[("username", "bea")]).send().await.expect(200).json();
        assert_eq!((&put["terms"], &put["news"], &put["nick"]), (&json!(false), &json!(false), &json!("b")));
    })
    .await;
}
