//! T35: everything that opens something, shown in every place but its own.

use std::collections::BTreeMap;

use serde_json::json;
use vestibule::settings::{Settings, TokenMode};
use vestibule::testing::{TestAnswer, TestApp};

use super::{OTHER, PASSWORD, account, books, on_both, registration, scan};

const HERE: &str = "http://127.0.0.1:8000";

/// An installation that uses everything at once.
fn everything(settings: &mut Settings) {
    settings.tokens.mode = TokenMode::JwtCookie;
    settings.tokens.session_cookie = Some(true);
    settings.jwt.csrf = true;
    settings.limits.enabled = true;
    settings.limits.reset = "1000/m/ip".parse().unwrap();
}

/// What somebody holds after signing up and asking for mails, by its name.
type Held = BTreeMap<&'static str, String>;

/// Takes note of the cookies of an answer.
fn keep(held: &mut Held, answer: &TestAnswer) {
    for line in answer.headers.get_all("set-cookie") {
        let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
        let names = ["access", "refresh", "session", "csrftoken", "device", "form"];
        let name = names.into_iter().find(|known| *known == name).unwrap_or_else(|| panic!("a cookie that is new here: {name}"));
        held.insert(name, rest.split(';').next().unwrap().to_owned());
    }
}

async fn everything_of(app: &TestApp) -> Held {
    let mut held = Held::new();
    let answer = app.post("registration/", registration("ana", PASSWORD)).send().await.expect(201);
    keep(&mut held, &answer);
    let with = |held: &Held| format!("session={}; form={}", held["session"], held.get("form").map_or("", String::as_str));
    let page = app.get("account/").header("cookie", &format!("session={}", held["session"])).send().await.expect(200);
    keep(&mut held, &page);
    let page = app.get("account/").header("cookie", &with(&held)).send().await.expect(200);
    let token = page.text.split_once("name=\"csrfmiddlewaretoken\" value=\"").unwrap().1.split('"').next().unwrap();
    held.insert("form token", token.to_owned());
    app.post("password/reset/", json!({ "email": "ana@example.org" })).send().await.expect(200);
    let change = app.post("email/change/", json!({ "email": "new@example.org" }));
    change.header("authorization", &format!("Bearer {}", held["access"])).send().await.expect(200);
    app.deliver().await;
    let last_part = |kind: &str, to: &str| {
        let mail = app.mailbox.to(to).into_iter().find(|mail| mail.kind == kind).unwrap_or_else(|| panic!("no {kind}"));
        mail.link.unwrap().trim_end_matches('/').rsplit('/').next().unwrap().to_owned()
    };
    held.insert("verification", last_part("email_confirmation_signup", "ana@example.org"));
    held.insert("reset", last_part("password_reset", "ana@example.org"));
    held.insert("change", last_part("email_change", "new@example.org"));
    let sid = app.auth.db().one::<(String,)>("SELECT sid FROM auth_sessions", &[]).await.unwrap().unwrap().0;
    held.insert("sid", sid);
    held
}

/// Where something may be shown.
const PLACES: [&str; 11] = [
    "bearer",
    "key header",
    "access cookie",
    "session cookie",
    "refresh cookie",
    "refresh body",
    "verify body",
    "verification",
    "reset",
    "change",
    "csrf",
];

