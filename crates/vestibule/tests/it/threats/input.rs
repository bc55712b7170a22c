//! J. Input: T72, T75, T76, in whole requests. The readers themselves are tested with generated input beside them.

use std::cell::RefCell;

use http::Method;
use serde_json::{Value, json};
use vestibule::settings::{Details, FieldKind, FieldSettings};
use vestibule::testing::{TestAnswer, TestApp, TestRequest};

use super::{LOGIN_FAILED, PASSWORD, books, change, login, on_both, refused, registration};

/// Whole bodies of each endpoint that takes one, with the method and the path.
fn forms() -> Vec<(Method, &'static str, Value)> {
    vec![
        (Method::POST, "registration/", registration("eva", PASSWORD)),
        (Method::POST, "login/", json!({ "username": "ana", "password": PASSWORD })),
        (Method::POST, "login/", json!({ "email": "ana@example.org", "password": PASSWORD })),
        (Method::PATCH, "user/", json!({ "username": "ana", "first_name": "A", "last_name": "B" })),
        (Method::PUT, "user/", json!({ "username": "ana", "first_name": "A", "last_name": "B" })),
        (Method::POST, "password/change/", change(PASSWORD, "An0ther-pass-7q")),
    ]
}

/// The body with one member written as that JSON.
fn with_member(body: &Value, name: &str, raw: &str) -> String {
    let members = body.as_object().unwrap().iter();
    let members =
        members.map(|(key, value)| format!("\"{key}\":{}", if key == name { raw.to_owned() } else { value.to_string() }));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// A request of somebody who is logged in.
fn send<'a>(app: &'a TestApp, key: &str, method: &Method, path: &str, body: impl Into<axum::body::Body>) -> TestRequest<'a> {
    app.request(method.clone(), path).raw("application/json", body).token(key)
}

/// What both databases must agree on.
#[derive(Default)]
struct Both(RefCell<Vec<Vec<String>>>);

impl Both {
    fn begin(&self) {
        self.0.borrow_mut().push(Vec::new());
    }

    fn note(&self, answer: &TestAnswer) {
        self.0.borrow_mut().last_mut().unwrap().push(format!("{} {}", answer.status, answer.text));
    }

    fn agree(self) {
        let seen = self.0.into_inner();
        assert!(seen.len() == 2 && !seen[0].is_empty());
        assert_eq!(seen[0], seen[1], "SQLite and PostgreSQL answer alike");
    }
}

#[tokio::test]
async fn t72_nul_and_half_pairs_are_refused_in_every_field_and_line_breaks_in_every_line() {
    let both = Both::default();
    on_both(
        |_| {},
        async |app| {
            both.begin();
            let key = app.register("ana").await;
            let breaks = ["\\u0001", "\\n", "\\r\\n", "\\u001b[31m", "\\u001f", "\\u007f", "\\u0085", "\\u2028", "\\u2029"];
            for (method, path, body) in forms() {
                for name in body.as_object().unwrap().keys() {
                    let is_password = name.contains("password");
                    let everywhere = ["\\u0000", "\\ud800", "\\udc00x", "\\udc00\\ud800"];
                    for bad in everywhere.into_iter().chain(breaks.into_iter().filter(|_| !is_password)) {
                        let raw = format!("\"ab{bad}cd@example.org\"");
                        let answer = refused(app, send(app, &key, &method, path, with_member(&body, name, &raw)), 400).await;
                        let said = answer.json();
                        assert_eq!(said.as_object().unwrap().keys().collect::<Vec<_>>(), [name], "{bad} {}", answer.text);
                        both.note(&answer);
                    }
                }
            }
        },
    )
    .await;
    both.agree();
}

