//! A mail as it travels: what its headers may hold (T20, T77), and its form on the wire (RFC 5322, RFC 2045).

use std::time::{Duration, UNIX_EPOCH};

use lettre::address::{Address, Envelope};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use crate::ground::Time;
use crate::ground::names::EmailAddress;

use super::{Mail, SendError};

/// A mail whose headers are fit to travel.
pub(super) struct Letter {
    /// The mail, its address in ASCII and its bodies with `\n` at the end of lines and no other control characters than tabs.
    pub(super) mail: Mail,
    /// Whom it is from.
    pub(super) from: Mailbox,
    /// The one whom it goes to.
    pub(super) to: Address,
}

/// What makes one sending of a mail unlike any other.
pub(super) struct Stamp {
    /// When it is sent.
    pub(super) at: Time,
    /// Separates the parts of the message.
    pub(super) random: [u8; 16],
    /// The host of the public URL.
    pub(super) host: String,
}

impl Stamp {
    /// What no other sending has.
    pub(super) fn id(&self) -> String {
        hex::encode(self.random)
    }
}

/// Whether a text can be the sender of a mail: `noreply@example.org` or `Example <noreply@example.org>`.
pub(crate) fn is_sender(text: &str) -> bool {
    mailbox(text).is_some()
}

/// Whatever stands before the angle brackets is the name, so that a site's name may have commas and brackets without quotes.
fn mailbox(text: &str) -> Option<Mailbox> {
    if breaks_a_header(text) {
        return None;
    }
    let bracketed = text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<'));
    let (name, address) = bracketed.unwrap_or(("", text));
    let name = name.trim();
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    let (local, domain) = address.trim().rsplit_once('@').filter(|(local, _)| local.is_ascii())?;
    let domain = idna::domain_to_ascii(domain).ok()?;
    let address = Address::new(local, domain).ok()?;
    Some(Mailbox::new((!name.is_empty()).then(|| name.to_owned()), address))
}

/// Whether a text would begin a header of its own, or look as if it did.
fn breaks_a_header(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Line ends as `\n`; other control characters, which a terminal or a mail server may act upon, as a mark that they were there.
fn plain(text: &str) -> String {
    let plain = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c };
    text.replace("\r\n", "\n").replace('\r', "\n").chars().map(plain).collect()
}

