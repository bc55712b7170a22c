//! What holds for every way out.

use std::sync::{Arc, Mutex};

use super::message::tests::mail;
use super::*;
use crate::testing::Mailbox;

#[tokio::test]
async fn an_own_way_gets_the_mail_fit_to_travel() {
    let mailbox = Mailbox::default();
    let transport = Transport::own(mailbox.clone());
    assert_eq!(transport.word(), "own");
    transport.send(&Mail { to: "user@münchen.example".into(), ..mail() }).await.unwrap();
    assert_eq!(mailbox.last_to("user@xn--mnchen-3ya.example").link, mail().link);
    mailbox.fail(Some(SendError::Later("busy".into())));
    assert_eq!(transport.send(&mail()).await, Err(SendError::Later("busy".into())));
    mailbox.fail(None);
    transport.send(&mail()).await.unwrap();
    assert_eq!(mailbox.mails().len(), 2);
}

#[tokio::test]
async fn t20_t77_an_own_way_never_sees_a_mail_with_two_recipients_or_a_header_too_many() {
    let mailbox = Mailbox::default();
    let transport = Transport::own(mailbox.clone());
    for bad in [
        Mail { to: "ana@example.org, evil@example.test".into(), ..mail() },
        Mail { to: "ana@example.org\r\nBcc: evil@example.test".into(), ..mail() },
        Mail { subject: "Hello\r\nBcc: evil@example.test".into(), ..mail() },
    ] {
        assert!(matches!(transport.send(&bad).await, Err(SendError::Recipient(_))));
    }
    assert_eq!(mailbox.mails(), []);
}

#[tokio::test]
async fn no_way_out_keeps_a_worker_for_longer_than_the_limit() {
    struct Never;
    impl SendMail for Never {
        async fn send(&self, _: &Mail) -> Result<(), SendError> {
            std::future::pending().await
        }
    }
    let transport = Transport { limit: Duration::from_millis(20), ..Transport::own(Never) };
    assert!(matches!(transport.send(&mail()).await, Err(SendError::Transport(_))));
    assert_eq!(Transport::own(Never).limit, Duration::from_secs(30));
}

#[tokio::test]
async fn the_console_prints_where_it_is_told_to() {
    let printed = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&printed);
    let transport = Transport::from_settings(&Settings::default()).unwrap();
    let transport = transport.print_with(move |text| into.lock().unwrap().push_str(text));
    assert_eq!(transport.word(), "console");
    transport.send(&mail()).await.unwrap();
    transport.send(&Mail { text: "\u{1b}]0;sly\u{7}".into(), link: None, ..mail() }).await.unwrap();
    let printed = printed.lock().unwrap();
    assert!(printed.lines().any(|line| line == mail().link.unwrap()), "{printed}");
    assert!(!printed.contains('\u{1b}'), "T77: a mail does not command the terminal");
}

#[test]
fn t80_a_transport_shows_only_its_name() {
    assert_eq!(format!("{:?}", Transport::own(Mailbox::default())), "Transport(\"own\")");
}

#[test]
fn what_a_way_needs_is_named() {
    for (way, key) in [
        (settings::Transport::Smtp, "email.smtp.url: "),
        (settings::Transport::File, "email.file.dir: "),
        (settings::Transport::Http, "email.http.url: "),
    ] {
        let mut settings = Settings::default();
        settings.email.transport = way;
        let refused = Transport::from_settings(&settings).unwrap_err();
        #[cfg(not(feature = "smtp"))]
        let key = if way == settings::Transport::Smtp { "email.transport: " } else { key };
        assert!(refused.starts_with(key), "{refused}");
    }
}