#[tokio::test]
async fn t72_bytes_that_are_not_utf8_are_refused_in_every_kind_of_body() {
    let both = Both::default();
    on_both(
        |_| {},
        async |app| {
            both.begin();
            let key = app.register("ana").await;
            for bytes in [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"a\xe9"] {
                for (method, path, body) in forms() {
                    for name in body.as_object().unwrap().keys() {
                        let whole = with_member(&body, name, "\"@@@\"").into_bytes();
                        let at = whole.windows(3).position(|three| three == b"@@@").unwrap();
                        let json = [&whole[..at], bytes, &whole[at + 3..]].concat();
                        both.note(&refused(app, send(app, &key, &method, path, json), 400).await);

                        let part = |name: &str, value: &[u8]| {
                            [format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").as_bytes(), value, b"\r\n"]
                                .concat()
                        };
                        let value = |(key, value): (&String, &Value)| {
                            if key == name { bytes.to_vec() } else { value.as_str().unwrap().as_bytes().to_vec() }
                        };
                        let members = body.as_object().unwrap().iter();
                        let parts: Vec<u8> = members.clone().flat_map(|(key, old)| part(key, &value((key, old)))).collect();
                        let multipart = [&parts[..], b"--b--\r\n"].concat();
                        let request = app.request(method.clone(), path).raw("multipart/form-data; boundary=b", multipart);
                        let answer = refused(app, request.token(&key), 400).await;
                        assert!(answer.json()[name].is_array(), "{name} {}", answer.text);
                        both.note(&answer);

                        let pairs = members.map(|(key, old)| {
                            let escaped: String = value((key, old)).iter().map(|byte| format!("%{byte:02X}")).collect();
                            format!("{key}={escaped}")
                        });
                        let form = pairs.collect::<Vec<_>>().join("&");
                        let request = app.request(method.clone(), path).raw("application/x-www-form-urlencoded", form);
                        let answer = refused(app, request.token(&key), 400).await;
                        assert!(answer.json()[name].is_array(), "{name} {}", answer.text);
                        both.note(&answer);
                    }
                }
            }
        },
    )
    .await;
    both.agree();
}

#[tokio::test]
async fn t72_strange_bytes_in_path_query_cookie_and_headers_do_no_harm() {
    on_both(
        |_| {},
        async |app| {
            let key = app.register("ana").await;
            for path in ["user/%00", "user/%ff/", "user%0d%0aX-Evil:%201/", "%c0%80", "login/%e2%80%a8"] {
                refused(app, app.get(path).token(&key), 404).await;
            }
            for path in ["user/?a=%00&b=%ff%c0%80&c=%0d%0a", "user/?%", "user/?format=%00"] {
                app.get(path).token(&key).send().await.expect(200);
            }
            for name in ["cookie", "user-agent", "x-forwarded-for", "origin", "accept-language", "x-request-id", "referer"] {
                let strange = "\u{202e}\u{2028}\u{ff}; a=\"\\\"; =;;";
                let answer = login(app, "ana", PASSWORD).header(name, strange).send().await.expect(200);
                assert!(!format!("{:?}", answer.headers).contains('\u{202e}'), "nothing is repeated");
            }
            let agents = "SELECT COUNT(*) FROM auth_sessions WHERE user_agent IS NOT NULL";
            assert_eq!(app.count(agents).await, 1);
        },
    )
    .await;
}

#[tokio::test]
async fn t75_a_body_that_is_no_proper_object_is_refused_with_json() {
    let both = Both::default();
    on_both(
        |_| {},
        async |app| {
            both.begin();
            let key = app.register("ana").await;
            let (deep, deeper) = ("[".repeat(10_000), format!("{}1{}", "{\"a\":".repeat(9_000), "}".repeat(9_000)));
            let member = format!("{{\"password\":{deep}{}}}", "]".repeat(10_000));
            let bodies = [
                "[]",
                "[{\"username\":\"ana\"}]",
                "\"text\"",
                "7",
                "1e400",
                "-0",
                "true",
                "null",
                "nul",
                "",
                " ",
                "{",
                "{}}",
                "{} {}",
                "{}x",
                "{'a':1}",
                "{a:1}",
                "{\"a\":1,}",
                "{\"a\":NaN}",
                "{\"a\":Infinity}",
                "{\"a\":01}",
                "{\"a\":+1}",
                "// c\n{}",
                "{/* c */}",
                "\u{feff}{}",
                "{\"password\":\"a\",\"password\":\"b\"}",
                "{\"email\":\"a@example.org\",\"email\":\"b@example.org\"}",
                "{\"username\":\"ana\",\"usern\\u0061me\":\"eva\"}",
                &deep,
                &deeper,
                &member,
            ];
            for (method, path, _) in forms() {
                for body in bodies {
                    // An empty object changes nothing where nothing is required.
                    let empty = body.trim().is_empty() && method == Method::PATCH;
                    let request = send(app, &key, &method, path, body.to_owned());
                    if empty {
                        assert!(request.send().await.status < 500);
                        continue;
                    }
                    let answer = refused(app, request, 400).await;
                    assert!(answer.json().is_object() && answer.text.len() < 500, "{}", answer.text);
                    both.note(&answer);
                }
            }
        },
    )
    .await;
    both.agree();
}

#[tokio::test]
async fn t75_a_value_of_the_wrong_type_is_its_fields_fault() {
    let both = Both::default();
    on_both(
        |_| {},
        async |app| {
            both.begin();
            let key = app.register("ana").await;
            for (method, path, body) in forms() {
                for name in body.as_object().unwrap().keys() {
                    for raw in ["[]", "[\"ana\"]", "{}", "{\"a\":{\"b\":1}}", "true", "false", "null"] {
                        let answer = refused(app, send(app, &key, &method, path, with_member(&body, name, raw)), 400).await;
                        assert!(answer.json()[name].is_array(), "{path} {name} {raw}: {}", answer.text);
                        both.note(&answer);
                    }
                    // A number stands for its text, as the reference has it; none makes the service stumble.
                    let huge = "9".repeat(10_000);
                    for raw in ["1e400", "-0", "-1e-400", "0.1", &huge] {
                        let whole = with_member(&body, name, raw);
                        if path != "registration/" && path != "user/" {
                            both.note(&refused(app, send(app, &key, &method, path, whole), 400).await);
                        }
                    }
                }
            }
        },
    )
    .await;
    both.agree();
}

#[tokio::test]
async fn t75_a_malformed_credential_is_401_where_one_is_needed_and_overlooked_where_one_is_got() {
    on_both(
        |_| {},
        async |app| {
            let key = app.register("ana").await;
            let long = format!("Token {}", "a".repeat(10 * 1024));
            let pairs = [
                "Bearer",
                "Bearer ",
                "Bearer a b",
                "Token",
                "Token a b",
                &long,
                "Bearer é",
                "Token \u{202e}",
                "bearer ,",
                "Token 0",
            ];
            let others = ["Basic !!!", "Basic YTpi", "Digest a=b", "", ",", "Tokenn x"];
            for line in pairs.into_iter().chain(others) {
                let answer = refused(app, app.get("user/").header("authorization", line), 401).await;
                assert_eq!(answer.header("www-authenticate"), "Token", "{line}");
                assert!(answer.json()["detail"].is_string());
                login(app, "ana", PASSWORD).header("authorization", line).send().await.expect(200);
            }
            let two = app.get("user/").token(&key).token(&key);
            refused(app, two, 401).await;
            let two = app.get("user/").header("authorization", "Basic YTpi").token(&key);
            refused(app, two, 401).await;
        },
    )
    .await;
}

/// What nobody may write about an account from outside.
fn privileges() -> Value {
    json!({
        "is_staff": true, "is_superuser": true, "is_active": false, "id": 999, "pk": 999, "user_id": 999, "version": 9, "epoch": 9,
        "email_verified": true, "email_verified_at": 1, "email_owner": "x", "emailaddress_set": [{ "verified": true }],
        "username_key": "root", "password": "An0ther-pass-7q", "password_hash": "!", "roles": ["admin"], "groups": [1],
        "date_joined": "2000-01-01", "created_at": 1, "last_login": 1, "profile": { "level": "gold" }, "level": "gold", "secret_note": "x",
    })
}

fn with(mut body: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn t76_members_that_are_not_offered_are_never_stored() {
    let fields = || {
        let read_only =
            FieldSettings { register: false, details: Details::ReadOnly, ..FieldSettings::new("level", FieldKind::Text) };
        let hidden =
            FieldSettings { register: false, details: Details::Hidden, ..FieldSettings::new("secret_note", FieldKind::Text) };
        vec![read_only, hidden]
    };
    on_both(
        |settings| settings.user.fields = fields(),
        async |app| {
            let key = app.post("registration/", with(registration("ana", PASSWORD), &privileges())).send().await.expect(201).key();
            let plain = "SELECT COUNT(*) FROM auth_users WHERE id < 999 AND username_key = 'ana' AND is_staff = FALSE AND is_active = TRUE \
                         AND email_verified_at IS NULL AND epoch = 1 AND CAST(profile AS TEXT) NOT LIKE '%gold%' \
                         AND CAST(profile AS TEXT) NOT LIKE '%secret_note%' AND password LIKE '$argon2id$%'";
            assert_eq!(app.count(plain).await, 1);
            let before = books::contents(app).await;
            let shown = app.get("user/").token(&key).send().await.expect(200).json();
            let edits = with(privileges(), &json!({ "username": "ana", "first_name": "", "last_name": "", "email": "evil@example.org" }));
            for method in [Method::PATCH, Method::PUT] {
                let edited = app.request(method, "user/").json(edits.clone()).token(&key).send().await.expect(200);
                assert_eq!(edited.json(), shown);
            }
            // Only the counter of changes has moved.
            run_back_version(app).await;
            assert_eq!(books::contents(app).await["auth_users"], before["auth_users"]);
            app.get("user/").token(&key).send().await.expect(200);
            refused(app, app.patch("user/", privileges()), 401).await;
        },
    )
    .await;
}

/// Undoes what every edit does on purpose: two edits raise the version twice.
async fn run_back_version(app: &TestApp) {
    super::run(app, &["UPDATE auth_users SET version = version - 2"]).await;
}

#[tokio::test]
async fn t76_a_query_never_stands_in_for_the_body() {
    on_both(
        |_| {},
        async |app| {
            let key = app.register("ana").await;
            let query = format!(
                "username=ana&password={PASSWORD}&password1={PASSWORD}&password2={PASSWORD}&email=q@example.org&first_name=Q"
            );
            for (path, body) in
                [("login/", json!({})), ("login/", json!({ "username": "ana" })), ("registration/", json!({ "username": "eva" }))]
            {
                refused(app, app.post(&format!("{path}?{query}"), body), 400).await;
            }
            let wrong = json!({ "username": "ana", "password": "Wr0ng-guess-5k" });
            assert_eq!(refused(app, app.post(&format!("login/?{query}"), wrong), 400).await.text, LOGIN_FAILED);
            let edited = app.patch(&format!("user/?{query}"), json!({ "last_name": "B" })).token(&key).send().await.expect(200);
            assert_eq!((&edited.json()["first_name"], &edited.json()["last_name"]), (&json!(""), &json!("B")));
            refused(app, app.get(&format!("user/?key={key}&token={key}&access_token={key}")), 401).await;
            refused(app, app.get("user/").header("cookie", &format!("key={key}; sessionid={key}; access={key}")), 401).await;
        },
    )
    .await;
}
