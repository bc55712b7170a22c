//! C, L. What becomes of a mail between its cause and its reader: T06, T79, T80, T81, T86.

use std::time::Duration;

use serde_json::json;
use vestibule::mail::SendError;
use vestibule::settings::Settings;

use super::journal::Journal;
use super::mails::{mandatory, parts, reset, reset_for};
use super::{OTHER, PASSWORD, on_both, registration, request_id, scan};

#[tokio::test]
async fn t80_no_token_and_no_code_is_kept_and_a_mail_that_waits_holds_none() {
    let with_codes = |settings: &mut Settings| settings.password.reset_code = true;
    on_both(with_codes, async |app| {
        let journal = Journal::begin();
        let session = app.register("ana").await;
        app.post("email/change/", json!({ "email": "new@example.org" })).token(&session).send().await.expect(200);
        app.post("password/reset/", json!({ "email": "ana@example.org" })).send().await.expect(200);
        let waiting = app.auth.db().all::<(String,)>("SELECT CAST(params AS TEXT) FROM auth_jobs", &[]).await.unwrap();
        assert_eq!(waiting.len(), 3);
        app.deliver().await;
        let mails = app.mailbox.mails();
        assert_eq!(mails.len(), 3);
        for mail in mails {
            let token = parts(&mail).0;
            let code = mail.text.lines().map(str::trim).find(|line| line.len() == 9 && line.as_bytes()[4] == b'-').unwrap();
            for secret in [token, code.to_owned(), code.replace('-', "")] {
                assert_eq!(scan::find(app, &journal, &secret).await, [""; 0], "{} {secret}", mail.kind);
            }
        }
        assert_eq!(app.count("SELECT count(*) FROM auth_jobs").await, 0, "what was sent is forgotten");
    })
    .await;
}

#[tokio::test]
async fn t81_what_mails_are_about_is_told_with_who_and_in_which_request() {
    on_both(mandatory, async |app| {
        let journal = Journal::begin();
        app.post("registration/", registration("ana", PASSWORD)).send().await.expect(201);
        app.deliver().await;
        let key = parts(&app.mailbox.last_to("ana@example.org")).0;
        let verified = app.post("registration/verify-email/", json!({ "key": key })).send().await.expect(200);
        let session = app.login("ana").await;
        let asked = app.post("email/change/", json!({ "email": "new@example.org" })).token(&session).send().await.expect(200);
        let proven = app.post("reauthenticate/", json!({ "password": PASSWORD })).token(&session).send().await.expect(200);
        app.deliver().await;
        let key = parts(&app.mailbox.last_to("new@example.org")).0;
        let changed = app.post("email/change/confirm/", json!({ "key": key })).send().await.expect(200);
        let link = reset_for(app, "new@example.org").await;
        let done = app.post("password/reset/confirm/", reset(&link, OTHER)).send().await.expect(200);
        for (answer, event) in [
            (&verified, "email.verified"),
            (&asked, "email.change_requested"),
            (&proven, "session.reauthenticated"),
            (&changed, "email.changed"),
            (&done, "password.reset"),
        ] {
            let logged = journal.audit().into_iter().find(|entry| entry.get("event") == event).unwrap();
            assert_eq!((logged.get("user"), logged.get("request_id")), ("1", request_id(answer)), "{event}");
        }
        assert_eq!(app.count("SELECT count(*) FROM auth_audit WHERE event LIKE 'email.%' OR event = 'password.reset'").await, 4);
    })
    .await;
}

#[tokio::test]
async fn t86_what_was_asked_for_too_long_ago_is_dropped_and_counted() {
    on_both(
        |_| {},
        async |app| {
            app.register("ana").await;
            app.deliver().await;
            app.mailbox.fail(Some(SendError::Transport("down".into())));
            app.post("password/reset/", json!({ "email": "ana@example.org" })).send().await.expect(200);
            app.deliver().await;
            app.advance(Duration::from_secs(3_601));
            app.mailbox.fail(None);
            let round = app.deliver().await;
            assert_eq!((round.expired, round.sent), (1, 0));
            assert!(app.mailbox.to("ana@example.org").iter().all(|mail| mail.kind != "password_reset"));
        },
    )
    .await;
}

#[tokio::test]
async fn t06_every_notice_can_be_switched_off_by_name() {
    for told in [true, false] {
        let settings = move |settings: &mut Settings| {
            let notices = &mut settings.email.notices;
            (notices.password_changed, notices.password_reset, notices.email_changed) = (told, told, told);
        };
        on_both(settings, async |app| {
            let session = app.register("ana").await;
            app.post("password/change/", super::change(PASSWORD, OTHER)).token(&session).send().await.expect(200);
            app.post("email/change/", json!({ "email": "new@example.org" })).token(&session).send().await.expect(200);
            app.deliver().await;
            let key = parts(&app.mailbox.last_to("new@example.org")).0;
            app.post("email/change/confirm/", json!({ "key": key })).send().await.expect(200);
            let link = reset_for(app, "new@example.org").await;
            app.post("password/reset/confirm/", reset(&link, PASSWORD)).send().await.expect(200);
            app.deliver().await;
            let kinds: Vec<_> = app.mailbox.mails().iter().map(|mail| mail.kind).collect();
            for notice in ["password_changed", "email_changed", "password_reset_done"] {
                assert_eq!(kinds.contains(&notice), told, "{notice}: {kinds:?}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn t79_a_template_that_fails_delays_mails_and_costs_no_request() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("account/email/password_changed_message.txt");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let place = dir.path().to_path_buf();
    on_both(
        |settings| {
            std::fs::write(&file, "Fine.").unwrap();
            settings.templates.dir = Some(place.clone());
        },
        async |app| {
            let session = app.register("ana").await;
            std::fs::write(&file, "{{ broken").unwrap();
            app.post("password/change/", super::change(PASSWORD, OTHER)).token(&session).send().await.expect(200);
            app.post("password/reset/", json!({ "email": "ana@example.org" })).send().await.expect(200);
            let round = app.deliver().await;
            assert_eq!((round.sent, round.later), (2, 1), "in development too it delays its own mails alone");
            std::fs::write(&file, "Fine again.").unwrap();
            app.advance(Duration::from_secs(61));
            app.deliver().await;
            let texts: Vec<_> = app.mailbox.mails().into_iter().map(|mail| mail.text).collect();
            assert!(texts.len() == 3 && texts.contains(&"Fine again.\n".to_owned()), "{texts:?}");
        },
    )
    .await;
}
