//! What becomes of mails that do not leave at once, and of what they carry.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use serde_json::{Value, json};
use vestibule::Settings;
use vestibule::mail::{Mail, SendError, SendMail, Transport};
use vestibule::settings::{RateLimits, Span, Verification};
use vestibule::testing::app::PASSWORD;
use vestibule::testing::{Mailbox, TestApp, on_both, on_both_built};

/// The limits as by default, but as many requests as one likes.
fn limited(settings: &mut Settings) {
    settings.limits.enabled = true;
    settings.limits.reset = RateLimits::default();
}

fn mandatory(settings: &mut Settings) {
    limited(settings);
    settings.account.email_verification = Verification::Mandatory;
}

/// Longer than any pause after a failure.
const PAUSE: Duration = Duration::from_secs(61);

const HOUR: Duration = Duration::from_secs(3_600);

fn sign_up(name: &str) -> Value {
    json!({ "username": name, "email": format!("{name}@example.org"), "password1": PASSWORD, "password2": PASSWORD })
}

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

fn code_in(mail: &Mail) -> String {
    let is_code = |word: &&str| {
        word.len() == 9 && word.chars().enumerate().all(|(i, c)| if i == 4 { c == '-' } else { c.is_ascii_uppercase() })
    };
    mail.text.split_whitespace().find(is_code).unwrap().to_owned()
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

#[tokio::test]
async fn t24_resending_gives_no_more_guesses_than_mails() {
    on_both(mandatory, async |app: TestApp| {
        app.post("registration/", sign_up("una")).send().await.expect(201);
        app.deliver().await;
        for _ in 0..20 {
            app.post("registration/resend-email/", json!({ "email": "una@example.org" })).send().await.expect(200);
            app.deliver().await;
            let guess = |source: &'static str| {
                let body = json!({ "email": "una@example.org", "code": "BBBB-BBBB" });
                app.post("registration/verify-email/", body).from(source).send()
            };
            let (a, b, c, d, e) = tokio::join!(
                guess("203.0.113.1"),
                guess("203.0.113.2"),
                guess("203.0.113.3"),
                guess("203.0.113.4"),
                guess("203.0.113.5")
            );
            [a, b, c, d, e].into_iter().for_each(|answer| assert_eq!(answer.status, 404));
            let right = code_in(&app.mailbox.last_to("una@example.org"));
            let body = json!({ "email": "una@example.org", "code": right });
            app.post("registration/verify-email/", body).send().await.expect(404);
        }
        assert_eq!(app.mailbox.to("una@example.org").len(), 3);
        let evaluated = app.count("SELECT CAST(SUM(code_tries) AS BIGINT) FROM auth_tokens").await;
        assert!(evaluated <= 15, "{evaluated} guesses in an hour");
    })
    .await;
}

#[tokio::test]
async fn t24_the_code_of_a_mail_that_was_not_sent_counts_for_nothing() {
    for failure in [SendError::Transport("down".into()), SendError::Later("greylisted".into())] {
        on_both(limited, async |app: TestApp| {
            somebody(&app).await;
            app.mailbox.fail(Some(failure.clone()));
            ask(&app, 1).await;
            for _ in 0..10 {
                app.deliver().await;
                app.advance(PAUSE);
            }
            let live = "SELECT count(*) FROM auth_tokens WHERE purpose = 'reset_password' AND code_expires_at > 0";
            assert_eq!(app.count(live).await, 0);
            app.mailbox.fail(None);
            app.deliver().await;
            assert_eq!(app.count(live).await, 1);
        })
        .await;
    }
}

#[tokio::test]
async fn t24_trying_keys_and_codes_is_limited_for_each_source() {
    let three = |settings: &mut Settings| {
        settings.limits.enabled = true;
        settings.limits.reset = "3/m/ip".parse().unwrap();
    };
    on_both(three, async |app: TestApp| {
        for (path, refused) in [("registration/verify-email/", 404), ("email/change/confirm/", 400)] {
            for body in [json!({ "key": "0".repeat(48) }), json!({ "email": "una@example.org", "code": "BBBB-BBBB" })] {
                for _ in 0..3 {
                    app.post(path, body.clone()).send().await.expect(refused);
                }
                app.post(path, body.clone()).send().await.expect(429);
                app.post(path, body).from("203.0.113.1").send().await.expect(refused);
                app.advance(Duration::from_secs(60));
            }
        }
    })
    .await;
}

/// Fails as a program fails, for a while.
struct Panicking(Arc<AtomicBool>, Mailbox);

impl SendMail for Panicking {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        assert!(!self.0.load(SeqCst), "secret words of a transport");
        SendMail::send(&self.1, mail).await
    }
}

#[tokio::test]
async fn t79_t86_a_mail_whose_writing_or_sending_panics_is_tried_again_and_given_up_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("account/email/password_reset_key_message.txt");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "{{ weather() }}\n{{ link }}").unwrap();
    for in_template in [true, false] {
        let (broken, mailbox) = (Arc::new(AtomicBool::new(false)), Mailbox::default());
        let (state, letters) = (broken.clone(), mailbox.clone());
        on_both_built(
            |settings| {
                limited(settings);
                settings.templates.dir = Some(folder.path().into());
                settings.email.give_up_after = Span::hours(2);
                settings.password.reset_ttl = Span::hours(24);
            },
            move |builder| {
                let (in_function, in_transport) = (state.clone(), state.clone());
                let builder = builder.template_function("weather", move |_| {
                    assert!(!in_template || !in_function.load(SeqCst), "secret words of a function");
                    "fine".into()
                });
                let never = Arc::default();
                builder.transport(Transport::own(Panicking(if in_template { never } else { in_transport }, letters.clone())))
            },
            async |app: TestApp| {
                somebody(&app).await;
                ask(&app, 1).await;
                broken.store(true, SeqCst);
                for round in 0..10 {
                    let done = app.deliver().await;
                    assert_eq!(done.later, 1, "{round}: {done:?}");
                    app.advance(PAUSE);
                }
                broken.store(false, SeqCst);
                assert_eq!(app.deliver().await.sent, 1);
                broken.store(true, SeqCst);
                ask(&app, 1).await;
                app.deliver().await;
                app.advance(2 * HOUR);
                assert_eq!(app.deliver().await.given_up, 1);
                broken.store(false, SeqCst);
            },
        )
        .await;
    }
}
