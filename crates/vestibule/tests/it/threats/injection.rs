//! J. Text that means something elsewhere: T77.

use serde_json::json;

use super::{LOGIN_FAILED, PASSWORD, login, on_both, refused, registration};

/// Text that means something to SQL, templates, pages, headers and format strings.
const PAYLOADS: [&str; 12] = [
    "' OR '1'='1",
    "'; DROP TABLE auth_users; --",
    "' OR pg_sleep(5)--",
    "$1 $$ %s %n {0} {}",
    "{{7*7}} ${7*7} <%= 7*7 %> #{7*7}",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\"><svg/onload=alert(1)>",
    "=cmd|' /C calc'!A0",
    "+1-1@SUM(1)",
    "\\x00\\u0000 \\r\\n",
    "%0d%0aSet-Cookie: a=b",
    "</pre><b>&amp;",
];

#[tokio::test]
async fn t77_what_means_something_elsewhere_is_kept_and_shown_as_it_is() {
    on_both(
        |_| {},
        async |app| {
            let key = app.register("ana").await;
            for payload in PAYLOADS {
                let body = json!({ "first_name": payload, "last_name": payload });
                let edited = app.patch("user/", body).token(&key).header("user-agent", payload).send().await.expect(200);
                assert_eq!(edited.json()["first_name"], payload);
                assert_eq!(app.get("user/").token(&key).send().await.expect(200).json()["last_name"], payload);
                let page = app.get("user/").token(&key).header("accept", "text/html").send().await.expect(200);
                assert!(page.header("content-type").starts_with("text/html"));
                for tag in ["<script", "<img", "<svg", "</pre><b>"] {
                    assert!(!page.text.contains(tag), "{payload}: {}", page.text);
                }
                login(app, "ana", PASSWORD).header("user-agent", payload).send().await.expect(200);
                let kept = "SELECT user_agent FROM auth_sessions WHERE user_agent = $1";
                let kept = app.auth.db().all::<(String,)>(kept, vestibule::params![payload]).await.unwrap();
                assert_eq!(kept, [(payload.to_owned(),)]);
            }
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_users").await, 1);
        },
    )
    .await;
}

#[tokio::test]
async fn t77_a_name_is_only_ever_a_value_to_the_database() {
    on_both(
        |_| {},
        async |app| {
            app.register("ana").await;
            for payload in PAYLOADS {
                let attempt = async {
                    assert_eq!(refused(app, login(app, payload, PASSWORD), 400).await.text, LOGIN_FAILED, "{payload}");
                    refused(app, app.post("registration/", registration(payload, PASSWORD)), 400).await;
                };
                let time = std::time::Duration::from_secs(4);
                tokio::time::timeout(time, attempt).await.expect("the database does not sleep");
            }
            let literal = json!({ "username": "ohara", "email": "o'hara+{{7*7}}$1@example.org", "password1": PASSWORD, "password2": PASSWORD });
            let key = app.post("registration/", literal.clone()).send().await.expect(201).key();
            assert_eq!(app.get("user/").token(&key).send().await.expect(200).json()["email"], literal["email"]);
            app.post("login/", json!({ "email": literal["email"], "password": PASSWORD })).send().await.expect(200);
        },
    )
    .await;
}
