//! E-mail addresses.

use std::borrow::Cow;
use std::net::IpAddr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};

use crate::ground::Message;

/// The most characters of an address as mailed (RFC 5321 §4.5.3.1.3: a path of 256 less its angle brackets).
///
/// The 64 of §4.5.3.1.1 for the local part is not enforced: the reference takes longer ones and mail servers deliver them.
const LONGEST: usize = 254;

/// More characters than this were never an address to the reference either, and it says so in its usual sentence.
const LONGEST_JUDGED: usize = 320;

/// The most characters of one label of a domain (RFC 1035 §2.3.4).
const LONGEST_LABEL: usize = 63;

/// An address that mail can be sent to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    shown: String,
    key: String,
}

impl EmailAddress {
    /// Reads an address; white space around it does not count.
    ///
    /// The domain is judged as typed, as shown and as mailed, so nothing that the normalisation produces slips by (T71). A quoted
    /// local part (RFC 5321 §4.1.2) is taken as another address than the same without quotes.
    ///
    /// # Errors
    /// [`Message::Blank`], [`Message::TooLong`] for more than 254 characters in the mailed form unless more than 320 were typed, else
    /// [`Message::InvalidEmail`].
    pub fn parse(text: &str) -> Result<Self, Message> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Message::Blank);
        }
        // Before anything slower looks at it.
        match text.chars().count() {
            0..=LONGEST => {}
            length if length <= LONGEST_JUDGED => return Err(Message::TooLong(LONGEST)),
            _ => return Err(Message::InvalidEmail),
        }
        let (local, typed) = text.rsplit_once('@').ok_or(Message::InvalidEmail)?;
        if !is_local_part(local) {
            return Err(Message::InvalidEmail);
        }
        let (shown, mailed) = domain(typed).ok_or(Message::InvalidEmail)?;
        let local = local.to_ascii_lowercase();
        let address = Self { shown: format!("{local}@{shown}"), key: format!("{local}@{mailed}") };
        if address.key.len() > LONGEST { Err(Message::TooLong(LONGEST)) } else { Ok(address) }
    }

    /// An address as a row keeps it: the two texts that [`EmailAddress::parse`] once made.
    pub fn from_stored(shown: impl Into<String>, key: impl Into<String>) -> Self {
        Self { shown: shown.into(), key: key.into() }
    }

    /// The address as people read it: in lower case, the domain in its own script if it was typed so.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The address as it is looked up, counted and mailed: ASCII in lower case, the domain by IDNA (UTS 46, non-transitional).
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.key.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

impl std::fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = Cow<'static, str>;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|message| message.text())
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.shown
    }
}

impl schemars::JsonSchema for EmailAddress {
    fn schema_name() -> Cow<'static, str> {
        "EmailAddress".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "email", "maxLength": LONGEST })
    }
}

/// A dot-atom or a quoted string of printable ASCII (RFC 5321 §4.1.2); a quoted space stands after a backslash, as recorded.
fn is_local_part(text: &str) -> bool {
    match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => is_quoted(inner),
        None => text.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(in_atom)),
    }
}

fn in_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_quoted(inner: &str) -> bool {
    let mut bytes = inner.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'\\' => bytes.next().is_some_and(|escaped| escaped == b' ' || escaped.is_ascii_graphic()),
            b'"' => false,
            _ => byte.is_ascii_graphic(),
        };
        if !fits {
            return false;
        }
    }
    true
}

/// The domain as shown and as mailed.
fn domain(typed: &str) -> Option<(String, String)> {
    if let Some(literal) = typed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: IpAddr = literal.parse().ok()?;
        return Some((typed.to_ascii_lowercase(), format!("[{address}]")));
    }
    // Recorded: this one name needs no dot, and only in lower case.
    if typed == "localhost" {
        return Some((typed.into(), typed.into()));
    }
    if !is_host(typed) {
        return None;
    }
    let idna = Uts46::new();
    let mailed = idna.to_ascii(typed.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify).ok()?;
    let (unicode, judged) = idna.to_unicode(mailed.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    judged.ok()?;
    // What was typed in ASCII stays so: the owner of `xn--…` may want to see just that.
    let shown = if typed.is_ascii() { &mailed } else { &unicode };
    (is_host(&mailed) && is_host(shown)).then(|| (shown.to_string(), mailed.to_string()))
}

/// Two labels or more, the last one not a number: the shape alone, for IDNA to judge the characters.
fn is_host(name: &str) -> bool {
    let Some((rest, top)) = name.rsplit_once('.') else { return false };
    rest.split('.').all(is_label) && is_label(top) && is_top_label(top)
}

fn is_label(label: &str) -> bool {
    (1..=LONGEST_LABEL).contains(&label.chars().count())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c > '\u{a0}')
}