impl Letter {
    /// Checks a mail.
    ///
    /// # Errors
    /// [`SendError::Recipient`] for an address that is none and for a subject of more than one line; [`SendError::Transport`]
    /// for a sender that is none, since no mail could be sent then.
    pub(super) fn of(mail: &Mail) -> Result<Self, SendError> {
        let refused = |what: &str| SendError::Recipient(format!("{what} of the mail {} is refused", mail.kind));
        let to = Some(&mail.to).filter(|to| !breaks_a_header(to)).and_then(|to| EmailAddress::parse(to).ok());
        let to = to.ok_or_else(|| refused("the address"))?;
        if mail.id.is_empty() || !mail.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(refused("the id"));
        }
        if breaks_a_header(&mail.subject) {
            return Err(refused("the subject"));
        }
        let from = mailbox(&mail.from)
            .ok_or_else(|| SendError::Transport(format!("the sender of the mail {} is no address", mail.kind)))?;
        let (_, domain) = to.key().rsplit_once('@').unwrap_or_default();
        let mail = Mail {
            to: to.key().to_owned(),
            from: from.to_string(),
            text: plain(&mail.text),
            html: mail.html.as_deref().map(plain),
            ..mail.clone()
        };
        // The other crate's own check would refuse local parts of more than 64 characters, which are registered.
        Ok(Self { mail, from, to: Address::new_dangerous(to.local_part(), domain) })
    }

    /// The message in ASCII, ready for `DATA` or a file.
    ///
    /// # Errors
    /// [`SendError::Recipient`] if it cannot be put together.
    pub(super) fn format(&self, stamp: &Stamp) -> Result<Vec<u8>, SendError> {
        let unfit = |error: &dyn std::fmt::Display| SendError::Recipient(format!("the mail {}: {error}", self.mail.kind));
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![self.to.clone()]).map_err(|error| unfit(&error))?;
        let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(stamp.at.millis()).unwrap_or(0));
        let builder = lettre::Message::builder()
            .from(self.from.clone())
            .to(self.to.clone().into())
            .subject(self.mail.subject.clone())
            .date(at)
            .message_id(Some(format!("<{}@{}>", self.mail.id, stamp.host)))
            // RFC 3834 §5: holiday notes are not to answer.
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()))
            .envelope(envelope);
        let text = SinglePart::plain(self.mail.text.clone());
        let message = match &self.mail.html {
            Some(html) => {
                let parts = MultiPart::alternative().boundary(stamp.id());
                builder.multipart(parts.singlepart(text).singlepart(SinglePart::html(html.clone())))
            }
            None => builder.singlepart(text),
        };
        message.map(|message| message.formatted()).map_err(|error| unfit(&error))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use mail_parser::MessageParser;

    use super::*;

    pub(in super::super) fn mail() -> Mail {
        Mail {
            id: "07070707070707070707070707070707".into(),
            to: "ana@example.org".into(),
            from: "Example <noreply@example.org>".into(),
            subject: "[Example] Confirm your address".into(),
            text: "Welcome!\n\nhttps://auth.example.org/confirm/s3cretkey0123456789\n".into(),
            html: Some("<p>Welcome! <a href=\"https://auth.example.org/confirm/s3cretkey0123456789\">Confirm</a></p>".into()),
            link: Some("https://auth.example.org/confirm/s3cretkey0123456789".into()),
            kind: "email_confirmation",
        }
    }

    fn formatted(mail: &Mail) -> String {
        let stamp = Stamp { at: Time::from_millis(1_767_225_600_000), random: [7; 16], host: "auth.example.org".into() };
        String::from_utf8(Letter::of(mail).unwrap().format(&stamp).unwrap()).unwrap()
    }

    /// The headers of a formatted message, as (name, unfolded raw value).
    fn headers(message: &str) -> Vec<(String, String)> {
        let head = message.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ").replace("\r\n\t", " ");
        head.split("\r\n").map(|line| line.split_once(": ").map(|(name, value)| (name.into(), value.into())).unwrap()).collect()
    }

    #[test]
    fn a_mail_has_the_headers_that_it_needs_and_two_forms_of_its_body() {
        let message = formatted(&mail());
        let mut names: Vec<_> = headers(&message).into_iter().map(|(name, _)| name).collect();
        names.sort();
        assert_eq!(names, ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"]);
        for line in [
            "Auto-Submitted: auto-generated\r\n",
            "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n",
            "To: ana@example.org\r\n",
            "Message-ID: <07070707070707070707070707070707@auth.example.org>\r\n",
        ] {
            assert!(message.contains(line), "{line}{message}");
        }
        let read = MessageParser::default().parse(message.as_bytes()).unwrap();
        let sender = read.from().unwrap().first().unwrap();
        assert_eq!((sender.name(), sender.address()), (Some("Example"), Some("noreply@example.org")));
        assert_eq!(read.subject(), Some("[Example] Confirm your address"));
        let kinds: Vec<_> = read
            .parts
            .iter()
            .filter_map(|part| Some(mail_parser::MimeHeaders::content_type(part)?.subtype()?.to_owned()))
            .collect();
        assert_eq!(kinds, ["alternative", "plain", "html"], "the best form comes last (RFC 2046 §5.1.4)");
        assert_eq!(read.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), mail().text.trim_end());
        assert_eq!(read.body_html(0).unwrap().trim_end(), mail().html.unwrap());
        assert!(!formatted(&Mail { html: None, ..mail() }).contains("multipart"));
    }

    #[test]
    fn t20_t77_a_line_break_in_a_header_is_refused() {
        for bad in ["\r\nBcc: evil@example.test", "\nBcc: evil@example.test", "\rX: y", "\0", "\u{85}X: y", "\u{2028}X: y"] {
            let subject = Mail { subject: format!("Hello{bad}"), ..mail() };
            assert!(matches!(Letter::of(&subject), Err(SendError::Recipient(_))), "{bad:?}");
            let to = Mail { to: format!("ana@example.org{bad}"), ..mail() };
            assert!(matches!(Letter::of(&to), Err(SendError::Recipient(_))), "{bad:?}");
            for from in [format!("Example{bad} <noreply@example.org>"), format!("noreply@example.org{bad}")] {
                assert!(matches!(Letter::of(&Mail { from, ..mail() }), Err(SendError::Transport(_))), "{bad:?}");
            }
        }
    }

    #[test]
    fn t20_there_is_one_recipient() {
        for to in [
            "ana@example.org, evil@example.test",
            "ana@example.org,evil@example.test",
            "ana@example.org;evil@example.test",
            "Ana <ana@example.org>",
            "<ana@example.org>",
            "ana@example.org evil@example.test",
            "mıke@example.test",
            "",
        ] {
            assert!(matches!(Letter::of(&Mail { to: to.into(), ..mail() }), Err(SendError::Recipient(_))), "{to:?}");
        }
        let long = format!("{}@example.org", "a".repeat(100));
        for to in ["\"a@b\"@example.org", "a.b+c'd@example.org", "a@[127.0.0.1]", &long] {
            assert_eq!(Letter::of(&Mail { to: to.into(), ..mail() }).unwrap().to.to_string(), *to);
        }
    }

    #[test]
    fn t77_what_people_typed_stays_text() {
        for typed in
            ["{{7*7}} ${7*7} %s %n", "=?utf-8?q?a=0D=0ABcc:_evil@example.test?=", "Zoë 東京 \"quoted\" <b>", &"ü".repeat(300)]
        {
            let message = formatted(&Mail { subject: typed.into(), ..mail() });
            assert!(message.is_ascii());
            assert_eq!(headers(&message).len(), 8, "{message}");
            assert!(message.lines().all(|line| line.len() <= 998), "RFC 5322 §2.1.1");
            // What looks encoded already is the one thing that readers decode once more; it stays inside the subject.
            if !typed.starts_with("=?") {
                let read = MessageParser::default().parse(message.as_bytes()).unwrap().subject().map(ToOwned::to_owned);
                assert_eq!(read.as_deref(), Some(typed));
            }
        }
    }

    #[test]
    fn a_domain_in_another_script_is_mailed_in_ascii() {
        let abroad = Mail { to: "user@münchen.example".into(), from: "Büro <büro@münchen.example>".into(), ..mail() };
        assert!(matches!(Letter::of(&abroad), Err(SendError::Transport(_))), "a local part outside of ASCII needs SMTPUTF8");
        let abroad = Mail { from: "Büro <buero@münchen.example>".into(), ..abroad };
        let message = formatted(&abroad);
        assert!(message.contains("To: user@xn--mnchen-3ya.example\r\n") && message.is_ascii(), "{message}");
        assert!(
            headers(&message).iter().any(|(name, value)| name == "From" && value.ends_with("<buero@xn--mnchen-3ya.example>"))
        );
        assert_eq!(Letter::of(&abroad).unwrap().mail.to, "user@xn--mnchen-3ya.example");
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for (text, name, address) in [
            ("noreply@example.org", None, "noreply@example.org"),
            ("noreply@localhost", None, "noreply@localhost"),
            ("Vestibule <noreply@localhost>", Some("Vestibule"), "noreply@localhost"),
            ("Ana & Co., Ltd. (EU) <noreply@example.org>", Some("Ana & Co., Ltd. (EU)"), "noreply@example.org"),
            ("\"Ana, Bob\" <noreply@example.org>", Some("Ana, Bob"), "noreply@example.org"),
            ("Say \"hi\" <noreply@example.org>", Some("Say \"hi\""), "noreply@example.org"),
        ] {
            let read = mailbox(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((read.name.as_deref(), read.email.as_ref()), (name, address));
            let message = formatted(&Mail { from: text.into(), ..mail() });
            let message = MessageParser::default().parse(message.as_bytes()).unwrap().into_owned();
            let sender = message.from().unwrap().first().unwrap();
            assert_eq!((sender.name(), sender.address()), (name, Some(address)), "{text}");
        }
        for text in ["", "Example", "Example <>", "Example <noreply>", "a@b@", "<noreply@exa mple.org>"] {
            assert!(!is_sender(text), "{text:?}");
        }
    }

    #[test]
    fn control_characters_do_not_travel_in_bodies() {
        let sly = Mail { text: "a\rb\r\nc\0\u{1b}[2Jd\te\n.\n".into(), ..mail() };
        assert_eq!(Letter::of(&sly).unwrap().mail.text, "a\nb\nc\u{fffd}\u{fffd}[2Jd\te\n.\n");
    }

    #[test]
    fn t80_a_mail_does_not_show_itself() {
        assert_eq!(format!("{:?}", mail()), "Mail { kind: \"email_confirmation\", .. }");
    }
}