/// Whether it is taken there.
async fn is_taken(app: &TestApp, held: &Held, place: &str, value: &str) -> bool {
    let cookie = |name: &str| format!("{name}={value}");
    let answer = match place {
        "bearer" => app.get("user/").header("authorization", &format!("Bearer {value}")),
        "key header" => app.get("user/").token(value),
        "access cookie" | "session cookie" => app.get("user/").header("cookie", &cookie(place.split(' ').next().unwrap())),
        "refresh cookie" => app.post("token/refresh/", json!({})).header("origin", HERE).header("cookie", &cookie("refresh")),
        "refresh body" => app.post("token/refresh/", json!({ "refresh": value })),
        "verify body" => app.post("token/verify/", json!({ "token": value })),
        "verification" => app.post("registration/verify-email/", json!({ "key": value })),
        "change" => app.post("email/change/confirm/", json!({ "key": value })),
        "reset" => {
            let uid = app.auth.uid(account(app, "ana").await.id);
            let body = json!({ "uid": uid, "token": value, "new_password1": OTHER, "new_password2": OTHER });
            app.post("password/reset/confirm/", body)
        }
        "csrf" => {
            let cookies = format!("access={}; csrftoken={value}", held["access"]);
            let request = app.patch("user/", json!({ "first_name": "" })).header("origin", HERE).header("cookie", &cookies);
            request.header("x-csrftoken", value)
        }
        other => panic!("no place: {other}"),
    };
    let answer = answer.send().await;
    assert!(answer.status < 500, "{place}: {}", answer.text);
    answer.status < 300
}

/// Each thing's own places.
fn belongs(name: &str, place: &str) -> bool {
    match name {
        "access" => ["bearer", "access cookie", "verify body"].contains(&place),
        "refresh" => ["refresh cookie", "refresh body", "verify body"].contains(&place),
        "session" => place == "session cookie",
        "csrftoken" => place == "csrf",
        "verification" | "reset" | "change" => name == place,
        _ => false,
    }
}

#[tokio::test]
async fn t35_nothing_is_taken_where_something_else_belongs() {
    on_both(everything, async |app| {
        let held = everything_of(app).await;
        assert_eq!(held.len(), 11, "{:?}", held.keys());
        let before = books::contents(app).await;
        for (name, value) in &held {
            for place in PLACES.into_iter().filter(|place| !belongs(name, place)) {
                assert!(!is_taken(app, &held, place, value).await, "{name} as {place}");
            }
            // Whoever logs out with it ends nothing.
            if *name != "refresh" {
                app.post("logout/", json!({ "refresh": value })).send().await.expect(200);
            }
        }
        assert_eq!(books::contents(app).await, before);
        for (name, place) in [
            ("access", "bearer"),
            ("access", "access cookie"),
            ("access", "verify body"),
            ("refresh", "verify body"),
            ("session", "session cookie"),
            ("csrftoken", "csrf"),
            ("refresh", "refresh body"),
            ("refresh", "refresh cookie"),
        ] {
            assert!(belongs(name, place) && is_taken(app, &held, place, &held[name]).await, "{name} as {place}");
        }
        // What is only to be repeated or to be known by is nowhere in the books either.
        for name in ["csrftoken", "form", "form token", "device"] {
            assert_eq!(scan::kept(app, &held[name]).await, [""; 0], "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn t35_what_was_mailed_is_taken_in_its_own_place() {
    for name in ["verification", "reset", "change"] {
        on_both(everything, async |app| {
            let held = everything_of(app).await;
            assert!(is_taken(app, &held, name, &held[name]).await, "{name}");
            app.deliver().await;
        })
        .await;
    }
}

#[tokio::test]
async fn t35_a_form_takes_its_own_token_and_nothing_else() {
    on_both(everything, async |app| {
        let held = everything_of(app).await;
        let cookies = format!("session={}; form={}", held["session"], held["form"]);
        let send = async |value: &str| {
            let form = [("csrfmiddlewaretoken", value)];
            let request = app.request(http::Method::POST, "sign-out/").form(&form).header("origin", HERE);
            request.header("cookie", &cookies).send().await.status
        };
        for (name, value) in held.iter().filter(|(name, _)| **name != "form token") {
            assert_eq!(send(value).await, 403, "{name}");
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions").await, 1);
        assert_eq!(send(&held["form token"]).await, 303);
        assert_eq!(app.count("SELECT COUNT(*) FROM auth_sessions").await, 0);
    })
    .await;
}
