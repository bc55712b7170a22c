//! Against a real server on loopback.

use std::time::{Duration, Instant};

use super::super::message::tests::mail;
use super::super::{Transport, Way};
use super::*;
use crate::mail;
use crate::testing::SmtpSink;
use crate::testing::smtp::{Encryption, Fault, Manner};

/// A transport to that server that believes its certificate and is not patient.
fn to(sink: &SmtpSink) -> Transport {
    at(&sink.url(), sink)
}

fn at(url: &str, sink: &SmtpSink) -> Transport {
    let mut smtp = Smtp::new(SmtpUrl::parse(url).unwrap(), "auth.example.org", vec![sink.certificate_der()]).unwrap();
    smtp.step = Duration::from_millis(500);
    Transport { host: "auth.example.org".into(), ..Transport::by(Way::Smtp(Box::new(smtp))) }
}

fn login() -> Option<(String, String)> {
    Some(("ana@example.org".into(), "p/w:@ d".into()))
}

#[tokio::test]
async fn t20_a_mail_arrives_once_at_one_recipient_as_it_was_written() {
    let sink = SmtpSink::start().await;
    let text = ".\n..two dots\nZoë 東京\n".to_owned() + &"long ".repeat(400);
    to(&sink).send(&mail::Mail { text: text.clone(), ..mail() }).await.unwrap();
    let [got] = sink.expect(1).await.try_into().unwrap();
    assert_eq!((got.sender.as_str(), &*got.recipients), ("noreply@example.org", &["ana@example.org".to_owned()][..]));
    assert_eq!(
        (got.subject(), got.text().trim_end(), got.html().trim_end()),
        (mail().subject, text.trim_end(), &*mail().html.unwrap())
    );
    assert_eq!(got.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    let id = got.header("Message-ID").unwrap();
    assert!(id.ends_with("@auth.example.org>") && id.len() > 40, "{id}");
    assert!(!got.header_names().iter().any(|name| matches!(name.to_ascii_lowercase().as_str(), "bcc" | "cc")));
    assert!(got.header("Date").is_some() && got.raw.is_ascii());
}

#[tokio::test]
async fn t20_t77_an_injected_header_does_not_reach_the_server() {
    let sink = SmtpSink::start().await;
    let transport = to(&sink);
    for bad in [
        mail::Mail { to: "ana@example.org>\r\nRCPT TO:<evil@example.test".into(), ..mail() },
        mail::Mail { subject: "Hello\r\nBcc: evil@example.test".into(), ..mail() },
        mail::Mail { from: "Ana\r\nBcc: evil@example.test <noreply@example.org>".into(), ..mail() },
    ] {
        assert!(transport.send(&bad).await.is_err());
    }
    assert_eq!(sink.connections(), 0);
    let smuggled = "end\n.\nMAIL FROM:<evil@example.test>\nRCPT TO:<evil@example.test>\nDATA\nhi\r\n.\r\n".to_owned();
    transport.send(&mail::Mail { text: smuggled, html: None, ..mail() }).await.unwrap();
    let [got] = sink.expect(1).await.try_into().unwrap();
    assert!(got.text().contains("MAIL FROM:<evil@example.test>"));
    assert_eq!(got.recipients, ["ana@example.org"]);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let sink = SmtpSink::start().await;
    let transport = to(&sink);
    for _ in 0..5 {
        transport.send(&mail()).await.unwrap();
    }
    sink.expect(5).await;
    assert_eq!(sink.connections(), 1);
}

#[tokio::test]
async fn another_try_of_a_mail_has_its_message_id_and_another_mail_has_not() {
    let sink = SmtpSink::start().await;
    let other = crate::mail::Mail { id: "0f".repeat(16), ..mail() };
    for mail in [mail(), mail(), other] {
        to(&sink).send(&mail).await.unwrap();
    }
    let ids: Vec<_> = sink.expect(3).await.iter().map(|got| got.header("Message-ID").unwrap()).collect();
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
}

#[tokio::test]
async fn mails_travel_encrypted_after_a_login() {
    for (encryption, login_only) in [(Encryption::StartTls, false), (Encryption::Implicit, false), (Encryption::Implicit, true)] {
        let sink = SmtpSink::with(Manner { encryption, login: login(), login_only, fault: Fault::None }).await;
        to(&sink).send(&mail()).await.unwrap();
        let [got] = sink.expect(1).await.try_into().unwrap();
        assert_eq!((got.encrypted, got.login.as_deref()), (true, Some("ana@example.org")));
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_matter_of_the_transport_and_is_not_repeated() {
    let sink = SmtpSink::with(Manner { encryption: Encryption::Implicit, login: login(), ..Manner::default() }).await;
    let url = sink.url().replace("p%2Fw", "s3cret");
    let refused = at(&url, &sink).send(&mail()).await.unwrap_err();
    assert!(matches!(&refused, SendError::Transport(what) if what.contains("535") && !what.contains("s3cret")), "{refused:?}");
}

#[tokio::test]
async fn a_server_without_the_encryption_that_is_required_gets_neither_mail_nor_password() {
    let sink = SmtpSink::with(Manner { login: login(), ..Manner::default() }).await;
    for url in [sink.url().replace("none", "required"), sink.url().replace("none", "opportunistic")] {
        assert!(matches!(at(&url, &sink).send(&mail()).await, Err(SendError::Transport(_))), "{url}");
    }
    sink.behave(|manner| manner.login = None);
    let url = sink.url().replace("none", "opportunistic");
    at(&url, &sink).send(&mail()).await.unwrap();
    sink.behave(|manner| manner.encryption = Encryption::StartTls);
    at(&url, &sink).send(&mail()).await.unwrap();
    let encrypted: Vec<bool> = sink.expect(2).await.iter().map(|got| got.encrypted).collect();
    assert_eq!(encrypted, [false, true]);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let stranger = SmtpSink::start().await;
    for encryption in [Encryption::StartTls, Encryption::Implicit] {
        let sink = SmtpSink::with(Manner { encryption, ..Manner::default() }).await;
        let refused = at(&sink.url(), &stranger).send(&mail()).await.unwrap_err();
        assert!(matches!(&refused, SendError::Transport(what) if what.contains("certificate")), "{refused:?}");
        let other_name = sink.url().replace("127.0.0.1", "127.0.0.2");
        assert!(matches!(at(&other_name, &sink).send(&mail()).await, Err(SendError::Transport(_))));
        assert_eq!(sink.mails().len(), 0);
    }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let sink = SmtpSink::start().await;
    let transport = to(&sink);
    for (fault, kind) in [
        (Fault::Recipient(450), "later"),
        (Fault::Recipient(452), "later"),
        (Fault::Content(451), "later"),
        (Fault::Recipient(550), "recipient"),
        (Fault::Recipient(553), "recipient"),
        (Fault::Content(554), "recipient"),
        (Fault::Sender(451), "transport"),
        (Fault::Sender(550), "transport"),
        (Fault::Recipient(421), "transport"),
        (Fault::Recipient(530), "transport"),
        (Fault::Content(421), "transport"),
    ] {
        sink.behave(|manner| manner.fault = fault);
        let judged = match transport.send(&mail()).await.unwrap_err() {
            SendError::Later(_) => "later",
            SendError::Recipient(_) => "recipient",
            SendError::Transport(_) => "transport",
        };
        assert_eq!(judged, kind, "{fault:?}");
    }
    sink.behave(|manner| manner.fault = Fault::None);
    transport.send(&mail()).await.unwrap();
    sink.expect(1).await;
}

#[tokio::test]
async fn t80_a_refusal_that_repeats_the_mail_is_kept_without_its_key() {
    let sink = SmtpSink::with(Manner { fault: Fault::Content(554), ..Manner::default() }).await;
    let refused = to(&sink).send(&mail::Mail { html: None, ..mail() }).await.unwrap_err().to_string();
    assert!(refused.contains("554 content refused") && !refused.contains("s3cret"), "{refused}");
}

#[tokio::test]
async fn a_tarpit_and_a_server_that_says_nothing_cost_a_bounded_time() {
    let sink = SmtpSink::with(Manner { fault: Fault::Tarpit(Duration::from_secs(60)), ..Manner::default() }).await;
    let began = Instant::now();
    assert!(matches!(to(&sink).send(&mail()).await, Err(SendError::Transport(_))));
    assert!(began.elapsed() < Duration::from_secs(3));
    // Slow, but each step in time: then the limit of the whole counts.
    sink.behave(|manner| manner.fault = Fault::Tarpit(Duration::from_millis(100)));
    let mut slow = to(&sink);
    slow.limit = Duration::from_millis(350);
    assert!(matches!(slow.send(&mail()).await, Err(SendError::Transport(_))));
    assert_eq!(STEP, Duration::from_secs(10));
}

#[tokio::test]
async fn a_conversation_that_was_cut_off_is_not_gone_on_with() {
    let sink = SmtpSink::start().await;
    let mut transport = to(&sink);
    transport.send(&mail()).await.unwrap();
    transport.limit = Duration::from_millis(100);
    sink.behave(|manner| manner.fault = Fault::Tarpit(Duration::from_millis(70)));
    assert!(matches!(transport.send(&mail()).await, Err(SendError::Transport(_))));
    sink.behave(|manner| manner.fault = Fault::None);
    transport.limit = Duration::from_secs(5);
    transport.send(&mail()).await.unwrap();
    assert_eq!((sink.expect(2).await.len(), sink.connections()), (2, 2));
}

#[tokio::test]
async fn t86_only_a_lost_last_answer_leaves_it_open_whether_the_mail_arrived() {
    let sink = SmtpSink::with(Manner { fault: Fault::DropBeforeOk, ..Manner::default() }).await;
    assert!(matches!(to(&sink).send(&mail()).await, Err(SendError::Transport(_))));
    sink.expect(1).await;
}

#[tokio::test]
async fn a_server_that_goes_away_and_comes_back_is_found_again() {
    let mut sink = SmtpSink::start().await;
    let transport = to(&sink);
    transport.send(&mail()).await.unwrap();
    sink.stop().await;
    assert!(matches!(transport.send(&mail()).await, Err(SendError::Transport(_))));
    sink.resume().await;
    transport.send(&mail()).await.unwrap();
    sink.expect(2).await;
    // The connection that is kept is dead after this, and one mail does not fail for it.
    sink.stop().await;
    sink.resume().await;
    transport.send(&mail()).await.unwrap();
    sink.expect(3).await;
}

#[tokio::test]
async fn the_settings_say_where() {
    let sink = SmtpSink::start().await;
    let mut settings = Settings::default();
    settings.email.transport = crate::settings::Transport::Smtp;
    settings.email.smtp.url = Some(sink.url().as_str().into());
    settings.server.public_url = Some("https://auth.example.test".into());
    let transport = Transport::from_settings(&settings).unwrap();
    assert_eq!(transport.word(), "smtp");
    transport.send(&mail()).await.unwrap();
    let [got] = sink.expect(1).await.try_into().unwrap();
    assert!(got.header("Message-ID").unwrap().ends_with("@auth.example.test>"), "T21: by the public URL");
}

#[cfg(unix)]
#[tokio::test]
async fn t40_the_address_with_its_password_may_stand_in_a_file() {
    use std::os::unix::fs::PermissionsExt;
    let sink = SmtpSink::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{}\n", sink.url())).unwrap();
    let mut settings = Settings::default();
    settings.email.transport = crate::settings::Transport::Smtp;
    settings.email.smtp.url_file = Some(file.path().into());
    Transport::from_settings(&settings).unwrap().send(&mail()).await.unwrap();
    sink.expect(1).await;
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(Transport::from_settings(&settings).unwrap_err().starts_with("email.smtp.url_file: "));
}
