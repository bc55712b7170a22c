//! I. Limits and proxies: T66, T67.

use std::time::Duration;

use serde_json::{Value, json};
use vestibule::accounts::housekeeping;
use vestibule::settings::{Limits, RateLimits, Settings};
use vestibule::testing::TestApp;

use super::journal::Journal;
use super::{LOGIN_FAILED, PASSWORD, WRONG, failures_limited, limit, login, on_both, refused, scan};

/// Every way to spell the account `ana`.
fn spellings(password: &str) -> Vec<Value> {
    let by = |field: &str, text: &str| json!({ field: text, "password": password });
    let names = ["ana", "ANA", " aNa ", "ａｎａ", "ana@example.org", "Ana@EXAMPLE.org"].map(|text| by("username", text));
    let addresses = ["ana@example.org", "ANA@Example.Org", " ana@example.ORG "].map(|text| by("email", text));
    let both = json!({ "username": "Ana", "email": "ana@example.org", "password": password });
    names.into_iter().chain(addresses).chain([both]).collect()
}

#[tokio::test]
async fn t66_all_spellings_of_an_account_share_one_counter() {
    on_both(
        |settings| failures_limited(settings, "10/5m/account+ip"),
        async |app| {
            app.register("ana").await;
            app.register("eva").await;
            for attempt in spellings(WRONG) {
                assert_eq!(refused(app, app.post("login/", attempt), 400).await.text, LOGIN_FAILED);
                app.login("eva").await;
            }
            let mut wait = Duration::ZERO;
            for attempt in spellings(PASSWORD) {
                let before = app.auth.hash_computations();
                wait = refused(app, app.post("login/", attempt), 429).await.retry_after();
                assert_eq!(app.auth.hash_computations(), before);
            }
            app.login("eva").await;
            login(app, "ana", PASSWORD).from("203.0.113.9").send().await.expect(200);
            refused(app, login(app, "ana", PASSWORD), 429).await;
            app.advance(wait - Duration::from_secs(1));
            refused(app, login(app, "ana", PASSWORD), 429).await;
            app.advance(Duration::from_secs(1));
            for attempt in spellings(PASSWORD) {
                app.post("login/", attempt).send().await.expect(200);
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t66_a_good_login_clears_neither_the_accounts_nor_the_sources_counter() {
    for scope in ["ip", "account", "account+ip"] {
        on_both(
            |settings| failures_limited(settings, &format!("4/5m/{scope}")),
            async |app| {
                app.register("ana").await;
                app.register("eva").await;
                for _ in 0..3 {
                    refused(app, login(app, "ana", WRONG), 400).await;
                    for _ in 0..5 {
                        app.login("eva").await;
                        app.login("ana").await;
                    }
                }
                refused(app, login(app, "ana", WRONG), 400).await;
                refused(app, login(app, "ana", PASSWORD), 429).await;
                let elsewhere = login(app, "ana", PASSWORD).from("203.0.113.9").send().await;
                assert_eq!(elsewhere.status, if scope == "account" { 429 } else { 200 });
                app.advance(Duration::from_secs(300));
                app.login("ana").await;
            },
        )
        .await;
    }
}

#[tokio::test]
async fn t66_names_that_nobody_has_are_counted_without_being_kept() {
    on_both(
        |settings| failures_limited(settings, "4/5m/account+ip"),
        async |app| {
            let journal = Journal::begin();
            for name in ["wanted-name", "WANTED-NAME", " wanted-name ", "ｗanted-name"] {
                refused(app, login(app, name, WRONG), 400).await;
            }
            refused(app, login(app, "Wanted-Name", WRONG), 429).await;
            refused(app, login(app, "other-name", WRONG), 400).await;
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_limits").await, 2);
            for name in ["wanted-name", "Wanted-Name", "other-name"] {
                assert_eq!(scan::find(app, &journal, name).await, [""; 0]);
            }
            app.advance(Duration::from_secs(300));
            assert_eq!(housekeeping::keep_house(&app.auth).await.unwrap().counters, 2);
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_limits").await, 0);
        },
    )
    .await;
}

#[tokio::test]
async fn t66_the_default_limits_bound_a_source_and_an_account() {
    on_both(
        |settings| settings.limits = Limits::default(),
        async |app| {
            app.register("ana").await;
            for _ in 0..10 {
                refused(app, login(app, "ana", WRONG), 400).await;
            }
            refused(app, login(app, "ana", WRONG), 429).await;
            for nth in 0..9 {
                app.advance(Duration::from_secs(60));
                for _ in 0..10 {
                    let from = format!("198.51.100.{nth}");
                    refused(app, login(app, "ana", WRONG).from(&from), 400).await;
                }
            }
            let limited = refused(app, login(app, "ana", PASSWORD).from("203.0.113.9"), 429).await;
            assert!(limited.retry_after() > Duration::from_secs(23 * 60 * 60), "a hundred a day, from anywhere");
            app.advance(limited.retry_after());
            for _ in 0..30 {
                app.login("ana").await;
            }
            assert_eq!(refused(app, login(app, "ana", PASSWORD), 429).await.retry_after(), Duration::from_secs(60));
        },
    )
    .await;
}

/// At most three logins a minute from one address, and these proxies.
fn behind(settings: &mut Settings, proxies: &[&str]) {
    settings.limits.enabled = true;
    settings.limits.login = limit("3/m/ip");
    settings.limits.login_failed = RateLimits::default();
    settings.limits.registration = RateLimits::default();
    settings.server.trusted_proxies = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect();
}

/// Whether a wrong login from there, with these headers, is let through to the password.
async fn is_let(app: &TestApp, peer: &str, headers: &[(&str, &str)]) -> bool {
    let request = login(app, "ana", WRONG).from(peer);
    let answer = headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send().await;
    assert!(matches!(answer.status, 400 | 429), "{} {}", answer.status, answer.text);
    answer.status == 400
}

const HEADERS: [&str; 7] =
    ["X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP", "X_Forwarded_For", "X-Client-IP"];

#[tokio::test]
async fn t67_without_a_trusted_proxy_the_socket_counts_and_no_header() {
    on_both(
        |settings| behind(settings, &[]),
        async |app| {
            let mut let_through = 0;
            for name in HEADERS {
                for client in ["198.51.100.1", "198.51.100.2, 198.51.100.3", "for=198.51.100.4", "127.0.0.1", ""] {
                    let_through += u32::from(is_let(app, "203.0.113.9", &[(name, client)]).await);
                }
            }
            assert_eq!(let_through, 3);
            assert!(is_let(app, "203.0.113.10", &[]).await, "another address has its own tries");
        },
    )
    .await;
}

#[tokio::test]
async fn t67_behind_trusted_proxies_the_first_untrusted_address_from_the_right_counts() {
    for hops in ["", ", 10.0.0.2"] {
        on_both(
            |settings| behind(settings, &["10.0.0.0/8"]),
            async |app| {
                let spoofed = ["", "198.51.100.1, ", "198.51.100.2, 10.0.0.9, ", "unknown, ", "127.0.0.1,,, ", "1.2.3.4:5, "];
                let mut let_through = 0;
                for left in spoofed {
                    let line = format!("{left}203.0.113.9{hops}");
                    let others =
                        [("X-Forwarded-For", line.as_str()), ("X-Real-IP", left.trim()), ("Forwarded", "for=198.51.100.7")];
                    let_through += u32::from(is_let(app, "10.0.0.1", &others).await);
                }
                assert_eq!(let_through, 3);
                let split = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", &format!("203.0.113.9{hops}"))];
                assert!(!is_let(app, "10.0.0.1", &split).await, "several lines are one list");
                assert!(!is_let(app, "203.0.113.9", &[]).await, "the same client without the proxy");
                assert!(is_let(app, "10.0.0.1", &[("X-Forwarded-For", &format!("203.0.113.10{hops}"))]).await);
            },
        )
        .await;
    }
}

#[tokio::test]
async fn t67_what_cannot_be_read_counts_as_the_hop_that_sent_it() {
    on_both(
        |settings| behind(settings, &["10.0.0.0/8"]),
        async |app| {
            let huge = "x".repeat(10 * 1024);
            let lines = ["", "garbage", "203.0.113.999", "198.51.100.1, ", "[::1", "198.51.100.1;DROP", &huge];
            let mut let_through = 0;
            for line in lines {
                let_through += u32::from(is_let(app, "10.0.0.1", &[("X-Forwarded-For", line)]).await);
            }
            assert_eq!(let_through, 3);
        },
    )
    .await;
}

#[tokio::test]
async fn t67_log_audit_and_session_show_the_address_that_is_counted() {
    on_both(
        |settings| behind(settings, &["10.0.0.0/8"]),
        async |app| {
            app.register("ana").await;
            let journal = Journal::begin();
            let request = login(app, "ana", PASSWORD).from("10.0.0.1").header("X-Forwarded-For", "198.51.100.1, 203.0.113.9");
            request.header("X-Real-IP", "198.51.100.2").send().await.expect(200);
            let shown: Vec<_> = journal.audit().iter().map(|entry| entry.get("ip").to_owned()).collect();
            assert!(!shown.is_empty() && shown.iter().all(|ip| ip == "203.0.113.9"), "{shown:?}");
            for table in ["auth_sessions", "auth_audit"] {
                let sql = format!("SELECT COUNT(*) FROM {table} WHERE ip = '203.0.113.9'").leak();
                assert_eq!(app.count(sql).await, 1, "{table}");
            }
            assert_eq!(app.count("SELECT COUNT(*) FROM auth_audit WHERE ip LIKE '198.%' OR ip = '10.0.0.1'").await, 0);
        },
    )
    .await;
}