fn is_top_label(label: &str) -> bool {
    let encoded = label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
    encoded || (label.chars().nth(1).is_some() && !label.contains(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::recorded;
    use super::*;

    fn key(text: &str) -> String {
        EmailAddress::parse(text).unwrap_or_else(|message| panic!("{text:?}: {message:?}")).key
    }

    /// Recorded as accepted unchanged; we show what the characters stand for (T71).
    const SHOWN_OTHERWISE: [(&str, &str); 2] =
        [("a@ex\u{200b}ample.com", "a@example.com"), ("a@\u{212a}elvin.com", "a@kelvin.com")];

    #[test]
    fn addresses_are_judged_as_recorded() {
        let rows = recorded("email_field");
        assert_eq!(rows.len(), 63);
        for row in rows {
            let input = row["input"].as_str().unwrap();
            let parsed = EmailAddress::parse(input);
            if input.chars().count() > LONGEST {
                // The reference takes them and cuts them off when it stores them.
                assert_eq!(parsed, Err(Message::TooLong(LONGEST)));
            } else if row["valid"] == true {
                let other = SHOWN_OTHERWISE.iter().find(|(typed, _)| *typed == input).map(|(_, shown)| (*shown).to_owned());
                let value = other.unwrap_or_else(|| row["value"].as_str().unwrap().to_ascii_lowercase());
                assert_eq!(parsed.map(|address| address.shown), Ok(value), "{input:?}");
            } else {
                let message = parsed.expect_err(input).text().into_owned();
                assert!(row["errors"].as_array().unwrap().contains(&message.into()), "{input:?}");
            }
        }
    }

    #[test]
    fn t71_case_and_the_form_of_the_domain_make_no_second_address() {
        assert_eq!(EmailAddress::parse("UPPER.Case@EXAMPLE.Org").unwrap().shown(), "upper.case@example.org");
        assert_eq!(key("user@münchen.example"), "user@xn--mnchen-3ya.example");
        for same in
            ["USER@MÜNCHEN.example", "user@xn--mnchen-3ya.example", "user@XN--MNCHEN-3YA.example", "user@mu\u{308}nchen.example"]
        {
            assert_eq!(key(same), key("user@münchen.example"), "{same}");
        }
        for same in ["user@ｅxample.test", "user@exam\u{ad}ple.test", "user@exam\u{200b}ple.test", " user@example.test\n"] {
            assert_eq!(key(same), "user@example.test", "{same}");
            assert_eq!(EmailAddress::parse(same).unwrap().shown(), "user@example.test", "{same}");
        }
        assert_ne!(key("user@faß.example"), key("user@fass.example"), "non-transitional: two domains");
        assert_ne!(key("user@exаmple.test"), key("user@example.test"), "a Cyrillic а is another domain");
        assert_eq!(key("a@[::1]"), key("a@[0:0:0:0:0:0:0:1]"));
    }

    #[test]
    fn t71_t20_t72_what_only_looks_like_an_address_is_refused() {
        for text in [
            "user＠example.test",
            "user@evil＠example.test",
            "mıke@example.test",
            "mike@example.test,evil@example.test",
            "mike@example.test\r\nBcc: evil@example.test",
            "mike@example.test\0@evil.test",
            "mike\r\n@example.test",
            "\"mi\r\nke\"@example.test",
            "mike@exam\u{202e}ple.test",
            "mike@exam\u{200d}ple.test",
            "mike@exam\u{2028}ple.test",
            "mike@exam\u{1}ple.test",
            "mike@example.test.",
            "mike@example.test。",
            "mike@example.１２３",
            "mike@xn--a.example",
            "mike@xn--.example",
            "us\u{ad}er@example.test",
            "us\u{200d}er@example.test",
            "mike\u{7f}@example.test",
            "\"mike\u{7f}\"@example.test",
            "\"mike\\\"@example.test",
        ] {
            assert_eq!(EmailAddress::parse(text), Err(Message::InvalidEmail), "{text:?}");
        }
    }

    #[test]
    fn the_mailed_form_has_a_longest_length() {
        let long = format!("{}@münchen.example", "a".repeat(LONGEST - "@münchen.example".chars().count()));
        assert_eq!(EmailAddress::parse(&long), Err(Message::TooLong(LONGEST)), "254 characters as shown, more in ASCII");
        assert!(EmailAddress::parse(&long[7..]).is_ok());
        assert_eq!(EmailAddress::parse(&"é".repeat(1 << 16)), Err(Message::InvalidEmail));
        assert_eq!(EmailAddress::parse(&format!("{}@example.com", "a".repeat(308))), Err(Message::TooLong(LONGEST)));
        assert_eq!(EmailAddress::parse(&format!("{}@example.com", "a".repeat(309))), Err(Message::InvalidEmail));
        assert!(EmailAddress::parse(&format!("{}@example.com", "a".repeat(65))).is_ok());
        assert!(EmailAddress::parse(&format!("{}@example.com", "a".repeat(242))).is_ok());
        assert_eq!(EmailAddress::parse(&format!("{}@example.com", "a".repeat(243))), Err(Message::TooLong(LONGEST)));
    }

    #[test]
    fn an_address_travels_as_its_text() {
        let address: EmailAddress = serde_json::from_str("\" Ana@Example.org \"").unwrap();
        assert_eq!(serde_json::to_string(&address).unwrap(), "\"ana@example.org\"");
        assert!(serde_json::from_str::<EmailAddress>("\"ana\"").unwrap_err().to_string().contains("valid email address"));
        assert_eq!(EmailAddress::from_stored(address.shown(), address.key()), address);
        assert_eq!(EmailAddress::parse("\"a@b\"@example.com").unwrap().local_part(), "\"a@b\"");
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_rests_where_it_ends(text in any::<String>(), local in "\\PC{0,8}", domain in "\\PC{0,12}", top in "\\PC{0,6}") {
            for text in [text, format!("{local}@{domain}.{top}"), format!("a@{domain}.{top}"), format!("a@{domain}.com")] {
                let Ok(address) = EmailAddress::parse(&text) else { continue };
                prop_assert!(address.key.is_ascii() && !address.key.contains(|c: char| c.is_control()));
                prop_assert_eq!(EmailAddress::parse(&address.shown), Ok(address.clone()));
                prop_assert_eq!(key(&address.key), address.key);
            }
        }

        #[test]
        fn t71_case_never_makes_a_second_address(text in "[a-zA-Z0-9.+_-]{1,12}@[a-zA-Z0-9äÖßé中-]{1,12}\\.[a-zA-Z中é]{2,6}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                for other in [text.to_ascii_uppercase(), text.to_ascii_lowercase()] {
                    prop_assert_eq!(&key(&other), &address.key);
                }
            }
        }
    }
}
