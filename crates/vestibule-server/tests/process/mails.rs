//! Mail through a real server process: over TLS, by one of several, and through an outage of the mail server (T86).
//!
//! `VESTIBULE_OUTAGE_SECONDS` sets how long the mail server is away.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Runtime;
use vestibule::testing::races::say;
use vestibule::testing::smtp::{Encryption, Fault, Manner, Received, SmtpSink};

use crate::driver::{Driver, PASSWORD, registration};
use crate::place::Place;
use crate::server::Server;

/// A mail server on a thread pool of its own.
struct MailServer {
    sink: SmtpSink,
    runtime: Runtime,
    certificate: tempfile::NamedTempFile,
}

impl MailServer {
    fn start(encryption: Encryption) -> Self {
        let runtime = Runtime::new().unwrap();
        let manner = Manner { encryption, login: Some(("vestibule".into(), "p@ss/word".into())), ..Manner::default() };
        let sink = runtime.block_on(SmtpSink::with(manner));
        let certificate = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(certificate.path(), sink.certificate_pem()).unwrap();
        Self { sink, runtime, certificate }
    }

    /// What a server process is told to send by it.
    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("VESTIBULE__EMAIL__TRANSPORT", "smtp".into()),
            ("VESTIBULE__EMAIL__SMTP__URL", self.sink.url()),
            ("SSL_CERT_FILE", self.certificate.path().display().to_string()),
        ]
    }

    fn serve(&self, place: &Place, more: &[(&'static str, &str)]) -> Server {
        let own = self.settings();
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        place.serve_with(&own.chain(more.iter().copied()).collect::<Vec<_>>())
    }

    fn stop(&mut self) {
        self.runtime.block_on(self.sink.stop());
    }

    fn resume(&mut self) {
        self.runtime.block_on(self.sink.resume());
    }

    /// Waits until so many addresses have a mail, or until patience ends; gives the mails by address.
    fn wait_for(&self, addresses: usize, patience: Duration) -> BTreeMap<String, Vec<Received>> {
        let began = Instant::now();
        loop {
            let mut by_address: BTreeMap<String, Vec<Received>> = BTreeMap::new();
            for mail in self.sink.mails() {
                assert_eq!(mail.recipients.len(), 1);
                by_address.entry(mail.recipients[0].clone()).or_default().push(mail);
            }
            if by_address.len() >= addresses || began.elapsed() > patience {
                return by_address;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

const MANDATORY: (&str, &str) = ("VESTIBULE__ACCOUNT__EMAIL_VERIFICATION", "mandatory");

#[test]
fn a_newcomer_comes_in_by_a_mail_over_tls() {
    for (place, encryption) in Place::both().into_iter().zip([Encryption::StartTls, Encryption::Implicit]) {
        let post = MailServer::start(encryption);
        let server = post.serve(&place, &[MANDATORY]);
        let to = server.driver();
        to.post("registration/", None, &registration("ana", PASSWORD)).expect(201);
        to.login("ana", PASSWORD).expect(400);
        let mails = post.wait_for(1, Duration::from_secs(20));
        let [mail] = mails["ana@example.org"].as_slice() else { panic!("{mails:?}") };
        assert!(mail.encrypted && mail.login.as_deref() == Some("vestibule"));
        let text = mail.text();
        let link = text.lines().find(|line| line.starts_with("http://")).unwrap();
        let key = link.trim_end_matches('/').rsplit('/').next().unwrap();
        to.post("registration/verify-email/", None, &json!({ "key": key })).expect(200);
        to.login("ana", PASSWORD).expect(200);
    }
}

#[test]
fn t86_of_two_processes_each_mail_is_sent_by_one() {
    let place = Place::postgres();
    let post = MailServer::start(Encryption::None);
    let servers = [post.serve(&place, &[]), post.serve(&place, &[])];
    for number in 0..60 {
        servers[number % 2].driver().register(&format!("person{number}"));
    }
    let mails = post.wait_for(60, Duration::from_secs(60));
    // Whoever would send one again does so within some looks at the outbox.
    thread::sleep(Duration::from_secs(3));
    assert_eq!((mails.len(), post.sink.mails().len()), (60, 60));
    assert_eq!(place.count("SELECT count(*) FROM auth_jobs"), 0);
    say("two processes on postgres: 60 mails, each sent once");
}

/// Registers ten people a second for so long, and gives how long each answer took.
fn arrive(to: Driver, first: usize, seconds: u64) -> Vec<Duration> {
    let began = Instant::now();
    (0..usize::try_from(seconds * 10).unwrap())
        .map(|number| {
            let due = Duration::from_millis(100) * u32::try_from(number).unwrap();
            thread::sleep(due.saturating_sub(began.elapsed()));
            let asked = Instant::now();
            to.register(&format!("person{}", first + number));
            asked.elapsed()
        })
        .collect()
}

fn percentile(took: &[Duration], percent: usize) -> Duration {
    let mut sorted = took.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

fn seconds() -> u64 {
    std::env::var("VESTIBULE_OUTAGE_SECONDS").map_or(6, |text| text.parse().expect("VESTIBULE_OUTAGE_SECONDS is a number"))
}

#[test]
fn t86_an_outage_of_mail_is_nothing_to_who_registers_and_loses_no_mail() {
    for place in Place::both() {
        outage(&place, seconds());
    }
}

fn outage(place: &Place, seconds: u64) {
    let mut post = MailServer::start(Encryption::None);
    let server = post.serve(place, &[]);
    let to = server.driver();
    let span = usize::try_from(seconds * 10).unwrap();
    let before = arrive(to, 0, seconds);
    assert_eq!(post.wait_for(span, Duration::from_secs(60)).len(), span, "mail goes out");
    post.stop();
    let during = arrive(to, span, seconds);
    assert_eq!(post.sink.mails().len(), span, "nothing arrives meanwhile");
    post.resume();
    let back = Instant::now();
    let mails = post.wait_for(2 * span, Duration::from_secs(300));
    let delivered = back.elapsed();
    thread::sleep(Duration::from_secs(2));
    let (all, twice) = (post.sink.mails().len(), mails.values().filter(|mails| mails.len() > 1).count());
    say(&format!(
        "outage of mail on {}: {seconds} s at 10 registrations/s; p50 {:.1?}, p99 {:.1?} with mail; p50 {:.1?}, p99 {:.1?} without; \
         all {} delivered {delivered:.1?} after it was back; {} lost, {twice} twice",
        place.kind,
        percentile(&before, 50),
        percentile(&before, 99),
        percentile(&during, 50),
        percentile(&during, 99),
        mails.len(),
        2 * span - mails.len(),
    ));
    assert_eq!((mails.len(), all), (2 * span, 2 * span));

    // The server has the mail, and nobody hears of it: that one comes again, under the same name.
    post.sink.behave(|manner| manner.fault = Fault::DropBeforeOk);
    to.register("twice");
    let copies = || post.wait_for(2 * span + 1, Duration::from_secs(30))["twice@example.org"].clone();
    let began = Instant::now();
    while copies().len() < 2 && began.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(50));
    }
    // Only now: whoever took the mail before must not find the fault gone and say so after all.
    post.sink.behave(|manner| manner.fault = Fault::None);
    while place.count("SELECT count(*) FROM auth_jobs") > 0 && began.elapsed() < Duration::from_secs(150) {
        thread::sleep(Duration::from_millis(100));
    }
    let copies = copies();
    let names: Vec<_> = copies.iter().map(|mail| mail.header("Message-ID")).collect();
    assert!(copies.len() >= 2 && names.windows(2).all(|pair| pair[0] == pair[1]), "{names:?}");
}

#[test]
fn t86_what_was_given_up_is_seen_and_can_be_queued_again_while_servers_run() {
    for place in Place::both() {
        let post = MailServer::start(Encryption::None);
        post.sink.behave(|manner| manner.fault = Fault::Recipient(550));
        let server = post.serve(&place, &[]);
        server.driver().register("ana");
        let began = Instant::now();
        let listed = loop {
            let listed = place.run(&["mail", "queue", "list"], &[]);
            let text = String::from_utf8(listed.stdout).unwrap();
            if text.contains("given up") {
                break text;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{text}{}", String::from_utf8_lossy(&listed.stderr));
            thread::sleep(Duration::from_millis(100));
        };
        assert!(listed.contains("email_confirmation_signup") && listed.contains("550"), "{listed}");
        let id = listed.split_whitespace().next().unwrap();
        post.sink.behave(|manner| manner.fault = Fault::None);
        assert!(place.run(&["mail", "queue", "requeue", id], &[]).status.success());
        assert_eq!(post.wait_for(1, Duration::from_secs(20)).len(), 1);
        assert_eq!(place.run(&["mail", "queue", "drop", id], &[]).status.code(), Some(1), "it is gone already");
        assert_eq!(place.run(&["mail", "queue", "drop"], &[]).status.code(), Some(2));
    }
}

#[test]
fn mails_can_be_looked_at_tried_and_brought_over_without_a_server() {
    let place = Place::sqlite();
    let post = MailServer::start(Encryption::StartTls);
    let own = post.settings();
    let own: Vec<_> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = place.folder.path().join("mail.html");
    let shown = place.run(&["mail", "preview", "password_reset", "--language", "de", "--html", &page.display().to_string()], &[]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.status.success() && text.contains("Subject: ") && text.contains("Passwort"), "{text}");
    assert!(std::fs::read_to_string(page).unwrap().contains("<html"));
    let unknown = place.run(&["mail", "preview", "nonsense"], &[]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("password_changed"));
    assert!(place.run(&["mail", "send-test", "ana@example.org"], &own).status.success());
    assert_eq!(post.wait_for(1, Duration::from_secs(10)).len(), 1);
    let refused = place.run(&["mail", "send-test", "nobody"], &own);
    assert_eq!(refused.status.code(), Some(1));
    assert!(!place.folder.path().join("vestibule.db").exists(), "no database is made for that");

    let django = place.folder.path().join("django/templates/account/email");
    std::fs::create_dir_all(&django).unwrap();
    let mail = "{% load account %}{% user_display user as name %}Hello {{ name }}: {{ activate_url }}";
    std::fs::write(django.join("email_confirmation_message.txt"), mail).unwrap();
    std::fs::write(django.join("password_changed_message.txt"), "{% load own %}\n{% own_tag 1 %}").unwrap();
    let converted = place.run(&["templates", "convert", "django", "--out", "ours"], &[]);
    let complaint = String::from_utf8_lossy(&converted.stderr).into_owned();
    assert_eq!(converted.status.code(), Some(1));
    assert!(complaint.contains("password_changed_message.txt, line 2"), "{complaint}");
    let ours = std::fs::read_to_string(place.folder.path().join("ours/account/email/email_confirmation_message.txt")).unwrap();
    assert!(ours.contains("{{ link }}"), "{ours}");
    let again = place.run(&["templates", "convert", "django", "--out", "ours"], &[]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("email_confirmation_message.txt"), "nothing is written over");
}
