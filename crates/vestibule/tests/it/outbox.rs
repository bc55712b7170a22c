//! What becomes of mails that do not leave at once, and of what they carry.

use std::time::Duration;

use serde_json::json;
use vestibule::Settings;
use vestibule::mail::SendError;
use vestibule::settings::RateLimits;
use vestibule::testing::{TestApp, on_both};

/// The limits as by default, but as many requests as one likes.
fn limited(settings: &mut Settings) {
    settings.limits.enabled = true;
    settings.limits.reset = RateLimits::default();
}

/// Longer than any pause after a failure.
const PAUSE: Duration = Duration::from_secs(61);

const HOUR: Duration = Duration::from_secs(3_600);

/// Somebody who may get as many mails as the limit allows from now on.
async fn somebody(app: &TestApp) {
    app.register("ana").await;
    app.deliver().await;
    app.mailbox.clear();
    app.advance(HOUR);
}

async fn ask(app: &TestApp, times: usize) {
    for _ in 0..times {
        app.post("password/reset/", json!({ "email": "ana@example.org" })).send().await.expect(200);
    }
}

#[tokio::test]
async fn t86_a_mail_that_fails_ten_times_is_delivered_all_the_same() {
    for failure in [SendError::Transport("down".into()), SendError::Later("greylisted".into())] {
        on_both(limited, async |app: TestApp| {
            somebody(&app).await;
            app.mailbox.fail(Some(failure.clone()));
            ask(&app, 1).await;
            for round in 0..10 {
                let done = app.deliver().await;
                assert_eq!((done.later, done.dropped), (1, 0), "{round}");
                app.advance(PAUSE);
            }
            app.mailbox.fail(None);
            assert_eq!(app.deliver().await.sent, 1);
            // Nor did the failures make room for more than the limit allows.
            ask(&app, 5).await;
            let done = app.deliver().await;
            assert_eq!((done.sent, done.dropped), (2, 3));
        })
        .await;
    }
}

#[tokio::test]
async fn t69_t86_after_an_outage_an_address_gets_no_more_mails_than_without_one() {
    on_both(limited, async |app: TestApp| {
        somebody(&app).await;
        app.mailbox.fail(Some(SendError::Transport("down".into())));
        ask(&app, 10).await;
        for _ in 0..12 {
            app.deliver().await;
            app.advance(PAUSE);
        }
        app.mailbox.fail(None);
        for _ in 0..3 {
            app.deliver().await;
            app.advance(PAUSE);
        }
        assert_eq!(app.mailbox.to("ana@example.org").len(), 3);
    })
    .await;
}

#[tokio::test]
async fn t18_no_more_tokens_are_outstanding_than_mails_left() {
    on_both(limited, async |app: TestApp| {
        somebody(&app).await;
        ask(&app, 10).await;
        app.deliver().await;
        assert_eq!(app.mailbox.to("ana@example.org").len(), 3);
        let live = "SELECT count(*) FROM auth_tokens WHERE purpose = 'reset_password'";
        assert_eq!(app.count(live).await, 3);
    })
    .await;
}
