//! Which credential the `Authorization` header presents.

use http::header::{AUTHORIZATION, HeaderMap};

use crate::ground::{Message, Secret};

/// The longest header of ours, in bytes: several times what a JWT of ours takes.
const MAX_BYTES: usize = 4096;

/// What the header presents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    /// Nothing for us: no header, an empty one, or another scheme.
    Nothing,
    /// A key or a token, not yet looked up: printable ASCII without spaces.
    Key(Scheme, Secret),
    /// One of our schemes, but not as it must be: 401 with this message.
    Malformed(Scheme, Message),
}

/// The first word of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Token`, as the reference has it for keys.
    Token,
    /// `Bearer` (RFC 6750 §2.1).
    Bearer,
}

/// Reads `Authorization: Token …` and `Authorization: Bearer …`; the scheme's case does not matter (RFC 9110 §11.1).
pub fn presented(headers: &HeaderMap) -> Presented {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Presented::Nothing };
    // A proxy and we may choose differently between two (T75).
    if lines.next().is_some() {
        return Presented::Malformed(Scheme::Bearer, Message::InvalidToken);
    }
    if let Some((scheme, key)) = plain(line.as_bytes()) {
        return Presented::Key(scheme, key.into());
    }
    let mut words = line.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let Some(scheme) = words.next().and_then(Scheme::of) else { return Presented::Nothing };
    if line.len() > MAX_BYTES {
        return Presented::Malformed(scheme, Message::InvalidToken);
    }
    let (missing, too_many) = scheme.complaints();
    match (words.next(), words.next()) {
        (None, _) => Presented::Malformed(scheme, missing),
        (Some(_), Some(_)) => Presented::Malformed(scheme, too_many),
        (Some(word), None) => match std::str::from_utf8(word) {
            Ok(key) if key.bytes().all(|byte| byte.is_ascii_graphic()) => Presented::Key(scheme, key.into()),
            _ => Presented::Malformed(scheme, Message::TokenWithStrangeCharacters),
        },
    }
}

/// The key of a header as programs write it: our usual scheme, one space, and nothing to complain about.
fn plain(line: &[u8]) -> Option<(Scheme, &str)> {
    let token = line.strip_prefix(b"Token ").map(|key| (Scheme::Token, key));
    let (scheme, key) = token.or_else(|| line.strip_prefix(b"Bearer ").map(|key| (Scheme::Bearer, key)))?;
    // All of them are looked at, many at a time: to stop at the first takes several times as long where there is none.
    let graphic = key.iter().fold(true, |graphic, byte| graphic & byte.is_ascii_graphic());
    let fits = !key.is_empty() && line.len() <= MAX_BYTES && graphic;
    std::str::from_utf8(key).ok().filter(|_| fits).map(|key| (scheme, key))
}

impl Scheme {
    fn of(word: &[u8]) -> Option<Self> {
        let all = [(&b"token"[..], Self::Token), (b"bearer", Self::Bearer)];
        all.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, scheme)| scheme)
    }

    /// The messages for no word and for too many words after it.
    fn complaints(self) -> (Message, Message) {
        match self {
            Self::Token => (Message::TokenMissing, Message::TokenWithSpaces),
            Self::Bearer => (Message::BearerMalformed, Message::BearerMalformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(lines: &[&[u8]]) -> Presented {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(line).unwrap());
        }
        presented(&headers)
    }

    #[test]
    fn both_schemes_carry_a_key() {
        let key = "0000000000000000000000000000000000000000";
        for scheme in ["Token", "token", "TOKEN", "Bearer", "bEARER", " Token ", "Token\t"] {
            let expected = Scheme::of(scheme.trim().as_bytes()).unwrap();
            assert_eq!(of(&[format!("{scheme} {key}").as_bytes()]), Presented::Key(expected, key.into()), "{scheme}");
        }
    }

    #[test]
    fn other_schemes_and_empty_headers_present_nothing() {
        for line in [&b""[..], b"   ", b"Basic YTpi", b"Basic !!!", b"Digest a, b", b"Tokenx y", b"\xff\xfe"] {
            assert_eq!(of(&[line]), Presented::Nothing);
        }
        assert_eq!(of(&[]), Presented::Nothing);
        assert_eq!(of(&[format!("Negotiate {}", "a".repeat(10_000)).as_bytes()]), Presented::Nothing);
    }

    #[test]
    fn t75_malformed_headers_get_the_recorded_sentence() {
        let cases: [(&[u8], &str); 7] = [
            (b"Token", "Invalid token header. No credentials provided."),
            (b"Token ", "Invalid token header. No credentials provided."),
            (b"Token a b", "Invalid token header. Token string should not contain spaces."),
            (b"Token \xff\xfe", "Invalid token header. Token string should not contain invalid characters."),
            ("Bearer ÿþ".as_bytes(), "Invalid token header. Token string should not contain invalid characters."),
            (b"Bearer", "Authorization header must contain two space-delimited values"),
            (b"Bearer a b", "Authorization header must contain two space-delimited values"),
        ];
        for (line, sentence) in cases {
            match of(&[line]) {
                Presented::Malformed(_, message) => assert_eq!(message.text(), sentence),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn t75_two_headers_and_a_huge_one_are_invalid() {
        let invalid = Presented::Malformed(Scheme::Bearer, Message::InvalidToken);
        assert_eq!(of(&[b"Token a", b"Token a"]), invalid);
        assert_eq!(of(&[b"Basic YTpi", b"Bearer a"]), invalid);
        assert_eq!(of(&[format!("Bearer {}", "a".repeat(10_240)).as_bytes()]), invalid);
        assert_eq!(of(&[format!("Bearer {}", "a b ".repeat(2_000)).as_bytes()]), invalid);
        assert!(matches!(of(&[format!("Token {}", "a".repeat(MAX_BYTES - 6)).as_bytes()]), Presented::Key(..)));
    }

    #[test]
    fn t81_a_key_does_not_show_itself() {
        assert!(!format!("{:?}", of(&[b"Token hunter2"])).contains("hunter2"));
    }

    proptest! {
        #[test]
        fn t75_no_header_makes_the_reader_panic(scheme in "(Token|Bearer|Basic|)", rest in prop::collection::vec(prop_oneof![Just(b'\t'), 0x20..0x7fu8, 0x80..=0xffu8], 0..50)) {
            let line = [scheme.as_bytes(), &rest].concat();
            if let Presented::Key(_, key) = of(&[&line]) {
                prop_assert!(!key.expose().is_empty() && key.expose().bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
